"""How much of a window the seals of a region prove: from which minute on, through which one, and what was not covered."""

from typing import NamedTuple

from epimetheus.ledger.seal import Seal
from epimetheus.model import Window, count_text, minute_text, parse_seconds
from epimetheus.stored_form import parse_whole_minute
from epimetheus.verify.chain import Chain
from epimetheus.verify.model import Fault, ReconciledResult

RECENT_MINUTES = 60
"""The last minutes need not have been read yet: the schedule, SETTLE_MINUTES, and a run take their time."""
_HOUR = 60


class WindowReport(NamedTuple):
    """Where the findings about ``region`` are added."""

    region: str
    faults: list[Fault]
    warnings: list[str]
    unchecked: list[str]


def check_window(report: WindowReport, chain: Chain, window: Window, now: int) -> None:
    """Whether the runs have read all of the window, in all compartments and regions that they know. ``now``: the current minute."""
    _check_start(report, chain, window)
    if (newest := chain.newest) is None:
        return
    _check_end(report, newest, window, now)
    number = (newest.sequence, newest.sequence)
    if newest.behind:
        what = f"{count_text(newest.behind, 'compartment is', 'compartments are')} behind in the newest seal, {newest.sequence}."
        report.faults.append(Fault(kind="behind", what=what, region=report.region, seals=number, count=newest.behind))
    coverage = newest.coverage
    if names := coverage.regions.uncovered:
        report.warnings.append(f"Not covered and not excluded: {', '.join(names)}.")
    if count := coverage.compartments.unreadable + coverage.compartments.unlisted:
        report.warnings.append(f"{count_text(count, 'compartment')} could not be read, and {'is' if count == 1 else 'are'} not excluded.")


def proved_from(chain: Chain, window: Window) -> int:
    """The first minute of the window that the seals say was read: that of the window, unless its oldest seal begins later."""
    if not chain.valid or chain.valid[0].sequence - 1 in chain.digests:
        return window.start
    return max(window.start, min(parse_whole_minute(seal.position.before) for seal in chain.valid))


def _check_start(report: WindowReport, chain: Chain, window: Window) -> None:
    start = proved_from(chain, window)
    if start == window.start or any(fault.kind.startswith("seal_") for fault in chain.faults):
        return
    oldest = chain.valid[0]
    if oldest.previous is None:
        report.warnings.append(f"Read from {minute_text(start)} on, where seal {oldest.sequence}, the first one, begins, not before.")
    else:
        period = f"{minute_text(window.start)} to {minute_text(start)}"
        report.unchecked.append(f"{report.region}: {period}: the seals before seal {oldest.sequence} no longer exist.")


def _check_end(report: WindowReport, newest: Seal, window: Window, now: int) -> None:
    through = newest.position.after
    later_is_missing = any(fault.kind == "seal_missing" and fault.seals and fault.seals[0] > newest.sequence for fault in report.faults)
    if (read := parse_whole_minute(through)) >= window.end or later_is_missing:
        return
    if now - read > RECENT_MINUTES:
        what = f"The window is not read to its end: the cursor of the newest seal, {newest.sequence}, is at {through}."
        report.faults.append(Fault(kind="not_read", what=what, region=report.region, seals=(newest.sequence, newest.sequence)))
    else:
        report.warnings.append(f"Read through {through}; the next runs read the rest of the window.")


def reconciliation(newest: Seal, chain: Chain, window: Window) -> dict[str, ReconciledResult]:
    """Pass → how many hours of the window, from where it is read, it has listed again."""
    ends = [min(start + _HOUR, window.end) for start in range(proved_from(chain, window), window.end, _HOUR)]
    results = {}
    for after, through in sorted(newest.reconciled.items(), key=lambda item: int(item[0])):
        minute, due = parse_whole_minute(through), int(parse_seconds(newest.time)) // 60 - int(after)
        results[after] = ReconciledResult(len(ends), sum(end <= minute for end in ends), sum(end <= due for end in ends))
    return results
