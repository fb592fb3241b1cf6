"""Files that an operator names: a folder, a pipe, an endless device and a missing file are errors that name the option; nothing hangs."""

import os
import subprocess
import sys
import threading

import pytest
from typer.testing import CliRunner

from epimetheus import files
from epimetheus.cli.app import app
from tests.support.command import ROOT

BASE = {"SYSLOG_HOST": "siem", "STATE_FILE": "", "STATE_BUCKET": "audit", "METRICS_NAMESPACE": ""}
NAMED = {
    "--env-file": (("validate", "--env-file", "FILE"), {}),
    "--tfvars": (("validate", "--tfvars", "FILE"), {}),
    "--file": (("render", "--file", "FILE"), {}),
    "--rules": (("rules", "preview", "--file", "/dev/null", "--rules", "FILE"), {}),
    "RULES=file:": (("validate",), {"RULES": "file:FILE"}),
    "FIELD_MAP=file:": (("validate",), {"FIELD_MAP": "file:FILE"}),
    "SYSLOG_CA=file:": (("validate",), {"SYSLOG_CA": "file:FILE"}),
    "STATE_FILE": (("validate",), {"STATE_FILE": "FILE", "STATE_BUCKET": ""}),
    "OCI_CONFIG_FILE": (("validate",), {"OCI_CONFIG_FILE": "FILE"}),
}
REASONS = {
    "folder": ("Is a directory", "it is a folder, a pipe or a device"),
    "pipe": ("it is a pipe to which nothing was written", "it is a folder, a pipe or a device"),
    "device": ("larger than", "more than", "it is a folder, a pipe or a device"),
    "missing": ("No such file or directory", "its folder does not exist"),
}


def named(kind, folder):
    """The name of a file of this kind in ``folder``."""
    path = folder / kind
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    return {"device": "/dev/zero", "missing": "missing/x"}.get(kind, kind)


def invoke(name, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, settings = NAMED[name]
    environment = {**BASE, **{key: value.replace("FILE", file) for key, value in settings.items()}, "COLUMNS": "200"}
    return CliRunner().invoke(app, [word.replace("FILE", file) for word in words], env=environment, catch_exceptions=False)


@pytest.mark.parametrize("kind", REASONS)
@pytest.mark.parametrize("name", NAMED)
def test_a_file_that_cannot_be_used_is_an_error_that_says_why(name, kind, tmp_path, monkeypatch):
    file = named(kind, tmp_path)
    result = invoke(name, file, tmp_path, monkeypatch)
    assert result.exit_code == 2
    (problem,) = [line for line in result.stderr.splitlines() if file in line]
    assert any(reason in problem for reason in REASONS[kind]), problem
    assert result.stderr.count("\n") <= 3


def test_process_substitution_is_read(tmp_path):
    """``--env-file <(sops -d prod.env)``, also if the text comes late."""
    command = f"{sys.executable} -m epimetheus validate --env-file <(printf 'SYSLOG_HOST=siem\\nSYSLOG_PORT=0\\n')"
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr.splitlines()[0] == "SYSLOG_PORT=0: expected an integer from 1 to 65535"


def test_a_pipe_whose_writer_is_silent_is_an_error_after_a_while(tmp_path, monkeypatch):
    file = named("pipe", tmp_path)
    monkeypatch.setattr(files, "_PIPE_SECONDS", 0.05)
    writer = os.open(tmp_path / file, os.O_RDWR)
    result = invoke("--env-file", file, tmp_path, monkeypatch)
    os.close(writer)
    assert f"--env-file {file}: it did not end within 0.05 s; use the path of a readable file" in result.stderr


def test_a_pipe_that_drips_is_an_error_after_a_while(monkeypatch):
    monkeypatch.setattr(files, "_PIPE_SECONDS", 0.1)
    reading, writing = os.pipe()
    stopped = threading.Event()

    def drip():
        while not stopped.wait(0.02):
            os.write(writing, b"x")

    writer = threading.Thread(target=drip)
    writer.start()
    try:
        with pytest.raises(TimeoutError, match=r"it did not end within 0\.1 s"):
            files.read_bounded(f"/dev/fd/{reading}", 1_000)
    finally:
        stopped.set()
        writer.join()
        os.close(writing)
        os.close(reading)
