"""Matches the messages of the files of an export with the sealed ones."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from epimetheus.model import count_text, plural
from epimetheus.verify.entry_doubts import EntryMessages
from epimetheus.verify.message import SiemMessage
from epimetheus.verify.model import ExportResult
from epimetheus.verify.seal_messages import SealMessages
from epimetheus.verify.sealed_messages import Outcome, SealedMessages

_REPORTED_MESSAGES = 5_000
_READS = "--siem reads syslog lines as a receiver stores them, CSV with a header, and JSON lines"
_COLUMNS = "with the whole message (such as _raw or message), with event_id (or ExtID), or with run and seq"


class Export(Protocol):
    """A file of an export. ``others``: lines without a message; ``unreadable``: lines that cannot be read, after the iteration.

    ``progress``: the bytes read so far, and the size of the file.
    """

    @property
    def name(self) -> str:
        """Its name, for the result."""
        ...

    @property
    def others(self) -> int:
        """See the class."""
        ...

    @property
    def unreadable(self) -> int:
        """See the class."""
        ...

    @property
    def progress(self) -> tuple[int, int]:
        """See the class."""
        ...

    def __iter__(self) -> Iterator[SiemMessage]:
        """Its messages. Raises ExportError."""
        ...


class Observer(Protocol):
    """Receives the progress of a verification."""

    def entries(self, region: str, done: int, total: int) -> None:
        """So many entries of a region are checked."""
        ...

    def export(self, name: str, done: int, total: int) -> None:
        """So many bytes of a file of the export are read."""
        ...


class Matched(NamedTuple):
    """``result`` and ``outcome`` of the comparison. ``unchecked``: what could not be compared, as sentences."""

    result: ExportResult
    outcome: Outcome
    unchecked: list[str]


def check_exports(
    exports: Sequence[Export], entries: EntryMessages, notices: SealMessages, observer: Observer
) -> Matched | str:
    """Match all messages of ``exports``; a sentence if none is recognized. Raises ExportError."""
    messages, waiting = entries.sealed, entries.waiting
    for export in exports:
        for count, message in enumerate(export):
            if not count % _REPORTED_MESSAGES:
                observer.export(export.name, *export.progress)
            messages.match(message)
            if waiting:
                waiting.match(message)
            notices.add(message)
    others = messages.others + sum(export.others + export.unreadable for export in exports)
    if not messages.numbered + messages.unnumbered and (others or len(messages)):  # nothing may have been sent, and nothing exported
        names = ", ".join(export.name for export in exports)
        lines = f"{count_text(others, 'line')} of {names}" if others else f"No line in {names}"
        return f"{lines}: none has a message of Epimetheus. {_READS}, {_COLUMNS}."
    outcome = messages.outcome()
    return Matched(_result(exports, messages, notices, outcome), outcome, _unchecked(outcome))


def _result(exports: Sequence[Export], messages: SealedMessages, notices: SealMessages, outcome: Outcome) -> ExportResult:
    return ExportResult(
        files=[export.name for export in exports],
        sealed=outcome.sealed,
        present=outcome.present,
        missing=outcome.sealed - outcome.present - outcome.unmatchable,
        duplicates=messages.duplicates,
        unsealed=messages.unsealed,
        unmatchable=outcome.unmatchable,
        number_only=outcome.number_only,
        other_number=outcome.other_number,
        seal_messages=notices.count,
        other_lines=messages.others + sum(export.others for export in exports),
        unreadable_lines=sum(export.unreadable for export in exports),
    )


def _unchecked(outcome: Outcome) -> list[str]:
    if not (count := outcome.number_only):
        return []
    noun = f"{count_text(count, 'message')} of the export {plural(count, 'does', 'do')}"
    return [f"{noun} not have the whole event ID, and {plural(count, 'was', 'were')} matched by number only."]
