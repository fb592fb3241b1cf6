"""Redaction costs time in proportion to the text, whatever it is: twice the length, about twice the time, and within a bound."""

import re
from collections import deque

import pytest

from epimetheus.render.redact import (
    encodings,
    json_tree,
    key_values,
    keys,
    members,
    prescan,
    shapes,
    splice,
    value_spans,
)
from epimetheus.render.redact import redactor as redactor_module
from epimetheus.render.redact import text as text_module
from epimetheus.render.redact.redactor import Redactor
from tests.render.growth import LARGE, PIECES, alphabet, is_linear, repeated, seconds, texts
from tests.render.helpers import FORMATS, event, fetched
from tests.render.test_render_fast import ENRICHMENT, compact, renderer

MODULES = (encodings, prescan, splice, key_values, value_spans, members, redactor_module, keys, shapes, text_module, json_tree)
# Patterns that are tried at one place of a text, and not searched for: each of them follows a match of another.
AT_A_PLACE = frozenset((
    "_NAMED", "_MEMBER", "_VALUE", "_A_STRING", "_GOES", "_NEXT_KEY", "_NAME_LIKE", "_CDATA", "_STAYS", "_QUOTED", "_NAME",
    "_AFTER_PAIR", "_BLOCK",
    "_NOTHING", "_SENTENCE", "_INNER", "_PLAIN",
    "_BEFORE", "_LABEL", "_JSON_SCALAR", "_BARE", "_LINE", "_DIGITS", "_WORD", "_PLAIN_KEY", "_ACTION", "_FLAG",
))  # fmt: skip
PATTERNS = {
    **{name: value for module in MODULES for name, value in vars(module).items() if isinstance(value, re.Pattern)},
    **{f"shape {number}": shape.pattern for number, shape in enumerate(shapes.SHAPES)},
}
OWN = [text for pattern in PATTERNS.values() for text in alphabet(pattern)]


def searched(pattern):
    return lambda text: deque(pattern.finditer(text), 0)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_linear_in_its_own_alphabet_repeated(name):
    pattern = PATTERNS[name]
    doing = pattern.match if name in AT_A_PLACE else searched(pattern)
    encode = (lambda text: text.encode("utf-8", "surrogatepass")) if isinstance(pattern.pattern, bytes) else str
    for piece in texts(alphabet(pattern) or ["a"], 20) + list(PIECES):
        assert not is_linear(doing, lambda length, piece=piece: encode(repeated(piece, length)), most=0.5), piece


def test_the_prescan_is_linear():
    look, within = prescan.Prescan(prescan.HINTS), prescan.json_hints()
    for piece in texts([*PIECES, *dict.fromkeys(OWN)], 100):
        assert not is_linear(lambda text: look([text]), lambda length, piece=piece: repeated(piece, length).encode(), most=0.5), piece
        assert not is_linear(within.search, lambda length, piece=piece: repeated(piece, length).encode(), most=0.5), piece


@pytest.mark.parametrize("part", range(6))
def test_masking_a_text_is_linear(part):
    redactor = Redactor()
    for piece in texts([*PIECES, *dict.fromkeys(OWN)], 100, seed=7)[part::6]:
        assert not is_linear(redactor.text, lambda length, piece=piece: repeated(piece, length)), piece


PREFIXES = ("<a ", '"', "a\n", "password: ", "mysql ", "Signature a=")
"""What stands once, and what follows is repeated behind it."""
BEHIND = (
    'id="password" ', "id='", "name=", '  ", password:\n', "password:\n", "  a\n", " -p", "a:", 'key"key":"a"', ',"key":"a"', '"name":"a",',
    "a=b ",
    "<b ", "</", "> ", "password [", "to ", "&a=", "'", '\\"', "\u200b", "\u00ad=",
)  # fmt: skip


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_stands_once_before_a_repeat_makes_nothing_quadratic(prefix):
    redactor = Redactor()
    for piece in BEHIND:
        for doing in (redactor.text, lambda text: redactor.json(details([text]))):
            assert not is_linear(doing, lambda length, piece=piece: prefix + repeated(piece, length)), piece


def literal(text):
    """Text as a JSON string whose escapes do not grow twofold with each level."""
    return f'"{text}"' if not set(text) & set('"\\') else '"' + text.replace("\\", r"\u005c").replace('"', r"\u0022") + '"'


def test_json_in_strings_in_strings_is_read_once_at_each_depth():
    def deep(levels):
        text = '["token=abc1"]'
        for _ in range(levels):
            text = f'[{literal(text)},{{"kty":1}}]'
        return text.encode()

    assert seconds(Redactor().json, deep(30)) < 2.0
    assert len(Redactor().json(deep(30)).text()) < 8 * len(deep(30))
    assert "abc1" not in Redactor().json(deep(30)).text()


def test_a_check_may_stop_the_search_within_a_text_and_within_the_text_of_an_event():
    class Stop(Exception):
        """A clock that says stop."""

    left = [0]

    def check():
        left[0] -= 1
        if left[0] < 0:
            raise Stop

    redactor = Redactor(check=check)
    left[0] = 1000
    redactor.text("password=a1b2")  # the keys are known now
    for doing in (lambda: redactor.text("password=a1b2 " * 30), lambda: redactor.in_place(b"[" + b'{"password":"x"},' * 30 + b"1]")):
        left[0] = 25
        with pytest.raises(Stop):
            doing()


def cut(text, length):
    return [text[at : at + length] for at in range(0, len(text), length)]


def details(value):
    return compact(event(additionalDetails=value)).encode("utf-8", "replace")


WAYS = {
    "json": lambda redactor, text: redactor.json(details([text])),
    "json, cut off": lambda redactor, text: redactor.json(details(text)[:-1]),
    "json, in a string": lambda redactor, text: redactor.json(details(compact({"a": compact([text])}))),
    "json, a key": lambda redactor, text: redactor.json(details({text: text})),
    "json, many strings": lambda redactor, text: redactor.json(details(cut(text, 40))),
    "json, many members": lambda redactor, text: redactor.json(details({f"{part}{at}": 1 for at, part in enumerate(cut(text, 9))})),
    "in place": lambda redactor, text: redactor.in_place(details({"a": text, "password": text})),
    "noted": lambda redactor, text: redactor.noted(text, ("epimetheus", "compartmentPath")),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_every_way_through_the_redactor_is_linear(way):
    redactor = Redactor()
    for piece in texts(PIECES, 40, seed=3)[::9]:
        assert not is_linear(lambda text: WAYS[way](redactor, text), lambda length, piece=piece: repeated(piece, length), most=4), piece


def nest(length, opening, inner, closing):
    times = length // (len(opening) + len(closing))
    return opening * times + inner + closing * times


SHAPES = {
    "lists": lambda length: nest(length, "[", "1", "]"),
    "objects": lambda length: nest(length, '{"a":', '"x"', "}"),
    "objects under a secret key": lambda length: '{"password":' + nest(length, '{"a":', '"x"', "}") + "}",
    "a list of 10^5 members": lambda length: "[" + ",".join(['"password"'] * (length // 11)) + "]",
    "a list of pairs": lambda length: "[" + ",".join(['{"value":"x","key":"password"}'] * (length // 31)) + "]",
    "a list of pairs, cut off": lambda length: "[" + ",".join(['{"value":"x","key":"password"}'] * (length // 31)),
    "values, then a name": lambda length: "{" + '"value":"x",' * (length // 12) + '"name":"password"',
    "a list of the lines of keys": lambda length: "[" + ",".join(['"-----BEGIN PRIVATE KEY-----"'] * (length // 31)) + "]",
    "a list of options": lambda length: "[" + ",".join(['"--password","x"'] * (length // 17)) + "]",
    "secret keys that open lists": lambda length: '{"token":[' * (length // 10),
    "the same key again and again": lambda length: "{" + '"password":"x",' * (length // 15) + '"a":1}',
    "keys that may name secrets": lambda length: "{" + '"name":"x",' * (length // 11) + '"a":1}',
    "key, without userId": lambda length: "[" + ",".join(['{"key":"a"}'] * (length // 12)) + "]",
    "key, beside userId": lambda length: '{"userId":"x"' + ',"key":"x"' * (length // 10) + "}",
    "numbers": lambda length: '{"a":' + "9" * length + "}",
    "exponents": lambda length: "[" + ",".join(["1e9"] * (length // 4)) + "]",
}


def strings_in_strings(length):
    """JSON in strings in strings, as deep as may be, around a text."""
    text = "eyJ" * (length // 3)
    for _ in range(12):
        text = compact([text])
    return text


@pytest.mark.parametrize("shape", [*SHAPES, "strings in strings"])
def test_any_shape_of_json_is_linear(shape):
    make = SHAPES.get(shape, strings_in_strings)
    for doing in (Redactor().text, lambda text: Redactor().json(b'{"eventType":"x","data":{"a":' + text.encode() + b"}}")):
        assert not is_linear(doing, make, most=4)


@pytest.mark.parametrize("form", FORMATS)
def test_a_user_agent_of_64_kilobytes_costs_little(form):
    pieces = ("eyJ", "eyJhbGciOiJ", "-----BEGIN PRIVATE KEY", 'Signature keyId="', "://a:", "password=", "\\", "name:a ", "%70assword=")
    for piece in pieces:
        raw = fetched(compact(event(identity={"userAgent": repeated(piece, LARGE // 2)})))
        render = renderer(form)
        assert seconds(lambda raw, render=render: render(raw, 7, ENRICHMENT), raw) < 2.0, piece
