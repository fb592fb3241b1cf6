"""How the time of a run is divided."""

from typing import NamedTuple

from epimetheus.clock import Deadline


def commit_reserve(seconds: float) -> float:
    """The part of a run's ``seconds`` that is reserved for its end: one half to confirm, then one half to commit."""
    return min(30.0, max(2.0, seconds * 0.15))


class Budget(NamedTuple):
    """The time of a run. ``total``: until its end. ``work``: until its reserve begins, ``work_seconds`` after the start.

    ``confirm``: until the second half of the reserve. ``least_seconds``: the time in which a seal is stored and the state committed.
    """

    total: Deadline
    work: Deadline
    work_seconds: float
    confirm: Deadline
    least_seconds: float

    @classmethod
    def of(cls, deadline: Deadline) -> "Budget":
        """The budget of a run that begins now."""
        reserve = commit_reserve(deadline.left())
        work = deadline.earlier(reserve)
        return cls(deadline, work, work.left(), deadline.earlier(reserve / 2), reserve * 0.75)

    @property
    def may_seal(self) -> bool:
        """Whether the time suffices to store a seal after a commit, and to commit again."""
        return self.total.left() > self.least_seconds
