"""Hourly limits: counting, reporting of suppressed events, and how long counts are saved."""

import pytest

from epimetheus.model import HourlyCount
from epimetheus.select.rate_limits import RateLimits, event_millis

TEN = 10 * 60
MILLIS = TEN * 60_000


def admit(limits, count, kind="a", millis=MILLIS, most=3):
    return sum(limits.admit(kind, millis + n, most) for n in range(count))


def test_each_type_has_its_own_limit_in_each_hour():
    limits = RateLimits({})
    assert [admit(limits, 5), admit(limits, 5), admit(limits, 2, "b"), admit(limits, 5, millis=MILLIS - 1000)] == [3, 0, 2, 3]
    assert [admit(limits, 1, millis=MILLIS + 3_599_999), admit(limits, 1, millis=MILLIS + 3_600_000)] == [0, 1]


def test_confirmed_counts_are_saved_and_those_of_a_failed_run_are_not():
    limits = RateLimits({})
    admit(limits, 2)
    limits.confirm(limits.take_pending())
    admit(limits, 5)
    saved = limits.packed(0)
    assert saved == {"a": {TEN: HourlyCount(passed=2)}}
    assert admit(RateLimits(saved), 5) == 1


def test_suppressed_events_are_reported_once_after_their_hour():
    limits = RateLimits({})
    admit(limits, 8)
    limits.confirm(limits.take_pending())
    assert limits.unreported(TEN + 59, immediate="own ") == {}
    unreported = limits.unreported(TEN + 60, immediate="own ")
    assert unreported == {("a", TEN): HourlyCount(3, 5, 0, MILLIS + 3, MILLIS + 7)}
    limits.mark_reported(unreported)
    assert limits.unreported(TEN + 600, immediate="own ") == {}
    admit(limits, 2, millis=MILLIS + 50)
    limits.confirm(limits.take_pending())
    assert limits.unreported(TEN + 600, immediate="own ") == {("a", TEN): HourlyCount(3, 7, 5, MILLIS + 50, MILLIS + 51)}


def test_immediate_kinds_do_not_wait_for_the_end_of_their_hour():
    limits = RateLimits({})
    limits.suppress("own x", MILLIS)
    limits.confirm(limits.take_pending())
    assert limits.unreported(TEN, immediate="own ") == {("own x", TEN): HourlyCount(0, 1, 0, MILLIS, MILLIS)}


def test_an_hour_is_dropped_once_it_is_over_and_reported():
    limits = RateLimits({})
    admit(limits, 3)
    admit(limits, 4, "b")
    limits.confirm(limits.take_pending())
    assert set(limits.packed(TEN + 59)) == {"a", "b"}
    assert limits.packed(TEN + 60) == {"b": {TEN: HourlyCount(3, 1, 0, MILLIS + 3, MILLIS + 3)}}
    limits.mark_reported(limits.unreported(TEN + 60, immediate="own "))
    assert limits.packed(TEN + 60) == {}


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ("2026-01-01T00:00:00.123456Z", 1_767_225_600_123),
        ("2026-01-01T01:00:00+01:00", 1_767_225_600_000),
        (" 2026-01-01T00:00:00Z ", 1_767_225_600_000),
        ("2026-01-01T00:00:00", None),
        ("1969-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_event_millis_accepts_valid_times_only(text, millis):
    assert event_millis(text) == millis
