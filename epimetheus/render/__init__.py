"""An event becomes one syslog message: header and body, within a size, without secrets. Pure; `Renderer` is the door."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Literal

import msgspec

from epimetheus.errors import ConfigError
from epimetheus.model import Fetched
from epimetheus.render.cef import Cef
from epimetheus.render.fields import NO_FIELDS, Fields
from epimetheus.render.form import COMPARTMENT_PATH, NO_NOTES, Body, Format, Limit, Notes, Subject
from epimetheus.render.json_text import JsonText
from epimetheus.render.leef import Leef
from epimetheus.render.moment import Moment, moment
from epimetheus.render.nested import raw_body
from epimetheus.render.ocsf import Ocsf
from epimetheus.render.redact import Redactor
from epimetheus.render.secret_text import REDACTED
from epimetheus.render.severity import MEDIUM, Severity
from epimetheus.render.size import listed
from epimetheus.render.syslog import FACILITIES, Header, Msgid, Rfc3164, Rfc5424

MIN_BYTES = 480
"""The least a receiver must take (RFC 5424 6.1), and the least a message can be fitted into."""

FORMATS: Mapping[str, Callable[..., Format]] = MappingProxyType({"cef": Cef, "json": JsonText, "leef": Leef, "ocsf": Ocsf})
HEADERS: Mapping[str, Callable[..., Header]] = MappingProxyType({"rfc5424": Rfc5424, "rfc3164": Rfc3164})

_CACHED_PATHS = 1024
_REDACTED = REDACTED.encode()
_MALFORMED_SEVERITY = MEDIUM
_WATCHED_SEVERITY = 9  # at least


Item = tuple[Fetched, int, Notes]
"""An event, its number in the run, and what was noted about it."""


class Rendered(msgspec.Struct, frozen=True, gc=False):
    """``message``: one whole syslog message, valid UTF-8, without framing or line end.

    ``trimmed``: it was too large; ``redacted``: something is hidden in it.
    """

    message: bytes
    trimmed: bool
    redacted: bool = False


class Renderer:
    """Configured once a run, called per event; ``redact`` are paths as in `redact.Redactor`.

    ``max_bytes`` counts the header (0: no limit). To keep room for the event, host name and list of trimmed names take at most
    an eighth of it each. ``started`` is the run's start, in seconds since the epoch: the time of an RFC 3164 message whose event
    tells none. Raises ConfigError for a format, header, facility or size there is not.
    """

    def __init__(  # noqa: PLR0913 - one for each setting, and all by name
        self,
        *,
        format: Literal["cef", "json", "leef", "ocsf"],
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
    ) -> None:
        _check(format, header, facility, max_bytes)
        self._max_bytes = max_bytes or sys.maxsize
        self._names = min(self._max_bytes // 8, 1000)
        number = FACILITIES.index(facility)
        self._header = HEADERS[header](number, app_name, hostname, run_id, started, min(self._max_bytes // 8, 255), replay)
        self._redactor = Redactor(redact)
        self._format = FORMATS[format](self._redactor, note=not self._header.says_trimmed, fields=fields)
        self._severity = Severity(patterns=severities)
        self._path = lru_cache(_CACHED_PATHS)(partial(self._redactor.noted, path=COMPARTMENT_PATH))

    def __call__(self, fetched: Fetched, sequence: int, notes: Notes = NO_NOTES) -> Rendered:
        """The message of an event, the ``sequence``-th of its run; what could not be understood goes as the text it came as."""
        return self.many([(fetched, sequence, notes)])[0]

    def many(self, items: Sequence[Item]) -> list[Rendered]:
        """The same of many events: whether anything in them has to be hidden is seen by one look at all of them."""
        drafts = [self._draft(*item, "audit") for item in items]
        rendered = [draft for draft, _ in drafts]
        for place in self._format.doubtful([still_open for _, still_open in drafts]):
            rendered[place], _ = self._draft(*items[place], "audit", quick=False)
        return rendered

    def notice(self, fetched: Fetched, sequence: int) -> Rendered:
        """The same for a message of our own, told in the form of an event; its MSGID is ``notice``."""
        return self._draft(fetched, sequence, NO_NOTES, "notice", quick=False)[0]

    def _draft(self, fetched: Fetched, sequence: int, notes: Notes, msgid: Msgid, *, quick: bool = True) -> tuple[Rendered, bytes]:
        """The message, and what is open of it (see `Draft`)."""
        event = fetched.event
        if event is None:
            return self._malformed(bytes(fetched.raw), sequence, notes), b""
        event, notes = self._redactor.event(event), self._without_secrets(notes)
        when, severity = moment(event.event_time), _at_least(self._severity(event), notes)
        subject = Subject(fetched.raw, event, when, severity, notes)
        draft = self._format.at_once(subject) if quick else None
        if draft is not None:
            message = self._header(severity, when, msgid, sequence) + draft.text
            if len(message) <= self._max_bytes:
                return Rendered(message, trimmed=False, redacted=draft.redacted), draft.open
        return self._fitted(partial(self._format, subject), severity, when, msgid, sequence), b""

    def _without_secrets(self, notes: Notes) -> Notes:
        path = notes.compartment_path
        if not path or (shown := self._path(path)) == path:
            return notes
        return msgspec.structs.replace(notes, compartment_path=shown)

    def _malformed(self, raw: bytes, sequence: int, notes: Notes) -> Rendered:
        body = partial(raw_body, self._redactor.json(raw).text())
        return self._fitted(body, _at_least(_MALFORMED_SEVERITY, notes), None, "malformed", sequence)

    def _fitted(self, body: Callable[[Limit], Body], severity: int, when: Moment | None, msgid: Msgid, sequence: int) -> Rendered:
        """Header and body together: the body is told what the header leaves it, and tells the header what it lost."""
        head = self._header(severity, when, msgid, sequence)
        fitting = body(Limit(self._max_bytes - len(head), self._names, self._header.says_trimmed))
        if fitting.trimmed:
            head = self._header(severity, when, msgid, sequence, listed(fitting.trimmed, self._names))
        return Rendered(head + fitting.text, bool(fitting.trimmed), _REDACTED in fitting.text)


def _at_least(severity: int, notes: Notes) -> int:
    return max(severity, _WATCHED_SEVERITY) if notes.watched else severity


def _check(format: str, header: str, facility: str, max_bytes: int) -> None:
    problems = [
        f"{key}={value!r} is none of {', '.join(allowed)}"
        for key, value, allowed in (
            ("FORMAT", format, FORMATS),
            ("SYSLOG_HEADER", header, HEADERS),
            ("SYSLOG_FACILITY", facility, FACILITIES),
        )
        if value not in allowed
    ]
    if max_bytes != 0 and max_bytes < MIN_BYTES:
        problems.append(f"SYSLOG_MAX_BYTES={max_bytes} is neither 0 nor at least {MIN_BYTES}")
    if problems:
        raise ConfigError(problems)
