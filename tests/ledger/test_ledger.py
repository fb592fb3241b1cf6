"""The ledger: entries are appended, found by window with one ranged listing, and read."""

from dataclasses import replace

import pytest

from epimetheus.clock import Deadline
from epimetheus.errors import LedgerDamaged, LedgerError, OutOfTime
from epimetheus.ledger import ledger as module
from epimetheus.ledger.entry import EntryName, pack
from epimetheus.ledger.ledger import Ledger
from epimetheus.model import Window
from tests.ledger.samples import ENTRY, IN_ORDER, ROOT, USUAL, appended, key
from tests.support.hand import HandClock
from tests.support.memory_ledger import MemoryStore

DAY = 1440


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def ledger(store):
    return Ledger(store)


def entry(start, end, **changes):
    return replace(ENTRY, keys={(ROOT, Window(start, end)): key(start)}, **changes)


def test_an_appended_entry_is_found_and_read(ledger, store):
    name = appended(ledger, ENTRY)
    assert ledger.overlapping(USUAL) == [name]
    assert ledger.read(name) == IN_ORDER
    assert store.objects == {"2026/11/30/20261130T0645Z-20261130T0100Z-29401234-ab12cd34ef56-0001-poll": pack(ENTRY)}


def test_an_entry_that_no_longer_exists_is_none(ledger, store):
    name = appended(ledger, ENTRY)
    store.objects.clear()
    assert ledger.read(name) is None


def test_the_entries_that_intersect_a_half_open_window_are_found_with_one_listing(ledger, store):
    at = USUAL.start
    windows = [(at - 60, at), (at - 60, at + 1), (at, at + 60), (at + 10, at + 20), (at + 59, at + 60), (at + 60, at + 120)]
    windows += [(at - 8 * DAY + 1, at + 1), (at - 10, at + 70), (at + 59, at + 59 + 8 * DAY), (at + 60, at + 60 + 8 * DAY)]
    for window in windows:
        appended(ledger, entry(*window))
    store.calls.clear()
    found = ledger.overlapping(Window(at, at + 60))
    assert store.calls == ["names"]
    assert [(name.window.start - at, name.window.end - at) for name in found] == [
        (-8 * DAY + 1, 1),
        (-60, 1),
        (10, 20),
        (0, 60),
        (59, 60),
        (-10, 70),
        (59, 59 + 8 * DAY),
    ]


def test_entries_of_every_epoch_run_and_source_are_found(ledger):
    several = [entry(*USUAL, epoch=7), entry(*USUAL, run="f" * 12), entry(*USUAL, number=2), entry(*USUAL, source="replay")]
    names = [appended(ledger, one) for one in several]
    assert ledger.overlapping(USUAL) == [names[0], names[3], names[2], names[1]]


def test_other_objects_are_ignored(ledger, store):
    name = appended(ledger, ENTRY)
    store.objects[name.text() + ".bak"] = b""
    store.objects[name.text()[:-4] + "\n"] = b""
    assert ledger.overlapping(USUAL) == [name]


def test_an_entry_is_never_overwritten(ledger, store):
    name = appended(ledger, ENTRY)
    assert appended(ledger, ENTRY) == name
    with pytest.raises(LedgerError, match=r"could not be created: it exists with other content\. Nothing was overwritten\.") as caught:
        appended(ledger, replace(ENTRY, at=5.0))
    assert caught.value.kind == "ledger"
    assert store.objects[name.text()] == pack(ENTRY)


def test_a_damaged_entry_is_an_error_with_its_location(ledger, store):
    name = appended(ledger, ENTRY)
    store.objects[name.text()] = b"x"
    with pytest.raises(LedgerDamaged, match=f"The ledger entry memory:{name.text()} is damaged: it does not begin with"):
        ledger.read(name)


def test_an_entry_under_the_name_of_another_is_damaged(ledger, store):
    name = appended(ledger, ENTRY)
    other = EntryName(name.window, name.epoch, name.run, 2, name.source)
    store.objects[other.text()] = store.objects[name.text()]
    with pytest.raises(LedgerDamaged, match=f"its content is that of the entry {name.text()}") as caught:
        ledger.read(other)
    assert caught.value.kind == "ledger_damaged"


def test_pruning_removes_the_days_before_that_of_a_minute(ledger):
    old, new = appended(ledger, entry(USUAL.start - DAY, USUAL.end - DAY)), appended(ledger, entry(*USUAL))
    ledger.prune(USUAL.end + 600)
    assert ledger.overlapping(Window(old.window.start, new.window.end)) == [new]


def test_nothing_is_listed_or_read_after_the_deadline(store):
    """A listing can have any number of pages, with names that are not of entries."""
    hand = HandClock()
    ledger = Ledger(store, deadline=Deadline.after(hand.clock, 10))
    name = appended(ledger, ENTRY)

    def endless(start, end):
        while True:
            hand.forward(0.01)
            yield f"{start}-no-entry"

    store.names = endless
    for attempt in (lambda: ledger.overlapping(USUAL), lambda: ledger.read(name)):
        with pytest.raises(OutOfTime, match="The ledger memory: could not be read before the deadline of the run"):
            attempt()
    assert hand.time < 1_767_268_800 + 16


def test_a_listing_has_a_maximum_of_entries(ledger, monkeypatch):
    monkeypatch.setattr(module, "MOST_NAMES", 3)
    for number in range(4):
        assert len(ledger.overlapping(USUAL)) == number
        ledger.append(replace(ENTRY, number=number))
    with pytest.raises(LedgerError) as caught:
        ledger.overlapping(USUAL)
    what = "The ledger memory: could not be listed: it has more than 3 entries between 2026-11-30T06:00:00Z and 2026-11-30T06:45:00Z."
    assert (caught.value.what, caught.value.do) == (
        what,
        "Check what else writes to it: only Epimetheus should, about an entry for each run.",
    )
