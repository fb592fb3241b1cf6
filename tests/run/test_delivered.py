"""The keys in memory: which entries are read before a slice, and what is kept for the next run of an invocation."""

from dataclasses import replace

import pytest

from epimetheus.errors import LedgerError
from epimetheus.ledger.entry import pack
from epimetheus.ledger.ledger import Ledger
from epimetheus.model import HourlyCount, Window
from epimetheus.run.delivered import DeliveredKeys, Lookup
from epimetheus.run.unsealed import UnsealedEntries
from tests.ledger.samples import ENTRY, key
from tests.support.memory_ledger import MemoryStore

A, B = "ocid1.compartment.oc1..a", "ocid1.compartment.oc1..b"


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def delivered(store):
    delivered = DeliveredKeys().connected(Ledger(store))
    delivered.begin(10, 10, {}, ENTRY.state)
    return delivered


def add(store, keys, *, epoch=10, run="r1", number=1, source="poll", **more):
    """Put an entry into the store. ``keys``: (compartment, start, end) → numbers of keys."""
    packed = {(ocid, Window(start, end)): b"".join(map(key, numbers)) for (ocid, start, end), numbers in keys.items()}
    entry = replace(ENTRY, epoch=epoch, run=run, number=number, source=source, keys=packed, **more)
    store.objects[entry.name.text()] = pack(entry)
    return entry


def known(delivered, *numbers):
    """Those of the keys ``numbers`` that are in memory."""
    return [number for number in numbers if not delivered.seen.add_if_new(key(number))]


def test_before_a_slice_at_the_cursor_all_entries_that_intersect_it_are_read(store, delivered):
    add(store, {(A, 100, 160): [1], (B, 100, 160): [2]})
    add(store, {(A, 160, 220): [3]}, number=2)
    add(store, {(A, 40, 100): [4]}, number=3)
    add(store, {(A, 220, 280): [5]}, number=4)
    delivered.load_all(Window(100, 220))
    assert (len(delivered.seen), delivered.searched, delivered.ahead) == (3, True, 280)
    assert known(delivered, 1, 2, 3, 4, 5) == [1, 2, 3]


def test_an_entry_is_read_once(store, delivered):
    add(store, {(A, 100, 160): [1]})
    delivered.load_all(Window(100, 160))
    delivered.load_all(Window(150, 220))
    assert store.calls == ["names", "read", "names"]


def test_entries_of_earlier_epochs_count_in_reconciliation_only(store, delivered):
    add(store, {(A, 100, 160): [1]}, epoch=11)
    add(store, {(A, 100, 160): [2]}, epoch=12)
    add(store, {(A, 100, 160): [3]}, epoch=9)
    delivered.begin(10, 12, {}, ENTRY.state)
    delivered.load_all(Window(100, 160))
    assert len(delivered.seen) == 1
    delivered.load([Lookup(A, Window(100, 160), 160)], earlier_epochs=True)
    assert known(delivered, 1, 2, 3) == [1, 2]


def test_a_backfill_reads_the_keys_of_its_compartments_and_windows(store, delivered):
    add(store, {(A, 100, 160): [1], (A, 40, 100): [2], (B, 100, 160): [3]})
    add(store, {(A, 400, 460): [4]}, number=2)
    delivered.load([Lookup(A, Window(120, 180), 999)])
    assert known(delivered, 1, 2, 3, 4) == [1]


def test_slices_at_the_cursor_after_a_compartment_fell_behind_are_not_read_for_it(store, delivered):
    """They may have thousands of keys of other compartments. A backfill at that time may have read it."""
    add(store, {(A, 100, 160): [1]})
    add(store, {(B, 160, 220): [2]}, number=2)
    add(store, {(A, 160, 220): [3]}, number=3, source="backfill")
    delivered.load([Lookup(A, Window(100, 220), 160)])
    assert known(delivered, 1, 2, 3) == [1, 3]
    assert store.calls == ["names", "read", "read"]


def test_distant_windows_are_listed_separately_and_adjacent_ones_at_once(store, delivered):
    delivered.load([Lookup(A, Window(100, 160), 0), Lookup(B, Window(160, 200), 0), Lookup(B, Window(900, 960), 0)])
    assert store.calls == ["names", "names"]


def test_a_damaged_entry_is_reported_once_and_the_others_are_read(store, delivered):
    entry = add(store, {(A, 100, 160): [1]})
    add(store, {(A, 100, 160): [2]}, number=2)
    store.objects[entry.name.text()] += b"x"
    for _ in range(2):
        delivered.load_all(Window(100, 160))
    assert list(delivered.damaged) == [entry.name]
    assert f"The ledger entry memory:{entry.name.text()} is damaged" in delivered.damaged[entry.name]
    assert known(delivered, 1, 2) == [2]
    assert store.calls.count("read") == 2


def test_an_entry_that_is_deleted_after_the_listing_is_ignored(store, delivered):
    class Vanishing(MemoryStore):
        def read(self, key):
            return None

    vanishing = Vanishing()
    vanishing.objects = store.objects
    add(store, {(A, 100, 160): [1]})
    delivered.connected(Ledger(vanishing)).load_all(Window(100, 160))
    assert (len(delivered.seen), delivered.damaged) == (0, {})


def test_counts_are_taken_once_from_entries_whose_state_was_not_written(store, delivered):
    counts = {"t": {60: HourlyCount(2, 1)}}
    add(store, {(A, 100, 160): [1]}, run="r1", number=1, rate_limits=counts)
    add(store, {(A, 100, 160): [2]}, run="r1", number=2, rate_limits=counts)
    add(store, {(A, 100, 160): [3]}, run="r0", number=9, rate_limits=counts)
    delivered.begin(10, 10, {"r1": 1}, ENTRY.state)
    delivered.load_all(Window(100, 160))
    assert list(delivered.take_uncounted()) == [{("t", 60): HourlyCount(2, 1)}]
    assert list(delivered.take_uncounted()) == []


def test_a_recorded_entry_is_written_and_not_read_again(store, delivered):
    delivered.record(replace(ENTRY, epoch=10, keys={(A, Window(100, 160)): key(1)}))
    delivered.load_all(Window(100, 160))
    assert store.calls == ["create", "names"]


def test_forgotten_keys_are_read_again_when_they_are_needed(store, delivered):
    add(store, {(A, 100, 160): [1]})
    delivered.load_all(Window(100, 160))
    delivered.forget(160)
    assert len(delivered.seen) == 0
    delivered.load_all(Window(100, 160))
    assert known(delivered, 1) == [1]


def test_the_next_run_of_an_invocation_keeps_what_was_confirmed_only(store, delivered):
    add(store, {(A, 100, 160): [1]})
    delivered.load_all(Window(100, 160))
    assert delivered.seen.add_if_new(key(2))
    delivered.begin(10, 10, {}, ENTRY.state)
    assert (delivered.searched, delivered.ahead) == (False, 0)
    store.calls.clear()
    delivered.load_all(Window(100, 160))
    assert store.calls == ["names"]
    assert known(delivered, 1, 2) == [1]


def test_a_rewind_between_two_runs_of_an_invocation_drops_the_keys(store, delivered):
    add(store, {(A, 100, 160): [1]})
    delivered.load_all(Window(100, 160))
    delivered.begin(10, 11, {}, ENTRY.state)
    delivered.load_all(Window(100, 160))
    assert known(delivered, 1) == []


def test_entries_of_another_state_are_not_used_and_reported_once(store, delivered):
    add(store, {(A, 100, 160): [1]}, state="oci://other@namespace/epimetheus/eu-frankfurt-1.state")
    add(store, {(A, 100, 160): [2]}, run="r2")
    for _ in range(2):
        delivered.load_all(Window(100, 160))
        delivered.load([Lookup(A, Window(100, 160), 160)])
    assert (known(delivered, 1, 2), delivered.uncounted) == ([2], [])
    assert store.calls.count("read") == 2
    (warning,) = delivered.warnings()
    assert warning.startswith("The ledger memory: is shared with another deployment: 1 entry is of another state than oci://audit-state@")


def test_the_warnings_name_the_first_damaged_entries(store, delivered):
    for number in range(1, 31):
        entry = add(store, {(A, 100, 160): [number]}, number=number)
        store.objects[entry.name.text()] = b"junk"
    delivered.load_all(Window(100, 160))
    assert (len(delivered.damaged), len(delivered.warnings())) == (30, 11)
    assert delivered.warnings()[-1] == "20 more entries of the ledger memory: cannot be used."


def test_an_entry_with_the_id_of_this_run_that_it_did_not_write_is_not_used(store, delivered):
    """Who can create objects sees the ID in the lease. The seal of the run would name the entry as its own."""
    delivered.begin(10, 10, {}, ENTRY.state, UnsealedEntries(), "r1")
    own = add(store, {(A, 100, 160): [1]})
    del store.objects[own.name.text()]
    delivered.record(own)
    foreign = add(store, {(A, 100, 160): [2]}, number=9999, source="replay")
    delivered.begin(10, 10, {}, ENTRY.state, UnsealedEntries(), "r1")  # the state was read again
    delivered.forget(200)
    delivered.load_all(Window(100, 160))
    assert known(delivered, 1, 2) == [1]
    assert not delivered.unsealed.found
    (warning,) = delivered.warnings()
    assert f"{foreign.name.text()} is not used: it has the ID of this run, which did not write it." in warning


def test_an_entry_that_another_one_wrote_under_the_name_of_an_own_one_is_not_used(store, delivered):
    delivered.begin(10, 10, {}, ENTRY.state, UnsealedEntries(), "r1")
    own = add(store, {(A, 100, 160): [2]})
    with pytest.raises(LedgerError):
        delivered.record(replace(own, keys={(A, Window(100, 160)): key(1)}))
    delivered.load_all(Window(100, 160))
    assert known(delivered, 2) == []
