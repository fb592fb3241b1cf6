"""The windows of pushed events, in minutes of the day."""

import pytest

from epimetheus.model import Window
from epimetheus.run.push_windows import group, pushed_from, window_of
from epimetheus.source.connector_hub import PushedEvent
from epimetheus.source.fetch import FetchTask

NOW = 30_000_000


def event(happened: float, ingested: float, compartment: str = "c") -> PushedEvent:
    """An event with times in minutes before NOW; None: not known."""
    return PushedEvent(b"{}", compartment, *(0.0 if ago is None else (NOW - ago) * 60.0 for ago in (happened, ingested)))


@pytest.mark.parametrize(
    ("happened", "ingested", "start", "end"),
    [
        (3, 2, -3, 14),
        (3, 3, -3, 13),
        (2, 3, -3, 13),  # a clock is off
        (None, 2, -2, 14),
        (3, None, -3, 16),
        (None, None, 0, 16),
        (500, 2, -362, 14),
        (3, -500, -3, 16),  # in the future
        (20_000, 20_000, -20_000, -19_984),
        (30_000, 30_000, -20_520, -20_144),
        (-500, None, 0, 16),
    ],
)
def test_the_window_begins_at_the_event_and_ends_after_its_arrival(happened, ingested, start, end):
    assert window_of(event(happened, ingested), NOW) == Window(NOW + start, NOW + end)


def test_events_are_grouped_by_compartment_and_hour():
    near, far = Window(NOW - 65, NOW - 40), Window(NOW - 130, NOW - 113)
    events = [event(65, 60), event(62, 57, "d"), event(63, 56), event(130, 129), event(61, 58, "")]
    assert NOW % 60 == 0
    assert group(events, "root", NOW) == {
        FetchTask("c", near): [events[0], events[2]],
        FetchTask("d", near): [events[1]],
        FetchTask("c", far): [events[3]],
        FetchTask("root", near): [events[4]],
    }


def test_any_times_make_a_bounded_number_of_windows():
    events = [event(ago, ago) for ago in range(0, 30_000_000, 30_000)] + [event(ago, None) for ago in range(1_000)]
    groups = group(events, "root", NOW)
    assert sum(map(len, groups.values())) == 2000
    assert len({task.window for task in groups}) <= 14 * 24 + 1
    assert all(task.window.end - task.window.start <= 8 * 24 * 60 for task in groups)


@pytest.mark.parametrize(
    ("ingested", "minute"),
    [([2], NOW + 13), ([2, 9, 5], NOW + 6), ([0], NOW + 15), ([3, None], 0), ([3, -1], 0), ([3, 30_000], 0), ([], 0)],
)
def test_pushes_whose_windows_end_before_the_earliest_arrival_need_not_be_read(ingested, minute):
    assert pushed_from([event(500, ago) for ago in ingested], NOW) == minute
