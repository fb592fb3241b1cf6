"""Parses Terraform variable files: assignments of literal values, without functions and references.

https://developer.hashicorp.com/terraform/language/values/variables#variable-definitions-tfvars-files and, for the syntax,
https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

_SPACE = re.compile(r"(?:[ \t\r]|#[^\n]*|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_SPACE_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_NAME = re.compile(r"[^\W\d][\w-]*")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_HEREDOC = re.compile(r"<<(-?)([^\W\d][\w-]*)\r?\n")
_STRING_PIECE = re.compile(r'[^"\\\n$%]+')
_ESCAPE = re.compile(r'\\(?:([nrt"\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8}))')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_LITERALS = {"true": True, "false": False, "null": None}
_MAX_DEPTH = 20


class TfvarsSyntaxError(ValueError):
    """The text is not a file of literal values. ``line``: where. The message does not quote the text."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line = line


def parse_tfvars(text: str) -> dict[str, Any]:
    """Variable → str, Decimal, bool, None, list or dict. Raises TfvarsSyntaxError."""
    return _Parser(text).file()


def read_number(text: str) -> Decimal:
    """The number that ``text`` writes; NaN if its exponent is larger than a Decimal can have."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def file(self) -> dict[str, Any]:
        values = {}
        self._skip(_SPACE_AND_LINES)
        while self._at < len(self._text):
            name = self._expect(_NAME, "a variable name")
            if name in values:
                self._fail("the variable is assigned twice; keep one of its lines")
            self._skip(_SPACE)
            self._symbol("=")
            values[name] = self._value(0)
            self._skip(_SPACE)
            if self._at < len(self._text) and self._text[self._at] != "\n":
                self._fail("expected the end of the line after the value")
            self._skip(_SPACE_AND_LINES)
        return values

    def _value(self, depth: int) -> Any:
        self._skip(_SPACE)
        text, at = self._text, self._at
        if depth > _MAX_DEPTH:
            self._fail("the value is nested too deeply")
        if text.startswith("<<", at):
            return self._heredoc()
        if text.startswith('"', at):
            return self._string()
        if text.startswith(("[", "{"), at):
            return self._list(depth) if text[at] == "[" else self._object(depth)
        return self._word()

    def _word(self) -> Any:
        text, at = self._text, self._at
        if number := _NUMBER.match(text, at):
            self._at = number.end()
            return read_number(number[0])
        if (name := _NAME.match(text, at)) and name[0] in _LITERALS:
            self._at = name.end()
            return _LITERALS[name[0]]
        return self._fail("expected a literal value: a string in double quotes, a number, true, false, null, a list or an object")

    def _list(self, depth: int) -> list[Any]:
        items: list[Any] = []
        self._at += 1
        while not self._closes("]"):
            items.append(self._value(depth + 1))
            self._skip(_SPACE_AND_LINES)
            if not self._take(",") and not self._text.startswith("]", self._at):
                self._fail("expected a comma or ] after an item of the list")
        return items

    def _object(self, depth: int) -> dict[str, Any]:
        items: dict[str, Any] = {}
        self._at += 1
        while not self._closes("}"):
            name = self._string() if self._text.startswith('"', self._at) else self._expect(_NAME, "a key")
            self._skip(_SPACE)
            if not self._take(":"):
                self._symbol("=")
            items[name] = self._value(depth + 1)
            self._skip(_SPACE)
            if not self._take(",") and self._text[self._at : self._at + 1] not in ("\n", "}"):
                self._fail("expected a comma, a line end or } after an item of the object")
        return items

    def _string(self) -> str:
        self._at += 1
        pieces = []
        while not self._take('"'):
            if piece := _STRING_PIECE.match(self._text, self._at):
                pieces.append(piece[0])
                self._at = piece.end()
            elif escape := _ESCAPE.match(self._text, self._at):
                pieces.append(_ESCAPES[escape[1]] if escape[1] else self._character(escape[2] or escape[3]))
                self._at = escape.end()
            elif self._text[self._at : self._at + 1] in ("$", "%"):
                pieces.append(self._template())
            else:
                self._fail("the string does not end on this line, or contains an unknown escape sequence")
        return "".join(pieces)

    def _character(self, digits: str) -> str:
        number = int(digits, 16)
        return chr(number) if number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else self._fail("the escape is not a character")

    def _template(self) -> str:
        """A ``$`` or ``%``. Doubled before a brace, it is an escaped one; single, it begins a template, which no literal contains."""
        sign = self._text[self._at]
        if self._text.startswith(f"{sign}{sign}{{", self._at):
            self._at += 3
            return sign + "{"
        if self._text.startswith(f"{sign}{{", self._at):
            self._fail("expected a literal value: a variable file cannot contain ${…} or %{…}")
        self._at += 1
        return sign

    def _heredoc(self) -> str:
        start = _HEREDOC.match(self._text, self._at)
        if not start:
            self._fail("expected a name and a line end after <<")
        indented, name = start[1], start[2]
        end = re.compile(rf"^[ \t]*{re.escape(name)}[ \t\r]*$", re.MULTILINE).search(self._text, start.end())
        if not end:
            self._fail(f"the text after << has no end: expected a line with {name} only")
        lines = self._text[start.end() : end.start()].replace("\r\n", "\n").splitlines(keepends=True)
        if indented:
            margin = min((len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()), default=0)
            lines = [line[min(margin, len(line) - len(line.lstrip(" \t"))) :] for line in lines]
        if re.search(r"(?<![$%])[$%]\{", "".join(lines)):
            self._fail("expected a literal value: a variable file cannot contain ${…} or %{…}")
        self._at = end.end()
        return re.sub(r"([$%])\1\{", r"\1{", "".join(lines))

    def _closes(self, closing: str) -> bool:
        self._skip(_SPACE_AND_LINES)
        if self._at >= len(self._text):
            self._fail(f"expected {closing} before the end of the file")
        return self._take(closing)

    def _take(self, symbol: str) -> bool:
        found = self._text.startswith(symbol, self._at)
        self._at += len(symbol) if found else 0
        return found

    def _symbol(self, symbol: str) -> None:
        if not self._take(symbol):
            self._fail(f"expected {symbol} after the name")

    def _expect(self, pattern: re.Pattern[str], what: str) -> str:
        match = pattern.match(self._text, self._at)
        if not match:
            self._fail(f"expected {what}")
        self._at = match.end()
        return match[0]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _fail(self, what: str) -> NoReturn:
        raise TfvarsSyntaxError(self._text.count("\n", 0, self._at) + 1, what)
