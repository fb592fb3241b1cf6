"""The terminal: what is typed, what is printed, and the exit code."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from epimetheus.cli.app import app
from epimetheus.model import parse_minute
from tests.support.harness import restored_logging, staged


@pytest.fixture
def terminal(tmp_path, api_key):
    """A stage in the real time, and a terminal whose environment is the function's, but for its state in a file."""
    with restored_logging(), staged(tmp_path, api_key, page_size=50) as stage:
        stage.hand.time = datetime.now(UTC).timestamp()
        del stage.environment["STATE_BUCKET"]
        stage.environment["STATE_FILE"] = str(tmp_path / "cursor")
        runner = CliRunner()

        def type_in(*words, answer="", **changes):
            environment = {**dict.fromkeys(("SYSLOG_HOST", "STATE_FILE"), ""), **stage.environment, **changes}
            return runner.invoke(app, words, input=answer, env={**environment, "COLUMNS": "200"}, catch_exceptions=False)

        yield stage, type_in


def test_run_forwards_and_says_so(terminal):
    stage, type_in = terminal
    ids = stage.emit(stage.world.tenancy, 30, 20)
    done = type_in("run")
    assert done.exit_code == 0
    assert "us-ashburn-1 ok: 30 forwarded, 0 seen before, through" in done.stderr
    assert "fetched 30  forwarded 30" in done.stderr
    assert stage.arrived() == ids
    assert type_in("run", "--json").exit_code == 0


def test_run_gives_its_reports_as_json_for_other_programs(terminal):
    stage, type_in = terminal
    stage.emit(stage.world.tenancy, 3, 20)
    (report,) = json.loads(type_in("run", "--json").stdout)
    assert (report["status"], report["forwarded"]) == ("ok", 3)


def test_run_ends_with_1_where_somebody_is_behind_and_with_2_where_it_failed(terminal):
    stage, type_in = terminal
    other = stage.world.add_compartment("other")
    stage.world.forbid(other)
    done = type_in("run")
    assert done.exit_code == 1
    assert "1 of 2 compartments behind" in done.stderr
    stage.receiver.stop()
    stage.emit(stage.world.tenancy, 3, 10)
    done = type_in("run")
    assert done.exit_code == 2
    assert "Connection refused" in done.stderr


def test_mistakes_are_told_one_a_line(terminal):
    _, type_in = terminal
    done = type_in("run", SYSLOG_PORT="0", SYSLOG_FRAMING="crlf")
    assert done.exit_code == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("SYSLOG_")]
    assert [line.partition("=")[0] for line in lines] == ["SYSLOG_PORT", "SYSLOG_FRAMING"]
    assert "Traceback" not in done.output


def test_validate_shows_what_will_be_used_without_any_network(terminal):
    stage, type_in = terminal
    stage.receiver.stop()
    done = type_in("validate")
    assert done.exit_code == 0
    assert "Settings are valid." in done.output
    assert "SYSLOG_CA" in done.output
    assert stage.world.requests == []


def test_validate_finds_a_certificate_that_is_none(terminal, tmp_path):
    _, type_in = terminal
    (tmp_path / "bad.pem").write_text("no certificate")
    done = type_in("validate", SYSLOG_CA=f"file:{tmp_path / 'bad.pem'}")
    assert done.exit_code == 2
    assert "SYSLOG_CA is not a readable certificate: expected PEM text" in done.stderr
    (tmp_path / "bad.pem").write_bytes(b"\xff\xfehide")
    done = type_in("validate", SYSLOG_CA=f"file:{tmp_path / 'bad.pem'}")
    assert (done.exit_code, "it is not UTF-8 text" in done.stderr, "hide" in done.stderr) == (2, True, False)
    done = type_in("validate", SYSLOG_CA=f"file:{tmp_path / 'absent.pem'}")
    assert done.exit_code == 2
    assert "No such file or directory" in done.stderr


def test_validate_looks_into_a_rules_file(terminal, tmp_path):
    _, type_in = terminal
    (tmp_path / "rules.json").write_text('{"event_filtering": {"mode": "include", "included_event": ["GetInstance"]}}')
    done = type_in("validate", RULES=f"file:{tmp_path / 'rules.json'}")
    assert done.exit_code == 2
    assert "included_event" in done.stderr
    (tmp_path / "rules.json").write_text('{"event_filtering": {"mode": "include", "excluded_events": ["GetInstance"]}}')
    done = type_in("validate", RULES=f"file:{tmp_path / 'rules.json'}")
    assert (done.exit_code, "mode include ignores this list" in done.output) == (0, True)
    assert "RULES" in type_in("validate", RULES="object:rules.json", STATE_FILE="", STATE_BUCKET="b").output


def test_validate_looks_into_a_field_map(terminal):
    _, type_in = terminal
    done = type_in("validate", FIELD_MAP='{"formats": {"cef": {"rename": {"nothing": "cs1"}}}}')
    assert (done.exit_code, "formats.cef.rename" in done.stderr) == (2, True)
    done = type_in("validate", FIELD_MAP='{"field_mappings": {"compartmentName": "cs1Label"}}')
    assert (done.exit_code, "FIELD_MAP line 1, field_mappings.compartmentName" in done.output) == (0, True)
    assert "cs1Label" not in type_in("validate", FORMAT="json", FIELD_MAP='{"field_mappings": {"compartmentName": "cs1Label"}}').output


def test_validate_says_what_it_could_not_look_at(terminal):
    _, type_in = terminal
    done = type_in("validate", SYSLOG_CA="vault:ocid1.vaultsecret.oc1..x")
    assert done.exit_code == 0
    assert "it has to be fetched from OCI" in done.output


def test_the_state_is_shown(terminal):
    stage, type_in = terminal
    assert "no state yet" in type_in("state", "show").output
    stage.emit(stage.world.tenancy, 3, 10)
    report = json.loads(type_in("run", "--json").stdout)[0]
    shown = type_in("state", "show")
    assert shown.exit_code == 0
    assert report["position"]["through"] in shown.output
    assert re.search(r"dedupe keys +│ +3 ", shown.output)
    raw = json.loads(type_in("state", "show", "--raw").stdout)
    assert (raw["region"], raw["through"], raw["lease"]) == ("us-ashburn-1", report["position"]["through"], None)


def test_rewind_sends_again_from_a_time_on(terminal):
    stage, type_in = terminal
    ids = stage.emit(stage.world.tenancy, 3, 20)
    type_in("run")
    assert re.search(r"compartments +│ 1 known, 1 asked, listed 20\d\d-", type_in("state", "show").output)
    back = datetime.fromtimestamp(stage.hand.time - 3600, UTC).strftime("%Y-%m-%dT%H:%M:00Z")
    done = type_in("state", "rewind", back)
    assert (done.exit_code, f"the next run reads from {back} on" in done.output.replace("\n", "")) == (0, True)
    assert json.loads(type_in("state", "show", "--raw").stdout)["listed"] is None
    type_in("run")
    assert stage.arrived() == [*ids, *ids]


def test_rewind_does_not_go_forward_unasked_and_knows_a_time_when_it_sees_one(terminal):
    stage, type_in = terminal
    type_in("run")
    later = datetime.fromtimestamp(stage.hand.time - 60, UTC).strftime("%Y-%m-%dT%H:%M:00Z")
    done = type_in("state", "rewind", later, answer="n\n")
    assert (done.exit_code, "is after the cursor" in done.output, "is never sent" in done.output) == (1, True, True)
    done = type_in("state", "rewind", "yesterday")
    assert (done.exit_code, "allowed is RFC 3339" in done.stderr) == (2, True)
    assert type_in("state", "rewind", later, "--yes").exit_code == 0


def test_a_reset_asks_first(terminal):
    stage, type_in = terminal
    stage.emit(stage.world.tenancy, 3, 20)
    type_in("run")
    assert type_in("state", "reset", answer="n\n").exit_code == 1
    assert type_in("run").exit_code == 0
    assert len(stage.arrived()) == 3
    assert type_in("state", "reset", answer="y\n").exit_code == 0
    type_in("run")
    assert len(stage.arrived()) == 6


def test_a_damaged_or_leased_state_is_changed_by_force_only(terminal, tmp_path):
    _, type_in = terminal
    type_in("run")
    state = tmp_path / "cursor"
    state.write_bytes(state.read_bytes()[:-5])
    back = (datetime.now(UTC) - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:00Z")
    for words in (("state", "show"), ("run",), ("state", "rewind", back)):
        done = type_in(*words)
        assert (done.exit_code, "is damaged" in done.stderr) == (2, True)
    done = type_in("state", "rewind", back, "--force")
    assert done.exit_code == 0
    raw = json.loads(type_in("state", "show", "--raw").stdout)
    assert parse_minute(raw["through"]) == parse_minute(back)


def test_without_a_word_it_says_what_there_is(terminal):
    _, type_in = terminal
    shown = type_in()
    for command in ("run", "validate", "demo", "state"):
        assert command in shown.output


def test_the_demo_loses_nothing(terminal):
    _, type_in = terminal
    done = type_in("demo")
    assert done.exit_code == 0
    assert "17,400 events happened, 17,400 arrived, 0 are lost." in done.output
    assert "The platform sees HTTP 502" in done.output
