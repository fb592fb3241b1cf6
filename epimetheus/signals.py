"""Signals that end a process, as an exception in the main thread: so that a run can return its lease on its way out."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Never

_EXIT_CODE = 128


class Signaled(BaseException):
    """The signal ``number`` came. Not an Exception: nothing that handles errors may take it for one."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name
        self.exit_code = _EXIT_CODE + number


@contextmanager
def signals_raised(*numbers: int) -> Iterator[None]:
    """While it lasts, each of these signals raises Signaled in the main thread, once: a second one has its default effect, at once.

    One that is ignored (nohup) stays ignored. Outside of the main thread, where Python allows no handlers, nothing changes.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: handler for number in numbers if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}

    def handle(number: int, _: FrameType | None) -> Never:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise Signaled(number)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
