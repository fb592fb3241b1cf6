"""What a format is given and what it gives back; a new format is one file with a class of this shape and one line in FORMATS."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from epimetheus.model import AuditEvent
from epimetheus.render.moment import Moment


class Subject(NamedTuple):
    """One event, and what the header and every format need to know of it; ``severity`` is CEF's, 0 to 10."""

    raw: bytes
    event: AuditEvent
    moment: Moment | None
    severity: int


class Limit(NamedTuple):
    """Bytes for the body: ``whole`` if nothing is trimmed, ``tight`` if something is, which leaves ``names`` to say what."""

    whole: int
    tight: int
    names: int


class Body(NamedTuple):
    """The MSG part as UTF-8, within the limit, and the names of what was shed or shortened (empty: nothing was)."""

    text: bytes
    trimmed: Sequence[str] = ()


class Format(Protocol):
    """Makes the MSG part of an event; never raises for what an event holds."""

    def __call__(self, subject: Subject, limit: Limit) -> Body:
        """The body, at most ``limit.whole`` bytes, or ``limit.tight`` where ``trimmed`` is not empty."""
