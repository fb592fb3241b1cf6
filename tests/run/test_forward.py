"""From pages to confirmed messages: what is remembered when, and that the sum must come out."""

import pytest

from epimetheus.errors import AccountingError, DeliveryUncertain
from epimetheus.model import HourlyCount, Window
from epimetheus.render import Rendered
from epimetheus.render.formats.base import Enrichment
from epimetheus.run import forward
from epimetheus.run.forward import BATCH_BYTES, BATCH_KEYS, Forwarder
from epimetheus.run.tally import Tally
from epimetheus.select.dedupe import KEY_BYTES, SeenKeys
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.decode import Events
from epimetheus.source.fetch import FetchTask


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


class Render:
    """A number and the text it was given."""

    def __init__(self):
        self.enrichments = []

    def render_many(self, items):
        self.enrichments += [enrichment for _, _, enrichment in items]
        return [self.render_notice(fetched, sequence) for fetched, sequence, _ in items]

    def render_notice(self, fetched, sequence):
        raw = bytes(fetched.raw)
        return Rendered(b"%d:%b" % (sequence, raw), trimmed=b"long" in raw, redacted=b"[redacted]" in raw)


@pytest.fixture
def render():
    return Render()


@pytest.fixture
def quotas():
    return RateLimits({})


@pytest.fixture
def forwarder(sink, seen, tally, render, quotas):
    rules = Rules(mode="exclude", excluded=("unwanted",), limits={"scarce": 1})
    selection = Selection(rules, TamperWatch(("ocid1.bucket.ours",)), quotas)
    return Forwarder(seen, selection, render, lambda message: message + b"\n", sink, tally, actors=True)


def text(name, kind="t"):
    return b'{"eventType":"%s","data":{},"eventId":"%s"}' % (kind.encode(), name.encode())


def page_of(*texts):
    """A page, also of what is no JSON."""
    return Events(b",".join(texts), texts)


def events(*names):
    return page_of(*map(text, names))


def work(compartment="c", end=60):
    return FetchTask(compartment, Window(0, end))


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
    forwarder.page(work(), events("z"))
    assert [batch.count(b"\n") for batch in sink.batches] == [2]
    forwarder.finish()
    assert [batch.count(b"\n") for batch in sink.batches] == [2, 1]


def test_events_of_a_page_are_rendered_so_many_at_a_time_and_each_key_goes_with_its_batch(forwarder, sink, seen, monkeypatch):
    monkeypatch.setattr(forward, "RENDERED_TOGETHER", 2)
    forwarder.page(work(), events("a", "x" * BATCH_BYTES, "b"))
    sink.confirmed = 2
    forwarder.settle()
    assert [batch.count(b"\n") for batch in sink.batches] == [2]
    assert remembered(seen) == {60: 2}


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
    forwarder.page(work(), page_of(b"{", text("a"), text("long")))
    forwarder.finish()
    assert (tally.malformed, tally.truncated, tally.forwarded) == (1, 1, 3)


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



def test_what_is_left_out_is_counted_and_its_key_is_remembered_with_what_was_sent_before_it(forwarder, sink, seen, tally):
    forwarder.page(work(), page_of(text("a"), text("b", "unwanted"), text("c", "unwanted")))
    forwarder.settle()
    assert (dict(tally.filtered), remembered(seen)) == ({"excluded_event": 2}, {})
    forwarder.finish()
    assert (tally.forwarded, tally.accounted, remembered(seen), len(sink.batches)) == (1, 3, {60: 3}, 1)


def test_a_slice_of_which_nothing_is_sent_is_remembered_without_a_write(forwarder, sink, seen, tally):
    forwarder.page(work(), page_of(text("b", "unwanted")))
    forwarder.finish()
    assert (sink.batches, remembered(seen), tally.accounted) == ([], {60: 1}, 1)


def test_keys_of_what_is_left_out_do_not_wait_for_a_batch_that_never_fills(forwarder, seen):
    forwarder.page(work(), page_of(*[text(f"{number}", "unwanted") for number in range(BATCH_KEYS)]))
    assert remembered(seen) == {60: BATCH_KEYS}


def test_a_limit_is_spent_when_the_receiver_has_what_spent_it(forwarder, sink, quotas, tally):
    forwarder.page(work(), page_of(text("a", "scarce"), text("b", "scarce")))
    sink.broken = True
    with pytest.raises(DeliveryUncertain):
        forwarder.finish()
    assert (quotas.packed(0), dict(tally.filtered)) == ({}, {"rate_limited": 1})


def test_limits_are_settled_with_their_batch(forwarder, quotas):
    forwarder.page(work(), page_of(text("a", "scarce"), text("b", "scarce")))
    forwarder.finish()
    assert quotas.packed(0) == {"scarce": {0: HourlyCount(1, 1, 0, 3_599_999, 3_599_999)}}


def test_a_notice_has_a_number_and_is_no_event(forwarder, sink, tally):
    forwarder.page(work(), events("a", "b"))
    (notice,) = events("n")
    forwarder.notice(notice)
    forwarder.page(work(), events("c"))
    forwarder.finish()
    assert [line.partition(b":")[0] for line in b"".join(sink.batches).splitlines()] == [b"1", b"2", b"3", b"4"]
    assert (tally.fetched, tally.forwarded, tally.notices, sink.confirmed) == (3, 3, 1, 4)


def test_an_event_is_told_where_it_lies_and_whether_it_is_watched(forwarder, render):
    forwarder.places = {"c": "root/c", "d": "root/c/d"}
    elsewhere = b'{"eventType":"t","data":{"compartmentId":"d","resourceId":"ocid1.bucket.ours"},"eventId":"x"}'
    forwarder.page(work(), page_of(text("a"), elsewhere, b"[]"))
    assert render.enrichments == [
        Enrichment("root/c", "unknown", False),
        Enrichment("root/c/d", "unknown", True),
        Enrichment("root/c", "unknown", False),
    ]


def test_an_event_in_which_something_was_masked_is_counted(forwarder, tally):
    forwarder.page(work(), events("a", "[redacted]"))
    forwarder.finish()
    assert tally.redacted == 1
