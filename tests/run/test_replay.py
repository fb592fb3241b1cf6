"""Replays: a window is sent again, marked, and the state does not change."""

import json

import pytest

from epimetheus.errors import RequestError
from epimetheus.function.invoke import RunFailed
from epimetheus.function.request import Replay
from epimetheus.model import Window, minute_text, parse_minute
from epimetheus.testing.syslog import parse_message
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.run.test_rules_in_a_run import JSON, put, rules
from tests.support.hand import NOON
from tests.support.harness import event_id

FROM, TO = "2026-01-01T11:30:00Z", "2026-01-01T11:50:00Z"


def body(**more):
    return json.dumps({"action": "replay", "from": FROM, "to": TO, **more}).encode()


def replayed(stage, **more):
    settings = {key: more.pop(key) for key in list(more) if key.isupper()}
    options = {key: more.pop(key) for key in ("seconds", "clock") if key in more}
    (result,) = stage.call(body(**more), **options, **{**JSON, **settings})
    return result


def test_a_replay_sends_its_window_marked_and_does_not_change_the_state(stage):
    app = stage.world.add_compartment("app")
    before, within, after = (put(stage, "GetInstance", 3, minutes, place=app) for minutes in (35, 25, 9))
    stage.run(**JSON)
    written, count = stage.world.objects("audit-state"), len(stage.receiver.messages)
    result = replayed(stage)
    assert (result.status, result.fetched, result.forwarded, result.through, result.unread) == ("ok", 3, 3, TO, {})
    again = [parse_message(message) for message in stage.receiver.messages[count:]]
    assert [event_id(message) for message in stage.receiver.messages[count:]] == within
    assert {message.structured["epimetheus@32473"].get("replay") for message in again} == {"true"}
    added = json.loads(again[0].body)["epimetheus"]
    assert (added["compartmentPath"], added["replay"]) == ("root/app", True)
    assert result.compartments == 2
    assert "replay" not in parse_message(stage.receiver.messages[0]).structured["epimetheus@32473"]
    assert stage.world.objects("audit-state") == written
    assert before[0] not in {event_id(message) for message in stage.receiver.messages[count:]} - set(after)
    assert stage.run(**JSON).forwarded == 0


def test_a_replay_can_be_limited_to_some_compartments(stage):
    app, other = stage.world.add_compartment("app"), stage.world.add_compartment("other")
    put(stage, "GetInstance", 2, 25, place=app)
    put(stage, "GetInstance", 2, 25, place=other, prefix="other-")
    assert replayed(stage, compartments=[app]).forwarded == 2
    assert {event_id(message)[:5] for message in stage.receiver.messages} == {"GetIn"}


def test_a_replay_of_excluded_compartments_is_rejected(stage):
    app, other = stage.world.add_compartment("app"), stage.world.add_compartment("other")
    below = stage.world.add_compartment("below", app)
    for place in (app, below, other, stage.world.tenancy):
        put(stage, "GetInstance", 2, 25, place=place, prefix=place[-4:])
    unlisted = "ocid1.compartment.oc1..unlisted"
    modes = {
        "include": ({"COMPARTMENT_MODE": "include", "COMPARTMENT_IDS": app}, [app, below], [other, stage.world.tenancy, unlisted]),
        "exclude": ({"COMPARTMENT_MODE": "exclude", "COMPARTMENT_IDS": app}, [other, stage.world.tenancy], [app, below, unlisted]),
        "tenancy_only": ({"COMPARTMENT_MODE": "tenancy_only"}, [stage.world.tenancy], [app, below, other, unlisted]),
    }
    for mode, (settings, included, excluded) in modes.items():
        assert replayed(stage, compartments=included, **settings).forwarded == 2 * len(included)
        sent = len(stage.receiver.messages)
        for ocid in excluded:
            with pytest.raises(RequestError) as caught:
                replayed(stage, compartments=[ocid, included[0]], **settings)
            assert caught.value.what == f"The replay was rejected: COMPARTMENT_MODE={mode} does not include {ocid}."
            assert "COMPARTMENT_IDS" in caught.value.do
        with pytest.raises(RequestError, match=f"COMPARTMENT_MODE={mode} does not include"):
            replayed(stage, compartments=excluded, dry=True, **settings)
        assert len(stage.receiver.messages) == sent
    with pytest.raises(RequestError, match=r"x4, x5 and 2 more\."):
        replayed(stage, compartments=[f"x{n}" for n in range(1, 8)], COMPARTMENT_MODE="tenancy_only")


def test_a_dry_run_counts_and_sends_nothing(stage):
    put(stage, "GetInstance", 3, 25)
    put(stage, "ListBuckets", 4, 25)
    result = replayed(stage, dry=True, RULES=rules(mode="exclude", excluded_events=["ListBuckets"]))
    assert (result.dry, result.fetched, result.forwarded, result.filtered) == (True, 7, 3, {"excluded_event": 4})
    assert (stage.receiver.messages, stage.receiver.connections) == ([], 0)


def test_an_unreadable_compartment_is_reported_and_the_others_are_replayed(stage):
    closed = stage.world.add_compartment("closed")
    stage.world.forbid(closed)
    put(stage, "GetInstance", 3, 25)
    result = replayed(stage)
    assert (result.status, result.forwarded, result.through, list(result.unread)) == ("partial", 3, TO, [closed])
    assert result.unread[closed].startswith("from 2026-01-01T11:30:00Z: Listing the events of")


def test_a_replay_that_ran_out_of_time_can_continue_from_its_reported_position(stage):
    put(stage, "GetInstance", 300, 29, seconds=3.0)
    stage.world.faults.add("delay", seconds=0.4, operation="ListEvents", times=None)
    first = replayed(stage, seconds=6.0, clock=stage.hand.clock, SLICE_MINUTES="5")
    assert first.status == "partial"
    assert FROM < first.through < TO
    stage.world.faults.clear()
    ((rest),) = stage.call(json.dumps({"action": "replay", "from": first.through, "to": TO}).encode(), **JSON)
    assert (rest.status, rest.through) == ("ok", TO)
    assert first.forwarded + rest.forwarded >= 300
    assert len({event_id(message) for message in stage.receiver.messages}) == 300


def test_a_failed_replay_raises(stage):
    put(stage, "GetInstance", 3, 25)
    stage.receiver.stop()
    with pytest.raises(RunFailed, match="localhost"):
        replayed(stage)


def test_a_replay_with_an_rfc3164_header_is_marked_in_the_tag(stage):
    put(stage, "GetInstance", 1, 25)
    replayed(stage, SYSLOG_HEADER="rfc3164")
    assert b" epimetheus[replay]: {" in stage.receiver.messages[0]


def test_the_command_counts_first_and_requests_confirmation(terminal):  # noqa: F811
    stage, type_in = terminal
    ids = stage.emit(stage.world.tenancy, 30, 20)
    start = stage.hand.time - 3600
    window = ("--from", iso(start), "--to", iso(stage.hand.time - 300))
    done = type_in("replay", *window, answer="n\n")
    assert (done.exit_code, stage.receiver.messages) == (1, [])
    assert "replay ok: 30 events would be sent again, 55 minutes of 1 compartment, from" in done.stderr
    assert 'replay="true" in the syslog header and OracleOCIAuditReplay=true in the body.' in done.stderr
    assert "Send 30 events again? [y/N]:" in done.stderr
    done = type_in("replay", *window, "--json", answer="y\n")
    assert (done.exit_code, stage.arrived()) == (0, ids)
    (result,) = json.loads(done.stdout[done.stdout.index("[") :])
    assert (result["forwarded"], result["dry"]) == (30, False)
    dry = type_in("replay", *window, "--dry-run")
    assert (dry.exit_code, dry.stdout.startswith("us-ashburn-1 replay ok: 30 events would be sent again, ")) == (0, True)
    empty = type_in("replay", "--from", iso(start - 3600), "--to", iso(start), answer="y\n")
    assert (empty.exit_code, empty.stderr.endswith("There is nothing to send.\n"), "[y/N]" in empty.stderr) == (0, True, False)
    sent = type_in("replay", *window, "--yes")
    assert (sent.exit_code, sent.stdout.startswith("us-ashburn-1 replay ok: 30 events sent again, ")) == (0, True)
    assert len(stage.arrived()) == 60
    assert stage.world.objects("audit-state") == {}


def iso(seconds):
    return minute_text(int(seconds // 60))


@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        ("yesterday", "2026-01-01T00:00:00Z", "The request was rejected: from='yesterday' is not an RFC 3339 time."),
        ("2026-01-01T00:00:00Z", "2026-01-01", "The request was rejected: to='2026-01-01' is not an RFC 3339 time."),
        (
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:30Z",
            "The request was rejected: from and to are both in the minute 2026-01-01T00:00:00Z.",
        ),
        (
            "2026-01-01T00:01:00Z",
            "2026-01-01T00:00:30Z",
            "The request was rejected: from=2026-01-01T00:01:00Z is not before to=2026-01-01T00:00:30Z.",
        ),
    ],
)
def test_an_invalid_window_is_rejected(start, end, why):
    with pytest.raises(RequestError) as caught:
        Replay(start, end).window(NOON)
    assert caught.value.what == why


def test_the_command_names_its_options_in_an_invalid_window(terminal):  # noqa: F811
    _, type_in = terminal
    done = type_in("replay", "--from", "2h", "--to", "now")
    says = "--to now: expected a time such as 2026-11-24T10:05:00Z, or a duration before now such as 3h\n"
    assert (done.exit_code, done.stderr) == (2, f"{says}Correct the command and run it again.\n")


def test_the_command_that_continues_a_replay_has_the_options_of_the_first(terminal, tmp_path):  # noqa: F811
    stage, type_in = terminal
    stage.emit(stage.world.tenancy, 3, 20)
    stage.receiver.stop()
    (tmp_path / "my settings.env").write_text("LOG_LEVEL=info\n")
    start, end = iso(stage.hand.time - 3600), iso(stage.hand.time - 300)
    options = ("--yes", "--env-file", str(tmp_path / "my settings.env"), "--timeout", "5m")
    done = type_in("replay", "--from", start, "--to", end, *options)
    assert done.exit_code == 2
    lines = done.stderr.splitlines()
    command = lines[lines.index("To continue in us-ashburn-1, run:") + 1]
    assert command == (
        f"epimetheus replay --from {start} --to {end} --env-file '{tmp_path}/my settings.env' --yes --timeout 5m"
    )


@pytest.mark.parametrize(
    ("start", "end", "error"),
    [
        (
            "2026-01-01T11:00:00Z",
            "2026-01-01T12:01:00Z",
            "The request was rejected: to=2026-01-01T12:01:00Z is in the future; the current time is 2026-01-01T12:00:00.000Z."
            " Use a window in the past.",
        ),
        (
            "2025-01-01T11:59:00Z",
            "2025-01-01T12:01:00Z",
            "The request was rejected: from=2025-01-01T11:59:00Z is more than 365 days ago."
            " OCI Audit keeps events for 365 days; the earliest time is 2025-01-01T12:00:00Z.",
        ),
        (
            "2026-01-01T12:01:00Z",
            "2026-01-01T13:00:00Z",
            "The request was rejected: to=2026-01-01T13:00:00Z is in the future; the current time is 2026-01-01T12:00:00.000Z."
            " Use a window in the past.",
        ),
        (
            "2024-12-31T12:00:00Z",
            "2025-01-01T12:00:00Z",
            "The request was rejected: from=2024-12-31T12:00:00Z is more than 365 days ago."
            " OCI Audit keeps events for 365 days; the earliest time is 2025-01-01T12:00:00Z.",
        ),
    ],
)
def test_a_window_of_which_audit_cannot_have_a_part_is_rejected(stage, start, end, error):
    with pytest.raises(RequestError) as caught:
        stage.call(json.dumps({"action": "replay", "from": start, "to": end}).encode())
    assert str(caught.value) == error


@pytest.mark.parametrize(
    ("start", "end"),
    [("2026-01-01T11:59:00Z", "2026-01-01T12:00:00Z"), ("2025-01-01T12:00:00Z", "2025-01-01T12:01:00Z")],
)
def test_a_window_that_audit_keeps_is_accepted(start, end):
    now = parse_minute("2026-01-01T12:00:00Z") * 60
    assert Replay(start, end).window(now) == Window(parse_minute(start), parse_minute(end))
