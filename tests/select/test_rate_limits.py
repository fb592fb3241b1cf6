"""Limits an hour: what is spent when, what is told when, and what is remembered for how long."""

import pytest

from epimetheus.model import HourlyCount
from epimetheus.select.rate_limits import RateLimits, event_millis

TEN = 10 * 60
MILLIS = TEN * 60_000


def spend(quotas, count, kind="a", millis=MILLIS, most=3):
    return sum(quotas.admits(kind, millis + n, most) for n in range(count))


def test_each_type_has_its_own_limit_in_each_hour():
    quotas = RateLimits({})
    assert [spend(quotas, 5), spend(quotas, 5), spend(quotas, 2, "b"), spend(quotas, 5, millis=MILLIS - 1000)] == [3, 0, 2, 3]
    assert [spend(quotas, 1, millis=MILLIS + 3_599_999), spend(quotas, 1, millis=MILLIS + 3_600_000)] == [0, 1]


def test_what_is_settled_is_remembered_and_what_a_failed_run_spent_is_not():
    quotas = RateLimits({})
    spend(quotas, 2)
    quotas.settle(quotas.taken())
    spend(quotas, 5)
    remembered = quotas.packed(0)
    assert remembered == {"a": {TEN: HourlyCount(passed=2)}}
    assert spend(RateLimits(remembered), 5) == 1


def test_what_was_held_back_is_told_once_the_hour_is_over_and_once_only():
    quotas = RateLimits({})
    spend(quotas, 8)
    quotas.settle(quotas.taken())
    assert quotas.untold(TEN + 59, at_once="own ") == {}
    told = quotas.untold(TEN + 60, at_once="own ")
    assert told == {("a", TEN): HourlyCount(3, 5, 0, MILLIS + 3, MILLIS + 7)}
    quotas.tell(told)
    assert quotas.untold(TEN + 600, at_once="own ") == {}
    spend(quotas, 2, millis=MILLIS + 50)
    quotas.settle(quotas.taken())
    assert quotas.untold(TEN + 600, at_once="own ") == {("a", TEN): HourlyCount(3, 7, 5, MILLIS + 50, MILLIS + 51)}


def test_what_is_told_at_once_does_not_wait_for_its_hour():
    quotas = RateLimits({})
    quotas.hold("own x", MILLIS)
    quotas.settle(quotas.taken())
    assert quotas.untold(TEN, at_once="own ") == {("own x", TEN): HourlyCount(0, 1, 0, MILLIS, MILLIS)}


def test_an_hour_is_forgotten_when_no_event_of_it_can_come_and_all_is_told():
    quotas = RateLimits({})
    spend(quotas, 3)
    spend(quotas, 4, "b")
    quotas.settle(quotas.taken())
    assert set(quotas.packed(TEN + 59)) == {"a", "b"}
    assert quotas.packed(TEN + 60) == {"b": {TEN: HourlyCount(3, 1, 0, MILLIS + 3, MILLIS + 3)}}
    quotas.tell(quotas.untold(TEN + 60, at_once="own "))
    assert quotas.packed(TEN + 60) == {}


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
def test_only_a_time_that_can_be_counted_by_is_one(text, millis):
    assert event_millis(text) == millis
