"""Redacts the paths of REDACT (``data.identity.ipAddress``, ``*`` for any key or index) in a JSON tree and in a typed event."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from epimetheus.render.redact import json_tree as tree
from epimetheus.render.redact.text import REDACTED

Path = tuple[str, ...]
T = TypeVar("T", bound=msgspec.Struct)


def redact_paths(value: object, paths: Sequence[Path]) -> object:
    """Replaces everything that ``paths`` select in ``value``. Null stays null."""
    if not paths or value is None:
        return value
    if () in paths:
        return REDACTED
    if isinstance(value, dict):
        return {key: redact_paths(item, _below(paths, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [redact_paths(item, _below(paths, str(index))) for index, item in enumerate(value)]
    return value


def redact_struct_paths(value: T, paths: Sequence[Path]) -> T:
    """Redacts a typed event by the JSON names of its fields. A path that selects an object redacts every field of it."""
    changed = {}
    for field, name in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
        if below := _below(paths, name):
            changed[field] = _redact_field_paths(getattr(value, field), below)
    return msgspec.structs.replace(value, **changed)


def _redact_field_paths(value: object, paths: Sequence[Path]) -> object:
    if isinstance(value, msgspec.Struct):
        return redact_struct_paths(value, [("*",)] if () in paths else paths)
    if isinstance(value, msgspec.Raw):
        return _redact_raw_paths(bytes(value), paths)
    return redact_paths(value, paths)


def _redact_raw_paths(value: bytes, paths: Sequence[Path]) -> msgspec.Raw:
    """Redacts JSON text; text that is nested too deep is redacted entirely."""
    try:
        return msgspec.Raw(tree.encode(redact_paths(tree.decode(value), paths)).encode())
    except ValueError:
        return msgspec.Raw(tree.encode(REDACTED).encode())


def _below(paths: Sequence[Path], key: str) -> list[Path]:
    return [path[1:] for path in paths if path and path[0] in (key, "*")]
