"""Which compartment is asked for which minutes, as a table of decisions over the state."""

from dataclasses import replace

import pytest

from epimetheus.model import Compartment, Window
from epimetheus.plan import (
    NEW,
    NO_TIME,
    advance,
    asked_compartments,
    catch_up,
    last_known,
    move,
    next_length,
    reach,
    still_serves,
    take_stock,
)
from epimetheus.source.compartments import Listing
from epimetheus.source.fetch import Work
from epimetheus.state.memory import Behind, Known, Reading, State

NOW, THROUGH, OVERLAP = 1000, 900, 15


def known(*names, **more):
    return {name: Known(name, "root", asked=True, **more) for name in names}


def listing(*names, refused=(), **more):
    return Listing({name: Compartment(name, name, "root", **more) for name in names}, tuple(refused))


@pytest.fixture
def state():
    return State("region", THROUGH, known=known("a", "b"))


def stock(state, found, asked, now=NOW, lookback=500):
    return take_stock(state, found, asked, now=now, lookback=lookback, overlap=OVERLAP)


def test_the_first_listing_of_all_puts_nobody_behind():
    state = stock(State("region", NOW - 500), listing("a", "b"), {"a"})
    assert (asked_compartments(state), state.behind) == (["a"], {})


@pytest.mark.parametrize(("created", "since"), [(0, 500), (700, 700), (899, 899), (900, None), (950, None)])
def test_a_new_compartment_is_behind_from_its_creation_at_most_the_look_back(state, created, since):
    found = Listing({**listing("a", "b").compartments, "n": Compartment("n", "n", "root", created)})
    behind = stock(state, found, {"a", "b", "n"}).behind
    assert behind == ({} if since is None else {"n": Behind(since, NEW)})


@pytest.mark.parametrize(
    ("listed", "lookback", "since"),
    [(0, 0, None), (800, 0, 800), (600, 0, 700), (800, 50, 750), (1200, 150, 850), (NOW - 5, 500, 700)],
    ids=["never", "no look-back", "created since", "before the listing", "clock set back", "lately"],
)
def test_a_new_compartment_is_read_from_the_look_back_before_the_last_whole_listing(state, listed, lookback, since):
    found = Listing({**listing("a", "b").compartments, "n": Compartment("n", "n", "root", 700)})
    behind = stock(replace(state, listed=listed), found, {"a", "b", "n"}, lookback=lookback).behind
    assert behind == ({} if since is None else {"n": Behind(since, NEW)})


@pytest.mark.parametrize(
    ("found", "listed"),
    [(listing("a"), NOW), (listing("a", refused=["root"]), 800), (replace(listing("a"), tree=False), 0)],
    ids=["whole", "in parts", "the root alone"],
)
def test_when_the_tree_was_listed(state, found, listed):
    assert stock(replace(state, listed=800), found, {"a"}).listed == listed


@pytest.mark.parametrize(
    ("now", "needed", "more", "serves"),
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
def test_when_the_last_listing_serves(state, now, needed, more, serves):
    gone = {"v": Known("v", gone=700), "d": Known("d", deleted=True, gone=700)}
    state = replace(state, known={**state.known, **gone}, **{"listed": 800, "last": {"caught_up": True}, **more})
    assert still_serves(state, needed, now=now, minutes=15) is serves


def test_who_vanished_is_asked_until_its_overlap_has_passed_and_remembered_for_the_look_back(state):
    gone = stock(state, listing("a"), {"a", "b"})
    assert (asked_compartments(gone), gone.known["b"].gone) == (["a", "b"], NOW)
    still = stock(replace(gone, through=NOW + OVERLAP - 1), listing("a"), {"a", "b"}, now=NOW + 20)
    assert (asked_compartments(still), still.known["b"].gone) == (["a", "b"], NOW)
    over = stock(replace(gone, through=NOW + OVERLAP), listing("a"), {"a", "b"}, now=NOW + 20)
    assert (asked_compartments(over), over.known["b"].gone) == (["a"], NOW)
    again = stock(replace(over, through=NOW + 600), listing("a"), {"a"}, now=NOW + 501)
    assert list(again.known) == ["a", "b"]
    forgotten = stock(replace(again, through=NOW + 600), listing("a"), {"a"}, now=NOW + 502)
    assert list(forgotten.known) == ["a"]


def test_without_a_look_back_who_vanished_is_remembered_until_the_next_whole_listing(state):
    gone = stock(state, listing("a"), {"a", "b"}, lookback=0)
    over = stock(replace(gone, through=NOW + OVERLAP), listing("a", refused=["a"]), {"a", "b"}, now=NOW + 20, lookback=0)
    assert over.known["b"] == Known("b", "root", gone=NOW, read=NOW + OVERLAP)
    again = stock(over, listing("a"), {"a"}, now=NOW + 40, lookback=0)
    forgotten = stock(again, listing("a"), {"a"}, now=NOW + 60, lookback=0)
    assert (list(again.known), list(forgotten.known)) == (["a", "b"], ["a"])


def test_who_vanished_while_behind_is_asked_until_it_is_read(state):
    gone = stock(replace(state, behind={"b": Behind(100, "404")}), listing("a"), {"a", "b"})
    later = stock(replace(gone, through=5000), listing("a"), {"a", "b"}, now=6000)
    assert (asked_compartments(later), later.behind) == (["a", "b"], {"b": Behind(100, "404")})


def test_who_returns_is_read_on_from_where_it_was_left(state):
    gone = stock(state, listing("a"), {"a", "b"})
    over = stock(replace(gone, through=NOW + OVERLAP + 40), listing("a"), {"a", "b"}, now=NOW + 60)
    later = stock(replace(over, through=NOW + 200), listing("a"), {"a", "b"}, now=NOW + 210)
    back = stock(replace(later, through=NOW + 300), listing("a", "b"), {"a", "b"}, now=NOW + 310)
    assert back.behind == {"b": Behind(NOW + OVERLAP + 40, NEW)}


def test_who_is_not_asked_any_more_is_not_behind_either(state):
    after = stock(replace(state, behind={"b": Behind(100, "404")}), listing("a", "b"), {"a"})
    assert (asked_compartments(after), after.behind) == (["a"], {})


def test_whose_keys_are_needed_longer(state):
    more = {"v": Known("v", gone=800, read=850), "d": Known("d", deleted=True, gone=800, read=850), "w": Known("w", asked=True, gone=890)}
    state = replace(state, known={**state.known, **more}, behind={"b": Behind(700, "404")})
    assert reach(state, OVERLAP) == {"v": 835, "b": 685}


def test_a_partial_listing_makes_nobody_vanish(state):
    after = stock(state, listing("a", refused=["root"]), {"a", "b"})
    assert (asked_compartments(after), after.known["b"].gone) == (["a", "b"], None)


def test_the_last_known_serve_in_place_of_a_listing(state):
    state = replace(state, known={**state.known, "v": Known("v", gone=800), "d": Known("d", deleted=True, gone=800)})
    served = last_known(state)
    assert (set(served.compartments), set(served.refused)) == ({"a", "b", "d"}, {"a", "b", "d"})
    assert stock(state, served, {"a", "b"}).known["v"] == state.known["v"]


def test_the_next_slice_begins_before_the_cursor_once_a_run_and_ends_where_events_have_settled(state):
    assert advance(state, set(), end=990, length=60, overlap=OVERLAP) == [Work("a", Window(885, 960)), Work("b", Window(885, 960))]
    assert advance(state, {"a"}, end=930, length=60, overlap=OVERLAP) == [Work("a", Window(900, 930)), Work("b", Window(885, 930))]


@pytest.mark.parametrize(
    ("fresh", "through", "until"),
    [({"a"}, 900, 960), ({"a", "b"}, 900, 945), ({"a", "b"}, 944, 945), ({"a", "b"}, 945, 960), ({"a", "b"}, 800, 860)],
    ids=["the first of a run", "a later one", "just before", "the last", "with more to come"],
)
def test_a_later_slice_of_a_run_ends_where_the_overlap_of_the_next_one_begins(state, fresh, through, until):
    works = advance(replace(state, through=through), fresh, end=960, length=60, overlap=OVERLAP)
    assert [work.window.end for work in works] == [until, until]


def test_with_nothing_settled_since_the_overlap_is_read_alone_and_once(state):
    assert advance(state, {"a"}, end=THROUGH - 5, length=60, overlap=OVERLAP) == [Work("b", Window(885, 900))]
    assert advance(state, {"a", "b"}, end=THROUGH, length=60, overlap=OVERLAP) == []
    assert advance(state, set(), end=THROUGH, length=60, overlap=0) == []


def test_who_is_behind_has_slices_of_its_own_furthest_first(state):
    state = replace(state, behind={"a": Behind(880, "x"), "b": Behind(200, "x")})
    assert advance(state, set(), end=990, length=60, overlap=OVERLAP) == []
    assert catch_up(state, set(), {"a"}, length=60, overlap=OVERLAP) == [Work("b", Window(185, 260)), Work("a", Window(880, 900))]
    assert catch_up(state, {"b"}, set(), length=60, overlap=OVERLAP) == [Work("a", Window(865, 900))]


def test_a_window_that_was_begun_is_read_on(state):
    state = replace(state, behind={"a": Behind(200, NO_TIME, 0, Reading(Window(185, 300), "token"))})
    assert catch_up(state, set(), set(), length=10, overlap=OVERLAP) == [Work("a", Window(185, 300), "token")]


WORKS = [Work("a", Window(885, 960)), Work("b", Window(885, 960))]
BEGUN = Reading(Window(885, 960), "t")


@pytest.mark.parametrize(
    ("failed", "onward", "through", "behind"),
    [
        ({}, {}, 960, {}),
        ({"b": "404"}, {}, 960, {"b": Behind(900, "404", 1)}),
        ({"a": "404", "b": "429"}, {}, 900, {}),
        ({"b": NO_TIME}, {}, 960, {"b": Behind(900, NO_TIME, 0)}),
        ({"a": NO_TIME, "b": NO_TIME}, {}, 900, {}),
        ({"a": NO_TIME, "b": NO_TIME}, {"b": "t"}, 960, {"a": Behind(900, NO_TIME), "b": Behind(900, NO_TIME, 0, BEGUN)}),
    ],
    ids=["all read", "one fails", "all fail", "one late", "all late", "all late, one on its way"],
)
def test_the_cursor_follows_those_who_came_further_and_the_others_stay(state, failed, onward, through, behind):
    after = move(state, WORKS, failed, onward)
    assert (after.through, after.behind) == (through, behind)


@pytest.mark.parametrize(
    ("window", "failed", "onward", "behind"),
    [
        (Window(85, 160), {}, {}, {"a": Behind(160, "404", 2)}),
        (Window(85, 900), {}, {}, {}),
        (Window(85, 160), {"a": "429"}, {}, {"a": Behind(100, "429", 3)}),
        (Window(85, 160), {"a": NO_TIME}, {"a": "t"}, {"a": Behind(100, NO_TIME, 2, Reading(Window(85, 160), "t"))}),
    ],
    ids=["a slice read", "caught up", "fails again", "late"],
)
def test_who_is_behind_moves_alone(state, window, failed, onward, behind):
    begun = Behind(100, "404", 2, Reading(Window(85, 160), "old"))
    after = move(replace(state, behind={"a": begun}), [Work("a", window)], failed, onward)
    expected = {ocid: b if failed else replace(b, reading=None) for ocid, b in behind.items()}
    assert (after.through, after.behind) == (900, expected)


@pytest.mark.parametrize(
    ("fitted", "events", "seconds", "left", "expected"),
    [
        (True, 25_000, 24, 100, 480),
        (True, 25_001, 24, 100, 240),
        (True, 25_000, 25, 100, 240),
        (True, 100_000, 24, 100, 240),
        (True, 100_001, 24, 100, 120),
        (False, 0, 100, 100, 120),
        (False, 0, 9, 40, 240),
        (False, 100_001, 40, 40, 120),
    ],
    ids=["cheap", "full", "dear", "fuller", "too full", "too long for a run", "the rest of a run was too short", "and too full"],
)
def test_how_long_the_next_slice_is(fitted, events, seconds, left, expected):
    assert next_length(240, 60, fitted=fitted, events=events, seconds=seconds, left=left, whole=100) == expected


def test_a_slice_is_as_long_as_it_is_set_at_least_and_a_week_at_most():
    assert next_length(100, 60, fitted=False, events=0, seconds=9, left=9, whole=9) == 60
    assert next_length(100, 60, fitted=True, events=10**6, seconds=0, left=9, whole=9) == 60
    assert next_length(7000, 60, fitted=True, events=0, seconds=0, left=9, whole=9) == 7 * 24 * 60
