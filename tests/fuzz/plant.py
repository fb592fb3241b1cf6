"""Plants one of the `secret_cases` somewhere in an event, with a fresh secret."""

import json
import random
from typing import Any

from tests.render.redact.secret_cases import LONG, OBJECTS, RECOGNIZED_BY_ITS_END, TEXTS, S

_CASES = [(name, value, secret) for table in (TEXTS, OBJECTS) for name, (value, secret) in table.items()]
_FIELDS = ("message", "resourceName", "additionalDetails", "stateChange", "newByOracle", "identity", "request", "response")
_SUBFIELDS = {
    "identity": ("userAgent", "principalName", "x"),
    "request": ("path", "headers", "parameters"),
    "response": ("message", "payload", "headers"),
}
_TEXT_ONLY = frozenset(("message", "resourceName", "userAgent", "principalName", "path"))
_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def planted(data: bytes, rng: random.Random) -> tuple[bytes, str, str] | None:
    """Returns an event with a secret in it, the secret, and its case; None if the input is no event, or has the secret already."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or not isinstance(event.get("data"), dict):
        return None
    name, value, secret = rng.choice(_CASES)
    if secret in (S, LONG):
        fresh = "".join(rng.choices(_LETTERS, k=len(secret) - 2)) + "7Q"
        value, secret = json.loads(json.dumps(value).replace(secret, fresh)), fresh
    if secret in json.dumps(event):
        return None  # a mutated copy, whose encoding may be damaged
    _put(event["data"], value, rng)
    try:
        text = json.dumps(event, ensure_ascii=rng.random() < 0.5, separators=rng.choice(((",", ":"), (", ", ": "))))
    except RecursionError:
        return None
    if rng.random() < 0.2 and not any(part in name for part in RECOGNIZED_BY_ITS_END):
        text = text[: -rng.randint(1, 40)]
    return text.encode("utf-8", "surrogatepass"), secret, name


def _put(data: dict[str, Any], value: object, rng: random.Random) -> None:
    parent, key = data, rng.choice(_FIELDS)
    if key in _SUBFIELDS:
        present = data.get(key)
        parent = data[key] = dict(present) if isinstance(present, dict) else {}
        key = rng.choice(_SUBFIELDS[key])
    for _ in range(rng.choice((0, 0, 1, 2))):
        value = rng.choice((lambda v: [v], lambda v: {"a": v}, lambda v: json.dumps({"b": v}), lambda v: ["x", v], json.dumps))(value)
    parent[key] = json.dumps(value) if key in _TEXT_ONLY and not isinstance(value, str) else value
