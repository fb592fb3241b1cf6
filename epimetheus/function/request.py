"""The request of an invocation: the actions that its JSON body can request."""

import re
from typing import Annotated, NamedTuple

import msgspec

from epimetheus.errors import RequestError
from epimetheus.model import RETENTION_DAYS, Window, minute_text, parse_minute, time_text
from epimetheus.run.replay import ReplayRequest
from epimetheus.safe_text import HIDDEN, safe_message, safe_value

_HELP = (
    'Send an empty body, {"action": "run"}, {"follow_seconds": 3480}, {"action": "health"}, '
    'or {"action": "replay", "from": "2026-11-24T10:00:00Z", "to": "2026-11-24T11:00:00Z"}; "reconcile" takes the same times.'
)


class _Request(msgspec.Struct, forbid_unknown_fields=True, tag_field="action", frozen=True):
    """The key ``action`` selects the class."""


class Run(_Request, tag="run", frozen=True):
    """Run once. With ``follow_seconds``, run again a minute after each run has ended, until that many seconds have passed."""

    follow_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 0


class Health(_Request, tag="health", frozen=True):
    """Check every dependency. ``probe``: send one test message to the receiver."""

    probe: bool = False


class _PastWindow(_Request, frozen=True):
    """A window, ``from`` and ``to`` in RFC 3339, whole minutes. ``compartments``: OCIDs; empty: all. ``dry``: only count."""

    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    compartments: tuple[str, ...] = ()
    dry: bool = False

    def window(self, now: float) -> Window:
        """The window in minutes. ``now``: seconds since the epoch. Raises RequestError, also if OCI Audit cannot have a part of it.

        A part without events would otherwise look as if it had been sent again.
        """
        requested, oldest = window(self.start, self.end), int(now // 60) - RETENTION_DAYS * 24 * 60
        if requested.end * 60 > now:
            what = f"The request was rejected: to={safe_value(self.end)} is in the future; the current time is {time_text(now)}."
            raise RequestError(what, do="Use a window in the past.")
        if requested.start < oldest:
            what = f"The request was rejected: from={safe_value(self.start)} is more than {RETENTION_DAYS} days ago."
            do = f"OCI Audit keeps events for {RETENTION_DAYS} days; the earliest time is {minute_text(oldest)}."
            raise RequestError(what, do=do)
        return requested


class Replay(_PastWindow, tag="replay", frozen=True):
    """Send a window again. ``missing_only``: only what the ledger does not have."""

    missing_only: bool = False

    def to_run(self, now: float) -> ReplayRequest:
        """The replay. ``now`` and errors as `window`."""
        return ReplayRequest(self.window(now), self.compartments, self.dry, "replay" if self.missing_only else None)


class Reconcile(_PastWindow, tag="reconcile", frozen=True):
    """List a window again, and send what the ledger does not have, marked as late."""

    def to_run(self, now: float) -> ReplayRequest:
        """The reconciliation. ``now`` and errors as `window`."""
        return ReplayRequest(self.window(now), self.compartments, self.dry, "reconcile")


class Push(NamedTuple):
    """A batch of Connector Hub, as it was sent."""

    body: bytes


_QUOTED = re.compile(r"(?<=`).*(?=`)", re.DOTALL)  # msgspec quotes a key of the body
_OF_AN_EVENT = frozenset(("data", "logContent", "value"))  # members by which a single event is recognized
_MALFORMED_EVENT = re.compile(rb'\s*\{(?!.{0,200}"action").*"(?:data|logContent|value)"\s*:', re.DOTALL)
_ACTIONS = ("run", "health", "replay", "reconcile")


def read_request(body: bytes) -> Run | Health | Replay | Reconcile | Push:
    """The request in ``body``; an empty one is a `Run`, and a list, or an event, is a `Push`. Raises RequestError."""
    if body.lstrip().startswith(b"["):
        return Push(body)
    try:
        fields = msgspec.json.decode(body.strip() or b"{}", type=dict[str, object])
        if "action" not in fields and _OF_AN_EVENT & fields.keys():
            return Push(body)
        if (action := fields.setdefault("action", "run")) not in _ACTIONS:
            raise RequestError(f"The request was rejected: unknown action {safe_value(str(action))!r}.", do=_HELP)
        return msgspec.convert(fields, type=Run | Health | Replay | Reconcile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if _MALFORMED_EVENT.match(body):  # a connector would send a rejected event again until it is too old
            return Push(body)
        raise RequestError(f"The request was rejected: {safe_message(_QUOTED.sub(_safe_key, str(error)))}.", do=_HELP) from error


def _safe_key(found: re.Match[str]) -> str:
    return safe_value(found[0], 200) or HIDDEN


def window(start: str, end: str) -> Window:
    """The window between two RFC 3339 times, without the minute of ``end``. Raises RequestError."""
    minutes = []
    for name, text in (("from", start), ("to", end)):
        try:
            minutes.append(parse_minute(text))
        except (ValueError, OverflowError) as error:
            what = f"The request was rejected: {name}={safe_value(text)!r} is not an RFC 3339 time."
            raise RequestError(what, do="Use the form 2026-11-24T10:05:00Z.") from error
    if minutes[0] == minutes[1]:
        what = f"The request was rejected: from and to are both in the minute {minute_text(minutes[0])}."
        raise RequestError(what, do="A window is at least one whole minute; the minute of to is not included.")
    if minutes[0] > minutes[1]:
        what = f"The request was rejected: from={safe_value(start)} is not before to={safe_value(end)}."
        raise RequestError(what, do="Set from to the earlier time; the minute of to is not included.")
    return Window(*minutes)
