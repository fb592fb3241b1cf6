"""How fast to ask: evenly, slower while OCI throttles, and never past the deadline."""

import threading
from dataclasses import dataclass

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import OutOfTime
from epimetheus.source.rate_limiter import RateLimiter, pause


def test_requests_are_spaced(hand):
    limiter = RateLimiter(10, hand.clock)
    for _ in range(5):
        limiter.wait(hand.deadline(9))
    assert sum(hand.slept) == pytest.approx(0.4)


def gap(limiter, hand):
    """Seconds between two requests, as things stand."""
    limiter.wait(hand.deadline(99))
    before = hand.time
    limiter.wait(hand.deadline(99))
    return hand.time - before


def test_a_burst_of_429_halves_the_pace_once_where_nothing_is_known_yet(hand):
    limiter = RateLimiter(10, hand.clock)
    limiter.throttled()
    limiter.throttled()
    assert gap(limiter, hand) == pytest.approx(0.2)


def test_where_it_was_seen_what_is_served_the_pace_is_a_little_less(hand):
    limiter = RateLimiter(100, hand.clock)
    limiter.throttled()
    for _ in range(10):
        hand.forward(0.2)
        limiter.served()
    limiter.throttled()
    assert gap(limiter, hand) == pytest.approx(1 / (0.95 * 5))


def test_the_pace_goes_up_slowly_near_the_limit_and_faster_once_the_last_429_is_long_ago(hand):
    limiter = RateLimiter(10, hand.clock)
    limiter.throttled()
    for _ in range(5):
        hand.forward(1)
        limiter.served()
    assert gap(limiter, hand) == pytest.approx(1 / (5 * 1.02**5))
    for _ in range(30):
        hand.forward(1)
        limiter.served()
    assert gap(limiter, hand) == pytest.approx(0.1)


@pytest.mark.parametrize("allowed", [5, 50, 300])
def test_it_settles_near_what_is_allowed_and_wastes_little(hand, allowed):
    """An API that serves so many a second, and answers 429 above."""
    limiter, tokens, filled = RateLimiter(1000, hand.clock), float(allowed), hand.time
    served: list[float] = []
    refused: list[float] = []
    began = hand.time
    while hand.time < began + 60:
        limiter.wait(hand.deadline(99))
        tokens, filled = min(float(allowed), tokens + (hand.time - filled) * allowed), hand.time
        if tokens >= 1:
            tokens -= 1
            served.append(hand.time)
            limiter.served()
        else:
            refused.append(hand.time)
            limiter.throttled()
            hand.forward(0.05)
    late = [sum(moment >= began + 5 for moment in moments) for moments in (served, refused)]
    assert late[0] >= 0.85 * allowed * 55
    assert late[1] < 0.05 * sum(late)


def test_the_pace_is_halved_down_to_one_in_two_seconds_or_the_limit_where_that_is_less(hand):
    for limit, slowest in ((10, 2.0), (0.1, 10.0)):
        limiter = RateLimiter(limit, hand.clock)
        for _ in range(20):
            limiter.throttled()
            hand.forward(1)
        limiter.wait(hand.deadline(99))
        before = hand.time
        limiter.wait(hand.deadline(99))
        assert hand.time - before == pytest.approx(slowest)


def test_a_moment_after_the_deadline_is_waited_for_until_the_deadline(hand):
    limiter = RateLimiter(0.1, hand.clock)
    deadline = hand.deadline(5)
    limiter.wait(deadline)
    with pytest.raises(OutOfTime):
        limiter.wait(deadline)
    assert hand.time == deadline.at


def test_whoever_is_out_of_time_takes_nobody_elses_moment(hand):
    limiter = RateLimiter(1, hand.clock)
    deadline = hand.deadline(0.5)
    limiter.wait(deadline)
    for _ in range(1000):
        with pytest.raises(OutOfTime):
            limiter.wait(deadline)
    before = hand.time
    limiter.wait(hand.deadline(60))
    assert hand.time - before <= 1


def test_a_pause_is_as_long_as_it_should_be_and_ends_with_the_deadline(hand):
    pause(hand.clock, 2.5, hand.deadline(9))
    assert hand.slept == [1.0, 1.0, 0.5]
    deadline = hand.deadline(1.5)
    with pytest.raises(OutOfTime):
        pause(hand.clock, 9, deadline)
    assert hand.time == deadline.at


def test_a_pause_ends_soon_after_a_deadline_that_comes_early(hand):
    @dataclass(frozen=True)
    class Called(Deadline):
        def left(self):
            return 99.0 if len(hand.slept) < 2 else 0.0

    with pytest.raises(OutOfTime):
        pause(hand.clock, 60, Called(hand.clock, 0))
    assert sum(hand.slept) == 2


def test_threads_share_one_pace():
    limiter, moments = RateLimiter(100, SYSTEM), []

    def ask():
        for _ in range(5):
            limiter.wait(Deadline.after(SYSTEM, 9))
            moments.append(SYSTEM.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(moments) - min(moments) >= 0.18
