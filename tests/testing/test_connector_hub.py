"""The stand-in connector behaves as the facts about Connector Hub say."""

import base64
import json

import pytest

from epimetheus.testing.oci.connector_hub import Connector

HOUR = 3600.0


class Function:
    """Records batches; fails while ``broken``."""

    def __init__(self):
        self.batches, self.broken = [], False

    def __call__(self, body):
        self.batches.append(json.loads(body))
        return not self.broken


@pytest.fixture
def function():
    return Function()


def connector(function, count=3, *, at=0.0, **settings):
    one = Connector(function, **settings)
    for number in range(count):
        one.ingest(b"%d" % number, at)
    return one


def test_a_batch_is_sent_after_its_time_or_at_its_size(function):
    one = connector(function)
    assert (one.run(59.0), one.run(60.0), one.run(120.0)) == (0, 1, 0)
    two = connector(function, 5, batch_bytes=2)
    assert (two.run(0.0), two.waiting) == (2, 1)
    assert two.run(0.0, flush=True) == 1
    assert function.batches == [[0, 1, 2], [0, 1], [2, 3], [4]]


def test_a_batch_that_failed_is_sent_again_whole_before_others(function):
    one = connector(function)
    function.broken = True
    assert (one.run(60.0), one.state) == (1, "NEEDS_ATTENTION")
    one.ingest(b"3", 100.0)
    function.broken = False
    assert (one.run(161.0), one.state, one.waiting) == (1, "ACTIVE", 0)
    assert function.batches == [[0, 1, 2], [0, 1, 2, 3]]


def test_after_24_hours_entries_are_lost(function):
    one = connector(function)
    one.ingest(b"3", 10 * HOUR)
    one.run(30 * HOUR)
    assert (one.lost, function.batches) == ([b"0", b"1", b"2"], [[3]])


def test_a_stream_keeps_entries_for_longer_and_its_messages_are_encoded(function):
    one = connector(function, 1, streaming=True, kept_seconds=168 * HOUR)
    one.run(100 * HOUR)
    ((message,),) = function.batches
    assert (base64.b64decode(message["value"]), message["stream"], message["offset"]) == (b"0", "audit", 0)


def test_a_connector_that_fails_for_long_is_deactivated_until_it_is_activated(function):
    one = connector(function, deactivated_after=2 * HOUR, kept_seconds=100 * HOUR)
    function.broken = True
    one.run(HOUR)
    one.run(3 * HOUR)
    assert (one.state, one.run(4 * HOUR)) == ("INACTIVE", 0)
    function.broken = False
    one.activate()
    assert (one.run(5 * HOUR), one.state) == (1, "ACTIVE")


def test_entries_can_be_delivered_again(function):
    one = connector(function)
    one.run(60.0)
    one.repeat(2)
    one.run(60.0)
    assert function.batches == [[0, 1, 2], [1, 2]]
