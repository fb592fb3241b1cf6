"""What the receiver has for good, message by message, held against the events that were made."""

import json
import re
from collections import Counter
from datetime import datetime

from tests.simulation.events import NAME, SECRET, Event, differs
from tests.simulation.siem import Siem

_NOTICE = re.compile(rb"<\d+>1 \S+ \S+ \S+ - notice ")
_HELD_BACK = re.compile(r"msg=(\d+) events (\S+) were held back by rate_limiting in the hour from (\S+),")
_SECRET = SECRET.encode()


class Broken(Exception):
    """A promise was."""


class Receipts:
    """``arrived``: how often each event has; ``told``: (event type, hour in minutes) → what notices say was held back of it.

    ``form``: the format that messages are sent in; ``events``: all there are, by name.
    """

    def __init__(self, siem: Siem, events: dict[str, Event], form: str) -> None:
        self.siem = siem
        self.events = events
        self.form = form
        self.hears = form in ("cef", "json")
        """Whether it understands notices in this format."""
        self.arrived: Counter[str] = Counter()
        self.told: Counter[tuple[str, int]] = Counter()
        self._read = 0

    def up_to_now(self) -> Counter[str]:
        """The names of all events that the receiver has for good."""
        self.siem.live()
        kept = self.siem.kept
        for at in range(self._read, len(kept)):
            self._one(kept[at])
            kept[at] = b""
        self._read = len(kept)
        return self.arrived

    def _one(self, message: bytes) -> None:
        if _SECRET in message:
            raise Broken(f"7: a secret left: {message!r}")
        if _NOTICE.match(message):
            self._notice(message.decode())
            return
        found = NAME.findall(message)
        if len(found) != 1 or (event := self.events.get(found[0].decode())) is None:
            raise Broken(f"1: a message of no event, or of several: {message!r}")
        if lacking := differs(event, message, self.form):
            raise Broken(f"1: the message of {event.name} lacks {lacking}: {message!r}")
        self.arrived[event.name] += 1

    def _notice(self, text: str) -> None:
        """A notice: what it says was held back has been reported to the receiver."""
        if self.form == "json":
            details = json.loads(text[text.index("{", text.index("] ")) :])["data"]["additionalDetails"]
            if "heldBack" in details:
                self.told[details["eventType"], _minutes(details["hour"])] += details["heldBack"]
        elif said := _HELD_BACK.search(text):
            self.told[said[2], _minutes(said[3])] += int(said[1])


def _minutes(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) // 60
