"""Reconciliation: which closed windows each pass lists again, and how its marks move. Minutes; 1440 is a day."""

from dataclasses import replace

import pytest

from epimetheus.model import Window
from epimetheus.run.reconcile_plan import (
    WAITING,
    Pass,
    after_slice,
    begin_compartments,
    clipped,
    due,
    lag_minutes,
    readable_until,
    skip_deleted_entries,
    skip_windows_read_late,
    unit_minutes,
    view,
    with_passes,
)
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import BehindCompartment, KnownCompartment, PageCursor, Reconciled, State

THROUGH = 10_060


def known(*names, **more):
    return {name: KnownCompartment(name, "root", polled=True, **more) for name in names}


def waiting(since):
    return BehindCompartment(since, WAITING)


@pytest.fixture
def state():
    return State("region", THROUGH, known=known("a", "b"), reconciled={60: Reconciled(9_000), 1440: Reconciled(5_000)})


@pytest.mark.parametrize(("after", "unit"), [(5, 60), (60, 60), (90, 90), (1440, 1440), (10_080, 1440)])
def test_the_unit_of_a_pass_is_an_hour_to_a_day(after, unit):
    assert unit_minutes(after) == unit


def test_a_pass_ends_with_the_last_unit_that_closed_long_enough_ago(state):
    """10,020 is 167 hours, 8,640 is 6 days. The pass that is furthest behind comes first: 5,000 + 1440 before 9,000 + 60."""
    assert due(state, 10_080) == [Pass(1440, 8_640), Pass(60, 10_020)]
    assert due(state, 10_079) == [Pass(1440, 7_200), Pass(60, 9_960)]


def test_no_pass_is_after_the_cursor(state):
    assert due(replace(state, through=9_500), 20_000) == [Pass(1440, 9_500), Pass(60, 9_500)]


def test_a_pass_at_its_end_is_not_due(state):
    assert due(replace(state, reconciled={60: Reconciled(10_020), 1440: Reconciled(8_640)}), 10_080) == []


def test_a_pass_at_its_end_is_due_while_a_compartment_is_behind_in_it_and_readable(state):
    marks = Reconciled(10_020, {"a": waiting(9_000)})
    assert due(replace(state, reconciled={60: marks}), 10_080) == [Pass(60, 10_020)]
    unread = replace(state, reconciled={60: marks}, behind={"a": BehindCompartment(9_000, "404")})
    assert due(unread, 10_080) == []


def test_a_new_pass_begins_where_windows_are_not_old_enough_for_it(state):
    assert with_passes(state, (60, 300, 300, 1440), 10_080).reconciled == {**state.reconciled, 300: Reconciled(10_080 - 300)}
    assert with_passes(state, (60, 1440, 5), 10_080).reconciled[5] == Reconciled(THROUGH)
    assert with_passes(replace(state, began=9_900), (60, 1440, 300), 10_080).reconciled[300] == Reconciled(9_900)


def test_a_pass_that_replaces_another_begins_at_its_mark(state):
    assert with_passes(state, (60, 2880), 10_080).reconciled == {60: Reconciled(9_000), 2880: Reconciled(5_000)}
    assert with_passes(state, (), 10_080).reconciled == {}


def test_in_a_new_pass_a_compartment_that_is_no_longer_polled_is_behind(state):
    stopped = {"c": KnownCompartment("c", "root", read_until=9_900), "d": KnownCompartment("d", "root", read_until=9_700)}
    state = replace(state, known={**state.known, **stopped})
    assert with_passes(state, (60, 1440, 300), 10_080).reconciled[300] == Reconciled(9_780, {"c": waiting(9_780)})


def test_windows_whose_entries_may_be_deleted_are_skipped(state):
    """a waits in the pass from before; b is not read at the cursor since then; c is excluded by a setting, which is no reason to warn."""
    cursor = PageCursor(Window(4_000, 4_060), "page")
    marks = {"a": replace(waiting(4_000), page_cursor=cursor), "b": waiting(3_000), "c": waiting(2_000), "d": waiting(2_000)}
    stopped = {"c": KnownCompartment("c", "root", read_until=7_000), "d": KnownCompartment("d", "root", read_until=5_500)}
    state = replace(
        state,
        known={**state.known, **stopped},
        behind={"b": BehindCompartment(5_800, "404")},
        reconciled={60: Reconciled(9_000), 1440: Reconciled(5_000, marks)},
    )
    after, skipped = skip_deleted_entries(state, 6_000)
    behind = {"a": waiting(6_000), "b": waiting(5_800), "c": waiting(6_000)}
    assert after.reconciled == {60: Reconciled(9_000), 1440: Reconciled(6_000, behind)}
    assert skipped == [(1440, Window(3_000, 6_000))]
    assert skip_deleted_entries(after, 6_000) == (after, [])


def test_windows_that_are_not_read_yet_are_not_skipped(state):
    state = replace(state, through=5_500)
    after, skipped = skip_deleted_entries(state, 9_500)
    assert (after.reconciled[1440], skipped) == (Reconciled(5_500), [(1440, Window(5_000, 5_500))])


def test_the_lag_is_that_of_the_mark_or_of_a_readable_compartment_behind(state):
    assert lag_minutes(state, 10_080) == {60: 1_020, 1440: 3_640}
    assert lag_minutes(replace(state, reconciled={60: Reconciled(10_020, {"a": waiting(9_500)})}), 10_080) == {60: 520}
    unread = replace(state, reconciled={60: Reconciled(10_020, {"a": waiting(9_500)})}, behind={"a": BehindCompartment(9_500, "404")})
    assert lag_minutes(unread, 10_080) == {60: 0}


def test_compartments_that_are_not_read_at_the_cursor_wait(state):
    late = replace(state, behind={"b": BehindCompartment(9_500, "404")})
    seen = view(late, Pass(60, 9_960))
    assert (seen.through, seen.behind) == (9_000, {"b": waiting(9_000)})
    assert view(replace(state, behind={"b": BehindCompartment(9_960, "404")}), Pass(60, 9_960)).behind == {}


def test_the_view_has_the_marks_and_the_length_of_the_pass(state):
    marks = Reconciled(9_000, {"a": BehindCompartment(8_000, "429", 2)}, 120)
    seen = view(replace(state, reconciled={60: marks}, slice_minutes=15), Pass(60, 9_960))
    assert (seen.through, seen.behind, seen.slice_minutes) == (9_000, {"a": BehindCompartment(8_000, "429", 2)}, 120)


def test_the_windows_of_a_compartment_end_where_it_was_read(state):
    tasks = [FetchTask("a", Window(8_000, 9_000)), FetchTask("b", Window(8_000, 9_000))]
    late = replace(state, behind={"a": BehindCompartment(8_500, "404"), "b": BehindCompartment(8_000, "404")})
    assert clipped(late, tasks) == [FetchTask("a", Window(8_000, 8_500))]


def test_a_window_in_progress_is_not_clipped(state):
    late = replace(state, behind={"a": BehindCompartment(8_500, "404")})
    task = FetchTask("a", Window(8_000, 9_000), "page")
    assert clipped(late, [task]) == [task]


def test_a_vanished_compartment_is_listed_again_and_a_deselected_one_is_not(state):
    stopped = KnownCompartment("b", "root", read_until=8_500)
    tasks = [FetchTask("b", Window(8_000, 9_000))]
    assert clipped(replace(state, known={**known("a"), "b": stopped}), tasks) == []
    vanished = replace(state, known={**known("a"), "b": replace(stopped, vanished=8_400)})
    assert clipped(vanished, tasks) == [FetchTask("b", Window(8_000, 8_500))]
    assert readable_until(vanished, "b") == 8_500


def test_a_compartment_that_is_no_longer_polled_keeps_what_is_not_listed_again(state):
    after = replace(state, known={**known("a"), "b": KnownCompartment("b", "root", read_until=THROUGH)})
    reconciled = begin_compartments(after, state).reconciled
    assert reconciled == {60: Reconciled(9_000, {"b": waiting(9_000)}), 1440: Reconciled(5_000, {"b": waiting(5_000)})}


def test_a_compartment_that_is_polled_from_now_on_is_listed_again_from_where_it_is_read(state):
    after = replace(state, known=known("a", "b", "n"), behind={"n": BehindCompartment(4_000, "new")})
    reconciled = begin_compartments(after, state).reconciled
    assert reconciled == {60: Reconciled(9_000, {"n": waiting(4_000)}), 1440: Reconciled(5_000, {"n": waiting(4_000)})}


def test_a_compartment_that_returns_continues_where_the_pass_stopped(state):
    paused = replace(
        state,
        known={**known("a"), "b": KnownCompartment("b", "root", read_until=9_500)},
        reconciled={60: Reconciled(9_900, {"b": waiting(9_000)})},
    )
    again = replace(paused, known=known("a", "b"), behind={"b": BehindCompartment(9_500, "resumed")})
    assert begin_compartments(again, paused).reconciled == {60: Reconciled(9_900, {"b": waiting(9_000)})}


def test_a_compartment_that_was_given_up_stays_and_one_that_is_no_longer_known_is_dropped(state):
    before = replace(state, known=known("a", "b"), reconciled={60: Reconciled(9_000, {"x": waiting(8_000)}), 1440: Reconciled(5_000)})
    given_up = KnownCompartment("b", "root", deleted=True, vanished=7_000, read_until=9_000, given_up=True)
    after = begin_compartments(replace(before, known={**known("a"), "b": given_up}), before)
    assert after.reconciled == {60: Reconciled(9_000), 1440: Reconciled(5_000, {"b": waiting(5_000)})}
    assert begin_compartments(after, after) == after


def test_after_a_slice_the_marks_of_the_pass_move_and_the_others_stay(state):
    seen = replace(state, through=9_060, behind={"a": BehindCompartment(9_000, "429", 1)}, slice_minutes=240)
    after = after_slice(state, Pass(60, 9_960), seen)
    assert after.reconciled == {60: Reconciled(9_060, {"a": BehindCompartment(9_000, "429", 1)}, 60), 1440: Reconciled(5_000)}
    assert (after.through, after.behind) == (THROUGH, {})


def test_a_deleted_compartment_is_dropped_only_after_hours_of_404(state):
    gone = KnownCompartment("b", "root", deleted=True, vanished=9_000, read_until=9_500)
    before = replace(state, known={**known("a"), "b": gone}, reconciled={60: Reconciled(9_900, {"b": waiting(9_000)})})

    def after(mark):
        return after_slice(before, Pass(60, 9_960), replace(before, through=9_900, behind={"b": mark})).reconciled[60].behind

    unavailable = BehindCompartment(9_000, "500", 99)
    refused = BehindCompartment(9_000, "404", 9, not_found_at=9_900, not_found_minutes=359)
    assert after(unavailable) == {"b": unavailable}
    assert after(refused) == {"b": refused}
    assert after(replace(refused, not_found_minutes=360)) == {}


def test_a_window_that_is_first_read_when_it_is_older_than_the_pass_needs_no_second_listing():
    before = State("region", 1_000, known=known("a", "b"), reconciled={60: Reconciled(1_000), 1440: Reconciled(1_000)})
    after = replace(before, through=1_100, behind={"b": BehindCompartment(1_000, "404")})
    skipped = skip_windows_read_late(before, after, 1_160).reconciled
    assert skipped == {60: Reconciled(1_100, {"b": waiting(1_000)}), 1440: Reconciled(1_000)}
    partly = skip_windows_read_late(before, after, 1_159).reconciled
    assert partly == {60: Reconciled(1_099, {"b": waiting(1_000)}), 1440: Reconciled(1_000)}
    assert skip_windows_read_late(before, after, 1_060).reconciled == before.reconciled
    lagging = replace(before, reconciled={60: Reconciled(999)})
    assert skip_windows_read_late(lagging, replace(lagging, through=1_100), 9_000).reconciled == {60: Reconciled(999)}
