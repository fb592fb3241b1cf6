"""Whether the runs of a chain left minutes out: each begins where the runs before it ended, or earlier.

The cursor is in the state, which has no signature. The seal of a run that was killed, or that the next run lists as unsealed, does not say
where the run began, so only its entries show that it read the minutes up to the next seal, or later runs that list them again.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from epimetheus.ledger.entry import Entry
from epimetheus.ledger.seal import Seal
from epimetheus.model import Window, count_text, minute_text
from epimetheus.stored_form import parse_whole_minute
from epimetheus.verify.chain import Chain
from epimetheus.verify.model import Fault


class ReadWindows:
    """The windows of entries in which all compartments were read at the cursor, by run."""

    def __init__(self) -> None:
        self._windows: defaultdict[str, list[Window]] = defaultdict(list)

    def add(self, entry: Entry) -> None:
        """Add the window of an entry that is trusted."""
        if entry.source in ("poll", "cloud_guard"):
            self._windows[entry.run].append(entry.window)

    def unread(self, gap: Window, runs: Iterable[str]) -> list[Window]:
        """The parts of ``gap`` that no entry of ``runs`` has."""
        parts, start = [], gap.start
        for window in sorted(window for run in runs for window in self._windows[run]):
            if start < min(window.start, gap.end):
                parts.append(Window(start, min(window.start, gap.end)))
            start = max(start, window.end)
        return [*parts, Window(start, gap.end)] if start < gap.end else parts


class Gap(NamedTuple):
    """A ``window`` before ``seal`` that no earlier run read, and the ``parts`` that no entry of an unsealed run has either."""

    seal: Seal
    window: Window
    parts: list[Window]


def gaps(chain: Chain, read: ReadWindows) -> Iterator[Gap]:
    """The minutes between the seals of ``chain`` that they do not say were read."""
    through = 0
    for earlier, later in zip(chain.around, chain.around[1:], strict=False):
        through = max(through, parse_whole_minute(earlier.position.after))
        before = parse_whole_minute(later.position.before)
        if later.sequence == earlier.sequence + 1 and before > through:
            runs = [*later.unsealed_runs, *([later.run] if later.status == "killed" else ())]
            window = Window(through, before)
            yield Gap(later, window, [] if _is_reconciled(chain, later, window) else read.unread(window, runs))


def _is_reconciled(chain: Chain, seal: Seal, gap: Window) -> bool:
    """Whether a pass of reconciliation that had not reached ``gap`` at ``seal`` was after it later."""
    later = [one for one in (*chain.around, chain.newest) if one and one.sequence > seal.sequence and one.status != "killed"]
    return any(
        parse_whole_minute(mark) <= gap.start and any(parse_whole_minute(one.reconciled.get(after, mark)) >= gap.end for one in later)
        for after, mark in seal.reconciled.items()
    )


def gap_faults(region: str, found: Iterable[Gap]) -> Iterator[Fault]:
    """A fault for each gap before a run that knows where it began."""
    for gap in found:
        seal, minutes = gap.seal, gap.window.end - gap.window.start
        if seal.status != "killed" and not seal.unsealed_runs:
            where = f"from {minute_text(gap.window.start)} to {minute_text(gap.window.end)}"
            what = f"{count_text(minutes, 'minute was', 'minutes were')} not read, {where}: the cursor was moved forward before the run of"
            yield Fault(
                kind="cursor_gap",
                what=f"{what} {seal.name.text()}.",
                region=region,
                object=f"seals/{region}/{seal.name.text()}",
                seals=(seal.sequence, seal.sequence),
                run=seal.run,
            )


def gap_doubts(region: str, found: Iterable[Gap], audited: Mapping[str, Window]) -> Iterator[str]:
    """A sentence for each gap of runs that did not end with a seal, unless Audit has listed it now. ``audited``: region → window."""
    listed = audited.get(region, Window(0, 0))
    for gap in found:
        seal = gap.seal
        parts = [part for part in gap.parts if not (listed.start <= part.start and part.end <= listed.end)]
        if parts and (seal.status == "killed" or seal.unsealed_runs):
            minutes = count_text(sum(part.end - part.start for part in parts), "minute", "minutes")
            runs = ", ".join([*seal.unsealed_runs, *([seal.run] if seal.status == "killed" else ())])
            where = f"{minutes} from {minute_text(parts[0].start)} to {minute_text(parts[-1].end)}"
            why = f"the run {runs} ended without a seal of its own, and no entry shows that it read them"
            yield f"{region}: {where} before seal {seal.sequence}: {why}. Wait for reconciliation, or compare them with OCI: --audit."
