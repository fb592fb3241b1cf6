"""The user's own paths (``data.identity.ipAddress``, ``*`` for any key or index) in a JSON tree and in a typed event."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.text import REDACTED

Path = tuple[str, ...]
T = TypeVar("T", bound=msgspec.Struct)


def masked(value: object, paths: Sequence[Path]) -> object:
    """``value`` with everything the paths lead to replaced; null stays null."""
    if not paths or value is None:
        return value
    if () in paths:
        return REDACTED
    if isinstance(value, dict):
        return {key: masked(item, _below(paths, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item, _below(paths, str(index))) for index, item in enumerate(value)]
    return value


def masked_struct(value: T, paths: Sequence[Path]) -> T:
    """The same for a typed event, by the names its fields have in JSON; where a path leads to an object, all of it goes."""
    changed = {}
    for field, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
        if below := _below(paths, name):
            changed[field] = _masked_field(getattr(value, field), below)
    return msgspec.structs.replace(value, **changed)


def _masked_field(value: object, paths: Sequence[Path]) -> object:
    if isinstance(value, msgspec.Struct):
        return masked_struct(value, [("*",)] if () in paths else paths)
    if isinstance(value, msgspec.Raw):
        return _masked_raw(bytes(value), paths)
    return masked(value, paths)


def _masked_raw(value: bytes, paths: Sequence[Path]) -> msgspec.Raw:
    """The same for JSON text; where that is too deep to be followed, all of it goes."""
    try:
        return msgspec.Raw(tree.encode(masked(tree.decode(value), paths)).encode())
    except ValueError:
        return msgspec.Raw(tree.encode(REDACTED).encode())


def _below(paths: Sequence[Path], key: str) -> list[Path]:
    return [path[1:] for path in paths if path and path[0] in (key, "*")]
