"""Simulated audit events, and how each must look when it arrives, computed without code of the package."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.simulation.chance import Stage

SECRET = "eyJraWQiOiJzZWNyZXQtdG9rZW4ifQ.c2VjcmV0.c2lnbmF0dXJl"
NAME = re.compile(rb"e[a-z]\d+-[0-9a-f]{12}")
CALLS = ("GetInstance", "DeleteBucket", "InteractiveLogin")
PREFIX = "com.oraclecloud.x."
_BODY = (
    '{{"eventType":{kind},"eventId":"{name}","eventTime":"{time}","data":{{"eventName":"{called}","compartmentId":"{ocid}",'
    '"resourceName":"{payload}","identity":{{"principalName":"{principal}|=\\\\","credentials":"ST${secret}"}},'
    '"request":{{"headers":{{"Authorization":["Bearer {secret}"]}}}}}}}}'
)


@dataclass(slots=True)
class Event:
    """An event. ``processed``, ``listed``: seconds since the epoch. ``kind``: event type, empty if malformed. ``due``: it must be read."""

    name: str
    processed: float
    listed: float
    raw: bytes = field(repr=False)
    kind: str
    due: bool
    compartment: str
    called: str
    principal: str
    payload: str

    @property
    def time(self) -> str:
        return _time(self.processed)


def make_event(stage: Stage, name: str, ocid: str, processed: float, late: tuple[float, bool]) -> Event:
    """An event with random values, which no other event has."""
    dice = stage.dice
    called, principal = dice.choice(CALLS), f"user{dice.randrange(50)}"
    name, payload = f"{name}-{dice.getrandbits(48):012x}", f"p{dice.getrandbits(48):012x}"
    malformed = stage.chance("malformed event", 0.02)
    raw = _BODY.format(
        kind="7" if malformed else f'"{PREFIX}{called}"',
        name=name, time=_time(processed), called=called, ocid=ocid, payload=payload, principal=principal, secret=SECRET,
    )  # fmt: skip
    kind = "" if malformed else PREFIX + called
    return Event(name, processed, processed + late[0], raw.encode(), kind, late[1], ocid, called, principal, payload)


def key_of(compartment: str, raw: bytes) -> bytes:
    """The key of an event in the ledger, as docs/decisions/0019-keys-of-both-forms.md defines it."""
    tag = hashlib.blake2b(compartment.encode(), digest_size=4).digest()
    return tag + hashlib.blake2b(_content(raw), digest_size=12).digest()


def _content(raw: bytes) -> bytes:
    """What an event says, without the members that its forms do not share."""
    event = json.loads(raw)
    if not isinstance(event["eventType"], str):
        return b"text " + raw
    data = event["data"]
    said = {"eventName": data["eventName"], "identity": data["identity"], "request": {}}
    seconds = datetime.fromisoformat(event["eventTime"]).timestamp()
    return json.dumps([event["eventId"], event["eventType"], seconds, said, None], sort_keys=True, separators=(",", ":")).encode()


def differs(event: Event, message: bytes, form: str) -> str:
    """The values of ``event`` that ``message`` lacks; empty if none. ``form``: the message format."""
    text = message.decode()
    if not event.kind or form == "json":
        return _json_differs(event, text)
    millis = str(_millis(event.processed))
    when = {"leef": event.time.replace("Z", "+0000")}.get(form, millis)
    expected = (event.name, event.kind, when, event.compartment, event.payload)
    lacking = [value for value in expected if value not in text]
    if not re.search(rf"\b{event.principal}\b", text):
        lacking.append(event.principal)
    return ", ".join(lacking)


def _json_differs(event: Event, text: str) -> str:
    try:
        found = json.loads(text[text.index("{", text.index("] ")) :])
        data = found["data"]
        there = (
            found["eventId"], found["eventType"], found["eventTime"], data["compartmentId"], data["resourceName"],
            data["eventName"], data["identity"]["principalName"],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        return f"JSON: {error!r}"
    expected = (
        event.name, event.kind or 7, event.time, event.compartment, event.payload, event.called, f"{event.principal}|=\\",
    )  # fmt: skip
    return ", ".join(str(one) for one, other in zip(expected, there, strict=True) if one != other)


def _millis(seconds: float) -> int:
    return int(seconds * 1000)


def _time(seconds: float) -> str:
    whole, millis = divmod(_millis(seconds), 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03d}Z"
