"""Secrets that stand under a key in a text: in JSON (also escaped, or cut off), YAML, XML, headers, queries, SQL, commands and prose.

Reads a text once, from left to right; each pattern begins at a word, runs over it once, and a value that was found is not read again.
"""

import re
from collections.abc import Callable, Iterator

from epimetheus.render.secret_keys import JWK_PRIVATE, Key, names_secret, stays

Span = tuple[int, int]
Classify = Callable[[str], Key]

# A key, what closes it (quotes, perhaps escaped, and brackets), and what stands between it and its value.
_KEYED = re.compile(
    r"(?<![\w\-])(?P<key>[\w\-]++)(?:\[\d{0,9}\])?[)\]\"'`\\]*+(?P<blank>\s*+)(?P<sep>:=|=>|->|==?+|:)(?P<after>\s*+)"
)
_OPTION = re.compile(r"(?<![\w\-])--?+(?P<key>[A-Za-z][\w\-]*+)(?P<after>\s++|\\*+[\"']\s*+,\s*+)(?![\-\s])", re.ASCII)
_IN_LIST = re.compile(r"\[\s*+\\*+[\"'](?P<key>[\w\-.]++)\\*+[\"']\s*+,\s*+(?=\\*+[\"'])", re.ASCII)
_AFTER_PAIR = re.compile(r"\\*+[\"']\s*+\]")
_ELEMENT = re.compile(r"<(?:[\w.\-]++:)?(?P<key>[\w.\-]++)(?:\s[^<>]*+)?>(?!\s*+<(?!!\[CDATA))", re.ASCII)
_NAMED_ELEMENT = re.compile(
    r"<(?:key|name|string|\w{1,16}name)>\s*+(?P<key>[\w.\-/]++)\s*+</\w{1,24}+>\s*+<(?:[\w.\-]++)[^<>]*+>", re.IGNORECASE | re.ASCII
)
_SQL = re.compile(
    r"\bidentified\s{1,8}+(?:with\s{1,8}+\S{1,64}+\s{1,8}+)?(?:by|as)\s{1,8}+(?:values\s{1,8}+|password\s{1,8}+)?"
    r"|\breplace\s{1,8}+(?=\")"
    r"|(?<![\w\-])[\w\-]{0,32}?(?:pass(?:w(?:or)?d|phrase|code)|pwd)(?:\s{0,8}\(\s{0,8}(?=[\"'])|\s{1,8}(?=\\{0,8}[\"']))",
    re.IGNORECASE | re.ASCII,
)
_SAID_WORDS = ("identified", "pass", "pwd", "pin", "otp", " is", " was")
_SAID = re.compile(
    r"(?<![\w\-])[\w\-]{0,32}?(?:(?:pass(?:w(?:or)?d|phrase|code)|pwd|pin|otp)"
    r"(?:\s{1,8}+(?:is|was|(?:set|changed|reset)\s{1,8}to|to|(?:for|of)\s{1,8}+[^\s:]{1,64}+:)|(?=\s{1,8}[^\s]{6}))"
    r"|(?:token|secret|key)\s{1,8}+(?:is|was)):?\s{1,8}+"
    r"(?P<s>(?=[^\s]{0,64}[\d!@#$%^&*+=~])(?![A-Za-z]{0,24}(?:[\-_./]\w{1,16})*+(?:[\s.,;)\"']|\Z))[^\s,;]{4,}+)",
    re.IGNORECASE | re.ASCII,
)
_ATTRIBUTED_ELEMENT = re.compile(
    r"<[\w:.\-]++\s[^<>]*?(?:key|name|id|property)\s{0,8}=\s{0,8}[\"'](?P<key>[^\"'<>]{1,128})[\"']"
    r"[^<>]*+(?<!/)>(?!\s*+<(?!!\[CDATA))",
    re.ASCII,
)
_ELEMENT_END = re.compile(r"</|\Z")
_CDATA = re.compile(r"\s*+<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL)

_QUOTED = re.compile(r"(\\*+[\"'`])(.*?)(?:(?<!\\)\1(?!\1?\w)|\Z)", re.DOTALL)
_JSON_SCALAR = re.compile(r"(?:-?\d[\d.eE+\-]*+|null|true|false)(?=[\s,}\])]|\Z)")
_NOTHING = re.compile(r"(?:null|true|false|none)(?=[\s,;}\])&]|\Z)", re.IGNORECASE)
# To a blank. A quote, a backslash, an ampersand or a semicolon ends a value only where that looks like the end of one.
_BARE = re.compile(
    r"(?:[^\s&\"'\\<;]|&(?!\w++;|[\w.%\-\[\]]{1,64}=|\s|\Z)|[\"'](?=\w)|\\++(?![\"'])|<(?!/)|;(?!\s*+\Z|\s*+[\w ]{1,32}+=|\s))++", re.ASCII
)
# A quote ends the text the header stands in, but for those around a value.
_LINE = re.compile(r"(?:(?<==)\\*+\"[^\"\r\n]*+\"?|[^\r\n\"\\]|\\++(?!\"))++")
_TO_END_OF_LINE = re.compile(r"authorization$|cookie2?$")
_NAME = re.compile(r"\\*+[\"']?([^\"'\\\s<>,;&=]{1,64})")
_NESTED = re.compile(r"\"(?:[^\"\\]|\\.)*+\"?|[\[\]{}]", re.DOTALL)
_STRING_ENDS = re.compile(r"(?<!\\)\\*+\"\s*+[,}\]]")
_BLOCK = re.compile(r"[|>][+\-\d]{0,2}[ \t]*+(?:#[^\n]*+)?\r?\n")
_NEXT_KEY = re.compile(r"\s*+[\w\-.]++\s*+:(?:\s|\Z)")
_DIGITS = re.compile(r"\d{1,15}\b")

# Prose: a plain word before the key, a plain key, and what follows a colon and a blank looks like a name: "rotate token: payments-api".
_WORD_BEFORE = re.compile(r"(?<![\w\-.=:/])[\w\-/]{1,32} $")
_KINDS = frozenset(("key", "keys", "code", "codes", "answer", "answers", "phrase"))
_PLAIN_KEY = re.compile(r"[A-Za-z][a-z]*+")
_NAME_LIKE = re.compile(r"[A-Za-z]{1,24}(?:[\-_./][A-Za-z0-9]{1,16})*+[.,;:!?)\]}]*+(?=[\s\"'\\]|\Z)", re.ASCII)
_OF_PASSWORDS = re.compile(r"pass|pwd")
_OWNER = re.compile(r"[\"\\]user[_-]?id[\"\\]")
_WORDS_OF_PROSE = frozenset(("from", "to", "content", "default", "before", "after"))
_ACTION = re.compile(
    r"(?:rotat|reset|creat|delet|remov|updat|chang|renew|revok|expir|list|get|view|approv|reject|request|generat|regenerat|add|disabl|enabl|activat"
    r"|restor|mov|schedul|cancel|import|export|review|audit|check|miss|invalid|unknown|unsupported|manag|issu|retir|copy|sync|test|fix)(?:e|ed|es|s|ing|ion)?$",
    re.IGNORECASE,
)


def keyed_spans(text: str, lower: str, classify: Classify) -> list[Span]:
    """Where the values of secret keys stand; ``lower`` is the text in lower case."""
    found = list(_pairs(text, lower, classify))
    if "-" in text:
        found += _after(text, _OPTION, classify)
    if "[" in text:
        found += [value for value in _after(text, _IN_LIST, classify) if _AFTER_PAIR.match(text, value[1])]
    if "<" in text:
        found += _elements(text, classify)
    if any(word in lower for word in _SAID_WORDS):
        found += _of_sql(text)
    return found


def _pairs(text: str, lower: str, classify: Classify) -> Iterator[Span]:
    """Of ``key: value`` in all its forms; of ``{"key": "authorization", "value": "…"}``, whichever comes first, too."""
    more = _more_keys(lower)
    at, named, before = 0, False, None
    while found := _KEYED.search(text, at):
        key, at = found["key"], found.end("after")
        kind = _kind(text, found, classify)
        if kind.names and not kind.secret:
            name = _NAME.match(text, at)
            named = name is not None and names_secret(name[1])
            if named and before is not None:
                yield from _before_name(text, before, found.start())
                before = None
        is_value = kind.values and (key.lower() not in _WORDS_OF_PROSE or text[found.end("key")] in "\"'\\")
        if kind.secret or (named and is_value) or (more and key in more and text[found.start() - 1 : found.start()] in "\"'"):
            value = _value_of(text, found)
            if value is not None:
                yield value
                at = max(at, value[1])
        elif is_value:
            before = at


def _kind(text: str, found: re.Match[str], classify: Classify) -> Key:
    """What a key is, alone or with the word before it: ``secret key = …``."""
    key, start = found["key"], found.start()
    before = _WORD_BEFORE.search(text, max(0, start - 34), start) if key.lower() in _KINDS else None
    both = classify(f"{before[0]}{key}") if before else None
    return both if both and both.secret else classify(key)


def _more_keys(lower: str) -> frozenset[str]:
    """Keys that are secret beside others: the key of a customer secret key, the private members of a JWK."""
    more = frozenset(("key",)) if "customersecretkey" in lower or _OWNER.search(lower) else frozenset()
    return more | JWK_PRIVATE if "kty" in lower else more


def _before_name(text: str, at: int, name: int) -> Iterator[Span]:
    """The value at ``at`` whose name follows at ``name``, where both stand in the same object."""
    between = text[at:name]
    value = _value(between, 0, "")
    if "}" not in between[value[1] :] and _is_said(between, value):
        yield at + value[0], at + value[1]


def _value_of(text: str, found: re.Match[str]) -> Span | None:
    """The value behind a secret key; None where there is none, or it is no secret."""
    key, sep, at = found["key"], found["sep"], found.end("after")
    quoted_key = text[found.end("key") : found.end("key") + 1] in ("\"", "\\", "'")
    if quoted_key and _JSON_SCALAR.match(text, at):
        return None
    if sep == ":" and not quoted_key:
        if block := _block(text, found):
            return block if block[0] < block[1] else None
        if _is_prose(text, found):
            return None
    if key[-1:] in "sS" and _DIGITS.fullmatch(text, at, min(len(text), at + 16)):
        return None
    value = _value(text, at, key.lower())
    return value if _is_said(text, value) else None


def _block(text: str, found: re.Match[str]) -> Span | None:
    """In YAML, what stands in the lines below a key; an empty span where the next line is another key; None where it stands beside it."""
    at = found.end("after")
    block = _BLOCK.match(text, at)
    if block is None and "\n" not in found["after"]:
        return None
    start = block.end() if block else found.end("sep") + found["after"].index("\n") + 1
    line = text.rfind("\n", max(0, found.start() - 256), found.start()) + 1
    before = text[max(line, found.start() - 256) : found.start()]
    indent = len(before) if not before.strip(" \t-") else 0
    end = start
    while end < len(text):
        stop = text.find("\n", end) + 1 or len(text)
        depth = _indent(text, end, stop)
        if depth is not None and not (depth > indent or (depth == indent and text[end + depth] == "-")):
            break
        end = stop
    if end == start and block is None:
        return (at, at) if _NEXT_KEY.match(text, start) else None
    inside = _STRING_ENDS.search(text, start, end)
    end = inside.start() if inside else end
    return (start, len(text[start:end].rstrip()) + start) if end > start else (at, at)


def _indent(text: str, start: int, stop: int) -> int | None:
    """How far a line is indented; None where it is blank."""
    stripped = text[start:stop].lstrip()
    return stop - start - len(stripped) if stripped else None


def _is_prose(text: str, found: re.Match[str]) -> bool:
    """Whether a key with a colon is a word of a sentence or a title, and what follows a name."""
    start = found.start()
    word = _WORD_BEFORE.search(text, max(0, start - 34), start)
    if word is None or found["blank"] or found["after"] not in (" ", "") or not _PLAIN_KEY.fullmatch(found["key"]):
        return False
    name = _NAME_LIKE.match(text, found.end("after"))
    if name is None or not found["after"]:
        return False
    return not _OF_PASSWORDS.search(found["key"].lower()) or _is_title(word[0].strip())


def _is_title(word: str) -> bool:
    return _ACTION.match(word) is not None


def _is_said(text: str, value: Span) -> bool:
    """Whether there is a value, and it is none of those that stay."""
    start, end = value
    return start < end and not (end - start < 600 and stays(text[start:end].rstrip(",.)]}")))


def _value(text: str, at: int, key: str) -> Span:
    """Where the value that begins at ``at`` stands, without its quotes; too much rather than too little where it is unclear."""
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


def _after(text: str, pattern: re.Pattern[str], classify: Classify) -> Iterator[Span]:
    """Of ``--password X``, and of ``["password", "X"]``."""
    at = 0
    while found := pattern.search(text, at):
        at = found.end()
        if classify(found["key"]).secret:
            value = _value(text, at, "")
            at = max(at, value[1])
            if _is_said(text, value):
                yield value


def _elements(text: str, classify: Classify) -> Iterator[Span]:
    """Of ``<password>X</password>`` and ``<key>password</key><string>X</string>``."""
    for pattern in (_ELEMENT, _NAMED_ELEMENT, _ATTRIBUTED_ELEMENT):
        at = 0
        while found := pattern.search(text, at):
            at = found.end()
            if classify(found["key"]).secret if pattern is _ELEMENT else names_secret(found["key"]):
                cdata = _CDATA.match(text, at)
                end = _ELEMENT_END.search(text, at)
                value = cdata.span(1) if cdata else (at, end.start() if end else len(text))
                at = value[1]
                if _is_said(text, value):
                    yield value


def _of_sql(text: str) -> Iterator[Span]:
    """Of ``IDENTIFIED BY "X"``, ``PASSWORD 'X'``, and of sentences that say what a password is."""
    at = 0
    while found := _SQL.search(text, at):
        value = _value(text, found.end(), "")
        at = max(found.end(), value[1])
        if _is_said(text, value):
            yield value
    for found in _SAID.finditer(text):
        yield found.span("s")
