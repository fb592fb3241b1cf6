"""The messages in an export of a SIEM: lines as a receiver stored them, CSV with a header, or one JSON object in a line.

=========================  ==================================================================================================
syslog files               rsyslog and syslog-ng, with any template that keeps the message
CSV                        a column with the message (Splunk ``_raw``), columns of Microsoft Sentinel (``ExtID``), or run, seq, event id
JSON lines                 Splunk (``result._raw``), Elasticsearch (``_source``), Filebeat, or members run, seq, event id
=========================  ==================================================================================================
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from epimetheus.errors import ExportError
from epimetheus.verify.export_lines import LONGEST_LINE, ExportLines
from epimetheus.verify.message import ORIGIN_NAME, PRODUCTS, SiemMessage, parse_message, plain_id, text_of

_TEXT = ("_raw", "event.original", "rawmessage", "raw", "rawdata", "syslogmessage", "message", "payload", "log", "msg")
_RUN = ("run", "epimetheus_run", "log.syslog.structured_data.epimetheus@32473.run", "structured_data.epimetheus@32473.run")
_SEQUENCE = ("seq", "epimetheus_seq", "log.syslog.structured_data.epimetheus@32473.seq", "structured_data.epimetheus@32473.seq")
_EVENT_ID = ("event_id", "eventid", "event id", "extid", "externalid", "event.id", "metadata.uid")
_WHOLE_ID, _WHOLE_ID_LABEL = ("flexstring1",), ("flexstring1label",)
_PRODUCT = ("deviceproduct",)
_WRAPPERS = ("result", "_source", "fields")  # Splunk, Elasticsearch
_CEF_LONGEST = 40
_DELIMITERS = (",", ";", "\t")
_MOST_ROW = 4 * LONGEST_LINE
_MOST_BEFORE_HEADER = 10  # a title, empty lines, or ``sep=,``


class ExportRecords:
    """The messages in the file ``path``. ``others``: lines or records without one; ``unreadable``: those that could not be read."""

    def __init__(self, path: Path) -> None:
        self.others = 0
        self._unreadable = 0
        self._lines = ExportLines(path)
        self.path = path
        self.name = str(path)

    @property
    def unreadable(self) -> int:
        """Lines and records that are too long, or not CSV or JSON."""
        return self._unreadable + self._lines.too_long

    @property
    def progress(self) -> tuple[int, int]:
        """The bytes of the file that were read, and its size."""
        return self._lines.read, self._lines.size

    def __iter__(self) -> Iterator[SiemMessage]:
        """Raises ExportError."""
        lines = iter(self._lines)
        for number, line in enumerate(lines):
            if not number and line.startswith(b"[") and parse_message(line) is None:
                raise ExportError(f"The export {self.path} is a JSON array.", do="Export one JSON object in a line, or CSV.")
            if number < _MOST_BEFORE_HEADER and (delimiter := _csv_delimiter(line)):
                yield from self._csv(line, lines, delimiter)
                return
            if message := _message_in_line(line):
                yield message
            else:
                self.others += bool(line.strip())

    def _csv(self, header: bytes, lines: Iterator[bytes], delimiter: str) -> Iterator[SiemMessage]:
        """The messages after ``header``, which may also be a line of a log: then the lines have them, and not the columns."""
        csv.field_size_limit(LONGEST_LINE)  # of the process, which does nothing else with CSV
        columns = [_column(name) for name in next(csv.reader([_text(header)], delimiter=delimiter))]
        source = _RowLines(lines)
        while not source.ended:
            try:
                for row in csv.reader(source, delimiter=delimiter, strict=True):
                    found = _record_message(dict(zip(columns, row, strict=False)))
                    messages = _better(found, source.take())
                    yield from messages
                    self.others += not messages and bool(row)
            except csv.Error:  # the next line begins a record again
                messages = _better(None, source.take())
                yield from messages
                self._unreadable += not messages


def _message_in_line(line: bytes) -> SiemMessage | None:
    """The message in a line of a log, or of JSON lines."""
    message = parse_message(line)
    return _json_message(line) if message is None and line.startswith(b"{") else message


def _better(found: SiemMessage | None, lines: Sequence[bytes]) -> Sequence[SiemMessage]:
    """What was ``found`` in the columns of a record, or the messages in its ``lines``, if they have more of run and event ID."""
    if found and found.event_id and (found.run or not any(ORIGIN_NAME in line for line in lines)):
        return (found,)
    messages = [message for line in lines if (message := _message_in_line(line))]
    if found and not any(message.event_id and (message.run or not found.run) for message in messages):
        return (found,)
    return messages


class _RowLines:
    """The lines of a CSV file as text. The size of one record is limited: a quote may never be closed."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._taken: list[bytes] = []
        self._length = 0
        self.ended = False

    def take(self) -> list[bytes]:
        """The lines of the record that was read."""
        taken, self._taken, self._length = self._taken, [], 0
        return taken

    def __iter__(self) -> "_RowLines":
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self._taken.append(line)
        self._length += len(line) + 1
        if self._length > _MOST_ROW:
            raise csv.Error("a record is too long")
        return _text(line) + "\n"


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _column(name: str) -> str:
    """The name of a column in the form in which it is compared: Sentinel writes ``TimeGenerated [UTC]``."""
    return name.removesuffix(" [UTC]").strip().lower()


def _csv_delimiter(first: bytes) -> str | None:
    """The delimiter, if one of the first lines of a file can be the header of a CSV file with a column that is used."""
    if len(first) > 1 << 16 or first.startswith((b"<", b"{")) or parse_message(first):
        return None
    for delimiter in _DELIMITERS:
        try:
            names = {_column(name) for name in next(csv.reader([_text(first)], delimiter=delimiter), ())}
        except csv.Error:
            return None
        if names & {*_TEXT, *_EVENT_ID} or (names & {*_RUN} and names & {*_SEQUENCE}):
            return delimiter
    return None


def _json_message(line: bytes) -> SiemMessage | None:
    """The message in a JSON record of an export. Members of members are found by their path."""
    try:
        record = msgspec.json.decode(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    for wrapper in _WRAPPERS:
        if isinstance(inner := record.get(wrapper), dict) and (found := _record_message(_Paths(inner))):
            return found
    return _record_message(_Paths(record))


class _Paths(Mapping[str, Any]):
    """The members of a record by path, ``event.original``, whether they are nested or have a dot in their name; in any case."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._record = {name.lower(): value for name, value in record.items()}

    def __getitem__(self, path: str) -> Any:
        return self._record[path] if path in self._record else _nested(self._record, path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._record)

    def __len__(self) -> int:
        return len(self._record)


def _nested(record: Mapping[str, Any], path: str) -> Any:
    """The value at ``path``, each part of which may contain dots. Raises KeyError."""
    for name, value in record.items():
        if isinstance(value, dict) and path.startswith(f"{name.lower()}."):
            rest = path[len(name) + 1 :]
            if rest in value:
                return value[rest]
            try:
                return _nested(value, rest)
            except KeyError:
                continue
    raise KeyError(path)


def _record_message(record: Mapping[str, Any]) -> SiemMessage | None:
    """The message that a record has as text, in columns, or in both."""
    text = _first(record, _TEXT)
    message = parse_message(text.encode("utf-8", "surrogateescape")) if text else None
    if message and message.run and message.event_id:
        return message
    run, sequence = _first(record, _RUN), _first(record, _SEQUENCE)
    number = int(sequence) if run and sequence.isascii() and sequence.isdigit() and len(sequence) <= 10 else 0
    run = run if number else ""
    if message:
        other = message.other_product and not run
        return message if message.run else message._replace(run=run, sequence=number, other_product=other)
    event_id, is_cut = _column_id(record)
    product = _first(record, _PRODUCT)
    if not event_id and not run and product not in PRODUCTS:
        return None
    found = SiemMessage(run, number, event_id, is_cut)
    return found._replace(other_product=bool(product) and product not in PRODUCTS and not run and not found.seal)


def _column_id(record: Mapping[str, Any]) -> tuple[bytes, bool]:
    """The event ID in columns, and whether it is cut: CEF's externalId has 40 characters at most, and flexString1 the whole ID."""
    event_id, whole = plain_id(_first(record, _EVENT_ID)), b""
    if _first(record, _WHOLE_ID_LABEL) == "eventId":
        whole = plain_id(_first(record, _WHOLE_ID))
    if whole.startswith(event_id) and whole:
        return whole, False
    return event_id, len(event_id) == _CEF_LONGEST and bool(_first(record, _PRODUCT))


def _first(record: Mapping[str, Any], names: Sequence[str]) -> str:
    """The text of the first of ``names`` that is not empty."""
    for name in names:
        if text := text_of(record.get(name)):
            return text
    return ""
