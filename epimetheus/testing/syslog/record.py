"""The observations of a receiver: written by its thread, read by any other."""

import threading
from collections.abc import Callable, Sequence


class Record:
    """Messages, connections and problems. ``on_message`` is called with each message after it is recorded."""

    def __init__(self) -> None:
        self.on_message: Callable[[bytes], None] | None = None
        self._messages: list[bytes] = []
        self._problems: list[str] = []
        self._connections = 0
        self._change = threading.Condition()

    @property
    def messages(self) -> list[bytes]:
        """Copy of all messages, in order."""
        with self._change:
            return self._messages.copy()

    @property
    def problems(self) -> list[str]:
        """Copy of all problems, in order."""
        with self._change:
            return self._problems.copy()

    @property
    def connections(self) -> int:
        """Number of connections so far."""
        return self._connections

    def wait_for(self, count: int, timeout: float) -> bool:
        """Waits for ``count`` messages. Returns False after ``timeout`` seconds."""
        return self.wait_until(lambda: len(self._messages) >= count, timeout)

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Waits for a condition, which is evaluated after each action of the receiver. Returns False after ``timeout`` seconds."""
        with self._change:
            return self._change.wait_for(condition, timeout)

    def count_connection(self) -> None:
        """Counts a connection."""
        self._connections += 1

    def add_messages(self, messages: Sequence[bytes]) -> None:
        """Records messages."""
        with self._change:
            self._messages.extend(messages)
            self._change.notify_all()
        if on_message := self.on_message:
            for message in messages:
                on_message(message)

    def discard_last(self, count: int) -> None:
        """Removes the last messages."""
        with self._change:
            del self._messages[max(0, len(self._messages) - count) :]

    def add_problem(self, problem: str) -> None:
        """Records a problem."""
        with self._change:
            self._problems.append(problem)

    def notify(self) -> None:
        """Makes waiting threads evaluate their conditions."""
        with self._change:
            self._change.notify_all()
