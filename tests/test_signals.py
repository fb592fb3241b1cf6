"""Signals that wait until a change is complete."""

import signal
import threading
from contextlib import suppress

import pytest

from epimetheus.signals import Signaled, deferred_signals, raise_on_signals


def changed(done, signals):
    """A change in two parts, with so many signals after the first one."""
    with deferred_signals():
        done.append("first")
        for _ in range(signals):
            signal.raise_signal(signal.SIGTERM)
        done.append("second")
    done.append("later")


@pytest.mark.parametrize(("signals", "parts"), [(1, ["first", "second"]), (2, ["first"])])
def test_a_signal_waits_until_the_change_is_complete_and_a_second_one_does_not(signals, parts):
    done = []
    with raise_on_signals(signal.SIGTERM), pytest.raises(Signaled):
        changed(done, signals)
    assert done == parts


def test_the_handlers_are_restored_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with suppress(ZeroDivisionError), deferred_signals():
        assert signal.getsignal(signal.SIGINT) != before
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) == before


def test_outside_the_main_thread_nothing_changes():
    found = []

    def work():
        with deferred_signals():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
