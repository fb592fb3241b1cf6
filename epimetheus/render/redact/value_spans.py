"""Where the value behind a key begins and ends in a text that is no JSON, or none that can be read."""

import re
from bisect import bisect_left
from functools import cached_property

from epimetheus.render.redact.keys import stays

Span = tuple[int, int]

_STRING_ENDS = re.compile(r"(?<!\\)\\*+\"\s*+[,}\]]")
_BLOCK = re.compile(r"[|>][+\-\d]{0,2}[ \t]*+(?:#[^\n]*+)?\r?\n")
_NEXT_KEY = re.compile(r"\s*+[\w\-.]++\s*+:(?:\s|\Z)")
_NESTED = re.compile(r"\"(?:[^\"\\]|\\.)*+\"?|[\[\]{}]", re.DOTALL)
_QUOTED = re.compile(r"(\\*+[\"'`])(.*?)(?:(?<!\\)\1(?!\1?\w)|\Z)", re.DOTALL)
_NOTHING = re.compile(r"(?:null|true|false|none)(?=[\s,;}\])&]|\Z)", re.IGNORECASE)
# To a blank. A quote, a backslash, an ampersand or a semicolon ends a value only where that looks like the end of one.
_BARE = re.compile(
    r"(?:[^\s&\"'\\<;]|&(?!\w++;|[\w.%\-\[\]]{1,64}=|\s|\Z)|[\"'](?=\w)|\\++(?![\"'])|<(?!/)|;(?!\s*+\Z|\s*+[\w ]{1,32}+=|\s))++", re.ASCII
)
# A quote ends the text the header stands in, but for those around a value.
_LINE = re.compile(r"(?:(?<==)\\*+\"[^\"\r\n]*+\"?|[^\r\n\"\\]|\\++(?!\"))++")
_TO_END_OF_LINE = re.compile(r"authorization$|cookie2?$")


# YAML's anchors and tags, and the line that opens a here-document.
_BEFORE = re.compile(r"(?:[&!][\w!]{1,32}+[ \t]++)++|<<[\-~]?+[\"']?\w{1,32}+[\"']?\r?\n")


class Ends:
    """Where JSON strings end in a text: looked up once, and not anew from each key in it."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _all(self) -> list[int]:
        return [found.start() for found in _STRING_ENDS.finditer(self._text)]

    def first(self, start: int) -> int:
        """The first at or behind ``start``, else the end of the text."""
        at = bisect_left(self._all, start)
        return self._all[at] if at < len(self._all) else len(self._text)


def block(text: str, found: re.Match[str], ends: Ends) -> Span | None:
    """In YAML, what stands in the lines below a key; an empty span where the next line is another key; None where it stands beside it."""
    at = found.end("after")
    opened = _BLOCK.match(text, at)
    if opened is None and "\n" not in found["after"]:
        return None
    start = opened.end() if opened else found.end("sep") + found["after"].index("\n") + 1
    line = text.rfind("\n", max(0, found.start() - 256), found.start()) + 1
    before = text[max(line, found.start() - 256) : found.start()]
    indent = len(before) if not before.strip(" \t-") else 0
    end = start
    last = ends.first(start)
    while end < last:
        stop = text.find("\n", end) + 1 or len(text)
        depth = _indent(text, end, stop)
        if depth is not None and not (depth > indent or (depth == indent and text[end + depth] == "-")):
            break
        end = stop
    if end == start and opened is None:
        return (at, at) if _NEXT_KEY.match(text, start) else None
    end = min(end, last)
    return (start, len(text[start:end].rstrip()) + start) if end > start else (at, at)


def _indent(text: str, start: int, stop: int) -> int | None:
    """How far a line is indented; None where it is blank."""
    stripped = text[start:stop].lstrip()
    return stop - start - len(stripped) if stripped else None


def is_said(text: str, value: Span) -> bool:
    """Whether there is a value, and it is none of those that stay."""
    start, end = value
    return start < end and not (end - start < 600 and stays(text[start:end].rstrip(",.)]}")))


def value_at(text: str, at: int, key: str) -> Span:
    """Where the value that begins at ``at`` stands, without its quotes; too much rather than too little where it is unclear."""
    if before := _BEFORE.match(text, at):
        at = before.end()
    if quoted := _QUOTED.match(text, at):
        return quoted.span(2)
    if text[at : at + 1] in ("[", "{"):
        return at, _closed(text, at)
    if nothing := _NOTHING.match(text, at):
        return nothing.end(), nothing.end()
    bare = (_LINE if _TO_END_OF_LINE.search(key) else _BARE).match(text, at)
    return bare.span() if bare else (at, at)


def _closed(text: str, at: int) -> int:
    """Where the list or object that opens at ``at`` is closed, else the end."""
    depth = 0
    for token in _NESTED.finditer(text, at):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth == 0:
            return token.end()
    return len(text)
