"""Periods in words."""

import pytest

from epimetheus.cli.durations import ago_text, period_text, short_period, timer_text


@pytest.mark.parametrize(
    ("seconds", "period", "short", "timer"),
    [
        (0, "0 seconds", "0 s", "0:00"),
        (1.9, "1 second", "1 s", "0:01"),
        (119, "119 seconds", "1 min", "1:59"),
        (120, "2 minutes", "2 min", "2:00"),
        (5400, "90 minutes", "1 h 30 min", "1:30:00"),
        (7200, "2 hours", "2 h 0 min", "2:00:00"),
        (2 * 86_400 + 3 * 3600, "2 days", "2 d 3 h", "51:00:00"),
        (400 * 86_400, "400 days", "400 d 0 h", "9600:00:00"),
        (-5, "0 seconds", "0 s", "0:00"),
    ],
)
def test_periods(seconds, period, short, timer):
    assert (period_text(seconds), short_period(seconds), timer_text(seconds)) == (period, short, timer)


def test_times_ago_and_ahead():
    assert (ago_text(172_800), ago_text(0), ago_text(-30)) == ("2 days ago", "0 seconds ago", "in 30 seconds")
