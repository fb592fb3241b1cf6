"""Secrets that stand under a key in a text: in JSON (also escaped, or cut off), YAML, XML, headers, queries, SQL, commands and prose.

Reads a text once, from left to right; each pattern begins at a word, runs over it once, and a value that was found is not read again.
"""

import re
from collections.abc import Callable, Iterator

from epimetheus.render.redact.keys import JWK_PRIVATE, Key, names_secret
from epimetheus.render.redact.value_spans import Ends, Span, block, is_said, value_at

Classify = Callable[[str], Key]

# A key, what closes it (quotes, perhaps escaped, and brackets), and what stands between it and its value.
_KEYED = re.compile(
    r"(?<![\w\-])(?P<key>[\w\-]++)(?:\[\d{0,9}\])?[)\]\"'`\\]*+(?P<blank>\s*+)(?P<sep>:=|=>|->|==?+|[:\uff1a\uff1d])(?P<after>\s*+)"
)
_OPTION = re.compile(r"(?<![\w\-])--?+(?P<key>[^\W\d_][\w\-]*+)(?P<after>\s++|\\*+[\"']\s*+,\s*+)(?![\-\s])")
_IN_LIST = re.compile(r"\[\s*+\\*+[\"'](?P<key>[\w\-.]++)\\*+[\"']\s*+,\s*+(?=\\*+[\"'])", re.ASCII)
_LONGER_LIST = re.compile(r"(?<!\\)\\*+[\"']\s*+,")
# An element that stands for the value of the one around it; others are not values.
_OF_VALUE = r"(?i:(?:[\w.\-]++:)?(?:value|string|text|data|content)[\s>])"
_INNER = re.compile(rf"\s*+<(?={_OF_VALUE})[^<>]*+>")
_ELEMENT = re.compile(rf"[<\u2039](?:[\w.\-]++:)?(?P<key>[\w.\-]++)(?:\s[^<>\u2039\u203a]*+)?[>\u203a](?!\s*+<(?!!\[CDATA|{_OF_VALUE}))")
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
    r"|(?:token|secret|key)\s{1,8}+(?:is|was)):?\s{1,8}+(?!n?(?:var)?char2?\()"
    r"(?P<s>(?=[^\s]{0,64}[\d!@#$%^&*+=~])(?![A-Za-z]{0,24}(?:[\-_./]\w{1,16})*+(?:[\s.,;)\"']|\Z))[^\s,;]{4,}+)",
    re.IGNORECASE | re.ASCII,
)
_TAG = re.compile(rf"<[\w:.\-]++\s(?P<attributes>[^<>]*+)(?<!/)>(?!\s*+<(?!!\[CDATA|{_OF_VALUE}))", re.ASCII)
_NAMING = re.compile(r"(?:key|name|id|property)\s{0,8}=\s{0,8}[\"'](?P<key>[^\"'<>]{1,128})[\"']", re.ASCII)
_ELEMENT_END = re.compile(r"</|\Z")
_CDATA = re.compile(r"\s*+<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL)

_JSON_SCALAR = re.compile(r"(?:-?\d[\d.eE+\-]*+|null|true|false)(?=[\s,}\])]|\Z)")
_NAME = re.compile(r"\\*+[\"']?([^\"'\\\s<>,;&=]{1,64})")
_DIGITS = re.compile(r"\d{1,15}\b")

# Prose: a plain word before the key, a plain key, and what follows a colon and a blank looks like a name: "rotate token: payments-api".
_WORD_BEFORE = re.compile(r"(?<![\w\-.=:/])[\w\-/]{1,32} $")
_KINDS = frozenset(("key", "keys", "code", "codes", "answer", "answers", "phrase"))
_PLAIN_KEY = re.compile(r"[A-Za-z][a-z]*+")
_NAME_LIKE = re.compile(r"[A-Za-z]{1,24}(?:[\-_./][A-Za-z0-9]{1,16})*+[.,;:!?)\]}]*+(?=[\s\"'\\]|\Z)", re.ASCII)
_SENTENCE = re.compile(r"(?:must|should|can ?not|not found|denied (?:for|to|by))\b", re.ASCII)
_IN_ARN = re.compile(r"\barn:[\w:/.\-]{1,240}:$", re.ASCII)
_OF_PASSWORDS = re.compile(r"pass|pwd")
_OWNER = re.compile(r"[\"\\]user[_-]?id[\"\\]")
_WORDS_OF_PROSE = frozenset(("from", "to", "content", "default", "before", "after"))
_ACTION = re.compile(
    r"(?:rotat|reset|creat|delet|remov|updat|chang|renew|revok|expir|list|get|view|approv|reject|request|generat|regenerat|add|disabl|enabl|activat"
    r"|restor|mov|schedul|cancel|import|export|review|audit|check|miss|invalid|unknown|unsupported|manag|issu|retir|copy|sync|test|fix)(?:e|ed|es|s|ing|ion)?$",
    re.IGNORECASE,
)


def keyed_spans(text: str, lower: str, classify: Classify, check: Callable[[], None]) -> list[Span]:
    """Where the values of secret keys stand; ``lower`` is the text in lower case. ``check`` is called at each key, and may raise."""

    def checked(key: str) -> Key:
        check()
        return classify(key)

    return _all_spans(text, lower, checked)


def _all_spans(text: str, lower: str, classify: Classify) -> list[Span]:
    found = list(_pairs(text, lower, classify))
    if "-" in text:
        found += _after(text, _OPTION, classify)
    if "[" in text:
        found += [value for value in _after(text, _IN_LIST, classify) if not _LONGER_LIST.match(text, value[1])]
    if "<" in text or "\u2039" in text:
        found += _elements(text, classify)
    if any(word in lower for word in _SAID_WORDS):
        found += _of_sql(text)
    return found


def _pairs(text: str, lower: str, classify: Classify) -> Iterator[Span]:
    """Of ``key: value`` in all its forms; of ``{"key": "authorization", "value": "…"}``, whichever comes first, too."""
    more, ends = _more_keys(lower), Ends(text)
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
            value = _value_of(text, found, ends)
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
    value = value_at(between, 0, "")
    if "}" not in between[value[1] :] and is_said(between, value):
        yield at + value[0], at + value[1]


def _value_of(text: str, found: re.Match[str], ends: Ends) -> Span | None:
    """The value behind a secret key; None where there is none, or it is no secret."""
    key, sep, at = found["key"], found["sep"], found.end("after")
    quoted_key = text[found.end("key") : found.end("key") + 1] in ("\"", "\\", "'")
    if quoted_key and _JSON_SCALAR.match(text, at):
        return None
    if sep == ":" and not quoted_key:
        if lines := block(text, found, ends):
            return lines if lines[0] < lines[1] else None
        if _is_prose(text, found) or _SENTENCE.match(text, at) or _IN_ARN.search(text, max(0, found.start() - 256), found.start()):
            return None
    if key[-1:] in "sS" and _DIGITS.fullmatch(text, at, min(len(text), at + 16)):
        return None
    value = value_at(text, at, key.lower())
    return value if is_said(text, value) else None


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


def _after(text: str, pattern: re.Pattern[str], classify: Classify) -> Iterator[Span]:
    """Of ``--password X``, and of ``["password", "X"]``."""
    at = 0
    while found := pattern.search(text, at):
        at = found.end()
        if classify(found["key"]).secret:
            value = value_at(text, at, "")
            at = max(at, value[1])
            if is_said(text, value):
                yield value


def _elements(text: str, classify: Classify) -> Iterator[Span]:
    """Of ``<password>X</password>``, ``<key>password</key><string>X</string>`` and ``<entry key="password">X</entry>``."""
    for pattern in (_ELEMENT, _NAMED_ELEMENT, _TAG):
        at = 0
        while found := pattern.search(text, at):
            at = found.end()
            if _is_secret_element(found, classify):
                inner = _INNER.match(text, at)
                at = inner.end() if inner else at
                cdata = _CDATA.match(text, at)
                end = _ELEMENT_END.search(text, at)
                value = cdata.span(1) if cdata else (at, end.start() if end else len(text))
                at = value[1]
                if is_said(text, value):
                    yield value


def _is_secret_element(found: re.Match[str], classify: Classify) -> bool:
    if found.re is _TAG:
        return any(names_secret(naming["key"]) for naming in _NAMING.finditer(found["attributes"]))
    return classify(found["key"]).secret if found.re is _ELEMENT else names_secret(found["key"])


def _of_sql(text: str) -> Iterator[Span]:
    """Of ``IDENTIFIED BY "X"``, ``PASSWORD 'X'``, and of sentences that say what a password is."""
    at = 0
    while found := _SQL.search(text, at):
        value = value_at(text, found.end(), "")
        at = max(found.end(), value[1])
        if is_said(text, value):
            yield value
    for found in _SAID.finditer(text):
        yield found.span("s")
