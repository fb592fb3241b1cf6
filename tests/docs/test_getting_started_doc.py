"""docs/getting-started.md: the openssl commands, and the settings of the stand-in."""

import subprocess
from pathlib import Path

from epimetheus.testing.__main__ import environment
from epimetheus.testing.oci import World

PAGE = Path(__file__).parents[2].joinpath("docs/getting-started.md").read_text("utf-8")


def test_the_openssl_commands_create_a_valid_certificate_for_localhost(tmp_path):
    commands = [line for line in PAGE.splitlines() if line.startswith(("    openssl ", "    printf "))]
    subprocess.run(["sh", "-e", "-c", "\n".join(commands)], cwd=tmp_path, check=True, capture_output=True)
    verify = ["openssl", "verify", "-x509_strict", "-verify_hostname", "localhost", "-CAfile", "ca.pem", "server.pem"]
    assert subprocess.run(verify, cwd=tmp_path, check=True, capture_output=True, text=True).stdout == "server.pem: OK\n"
    assert (tmp_path / "server.key").read_text().startswith("-----BEGIN PRIVATE KEY-----")


def test_the_stand_in_prints_five_settings_with_a_bucket_for_the_state(api_key, tmp_path):
    lines = environment(World(api_key=api_key), "http://127.0.0.1:1", tmp_path).splitlines()
    assert (len(lines), [line for line in lines if "STATE_" in line]) == (5, ["export STATE_BUCKET=epimetheus"])
    assert "prints five `export` lines" in PAGE
