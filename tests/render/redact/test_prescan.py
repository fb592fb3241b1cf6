"""A text without a hint contains no secret: the prescan against an exhaustive search, in texts and in the JSON within them."""

import json
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from epimetheus.render.redact.keys import classify_key, is_secret_key
from epimetheus.render.redact.prescan import (
    HINTS,
    JSON_BROAD_HINTS,
    JSON_HINTS,
    Prescan,
    may_contain_secret,
    may_contain_secrets,
)
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
GENERATED = TEXTS | st.lists(PIECES, max_size=5).map("".join)
VALUES = st.recursive(
    GENERATED | st.none() | st.integers(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(GENERATED, x, max_size=3) | x.map(json.dumps),
    max_leaves=8,
)


def contains_secret(value):
    """Searches exhaustively: under every key, next to every name, in every string, and in JSON within strings."""
    if isinstance(value, dict):
        has_name = any(key.lower() in ("key", "name") and isinstance(item, str) and is_secret_key(item) for key, item in value.items())
        has_value = any(key.lower() in ("value", "values") for key in value)
        has_key = any(is_secret_key(key) or redact_text_fully(key, classify_key) != key for key in value)
        return has_key or (has_name and has_value) or any(map(contains_secret, value.values()))
    if isinstance(value, list):
        return any(map(contains_secret, value))
    return isinstance(value, str) and (redact_text_fully(value, classify_key) != value or contains_secret(decoded(value)))


def decoded(text):
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
def test_a_text_without_a_hint_contains_no_secret_nor_does_any_json_in_it(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    if not may_contain_secret(text):
        assert not contains_secret(value)
        assert not contains_secret(text)


@pytest.mark.parametrize("secret", SECRETS)
def test_every_secret_has_a_hint_alone_and_among_other_texts(secret):
    text, _ = SECRETS[secret]
    assert may_contain_secret(text)
    assert may_contain_secrets(["GetInstance", text, "prod"])
    assert Prescan(HINTS)([b"", b"GetInstance", f"a\0{text}\0b".encode(), b"prod", b"", text.encode()]) == {2, 5}


@pytest.mark.parametrize("key", [*KEYS, *MORE_KEYS])
def test_every_secret_key_has_a_hint(key):
    in_json = (f'{{"{key}":"x"}}', json.dumps([f'{{"{key}":1}}']), f'{{"value":"x","name":"{key}"}}')
    for text in (f"{key}=x", f"{key} : x", f"{key}%3Dx", *in_json):
        assert may_contain_secret(text)


@pytest.mark.parametrize("text", ["", "GetInstance", "root/prod", "a@example.com", "12:30", "Mozilla/5.0 (X11; rv:140.0)", "é漢😀", "a=b"])
def test_ordinary_values_have_no_hint(text):
    assert not may_contain_secret(text)


@pytest.mark.parametrize("text", ["a\0b", "a\ud800b", "\ud800"])
def test_a_text_that_cannot_be_scanned_counts_as_having_a_hint(text):
    assert may_contain_secret(text)


def test_no_hint_spans_two_texts():
    assert may_contain_secret("password: x")
    assert not may_contain_secrets(["password", ": x"])
    assert not may_contain_secrets(["name", "=", "authorization"])
    assert Prescan(HINTS)([b"password", b": x", b"a\0b"]) == set()


def test_a_prescan_finds_additional_patterns():
    prescan = Prescan(HINTS, "[|^]", "(?:^|\\x00) | (?:\\x00|$)")
    texts = [b"a|b", b"a b", b"a\0 b", b"ok", b" a", b"a ", b"b", b"a\0b", b"token: x", b"c\0d "]
    assert prescan(texts) == {0, 2, 4, 5, 8, 9}
    assert [prescan([text]) for text in texts] == [{0}, set(), {0}, set(), {0}, {0}, set(), set(), {0}, {0}]
    assert prescan([]) == set()


BROAD, EXACT = Prescan(*JSON_BROAD_HINTS), Prescan(*JSON_HINTS)
NAMES = st.sampled_from([
    *KEYS, *MORE_KEYS, "auth", "x-auth", "auth value", "sig", "answer", "confirmation", "pw", "otp", "idcs at", "--auth", "-p", "kty", "n",
    "dbPassword", "OTPCode", "author", "\\nauth", "/auth", "a.sig",
])  # fmt: skip
AROUND = st.text(alphabet='"\\[]{},:=-/. \tn1aA\u00e9', max_size=6)


@given(st.lists(AROUND | NAMES | st.sampled_from(("name", "key", "%3D", '":"', '":', '["', '","', "value")), max_size=8).map("".join))
@example('{"name":"authType"}')
@example('["answers","x"]')
@example('{"a":"type: \\nauth"}')
@example('{"a":"name=x auth"}')
def test_the_broad_hints_include_the_hints(text):
    for wrapped in (text, f'{{"{text}":1}}', f'{{"name":"{text}"}}', f'["{text}","x"]'):
        assert EXACT([wrapped.encode()]) <= BROAD([wrapped.encode()])


@pytest.mark.parametrize("secret", SECRETS)
def test_every_secret_has_a_broad_hint(secret):
    text, _ = SECRETS[secret]
    for event in ({"a": text}, {"a": [text, "x"]}, {text: "x"}, {"name": text, "value": "x"}, [json.dumps({"a": text})]):
        raw = json.dumps(event, separators=(",", ":")).encode()
        assert EXACT([raw]) <= BROAD([raw])


MEMORY_OF_SEARCHES = """
import json, os
from epimetheus.render.formats.raw_json import RawJson
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.splice import splice_common_secrets
from epimetheus.testing.oci.samples import Sampler
def memory():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
samples, redactor = Sampler("ocid1.tenancy.oc1..t", "ocid1.compartment.oc1..c", "prod", "random IDs"), Redactor()
scan = RawJson(redactor, list_trimmed=False).needs_full_scan
events = [json.dumps(samples.event(1_767_268_800 + number), separators=(",", ":")) for number in range(1000)]
texts = [splice_common_secrets(event.encode(), b"}")[1] for event in events]
before = memory()
scan(texts)
for text in texts:
    redactor.quick_walk(text)
print((memory() - before) >> 20)
"""


def test_random_ids_do_not_fill_the_memory_of_the_searches():
    done = subprocess.run([sys.executable, "-c", MEMORY_OF_SEARCHES], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 12
