"""Finds the values of secret keys in text: JSON (possibly escaped or truncated), YAML, XML, headers, queries, SQL, commands, prose.

Each pattern reads the text once from left to right: it starts at a word, and a value that was found is not scanned again.
"""

import re
from collections.abc import Callable, Iterator

from epimetheus.render.redact.keys import JWK_PRIVATE_MEMBERS, KeyKind, names_secret
from epimetheus.render.redact.value_spans import Span, StringEnds, is_secret_value, value_span, yaml_block_span

KeyClassifier = Callable[[str], KeyKind]

# A key, its closing quotes (possibly escaped) and brackets, and the separator before its value.
_KEY_AND_SEPARATOR = re.compile(
    r"(?<![\w\-])(?P<key>[\w\-]++)(?:\[\d{0,9}\])?[)\]\"'`\\]*+(?P<space>\s*+)(?P<sep>:=|=>|->|==?+|[:\uff1a\uff1d])(?P<after>\s*+)"
)
_OPTION = re.compile(r"(?<![\w\-])--?+(?P<key>[^\W\d_][\w\-]*+)(?P<after>\s++|\\*+[\"']\s*+,\s*+)(?![\-\s])")
_LIST_PAIR = re.compile(r"\[\s*+\\*+[\"'](?P<key>[\w\-.]++)\\*+[\"']\s*+,\s*+(?=\\*+[\"'])", re.ASCII)
_MORE_ITEMS = re.compile(r"(?<!\\)\\*+[\"']\s*+,")
# An element that is the value of its parent. Other elements are not values.
_VALUE_ELEMENT = r"(?i:(?:[\w.\-]++:)?(?:value|string|text|data|content)[\s>])"
_INNER_ELEMENT = re.compile(rf"\s*+<(?={_VALUE_ELEMENT})[^<>]*+>")
_ELEMENT = re.compile(
    rf"[<\u2039](?:[\w.\-]++:)?(?P<key>[\w.\-]++)(?:\s[^<>\u2039\u203a]*+)?[>\u203a](?!\s*+<(?!!\[CDATA|{_VALUE_ELEMENT}))"
)
_NAMED_ELEMENT = re.compile(
    r"<(?:key|name|string|\w{1,16}name)>\s*+(?P<key>[\w.\-/]++)\s*+</\w{1,24}+>\s*+<(?:[\w.\-]++)[^<>]*+>", re.IGNORECASE | re.ASCII
)
_SQL = re.compile(
    r"\bidentified\s{1,8}+(?:with\s{1,8}+\S{1,64}+\s{1,8}+)?(?:by|as)\s{1,8}+(?:values\s{1,8}+|password\s{1,8}+)?"
    r"|\breplace\s{1,8}+(?=\")"
    r"|(?<![\w\-])[\w\-]{0,32}?(?:pass(?:w(?:or)?d|phrase|code)|pwd)(?:\s{0,8}\(\s{0,8}(?=[\"'])|\s{1,8}(?=\\{0,8}[\"']))",
    re.IGNORECASE | re.ASCII,
)
_PROSE_WORDS = ("identified", "pass", "pwd", "pin", "otp", " is", " was")
_PROSE = re.compile(
    r"(?<![\w\-])[\w\-]{0,32}?(?:(?:pass(?:w(?:or)?d|phrase|code)|pwd|pin|otp)"
    r"(?:\s{1,8}+(?:is|was|(?:set|changed|reset)\s{1,8}to|to|(?:for|of)\s{1,8}+[^\s:]{1,64}+:)|(?=\s{1,8}[^\s]{6}))"
    r"|(?:token|secret|key)\s{1,8}+(?:is|was)):?\s{1,8}+(?!n?(?:var)?char2?\()"
    r"(?P<s>(?=[^\s]{0,64}[\d!@#$%^&*+=~])(?![A-Za-z]{0,24}(?:[\-_./]\w{1,16})*+(?:[\s.,;)\"']|\Z))[^\s,;]{4,}+)",
    re.IGNORECASE | re.ASCII,
)
_TAG_WITH_ATTRIBUTES = re.compile(rf"<[\w:.\-]++\s(?P<attributes>[^<>]*+)(?<!/)>(?!\s*+<(?!!\[CDATA|{_VALUE_ELEMENT}))", re.ASCII)
_NAME_ATTRIBUTE = re.compile(r"(?:key|name|id|property)\s{0,8}=\s{0,8}[\"'](?P<key>[^\"'<>]{1,128})[\"']", re.ASCII)
_ELEMENT_END = re.compile(r"</|\Z")
_CDATA = re.compile(r"\s*+<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL)

_JSON_SCALAR = re.compile(r"(?:-?\d[\d.eE+\-]*+|null|true|false)(?=[\s,}\])]|\Z)")
_PAIR_NAME = re.compile(r"\\*+[\"']?([^\"'\\\s<>,;&=]{1,64})")
_DIGITS = re.compile(r"\d{1,15}\b")

# Prose: a plain word, a plain key, a colon and a name: "rotate token: payments-api".
_WORD_BEFORE = re.compile(r"(?<![\w\-.=:/])[\w\-/]{1,32} $")
_SECOND_WORDS = frozenset(("key", "keys", "code", "codes", "answer", "answers", "phrase"))
_PLAIN_KEY = re.compile(r"[A-Za-z][a-z]*+")
_NAME_LIKE = re.compile(r"[A-Za-z]{1,24}(?:[\-_./][A-Za-z0-9]{1,16})*+[.,;:!?)\]}]*+(?=[\s\"'\\]|\Z)", re.ASCII)
_SENTENCE_START = re.compile(r"(?:must|should|can ?not|not found|denied (?:for|to|by))\b", re.ASCII)
_IN_ARN = re.compile(r"\barn:[\w:/.\-]{1,240}:$", re.ASCII)
_PASSWORD_KEY = re.compile(r"pass|pwd")
_USER_ID = re.compile(r"[\"\\]user[_-]?id[\"\\]")
_PROSE_VALUE_KEYS = frozenset(("from", "to", "content", "default", "before", "after"))
_ACTION_VERB = re.compile(
    r"(?:rotat|reset|creat|delet|remov|updat|chang|renew|revok|expir|list|get|view|approv|reject|request|generat|regenerat|add|disabl|enabl|activat"
    r"|restor|mov|schedul|cancel|import|export|review|audit|check|miss|invalid|unknown|unsupported|manag|issu|retir|copy|sync|test|fix)(?:e|ed|es|s|ing|ion)?$",
    re.IGNORECASE,
)


def keyed_spans(text: str, lower: str, classify: KeyClassifier, check: Callable[[], None]) -> list[Span]:
    """Finds the spans of secret keys' values; ``lower`` is the lowercase text. ``check`` is called at each key, and may raise."""

    def checked(key: str) -> KeyKind:
        check()
        return classify(key)

    return _keyed_spans(text, lower, checked)


def _keyed_spans(text: str, lower: str, classify: KeyClassifier) -> list[Span]:
    spans = list(_pair_spans(text, lower, classify))
    if "-" in text:
        spans += _following_values(text, _OPTION, classify)
    if "[" in text:
        spans += [value for value in _following_values(text, _LIST_PAIR, classify) if not _has_more_items(text, value)]
    if "<" in text or "\u2039" in text:
        spans += _element_spans(text, classify)
    if any(word in lower for word in _PROSE_WORDS):
        spans += _sql_and_prose_spans(text)
    return spans


def _has_more_items(text: str, value: Span) -> bool:
    """Whether the list goes on after a plain value. With a quote in the value, its end is not certain: the text may be truncated."""
    return _MORE_ITEMS.match(text, value[1]) is not None and text.find('"', *value) < 0


def _pair_spans(text: str, lower: str, classify: KeyClassifier) -> Iterator[Span]:
    """Yields the values of ``key: value`` in all its forms, and of ``{"key": "authorization", "value": "…"}`` in either order."""
    context_keys, ends = _context_keys(lower), StringEnds(text)
    at, has_secret_name, value_start = 0, False, None
    while match := _KEY_AND_SEPARATOR.search(text, at):
        key, at = match["key"], match.end("after")
        kind = _kind_of(text, match, classify)
        if kind.is_name and not kind.is_secret:
            name = _PAIR_NAME.match(text, at)
            has_secret_name = name is not None and names_secret(name[1])
            if has_secret_name and value_start is not None:
                yield from _value_before_name(text, value_start, match.start())
                value_start = None
        is_value = kind.is_value and (key.lower() not in _PROSE_VALUE_KEYS or text[match.end("key")] in "\"'\\")
        is_quoted = text[match.start() - 1 : match.start()] in "\"'"
        if kind.is_secret or (has_secret_name and is_value) or (context_keys and key in context_keys and is_quoted):
            value = _value_after(text, match, ends)
            if value is not None:
                yield value
                at = max(at, value[1])
        elif is_value:
            value_start = at


def _kind_of(text: str, match: re.Match[str], classify: KeyClassifier) -> KeyKind:
    """Classifies a key, together with the word before it if that makes it secret: ``secret key = …``."""
    key, start = match["key"], match.start()
    before = _WORD_BEFORE.search(text, max(0, start - 34), start) if key.lower() in _SECOND_WORDS else None
    with_word = classify(f"{before[0]}{key}") if before else None
    return with_word if with_word and with_word.is_secret else classify(key)


def _context_keys(lower: str) -> frozenset[str]:
    """Returns the keys that are secret next to others: ``key`` of a customer secret key, the private members of a JWK."""
    keys = frozenset(("key",)) if "customersecretkey" in lower or _USER_ID.search(lower) else frozenset()
    return keys | JWK_PRIVATE_MEMBERS if "kty" in lower else keys


def _value_before_name(text: str, at: int, name: int) -> Iterator[Span]:
    """Yields the value at ``at`` if its name, at ``name``, follows in the same object."""
    between = text[at:name]
    value = value_span(between, 0, "")
    if "}" not in between[value[1] :] and is_secret_value(between, value):
        yield at + value[0], at + value[1]


def _value_after(text: str, match: re.Match[str], ends: StringEnds) -> Span | None:
    """Returns the span of a secret key's value; None if it has none, or the value is harmless."""
    key, sep, at = match["key"], match["sep"], match.end("after")
    quoted_key = text[match.end("key") : match.end("key") + 1] in ("\"", "\\", "'")
    if quoted_key and _JSON_SCALAR.match(text, at):
        return None
    if sep == ":" and not quoted_key:
        if lines := yaml_block_span(text, match, ends):
            return lines if lines[0] < lines[1] else None
        if _is_prose(text, match) or _SENTENCE_START.match(text, at) or _IN_ARN.search(text, max(0, match.start() - 256), match.start()):
            return None
    if key[-1:] in "sS" and _DIGITS.fullmatch(text, at, min(len(text), at + 16)):
        return None
    value = value_span(text, at, key.lower())
    return value if is_secret_value(text, value) else None


def _is_prose(text: str, match: re.Match[str]) -> bool:
    """Whether a key with a colon is a word in a sentence or title, followed by a name."""
    start = match.start()
    word = _WORD_BEFORE.search(text, max(0, start - 34), start)
    if word is None or match["space"] or match["after"] not in (" ", "") or not _PLAIN_KEY.fullmatch(match["key"]):
        return False
    name = _NAME_LIKE.match(text, match.end("after"))
    if name is None or not match["after"]:
        return False
    return not _PASSWORD_KEY.search(match["key"].lower()) or _is_title(word[0].strip())


def _is_title(word: str) -> bool:
    return _ACTION_VERB.match(word) is not None


def _following_values(text: str, pattern: re.Pattern[str], classify: KeyClassifier) -> Iterator[Span]:
    """Yields the values of ``--password X`` or of ``["password", "X"]``.

    A value that contains a quote may have ended there, in a truncated text: the search goes on after that quote.
    """
    at = 0
    while match := pattern.search(text, at):
        at = match.end()
        if classify(match["key"]).is_secret:
            value = value_span(text, at, "")
            quote = text.find('"', *value)
            at = max(at, value[1] if quote < 0 else quote)
            if is_secret_value(text, value):
                yield value


def _element_spans(text: str, classify: KeyClassifier) -> Iterator[Span]:
    """Yields X of ``<password>X</password>``, ``<key>password</key><string>X</string>`` and ``<entry key="password">X</entry>``."""
    for pattern in (_ELEMENT, _NAMED_ELEMENT, _TAG_WITH_ATTRIBUTES):
        at = 0
        while match := pattern.search(text, at):
            at = match.end()
            if _is_secret_element(match, classify):
                inner = _INNER_ELEMENT.match(text, at)
                at = inner.end() if inner else at
                cdata = _CDATA.match(text, at)
                end = _ELEMENT_END.search(text, at)
                value = cdata.span(1) if cdata else (at, end.start() if end else len(text))
                at = value[1]
                if is_secret_value(text, value):
                    yield value


def _is_secret_element(match: re.Match[str], classify: KeyClassifier) -> bool:
    if match.re is _TAG_WITH_ATTRIBUTES:
        return any(names_secret(attribute["key"]) for attribute in _NAME_ATTRIBUTE.finditer(match["attributes"]))
    return classify(match["key"]).is_secret if match.re is _ELEMENT else names_secret(match["key"])


def _sql_and_prose_spans(text: str) -> Iterator[Span]:
    """Yields X of ``IDENTIFIED BY "X"`` and ``PASSWORD 'X'``, and passwords in sentences: ``the password is X``."""
    at = 0
    while match := _SQL.search(text, at):
        value = value_span(text, match.end(), "")
        at = max(match.end(), value[1])
        if is_secret_value(text, value):
            yield value
    for match in _PROSE.finditer(text):
        yield match.span("s")
