"""Reconciliation through the real function and command: events that OCI lists late arrive once, and a dry run names them before."""

import json
import os
from datetime import UTC, datetime

import pytest

from epimetheus.errors import RequestError
from epimetheus.function.invoke import RunFailed
from epimetheus.ledger.entry_name import EntryName
from epimetheus.model import time_text
from epimetheus.run.reconcile_plan import lag_minutes
from epimetheus.state.model import Reconciled, State
from epimetheus.testing.syslog import parse_message
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.run.test_rules_in_a_run import GET, rules
from tests.support.hand import NOON
from tests.support.harness import event_id

ONE_PASS = {"RECONCILE_AFTER": "60", "FORMAT": "json", "OWN_EVENTS": "forward"}
LEDGER = "epimetheus/ledger/us-ashburn-1/"


def hidden(stage, count, minutes_ago, *, listed_after, place=None, name="late"):
    """Adds events, a second apart, that are listed ``listed_after`` minutes from now. Returns their IDs."""
    ids = [f"{name}-{number}" for number in range(count)]
    for number, ident in enumerate(ids):
        processed = stage.hand.time - minutes_ago * 60 + number
        raw = {"eventType": GET, "eventId": ident, "eventTime": time_text(processed), "data": {"eventName": "GetInstance"}}
        stage.world.add_event(place or stage.world.tenancy, raw, processed=processed, listed=stage.hand.time + listed_after * 60)
    return ids


def structured(message):
    return parse_message(message).structured["epimetheus@32473"]


def arrived(stage):
    return [event_id(message) for message in stage.receiver.messages]


def sources(stage):
    """The source of each entry of the ledger, in order of their names."""
    names = [name.removeprefix(LEDGER) for name in sorted(stage.world.objects("audit-state")) if name.startswith(LEDGER)]
    return [EntryName.parse(name).source for name in names]


def request(stage, action, minutes_ago, until=0, **more):
    """The body of an action over the window from ``minutes_ago`` to ``until`` minutes ago."""
    start, end = (time_text(stage.hand.time - minutes * 60)[:17] + "00Z" for minutes in (minutes_ago, until))
    return json.dumps({"action": action, "from": start, "to": end, **more}).encode()


def test_events_hidden_for_more_than_an_hour_arrive_in_the_run_that_reconciles_them(stage):
    """At noon, 40 events of 11:40 are not listed for 45 more minutes; at 13:00, the hour from 11:00 is due."""
    on_time = stage.emit(stage.world.tenancy, 5, 25)
    late = hidden(stage, 40, 20, listed_after=45)
    assert stage.run(**ONE_PASS).forwarded == 5
    for _ in range(3):
        stage.hand.forward(15 * 60)
        report = stage.run(**ONE_PASS)
        assert (report.forwarded, report.late) == (0, 0)
    stage.hand.forward(15 * 60)
    report = stage.run(**ONE_PASS)
    assert (report.status, report.forwarded, report.fetched, report.late, report.latest_seconds) == ("ok", 40, 40, 40, 80 * 60)
    assert report.reconciliation["60"].through == "2026-01-01T12:00:00Z"
    assert report.reconciliation["60"].lag_seconds == 0
    assert sorted(arrived(stage)) == sorted(on_time + late)
    assert {structured(message).get("late") for message in stage.receiver.messages[5:]} == {"true"}
    assert {structured(message).get("late") for message in stage.receiver.messages[:5]} == {None}
    for _ in range(3):
        stage.hand.forward(60 * 60)
        assert stage.run(**ONE_PASS).forwarded == 0
    assert len(stage.receiver.messages) == 45


def test_events_hidden_for_longer_arrive_with_the_second_pass(stage):
    """At noon, 40 events of 11:40 are not listed for 20 more hours; a day after 23:59, that day is due."""
    both = {**ONE_PASS, "RECONCILE_AFTER": "60,1440", "INITIAL_LOOKBACK_HOURS": "12"}
    on_time = stage.emit(stage.world.tenancy, 5, 25)
    late = hidden(stage, 40, 20, listed_after=20 * 60)
    assert stage.run(**both).forwarded == 5
    found = []
    for _ in range(12):
        stage.hand.forward(3 * 60 * 60)
        report = stage.run(**both)
        found.append((report.forwarded, report.late))
    assert found == [*[(0, 0)] * 11, (40, 40)]
    assert report.reconciliation["1440"].through == "2026-01-02T00:00:00Z"
    assert sorted(arrived(stage)) == sorted(on_time + late)


def test_without_reconciliation_nothing_is_listed_again(stage):
    hidden(stage, 40, 20, listed_after=45)
    off = {**ONE_PASS, "RECONCILE_AFTER": ""}
    stage.run(**off)
    stage.hand.forward(70 * 60)
    report = stage.run(**off)
    assert (report.relisted, report.reconciliation) == (0, {})
    assert stage.receiver.messages == []


def test_a_dry_run_names_what_is_missing_and_reconcile_sends_it_once(stage):
    app = stage.world.add_compartment("app")
    on_time = stage.emit(app, 5, 25)
    late = hidden(stage, 30, 20, listed_after=65, place=app)
    stage.run(**ONE_PASS)
    stage.hand.forward(66 * 60)
    written = stage.world.objects("audit-state")
    (dry,) = stage.call(request(stage, "reconcile", 120, 60, dry=True), **ONE_PASS)
    assert (dry.action, dry.missing_only, dry.dry, dry.status) == ("reconcile", True, True, "ok")
    assert (dry.relisted, dry.fetched, dry.forwarded, dry.duplicates) == (35, 30, 30, 0)
    assert [one.id for one in dry.missing] == late[:20]
    assert (dry.missing[0].time, dry.missing[0].type) == ("2026-01-01T11:40:00.000Z", GET)
    assert dry.missing[0].compartment == "root/app"
    assert (len(stage.receiver.messages), stage.world.objects("audit-state")) == (5, written)
    (sent,) = stage.call(request(stage, "reconcile", 120, 60), **ONE_PASS)
    assert (sent.dry, sent.relisted, sent.forwarded, sent.through) == (False, 35, 30, sent.window[1])
    assert sorted(arrived(stage)) == sorted(on_time + late)
    assert {(structured(one).get("late"), structured(one).get("replay")) for one in stage.receiver.messages[5:]} == {("true", None)}
    assert sources(stage) == ["poll", *3 * ["reconcile"]]  # the first before anything is sent, the last for the next seal
    assert [name for name in stage.world.objects("audit-state") if name.endswith(".state")] == ["epimetheus/us-ashburn-1.state"]
    (again,) = stage.call(request(stage, "reconcile", 120, 60), **ONE_PASS)
    assert (again.relisted, again.fetched, again.forwarded) == (35, 0, 0)
    stage.hand.forward(10 * 60)
    report = stage.run(**ONE_PASS)
    assert (report.forwarded, report.late, report.relisted) == (0, 0, 35)


def test_a_replay_of_what_is_missing_is_marked_as_a_replay_and_entered(stage):
    stage.emit(stage.world.tenancy, 5, 25)
    late = hidden(stage, 3, 20, listed_after=65)
    stage.run(**ONE_PASS)
    stage.hand.forward(66 * 60)
    (sent,) = stage.call(request(stage, "replay", 120, 60, missing_only=True), **ONE_PASS)
    assert (sent.action, sent.missing_only, sent.relisted, sent.forwarded) == ("replay", True, 8, 3)
    again = stage.receiver.messages[5:]
    assert [event_id(message) for message in again] == late
    assert {(structured(one).get("replay"), structured(one).get("late")) for one in again} == {("true", None)}
    assert {json.loads(parse_message(one).body)["epimetheus"]["replay"] for one in again} == {True}
    assert sources(stage) == ["poll", "replay", "replay"]
    (whole,) = stage.call(request(stage, "replay", 120, 60), **ONE_PASS)
    assert (whole.missing_only, whole.relisted, whole.forwarded) == (False, 0, 8)
    assert sources(stage) == ["poll", "replay", "replay"]


def test_only_what_a_run_would_send_is_sent(stage):
    settings = {**ONE_PASS, "RULES": rules(mode="exclude", excluded_events=["GetInstance"])}
    stage.run(**settings)
    hidden(stage, 4, 20, listed_after=0)
    (dry,) = stage.call(request(stage, "reconcile", 60, 10, dry=True), **settings)
    assert (dry.relisted, dry.fetched, dry.forwarded, dry.filtered, dry.missing) == (4, 4, 0, {"excluded_event": 4}, [])
    assert stage.receiver.messages == []


def test_delivered_events_are_not_missing(stage):
    stage.emit(stage.world.tenancy, 5, 25)
    stage.run(**ONE_PASS)
    (dry,) = stage.call(request(stage, "reconcile", 60, 5, dry=True), **ONE_PASS)
    assert (dry.relisted, dry.fetched) == (5, 0)


def test_without_a_state_nothing_is_sent(stage):
    stage.emit(stage.world.tenancy, 5, 25)
    with pytest.raises(RunFailed) as failed:
        stage.call(request(stage, "reconcile", 60, 10), **ONE_PASS)
    assert failed.value.what == (
        "us-ashburn-1: What is missing in us-ashburn-1 could not be determined: there is no state, so nothing was sent yet."
        " Run `epimetheus run` first. To send a window without comparing it with the ledger, use a replay."
    )
    assert (stage.receiver.messages, stage.world.objects("audit-state")) == ([], {})


def test_a_window_whose_entries_may_be_deleted_is_rejected(stage):
    stage.run(**ONE_PASS)
    with pytest.raises(RequestError) as rejected:
        stage.call(request(stage, "reconcile", 9 * 1440 + 1, 9 * 1440 - 60), **ONE_PASS, LEDGER_DAYS="9")
    assert str(rejected.value) == (
        "The reconciliation was rejected: 2025-12-23T11:59:00Z is more than 9 days ago, and the ledger keeps entries for LEDGER_DAYS=9."
        " Begin at 2025-12-23T12:00:00Z or later. To send an older window, use a replay, which sends all of its events."
    )
    with pytest.raises(RequestError, match="The replay was rejected: "):
        stage.call(request(stage, "replay", 9 * 1440 + 1, 9 * 1440 - 60, missing_only=True), **ONE_PASS, LEDGER_DAYS="9")
    (accepted,) = stage.call(request(stage, "reconcile", 9 * 1440, 9 * 1440 - 60), **ONE_PASS, LEDGER_DAYS="9")
    assert accepted.status == "ok"


def test_the_state_of_another_receiver_is_refused(stage):
    stage.emit(stage.world.tenancy, 5, 25)
    stage.run(**ONE_PASS)
    with pytest.raises(RunFailed, match="belongs to"):
        stage.call(request(stage, "reconcile", 60, 10), **{**ONE_PASS, "SYSLOG_SERVER_NAME": "other.example.com"})


def test_nothing_is_sent_while_the_ledger_cannot_be_written(stage):
    late = hidden(stage, 40, 20, listed_after=1)
    later = hidden(stage, 5, 10, listed_after=1, name="later")
    stage.run(**ONE_PASS)
    stage.hand.forward(2 * 60)
    whole = request(stage, "reconcile", 60, 4)
    stage.world.faults.add("status", status=500, operation="PutObject", times=None)
    with pytest.raises(RunFailed, match="Nothing is sent until the ledger can be written"):
        stage.call(whole, **ONE_PASS)
    stage.world.faults.clear()
    assert stage.receiver.messages == []
    (again,) = stage.call(whole, **ONE_PASS)
    assert again.forwarded == 45
    (done,) = stage.call(whole, **ONE_PASS)
    assert (done.relisted, done.forwarded) == (45, 0)
    assert sorted(arrived(stage)) == sorted(late + later)


def test_a_window_ends_at_the_cursor(stage):
    """Five events were processed after the cursor, at 11:58, or after the position of a compartment that is behind."""
    app = stage.world.add_compartment("app")
    stage.run(**ONE_PASS)
    stage.world.forbid(app)
    stage.hand.forward(600)
    stage.run(**ONE_PASS)
    stage.world.allow(app)
    behind = stage.emit(app, 4, 10)
    late = hidden(stage, 2, 5, listed_after=0)
    stage.hand.forward(300)
    fresh = stage.emit(stage.world.tenancy, 5, 1)
    (sent,) = stage.call(request(stage, "reconcile", 30), **ONE_PASS)
    assert (sent.status, sent.window[1], sent.through, sent.forwarded) == ("ok", "2026-01-01T12:08:00Z", "2026-01-01T12:08:00Z", 2)
    assert sent.warnings == ["The window ends at the cursor, 2026-01-01T12:08:00Z: runs forward later events."]
    assert arrived(stage) == late
    (none,) = stage.call(request(stage, "reconcile", 5), **ONE_PASS)
    assert (none.status, none.window) == ("ok", ["2026-01-01T12:10:00Z", "2026-01-01T12:10:00Z"])
    assert none.warnings == ["No part of the window is before the cursor, 2026-01-01T12:08:00Z: runs forward later events."]
    stage.hand.forward(300)
    stage.run(**ONE_PASS)
    assert sorted(arrived(stage)) == sorted(late + fresh + behind)
    assert [structured(message).get("late") for message in stage.receiver.messages[2:]] == [None] * 9


def test_a_damaged_entry_ends_the_comparison_before_anything_is_sent(stage):
    stage.emit(stage.world.tenancy, 5, 25)
    stage.run(**ONE_PASS)
    hidden(stage, 2, 20, listed_after=0)
    name = f"{LEDGER}{stage.state().newest_entry}"
    stage.world.put("audit-state", name, stage.world.objects("audit-state")[name][:-1])
    for more in ({"dry": True}, {}):
        with pytest.raises(RunFailed, match=r"is damaged: .* Nothing was sent for this time"):
            stage.call(request(stage, "reconcile", 60, 10, **more), **ONE_PASS)
    assert len(stage.receiver.messages) == 5


def test_the_command_asks_before_it_sends(terminal):  # noqa: F811
    stage, run_cli = terminal
    run_cli("run")
    late = hidden(stage, 3, 30, listed_after=0)
    window = ("reconcile", "--from", "50m", "--to", "10m")
    refused = run_cli(*window)
    says = "A reconciliation sends events: this requires confirmation, but stdin is not a terminal.\nAdd --yes to confirm.\n"
    assert (refused.exit_code, refused.stderr) == (2, says)
    denied = run_cli(*window, answer="n\n")
    assert (denied.exit_code, "Send 3 missing events, marked as late? [y/N]:" in denied.stderr, arrived(stage)) == (1, True, [])
    assert (run_cli(*window, answer="y\n").exit_code, arrived(stage)) == (0, late)
    assert "There is nothing to send.\n" in run_cli(*window, answer="y\n").stderr


def test_a_command_that_fails_before_it_lists_anything_says_only_why(terminal):  # noqa: F811
    _, run_cli = terminal
    failed = run_cli("reconcile", "--from", "50m", "--to", "10m", "--dry-run")
    assert failed.stderr.startswith("us-ashburn-1 reconcile failed: What is missing in us-ashburn-1 could not be determined:")
    assert (failed.exit_code, failed.stdout, failed.stderr.count("\n")) == (2, "", 1)
    unknown = run_cli("reconcile", "--from", "50m", "--to", "10m", "--compartment", "nope", "--dry-run")
    assert unknown.stderr.endswith("\nCorrect the command and run it again.\n")


def test_what_is_not_read_at_the_cursor_yet_is_no_lag_of_a_pass():
    """At 12:00, the cursor is at 09:30: the hours up to 11:00 are closed, and those up to 09:00 can be listed again."""
    noon = int(NOON // 60)
    state = State("us-ashburn-1", noon - 150, reconciled={60: Reconciled(noon - 240), 120: Reconciled(noon - 480)})
    assert lag_minutes(state, noon) == {60: 90, 120: 330}


@pytest.mark.parametrize("command", [("reconcile",), ("replay", "--missing-only")])
def test_a_window_before_the_ledger_is_rejected_before_the_command_asks(terminal, command):  # noqa: F811
    stage, run_cli = terminal
    rejected = run_cli(*command, "--from", "90d", "--to", "1h", LEDGER_DAYS="9")
    assert (rejected.exit_code, stage.world.requests) == (2, [])
    assert " is more than 9 days ago, and the ledger keeps entries for LEDGER_DAYS=9.\nBegin at " in rejected.stderr
    assert "confirm" not in rejected.output


def test_the_command_names_missing_events_and_sends_them(terminal):  # noqa: F811
    stage, run_cli = terminal
    stage.environment["RECONCILE_AFTER"] = "60"
    stage.emit(stage.world.tenancy, 5, 40)
    run_cli("run")
    late = hidden(stage, 22, 30, listed_after=0)
    window = ("--from", "50m", "--to", "10m")
    dry = run_cli("reconcile", *window, "--dry-run")
    assert dry.exit_code == 0
    assert dry.stdout.startswith("us-ashburn-1 reconcile ok: 22 missing events would be sent, 40 minutes of 1 compartment, from ")
    assert "  listed 27  in the ledger 5  missing 22  duplicates 0  filtered 0\n" in dry.stdout
    assert dry.stdout.count("  Missing: ") == 20
    assert f"  com.oraclecloud.ComputeApi.GetInstance  {late[0]}  root\n" in dry.stdout
    assert "  And 2 more.\n" in dry.stdout
    assert len(stage.receiver.messages) == 5
    sent = run_cli("reconcile", *window, "--yes")
    assert (sent.exit_code, arrived(stage)[5:]) == (0, late)
    assert ["OracleOCIAuditLate=true" in str(message) for message in stage.receiver.messages] == [False] * 5 + [True] * 22
    assert "22 missing events sent, 40 minutes" in sent.stdout
    assert (sent.stdout.count("  Sent: "), sent.stdout.count("  Missing: ")) == (20, 0)
    assert "; 27 events listed, 22 missing so far\n" in sent.stderr
    (result,) = json.loads(run_cli("reconcile", *window, "--yes", "--json").stdout)
    assert (result["action"], result["relisted"], result["forwarded"]) == ("reconcile", 27, 0)


def test_the_command_reports_an_unreadable_compartment_with_1_and_a_missing_state_with_2(terminal):  # noqa: F811
    stage, run_cli = terminal
    window = ("--from", "50m", "--to", "10m")
    assert run_cli("reconcile", *window, "--yes").exit_code == 2
    run_cli("run")
    closed = stage.world.add_compartment("closed")
    stage.world.forbid(closed)
    partial = run_cli("reconcile", *window, "--yes")
    assert (partial.exit_code, f"Not read: {closed}: " in partial.stdout) == (1, True)


def test_what_was_sent_before_a_rewind_is_not_missing(terminal):  # noqa: F811
    stage, run_cli = terminal
    stage.emit(stage.world.tenancy, 5, 40)
    run_cli("run")
    assert run_cli("state", "rewind", "30m", "--yes").exit_code == 0
    (result,) = json.loads(run_cli("reconcile", "--from", "50m", "--to", "10m", "--yes", "--json").stdout)
    assert (result["relisted"], result["fetched"]) == (5, 0)
    (report,) = json.loads(run_cli("run", "--json").stdout)
    assert report["forwarded"] == 5


def test_a_run_removes_entries_that_are_older_than_ledger_days_from_the_folder(terminal, tmp_path):  # noqa: F811
    stage, run_cli = terminal
    stage.emit(stage.world.tenancy, 5, 40)
    run_cli("run")
    ledger = tmp_path / "cursor.ledger"
    (kept,) = [path for path in ledger.rglob("*") if path.is_file()]
    ages = {}
    for days in (34, 37):
        moment = datetime.fromtimestamp(stage.hand.time - days * 86_400, UTC)
        ages[days] = ledger / f"{moment:%Y/%m/%d}" / kept.name
        ages[days].parent.mkdir(parents=True, exist_ok=True)
        ages[days].write_bytes(b"")
        os.utime(ages[days], (moment.timestamp(), moment.timestamp()))
    run_cli("run")
    assert [path.is_file() for path in (kept, ages[34], ages[37])] == [True, True, False]
    run_cli("run", LEDGER_DAYS="30")
    assert [path.is_file() for path in (kept, ages[34])] == [True, False]


def test_replay_missing_only_requests_confirmation(terminal):  # noqa: F811
    stage, run_cli = terminal
    stage.emit(stage.world.tenancy, 5, 40)
    run_cli("run")
    late = hidden(stage, 3, 30, listed_after=0)
    window = ("--from", "50m", "--to", "10m", "--missing-only")
    asked = run_cli("replay", *window, answer="n\n")
    assert (asked.exit_code, len(stage.receiver.messages)) == (1, 5)
    assert "Send 3 missing events? [y/N]:" in asked.stderr
    assert run_cli("replay", *window, answer="y\n").exit_code == 0
    assert arrived(stage)[5:] == late
    assert "There is nothing to send." in run_cli("replay", *window, answer="y\n").stderr
