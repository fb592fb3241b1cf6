"""Decides what each pass of reconciliation lists again: pure functions over the state. Times are minutes since the epoch.

A pass is a second cursor that follows the first one: it lists closed windows again once they are ``after`` minutes old. It is planned as
the first one is (`epimetheus.run.plan`), over a `view` of the state in which the marks of the pass take the place of the cursor.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from epimetheus.model import Window
from epimetheus.run.plan import GIVE_UP_MINUTES
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import BehindCompartment, KnownCompartment, Reconciled, State

WAITING = "not read at the cursor yet"
_SHORTEST_UNIT, _LONGEST_UNIT = 60, 24 * 60


class Pass(NamedTuple):
    """A pass that has windows to list: ``after`` minutes, and the ``end`` up to which windows are due."""

    after: int
    end: int


def unit_minutes(after: int) -> int:
    """Windows of a pass end at multiples of this: hours for the early passes, up to a day for late ones, so that they cost few requests."""
    return min(max(after, _SHORTEST_UNIT), _LONGEST_UNIT)


def due(state: State, now: int) -> list[Pass]:
    """The passes that have windows to list, the one that is furthest behind first."""
    passes = [Pass(after, _end(state, after, now)) for after in state.reconciled]
    open_passes = [one for one in passes if state.reconciled[one.after].through < one.end or _is_reading(state, one)]
    return sorted(open_passes, key=lambda one: state.reconciled[one.after].through + one.after)


def _end(state: State, after: int, now: int) -> int:
    return min(_closed(after, now), state.through)


def _closed(after: int, now: int) -> int:
    """The end of the last unit that closed ``after`` minutes ago."""
    unit = unit_minutes(after)
    return (now - after) // unit * unit


def _is_reading(state: State, one: Pass) -> bool:
    """Whether a compartment that is behind in the pass can be read."""
    behind = state.reconciled[one.after].behind
    return any(mark.since < min(state.reconciled[one.after].through, _listable_until(state, ocid)) for ocid, mark in behind.items())


def lag_minutes(state: State, now: int) -> dict[int, int]:
    """Pass → minutes of due windows that are not listed again yet, without those that are not read at the cursor yet."""
    lags = {}
    for after, one in state.reconciled.items():
        marks = [one.through, *(b.since for ocid, b in one.behind.items() if b.since < _listable_until(state, ocid))]
        lags[after] = max(0, _end(state, after, now) - min(marks))
    return lags


def with_passes(state: State, passes: Collection[int]) -> State:
    """``state`` with the marks of exactly these passes. A new one begins at the cursor."""
    return replace(state, reconciled={after: state.reconciled.get(after) or Reconciled(state.through) for after in sorted(set(passes))})


def begin_compartments(state: State, before: State) -> State:
    """``state`` with the compartments that are polled from now on, or no longer polled, behind in every pass.

    ``before``: the state before a listing, or before compartments were given up. A compartment that is no longer polled keeps what is not
    listed again yet.
    """
    started = {ocid: BehindCompartment(b.since, WAITING) for ocid, b in state.behind.items() if ocid not in before.behind}
    stopped = [ocid for ocid, k in before.known.items() if k.polled and ocid in state.known and not state.known[ocid].polled]
    reconciled = {}
    for after, one in state.reconciled.items():
        waiting = {ocid: BehindCompartment(one.through, WAITING) for ocid in stopped}
        behind = {**started, **waiting, **one.behind}
        reconciled[after] = replace(one, behind={ocid: b for ocid, b in behind.items() if _is_open(state, ocid, b.since)})
    return replace(state, reconciled=reconciled)


def _is_open(state: State, ocid: str, since: int) -> bool:
    """Whether the compartment has windows from ``since`` on to be listed again, now or when it is polled again."""
    known = state.known.get(ocid)
    return known is not None and (known.polled or since < readable_until(state, ocid))


def _is_listed_again(known: KnownCompartment) -> bool:
    """Whether the windows of a compartment are listed again now: not if a setting excludes it."""
    return known.polled or known.vanished is not None


def view(state: State, one: Pass) -> State:
    """The state as the planner needs it for a pass. Compartments that are not read at the cursor up to the end of the pass wait.

    One that waited and has reached the mark follows it again: if all of them remained behind at the mark, it would never move.
    """
    marks = state.reconciled[one.after]
    can_follow = {ocid for ocid, known in state.known.items() if known.polled and state.read_until(ocid) >= one.end}
    behind = {ocid: b for ocid, b in marks.behind.items() if b.since < marks.through or ocid not in can_follow}
    waiting = {
        ocid: BehindCompartment(marks.through, WAITING)
        for ocid, known in state.known.items()
        if known.polled and ocid not in behind and ocid not in can_follow
    }
    return replace(state, through=marks.through, behind={**behind, **waiting}, slice_minutes=marks.slice_minutes)


def readable_until(state: State, ocid: str) -> int:
    """The minute up to which a compartment can be reconciled: that up to which it was read."""
    stopped = state.known[ocid].read_until
    return state.read_until(ocid) if stopped is None else stopped


def _listable_until(state: State, ocid: str) -> int:
    """As `readable_until`; 0 if a setting excludes the compartment."""
    return readable_until(state, ocid) if _is_listed_again(state.known[ocid]) else 0


def clipped(state: State, tasks: Sequence[FetchTask]) -> list[FetchTask]:
    """``tasks`` up to where their compartments were read; without those that were read no further, or are excluded by a setting."""
    tasks = [task for task in tasks if _is_listed_again(state.known[task.compartment])]
    ends = [task.window.end if task.page else min(task.window.end, readable_until(state, task.compartment)) for task in tasks]
    windows = [Window(task.window.start, end) for task, end in zip(tasks, ends, strict=True)]
    return [task._replace(window=window) for task, window in zip(tasks, windows, strict=True) if window.start < window.end]


def after_slice(state: State, one: Pass, seen: State) -> State:
    """``state`` after a slice of the pass, whose view is ``seen`` now.

    A compartment that is no longer polled stays behind when it has reached the mark, because it does not follow it. It is dropped once OCI
    has answered 404 for GIVE_UP_MINUTES.
    """
    stopped = {ocid for ocid in state.reconciled[one.after].behind if not state.known[ocid].polled}
    behind = {ocid: BehindCompartment(seen.through, WAITING) for ocid in stopped} | seen.behind
    gone = {ocid for ocid in stopped if behind[ocid].not_found_minutes >= GIVE_UP_MINUTES}
    behind = {ocid: b for ocid, b in behind.items() if _is_open(state, ocid, b.since) and ocid not in gone}
    marks = Reconciled(seen.through, behind, min(seen.slice_minutes, unit_minutes(one.after)))
    return replace(state, reconciled={**state.reconciled, one.after: marks})


def skip_windows_read_late(before: State, state: State, now: int) -> State:
    """``state`` after a slice at the cursor (``before``: the state before it), with the marks of passes that need not list all of it again.

    Minutes that are read for the first time when they are older than those of the pass were listed late enough.
    """
    reconciled = dict(state.reconciled)
    for after, one in before.reconciled.items():
        through = min(state.through, now - after)
        if before.through <= one.through < through:
            fallen = {ocid: BehindCompartment(one.through, WAITING) for ocid, b in state.behind.items() if b.since < through}
            reconciled[after] = replace(one, through=through, behind={**fallen, **one.behind})
    return replace(state, reconciled=reconciled)
