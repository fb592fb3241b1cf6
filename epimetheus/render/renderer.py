"""Turns one event into one syslog message: header and body, within the size limit, without secrets. No I/O."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Literal

import msgspec

from epimetheus.errors import ConfigError
from epimetheus.model import AuditEvent, Fetched
from epimetheus.render.abridge import (
    EVENT_SECONDS,
    MALFORMED_BYTES,
    TEXT_BYTES,
    TimeBudget,
    TimeBudgetExceeded,
    abridge_event,
    is_too_large,
    redacted_excerpt,
)
from epimetheus.render.custom_fields import NO_FIELDS, Fields, fields_of_notices
from epimetheus.render.event_time import EventTime, parse_event_time, time_at
from epimetheus.render.field_lookup import FieldLookup
from epimetheus.render.formats import base
from epimetheus.render.formats.base import COMPARTMENT_PATH, NO_ENRICHMENT, Body, Enrichment, EventContext, Format, FormatFactory, SizeLimit
from epimetheus.render.formats.cef import Cef
from epimetheus.render.formats.json_base import raw_body
from epimetheus.render.formats.key_value_base import KeyValueFormat
from epimetheus.render.formats.leef import Leef
from epimetheus.render.formats.ocsf import Ocsf
from epimetheus.render.formats.raw_json import RawJson
from epimetheus.render.meaning import interpret, read_names
from epimetheus.render.redact import json_tree
from epimetheus.render.redact.changes import redacted_paths
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.text import REDACTED
from epimetheus.render.severity import Severity
from epimetheus.render.severity_table import MEDIUM
from epimetheus.render.size import join_names
from epimetheus.render.syslog import FACILITIES, Header, Msgid, Rfc3164, Rfc5424
from epimetheus.render.target_user import TargetUsers

MIN_BYTES = 480
"""The message size that every receiver must accept (RFC 5424 6.1), and the smallest one that a message can be reduced to."""

FORMATS: Mapping[str, FormatFactory] = MappingProxyType({
    "cef": Cef,
    "json": RawJson,
    "leef": Leef,
    "ocsf": Ocsf,
})  # fmt: skip
"""Values of FORMAT. A new format is one line here and one module in `formats`."""
HEADERS: Mapping[str, Callable[..., Header]] = MappingProxyType({"rfc5424": Rfc5424, "rfc3164": Rfc3164})
"""Values of SYSLOG_HEADER."""

_CACHED_PATHS = 1024
_CACHED_NAMES = 4096  # OCI has a few thousand event names
_REDACTED = REDACTED.encode()
_SCANNED: tuple[bytes, Sequence[base.Unscanned]] = (b"", ())
_MALFORMED_SEVERITY = MEDIUM
_WATCHED_MIN_SEVERITY = 9


Item = tuple[Fetched, int, Enrichment]
"""An event, its sequence number in the run, and its enrichment."""


class Rendered(msgspec.Struct, frozen=True, gc=False):
    """``message``: one complete syslog message in UTF-8, without framing or newline.

    ``trimmed``: fields were removed or shortened to fit the size limit. ``redacted``: the message contains a masked value.
    ``abridged``: the event was too large or took too long to render in full.
    """

    message: bytes
    trimmed: bool
    redacted: bool = False
    abridged: bool = False


class Explanation(msgspec.Struct, frozen=True):
    """What the settings do to an event, before the message is fitted into the size limit.

    ``mapped``: name in the message → value, of the fields that FIELD_MAP renames or adds. ``found``: path → value in the event, of those
    that it adds; a value may be found, but not have the type that its name requires. ``redacted``: paths that are masked in the event, if
    its whole text can be decoded.
    """

    severity: int
    mapped: Mapping[str, str]
    found: Mapping[str, str]
    redacted: Sequence[str]


class Renderer:
    """Configured once per run, called for each event.

    ``max_bytes`` includes the header; 0 means no limit. To leave room for the event, the host name and the list of trimmed names use at
    most an eighth of it each. ``started`` (seconds since the epoch) is the time of an event without one. ``redact``: see
    `redact.redactor.Redactor`. ``region``: the region that the events are read from. ``ocsf_classes``: see `ocsf.Ocsf`.
    ``monotonic`` (seconds) limits the time that one event may take, see `abridge`.

    Raises ConfigError if the format, header, facility or size is invalid.
    """

    formats = FORMATS
    msgid: Msgid = "audit"

    def __init__(  # noqa: PLR0913 - one keyword argument per setting
        self,
        *,
        format: str,
        header: Literal["rfc5424", "rfc3164"],
        facility: str,
        app_name: str,
        hostname: str,
        max_bytes: int,
        run_id: str,
        started: float = 0.0,
        redact: Sequence[str] = (),
        fields: Fields = NO_FIELDS,
        severities: Sequence[tuple[str, int]] = (),
        replay: bool = False,
        region: str | None = None,
        ocsf_classes: Literal["auto", "api"] = "auto",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        _validate(format, header, facility, max_bytes)
        self._max_bytes = max_bytes or sys.maxsize
        self._names_bytes = min(self._max_bytes // 8, 1000)
        number = FACILITIES.index(facility)
        build_header = partial(HEADERS[header], number, app_name, hostname, run_id, started, min(self._max_bytes // 8, 255))
        self._header, self._late_header = build_header("replay" if replay else ""), build_header("late")
        self._started = time_at(started)
        self._replay = replay
        self._budget = TimeBudget(monotonic)
        self._redactor = Redactor(redact, self._budget.check)
        factory = self.formats[format]
        factory = partial(Ocsf, classes=ocsf_classes) if factory is Ocsf else factory
        build = partial(factory, self._redactor, list_trimmed=not self._header.lists_trimmed)
        self._format = self._notice_format = build(fields=fields)
        if fields is not NO_FIELDS:
            defaults = self._format.keys if isinstance(self._format, KeyValueFormat) else None
            self._notice_format = build(fields=NO_FIELDS if defaults is None else fields_of_notices(fields, defaults))
        self._fields = fields
        self._region = region
        self._severity = Severity(patterns=severities)
        self._target_user = TargetUsers()
        self._read_names = lru_cache(_CACHED_NAMES)(read_names)
        self._redacted_path = lru_cache(_CACHED_PATHS)(partial(self._redactor.text_at, path=COMPARTMENT_PATH))

    def __call__(self, fetched: Fetched, sequence: int, enrichment: Enrichment = NO_ENRICHMENT) -> Rendered:
        """The message of one event with its sequence number in the run. A malformed event is sent as the text that was received."""
        return self.render_many([(fetched, sequence, enrichment)])[0]

    def render_many(self, items: Sequence[Item]) -> list[Rendered]:
        """The messages of many events. Faster than one call per event: one prescan covers all of them."""
        attempts = [self._render(*item, self.msgid) for item in items]
        rendered = [message for message, _, _ in attempts]
        doubtful = self._format.needs_full_scan([unscanned for _, unscanned, _ in attempts])
        base.confirm(parts for index, (_, _, parts) in enumerate(attempts) if parts and index not in doubtful)
        for index in doubtful:
            rendered[index] = self._render(*items[index], self.msgid, fast=False)[0]
        return rendered

    def render_notice(self, fetched: Fetched, sequence: int) -> Rendered:
        """The message of a notice (`epimetheus.run.notices`), with the MSGID ``notice``. FIELD_MAP cannot change its default fields."""
        return self._render(fetched, sequence, NO_ENRICHMENT, "notice", fast=False)[0]

    def explain(self, fetched: Fetched, enrichment: Enrichment = NO_ENRICHMENT) -> Explanation:
        """What the settings do to an event. Slow, and without a time limit: do not use it for an abridged event."""
        event, enrichment = fetched.event, self._redact_enrichment(enrichment)
        if event is None:
            return Explanation(with_watched_minimum(_MALFORMED_SEVERITY, enrichment), {}, {}, ())
        context, raw = self._context(fetched.raw, event, enrichment), bytes(fetched.raw)
        lookup = FieldLookup(self._redactor, context)
        found = {path: value for path in self._fields.added.values() if (value := lookup.text(path))}
        redacted = self._redactor.json(raw)
        paths = [*redacted_paths(json_tree.decode(raw), redacted.tree)] if redacted.parsed else []
        return Explanation(context.severity, self._format.mapped_values(context), found, paths)

    def _render(
        self, fetched: Fetched, sequence: int, enrichment: Enrichment, msgid: Msgid, *, fast: bool = True
    ) -> tuple[Rendered, bytes, Sequence[base.Unscanned]]:
        """The message, its text that still needs the prescan, and the parts that are scanned with it (see `FastBody`)."""
        event, enrichment = fetched.event, self._redact_enrichment(enrichment)
        if self._replay:
            enrichment = msgspec.structs.replace(enrichment, replay=True, late=False)
        if event is None:
            return self._malformed(bytes(fetched.raw), sequence, enrichment), *_SCANNED
        if is_too_large(fetched.raw, event):
            return self._abridged(fetched.raw, event, sequence, enrichment, msgid), *_SCANNED
        self._budget.start(EVENT_SECONDS)
        try:
            context = self._context(fetched.raw, event, enrichment)
            body = self._format.render_fast(context) if fast else None
            if body is not None:
                message = self._header_of(enrichment)(context.severity, context.time, msgid, sequence) + body.text
                if len(message) <= self._max_bytes:
                    return Rendered(message, trimmed=False, redacted=body.redacted), body.unscanned, body.parts
            render = partial(self._format_of(msgid).render, context)
            return self._within_limit(self._header_of(enrichment), render, context.severity, context.time, msgid, sequence), *_SCANNED
        except TimeBudgetExceeded:
            self._budget.stop()
            return self._abridged(fetched.raw, event, sequence, enrichment, msgid), *_SCANNED
        finally:
            self._budget.stop()

    def _context(
        self, raw: bytes | msgspec.Raw, event: AuditEvent, enrichment: Enrichment, abridged_from: AuditEvent | None = None
    ) -> EventContext:
        redacted = self._redactor.event(event)
        event, meaning = interpret(redacted, self._read_names)
        if event is not redacted:
            event = self._redactor.event(event)  # a masked path of `identity` stays masked when its value is in the details
        severity = with_watched_minimum(self._severity(event, meaning, None if self._redactor.paths else abridged_from), enrichment)
        time, user = parse_event_time(event.event_time), self._target_user(event, meaning)
        abridged = abridged_from is not None
        return EventContext(
            raw, event, meaning, time, severity, enrichment, self._started.millis, self._region, is_abridged=abridged, target_user=user
        )

    def _abridged(self, raw: bytes | msgspec.Raw, event: AuditEvent, sequence: int, enrichment: Enrichment, msgid: Msgid) -> Rendered:
        text, short = abridge_event(bytes(raw), event, self._redactor)
        context = self._context(text, short, enrichment, abridged_from=event)
        render, header = partial(self._format_of(msgid).render, context), self._header_of(enrichment)
        rendered = self._within_limit(header, render, context.severity, context.time, msgid, sequence, lost=("event",))
        return msgspec.structs.replace(rendered, abridged=True)

    def _redact_enrichment(self, enrichment: Enrichment) -> Enrichment:
        path = enrichment.compartment_path
        if not path or (redacted := self._redacted_path(path)) == path:
            return enrichment
        return msgspec.structs.replace(enrichment, compartment_path=redacted)

    def _malformed(self, raw: bytes, sequence: int, enrichment: Enrichment) -> Rendered:
        max_bytes = MALFORMED_BYTES
        try:
            self._budget.start(EVENT_SECONDS)
            text = redacted_excerpt(raw, max_bytes, self._redactor)
        except TimeBudgetExceeded:
            self._budget.stop()
            max_bytes = TEXT_BYTES
            text = redacted_excerpt(raw, max_bytes, self._redactor)
        finally:
            self._budget.stop()
        lost = ("raw",) if len(raw) > max_bytes else ()
        severity = with_watched_minimum(_MALFORMED_SEVERITY, enrichment)
        header = self._header_of(enrichment)
        rendered = self._within_limit(header, partial(raw_body, text), severity, None, "malformed", sequence, lost=lost)
        return msgspec.structs.replace(rendered, abridged=bool(lost))

    def _format_of(self, msgid: Msgid) -> Format:
        return self._notice_format if msgid == "notice" else self._format

    def _header_of(self, enrichment: Enrichment) -> Header:
        return self._late_header if enrichment.late else self._header

    def _within_limit(
        self,
        header: Header,
        render: Callable[[SizeLimit], Body],
        severity: int,
        time: EventTime | None,
        msgid: Msgid,
        sequence: int,
        lost: Sequence[str] = (),
    ) -> Rendered:
        """Header and body: the body uses the room that the header leaves, and the header lists what was trimmed."""
        start = header(severity, time, msgid, sequence)
        reserved = len(f' trimmed="{",".join(lost)},"') if lost and header.lists_trimmed else 0
        body = render(SizeLimit(self._max_bytes - len(start) - reserved, self._names_bytes, header.lists_trimmed))
        trimmed = (*lost, *body.trimmed)
        if trimmed:
            start = header(severity, time, msgid, sequence, join_names(trimmed, self._names_bytes))
        return Rendered(start + body.text, bool(trimmed), _REDACTED in body.text)


def with_watched_minimum(severity: int, enrichment: Enrichment) -> int:
    """The severity of an event with this enrichment."""
    return max(severity, _WATCHED_MIN_SEVERITY) if enrichment.watched else severity


def _validate(format: str, header: str, facility: str, max_bytes: int) -> None:
    problems = [
        f"{key}={value!r} is invalid: use one of {', '.join(allowed)}"
        for key, value, allowed in (
            ("FORMAT", format, FORMATS),
            ("SYSLOG_HEADER", header, HEADERS),
            ("SYSLOG_FACILITY", facility, FACILITIES),
        )
        if value not in allowed
    ]
    if max_bytes != 0 and max_bytes < MIN_BYTES:
        problems.append(f"SYSLOG_MAX_BYTES={max_bytes} is invalid: use 0 (no limit) or an integer of at least {MIN_BYTES}")
    if problems:
        raise ConfigError(problems)
