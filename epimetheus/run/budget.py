"""How the time of a run is divided."""

from typing import NamedTuple

from epimetheus.clock import Deadline


def commit_reserve(seconds: float) -> float:
    """The part of a run's ``seconds`` that is reserved for its end: one half to confirm, then one half to commit."""
    return min(30.0, max(2.0, seconds * 0.15))


class Budget(NamedTuple):
    """The time of a run. ``total``: until its end. ``work``: until its reserve begins, ``work_seconds`` after the start."""

    total: Deadline
    work: Deadline
    work_seconds: float

    @classmethod
    def of(cls, deadline: Deadline) -> "Budget":
        """The budget of a run that begins now."""
        work = deadline.earlier(commit_reserve(deadline.left()))
        return cls(deadline, work, work.left())
