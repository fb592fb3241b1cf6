"""Verifies each day of a play alone, as an auditor does: with the messages that arrived from an hour before the day to an hour after it.

The messages have run and sequence number, or only event IDs, as in an export of columns. A fault is false unless it names an entry that was
deleted or damaged behind the function's back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from epimetheus.model import Window, minute_text
from epimetheus.verify.message import SiemMessage
from tests.simulation.chance import START
from tests.simulation.verified import Verified

DAY = 24 * 60
_HOUR = 3600.0
_TRUE_DOUBTS = ("no run ended in the window", "ended without a seal of its own")
"""Parts of sentences that say truly what the records cannot show: a killed run without events leaves nothing that says what it read."""


@dataclass
class Days:
    """``days`` were verified. ``complete``, ``unchecked``: days with that verdict; the others are ``faulty``. ``faults``: that occurred.

    ``alarms``: false faults, and what was not checked although the records show it, as text.
    """

    days: int = 0
    complete: int = 0
    unchecked: int = 0
    faulty: int = 0
    faults: int = 0
    alarms: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Everything, as numbers."""
        return {**vars(self), "alarms": len(self.alarms)}


def verify_days(verified: Verified, times: Sequence[float]) -> Days:
    """Verify all days since the start of the play. ``times``: when each of the messages arrived, in seconds."""
    days, lost = Days(), verified.lost
    # An older state was restored, and the newer one again: the cursor did move forward, and only seals of earlier days show those minutes.
    restored = {region.name for region in verified.regions if region.oracle.chain.rolled_back}
    first = int(START // 60) // DAY * DAY
    for start in range(first, verified.minute + 1, DAY):
        window = Window(start, min(start + DAY, verified.minute + 1))
        begin, end = start * 60 - _HOUR, (start + DAY) * 60 + _HOUR
        messages = [message for message, at in zip(verified.messages, times, strict=True) if begin <= at < end]
        result, by_id = verified.run(messages, window), verified.run(_without_numbers(messages), window)
        days.days += 1
        days.complete += result.verdict == "complete"
        days.unchecked += result.verdict == "unchecked"
        days.faulty += result.verdict == "incomplete"
        false = [what for one in (result, by_id) for what in one.unchecked if not any(true in what for true in _TRUE_DOUBTS)]
        found = [fault for one in (result, by_id) for fault in one.faults]
        faults = {fault.what: fault for fault in found if fault.kind != "cursor_gap" or fault.region not in restored}
        false += [what for what, fault in faults.items() if fault.object not in lost or not fault.kind.startswith("entry_")]
        days.faults += sum(fault.object in lost for fault in result.faults)
        days.alarms += [f"{minute_text(start)}: {what}" for what in false]
    return days


def _without_numbers(messages: Sequence[SiemMessage]) -> list[SiemMessage]:
    """The messages with an event ID, without run, sequence number and host."""
    return [SiemMessage("", 0, one.event_id) for one in messages if one.event_id]
