"""What a format is given and what it gives back; a new format is one file with a class of this shape and one line in FORMATS."""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from epimetheus.model import AuditEvent
from epimetheus.render.event_time import EventTime
from epimetheus.render.size import joined_names


class Notes(msgspec.Struct, frozen=True, gc=False):
    """What the event does not say itself: where its compartment lies (``root/prod/app``), and who acted.

    ``actor`` is ``person``, ``service`` or ``unknown``; ``watched``: it touches a resource of TAMPER_WATCH.
    """

    compartment_path: str | None = None
    actor: str | None = None
    watched: bool = False


NO_NOTES = Notes()
COMPARTMENT_PATH, ACTOR, TAMPER_WATCH = ("epimetheus", "compartmentPath"), ("epimetheus", "actor"), ("epimetheus", "tamperWatch")
"""The notes' paths, for REDACT and FIELD_MAP."""


class EventContext(msgspec.Struct, frozen=True, gc=False):
    """One event, and what the header and every format need to know of it; ``severity`` is CEF's, 0 to 10.

    ``started``: the start of the run, in milliseconds since the epoch: the time of an event without one, where a format requires it.
    ``ours``: the text is what `abridge` made of the event, so that keys of ours in it are our own.
    """

    raw: bytes | msgspec.Raw
    event: AuditEvent
    moment: EventTime | None
    severity: int
    notes: Notes = NO_NOTES
    started: int = 0
    ours: bool = False


class Limit(msgspec.Struct, frozen=True, gc=False):
    """Bytes for the body: ``whole`` if nothing is trimmed. ``names`` may be used to say what was, ``in_header`` or by the body."""

    whole: int
    names: int
    in_header: bool

    def left(self, trimmed: Sequence[str]) -> int:
        """Bytes for a body that lost these, once the header has said so."""
        return self.whole - len(f' trimmed="{joined_names(trimmed, self.names)}"') if self.in_header and trimmed else self.whole


class Body(msgspec.Struct, frozen=True, gc=False):
    """The MSG part as UTF-8, within the limit, and the names of what was shed or shortened (empty: nothing was)."""

    text: bytes
    trimmed: Sequence[str] = ()


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A whole body, good to go unless what is ``open`` of it turns out to be doubtful; ``redacted``: something is hidden in it."""

    text: bytes
    redacted: bool
    open: bytes = b""


class Format(Protocol):
    """Makes the MSG part of an event; never raises for what an event holds."""

    def at_once(self, subject: EventContext) -> Draft | None:
        """All of the body, whatever its size, where there is a quick way to the very bytes `__call__` would make; else None."""

    def doubtful(self, drafts: Sequence[bytes]) -> Collection[int]:
        """In which drafts, of what is open in them, there may be what must not leave as it is, by their places."""

    def __call__(self, subject: EventContext, limit: Limit) -> Body:
        """The body, at most ``limit.left`` bytes."""
