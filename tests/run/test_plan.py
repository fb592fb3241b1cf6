"""Planning: which compartment is read for which window."""

from dataclasses import replace

import pytest

from epimetheus.errors import SourceError
from epimetheus.model import Window
from epimetheus.run.plan import (
    GIVE_UP_MINUTES,
    MANY_EVENTS,
    NO_TIME,
    OVERSIZED,
    REJECTED,
    TaskOutcome,
    apply_progress,
    give_up,
    next_slice_minutes,
    next_window_minutes,
    plan_backfill,
    plan_next_slice,
    rate_limit_horizon,
    touch,
)
from epimetheus.run.unreadable import raise_if_none_readable
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import BehindCompartment, KnownCompartment, PageCursor, State

NOW, THROUGH, OVERLAP = 1000, 900, 15


def known(*names, **more):
    return {name: KnownCompartment(name, "root", polled=True, **more) for name in names}


@pytest.fixture
def state():
    return State("region", THROUGH, known=known("a", "b"))


def applied(state, tasks, outcomes, *, now=NOW, readable=True, quick=False):
    return apply_progress(state, tasks, outcomes, now=now, length=60, overlap=OVERLAP, readable=readable, quick=quick)


def backfill(state, excluded, fresh, *, length, now=NOW):
    return plan_backfill(state, excluded, fresh, now=now, length=length, overlap=OVERLAP)


def test_the_rate_limit_horizon_covers_compartments_behind_and_a_week_of_stopped_ones(state):
    week = 7 * 24 * 60
    known = {"v": KnownCompartment("v", read_until=week), "x": KnownCompartment("x", read_until=week - 1)}
    state = replace(state, through=2 * week, known=known)
    assert rate_limit_horizon(state, OVERLAP) == week - OVERLAP
    assert rate_limit_horizon(replace(state, behind={"b": BehindCompartment(100, "404")}), OVERLAP) == 85


def test_the_next_slice_begins_with_the_overlap_once_per_run(state):
    both = [FetchTask("a", Window(885, 960)), FetchTask("b", Window(885, 960))]
    assert plan_next_slice(state, set(), end=990, length=60, overlap=OVERLAP) == both
    late = [FetchTask("a", Window(900, 930)), FetchTask("b", Window(885, 930))]
    assert plan_next_slice(state, {"a"}, end=930, length=60, overlap=OVERLAP) == late


@pytest.mark.parametrize(
    ("fresh", "through", "until"),
    [({"a"}, 900, 960), ({"a", "b"}, 900, 945), ({"a", "b"}, 944, 945), ({"a", "b"}, 945, 960), ({"a", "b"}, 800, 860)],
    ids=["the first of a run", "a later one", "just before", "the last", "with more slices to come"],
)
def test_a_later_slice_ends_where_the_overlap_of_the_next_run_begins(state, fresh, through, until):
    tasks = plan_next_slice(replace(state, through=through), fresh, end=960, length=60, overlap=OVERLAP)
    assert [task.window.end for task in tasks] == [until, until]


def test_without_new_minutes_the_overlap_is_read_once(state):
    assert plan_next_slice(state, {"a"}, end=THROUGH - 5, length=60, overlap=OVERLAP) == [FetchTask("b", Window(885, 900))]
    assert plan_next_slice(state, {"a", "b"}, end=THROUGH, length=60, overlap=OVERLAP) == []
    assert plan_next_slice(state, set(), end=THROUGH, length=60, overlap=0) == []


def test_compartments_behind_have_their_own_windows_in_queue_order(state):
    state = replace(state, behind={"a": BehindCompartment(880, "x"), "b": BehindCompartment(200, "x", window_minutes=7)})
    assert plan_next_slice(state, set(), end=990, length=60, overlap=OVERLAP) == []
    both = [FetchTask("a", Window(880, 900)), FetchTask("b", Window(185, 207))]
    assert backfill(state, set(), {"a"}, length=60) == both
    assert backfill(state, {"b"}, set(), length=60) == [FetchTask("a", Window(865, 900))]


def test_a_window_in_progress_continues(state):
    state = replace(state, behind={"a": BehindCompartment(200, NO_TIME, 0, PageCursor(Window(185, 300), "token"))})
    assert backfill(state, set(), set(), length=10) == [FetchTask("a", Window(185, 300), "token")]


def test_a_longer_overlap_is_read_at_once(state):
    """The ledger has the keys of the minutes before, which the shorter overlap did not read."""
    state = replace(state, behind={"b": BehindCompartment(200, "x")})
    assert plan_next_slice(state, set(), end=960, length=60, overlap=60) == [FetchTask("a", Window(840, 960))]
    assert plan_backfill(state, set(), set(), now=NOW, length=60, overlap=60) == [FetchTask("b", Window(140, 260))]


@pytest.mark.parametrize(("floor", "start"), [(0, 185), (190, 190), (5000, 200)])
def test_a_compartment_behind_reads_no_overlap_before_its_floor(state, floor, start):
    """Before it, windows were read so late that OCI listed everything."""
    state = replace(state, behind={"b": BehindCompartment(200, "x", floor=floor)})
    assert backfill(state, set(), set(), length=60) == [FetchTask("b", Window(start, 260))]


@pytest.mark.parametrize(("since", "touched", "reach"), [(200, 0, 200), (200, 900, 900), (950, 900, 950)])
def test_the_ledger_is_searched_up_to_the_last_slice_that_may_have_read_a_compartment(since, touched, reach):
    assert BehindCompartment(since, "x", touched=touched).reach == reach


def test_compartments_behind_are_searched_up_to_later_entries_than_the_cursor(state):
    """The state was restored: slices that it knows nothing of may have read them."""
    behind = {"a": BehindCompartment(200, "x"), "b": BehindCompartment(300, "y", touched=990)}
    state = replace(state, behind=behind)
    assert touch(state, 960).behind == {"a": replace(behind["a"], touched=960), "b": behind["b"]}
    assert touch(state, 900).behind == behind


TASKS = [FetchTask("a", Window(885, 960)), FetchTask("b", Window(885, 960))]
BEGUN = PageCursor(Window(885, 960), "t", 3)
NOT_FOUND = TaskOutcome("404", not_found=True)
TIMED_OUT = TaskOutcome(NO_TIME)
IN_PROGRESS = TaskOutcome(NO_TIME, "t", events=3)


def fallen(reason, attempts=0, **more):
    """A compartment that fell behind in TASKS: entries of windows up to the end of its task may have its events."""
    return BehindCompartment(900, reason, attempts, touched=960, **more)


@pytest.mark.parametrize(
    ("a", "b", "readable", "through", "behind"),
    [
        (TaskOutcome(), TaskOutcome(), True, 960, {}),
        (TaskOutcome(), NOT_FOUND, True, 960, {"b": fallen("404", 1, not_found_at=NOW)}),
        (TaskOutcome(), TaskOutcome("429"), True, 960, {"b": fallen("429", 1)}),
        (NOT_FOUND, TaskOutcome("429"), False, 900, {}),
        (
            NOT_FOUND, TaskOutcome("429"), True, 960,
            {"a": fallen("404", 1, not_found_at=NOW), "b": fallen("429", 1)},
        ),
        (TaskOutcome(), TIMED_OUT, True, 960, {"b": fallen(NO_TIME)}),
        (TIMED_OUT, TIMED_OUT, True, 900, {}),
        (IN_PROGRESS, TIMED_OUT, True, 960, {"b": fallen(NO_TIME), "a": fallen(NO_TIME, page_cursor=BEGUN)}),
        (
            TaskOutcome(), TaskOutcome("400", "t", rejected=True, events=9), True, 960,
            {"b": fallen(REJECTED, window_minutes=30, tokens_expire=True)},
        ),
    ],
    ids=[
        "all read", "one not found", "one fails", "all fail", "all fail, others readable", "one times out", "all time out",
        "all time out, one in progress", "a token of this run rejected",
    ],
)  # fmt: skip
def test_the_cursor_moves_and_incomplete_compartments_fall_behind(state, a, b, readable, through, behind):
    after = applied(state, TASKS, {"a": a, "b": b}, readable=readable)
    assert (after.through, after.behind, list(after.behind)) == (through, behind, list(behind))


@pytest.mark.parametrize(
    ("begun", "window", "outcome", "after"),
    [
        (
            BehindCompartment(100, "404", 2, PageCursor(Window(85, 160), "old")),
            Window(85, 160),
            TaskOutcome(events=9),
            BehindCompartment(160, "404", 2, window_minutes=120, floor=160),
        ),
        (BehindCompartment(100, "404", 2), Window(85, 900), TaskOutcome(), None),
        (
            BehindCompartment(100, "404", 2, not_found_at=50, not_found_minutes=9),
            Window(85, 160),
            TaskOutcome("429"),
            BehindCompartment(100, "429", 3),
        ),
        (
            BehindCompartment(100, "404", 2, not_found_at=980, not_found_minutes=7),
            Window(85, 160),
            NOT_FOUND,
            BehindCompartment(100, "404", 3, not_found_at=NOW, not_found_minutes=27),
        ),
        (
            BehindCompartment(100, "404", 2, not_found_at=50, not_found_minutes=7),
            Window(85, 160),
            NOT_FOUND,
            BehindCompartment(100, "404", 3, not_found_at=NOW, not_found_minutes=67),
        ),
        (
            BehindCompartment(100, "x"),
            Window(85, 160),
            TaskOutcome("500", "t", events=9),
            BehindCompartment(100, "500", 1, window_minutes=30),
        ),
        (
            BehindCompartment(100, "x"),
            Window(85, 160),
            IN_PROGRESS,
            BehindCompartment(100, NO_TIME, 0, PageCursor(Window(85, 160), "t", 3)),
        ),
        (
            BehindCompartment(100, "x", tokens_expire=True),
            Window(85, 160),
            IN_PROGRESS,
            BehindCompartment(100, NO_TIME, window_minutes=37, tokens_expire=True),
        ),
        (
            BehindCompartment(100, "x", tokens_expire=True, window_minutes=1),
            Window(85, 86),
            IN_PROGRESS,
            BehindCompartment(100, NO_TIME, 0, PageCursor(Window(85, 86), "t", 3), 1, tokens_expire=True),
        ),
    ],
    ids=[
        "a window read", "caught up", "fails again", "not found again", "not found after a pause", "fails in progress", "times out",
        "times out, tokens expire", "times out, one minute",
    ],
)  # fmt: skip
def test_a_compartment_behind_moves_on_its_own(state, begun, window, outcome, after):
    moved = applied(replace(state, behind={"a": begun}), [FetchTask("a", window)], {"a": outcome})
    assert (moved.through, moved.behind) == (900, {} if after is None else {"a": after})


@pytest.mark.parametrize(("minutes", "half"), [(60, 30), (3, 1), (1, 1)])
def test_a_rejected_stored_token_halves_the_window_down_to_a_minute(state, minutes, half):
    window = Window(85, 100 + minutes)
    begun = replace(state, behind={"a": BehindCompartment(100, NO_TIME, 0, PageCursor(window, "old"))})
    after = applied(begun, [FetchTask("a", window, "old")], {"a": TaskOutcome("400", "old", rejected=True)})
    assert after.behind == {"a": BehindCompartment(100, REJECTED, window_minutes=half, tokens_expire=True)}
    assert backfill(after, set(), set(), length=60) == [FetchTask("a", Window(85, 85 + half))]


def test_a_rejected_token_of_this_run_in_a_one_minute_window_is_a_failure(state):
    begun = replace(state, behind={"a": BehindCompartment(100, NO_TIME, window_minutes=1, tokens_expire=True)})
    after = applied(begun, [FetchTask("a", Window(100, 101))], {"a": TaskOutcome("400", "t", rejected=True, events=9)})
    assert after.behind == {"a": BehindCompartment(100, "400", 1, window_minutes=1, tokens_expire=True)}


def test_an_overlap_with_more_events_than_a_run_can_read_is_read_in_parts(state):
    state = replace(state, behind={"a": BehindCompartment(100, REJECTED, window_minutes=4, tokens_expire=True)})
    windows = []
    while state.behind["a"].since < 110:
        (task,) = backfill(state, set(), {"a"}, length=60)
        windows.append(tuple(task.window))
        state = applied(state, [task], {"a": TaskOutcome(events=9)})
    assert windows == [(85, 89), (89, 93), (93, 97), (97, 101), (101, 105), (105, 109), (109, 113)]


def test_near_the_present_the_overlap_is_read_at_once(state):
    state = replace(state, behind={"a": BehindCompartment(890, REJECTED, window_minutes=4, tokens_expire=True)})
    assert backfill(state, set(), set(), length=60, now=904) == [FetchTask("a", Window(875, 894))]
    after = applied(state, [FetchTask("a", Window(875, 894))], {"a": TaskOutcome(events=9)}, now=904)
    assert (after.behind["a"].since, after.behind["a"].floor) == (894, 0)


def test_a_window_begun_in_an_earlier_run_sets_no_floor(state):
    begun = replace(state, behind={"a": BehindCompartment(100, NO_TIME, page_cursor=PageCursor(Window(85, 160), "t"))})
    assert applied(begun, [FetchTask("a", Window(85, 160), "t")], {"a": TaskOutcome(events=9)}).behind["a"].floor == 0


@pytest.mark.parametrize(
    ("before", "outcome", "minutes"),
    [(0, TaskOutcome(OVERSIZED, "t", oversized=True, events=9), 75), (99_000, TaskOutcome(NO_TIME, "t", events=1_001), 75)],
    ids=["stopped in this turn", "over several runs"],
)
def test_an_oversized_window_begins_again_much_shorter(state, before, outcome, minutes):
    reading = PageCursor(Window(85, 700), "s", before) if before else None
    begun = replace(state, behind={"a": BehindCompartment(100, "x", page_cursor=reading)})
    after = applied(begun, [FetchTask("a", Window(85, 700), "s" if before else None)], {"a": outcome})
    assert after.behind == {"a": BehindCompartment(100, OVERSIZED, window_minutes=minutes)}


def test_an_oversized_minute_continues(state):
    begun = replace(state, behind={"a": BehindCompartment(100, "x", page_cursor=PageCursor(Window(85, 101), "s", 99_000))})
    after = applied(begun, [FetchTask("a", Window(85, 101), "s")], {"a": TaskOutcome(NO_TIME, "t", events=1_001)})
    assert after.behind["a"].page_cursor == PageCursor(Window(85, 101), "t", 100_001)


def test_a_compartment_that_was_read_moves_to_the_end_of_the_queue(state):
    queue = {name: BehindCompartment(100, "x") for name in ("a", "b", "c", "d")}
    tasks = [FetchTask(name, Window(85, 160)) for name in queue]
    after = applied(replace(state, behind=queue), tasks, {"a": IN_PROGRESS, "b": TaskOutcome(), "d": TaskOutcome("429")})
    assert list(after.behind) == ["c", "b", "d", "a"]


DELETED = {"a": KnownCompartment("a", "root", polled=True), "d": KnownCompartment("d", "root", polled=True, deleted=True, vanished=100)}


@pytest.mark.parametrize(
    ("known", "refused", "in_this_run", "gives_up"),
    [
        (DELETED, GIVE_UP_MINUTES, ["d"], True),
        (DELETED, GIVE_UP_MINUTES - 1, ["d"], False),
        (DELETED, GIVE_UP_MINUTES, [], False),
        ({**DELETED, "d": replace(DELETED["d"], deleted=False)}, GIVE_UP_MINUTES, ["d"], True),
        ({**DELETED, "d": replace(DELETED["d"], deleted=False, vanished=None)}, 10**6, ["d"], False),
    ],
    ids=["long enough", "not long enough", "not in this run", "no longer listed", "listed and active"],
)
def test_when_a_vanished_compartment_is_given_up(state, known, refused, in_this_run, gives_up):
    before = replace(state, known=known, behind={"d": BehindCompartment(700, "404", 9, not_found_at=NOW, not_found_minutes=refused)})
    after, given_up = give_up(before, in_this_run)
    assert given_up == (["d"] if gives_up else [])
    assert ("d" in after.behind) is not gives_up
    assert after.known["d"] == (replace(known["d"], polled=False, read_until=700, given_up=True) if gives_up else known["d"])


@pytest.mark.parametrize("readable", [True, False])
def test_a_404_counts_only_while_other_compartments_are_readable(state, readable):
    before = replace(state, behind={"a": BehindCompartment(100, "404", 9, not_found_at=NOW - 20, not_found_minutes=40)})
    after = applied(before, [FetchTask("a", Window(85, 160))], {"a": NOT_FOUND}, readable=readable)
    assert after.behind["a"].not_found_minutes == (60 if readable else 40)


def test_all_compartments_unreadable_is_an_error(state):
    state = replace(state, known=DELETED)
    tasks = [FetchTask("a", Window(885, 960)), FetchTask("d", Window(885, 960))]
    with pytest.raises(SourceError, match=r"0 of 2 compartments could be read\. The first error: 404"):
        raise_if_none_readable(state, tasks, dict.fromkeys("ad", NOT_FOUND), readable=False)
    raise_if_none_readable(state, tasks, dict.fromkeys("ad", NOT_FOUND), readable=True)
    raise_if_none_readable(state, tasks, {"a": TaskOutcome(), "d": NOT_FOUND}, readable=False)
    raise_if_none_readable(replace(state, behind={"a": BehindCompartment(1, "")}), tasks[:1], {"a": NOT_FOUND}, readable=False)


@pytest.mark.parametrize(("events", "minutes"), [(25_000, 120), (25_001, 60), (MANY_EVENTS, 60), (MANY_EVENTS + 1, 30)])
def test_the_window_length_of_a_compartment_adapts_to_its_events(events, minutes):
    assert next_window_minutes(60, events, may_grow=True) == minutes
    assert next_window_minutes(60, events, may_grow=False) == min(minutes, 60)
    assert (next_window_minutes(1, 10**6, may_grow=True), next_window_minutes(7 * 24 * 60, 0, may_grow=True)) == (1, 7 * 24 * 60)


@pytest.mark.parametrize(("restarts", "quick", "minutes"), [(False, False, 120), (True, False, 60), (True, True, 120)])
def test_with_expiring_tokens_a_window_grows_only_after_a_quick_slice(state, restarts, quick, minutes):
    begun = replace(state, behind={"a": BehindCompartment(100, "x", window_minutes=60, tokens_expire=restarts)})
    after = applied(begun, [FetchTask("a", Window(85, 160))], {"a": TaskOutcome(events=5)}, quick=quick)
    assert after.behind["a"].window_minutes == minutes


@pytest.mark.parametrize(
    ("outcomes", "events", "seconds", "left", "expected"),
    [
        ([TaskOutcome()], 25_000, 24, 100, 480),
        ([TaskOutcome()], 25_001, 24, 100, 240),
        ([TaskOutcome()], 25_000, 25, 100, 240),
        ([TaskOutcome()], 100_000, 24, 100, 240),
        ([TaskOutcome()], 100_001, 24, 100, 120),
        ([TIMED_OUT], 0, 100, 100, 120),
        ([TIMED_OUT], 0, 9, 40, 240),
        ([TIMED_OUT], 100_001, 40, 40, 120),
        ([TaskOutcome(), NOT_FOUND], 0, 1, 100, 240),
    ],
    ids=[
        "quick", "many events", "slow", "more events", "too many events", "too long for a run", "too long for the rest of a run",
        "too many events in the rest of a run",
        "with a failure",
    ],
)  # fmt: skip
def test_the_length_of_the_next_slice(outcomes, events, seconds, left, expected):
    assert next_slice_minutes(240, 60, outcomes, events=events, seconds=seconds, left=left, whole=100) == expected


def test_a_slice_has_a_minimum_and_a_maximum_length():
    assert next_slice_minutes(100, 60, [TIMED_OUT], events=0, seconds=9, left=9, whole=9) == 60
    assert next_slice_minutes(100, 60, [TaskOutcome()], events=10**6, seconds=0, left=9, whole=9) == 60
    assert next_slice_minutes(7000, 60, [TaskOutcome()], events=0, seconds=0, left=9, whole=9) == 7 * 24 * 60
