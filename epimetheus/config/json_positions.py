"""Line numbers and duplicate keys in JSON text, for messages to its author. For text that is not valid JSON, results are meaningless."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from epimetheus.safe_text import HIDDEN, safe_value

Path = tuple[str | int, ...]
"""Keys and list indices, as in pydantic's ``loc``."""

# An unterminated string extends to the end of the text, so that no character is scanned twice.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_MAX_KEY = 80


def lines_of(text: str, paths: Iterable[Path]) -> Mapping[Path, int]:
    """The line, from 1, of each path: of its key or list item, or of its nearest existing parent."""
    requested = set(paths)
    wanted = {path[:length] for path in requested for length in range(1, len(path) + 1)}
    deepest = max(map(len, wanted), default=0)
    found: dict[Path, int] = {(): 1}
    current: list[str | int] = []
    for depth, part, line in _members(text):
        if depth < deepest:
            current[depth:] = [part]
            if (path := tuple(current)) in wanted:
                found[path] = line
    return {path: next(found[path[:length]] for length in range(len(path), -1, -1) if path[:length] in found) for path in requested}


def duplicate_keys(text: str) -> Iterator[Path]:
    """The path of each key that an object already contains, once for each repetition."""
    current: list[str | int] = []
    seen: list[set[str | int]] = []
    for depth, part, _ in _members(text):
        current[depth:] = [part]
        del seen[depth + 1 :]
        if depth == len(seen):
            seen.append(set())
        if part in seen[depth]:
            yield tuple(current)
        seen[depth].add(part)


def dotted(path: Path) -> str:
    """A path as text, printable, long keys truncated: ``event_filtering.excluded_events[2]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_shown(part)}" for part in path).removeprefix(".")


def _shown(key: str) -> str:
    clean = (safe_value(key) or HIDDEN)[:_MAX_KEY]
    return clean if len(key) <= _MAX_KEY else f"{clean}…"


def _members(text: str) -> Iterator[tuple[int, str | int, int]]:
    """Every object member and list item in order: its depth, its key or index, and its line."""
    parents: list[int | None] = []  # for a list the current index, for an object None
    expects_member = False
    line, counted = 1, 0
    for match in _TOKEN.finditer(text):
        piece = match[0]
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        if piece in "]}":
            del parents[-1:]
        elif expects_member and parents:
            index = parents[-1]
            parents[-1] = None if index is None else index + 1
            yield len(parents) - 1, _key(piece) if index is None else index, line
        expects_member = piece in ",[{"
        if piece in "[{":
            parents.append(0 if piece == "[" else None)


def _key(piece: str) -> str:
    """The key without escapes, or as written if the text is not valid JSON."""
    try:
        return str(json.loads(piece, strict=False)) if "\\" in piece else piece[1:-1]
    except ValueError:
        return piece
