"""Which compartments are known, new, vanished or deselected after a listing."""

from dataclasses import replace

import pytest

from epimetheus.model import Compartment
from epimetheus.run.known_compartments import (
    NEW,
    RESUMED,
    RETENTION_MINUTES,
    UNLISTED_MINUTES,
    Changes,
    last_listing,
    listing_is_current,
    update_compartments,
)
from epimetheus.run.plan import polled_compartments
from epimetheus.source.compartments import Listing
from epimetheus.state.model import BehindCompartment, KnownCompartment, State

NOW, THROUGH, OVERLAP = 1000, 900, 15
YEAR_LATER = NOW + RETENTION_MINUTES


def known(*names, **more):
    return {name: KnownCompartment(name, "root", polled=True, **more) for name in names}


def listing(*names, refused=(), **more):
    return Listing({name: Compartment(name, name, "root", **more) for name in names}, tuple(refused))


def resumed(since, through=THROUGH):
    """Behind from ``since`` on. Slices at the cursor may have read its windows of the week after that, up to the cursor."""
    return BehindCompartment(since, RESUMED, touched=min(since + 7 * 24 * 60, through))


@pytest.fixture
def state():
    return State("region", THROUGH, known=known("a", "b"))


def updated(state, found, selected, now=NOW, lookback=500):
    return update_compartments(state, found, selected, now=now, lookback=lookback, overlap=OVERLAP)


def state_after(state, found, selected, **more):
    return updated(state, found, selected, **more)[0]


def test_the_first_listing_puts_no_compartment_behind():
    state = state_after(State("region", NOW - 500), listing("a", "b"), {"a"})
    assert (polled_compartments(state), state.behind) == (["a"], {})


@pytest.mark.parametrize(("created", "since"), [(0, 400), (700, 700), (899, 899), (900, None), (950, None)])
def test_a_new_compartment_is_behind_from_its_creation_or_the_lookback(state, created, since):
    found = Listing({**listing("a", "b").compartments, "n": Compartment("n", "n", "root", created)})
    behind = state_after(state, found, {"a", "b", "n"}).behind
    assert behind == ({} if since is None else {"n": BehindCompartment(since, NEW)})


@pytest.mark.parametrize(
    ("listed", "lookback", "since"),
    [(0, 0, None), (800, 0, 800), (600, 0, 700), (800, 50, 750), (1200, 150, 750), (NOW - 5, 500, 700), (NOW - 5, 100, 800)],
    ids=["never", "no lookback", "created since", "before the listing", "clock set back", "recent", "long after the cursor"],
)
def test_the_lookback_of_a_new_compartment_is_relative_to_the_last_complete_listing_or_the_cursor(state, listed, lookback, since):
    found = Listing({**listing("a", "b").compartments, "n": Compartment("n", "n", "root", 700)})
    behind = state_after(replace(state, listed=listed), found, {"a", "b", "n"}, lookback=lookback).behind
    assert behind == ({} if since is None else {"n": BehindCompartment(since, NEW)})


@pytest.mark.parametrize(("began", "created", "since"), [(100, 120, 120), (100, 99, 400), (0, 120, 400), (100, 100, 100)])
def test_a_compartment_created_after_reading_began_is_read_from_its_creation(state, began, created, since):
    found = Listing({**listing("a", "b").compartments, "n": Compartment("n", "n", "root", created)})
    behind = state_after(replace(state, began=began), found, {"a", "b", "n"}).behind
    assert behind == {"n": BehindCompartment(since, NEW)}


@pytest.mark.parametrize(
    ("before", "found", "listed"),
    [
        (800, listing("a"), NOW),
        (800, listing("a", refused=["root"]), 800),
        (800, replace(listing("a"), tree=False), 800),
        (0, listing("a", refused=["root"]), NOW),
        (0, replace(listing("a"), tree=False), 0),
    ],
    ids=["complete", "partial", "root only", "first, partial", "first, root only"],
)
def test_when_the_tree_was_listed(state, before, found, listed):
    assert state_after(replace(state, listed=before), found, {"a"}).listed == listed


@pytest.mark.parametrize(
    ("now", "needed", "more", "is_current"),
    [
        (814, ["a"], {}, True),
        (815, ["a"], {}, False),
        (800, ["a", "b"], {}, True),
        (799, ["a"], {}, False),
        (810, ["n"], {}, False),
        (810, ["v"], {}, False),
        (810, ["d"], {}, True),
        (810, [], {"last": {"caught_up": False}}, False),
        (810, [], {"last": {}}, False),
        (4, [], {"listed": 0}, True),
    ],
)
def test_when_the_last_listing_is_current(state, now, needed, more, is_current):
    gone = {"v": KnownCompartment("v", vanished=700), "d": KnownCompartment("d", deleted=True, vanished=700)}
    state = replace(state, known={**state.known, **gone}, **{"listed": 800, "last": {"caught_up": True}, **more})
    assert listing_is_current(state, needed, now=now, minutes=15) is is_current


def test_a_deleted_compartment_is_read_until_its_overlap_has_passed(state):
    found = Listing({**listing("a").compartments, **listing("b", deleted=True).compartments})
    gone = state_after(state, found, {"a", "b"})
    assert (polled_compartments(gone), gone.known["b"].vanished) == (["a", "b"], NOW)
    still = state_after(replace(gone, through=NOW + OVERLAP - 1), found, {"a", "b"}, now=NOW + 20)
    assert (polled_compartments(still), still.known["b"].vanished) == (["a", "b"], NOW)
    over, changes = updated(replace(gone, through=NOW + OVERLAP), found, {"a", "b"}, now=NOW + 20)
    read = KnownCompartment("b", "root", deleted=True, vanished=NOW, read_until=NOW + OVERLAP)
    assert (polled_compartments(over), over.known["b"], changes) == (["a"], read, Changes())


def test_a_compartment_that_the_listings_leave_out_is_read_for_thirty_days(state):
    """It may exist, and be listed again only in runs whose state is lost."""
    gone = state_after(state, listing("a"), {"a", "b"})
    end = NOW + 30 * 24 * 60
    still = state_after(replace(gone, through=end - 1), listing("a"), {"a", "b"}, now=end)
    assert (polled_compartments(still), still.known["b"].vanished) == (["a", "b"], NOW)
    over, changes = updated(replace(gone, through=end), listing("a"), {"a", "b"}, now=end + 2)
    assert (polled_compartments(over), over.known["b"]) == (["a"], KnownCompartment("b", "root", vanished=NOW, read_until=end))
    assert changes.warnings(end) == [
        "1 compartment has not been listed for 30 days and is no longer polled: b. If it is listed again, reading resumes where it stopped."
    ]


def test_a_vanished_compartment_is_kept_for_a_year(state):
    gone = replace(state_after(state, listing("a"), {"a"}, lookback=0), through=NOW + OVERLAP)
    over = replace(gone, known={**gone.known, "b": KnownCompartment("b", "root", vanished=NOW, read_until=NOW + OVERLAP)})
    kept = state_after(over, listing("a"), {"a"}, now=YEAR_LATER + OVERLAP, lookback=0)
    assert list(kept.known) == ["a", "b"]
    dropped = state_after(kept, listing("a"), {"a"}, now=YEAR_LATER + OVERLAP + 1, lookback=0)
    assert list(dropped.known) == ["a"]


def test_a_compartment_that_vanished_while_behind_is_read_to_its_end(state):
    gone = state_after(replace(state, behind={"b": BehindCompartment(100, "404")}), listing("a"), {"a", "b"})
    later = state_after(replace(gone, through=5000), listing("a"), {"a", "b"}, now=6000)
    assert (polled_compartments(later), later.behind) == (["a", "b"], {"b": BehindCompartment(100, "404")})


@pytest.mark.parametrize("lookback", [0, 10, 10_000])
def test_a_compartment_that_returns_resumes_where_reading_stopped(state, lookback):
    found = Listing({**listing("a").compartments, **listing("b", deleted=True).compartments})
    gone = state_after(state, found, {"a", "b"}, lookback=lookback)
    over = state_after(replace(gone, through=NOW + OVERLAP + 40), found, {"a", "b"}, now=NOW + 60, lookback=lookback)
    later = state_after(replace(over, through=NOW + 200), listing("a"), {"a", "b"}, now=NOW + 210, lookback=lookback)
    back = state_after(replace(later, through=NOW + 9000), listing("a", "b"), {"a", "b"}, now=NOW + 9010, lookback=lookback)
    assert back.behind == {"b": resumed(NOW + OVERLAP + 40, NOW + 9000)}
    assert back.known["b"] == KnownCompartment("b", "root", polled=True)


def test_after_more_than_a_year_one_year_is_read_and_the_gap_is_a_warning(state):
    paused = replace(state, through=YEAR_LATER + 100, known={"a": state.known["a"], "b": KnownCompartment("b", "root", read_until=900)})
    back, changes = updated(paused, listing("a", "b"), {"a", "b"}, now=YEAR_LATER + 110)
    assert back.behind == {"b": resumed(NOW + 110, YEAR_LATER + 100)}
    assert changes.warnings(YEAR_LATER + 110) == [
        "1 compartment is polled again after more than a year. Its events before 1970-01-01T18:30:00Z are no longer available: b."
    ]


def test_a_deselected_compartment_is_not_behind(state):
    after = state_after(replace(state, behind={"b": BehindCompartment(100, "404")}), listing("a", "b"), {"a"})
    assert (polled_compartments(after), after.behind) == (["a"], {})


@pytest.mark.parametrize("lookback", [0, 500])
@pytest.mark.parametrize("tree", [True, False], ids=["excluded", "tenancy_only"])
def test_the_position_of_a_compartment_survives_a_change_of_selection(state, lookback, tree):
    found = replace(listing("a", "b" if tree else "a"), tree=tree)
    paused, changes = updated(replace(state, behind={"b": BehindCompartment(100, "404", 3)}), found, {"a"}, lookback=lookback)
    assert paused.known["b"] == KnownCompartment("b", "root", read_until=100)
    assert changes == Changes(deselected=("b",))
    again, changes = updated(replace(paused, through=990), listing("a", "b"), {"a", "b"}, now=NOW + 10, lookback=lookback)
    assert again.behind == {"b": resumed(100, 990)}
    assert changes == Changes()


@pytest.mark.parametrize("vanished", [None, 800], ids=["vanishes now", "vanished meanwhile"])
def test_a_reselected_compartment_that_is_no_longer_listed_is_read_to_its_end(state, vanished):
    paused = replace(state, known={"a": state.known["a"], "b": KnownCompartment("b", "root", read_until=300, vanished=vanished)})
    again = state_after(paused, listing("a"), {"a", "b"})
    assert again.behind == {"b": resumed(300)}
    finished = KnownCompartment("b", "root", read_until=800 + UNLISTED_MINUTES, vanished=800)
    over = replace(paused, known={"a": state.known["a"], "b": finished})
    assert polled_compartments(state_after(over, listing("a"), {"a", "b"})) == ["a"]


def test_a_deleted_compartment_that_is_deselected_is_named(state):
    deleted = KnownCompartment("b", "root", polled=True, deleted=True, vanished=700)
    behind = replace(state, known={"a": state.known["a"], "b": deleted}, behind={"b": BehindCompartment(100, "404")})
    after, changes = updated(behind, listing("a"), {"a"})
    assert (after.known["b"].read_until, changes) == (100, Changes(deselected=("b",)))


def test_a_deselected_compartment_is_a_warning_once(state):
    paused, changes = updated(state, listing("a", "b"), {"a"})
    assert changes.warnings(NOW) == [
        "1 compartment is no longer selected by COMPARTMENT_MODE and COMPARTMENT_IDS. Its events are not forwarded: b."
        " If it is selected again, reading resumes where it stopped."
    ]
    assert updated(paused, listing("a", "b"), {"a"})[1].warnings(NOW) == []


def test_a_partial_listing_makes_no_compartment_vanish(state):
    after = state_after(state, listing("a", refused=["root"]), {"a", "b"})
    assert (polled_compartments(after), after.known["b"].vanished) == (["a", "b"], None)


def test_the_known_compartments_replace_a_failed_listing(state):
    gone = {"v": KnownCompartment("v", vanished=800, read_until=800), "d": KnownCompartment("d", deleted=True, vanished=800)}
    state = replace(state, known={**state.known, **gone})
    listed = last_listing(state)
    assert (set(listed.compartments), set(listed.refused)) == ({"a", "b", "d"}, {"a", "b", "d"})
    assert state_after(state, listed, {"a", "b"}).known["v"] == state.known["v"]


def test_a_compartment_that_was_deleted_while_it_was_not_selected_is_read_to_its_end(state):
    deleted = Listing({**listing("a").compartments, **listing("b", deleted=True).compartments})
    paused = state_after(replace(state, through=300), listing("a", "b"), {"a"}, now=310)
    gone = state_after(replace(paused, through=500), deleted, {"a"}, now=510)
    again = state_after(replace(gone, through=900), deleted, {"a", "b"}, now=910)
    assert again.behind == {"b": resumed(300)}
    over = state_after(replace(again, behind={}), deleted, {"a", "b"}, now=920)
    assert polled_compartments(over) == ["a"]


def test_a_compartment_that_vanished_and_returns_deleted_is_read_to_its_end(state):
    vanished = replace(state, known={"a": state.known["a"], "b": KnownCompartment("b", "root", vanished=100, read_until=200)})
    found = Listing({**listing("a").compartments, **listing("b", deleted=True).compartments})
    back = state_after(vanished, found, {"a", "b"})
    assert (back.behind, back.known["b"].vanished) == ({"b": resumed(200)}, NOW)


def test_a_deleted_compartment_that_was_given_up_stays_so_until_it_is_active_again(state):
    b = KnownCompartment("b", "root", deleted=True, vanished=100, read_until=90, given_up=True)
    given_up = replace(state, known={"a": state.known["a"], "b": b})
    still = state_after(given_up, Listing({**listing("a").compartments, **listing("b", deleted=True).compartments}), {"a", "b"})
    assert (polled_compartments(still), still.behind, still.known["b"].read_until) == (["a"], {}, 90)
    assert state_after(still, listing("a", "b"), {"a", "b"}).behind == {"b": resumed(90)}
