"""Run work that has no timeout of its own within a time limit, in a thread that is abandoned when the time is up."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class TimedOut(Exception):
    """The work did not finish in time."""


def run_within(seconds: float, work: Callable[[], Result], name: str) -> Result:
    """The result of ``work``, run in a thread called ``name``. Raises its exception, or TimedOut after ``seconds``."""
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the calling thread
            future.set_exception(error)

    worker = threading.Thread(target=run, name=name, daemon=True)
    worker.start()
    worker.join(seconds)
    if not future.done():
        raise TimedOut
    return future.result()
