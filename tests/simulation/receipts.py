"""Checks the messages that the receiver has kept against the simulated events."""

import json
import re
from collections import Counter, defaultdict
from datetime import datetime

from epimetheus.verify.message import SiemMessage, parse_message
from tests.simulation.events import NAME, SECRET, Event, differs
from tests.simulation.siem import Siem

_NOTICE = re.compile(rb"<\d+>1 \S+ \S+ \S+ - notice ")
_HELD_BACK = re.compile(r"msg=([\d,]+) events? (\S+) (?:was|were) held back by rate_limiting in the hour from (\S+),")
_SEAL = re.compile(r"\bseal-([a-z]+-[a-z]+-[0-9])-([0-9]+)-([0-9a-f]{16})\b")
_HEADER = re.compile(rb'<\d+>1 \S+ (\S+) \S+ - (\S+) \[epimetheus@32473 run="(\w+)" seq="(\d+)"')
_SECRET = SECRET.encode()


class Broken(Exception):
    """A promise was broken."""


class Receipts:
    """``arrived``: event name → number of copies. ``reported``: (event type, hour in minutes) → rate-limited events, from notices.

    ``seals``: region → (sequence number, start of the SHA-256) → number of copies. ``ids``: (region, run) → sequence number of a message →
    its event ID, ``-`` if it has none.
    ``form``: the message format. ``events``: all events by name. ``reads_notices``: notices in this format are read. ``messages``: what
    ``verify`` recognizes in all messages; ``times``: when each was received.
    """

    def __init__(self, siem: Siem, events: dict[str, Event], form: str) -> None:
        self.siem = siem
        self.events = events
        self.form = form
        self.reads_notices = form in ("cef", "json")
        self.arrived: Counter[str] = Counter()
        self.reported: Counter[tuple[str, int]] = Counter()
        self.ids: defaultdict[tuple[str, str], dict[int, str]] = defaultdict(dict)
        self.seals: defaultdict[str, Counter[tuple[int, str]]] = defaultdict(Counter)
        self.messages: list[SiemMessage] = []
        self.times: list[float] = []
        self._read = 0

    def up_to_now(self) -> Counter[str]:
        """The names of all events that the receiver has kept."""
        self.siem.live()
        kept = self.siem.kept
        for at in range(self._read, len(kept)):
            self._one(kept[at], self.siem.kept_at[at])
            kept[at] = b""
        self._read = len(kept)
        return self.arrived

    def _one(self, message: bytes, at: float) -> None:
        if _SECRET in message:
            raise Broken(f"7: a secret was sent: {message!r}")
        self._identify(message)
        if parsed := parse_message(message):
            self.messages.append(parsed)
            self.times.append(at)
        if _NOTICE.match(message):
            self._notice(message.decode())
            return
        found = NAME.findall(message)
        if len(found) != 1 or (event := self.events.get(found[0].decode())) is None:
            raise Broken(f"1: a message with no or several event names: {message!r}")
        if lacking := differs(event, message, self.form):
            raise Broken(f"1: the message of {event.name} lacks {lacking}: {message!r}")
        self.arrived[event.name] += 1

    def _identify(self, message: bytes) -> None:
        found = _HEADER.match(message)
        if found is None:
            raise Broken(f"1: a message without run and sequence number: {message!r}")
        region, kind, run, number = (part.decode() for part in found.groups())
        seal, name = _SEAL.search(message.decode()), NAME.search(message)
        known = seal[0] if seal and kind == "notice" else name[0].decode() if name and kind == "audit" else "-"
        self.ids[region, run][int(number)] = known

    def _notice(self, text: str) -> None:
        """Add the seal, or the rate-limited events that a notice reports."""
        if found := _SEAL.search(text):
            self.seals[found[1]][int(found[2]), found[3]] += 1
            return
        if self.form == "json":
            details = json.loads(text[text.index("{", text.index("] ")) :])["data"]["additionalDetails"]
            if "heldBack" in details:
                self.reported[details["eventType"], _minutes(details["hour"])] += details["heldBack"]
        elif found := _HELD_BACK.search(text):
            self.reported[found[2], _minutes(found[3])] += int(found[1].replace(",", ""))


def _minutes(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // 60
