"""docs/getting-started.md: its commands are executed against the stand-ins; what they print, docs/try-every-command.md shows."""

import os
import re
import subprocess
from contextlib import closing
from pathlib import Path

from tests.support.transcripts import ROOT, Shell

PAGE = Path(__file__).parents[2].joinpath("docs/getting-started.md").read_text("utf-8")


def test_the_first_commands_get_the_sources_and_find_the_demo(tmp_path):
    """`make demo` itself installs packages from the network: CI runs it, and tests/cli/test_demo.py runs what it starts."""
    clone, demo = re.findall(r"^    (git clone .*|make demo)$", PAGE, re.MULTILINE)
    commands = f"{clone.replace('<repository-url>', str(ROOT))} && {demo.replace('make', 'make --dry-run')}"
    # `make test` exports MAKELEVEL and MAKEFLAGS, with which a second make also prints the folder that it enters and leaves.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")}
    done = subprocess.run(["sh", "-e", "-c", commands], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    demos = [line.strip() for line in done.stdout.splitlines()[-2:]]
    assert demos == [".venv/bin/python -m epimetheus demo", ".venv/bin/python -m epimetheus demo --push"]
    assert (tmp_path / "epimetheus" / "func.py").read_bytes() == (ROOT / "func.py").read_bytes()


def test_the_openssl_commands_create_a_valid_certificate_for_localhost(tmp_path):
    commands = [line for line in PAGE.splitlines() if line.startswith(("    openssl ", "    printf "))]
    subprocess.run(["sh", "-e", "-c", "\n".join(commands)], cwd=tmp_path, check=True, capture_output=True)
    verify = ["openssl", "verify", "-x509_strict", "-verify_hostname", "localhost", "-CAfile", "ca.pem", "server.pem"]
    assert subprocess.run(verify, cwd=tmp_path, check=True, capture_output=True, text=True).stdout == "server.pem: OK\n"
    assert (tmp_path / "server.key").read_text().startswith("-----BEGIN PRIVATE KEY-----")


def test_the_stand_in_prints_five_settings_with_a_bucket_for_the_state(tmp_path):
    [command] = re.findall(r"^    (python -m epimetheus\.testing .*?) +#", PAGE, re.MULTILINE)
    with closing(Shell(tmp_path)) as shell:
        shell.send(f"HOME={tmp_path}; {command}")
        lines = [shell.line() for _ in range(5)]
    assert (len(lines), [line for line in lines if "STATE_" in line]) == (5, ["export STATE_BUCKET=epimetheus"])
    assert lines[1] == f"export OCI_CONFIG_FILE={tmp_path}/epimetheus-oci/config"
    assert "prints five `export` lines" in PAGE


def test_the_commands_work_with_the_settings_of_the_stand_ins(tmp_path):
    commands = re.findall(r"^    ((?:[A-Z_]+=\S+ )?epimetheus .*?)(?: +#.*)?$", PAGE, re.MULTILINE)
    (tmp_path / "rules.json").write_text("{}")
    with closing(Shell(tmp_path)) as stand_ins, closing(Shell(tmp_path)) as shell:
        stand_ins.send("python -m epimetheus.testing --receiver --folder oci --env-file epimetheus.env --hours 1")
        stand_ins.line()
        codes = {command: int(shell.run(f"{command} >/dev/null; echo $?")[-1]) for command in commands}
    assert codes == {
        "epimetheus validate --env-file epimetheus.env": 0,
        "epimetheus health --probe --env-file epimetheus.env": 1,  # degraded, because no run has completed
        "INITIAL_LOOKBACK_HOURS=1 epimetheus run --env-file epimetheus.env": 0,
        "epimetheus state show --env-file epimetheus.env": 0,
        "epimetheus verify --from 24h --env-file epimetheus.env": 0,
        "epimetheus rules preview --env-file epimetheus.env --since 24h --rules rules.json": 0,
    }
