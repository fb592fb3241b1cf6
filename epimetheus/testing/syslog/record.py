"""What a receiver has seen: written by its thread, read by any other."""

import threading
from collections.abc import Callable, Sequence


class Record:
    """Messages, connections and problems. ``on_message`` is told each message after it was kept."""

    def __init__(self) -> None:
        self.on_message: Callable[[bytes], None] | None = None
        self._messages: list[bytes] = []
        self._problems: list[str] = []
        self._connections = 0
        self._change = threading.Condition()

    @property
    def messages(self) -> list[bytes]:
        """A copy of all messages, in order."""
        with self._change:
            return self._messages.copy()

    @property
    def problems(self) -> list[str]:
        """A copy of all problems, in order."""
        with self._change:
            return self._problems.copy()

    @property
    def connections(self) -> int:
        """How many there were."""
        return self._connections

    def wait_for(self, count: int, timeout: float) -> bool:
        """Wait until there are so many messages; whether there are."""
        return self.wait_until(lambda: len(self._messages) >= count, timeout)

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until something is so; whether it is. It is asked whenever the receiver has done something."""
        with self._change:
            return self._change.wait_for(condition, timeout)

    def connected(self) -> None:
        """Count one more."""
        self._connections += 1

    def keep(self, messages: Sequence[bytes]) -> None:
        """Add messages."""
        with self._change:
            self._messages.extend(messages)
            self._change.notify_all()
        if tell := self.on_message:
            for message in messages:
                tell(message)

    def forget(self, count: int) -> None:
        """Take back the last messages."""
        with self._change:
            del self._messages[max(0, len(self._messages) - count) :]

    def complain(self, problem: str) -> None:
        """Add a problem."""
        with self._change:
            self._problems.append(problem)

    def changed(self) -> None:
        """Let those who wait look."""
        with self._change:
            self._change.notify_all()
