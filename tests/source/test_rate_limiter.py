"""The rate limiter: evenly spaced requests, slower while OCI throttles, and never past the deadline."""

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
    """Seconds between two requests at the current rate."""
    limiter.wait(hand.deadline(99))
    before = hand.time
    limiter.wait(hand.deadline(99))
    return hand.time - before


def test_a_first_burst_of_429_halves_the_rate_once(hand):
    limiter = RateLimiter(10, hand.clock)
    limiter.throttled()
    limiter.throttled()
    assert gap(limiter, hand) == pytest.approx(0.2)


def test_after_a_429_the_rate_is_slightly_below_the_measured_one(hand):
    limiter = RateLimiter(100, hand.clock)
    limiter.throttled()
    for _ in range(10):
        hand.forward(0.2)
        limiter.served()
    limiter.throttled()
    assert gap(limiter, hand) == pytest.approx(1 / (0.95 * 5))


def test_the_rate_recovers_slowly_after_a_429_and_faster_later(hand):
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
def test_the_rate_converges_to_the_servers_limit(hand, allowed):
    """The server accepts ``allowed`` requests a second and returns 429 above that."""
    limiter, tokens, filled = RateLimiter(1000, hand.clock), float(allowed), hand.time
    served: list[float] = []
    rejected: list[float] = []
    began = hand.time
    while hand.time < began + 60:
        limiter.wait(hand.deadline(99))
        tokens, filled = min(float(allowed), tokens + (hand.time - filled) * allowed), hand.time
        if tokens >= 1:
            tokens -= 1
            served.append(hand.time)
            limiter.served()
        else:
            rejected.append(hand.time)
            limiter.throttled()
            hand.forward(0.05)
    late = [sum(time >= began + 5 for time in times) for times in (served, rejected)]
    assert late[0] >= 0.85 * allowed * 55
    assert late[1] < 0.05 * sum(late)


def test_the_rate_never_falls_below_half_a_request_a_second_or_the_limit(hand):
    for limit, slowest in ((10, 2.0), (0.1, 10.0)):
        limiter = RateLimiter(limit, hand.clock)
        for _ in range(20):
            limiter.throttled()
            hand.forward(1)
        limiter.wait(hand.deadline(99))
        before = hand.time
        limiter.wait(hand.deadline(99))
        assert hand.time - before == pytest.approx(slowest)


def test_waiting_ends_at_the_deadline(hand):
    limiter = RateLimiter(0.1, hand.clock)
    deadline = hand.deadline(5)
    limiter.wait(deadline)
    with pytest.raises(OutOfTime):
        limiter.wait(deadline)
    assert hand.time == deadline.at


def test_a_request_that_is_out_of_time_takes_no_slot(hand):
    limiter = RateLimiter(1, hand.clock)
    deadline = hand.deadline(0.5)
    limiter.wait(deadline)
    for _ in range(1000):
        with pytest.raises(OutOfTime):
            limiter.wait(deadline)
    before = hand.time
    limiter.wait(hand.deadline(60))
    assert hand.time - before <= 1


def test_a_pause_has_its_length_and_ends_at_the_deadline(hand):
    pause(hand.clock, 2.5, hand.deadline(9))
    assert hand.slept == [1.0, 1.0, 0.5]
    deadline = hand.deadline(1.5)
    with pytest.raises(OutOfTime):
        pause(hand.clock, 9, deadline)
    assert hand.time == deadline.at


def test_a_pause_ends_within_a_second_of_a_deadline_that_moves_forward(hand):
    @dataclass(frozen=True)
    class Moved(Deadline):
        def left(self):
            return 99.0 if len(hand.slept) < 2 else 0.0

    with pytest.raises(OutOfTime):
        pause(hand.clock, 60, Moved(hand.clock, 0))
    assert sum(hand.slept) == 2


def test_threads_share_one_rate():
    limiter, times = RateLimiter(100, SYSTEM), []

    def send():
        for _ in range(5):
            limiter.wait(Deadline.after(SYSTEM, 9))
            times.append(SYSTEM.monotonic())

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(times) - min(times) >= 0.18
