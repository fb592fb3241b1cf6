"""What a run counts while it goes, and the `Report` it comes to."""

from collections import Counter
from dataclasses import dataclass, field

from epimetheus.errors import EpimetheusError
from epimetheus.model import Problem


@dataclass
class Tally:
    """Counts of one run over one region; each is written by exactly one stage."""

    fetched: int = 0
    forwarded: int = 0
    duplicates: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    malformed: int = 0
    trimmed: int = 0
    bytes: int = 0
    slices: int = 0
    listing_stale: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def accounted(self) -> int:
        """Events whose fate is known: the receiver has them, or they were left out."""
        return self.forwarded + self.duplicates + sum(self.left_out.values())


def problem(error: EpimetheusError) -> Problem:
    """The error as the report has it."""
    return Problem(error.kind, error.fault, error.what, error.do)
