"""``validate`` finds everything in one pass: each row is what a person has, and what the command prints. No secret is shown."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from typer.testing import CliRunner

from epimetheus.cli.app import app
from epimetheus.testing.oci import World
from epimetheus.testing.syslog import Authority

VALID = {"SYSLOG_HOST": "siem.example.com", "STATE_BUCKET": "audit"}
NOW = datetime.now(UTC)


def validate(*arguments, **settings):
    unset = dict.fromkeys(("OCI_AUTH", "OCI_CONFIG_FILE", "OCI_PROFILE", "SYSLOG_HOST", "STATE_FILE"))
    environment = {**unset, **VALID, **settings, "COLUMNS": "200"}
    return CliRunner().invoke(app, ["validate", *arguments], env=environment, catch_exceptions=False)


def lines(result):
    return result.stderr.splitlines()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def issued(folder, **dates):
    """A client certificate with these dates: the settings that refer to it, and its key."""
    issued = trustme.CA().issue_cert("client.example.com", common_name="client", **dates)
    issued.private_key_pem.write_to_path(folder / "key.pem")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    return {"SYSLOG_CLIENT_CERT": f"file:{folder / 'cert.pem'}", "SYSLOG_CLIENT_KEY": f"file:{folder / 'key.pem'}"}


def test_everything_is_found_in_one_pass(tmp_path, authority):
    (tmp_path / "rules.json").write_text('{"event_filtering": {"mode": "both"}}')
    (tmp_path / "map.json").write_text("[")
    (tmp_path / "ca.der").write_bytes(b"\x30\x82\x02\x00\x30\x82" + bytes([0xFF]) * 60)
    result = validate(
        SYSLOG_PORT="0",
        SYSLOG_FRAMING="crlf",
        SYSLOG_HSOT="siem",
        SYSLOG_CA=f"file:{tmp_path / 'ca.der'}",
        SYSLOG_CLIENT_CERT=f"file:{authority.client(expired=True).cert}",
        SYSLOG_CLIENT_KEY=f"file:{tmp_path / 'absent.pem'}",
        RULES=f"file:{tmp_path / 'rules.json'}",
        FIELD_MAP=f"file:{tmp_path / 'map.json'}",
        OCI_CONFIG_FILE=str(tmp_path / "config"),
    )
    assert (result.exit_code, result.stdout) == (2, "")
    starts = [
        "Unknown setting SYSLOG_HSOT. Did you mean SYSLOG_HOST?",
        "SYSLOG_PORT=0: expected an integer from 1 to 65535",
        "SYSLOG_FRAMING=crlf: expected octet-counting or lf",
        "SYSLOG_CA: the content of ",
        "SYSLOG_CLIENT_KEY=file:",
        "RULES line 1, event_filtering.mode: expected include, exclude or all",
        "FIELD_MAP line 1, column 1: invalid JSON: EOF while parsing a list",
        "SYSLOG_CLIENT_CERT: the certificate ",
        "OCI_CONFIG_FILE: ",
        "Correct the configuration and run again.",
    ]
    found = lines(result)
    for start in starts:
        assert sum(line.startswith(start) for line in found) == 1, start
    assert len(found) == len(starts)
    assert "is not UTF-8 text, but DER; convert it, for example with: openssl x509 -inform der" in result.stderr
    assert "expired at 2001-01-01T00:00:00.000Z; renew it" in result.stderr


def test_problems_and_warnings_are_shown_together(tmp_path):
    (tmp_path / "rules.json").write_text('{"event_filtering": {"excluded_events": ["*"]}}')
    result = validate(SYSLOG_PORT="0", RULES=f"file:{tmp_path / 'rules.json'}")
    assert lines(result) == [
        "SYSLOG_PORT=0: expected an integer from 1 to 65535",
        "RULES line 1, event_filtering.excluded_events: these patterns match every event, so no event would be sent",
        "Correct the configuration and run again.",
    ]


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("RULES", ""),
        ("FIELD_MAP", " \r\n"),
        ("SYSLOG_CA", "\ufeff"),
        ("SYSLOG_CLIENT_CERT", ""),
        ("SYSLOG_CLIENT_KEY", "\n"),
        ("SEAL_KEY", ""),
    ],
)
def test_an_empty_file_is_an_error(tmp_path, authority, key, content):
    """A copy that was cut to nothing would mean no rules, or no signature."""
    (path := tmp_path / "empty").write_text(content, "utf-8")
    client = authority.client()
    pair = {"SYSLOG_CLIENT_CERT": f"file:{client.cert}", "SYSLOG_CLIENT_KEY": f"file:{client.key}"}
    result = validate(**{**pair, key: f"file:{path}"})
    assert (result.exit_code, lines(result)) == (
        2,
        [f"{key}: the content of {path} is empty; store it again", "Correct the configuration and run again."],
    )


@pytest.mark.parametrize(
    ("dates", "code", "what"),
    [
        ({"not_after": NOW - timedelta(hours=1)}, 2, "SYSLOG_CLIENT_CERT: the certificate CN=client,"),
        ({"not_after": NOW + timedelta(days=12, hours=1)}, 0, "expires in 12 days, at "),
        ({"not_after": NOW + timedelta(days=30, hours=1)}, 0, "30 days left"),
        ({"not_before": NOW + timedelta(days=1), "not_after": NOW + timedelta(days=90)}, 2, "is not valid before "),
    ],
)
def test_the_dates_of_a_client_certificate_are_checked(tmp_path, dates, code, what):
    result = validate(**issued(tmp_path, **dates))
    assert (result.exit_code, what in result.output) == (code, True), result.output
    assert ("renew it" in result.output) is (what not in ("30 days left", "is not valid before "))


def test_an_expired_ca_certificate_is_an_error_unless_others_are_valid(tmp_path, authority):
    expired, valid = authority.client(expired=True).cert.read_text(), authority.ca.read_text()
    result = validate(SYSLOG_CA=expired)
    assert result.exit_code == 2
    assert "expired at 2001-01-01T00:00:00.000Z; use the receiver's current CA certificate" in result.stderr
    result = validate(SYSLOG_CA=valid + expired)
    assert result.exit_code == 0
    assert "SYSLOG_CA: 1 of 2 certificates expired, the first at 2001-01-01T00:00:00.000Z." in result.stderr


def test_a_pem_file_in_any_form_is_valid(tmp_path, authority):
    client = authority.client()
    one_line = {name: text.strip().replace("\n", "\\n") for name, text in
                {"SYSLOG_CLIENT_CERT": client.cert.read_text(), "SYSLOG_CLIENT_KEY": client.key.read_text()}.items()}  # fmt: skip
    result = validate(SYSLOG_CA=" ".join(authority.ca.read_text().split("\n")), **one_line)
    assert (result.exit_code, "Settings are valid." in result.stderr) == (0, True), result.output
    assert client.key.read_text().splitlines()[1] not in result.output


@pytest.mark.parametrize("what", ["foreign", "encrypted", "path"])
def test_a_key_that_cannot_be_used_is_described_and_not_shown(tmp_path, authority, what):
    client, other = authority.client(), Authority(tmp_path / "other").client()
    text = {
        "foreign": other.key.read_text(),
        "encrypted": client.key.read_text().replace("EC PRIVATE", "ENCRYPTED PRIVATE"),
        "path": "/etc/ssl/key.pem",
    }[what]
    result = validate(SYSLOG_CLIENT_CERT=client.cert.read_text(), SYSLOG_CLIENT_KEY=text)
    assert lines(result)[0] == {
        "foreign": "SYSLOG_CLIENT_KEY is not the private key of SYSLOG_CLIENT_CERT; use the key with which it was requested",
        "encrypted": "SYSLOG_CLIENT_KEY: it is encrypted; remove its passphrase, for example with: openssl pkey -in KEY.pem -out NEW.pem",
        "path": "SYSLOG_CLIENT_KEY: expected a PEM private key without a passphrase, file:PATH, vault:SECRET_OCID or object:NAME;"
        " to read a file, put file: before its path: SYSLOG_CLIENT_KEY=file:PATH",
    }[what]
    assert (result.exit_code, len(lines(result)), "/etc/ssl" in result.output) == (2, 2, False)
    assert [line for line in text.splitlines()[1:-1] if line in result.output] == []


def test_rules_are_reviewed(tmp_path):
    (tmp_path / "rules.json").write_text('{"event_filtering": {"never_drop": ["TerminateInstnace"], "excluded_events": ["GetInstance"]}}')
    result = validate(RULES=f"file:{tmp_path / 'rules.json'}")
    assert result.exit_code == 0
    warning = "event_filtering.never_drop[0]: TerminateInstnace is not a known event name. Did you mean TerminateInstance?"
    assert f"RULES line 1, {warning}" in result.stderr


def test_the_folder_of_the_state_file_is_checked(tmp_path):
    result = validate(STATE_BUCKET=None, STATE_FILE=str(tmp_path / "absent" / "state"))
    assert result.exit_code == 2
    assert "its folder does not exist; create it, or use a file in an existing folder" in lines(result)[0]


def test_the_oci_profile_is_checked_if_a_setting_selects_it(tmp_path, api_key):
    config = World(api_key=api_key).credentials(tmp_path)
    assert validate(OCI_CONFIG_FILE=str(config)).exit_code == 0
    assert validate(OCI_CONFIG_FILE=str(config), OCI_AUTH="instance_principal", OCI_PROFILE="NOPE").exit_code == 0
    result = validate(OCI_CONFIG_FILE=str(config), OCI_PROFILE="NOPE")
    assert (result.exit_code, "has no profile NOPE; its profiles are DEFAULT" in result.stderr) == (2, True)
    assert validate(HOME=str(tmp_path)).exit_code == 0


def test_json_has_the_findings_and_the_settings_in_effect(tmp_path, authority):
    result = validate("--json", SYSLOG_CA=authority.ca.read_text(), RULES="object:rules.json", SYSLOG_TRANSPORT="tls")
    shown = json.loads(result.stdout)
    assert (result.exit_code, shown["version"], shown["valid"], shown["problems"], shown["not_checked"]) == (0, 1, True, [], ["RULES"])
    assert shown["settings"]["SYSLOG_PORT"] == "6514"
    assert shown["settings"]["RULES"] == "not checked: the value is stored in OCI"
    result = validate("--json", SYSLOG_PORT="0", SYSLOG_TRANSPORT="tcp")
    shown = json.loads(result.stdout)
    assert (result.exit_code, shown["valid"], shown["settings"]) == (2, False, None)
    assert shown["problems"] == ["SYSLOG_PORT=0: expected an integer from 1 to 65535"]


def test_the_command_works_as_a_process(tmp_path, authority):
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **VALID, "SYSLOG_CA": str(authority.ca), "SYSLOG_CLIENT_KEY": "x"}
    done = subprocess.run(
        [sys.executable, "-m", "epimetheus", "validate"], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "SYSLOG_CA: expected PEM certificates, file:PATH, vault:SECRET_OCID or object:NAME; to read a file, put file: before its path:"
        " SYSLOG_CA=file:PATH\n"
        "SYSLOG_CLIENT_KEY: expected a PEM private key without a passphrase, file:PATH, vault:SECRET_OCID or object:NAME\n"
        "SYSLOG_CLIENT_KEY is set and SYSLOG_CLIENT_CERT is not: set both or neither\n"
        "Correct the configuration and run again.\n"
    )


def test_a_pipe_gets_one_line_for_each_setting_with_its_whole_value(tmp_path):
    folder = tmp_path / ("long" * 40)
    folder.mkdir()
    (folder / "rules.json").write_text('{"event_filtering": {"mode": "include"}}')
    rules = f"file:{folder / 'rules.json'}"
    result = validate(RULES=rules)
    settings = dict(line.split("\t") for line in result.stdout.splitlines())
    assert (result.exit_code, settings["RULES"], settings["SYSLOG_HOST"]) == (0, rules, "siem.example.com")
    assert "included_events is empty" in lines(result)[0]
    assert lines(result)[-1] == "Settings are valid."
