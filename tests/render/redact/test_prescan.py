"""A look that sees no hint may be believed: held against a search of everything, in texts and in JSON within them."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from epimetheus.render.redact.keys import classify, is_secret_key
from epimetheus.render.redact.prescan import HINTS, Prescan, may_hold_secrets, suspicious
from epimetheus.render.redact.text import redact_text_fully
from tests.render.helpers import TEXTS
from tests.render.redact.secret_cases import HARMLESS_TEXTS
from tests.render.redact.secret_cases import KEYS as MORE_KEYS
from tests.render.redact.secret_cases import TEXTS as MORE
from tests.render.redact.test_redaction import HARMLESS, KEYS, SECRETS

PIECES = st.sampled_from([
    *[text for text, _ in (*SECRETS.values(), *MORE.values())], *HARMLESS, *HARMLESS_TEXTS, *KEYS,
    *MORE_KEYS, "key", "name", "value", "values", "auth", "x-auth", "=", ":", "%3D", " ",
    "\t", "\n", '"', "\\", "{", "[", ")", "é", "\u2028", "\u00a0", "12:30", "@", "://", "to\u212aen", "author\u0130zation", "pass", "word",
])  # fmt: skip
MADE = TEXTS | st.lists(PIECES, max_size=5).map("".join)
VALUES = st.recursive(
    MADE | st.none() | st.integers(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(MADE, x, max_size=3) | x.map(json.dumps),
    max_leaves=8,
)


def holds_a_secret(value):
    """By looking everywhere: under every key, behind every name, in every string, and in the JSON in it."""
    if isinstance(value, dict):
        named = any(key.lower() in ("key", "name") and isinstance(item, str) and is_secret_key(item) for key, item in value.items())
        there = any(key.lower() in ("value", "values") for key in value)
        keyed = any(is_secret_key(key) or redact_text_fully(key, classify) != key for key in value)
        return keyed or (named and there) or any(map(holds_a_secret, value.values()))
    if isinstance(value, list):
        return any(map(holds_a_secret, value))
    return isinstance(value, str) and (redact_text_fully(value, classify) != value or holds_a_secret(read(value)))


def read(text):
    try:
        return json.loads(text, strict=False) if text.lstrip()[:1] in ("{", "[", '"') else None
    except (ValueError, RecursionError):
        return None


@given(VALUES, st.booleans())
@example({"p\nass\nword": "x"}, False)
@example({'pass"word': "x"}, False)
@example([json.dumps({"pass\nword": "x"})], False)
@example({"value": "x", "name": "authorization"}, False)
@example({"value": "x", "Name": "x-auth"}, False)
@example({"k": "Bearer\nhidden"}, False)
@example([json.dumps(["Basic\taGlkZGVuOmhpZGRlbg=="])], False)
@example({"author\u0130zation": "x"}, False)
def test_a_text_without_a_hint_holds_no_secret_nor_does_any_json_in_it(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    if not suspicious(text):
        assert not holds_a_secret(value)
        assert not holds_a_secret(text)


@pytest.mark.parametrize("secret", SECRETS)
def test_every_secret_is_hinted_at_alone_and_among_others(secret):
    text, _ = SECRETS[secret]
    assert suspicious(text)
    assert may_hold_secrets(["GetInstance", text, "prod"])
    assert Prescan(HINTS)([b"", b"GetInstance", f"a\0{text}\0b".encode(), b"prod", b"", text.encode()]) == {2, 5}


@pytest.mark.parametrize("key", [*KEYS, *MORE_KEYS])
def test_every_secret_key_is_hinted_at(key):
    in_json = (f'{{"{key}":"x"}}', json.dumps([f'{{"{key}":1}}']), f'{{"value":"x","name":"{key}"}}')
    for text in (f"{key}=x", f"{key} : x", f"{key}%3Dx", *in_json):
        assert suspicious(text)


@pytest.mark.parametrize("text", ["", "GetInstance", "root/prod", "a@example.com", "12:30", "Mozilla/5.0 (X11; rv:140.0)", "é漢😀", "a=b"])
def test_what_is_like_most_values_is_not(text):
    assert not suspicious(text)


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "\ud800"])
def test_what_can_not_be_looked_at_is_in_doubt(text):
    assert suspicious(text)


def test_nothing_is_sought_across_two_texts():
    assert suspicious("password: x")
    assert not may_hold_secrets(["password", ": x"])
    assert not may_hold_secrets(["name", "=", "authorization"])
    assert Prescan(HINTS)([b"password", b": x", b"a\0b"]) == set()


def test_a_look_finds_what_more_it_is_told_to():
    look = Prescan(HINTS, "[|^]", "(?:^|\\x00) | (?:\\x00|$)")
    texts = [b"a|b", b"a b", b"a\0 b", b"ok", b" a", b"a ", b"b", b"a\0b", b"token: x", b"c\0d "]
    assert look(texts) == {0, 2, 4, 5, 8, 9}
    assert [look([text]) for text in texts] == [{0}, set(), {0}, set(), {0}, {0}, set(), set(), {0}, {0}]
    assert look([]) == set()
