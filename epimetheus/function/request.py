"""What a call of the function may ask for: the body of the request, as JSON."""

import re
from typing import Annotated

import msgspec

from epimetheus.errors import RequestError
from epimetheus.model import Window, parse_minute
from epimetheus.safe_text import HIDDEN, safe_message, safe_value

_HELP = (
    'Send nothing, {"action": "run"}, {"follow_seconds": 3480}, {"action": "health"}, '
    'or {"action": "replay", "from": "2026-11-24T10:00:00Z", "to": "2026-11-24T11:00:00Z"}.'
)


class _Asked(msgspec.Struct, forbid_unknown_fields=True, tag_field="action", frozen=True):
    """The key ``action`` tells which."""


class Run(_Asked, tag="run", frozen=True):
    """``{}``, or nothing: run once; with ``follow_seconds`` again and again for so long, a minute after each run has ended."""

    follow_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 0


class Health(_Asked, tag="health", frozen=True):
    """Ask each dependency how it is; with ``probe``, one marked message goes to the receiver."""

    probe: bool = False


class Replay(_Asked, tag="replay", frozen=True):
    """Send a window again: ``from`` and ``to`` (RFC 3339, whole minutes), of ``compartments`` (OCIDs; none: all). ``dry``: only count."""

    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    compartments: tuple[str, ...] = ()
    dry: bool = False

    def window(self) -> Window:
        """The window in minutes. Raises RequestError."""
        return window(self.start, self.end)


_QUOTED = re.compile(r"(?<=`).*(?=`)", re.DOTALL)  # how msgspec quotes a key of the body
_ACTIONS = ("run", "health", "replay")


def read_request(body: bytes) -> Run | Health | Replay:
    """What ``body`` asks for. Raises RequestError for what is not understood."""
    try:
        asked = msgspec.json.decode(body.strip() or b"{}", type=dict[str, object])
        if (action := asked.setdefault("action", "run")) not in _ACTIONS:
            raise RequestError(f"There is no action {safe_value(str(action))!r}.", do=_HELP)
        return msgspec.convert(asked, type=Run | Health | Replay)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"The request's body is not understood: {safe_message(_QUOTED.sub(_shown, str(error)))}.", do=_HELP) from error


def _shown(found: re.Match[str]) -> str:
    return safe_value(found[0], 200) or HIDDEN


def window(start: str, end: str) -> Window:
    """From two RFC 3339 times; ``end`` is not in it. Raises RequestError."""
    minutes = []
    for name, text in (("from", start), ("to", end)):
        try:
            minutes.append(parse_minute(text))
        except (ValueError, OverflowError) as error:
            raise RequestError(f"{name}={safe_value(text)!r} is no RFC 3339 time.", do="Write it like 2026-11-24T10:05:00Z.") from error
    if minutes[0] >= minutes[1]:
        what = f"from={safe_value(start)} is not before to={safe_value(end)}."
        raise RequestError(what, do="Give the earlier time first; to itself is not replayed.")
    return Window(*minutes)
