"""What is confirmed since the last entry: the content of the next entries."""

from hashlib import sha256

from epimetheus.ledger.messages import Messages
from epimetheus.model import HourlyCount, Window
from epimetheus.run.pending_entry import EntryPart, PendingEntry, polled_digest

NO_ID = bytes(8)
WINDOW, LATER = Window(600, 660), Window(660, 720)


def key(letter):
    return letter * 16


def test_nothing_confirmed_makes_no_entry():
    assert list(PendingEntry().parts()) == []


def test_keys_are_collected_by_compartment_and_window():
    pending = PendingEntry()
    pending.add_keys("a", WINDOW, [key(b"1"), key(b"2")])
    pending.add_keys("b", WINDOW, [key(b"3")])
    pending.add_keys("a", LATER, [key(b"4")])
    pending.add_keys("a", WINDOW, [key(b"5")])
    (part,) = pending.parts()
    assert part.keys == {("a", WINDOW): key(b"1") + key(b"2") + key(b"5"), ("b", WINDOW): key(b"3"), ("a", LATER): key(b"4")}
    assert (part.messages, part.rate_limits) == (None, {})


def test_counts_of_an_hour_add_up():
    pending = PendingEntry()
    pending.add_keys("a", WINDOW, [key(b"1")])
    pending.add_counts({("t", 600): HourlyCount(2, 1, 0, 36_000_500, 36_000_900)})
    pending.add_counts({("t", 600): HourlyCount(0, 3, 0, 36_000_100, 36_000_200), ("t", 660): HourlyCount(1)})
    (part,) = pending.parts()
    assert part.rate_limits == {"t": {600: HourlyCount(2, 4, 0, 36_000_100, 36_000_900), 660: HourlyCount(1)}}


def test_the_digest_is_over_the_lines_of_all_messages_in_order():
    pending = PendingEntry()
    pending.add_keys("a", WINDOW, [key(b"1")])
    pending.add_messages(7, 2, b"7 e7\n8 -\n")
    pending.add_messages(9, 0, b"")
    pending.add_messages(9, 1, b"9 e9\n")
    (part,) = pending.parts()
    ids = sha256(b"e7").digest()[:8] + NO_ID + sha256(b"e9").digest()[:8]
    assert part.messages == Messages(7, 9, sha256(b"7 e7\n8 -\n9 e9\n").hexdigest(), ids)


def test_windows_that_are_too_far_apart_make_two_entries_the_first_of_which_has_messages_and_counts():
    pending, far = PendingEntry(), Window(600 + 8 * 1440 - 59, 660 + 8 * 1440 - 59)
    pending.add_keys("a", far, [key(b"2")])
    pending.add_keys("a", WINDOW, [key(b"1")])
    pending.add_counts({("t", 600): HourlyCount(1)})
    pending.add_messages(1, 2, b"1 -\n2 -\n")
    first, second = pending.parts()
    assert first == EntryPart(
        {("a", WINDOW): key(b"1")}, Messages(1, 2, sha256(b"1 -\n2 -\n").hexdigest(), 2 * NO_ID), {"t": {600: HourlyCount(1)}}
    )
    assert second == EntryPart({("a", far): key(b"2")}, None, {})


def test_messages_without_events_make_no_entry():
    pending = PendingEntry()
    pending.add_messages(1, 1, b"1 -\n")
    assert list(pending.parts()) == []


def test_the_digest_of_polled_compartments_does_not_depend_on_their_order():
    assert polled_digest(["b", "a"]) == polled_digest(["a", "b"]) == sha256(b"a\nb").hexdigest()
    assert polled_digest([]) == sha256(b"").hexdigest()
