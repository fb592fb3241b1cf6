"""scripts/make-release: the same commit gives the same bytes, and only a commit gives any."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from zipfile import ZipFile

import pytest
import yaml

from tests.support.image import ROOT

GIT = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
       "GIT_AUTHOR_DATE": "2026-11-30T12:00:00Z", "GIT_COMMITTER_DATE": "2026-11-30T12:00:00Z",
       "GIT_CONFIG_GLOBAL": os.devnull}  # fmt: skip
COPIED = ("epimetheus", "terraform", "scripts", "LICENSE", "README.md", "Dockerfile", "func.py", "pyproject.toml", "requirements.txt",
          "requirements.hashes.txt", ".gitignore")  # fmt: skip
PIN = re.compile(r"^([\w.-]+)==(\S+)((?: --hash=sha256:[0-9a-f]{64})*)$", re.MULTILINE)


def run(folder, *command):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | GIT
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def release(folder, *arguments):
    return run(folder, sys.executable, "scripts/make-release", *arguments)


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """What a release is built from, as a repository with one commit."""
    folder = tmp_path_factory.mktemp("source")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".terraform*"))
        else:
            shutil.copy(ROOT / name, folder / name)
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
        assert run(folder, "git", *command).returncode == 0
    return folder


@pytest.fixture(scope="module")
def built(committed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("first")
    done = release(committed, str(folder), "--source", "https://example.com/epimetheus")
    assert done.returncode == 0, done.stderr
    return folder


def test_a_release_has_these_files(built):
    assert sorted(path.name for path in built.iterdir()) == [
        "SHA256SUMS", "epimetheus-0.1.0-py3-none-any.whl", "epimetheus-0.1.0.tar.gz", "epimetheus-image.cdx.json", "epimetheus-stack.zip",
        "provenance.json",
    ]  # fmt: skip
    for line in (built / "SHA256SUMS").read_text("utf-8").splitlines():
        expected, name = line.split("  ")
        assert hashlib.sha256((built / name).read_bytes()).hexdigest() == expected
    with ZipFile(built / "epimetheus-stack.zip") as stack:
        assert "schema.yaml" in stack.namelist()


def test_the_same_commit_gives_the_same_bytes(committed, built, tmp_path):
    assert release(committed, str(tmp_path / "second"), "--source", "https://example.com/epimetheus").returncode == 0
    for path in built.iterdir():
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes(), path.name


def test_the_provenance_names_the_commit_and_every_other_file(committed, built):
    statement = json.loads((built / "provenance.json").read_text("utf-8"))
    subjects = {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
    others = [path for path in built.iterdir() if path.name not in ("SHA256SUMS", "provenance.json")]
    assert subjects == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in others}
    commit = run(committed, "git", "rev-parse", "HEAD").stdout.strip()
    definition = statement["predicate"]["buildDefinition"]
    assert definition["resolvedDependencies"] == [{"uri": "git+https://example.com/epimetheus", "digest": {"gitCommit": commit}}]


def test_a_tree_with_changes_is_no_release(committed, tmp_path):
    (committed / "notes").write_text("x")
    try:
        done = release(committed, str(tmp_path / "release"))
    finally:
        (committed / "notes").unlink()
    assert (done.returncode, (tmp_path / "release").exists()) == (2, False)
    assert done.stderr == (
        "make-release: the tree has changes, so the files would not be those of a commit: ?? notes. Commit or remove them.\n"
    )


def test_a_tag_names_the_version(committed, tmp_path):
    run(committed, "git", "tag", "v9.9.9")
    try:
        done = release(committed, str(tmp_path / "release"))
        assert done.returncode == 2
        assert "the commit has the tag v9.9.9, but the version is 0.1.0." in done.stderr
        run(committed, "git", "tag", "v0.1.0")
        assert release(committed, str(tmp_path / "release")).returncode == 0
    finally:
        run(committed, "git", "tag", "-d", "v9.9.9", "v0.1.0")


def test_each_pinned_package_has_its_hashes():
    """One for all architectures, or one each for amd64 and arm64."""
    pinned = PIN.findall((ROOT / "requirements.txt").read_text("utf-8"))
    hashed = PIN.findall((ROOT / "requirements.hashes.txt").read_text("utf-8"))
    assert [(name, version) for name, version, _ in hashed] == [(name, version) for name, version, _ in pinned]
    assert {len(hashes.split()) for _, _, hashes in hashed} == {1, 2}


def test_the_workflow_builds_what_make_release_builds():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))
    job = workflow["jobs"]["release"]
    assert workflow["permissions"] == {}
    assert workflow[True] == {"push": {"tags": ["v*"]}}  # YAML reads `on` as true
    assert "make release" in " ".join(step.get("run", "") for step in job["steps"])
    assert "build/release/*" in job["steps"][-1]["run"]


def test_the_workflow_runs_only_what_a_commit_pins():
    """A tag of an action can be moved to other code; a commit cannot. The comment says which version it is."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert len(used) == 3
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []
