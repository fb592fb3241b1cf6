"""How fast to ask: evenly, slower while OCI throttles, and never past the deadline."""

import threading
from dataclasses import dataclass

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import OutOfTime
from epimetheus.source.pacer import Pacer, pause


def test_requests_are_spaced(hand):
    pacer = Pacer(10, hand.clock)
    for _ in range(5):
        pacer.wait(hand.deadline(9))
    assert sum(hand.slept) == pytest.approx(0.4)


def test_a_burst_of_429_halves_the_pace_once_and_successes_raise_it_again(hand):
    pacer = Pacer(10, hand.clock)
    pacer.throttled()
    pacer.throttled()
    pacer.wait(hand.deadline(9))
    pacer.wait(hand.deadline(9))
    assert hand.slept == [pytest.approx(0.2)]
    for _ in range(40):
        pacer.served()
    pacer.wait(hand.deadline(9))
    before = hand.time
    pacer.wait(hand.deadline(9))
    assert hand.time - before == pytest.approx(0.1)


def test_the_pace_is_halved_down_to_one_in_two_seconds_or_the_limit_where_that_is_less(hand):
    for limit, slowest in ((10, 2.0), (0.1, 10.0)):
        pacer = Pacer(limit, hand.clock)
        for _ in range(20):
            pacer.throttled()
            hand.forward(1)
        pacer.wait(hand.deadline(99))
        before = hand.time
        pacer.wait(hand.deadline(99))
        assert hand.time - before == pytest.approx(slowest)


def test_a_moment_after_the_deadline_is_waited_for_until_the_deadline(hand):
    pacer = Pacer(0.1, hand.clock)
    deadline = hand.deadline(5)
    pacer.wait(deadline)
    with pytest.raises(OutOfTime):
        pacer.wait(deadline)
    assert hand.time == deadline.at


def test_whoever_is_out_of_time_takes_nobody_elses_moment(hand):
    pacer = Pacer(1, hand.clock)
    deadline = hand.deadline(0.5)
    pacer.wait(deadline)
    for _ in range(1000):
        with pytest.raises(OutOfTime):
            pacer.wait(deadline)
    before = hand.time
    pacer.wait(hand.deadline(60))
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
    pacer, moments = Pacer(100, SYSTEM), []

    def ask():
        for _ in range(5):
            pacer.wait(Deadline.after(SYSTEM, 9))
            moments.append(SYSTEM.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(moments) - min(moments) >= 0.18
