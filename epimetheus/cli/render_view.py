"""Terminal output of the command ``render``: what the settings do to an event and to its messages."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rich.console import Console

from epimetheus.cli.console import cell, print_line
from epimetheus.cli.tables import Column, print_table
from epimetheus.config.field_names import CEF_SOURCES
from epimetheus.model import AuditEvent
from epimetheus.render.custom_fields import Fields
from epimetheus.render.formats.base import COMPARTMENT_PATH
from epimetheus.render.renderer import Explanation, Rendered

_NO_SOURCES: Mapping[str, str] = {}
_UNKNOWN_OFFLINE = frozenset((".".join(COMPARTMENT_PATH),))


class MappedField(NamedTuple):
    """A field of FIELD_MAP: its ``name`` in the message, where its value comes from, and the value or why there is none."""

    name: str
    source: str
    value: str
    is_sent: bool


def show_event(
    console: Console, number: int, event: AuditEvent | None, explanation: Explanation | None, reason: str | None, *, watched: bool
) -> None:
    """Show the event's type and severity, what RULES decide (``reason`` to filter it), and which of its values are redacted.

    ``event`` is None if it is malformed; ``explanation`` is None if it is abridged.
    """
    if event is None:
        print_line(console, f"Event {number} is malformed: it is not an audit event. A run sends its redacted text.", "yellow")
        return
    severity = f", severity {explanation.severity}" if explanation else ""
    decision = f"It is filtered by RULES: {reason}." if reason else "It is sent."
    if watched:
        decision = "It is sent, because it names a resource in TAMPER_WATCH."
    print_line(console, f"Event {number}: {event.event_type}{severity}. {decision}", "yellow" if reason else "green")
    if explanation and explanation.redacted:
        print_line(console, f"  Redacted in the event: {', '.join(explanation.redacted)}")


def show_message(console: Console, format: str, rendered: Rendered, fields: Fields, explanation: Explanation | None) -> None:
    """Show the size of a message, what it lost, and the fields of FIELD_MAP in it. ``explanation`` is None if it is abridged."""
    print_line(console, f"  {format}: {len(rendered.message):,} bytes{_losses(rendered)}")
    rows = [*mapped_fields(format, fields, explanation)] if explanation else []
    if not rows:
        return
    columns = (Column("name in the message"), Column("source"), Column("value"))
    cells = [(cell(row.name), cell(row.source), cell(row.value, "" if row.is_sent else "yellow")) for row in rows]
    print_table(console, columns, cells, "FIELD_MAP")


def mapped_fields(format: str, fields: Fields, explanation: Explanation) -> Iterator[MappedField]:
    """The fields that FIELD_MAP renames, adds and omits, before a message is truncated."""
    sources = CEF_SOURCES if format == "cef" else _NO_SOURCES
    for default, name in fields.renamed.items():
        path = sources.get(default)
        yield _mapped(name, f"renamed from {default}{f' ({path})' if path else ''}", explanation.mapped.get(name), "the event lacks it")
    for name, path in fields.added.items():
        absent = "it is available only from OCI" if path in _UNKNOWN_OFFLINE else "the event lacks it"
        if (found := explanation.found.get(path)) is not None:
            absent = f"{name} does not accept {found}"
        yield _mapped(name, path, explanation.mapped.get(name), absent)
    for name in sorted(fields.omitted):
        yield MappedField(name, "omitted", "not sent", is_sent=False)


def _mapped(name: str, source: str, value: str | None, absent: str) -> MappedField:
    return MappedField(name, source, f"no value: {absent}" if value is None else value, is_sent=value is not None)


def _losses(rendered: Rendered) -> str:
    if rendered.abridged:
        return ", abridged: the event is too large, or takes too long to render"
    return ", truncated to fit SYSLOG_MAX_BYTES; the message lists the trimmed fields" if rendered.trimmed else ""
