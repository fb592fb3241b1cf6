"""The forwarder: what is recorded when, and the accounting of events."""

import pytest

from epimetheus.errors import AccountingError, DeliveryUncertain
from epimetheus.model import HourlyCount, Window
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.renderer import Rendered
from epimetheus.run import forwarder as forwarder_module
from epimetheus.run.forwarder import BATCH_BYTES, BATCH_KEYS, Forwarder
from epimetheus.run.tally import Tally
from epimetheus.select.dedupe import KEY_BYTES, SeenKeys
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.decode import Events
from epimetheus.source.fetch import FetchTask


class FakeSender:
    """Accepts everything. ``lies``: one message less is confirmed."""

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
def sender():
    return FakeSender()


@pytest.fixture
def seen():
    return SeenKeys()


@pytest.fixture
def tally():
    return Tally()


class FakeRenderer:
    """Renders an event as its sequence number and raw text."""

    def __init__(self):
        self.enrichments = []

    def render_many(self, items):
        self.enrichments += [enrichment for _, _, enrichment in items]
        return [self.render_notice(fetched, sequence) for fetched, sequence, _ in items]

    def render_notice(self, fetched, sequence):
        raw = bytes(fetched.raw)
        return Rendered(b"%d:%b" % (sequence, raw), trimmed=b"long" in raw, redacted=b"[redacted]" in raw)


@pytest.fixture
def renderer():
    return FakeRenderer()


@pytest.fixture
def rate_limits():
    return RateLimits({})


@pytest.fixture
def forwarder(sender, seen, tally, renderer, rate_limits):
    rules = Rules(mode="exclude", excluded=("unwanted",), limits={"scarce": 1})
    selection = Selection(rules, TamperWatch(("ocid1.bucket.ours",)), rate_limits)
    return Forwarder(seen, selection, renderer, lambda message: message + b"\n", sender, tally, actors=True)


def text(name, kind="t"):
    return b'{"eventType":"%s","data":{},"eventId":"%s"}' % (kind.encode(), name.encode())


def page_of(*texts):
    """A page of raw texts, which may be malformed."""
    return Events(b",".join(texts), texts)


def events(*names):
    return page_of(*map(text, names))


def task(compartment="c", end=60):
    return FetchTask(compartment, Window(0, end))


def recorded(forwarder, seen):
    """End of a window → number of keys recorded for the next entry of the ledger. As many are in memory as delivered."""
    counts = {window.end: len(keys) // KEY_BYTES for (_, window), keys in forwarder.pending.keys.items()}
    assert len(seen) == sum(counts.values())
    return counts


def test_messages_are_numbered_framed_and_written_in_one_batch(forwarder, sender):
    forwarder.forward_page(task(), events("a", "b"))
    assert sender.batches == []
    forwarder.forward_page(task(), events("c"))
    forwarder.finish()
    (batch,) = sender.batches
    assert [line.partition(b":")[0] for line in batch.splitlines()] == [b"1", b"2", b"3"]


def test_a_full_batch_is_written_at_once(forwarder, sender):
    forwarder.forward_page(task(), events("x" * BATCH_BYTES, "y"))
    forwarder.forward_page(task(), events("z"))
    assert [batch.count(b"\n") for batch in sender.batches] == [2]
    forwarder.finish()
    assert [batch.count(b"\n") for batch in sender.batches] == [2, 1]


def test_a_page_is_rendered_in_groups_and_each_key_is_recorded_with_its_batch(forwarder, sender, seen, monkeypatch):
    monkeypatch.setattr(forwarder_module, "MAX_GROUP_EVENTS", 2)
    forwarder.forward_page(task(), events("a", "x" * BATCH_BYTES, "b"))
    sender.confirmed = 2
    forwarder.record_confirmed()
    assert [batch.count(b"\n") for batch in sender.batches] == [2]
    assert recorded(forwarder, seen) == {60: 2}


def test_a_duplicate_is_counted_and_not_sent(forwarder, sender, tally):
    forwarder.forward_page(task(), events("a", "a"))
    forwarder.forward_page(task(end=90), events("a", "b"))
    forwarder.finish()
    assert (tally.fetched, tally.duplicates, tally.forwarded, sender.sent) == (4, 2, 2, 2)


def test_the_same_event_of_another_compartment_is_not_a_duplicate(forwarder, sender):
    forwarder.forward_page(task("c"), events("a"))
    forwarder.forward_page(task("d"), events("a"))
    forwarder.finish()
    assert sender.sent == 2


def test_keys_are_not_recorded_before_confirmation(forwarder, sender, seen, tally):
    forwarder.forward_page(task(), events("x" * BATCH_BYTES))
    forwarder.forward_page(task(end=90), events("y" * BATCH_BYTES))
    forwarder.record_confirmed()
    assert (recorded(forwarder, seen), tally.forwarded) == ({}, 0)
    sender.confirmed = 1
    forwarder.record_confirmed()
    assert (recorded(forwarder, seen), tally.forwarded) == ({60: 1}, 1)
    forwarder.finish()
    assert (recorded(forwarder, seen), tally.forwarded) == ({60: 1, 90: 1}, 2)


def test_events_of_a_failed_write_are_unconfirmed(forwarder, sender, seen, tally):
    forwarder.forward_page(task(), events("a"))
    sender.broken = True
    with pytest.raises(DeliveryUncertain):
        forwarder.finish()
    assert (recorded(forwarder, seen), tally.fetched - tally.accounted) == ({}, 1)


def test_malformed_and_truncated_events_are_counted(forwarder, tally):
    forwarder.forward_page(task(), page_of(b"{", text("a"), text("long")))
    forwarder.finish()
    assert (tally.malformed, tally.truncated, tally.forwarded) == (1, 1, 3)


def test_written_bytes_are_counted(forwarder, sender, tally):
    forwarder.forward_page(task(), events("a", "b"))
    forwarder.finish()
    assert tally.bytes == sum(map(len, sender.batches))


def test_counts_that_do_not_add_up_fail(forwarder, sender):
    forwarder.forward_page(task(), events("a", "b"))
    sender.lies = True
    with pytest.raises(AccountingError, match=r"The counts do not add up: 2 events were fetched, but 1 is accounted for\."):
        forwarder.finish()


def test_no_events_is_no_write(forwarder, sender):
    forwarder.finish()
    assert sender.batches == []


def test_a_filtered_event_is_counted_and_its_key_is_recorded_with_the_message_before_it(forwarder, sender, seen, tally):
    forwarder.forward_page(task(), page_of(text("a"), text("b", "unwanted"), text("c", "unwanted")))
    forwarder.record_confirmed()
    assert (dict(tally.filtered), recorded(forwarder, seen)) == ({"excluded_event": 2}, {})
    forwarder.finish()
    assert (tally.forwarded, tally.accounted, recorded(forwarder, seen), len(sender.batches)) == (1, 3, {60: 3}, 1)


def test_the_keys_of_a_slice_of_filtered_events_are_recorded_without_a_write(forwarder, sender, seen, tally):
    forwarder.forward_page(task(), page_of(text("b", "unwanted")))
    forwarder.finish()
    assert (sender.batches, recorded(forwarder, seen), tally.accounted) == ([], {60: 1}, 1)


def test_keys_of_many_filtered_events_are_recorded_before_the_batch_is_full(forwarder, seen):
    forwarder.forward_page(task(), page_of(*[text(f"{number}", "unwanted") for number in range(BATCH_KEYS)]))
    assert recorded(forwarder, seen) == {60: BATCH_KEYS}


def test_an_unconfirmed_event_does_not_count_against_a_rate_limit(forwarder, sender, rate_limits, tally):
    forwarder.forward_page(task(), page_of(text("a", "scarce"), text("b", "scarce")))
    sender.broken = True
    with pytest.raises(DeliveryUncertain):
        forwarder.finish()
    assert (rate_limits.packed(0), dict(tally.filtered)) == ({}, {"rate_limited": 1})


def test_hourly_counts_are_recorded_with_their_batch(forwarder, rate_limits):
    forwarder.forward_page(task(), page_of(text("a", "scarce"), text("b", "scarce")))
    forwarder.finish()
    assert rate_limits.packed(0) == {"scarce": {0: HourlyCount(1, 1, 0, 3_599_999, 3_599_999)}}


def test_a_notice_has_a_sequence_number_and_is_not_counted_as_an_event(forwarder, sender, tally):
    forwarder.forward_page(task(), events("a", "b"))
    (notice,) = events("n")
    forwarder.send_notice(notice)
    forwarder.forward_page(task(), events("c"))
    forwarder.finish()
    assert [line.partition(b":")[0] for line in b"".join(sender.batches).splitlines()] == [b"1", b"2", b"3", b"4"]
    assert (tally.fetched, tally.forwarded, tally.notices, sender.confirmed) == (3, 3, 1, 4)


def test_watched_resources_are_found_on_a_page_that_begins_with_duplicates(forwarder, renderer):
    watched = b'{"eventType":"t","data":{"resourceId":"ocid1.bucket.ours"},"eventId":"x"}'
    forwarder.forward_page(task(), events("a"))
    forwarder.forward_page(task(), page_of(text("a"), watched, text("b")))
    forwarder.finish()
    assert [enrichment.watched for enrichment in renderer.enrichments] == [False, True, False]


def test_the_renderer_gets_compartment_path_actor_and_tamper_watch(forwarder, renderer):
    forwarder.compartment_paths = {"c": "root/c", "d": "root/c/d"}
    elsewhere = b'{"eventType":"t","data":{"compartmentId":"d","resourceId":"ocid1.bucket.ours"},"eventId":"x"}'
    forwarder.forward_page(task(), page_of(text("a"), elsewhere, b"[]"))
    assert renderer.enrichments == [
        Enrichment("root/c", "unknown", False),
        Enrichment("root/c/d", "unknown", True),
        Enrichment("root/c", "unknown", False),
    ]


def test_redacted_events_are_counted(forwarder, tally):
    forwarder.forward_page(task(), events("a", "[redacted]"))
    forwarder.finish()
    assert tally.redacted == 1
