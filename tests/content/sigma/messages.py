"""Messages of the real renderer, read back into the columns of a SQLite table: what a SIEM's parser makes of them."""

import json
import sqlite3
from pathlib import Path

from epimetheus.config.field_map import read_field_map
from epimetheus.render.formats.base import NO_ENRICHMENT, Enrichment
from epimetheus.render.renderer import Renderer
from epimetheus.select.tamper_watch import TamperWatch
from epimetheus.source.decode import decode_event
from tests.render.helpers import SETTINGS, parts, read_by_cefp, read_leef

CONTENT = Path(__file__).parents[3] / "content" / "sigma"
FORMATS = ("cef", "json", "leef", "ocsf")
WATCHED = "ocid1.fnfunc.oc1.iad.exampleforwarder"
"""The OCID in TAMPER_WATCH."""


def renderer(form):
    """A renderer of the format with the FIELD_MAP that the rules need."""
    field_map, warnings = read_field_map("FIELD_MAP", (CONTENT / "field_map.json").read_text("utf-8"))
    assert not warnings
    return Renderer(**{**SETTINGS, "format": form, "fields": field_map.fields(form), "max_bytes": 8000})


def render(form, events, notices=()):
    """The messages of ``events`` (as the API returns them) and then of ``notices`` (`Fetched`), as text."""
    render_message, watch = renderer(form), TamperWatch([WATCHED])
    encoded = [json.dumps(event).encode() for event in events]
    enrichments = [Enrichment(watched=True) if watch.touches(raw) else NO_ENRICHMENT for raw in encoded]
    items = [(decode_event(raw), number, enrichment) for number, (raw, enrichment) in enumerate(zip(encoded, enrichments, strict=True))]
    rendered = [*render_message.render_many(items), *(render_message.render_notice(notice, 1) for notice in notices)]
    return [message.message.decode() for message in rendered]


def columns(form, message):
    """The fields of a message, and ``timestamp``."""
    header = parts(message.encode())
    return {**_READERS[form](header["msg"]), "timestamp": header["time"]}


def table(rows, labels):
    """A database with the table ``logs``: one row for each message, with its label. Text compares without case, as in Sigma."""
    names = sorted({name for row in rows for name in row})
    connection = sqlite3.connect(":memory:")
    listed = ", ".join(f"`{name}` TEXT COLLATE NOCASE" for name in names)
    connection.execute(f"CREATE TABLE logs (label TEXT, {listed})")
    marks = ", ".join("?" * (len(names) + 1))
    connection.executemany(
        f"INSERT INTO logs VALUES ({marks})", [[label, *map(row.get, names)] for label, row in zip(labels, rows, strict=True)]
    )
    return connection


def flatten(tree, path=""):
    """Dotted paths → text. The items of an array have the array's path; several are separated by line ends."""
    found = {}
    for key, value in tree.items() if isinstance(tree, dict) else (("", item) for item in tree):
        place = f"{path}.{key}" if path and key else path or key
        leaves = flatten(value, place) if isinstance(value, dict | list) else {place: _text(value)}
        for name, text in leaves.items():
            if text is not None:
                found[name] = f"{found[name]}\n{text}" if name in found else text
    return found


def _text(value):
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _cef(text):
    (_, _, _, event_class, name, severity), extension = read_by_cefp(text)
    return {**extension, "deviceEventClassId": event_class, "name": name, "severity": str(severity)}


def _leef(text):
    (_, _, _, event_id), attributes = read_leef(text)
    return {**attributes, "eventType": event_id}


def _json(text):
    return flatten(json.loads(text))


_READERS = {"cef": _cef, "json": _json, "leef": _leef, "ocsf": _json}
