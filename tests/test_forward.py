"""From pages to confirmed messages: what is remembered when, and that the sum must come out."""

import pytest

from epimetheus.errors import AccountingError, DeliveryUncertain
from epimetheus.forward import BATCH_BYTES, Forwarder
from epimetheus.model import Window
from epimetheus.render import Rendered
from epimetheus.report import Tally
from epimetheus.select.dedupe import KEY_BYTES, SeenKeys
from epimetheus.source.decode import decode_event
from epimetheus.source.fetch import Work


class Sink:
    """Takes everything; confirms what it is told to."""

    def __init__(self):
        self.batches = []
        self.sent = self.confirmed = 0
        self.broken = self.lies = False

    def write(self, data, messages):
        if self.broken:
            raise DeliveryUncertain("It broke.", do="Wait.")
        self.batches.append(data)
        self.sent += messages

    def finish(self):
        self.confirmed = self.sent - self.lies


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def seen():
    return SeenKeys()


@pytest.fixture
def tally():
    return Tally()


@pytest.fixture
def forwarder(sink, seen, tally):
    def render(fetched, sequence):
        return Rendered(b"%d:%b" % (sequence, bytes(fetched.raw)), trimmed=b"long" in bytes(fetched.raw))

    return Forwarder(seen, render, lambda message: message + b"\n", sink, tally)


def events(*names):
    return [decode_event(b'{"eventType":"t","data":{},"eventId":"%s"}' % name.encode()) for name in names]


def work(compartment="c", end=60):
    return Work(compartment, Window(0, end))


def remembered(seen):
    return {minute: len(keys) // KEY_BYTES for minute, keys in seen.packed().items()}


def test_messages_are_framed_numbered_and_written_in_one_piece(forwarder, sink):
    forwarder.page(work(), events("a", "b"))
    assert sink.batches == []
    forwarder.page(work(), events("c"))
    forwarder.finish()
    (batch,) = sink.batches
    assert [line.partition(b":")[0] for line in batch.splitlines()] == [b"1", b"2", b"3"]


def test_a_full_batch_does_not_wait(forwarder, sink):
    forwarder.page(work(), events("x" * BATCH_BYTES, "y"))
    assert len(sink.batches) == 1
    forwarder.finish()
    assert len(sink.batches) == 2


def test_what_was_seen_before_is_counted_and_not_sent(forwarder, sink, tally):
    forwarder.page(work(), events("a", "a"))
    forwarder.page(work(end=90), events("a", "b"))
    forwarder.finish()
    assert (tally.fetched, tally.duplicates, tally.forwarded, sink.sent) == (4, 2, 2, 2)


def test_the_same_event_of_another_compartment_is_another(forwarder, sink):
    forwarder.page(work("c"), events("a"))
    forwarder.page(work("d"), events("a"))
    forwarder.finish()
    assert sink.sent == 2


def test_nothing_is_remembered_before_it_is_confirmed(forwarder, sink, seen, tally):
    forwarder.page(work(), events("x" * BATCH_BYTES))
    forwarder.page(work(end=90), events("y" * BATCH_BYTES))
    forwarder.settle()
    assert (remembered(seen), tally.forwarded) == ({}, 0)
    sink.confirmed = 1
    forwarder.settle()
    assert (remembered(seen), tally.forwarded) == ({60: 1}, 1)
    forwarder.finish()
    assert (remembered(seen), tally.forwarded) == ({60: 1, 90: 1}, 2)


def test_a_failed_write_leaves_what_was_under_way_uncertain(forwarder, sink, seen, tally):
    forwarder.page(work(), events("a"))
    sink.broken = True
    with pytest.raises(DeliveryUncertain):
        forwarder.finish()
    assert (remembered(seen), tally.fetched - tally.accounted) == ({}, 1)


def test_malformed_and_trimmed_are_counted(forwarder, tally):
    forwarder.page(work(), [decode_event(b"{"), *events("a", "long")])
    forwarder.finish()
    assert (tally.malformed, tally.trimmed, tally.forwarded) == (1, 1, 3)


def test_bytes_are_those_that_were_written(forwarder, sink, tally):
    forwarder.page(work(), events("a", "b"))
    forwarder.finish()
    assert tally.bytes == sum(map(len, sink.batches))


def test_a_sum_that_does_not_come_out_fails(forwarder, sink):
    forwarder.page(work(), events("a", "b"))
    sink.lies = True
    with pytest.raises(AccountingError, match="2 events were fetched, but 1 are accounted for"):
        forwarder.finish()


def test_nothing_is_nothing(forwarder, sink):
    forwarder.finish()
    assert sink.batches == []
