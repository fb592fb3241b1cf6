"""Work that may hang in what has no timeout of its own: it is done in a thread, which is left behind at the end of its time."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class TimedOut(Exception):
    """The time is over, and the work is not done."""


def run_within(seconds: float, work: Callable[[], Result], name: str) -> Result:
    """What ``work`` returns. Raises what it raises; TimedOut after ``seconds``. ``name`` is the thread's."""
    future: Future[Result] = Future()

    def step() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - not passed over: raised again in the thread that waits
            future.set_exception(error)

    worker = threading.Thread(target=step, name=name, daemon=True)
    worker.start()
    worker.join(seconds)
    if not future.done():
        raise TimedOut
    return future.result()
