"""Where things stand in a JSON text, for messages to who wrote it. Texts are sound JSON; of others, what is told means nothing."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from epimetheus.safe_text import HIDDEN, safe_value

Path = tuple[str | int, ...]
"""Keys and list indices, as pydantic's ``loc``."""

# A string without an end ends with the text, so that no text is looked at twice.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_SHOWN = 80


def lines_of(text: str, paths: Iterable[Path]) -> Mapping[Path, int]:
    """The line, from 1, of each of ``paths``: of its key, or of a list's item; where it does not stand, of what should hold it."""
    asked = set(paths)
    wanted = {path[:length] for path in asked for length in range(1, len(path) + 1)}
    deepest = max(map(len, wanted), default=0)
    found: dict[Path, int] = {(): 1}
    here: list[str | int] = []
    for depth, part, line in _steps(text):
        if depth < deepest:
            here[depth:] = [part]
            if (path := tuple(here)) in wanted:
                found[path] = line
    return {path: next(found[path[:length]] for length in range(len(path), -1, -1) if path[:length] in found) for path in asked}


def doubles(text: str) -> Iterator[Path]:
    """The keys that stand twice in one object: the path of each, once for every time it stands there again."""
    here: list[str | int] = []
    seen: list[set[str | int]] = []
    for depth, part, _ in _steps(text):
        here[depth:] = [part]
        del seen[depth + 1 :]
        if depth == len(seen):
            seen.append(set())
        if part in seen[depth]:
            yield tuple(here)
        seen[depth].add(part)


def dotted(path: Path) -> str:
    """A path as people read it: ``event_filtering.excluded_events[2]``, printable, long keys cut."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_shown(part)}" for part in path).removeprefix(".")


def _shown(key: str) -> str:
    clean = (safe_value(key) or HIDDEN)[:_SHOWN]
    return clean if len(key) <= _SHOWN else f"{clean}…"


def _steps(text: str) -> Iterator[tuple[int, str | int, int]]:
    """Every member and item in its order: how many objects and lists are around that which holds it, its key or index, its line."""
    around: list[int | None] = []  # of a list the index we are at, of an object None
    begins = False
    line, counted = 1, 0
    for match in _TOKEN.finditer(text):
        piece = match[0]
        line, counted = line + text.count("\n", counted, match.start()), match.start()
        if piece in "]}":
            del around[-1:]
        elif begins and around:
            index = around[-1]
            around[-1] = None if index is None else index + 1
            yield len(around) - 1, _key(piece) if index is None else index, line
        begins = piece in ",[{"
        if piece in "[{":
            around.append(0 if piece == "[" else None)


def _key(piece: str) -> str:
    """The key as it is meant; as it is written, where the text is no sound JSON."""
    try:
        return str(json.loads(piece, strict=False)) if "\\" in piece else piece[1:-1]
    except ValueError:
        return piece
