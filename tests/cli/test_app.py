"""The commands: arguments, output, and exit codes."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from epimetheus.cli import confirm, settings_source
from epimetheus.cli.app import app
from epimetheus.model import minute_text, parse_minute
from tests.support.harness import restored_logging, staged


@pytest.fixture
def terminal(tmp_path, api_key, monkeypatch):
    """A stage at the current time, and a function that runs a command with the stage's settings and the state in a file.

    With an ``answer``, stdin counts as a terminal; the tests in tests/cli/test_terminals.py use a real one.
    """
    with restored_logging(), staged(tmp_path, api_key, page_size=50) as stage:
        stage.hand.time = datetime.now(UTC).timestamp()
        del stage.environment["STATE_BUCKET"]
        stage.environment["STATE_FILE"] = str(tmp_path / "cursor")
        monkeypatch.setattr(settings_source, "SYSTEM", stage.hand.today)
        runner = CliRunner()

        def run_cli(*arguments, answer="", **changes):
            monkeypatch.setattr(confirm, "is_answerable", lambda: bool(answer))
            environment = {**dict.fromkeys(("SYSLOG_HOST", "STATE_FILE"), ""), **stage.environment, **changes}
            stage.await_confirmations(environment)
            return runner.invoke(app, arguments, input=answer, env={**environment, "COLUMNS": "200"}, catch_exceptions=False)

        yield stage, run_cli


def test_run_forwards_events_and_shows_the_counts(terminal):
    stage, run_cli = terminal
    ids = stage.emit(stage.world.tenancy, 30, 20)
    result = run_cli("run")
    assert result.exit_code == 0
    assert result.stdout.startswith("us-ashburn-1 ok: 30 forwarded, 0 duplicates dropped, through")
    assert "fetched 30  forwarded 30" in result.stdout
    assert ("read a slice of 1 compartment" in result.stderr, "forwarded" in result.stderr) == (True, False)
    assert stage.arrived() == ids
    assert run_cli("run", "--json").exit_code == 0


def test_run_prints_its_reports_as_json(terminal):
    stage, run_cli = terminal
    stage.emit(stage.world.tenancy, 3, 20)
    (report,) = json.loads(run_cli("run", "--json").stdout)
    assert (report["status"], report["forwarded"]) == ("ok", 3)


def test_run_exits_with_1_if_a_compartment_is_behind_and_2_if_it_fails(terminal):
    stage, run_cli = terminal
    other = stage.world.add_compartment("other")
    stage.world.forbid(other)
    result = run_cli("run")
    assert result.exit_code == 1
    assert "1 of 2 compartments behind" in result.stdout
    stage.receiver.stop()
    stage.emit(stage.world.tenancy, 3, 10)
    result = run_cli("run")
    assert result.exit_code == 2
    assert "Connection refused" in result.stderr


def test_setting_errors_are_shown_one_per_line(terminal):
    _, run_cli = terminal
    result = run_cli("run", SYSLOG_PORT="0", SYSLOG_FRAMING="crlf")
    assert result.exit_code == 2
    lines = [line for line in result.stderr.splitlines() if line.startswith("SYSLOG_")]
    assert [line.partition("=")[0] for line in lines] == ["SYSLOG_PORT", "SYSLOG_FRAMING"]
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("run",), ("state", "show"), ("replay", "--from", "2h", "--to", "1h", "--yes"), ("runs",), ("runs", "show", "a"),
        ("rules", "preview"),
    ],
)
def test_with_json_an_error_in_the_settings_is_one_document_on_stdout(terminal, words):
    _, run_cli = terminal
    result = run_cli(*words, "--json", SYSLOG_PORT="0")
    what = "1 configuration error: SYSLOG_PORT=0: expected an integer from 1 to 65535."
    assert (result.exit_code, json.loads(result.stdout)) == (
        2,
        {"error": {"kind": "configuration", "fault": "configuration", "what": what, "do": "Correct the configuration and run again."}},
    )
    assert result.stderr.startswith("SYSLOG_PORT=0: ")


def test_validate_shows_the_settings_without_using_the_network(terminal):
    stage, run_cli = terminal
    stage.receiver.stop()
    result = run_cli("validate")
    assert result.exit_code == 0
    assert "Settings are valid." in result.output
    assert "SYSLOG_CA" in result.output
    assert stage.world.requests == []


def test_validate_rejects_an_invalid_certificate_file(terminal, tmp_path):
    _, run_cli = terminal
    (tmp_path / "bad.pem").write_text("no certificate")
    result = run_cli("validate", SYSLOG_CA=f"file:{tmp_path / 'bad.pem'}")
    assert result.exit_code == 2
    assert "SYSLOG_CA: it is not PEM text; expected PEM certificates" in result.stderr
    (tmp_path / "bad.pem").write_bytes(b"\xff\xfehide")
    result = run_cli("validate", SYSLOG_CA=f"file:{tmp_path / 'bad.pem'}")
    assert (result.exit_code, "hide" in result.stderr) == (2, False)
    assert "bad.pem is not UTF-8 text, but UTF-16 text; save it as UTF-8" in result.stderr
    result = run_cli("validate", SYSLOG_CA=f"file:{tmp_path / 'absent.pem'}")
    assert result.exit_code == 2
    assert "No such file or directory" in result.stderr


def test_validate_checks_the_rules_file(terminal, tmp_path):
    _, run_cli = terminal
    (tmp_path / "rules.json").write_text('{"event_filtering": {"mode": "include", "included_event": ["GetInstance"]}}')
    result = run_cli("validate", RULES=f"file:{tmp_path / 'rules.json'}")
    assert result.exit_code == 2
    assert "included_event" in result.stderr
    (tmp_path / "rules.json").write_text('{"event_filtering": {"mode": "include", "excluded_events": ["GetInstance"]}}')
    result = run_cli("validate", RULES=f"file:{tmp_path / 'rules.json'}")
    assert (result.exit_code, "mode include ignores this list" in result.output) == (0, True)
    assert "RULES" in run_cli("validate", RULES="object:rules.json", STATE_FILE="", STATE_BUCKET="b").output


def test_validate_checks_the_field_map(terminal):
    _, run_cli = terminal
    result = run_cli("validate", FIELD_MAP='{"formats": {"cef": {"rename": {"nothing": "cs1"}}}}')
    assert (result.exit_code, "formats.cef.rename" in result.stderr) == (2, True)
    result = run_cli("validate", FIELD_MAP='{"field_mappings": {"compartmentName": "cs1Label"}}')
    assert (result.exit_code, "FIELD_MAP line 1, field_mappings.compartmentName" in result.output) == (0, True)
    assert "cs1Label" not in run_cli("validate", FORMAT="json", FIELD_MAP='{"field_mappings": {"compartmentName": "cs1Label"}}').output


def test_validate_lists_values_stored_in_oci_as_not_checked(terminal):
    _, run_cli = terminal
    result = run_cli("validate", SYSLOG_CA="vault:ocid1.vaultsecret.oc1..x")
    assert result.exit_code == 0
    assert "not checked: the value is stored in OCI" in result.output


def test_state_show_prints_a_table_or_raw_json(terminal):
    stage, run_cli = terminal
    assert "no state yet" in run_cli("state", "show").output
    stage.emit(stage.world.tenancy, 3, 10)
    report = json.loads(run_cli("run", "--json").stdout)[0]
    shown = run_cli("state", "show")
    assert shown.exit_code == 0
    assert report["position"]["through"] in shown.output
    raw = json.loads(run_cli("state", "show", "--raw").stdout)
    assert (raw["region"], raw["through"], raw["lease"]) == ("us-ashburn-1", report["position"]["through"], None)


def test_rewind_sends_events_again(terminal):
    stage, run_cli = terminal
    ids = stage.emit(stage.world.tenancy, 3, 20)
    run_cli("run")
    assert "compartments\t1 known, 1 polled, listed 20" in run_cli("state", "show").output
    back = datetime.fromtimestamp(stage.hand.time - 3600, UTC).strftime("%Y-%m-%dT%H:%M:00Z")
    result = run_cli("state", "rewind", back, "--yes")
    first = datetime.fromtimestamp(stage.hand.time - 3600 - 15 * 60, UTC).strftime("%Y-%m-%dT%H:%M:00Z")
    expected = f"the next run reads from {first}, OVERLAP_MINUTES=15 before the cursor, {back}."
    assert (result.exit_code, expected in result.output.replace("\n", "")) == (0, True)
    assert json.loads(run_cli("state", "show", "--raw").stdout)["last"]["caught_up"] is False
    stage.world.requests.clear()
    run_cli("run")
    assert stage.arrived() == [*ids, *ids]
    assert "ListCompartments" in {request.operation for request in stage.world.requests}  # the last listing is not used again


def test_rewind_says_what_it_sends_again_and_requests_confirmation(terminal):
    stage, run_cli = terminal
    stage.world.add_compartment("app")
    run_cli("run")
    through = json.loads(run_cli("state", "show", "--raw").stdout)["through"]
    back = minute_text(parse_minute(through) - 60)
    result = run_cli("state", "rewind", back, answer="n\n")
    first = minute_text(parse_minute(through) - 75)  # with OVERLAP_MINUTES
    question = f"75 minutes of 2 compartments, from {first} to {through}, are sent again without a mark (`replay` marks what it sends)."
    assert (result.exit_code, f"{question} Continue? [y/N]: n" in result.stdout) == (1, True)
    result = run_cli("state", "rewind", back)
    refused = f"{question.removesuffix('.')}: this requires confirmation, but stdin is not a terminal.\nAdd --yes to confirm.\n"
    assert (result.exit_code, result.stderr) == (2, refused)
    assert json.loads(run_cli("state", "show", "--raw").stdout)["through"] == through
    assert run_cli("state", "rewind", back, answer="y\n").exit_code == 0
    assert json.loads(run_cli("state", "show", "--raw").stdout)["through"] == back


def test_rewind_confirms_a_later_time_and_rejects_an_invalid_one(terminal):
    stage, run_cli = terminal
    run_cli("run")
    later = datetime.fromtimestamp(stage.hand.time - 60, UTC).strftime("%Y-%m-%dT%H:%M:00Z")
    result = run_cli("state", "rewind", later, answer="n\n")
    assert (result.exit_code, "is after the cursor" in result.output, "are never sent" in result.output) == (1, True, True)
    result = run_cli("state", "rewind", "9999999d")
    assert result.exit_code == 2
    assert "TIME=9999999d: OCI Audit keeps events for 365 days; use a time within that period" in result.stderr
    result = run_cli("state", "rewind", "yesterday")
    assert (result.exit_code, "expected a time such as 2026-11-24T10:05:00Z, or a duration" in result.stderr) == (2, True)
    done = run_cli("state", "rewind", later, "--yes")
    says = f", OVERLAP_MINUTES=15 before the cursor, {later}; windows before it are not listed again for late events."
    assert (done.exit_code, says in done.output.replace("\n", "")) == (0, True)


def test_reset_requires_confirmation(terminal):
    stage, run_cli = terminal
    stage.emit(stage.world.tenancy, 3, 20)
    run_cli("run")
    assert run_cli("state", "reset", answer="n\n").exit_code == 1
    assert run_cli("run").exit_code == 0
    assert len(stage.arrived()) == 3
    assert run_cli("state", "reset", answer="y\n").exit_code == 0
    run_cli("run")
    assert len(stage.arrived()) == 6


def test_a_damaged_state_is_replaced_only_with_force(terminal, tmp_path):
    _, run_cli = terminal
    run_cli("run")
    state = tmp_path / "cursor"
    state.write_bytes(state.read_bytes()[:-5])
    back = (datetime.now(UTC) - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:00Z")
    for arguments in (("state", "show"), ("run",), ("state", "rewind", back)):
        result = run_cli(*arguments)
        assert (result.exit_code, "is damaged" in result.stderr) == (2, True)
    broken = state.read_bytes()
    for command in (("rewind", back), ("reset",)):
        result = run_cli("state", *command, "--force")
        assert (result.exit_code, "is damaged" in result.stderr, "Add --yes to confirm." in result.stderr) == (2, True, True)
    assert run_cli("state", "rewind", back, "--force", answer="n\n").exit_code == 1
    assert state.read_bytes() == broken
    assert run_cli("state", "reset", "--force", answer="y\n").exit_code == 0
    state.write_bytes(broken)
    result = run_cli("state", "rewind", back, "--force", "--yes")
    assert result.exit_code == 0
    raw = json.loads(run_cli("state", "show", "--raw").stdout)
    assert parse_minute(raw["through"]) == parse_minute(back)


@pytest.mark.parametrize("command", [("rewind", "3h"), ("reset",)], ids=["rewind", "reset"])
def test_a_file_that_is_no_state_is_not_replaced(terminal, tmp_path, command):
    _, run_cli = terminal
    (tmp_path / "cursor").write_text("important notes\n")
    result = run_cli("state", *command, "--force", "--yes", "--new")
    assert result.exit_code == 2
    assert "cursor is damaged: it does not begin with the header of a state, so it may be another file.\nCheck STATE_FILE" in result.stderr
    assert (tmp_path / "cursor").read_text() == "important notes\n"
    (tmp_path / "cursor").write_text("")  # a disk that was full leaves such a file
    assert run_cli("state", *command, "--force", "--yes").exit_code == 0


def test_without_arguments_the_help_lists_the_commands(terminal):
    _, run_cli = terminal
    shown = run_cli()
    for command in ("run", "validate", "demo", "state"):
        assert command in shown.output


HELP_PAGES = (
    (), ("validate",), ("health",), ("run",), ("replay",), ("demo",), ("runs",), ("runs", "show"), ("runs", "html"), ("rules",),
    ("rules", "preview"), ("state",), ("state", "show"), ("state", "import"), ("state", "rewind"), ("state", "reset"), ("state", "adopt"),
    ("state", "unlock"), ("state", "own-address"),
)  # fmt: skip


@pytest.mark.parametrize("command", HELP_PAGES, ids=" ".join)
def test_help_fits_80_columns_without_cutting_words(command):
    result = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80"})
    assert (result.exit_code, "…" in result.stdout) == (0, False)
