"""Finds where the value after a key starts and ends in text that is not JSON, or not valid JSON."""

import re
from bisect import bisect_left
from functools import cached_property

from epimetheus.render.redact.keys import is_harmless_value

Span = tuple[int, int]

_STRING_END = re.compile(r"(?<!\\)\\*+\"\s*+[,}\]]")
_BLOCK = re.compile(r"[|>][+\-\d]{0,2}[ \t]*+(?:#[^\n]*+)?\r?\n")
_NEXT_KEY = re.compile(r"\s*+[\w\-.]++\s*+:(?:\s|\Z)")
_NESTED = re.compile(r"\"(?:[^\"\\]|\\.)*+\"?|[\[\]{}]", re.DOTALL)
_QUOTED = re.compile(r"(\\*+[\"'`])(.*?)(?:(?<!\\)\1(?!\1?\w)|\Z)", re.DOTALL)
_EMPTY = re.compile(r"(?:null|true|false|none)(?=[\s,;}\])&]|\Z)", re.IGNORECASE)
# Up to whitespace. A quote, backslash, ampersand or semicolon ends the value only where it looks like a delimiter.
_BARE_VALUE = re.compile(
    r"(?:[^\s&\"'\\<;]|&(?!\w++;|[\w.%\-\[\]]{1,64}=|\s|\Z)|[\"'](?=\w)|\\++(?![\"'])|<(?!/)|;(?!\s*+\Z|\s*+[\w ]{1,32}+=|\s))++", re.ASCII
)
# A quote ends the text that contains the header, except quotes around a value.
_LINE_VALUE = re.compile(r"(?:(?<==)\\*+\"[^\"\r\n]*+\"?|[^\r\n\"\\]|\\++(?!\"))++")
_LINE_KEY = re.compile(r"authorization$|cookie2?$")


# YAML anchors and tags, and the opening line of a here-document.
_VALUE_PREFIX = re.compile(r"(?:[&!][\w!]{1,32}+[ \t]++)++|<<[\-~]?+[\"']?\w{1,32}+[\"']?\r?\n")


class StringEnds:
    """Where JSON strings end in a text, computed once for all keys in it."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _all(self) -> list[int]:
        return [match.start() for match in _STRING_END.finditer(self._text)]

    def first(self, start: int) -> int:
        """Returns the first end at or after ``start``, or the end of the text."""
        at = bisect_left(self._all, start)
        return self._all[at] if at < len(self._all) else len(self._text)


def yaml_block_span(text: str, match: re.Match[str], ends: StringEnds) -> Span | None:
    """Returns the span of the YAML lines below a key; empty if the next line is another key; None if the value is on the key's line."""
    at = match.end("after")
    opened = _BLOCK.match(text, at)
    if opened is None and "\n" not in match["after"]:
        return None
    start = opened.end() if opened else match.end("sep") + match["after"].index("\n") + 1
    line = text.rfind("\n", max(0, match.start() - 256), match.start()) + 1
    before = text[max(line, match.start() - 256) : match.start()]
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
    """Returns the indentation of a line; None if the line is blank."""
    stripped = text[start:stop].lstrip()
    return stop - start - len(stripped) if stripped else None


def is_secret_value(text: str, value: Span) -> bool:
    """Whether the span is not empty and its value is not known to be harmless."""
    start, end = value
    return start < end and not (end - start < 600 and is_harmless_value(text[start:end].rstrip(",.)]}")))


def value_span(text: str, at: int, key: str) -> Span:
    """Returns the span of the value that starts at ``at``, without its quotes. If the end is ambiguous, the span is the longer one."""
    if before := _VALUE_PREFIX.match(text, at):
        at = before.end()
    if quoted := _QUOTED.match(text, at):
        return quoted.span(2)
    if text[at : at + 1] in ("[", "{"):
        return at, _closing_end(text, at)
    if nothing := _EMPTY.match(text, at):
        return nothing.end(), nothing.end()
    bare = (_LINE_VALUE if _LINE_KEY.search(key) else _BARE_VALUE).match(text, at)
    return bare.span() if bare else (at, at)


def _closing_end(text: str, at: int) -> int:
    """Returns the end of the list or object that opens at ``at``, or the end of the text."""
    depth = 0
    for token in _NESTED.finditer(text, at):
        depth += (token[0] in "[{") - (token[0] in "]}")
        if depth == 0:
            return token.end()
    return len(text)
