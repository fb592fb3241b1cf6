"""Signals that wait until a change is complete."""

import signal
import threading

import pytest

from epimetheus.signals import Signaled, deferred_signals, raise_on_signals


def test_a_signal_waits_until_the_change_is_complete():
    done = []
    with raise_on_signals(signal.SIGTERM), pytest.raises(Signaled) as caught:
        with deferred_signals():
            signal.raise_signal(signal.SIGTERM)
            done.append("whole")
        done.append("later")
    assert (done, caught.value.name) == (["whole"], "SIGTERM")


def test_a_second_signal_does_not_wait():
    done = []
    with raise_on_signals(signal.SIGTERM), pytest.raises(Signaled), deferred_signals():
        signal.raise_signal(signal.SIGTERM)
        done.append("first")
        signal.raise_signal(signal.SIGTERM)
        done.append("second")
    assert done == ["first"]


def test_an_error_in_the_change_is_raised_and_the_handlers_are_restored():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), deferred_signals():
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
