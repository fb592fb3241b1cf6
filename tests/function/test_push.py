"""The real function takes batches of Connector Hub: half of the events is pushed, the other half polled, each arrives once."""

import base64
import json
import time
from contextlib import contextmanager

import pytest

from epimetheus.ledger.entry import unpack
from epimetheus.testing.oci.connector_hub import Connector
from tests.function.test_process import deployed
from tests.support.harness import event_id
from tests.support.pushes import batch, entries, places

LEDGER = "epimetheus/ledger/us-ashburn-1/"


def pushes(world):
    """The ledger's entries that pushes wrote, without the one that tests the ledger."""
    objects = world.objects("audit-state")
    found = [unpack(objects[name], name) for name in sorted(objects) if name.startswith(LEDGER) and name.endswith("-push")]
    return [entry for entry in found if any(entry.keys.values())]


@contextmanager
def ready(folder, api_key, *, compartments=1, events=0, **settings):
    """As `deployed`, after a first run, with events that were emitted after it."""
    settings = {"PUSH": "true", "SEAL_MESSAGES": "false", "OWN_EVENTS": "forward", **settings}
    with deployed(folder, api_key, compartments=compartments, events=0, **settings) as (world, receiver, function, _):
        (first,) = json.loads(function.call().body)
        assert (first["status"], first["fetched"]) == ("ok", 0)
        end = time.time() - 300
        share = events // compartments
        yield world, receiver, function, [event for place in places(world) for event in world.emit(place, share, end - 300, end)]


def test_half_is_pushed_and_half_is_polled_and_each_event_arrives_once(tmp_path, api_key):
    with ready(tmp_path, api_key, compartments=5, events=200, SETTLE_MINUTES="1") as (world, receiver, function, ids):
        connector = Connector(lambda body: function.call(body).status == 200, batch_bytes=20_000)
        for entry in entries(world, ids[::2]):
            connector.ingest(entry, time.time())
        assert connector.run(time.time(), flush=True) > 5
        assert (connector.waiting, len(receiver.messages)) == (0, 100)
        assert sorted(map(event_id, receiver.messages)) == sorted(ids[::2])
        (report,) = json.loads(function.call().body)
        assert (report["status"], report["forwarded"], report["duplicates"], report["filled"]) == ("ok", 100, 100, 100)
        assert sorted(map(event_id, receiver.messages)) == sorted(ids)
        assert sum(b'late="true"' in message for message in receiver.messages) == 100
        kinds = [json.loads(line)["event"] for line in function.log_lines()]
        assert kinds == ["run", *["push"] * (len(kinds) - 2), "run"]


def test_a_batch_is_answered_with_a_report_and_a_retry_sends_nothing(tmp_path, api_key):
    with ready(tmp_path, api_key, compartments=2, events=20) as (world, receiver, function, ids):
        body = batch(entries(world, ids))
        answers = [function.call(body) for _ in range(2)]
        (pushed,), (again,) = (json.loads(answer.body) for answer in answers)
        assert [answer.status for answer in answers] == [200, 200]
        expected = {"action": "push", "status": "ok", "batch": 20, "fetched": 20, "forwarded": 20, "duplicates": 0, "error": None}
        assert {name: pushed[name] for name in expected} == expected
        assert (again["forwarded"], again["duplicates"], len(receiver.messages)) == (0, 20, 20)
        (entry,) = pushes(world)
        assert (entry.source, sum(map(len, entry.keys.values())) // 16, entry.messages.first, entry.messages.last) == ("push", 20, 1, 20)


@pytest.mark.parametrize("single", [True, False])
def test_a_message_of_streaming_has_one_event_or_a_list(tmp_path, api_key, single):
    with ready(tmp_path, api_key, compartments=1, events=4) as (world, receiver, function, ids):
        some = entries(world, ids)
        values = some if single else [batch(some[:1]), batch(some[1:])]
        messages = [
            {"stream": "s", "partition": "0", "key": None, "value": base64.b64encode(one).decode(), "offset": n, "timestamp": 1}
            for n, one in enumerate(values)
        ]
        body = json.dumps(messages[0] if single else messages).encode()
        (pushed,) = json.loads(function.call(body).body)
        assert (pushed["forwarded"], pushed["malformed"]) == (1 if single else 4, 0)
        assert [event_id(message) for message in receiver.messages] == (ids[:1] if single else ids)


def test_a_push_that_fails_is_a_502_and_the_connector_sends_it_again(tmp_path, api_key):
    with ready(tmp_path, api_key, compartments=1, events=50) as (world, receiver, function, ids):
        answers = []

        def invoke(body):
            answers.append(function.call(body))
            return answers[-1].status == 200

        connector = Connector(invoke)
        for entry in entries(world, ids):
            connector.ingest(entry, time.time())
        receiver.stop()
        assert connector.run(time.time(), flush=True) == 1
        assert (connector.state, answers[0].status, connector.waiting) == ("NEEDS_ATTENTION", 502, 50)
        assert b"us-ashburn-1: " in answers[0].body
        assert pushes(world) == []
        receiver.start()
        assert connector.run(time.time(), flush=True) == 1
        assert (connector.state, answers[1].status) == ("ACTIVE", 200)
        assert sorted(map(event_id, receiver.messages)) == sorted(ids)


def test_without_push_a_batch_is_rejected(tmp_path, api_key):
    with deployed(tmp_path, api_key, compartments=1, events=0) as (_, _, function, _):
        answer = function.call(b"[]")
        assert answer.status == 502
        assert answer.body.decode().startswith("The request was rejected: it is a batch of Connector Hub, and PUSH is false. Set PUSH=true")
