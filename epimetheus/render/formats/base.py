"""The interface of an output format.

A new format is one module here with a class of this shape, and one line in `renderer.FORMATS`. Most formats extend
`json_base.JsonFormat` (one line of JSON) or `key_value_base.KeyValueFormat` (``key=value`` pairs): both redact, escape and fit the
body into the size limit.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import msgspec

from epimetheus.model import AuditEvent
from epimetheus.render.custom_fields import Fields
from epimetheus.render.event_time import EventTime
from epimetheus.render.meaning import Meaning
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.size import join_names
from epimetheus.render.subjects import NO_SUBJECT, Subject


class Enrichment(msgspec.Struct, frozen=True, gc=False):
    """Facts about an event that the event itself does not contain.

    ``compartment_path`` looks like ``root/prod/app``; ``actor`` is ``person``, ``service`` or ``unknown``; ``watched`` is true if the
    event touches a resource that TAMPER_WATCH names; ``replay`` is true if a replay sends the event; ``late`` if reconciliation found it.
    """

    compartment_path: str | None = None
    actor: str | None = None
    watched: bool = False
    replay: bool = False
    late: bool = False


NO_ENRICHMENT = Enrichment()
ENRICHMENT = "epimetheus"
"""The key of everything that Epimetheus adds to an event."""
COMPARTMENT_PATH, ACTOR = (ENRICHMENT, "compartmentPath"), (ENRICHMENT, "actor")
TAMPER_WATCH, REPLAY, LATE = (ENRICHMENT, "tamperWatch"), (ENRICHMENT, "replay"), (ENRICHMENT, "late")
"""Paths of the enrichment in REDACT and FIELD_MAP."""
REPLAY_MARKS: Mapping[str, str] = MappingProxyType({
    "cef": "OracleOCIAuditReplay=true",
    "json": '"epimetheus": {"replay": true}',
    "leef": "replay=true",
    "ocsf": '"unmapped": {"epimetheus": {"replay": true}}',
})  # fmt: skip
"""Format → the mark of a replay in the body, for texts."""
LATE_MARKS: Mapping[str, str] = MappingProxyType({
    "cef": "OracleOCIAuditLate=true",
    "json": '"epimetheus": {"late": true}',
    "leef": "late=true",
    "ocsf": '"unmapped": {"epimetheus": {"late": true}}',
})  # fmt: skip
"""Format → the mark of a late event in the body, for texts."""


class EventContext(msgspec.Struct, frozen=True, gc=False):
    """One event and everything a format needs to render it.

    ``raw``: the JSON text as received.
    ``event``: the same, typed. Values at the user's REDACT paths are masked; secrets inside other texts are not.
    Fields of its identity that OCI left empty are filled, see `meaning.interpret`.
    ``meaning``: what the event means. ``target_user``: the user that the action is done to, if it is done to one.
    ``time``: when the event happened; None if it has no valid ``eventTime``.
    ``severity``: 0 to 10, CEF's scale.
    ``run_started``: milliseconds since the epoch, the time of an event without one where a format requires a time.
    ``region``: the region that the event was read from.
    ``is_abridged``: ``raw`` is the output of `abridge`, so its ``epimetheus…`` keys are genuine.
    """

    raw: bytes | msgspec.Raw
    event: AuditEvent
    meaning: Meaning
    time: EventTime | None
    severity: int
    enrichment: Enrichment = NO_ENRICHMENT
    run_started: int = 0
    region: str | None = None
    is_abridged: bool = False
    target_user: Subject = NO_SUBJECT


class SizeLimit(msgspec.Struct, frozen=True, gc=False):
    """Bytes available for the body: ``max_bytes`` if nothing is trimmed.

    The list of trimmed names has at most ``names_bytes``. It is in the syslog header if ``names_in_header``, else in the body.
    """

    max_bytes: int
    names_bytes: int
    names_in_header: bool

    def available(self, trimmed: Sequence[str]) -> int:
        """Bytes left for a body without ``trimmed``, after the header lists these names."""
        if not (self.names_in_header and trimmed):
            return self.max_bytes
        return self.max_bytes - len(f' trimmed="{join_names(trimmed, self.names_bytes)}"')


class Body(msgspec.Struct, frozen=True, gc=False):
    """The MSG part as UTF-8, within the limit, and the names of the fields that were removed or shortened."""

    text: bytes
    trimmed: Sequence[str] = ()


class Unscanned(Protocol):
    """A part of bodies that is kept. ``unscanned``: its text until `Format.needs_full_scan` finds nothing in it, then empty."""

    unscanned: str


def confirm(bodies: Iterable[Sequence[Unscanned]]) -> None:
    """Keep the parts of these bodies as they are: a prescan found nothing in them."""
    for parts in bodies:
        for part in parts:
            part.unscanned = ""


class FastBody(msgspec.Struct, frozen=True, gc=False):
    """A complete body from `Format.render_fast`, valid unless `Format.needs_full_scan` reports its ``unscanned`` text.

    ``redacted``: the body contains a masked value. ``parts``: those parts of it that are scanned with it for the first time.
    """

    text: bytes
    redacted: bool
    unscanned: bytes = b""
    parts: Sequence[Unscanned] = ()


class Format(Protocol):
    """Renders the MSG part of one event. No method raises because of what an event contains."""

    def render(self, context: EventContext, limit: SizeLimit) -> Body:
        """One line of UTF-8, redacted and escaped, in at most ``limit.available(body.trimmed)`` bytes."""

    def render_fast(self, context: EventContext) -> FastBody | None:
        """The bytes that `render` returns without a size limit, from a cheaper path; None if the event needs `render`."""

    def needs_full_scan(self, unscanned: Sequence[bytes]) -> Collection[int]:
        """Indexes of the ``unscanned`` texts that may contain a secret or a character to escape: these events need `render`."""

    def mapped_values(self, context: EventContext) -> Mapping[str, str]:
        """Name → value of the fields that FIELD_MAP renames or adds, redacted, as `render` writes them if nothing is trimmed."""


class FormatFactory(Protocol):
    """What `renderer.FORMATS` maps a format's name to: usually its class."""

    def __call__(self, redactor: Redactor, *, list_trimmed: bool, fields: Fields) -> Format:
        """The format for one run.

        ``list_trimmed``: the syslog header cannot list what was trimmed (RFC 3164), so the body must. ``fields``: the user's FIELD_MAP.
        """
