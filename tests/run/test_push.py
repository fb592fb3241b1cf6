"""Pushes through the real function in this process: rules, limits, own polling, the ledger, failures, and the runs beside them."""

import base64
import json
import random

import pytest

from epimetheus.errors import RequestError
from epimetheus.function.invoke import RunFailed
from epimetheus.model import time_text
from epimetheus.state.encoding import pack
from epimetheus.testing.syslog import parse_message
from tests.support.harness import keys_in
from tests.support.pushes import batch, entries

PUSH = {"PUSH": "true", "OWN_EVENTS": "forward"}
JSON = {**PUSH, "FORMAT": "json"}


@pytest.fixture
def ready(stage):
    """A stage after a first run."""
    assert stage.run(**PUSH).status == "ok"
    return stage


def push(stage, entries, *, seconds=60.0, **changes):
    (pushed,) = stage.call(batch(entries), seconds=seconds, **{**PUSH, **changes})
    return pushed


def call(stage, name, minutes_ago, number=1, *, event_type=None, **data):
    """Add an event of ``name``, ``minutes_ago``. Returns its ID."""
    when = stage.hand.time - minutes_ago * 60
    event_id = f"{name}-{minutes_ago}-{number}"
    event = {
        "eventType": event_type or f"com.oraclecloud.x.{name}", "eventId": event_id, "eventTime": time_text(when),
        "data": {"eventName": name, "compartmentId": stage.world.tenancy, "message": f"{name} succeeded", **data},
    }  # fmt: skip
    stage.world.add_event(stage.world.tenancy, event, processed=when + 1)
    return event_id


def push_entries(stage):
    """Returns the entries of pushes. Those that test the ledger have no events."""
    return [entry for name, entry in stage.entries().items() if name.endswith("-push") and keys_in(entry)]


def test_pushed_events_are_not_polled_again_and_the_entry_tells_so(ready):
    ids = ready.emit(ready.world.tenancy, 30, 4)
    pushed = push(ready, entries(ready.world, ids))
    assert (pushed.status, pushed.fetched, pushed.forwarded, pushed.unconfirmed) == ("ok", 30, 30, 0)
    (entry,) = push_entries(ready)
    assert (entry.source, entry.epoch, keys_in(entry), entry.messages.last, entry.polled) == ("push", ready.state().epoch, 30, 30, 1)
    ready.hand.forward(1500)
    report = ready.run(**PUSH)
    assert (report.status, report.forwarded, report.duplicates, report.pushed, report.filled) == ("ok", 0, 30, 30, 0)
    assert sorted(ready.arrived()) == sorted(ids)


def test_a_push_reads_only_the_pushes_that_may_have_had_its_events(ready):
    batches = []
    for number in range(12):
        batches.append(entries(ready.world, ready.emit(ready.world.tenancy, 5, 1, seed=number)))
        ready.hand.forward(60)
        pushed = push(ready, batches[-1])
        assert (pushed.forwarded, pushed.api["object_storage"]["requests"] <= 8) == (5, True), pushed.api
    for again in batches:
        assert push(ready, again).duplicates == 5
    assert push(ready, [one for some in batches for one in some]).duplicates == 60


def test_a_retry_with_events_of_several_hours_sends_nothing(ready):
    ids = [one for hours in (5, 3, 1, 0) for one in ready.emit(ready.world.tenancy, 4, 60 * hours + 4, seed=hours)]
    some = entries(ready.world, ids)
    assert push(ready, some).forwarded == 16
    assert len(push_entries(ready)) == 1
    assert (push(ready, some).duplicates, push(ready, some[:6]).duplicates, push(ready, some[-6:]).duplicates) == (16, 6, 6)


def test_the_entry_of_a_push_that_is_days_late_is_named_by_the_next_seal(ready):
    ids = ready.emit(ready.world.tenancy, 4, 3 * 1440)
    assert push(ready, entries(ready.world, ids)).forwarded == 4
    late, other = (entry for name, entry in ready.entries().items() if name.endswith("-push") and not entry.run.startswith("test-"))
    assert (late.unsealed, list(other.unsealed), keys_in(other)) == ({}, [late.name.text()], 0)
    for _ in range(2):
        ready.hand.forward(60)
        ready.run(**PUSH)
    _, second, third = ready.seals().values()
    named = [entry.name for entry in second.entries if "-test-" not in entry.name]
    assert (named, third.entries) == ([late.name.text(), other.name.text()], [])


def test_a_push_writes_no_state_and_takes_no_lease(ready):
    before = ready.world.objects("audit-state")["epimetheus/us-ashburn-1.state"]
    push(ready, entries(ready.world, ready.emit(ready.world.tenancy, 3, 4)))
    assert ready.world.objects("audit-state")["epimetheus/us-ashburn-1.state"] == before


@pytest.mark.parametrize("seed", range(3))
def test_any_mix_of_pushes_retries_and_runs_delivers_each_event_once(ready, seed):
    dice = random.Random(seed)
    other = ready.world.add_compartment("other")
    ids = []
    for _ in range(6):
        new = [*ready.emit(ready.world.tenancy, 8, 3, seed=len(ids)), *ready.emit(other, 5, 3, seed=len(ids) + 1)]
        ids += new
        some = entries(ready.world, dice.sample(new, dice.randrange(len(new))))
        for _ in range(dice.choice((1, 1, 2))):
            push(ready, some)
        ready.hand.forward(dice.choice((300, 900, 2400)))
        assert ready.run(**PUSH).status == "ok"
    ready.hand.forward(3000)
    ready.run(**PUSH)
    assert sorted(ready.arrived()) == sorted(ids)


def test_a_run_marks_what_it_fills_as_late_and_warns_if_nothing_is_pushed(ready):
    ids = ready.emit(ready.world.tenancy, 4, 2)
    push(ready, entries(ready.world, ids[:1]))
    ready.hand.forward(1500)
    report = ready.run(**PUSH)
    assert (report.pushed, report.filled, report.forwarded) == (1, 3, 3)
    assert not any("pushed" in warning for warning in report.warnings)
    assert [b'late="true"' in message for message in ready.receiver.messages] == [False, True, True, True]
    ready.emit(ready.world.tenancy, 4, 2)
    ready.hand.forward(1500)
    report = ready.run(**PUSH)
    assert (report.pushed, report.filled) == (0, 4)
    (warning,) = [warning for warning in report.warnings if "pushed" in warning]
    assert warning.startswith("No event was pushed from ")
    assert "but polling found 4 events. Nothing is lost. Check the connector's state" in warning


def test_events_that_were_polled_during_an_outage_are_not_sent_again_by_the_connector(ready):
    ids = ready.emit(ready.world.tenancy, 20, 5)
    some = entries(ready.world, ids)
    ready.hand.forward(4 * 3600)
    assert ready.run(**PUSH).filled == 20
    pushed = push(ready, some)
    assert (pushed.forwarded, pushed.duplicates) == (0, 20)
    assert sorted(ready.arrived()) == sorted(ids)


RULES = json.dumps({
    "event_filtering": {
        "enabled": True, "mode": "exclude", "excluded_events": ["*.GetX"],
        "rate_limiting": {"*.ListX": {"enabled": True, "max_per_hour": 2}},
    }
})  # fmt: skip


def test_rules_apply_and_limits_are_left_to_the_run(ready):
    kinds = [("GetX", 5), ("ListX", 5), ("ListX", 4), ("ListX", 3), ("PutX", 5)]
    ids = [call(ready, name, minutes) for name, minutes in kinds]
    pushed = push(ready, entries(ready.world, ids), RULES=RULES)
    assert (pushed.fetched, pushed.forwarded, pushed.filtered, pushed.deferred) == (5, 1, {"excluded_event": 1}, 3)
    assert pushed.warnings == [
        "3 events are left to the next scheduled run, which applies hourly limits, OWN_EVENTS and COMPARTMENT_MODE to them."
    ]
    assert keys_in(push_entries(ready)[0]) == 2
    ready.hand.forward(1800)
    report = ready.run(**PUSH, RULES=RULES)
    assert (report.forwarded, report.duplicates, report.filtered, report.filled) == (2, 2, {"rate_limited": 1}, 0)
    assert ready.arrived() == ["PutX-5-1", "ListX-5-1", "ListX-4-1"]
    assert [b'late="true"' in message for message in ready.receiver.messages] == [False, False, False]


def test_polling_calls_of_functions_are_left_to_the_run(ready):
    function = {"identity": {"principalId": "ocid1.fnfunc.oc1..a", "authType": "resource", "ipAddress": "10.0.0.9"}}
    person = {"identity": {"principalId": "ocid1.user.oc1..a"}}
    ids = [call(ready, "ListEvents", 5, **function), call(ready, "GetX", 5, **function), call(ready, "ListEvents", 4, **person)]
    pushed = push(ready, entries(ready.world, ids), OWN_EVENTS="summarize")
    assert (pushed.forwarded, pushed.deferred, ready.arrived()) == (2, 1, ids[1:])
    ready.hand.forward(1500)
    assert ready.run(**{**PUSH, "OWN_EVENTS": "summarize"}).forwarded == 1


def test_a_watched_resource_is_sent_at_once_whatever_the_limit(ready):
    watched = "ocid1.vaultsecret.oc1.iad.watched"
    ids = [call(ready, "ListX", 5, resourceId=watched)]
    pushed = push(ready, entries(ready.world, ids), RULES=RULES, TAMPER_WATCH=watched, FORMAT="json")
    assert (pushed.forwarded, pushed.deferred) == (1, 0)
    assert b"tamperWatch" in ready.receiver.messages[0]


@pytest.mark.parametrize("mode", ["include", "exclude", "tenancy_only"])
def test_compartments_that_a_setting_excludes_are_not_sent(stage, mode):
    kept, other = (stage.world.add_compartment(name) for name in ("kept", "other"))
    ids = {"include": kept, "exclude": other}
    settings = {**PUSH, "COMPARTMENT_MODE": mode, **({"COMPARTMENT_IDS": ids[mode]} if mode in ids else {})}
    assert stage.run(**settings).status == "ok"
    events = [*stage.emit(kept, 2, 3), *stage.emit(other, 3, 3), *stage.emit(stage.world.tenancy, 4, 3)]
    pushed = push(stage, entries(stage.world, events), **settings)
    assert (pushed.forwarded, pushed.deferred) == {"include": (2, 7), "exclude": (6, 3), "tenancy_only": (4, 5)}[mode]
    assert pushed.fetched == 9


def test_a_malformed_element_and_a_large_one_arrive_redacted_and_cut(ready):
    large = json.dumps({"type": "t", "id": "l", "data": {"eventName": "x", "message": "m" * 9000}}).encode()
    bad = b'{"data": {"eventName": 7, "password": "hunter2"}, "type": "t"}'
    pushed = push(ready, [large, bad], **JSON)
    assert (pushed.forwarded, pushed.malformed, pushed.truncated) == (2, 1, 1)
    assert max(map(len, ready.receiver.messages)) <= 8000
    assert not any(b"hunter2" in message for message in ready.receiver.messages)
    again = push(ready, [large, bad], **JSON)
    assert (again.forwarded, again.duplicates) == (0, 2)


def test_a_json_message_is_the_event_in_loggings_form(ready):
    (one,) = ready.emit(ready.world.tenancy, 1, 3)
    push(ready, entries(ready.world, [one]), **JSON)
    body = json.loads(parse_message(ready.receiver.messages[0]).body)
    assert (body["id"], body["oracle"]["loggroupid"], body["specversion"]) == (one, "_Audit", "1.0")


def test_without_a_state_a_push_fails_and_says_why(stage):
    with pytest.raises(RunFailed, match=r"there is no state of us-ashburn-1, so .*\. Run the scheduled function once"):
        push(stage, [b"{}"])
    assert stage.receiver.messages == []


def test_a_deployment_without_push_rejects_a_batch(stage):
    with pytest.raises(RequestError, match="PUSH is false"):
        stage.call(b"[]")


def test_a_receiver_that_dies_leaves_what_it_confirmed_in_the_ledger(ready):
    ids = ready.emit(ready.world.tenancy, 1200, 5)
    some = entries(ready.world, ids)
    ready.expect_problems = True
    ready.receiver.faults.add("die", after=700)
    with pytest.raises(RunFailed):
        push(ready, some)
    arrived = set(ready.arrived())
    ready.receiver.start()
    pushed = push(ready, some)
    assert (pushed.status, pushed.fetched) == ("ok", 1200)
    assert set(ready.arrived()) == set(ids)
    assert pushed.duplicates <= len(arrived)


def test_an_entry_that_cannot_be_written_fails_the_push(ready):
    some = entries(ready.world, ready.emit(ready.world.tenancy, 3, 5))
    ready.world.forbid_objects("audit-state", "create", prefix="epimetheus/ledger/")
    for _ in range(3):
        with pytest.raises(RunFailed, match=r"Creating the ledger entry .* Nothing is sent until the ledger can be written\."):
            push(ready, some)
    assert ready.arrived() == []
    ready.world.allow_objects("audit-state")
    assert push(ready, some).forwarded == 3
    assert len(ready.arrived()) == 3


def test_a_ledger_that_fails_after_its_test_costs_one_repeat(ready):
    some = entries(ready.world, ready.emit(ready.world.tenancy, 3, 5))

    def forbid(write):
        if "-test-" in write.name:
            ready.world.forbid_objects("audit-state", "create", prefix="epimetheus/ledger/")

    ready.world.put_hook = forbid
    for seconds in (0, 60, 3600):
        ready.hand.forward(seconds)
        with pytest.raises(RunFailed, match="Creating the ledger entry"):
            push(ready, some)
    assert len(ready.arrived()) == 3
    ready.world.allow_objects("audit-state")
    ready.world.put_hook = None
    assert push(ready, some).forwarded == 3
    assert push(ready, some).duplicates == 3


def test_pushes_test_the_ledger_once_a_minute_if_they_send_anything(ready):
    batches = [entries(ready.world, ready.emit(ready.world.tenancy, 1, 9 - number, seed=number)) for number in range(4)]
    for number, seconds in ((0, 0), (1, 5), (2, 60), (0, 60)):
        ready.hand.forward(seconds)
        push(ready, batches[number])
    assert sum("-test-" in name for name in ready.entries()) == 2
    assert len(push_entries(ready)) == 3
    ready.hand.forward(900)
    assert ready.run(**PUSH).warnings == []
    (_, seal) = ready.seals().values()
    assert sum("-test-" in entry.name for entry in seal.entries) == 2


def test_a_push_without_time_fails_after_entering_what_was_confirmed(ready):
    some = entries(ready.world, ready.emit(ready.world.tenancy, 100, 5))
    with pytest.raises(RunFailed, match="time ran out"):
        push(ready, some, seconds=2.0001)
    assert push(ready, some).status == "ok"
    assert len(ready.arrived()) == 100


def test_after_a_rewind_a_run_sends_pushed_events_again_and_a_retry_does_not(ready):
    ids = ready.emit(ready.world.tenancy, 5, 5)
    some = entries(ready.world, ids)
    push(ready, some)
    ready.hand.forward(1500)
    ready.run(**PUSH)
    state = ready.state()
    ready.world.put(
        "audit-state", "epimetheus/us-ashburn-1.state", pack(state.rewound(state.through - 60, int(ready.hand.time // 60) + 1))
    )
    ready.marks.clear()
    assert push(ready, some).duplicates == 5
    ready.hand.forward(120)
    assert ready.run(**PUSH).forwarded == 5


def test_metrics_of_a_push(ready):
    ready.world.metrics.clear()
    ids = ready.emit(ready.world.tenancy, 5, 5)
    push(ready, entries(ready.world, ids))
    posted = {stream["name"]: stream["datapoints"][0]["value"] for stream in ready.world.metrics}
    assert {name: posted[name] for name in ("pushes_failed", "events_pushed", "push_duplicates")} == {
        "pushes_failed": 0.0, "events_pushed": 5.0, "push_duplicates": 0.0,
    }  # fmt: skip
    assert 240 <= posted["push_delay_seconds"] <= 600
    assert len(ready.world.requests_for("ListRegionSubscriptions")) == 1  # of the run


def test_two_pushes_of_different_batches_at_the_same_time_are_both_entered(ready):
    one, other = (entries(ready.world, ready.emit(ready.world.tenancy, 5, 5, seed=seed)) for seed in (1, 2))
    nested = []

    def second(write):
        if "/ledger/" in write.name and not nested:
            nested.append(True)
            push(ready, other)

    ready.world.put_hook = second
    push(ready, one)
    ready.world.put_hook = None
    assert [keys_in(entry) for entry in push_entries(ready)] == [5, 5]
    assert len(ready.arrived()) == 10


def hostile_batches(good):
    """Batches with ``good``, an event in Logging's form, and what a clumsy or hostile sender may add. Name → body."""
    nest, name = b"[" * 100_000 + b"]" * 100_000, good[good.index(b'"id"') : good.index(b'"id"') + 10]
    event = json.loads(good)

    def other(**changes):
        return json.dumps({**event, "id": "other", **changes}).encode()

    def message(value):
        encoded = base64.b64encode(value).decode()
        return json.dumps({"stream": "s", "partition": "0", "key": None, "value": encoded, "offset": 1, "timestamp": 2}).encode()

    def strange(**changes):
        return other(oracle={**event["oracle"], **changes})

    return {
        "deep nesting in an event": batch([good, good.replace(name, b'"x": %b, %b' % (nest, name))]),
        "a wrapper of deep nesting": batch([good, b'{"logContent": %b}' % nest]),
        "a wrapper of a number": batch([b'{"logContent": 7}', good]),
        "brackets": b"[%b,%b" % (good, b"[" * 3_000_000),
        "closed brackets": b"[%b,%b%b]" % (good, b"[" * 1_500_000, b"]" * 1_500_000),
        "a quote that is not closed": batch([good, good.replace(b'"id": "', b'"id": ')[:-1]]),
        "text after the list": batch([good, other()]) + b"]]",
        "a list in base64": batch([good, message(b"[" + b"0," * 1_000_000 + b"0]")]),
        "brackets in base64": batch([good, message(b"[" * 3_000_000)]),
        "base64 of nothing": batch([message(b""), good]),
        "base64 in base64": batch([message(message(good)), good]),
        "a large event": batch([good, other(data={**event["data"], "message": "m" * 3_000_000})]),
        "a large name": batch([good, strange(compartmentid="ocid1.compartment." + "x" * 2_000_000)]),
        "a name that is no OCID": batch([good, strange(compartmentid="a\n\u0000b")]),
        "a large time": batch([good, other(time="2" * 1_000_000)]),
        "the far future": batch([good, other(time="9999-12-31T23:59:59Z"), strange(ingestedtime="9999-12-31T23:59:59Z")]),
        "the far past": batch([good, other(time="0001-01-01T00:00:00Z"), strange(ingestedtime="0001-01-01T00:00:00Z")]),
        "no time and no compartment": batch([good, json.dumps({"type": "t", "data": {}}).encode()]),
        "another tenancy": batch([good, strange(tenantid="ocid1.tenancy.oc1..b", compartmentid="ocid1.tenancy.oc1..b")]),
        "duplicate keys": batch([good, other()[:-1] + b', "oracle": {"compartmentid": 7}, "data": {}, "time": 9}']),
        "invalid UTF-8": batch([good, other().replace(b'"other"', b'"\xff\xfe"')]),
    }


HOSTILE = list(hostile_batches(b'{"id": "e", "oracle": {}, "data": {}}'))


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_batch_is_read_to_its_end_and_no_run_or_retry_minds_it(ready, case):
    ids = ready.emit(ready.world.tenancy, 2, 3)
    (good,) = entries(ready.world, ids[:1])
    body = hostile_batches(good)[case]
    (pushed,) = ready.call(body, **PUSH)
    assert (pushed.status, pushed.warnings, pushed.unconfirmed) == ("ok", [], 0)
    (again,) = ready.call(body, **PUSH)
    assert (again.status, again.forwarded) == ("ok", 0)
    ready.hand.forward(2400)
    report = ready.run(**PUSH)
    assert (report.status, report.forwarded, report.duplicates) == ("ok", 1, 1)
    assert [ready.arrived().count(one) for one in ids] == [1, 1]


@pytest.mark.parametrize("character", ["\x01", "\ud800"])
def test_an_event_that_is_not_quite_json_is_not_polled_again(ready, character):
    other = ready.world.add_compartment("other")
    ready.run(**PUSH)
    event = {
        "eventType": "t", "eventId": "e", "eventTime": time_text(ready.hand.time - 300),
        "data": {"eventName": "GetX", "compartmentId": other, "message": "QZ"},
    }  # fmt: skip
    ready.world.add_event(other, event, processed=ready.hand.time - 299)
    (text,) = entries(ready.world, ["e"])
    raw = character.encode() if character == "\x01" else b"\\ud800"
    assert push(ready, [text.replace(b"QZ", raw)]).forwarded == 1
    assert {ocid for ocid, _ in push_entries(ready)[0].keys} == {other}
