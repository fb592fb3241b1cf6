"""Raise an exception in the main thread for signals that end the process, so that a run can release its lease."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Never

_EXIT_CODE = 128
_DEFERRED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signaled(BaseException):
    """The process received the signal ``number``. This is not an Exception, so that no error handler catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name
        self.exit_code = _EXIT_CODE + number


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Within the context, a signal that raises an exception waits until its end, so that a change is not stopped in its middle.

    A second signal does not wait. Outside the main thread, nothing changes.
    """
    handlers: dict[int, Callable[[int, FrameType | None], object]] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: handler for number in _DEFERRED if callable(handler := signal.getsignal(number))}
    waiting: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        waiting.append(number)
        if len(waiting) > 1:
            handlers[number](number, frame)

    for number in handlers:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if waiting:
        handlers[waiting[0]](waiting[0], None)


@contextmanager
def raise_on_signals(*numbers: int) -> Iterator[None]:
    """Within the context, the first of these signals raises Signaled in the main thread; a second one has its default effect immediately.

    An ignored signal (nohup) stays ignored. Outside the main thread, where Python does not allow signal handlers, nothing changes.
    """
    previous = {}
    if threading.current_thread() is threading.main_thread():
        previous = {number: handler for number in numbers if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}

    def handle(number: int, _: FrameType | None) -> Never:
        for handled in previous:
            signal.signal(handled, signal.SIG_DFL)
        raise Signaled(number)

    for number in previous:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
