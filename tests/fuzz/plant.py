"""Secrets planted in events: one of the places of `secret_cases`, somewhere in the event, with a secret of its own."""

import json
import random
from typing import Any

from tests.render.redact.secret_cases import LONG, OBJECTS, TEXTS, S

_CASES = [(name, value, secret) for table in (TEXTS, OBJECTS) for name, (value, secret) in table.items()]
_PLACES = ("message", "resourceName", "additionalDetails", "stateChange", "newByOracle", "identity", "request", "response")
_INNER = {
    "identity": ("userAgent", "principalName", "x"),
    "request": ("path", "headers", "parameters"),
    "response": ("message", "payload", "headers"),
}
_TEXT_ONLY = frozenset(("message", "resourceName", "userAgent", "principalName", "path"))
_SHOWN_AT_THE_END = (
    "value first", "pair, in JSON in JSON", "beginning cut off", "customer secret key", "chpasswd", "url, token", "url, password",
    "url, encoded", "jdbc", "redis", "amqp", "sqlplus",
)  # fmt: skip
"""Cases in which only what follows the secret shows what it is: nothing tells once that is cut off."""
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def planted(data: bytes, choice: random.Random) -> tuple[bytes, str, str] | None:
    """An event with a secret in it, the secret, and what kind it is; None where the input is no event."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("data"), dict):
        return None
    name, value, secret = choice.choice(_CASES)
    if secret in (S, LONG):
        own = "".join(choice.choices(_LETTERS, k=len(secret) - 2)) + "7Q"
        value, secret = json.loads(json.dumps(value).replace(secret, own)), own
    _put(event["data"], value, choice)
    try:
        text = json.dumps(event, ensure_ascii=choice.random() < 0.5, separators=choice.choice(((",", ":"), (", ", ": "))))
    except RecursionError:
        return None
    if choice.random() < 0.2 and not any(part in name for part in _SHOWN_AT_THE_END):
        text = text[: -choice.randint(1, 40)]
    return text.encode("utf-8", "surrogatepass"), secret, name


def _put(data: dict[str, Any], value: object, choice: random.Random) -> None:
    place, key = data, choice.choice(_PLACES)
    if key in _INNER:
        inner = data.get(key)
        place = data[key] = dict(inner) if isinstance(inner, dict) else {}
        key = choice.choice(_INNER[key])
    for _ in range(choice.choice((0, 0, 1, 2))):
        value = choice.choice((lambda v: [v], lambda v: {"a": v}, lambda v: json.dumps({"b": v}), lambda v: ["x", v], json.dumps))(value)
    place[key] = json.dumps(value) if key in _TEXT_ONLY and not isinstance(value, str) else value
