"""The end of ``demo``: ``verify`` over what the runs stored and the receiver got, then the same without one of the messages."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import wrap

from epimetheus.model import Window, count_text
from epimetheus.verify.export_records import ExportRecords
from epimetheus.verify.folder import folder_sources
from epimetheus.verify.model import Verification
from epimetheus.verify.verify import Request, verify

EXPORT = "receiver.log"
_HOUR = 60

Show = Callable[[str, str], None]
"""Shows a line, with a style."""


class DemoFolder:
    """A ``folder`` with the objects of the bucket, and with the messages that the receiver got as the file `EXPORT`."""

    def __init__(self, folder: Path, objects: Mapping[str, bytes], messages: Sequence[bytes]) -> None:
        self._folder, self._messages = folder, messages
        for name, data in objects.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        self._write(messages)

    def verify(self, events: int, width: int, show: Show) -> bool:
        """Verify everything, then without a message. Shows both verdicts; the file is complete again afterwards.

        ``events``: how many there are; other messages that the ledger has are those of seals, which a run sends for an earlier one.

        Returns whether the first is that nothing is missing, and the second names the message.
        """
        show("verify: the receiver's file, against the seals and the ledger.", "bold")
        complete = self._verified()
        show(f"  {_summary(complete)}", "green" if complete.verdict == "complete" else "red")
        if complete.export and (seals := complete.export.sealed - events) > 0:
            messages = count_text(seals, "message with a seal", "messages with seals")
            show(f"  These are {count_text(events, 'event')} and {messages}, which run 4 sent for run 3.", "")
        for fault in complete.faults[:1]:
            show(f"  {fault.what}", "")
        removed = len(self._messages) // 20  # of run 1, all of whose messages arrived once
        self._write([*self._messages[:removed], *self._messages[removed + 1 :]])
        show("verify: the same, after one message is removed from the file.", "bold")
        incomplete = self._verified()
        self._write(self._messages)
        for fault in incomplete.faults[:1]:
            what = fault.what.partition(";")[0]
            for line in wrap(f"{what}. {incomplete.verdict.capitalize()}.", width - 2):
                show(f"  {line}", "red")
        return complete.verdict == "complete" and len(incomplete.faults) == 1

    def _verified(self) -> Verification:
        now = int(time.time() // 60)
        request = Request(Window(now - 6 * _HOUR, now + 1), (), now, None)
        return verify(request, folder_sources(self._folder), [ExportRecords(self._folder / EXPORT)], _NoObserver(), {})

    def _write(self, messages: Sequence[bytes]) -> None:
        (self._folder / EXPORT).write_bytes(b"".join(message + b"\n" for message in messages))


def _summary(result: Verification) -> str:
    seals, entries, export = result.regions[0].seals, result.regions[0].entries, result.export
    objects = f"{seals.valid}/{seals.checked} seals, {entries.valid}/{entries.checked} ledger entries"
    sealed = f", {export.present:,} of {count_text(export.sealed, 'sealed message')}" if export else ""
    return f"{objects}{sealed}. {result.verdict.capitalize()}."


class _NoObserver:
    """See `epimetheus.verify.verify.Observer`."""

    def entries(self, region: str, done: int, total: int) -> None:
        """Show nothing."""

    def export(self, name: str, done: int, total: int) -> None:
        """Show nothing."""
