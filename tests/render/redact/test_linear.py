"""Redaction takes linear time for any text: twice the length costs about twice the time, within a bound."""

import re
from collections import deque

import pytest

from epimetheus.render.redact import (
    encodings,
    json_tree,
    keyed_values,
    keys,
    members,
    patterns,
    prescan,
    quick_walk,
    splice,
    value_spans,
)
from epimetheus.render.redact import redactor as redactor_module
from epimetheus.render.redact import text as text_module
from epimetheus.render.redact.redactor import Redactor
from tests.render.growth import LARGE, PIECES, alphabet, growth_problem, repeated, seconds, texts
from tests.render.helpers import FORMATS, event, fetched
from tests.render.test_render_fast import ENRICHMENT, compact, renderer
from tests.support.budget import budget

MODULES = (
    encodings, prescan, quick_walk, splice, keyed_values, value_spans, members, redactor_module, keys, patterns, text_module, json_tree,
)  # fmt: skip
# Patterns that are matched at one position after another match, and not searched for.
MATCHED_AT_A_POSITION = frozenset((
    "_OPTIONAL_STRING", "_STRING_OR_KEY", "VALUE", "_ONE_STRING", "_COMMON_VALUE", "_NEXT_KEY", "_NAME_LIKE", "_CDATA", "_HARMLESS_VALUE",
    "_QUOTED", "_PAIR_NAME", "_BLOCK", "_EMPTY", "_SENTENCE_START", "_INNER_ELEMENT", "_PLAIN_NAME", "_VALUE_PREFIX", "_LABEL",
    "_JSON_SCALAR", "_BARE_VALUE", "_LINE_VALUE", "_DIGITS", "_WORD", "_PLAIN_KEY", "_ACTION_VERB", "_OPTION_ARGUMENT",
))  # fmt: skip
PATTERNS = {
    **{name: value for module in MODULES for name, value in vars(module).items() if isinstance(value, re.Pattern)},
    **{f"pattern {number}": secret.pattern for number, secret in enumerate(patterns.SECRET_PATTERNS)},
}
LITERALS = [text for pattern in PATTERNS.values() for text in alphabet(pattern)]


def search_all(pattern):
    return lambda text: deque(pattern.finditer(text), 0)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_linear_in_repeats_of_its_own_literals(name):
    pattern = PATTERNS[name]
    action = pattern.match if name in MATCHED_AT_A_POSITION else search_all(pattern)
    encode = (lambda text: text.encode("utf-8", "surrogatepass")) if isinstance(pattern.pattern, bytes) else str
    for piece in texts(alphabet(pattern) or ["a"], budget(quick=4, full=20)) + list(PIECES):
        assert not growth_problem(action, lambda length, piece=piece: encode(repeated(piece, length)), most=0.5), piece


def test_the_prescan_is_linear():
    scan, json_hints = prescan.Prescan(prescan.HINTS), prescan.json_hints()
    for piece in texts([*PIECES, *dict.fromkeys(LITERALS)], 100):
        assert not growth_problem(lambda text: scan([text]), lambda length, piece=piece: repeated(piece, length).encode(), most=0.5), piece
        for hints in json_hints:
            assert not growth_problem(hints.search, lambda length, piece=piece: repeated(piece, length).encode(), most=0.5), piece


@pytest.mark.parametrize("part", range(6))
def test_redacting_a_text_is_linear(part):
    redactor = Redactor()
    for piece in texts([*PIECES, *dict.fromkeys(LITERALS)], 100, seed=7)[part::6]:
        assert not growth_problem(redactor.text, lambda length, piece=piece: repeated(piece, length)), piece


PREFIXES = ("<a ", '"', "a\n", "password: ", "mysql ", "Signature a=")
"""Each occurs once, followed by repeats of one of SUFFIXES."""
SUFFIXES = (
    'id="password" ', "id='", "name=", '  ", password:\n', "password:\n", "  a\n", " -p", "a:", 'key"key":"a"', ',"key":"a"', '"name":"a",',
    "a=b ",
    "<b ", "</", "> ", "password [", "to ", "&a=", "'", '\\"', "\u200b", "\u00ad=",
)  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_single_prefix_does_not_make_repeats_quadratic(prefix):
    redactor = Redactor()
    for piece in SUFFIXES:
        for action in (redactor.text, lambda text: redactor.json(details([text]))):
            assert not growth_problem(action, lambda length, piece=piece: prefix + repeated(piece, length)), piece


def literal(text):
    """Encodes text as a JSON string whose escapes do not double with each level."""
    return f'"{text}"' if not set(text) & set('"\\') else '"' + text.replace("\\", r"\u005c").replace('"', r"\u0022") + '"'


def test_nested_json_strings_are_read_once_per_level():
    def deep(levels):
        text = '["token=abc1"]'
        for _ in range(levels):
            text = f'[{literal(text)},{{"kty":1}}]'
        return text.encode()

    assert seconds(Redactor().json, deep(30)) < 2.0
    assert len(Redactor().json(deep(30)).text()) < 8 * len(deep(30))
    assert "abc1" not in Redactor().json(deep(30)).text()


def test_a_check_can_stop_the_scan_of_a_text_and_the_quick_walk_of_an_event():
    class Stop(Exception):
        """Raised when the budget is used up."""

    left = [0]

    def check():
        left[0] -= 1
        if left[0] < 0:
            raise Stop

    redactor = Redactor(check=check)
    left[0] = 1000
    redactor.text("password=a1b2")  # fills the cache of keys
    for action in (lambda: redactor.text("password=a1b2 " * 30), lambda: redactor.quick_walk(b"[" + b'{"password":"x"},' * 30 + b"1]")):
        left[0] = 25
        with pytest.raises(Stop):
            action()


def chunks(text, length):
    return [text[at : at + length] for at in range(0, len(text), length)]


def details(value):
    return compact(event(additionalDetails=value)).encode("utf-8", "replace")


ENTRY_POINTS = {
    "json": lambda redactor, text: redactor.json(details([text])),
    "json, truncated": lambda redactor, text: redactor.json(details(text)[:-1]),
    "json, in a string": lambda redactor, text: redactor.json(details(compact({"a": compact([text])}))),
    "json, a key": lambda redactor, text: redactor.json(details({text: text})),
    "json, many strings": lambda redactor, text: redactor.json(details(chunks(text, 40))),
    "json, many members": lambda redactor, text: redactor.json(
        details({f"{part}{at}": 1 for at, part in enumerate(chunks(text, 9))})
    ),
    "quick walk": lambda redactor, text: redactor.quick_walk(details({"a": text, "password": text})),
    "text at a path": lambda redactor, text: redactor.text_at(text, ("epimetheus", "compartmentPath")),
}  # fmt: skip


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_every_entry_point_of_the_redactor_is_linear(entry_point):
    redactor, action = Redactor(), ENTRY_POINTS[entry_point]
    for piece in texts(PIECES, 40, seed=3)[::9]:
        assert not growth_problem(lambda text: action(redactor, text), lambda length, piece=piece: repeated(piece, length), most=4), piece


def nest(length, opening, inner, closing):
    depth = length // (len(opening) + len(closing))
    return opening * depth + inner + closing * depth


SHAPES = {
    "lists": lambda length: nest(length, "[", "1", "]"),
    "objects": lambda length: nest(length, '{"a":', '"x"', "}"),
    "objects under a secret key": lambda length: '{"password":' + nest(length, '{"a":', '"x"', "}") + "}",
    "a list of 10^5 members": lambda length: "[" + ",".join(['"password"'] * (length // 11)) + "]",
    "a list of pairs": lambda length: "[" + ",".join(['{"value":"x","key":"password"}'] * (length // 31)) + "]",
    "a list of pairs, truncated": lambda length: "[" + ",".join(['{"value":"x","key":"password"}'] * (length // 31)),
    "values before a name": lambda length: "{" + '"value":"x",' * (length // 12) + '"name":"password"',
    "a list of private key lines": lambda length: "[" + ",".join(['"-----BEGIN PRIVATE KEY-----"'] * (length // 31)) + "]",
    "a list of options": lambda length: "[" + ",".join(['"--password","x"'] * (length // 17)) + "]",
    "secret keys that open lists": lambda length: '{"token":[' * (length // 10),
    "one key repeated": lambda length: "{" + '"password":"x",' * (length // 15) + '"a":1}',
    "keys that may name secrets": lambda length: "{" + '"name":"x",' * (length // 11) + '"a":1}',
    "key without userId": lambda length: "[" + ",".join(['{"key":"a"}'] * (length // 12)) + "]",
    "key next to userId": lambda length: '{"userId":"x"' + ',"key":"x"' * (length // 10) + "}",
    "numbers": lambda length: '{"a":' + "9" * length + "}",
    "exponents": lambda length: "[" + ",".join(["1e9"] * (length // 4)) + "]",
}


def strings_in_strings(length):
    """Nests a text in twelve levels of JSON strings."""
    text = "eyJ" * (length // 3)
    for _ in range(12):
        text = compact([text])
    return text


@pytest.mark.parametrize("shape", [*SHAPES, "strings in strings"])
def test_any_shape_of_json_is_linear(shape):
    make = SHAPES.get(shape, strings_in_strings)
    for action in (Redactor().text, lambda text: Redactor().json(b'{"eventType":"x","data":{"a":' + text.encode() + b"}}")):
        assert not growth_problem(action, make, most=4)


@pytest.mark.parametrize("form", FORMATS)
def test_a_user_agent_of_64_kilobytes_takes_less_than_two_seconds(form):
    pieces = ("eyJ", "eyJhbGciOiJ", "-----BEGIN PRIVATE KEY", 'Signature keyId="', "://a:", "password=", "\\", "name:a ", "%70assword=")
    for piece in pieces:
        raw = fetched(compact(event(identity={"userAgent": repeated(piece, LARGE // 2)})))
        render = renderer(form)
        assert seconds(lambda raw, render=render: render(raw, 7, ENRICHMENT), raw) < 2.0, piece
