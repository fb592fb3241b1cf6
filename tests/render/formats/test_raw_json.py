"""JSON: the event as received, on one line; nothing is lost, reordered or rounded."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.render.formats.base import Enrichment
from epimetheus.render.redact.keys import is_secret_key
from epimetheus.render.redact.redactor import Redactor
from tests.render.helpers import TEXTS, body, event, parts, render


def original(text):
    """The text of the event in a message, without what Epimetheus adds at its end."""
    before, added = text.rsplit(',"epimetheus":', 1)
    assert json.loads(added[:-1])["severity"] >= 0
    return before + "}"


def exact(text):
    """JSON parsed without losing digits, order or duplicate keys."""
    return json.loads(text, parse_float=Decimal, object_pairs_hook=list)


def harmless(text):
    return Redactor().text(text) == text


KEYS = st.text(max_size=12).filter(lambda key: harmless(key) and not is_secret_key(key) and key.lower() not in ("key", "name"))
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS.filter(harmless),
    lambda x: st.lists(x, max_size=4) | st.dictionaries(KEYS, x, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(KEYS, TREES, max_size=4), st.dictionaries(KEYS, TREES, max_size=4), st.booleans())
def test_any_event_is_unchanged(unknown, data, ascii_only):
    raw = {**unknown, "eventType": "com.oraclecloud.x.GetX", "data": {**data, "eventName": "GetX"}, "z": 1}
    text = body(json.dumps(raw, ensure_ascii=ascii_only), format="json")
    assert exact(original(text)) == exact(json.dumps(raw))
    assert text.splitlines() == [text]


@pytest.mark.parametrize(
    "number",
    ["0", "1" * 50, "18446744073709551616", "-9223372036854775809", "0.1", "1.10", "1e400", "-1.5E-400", "3.141592653589793238"],
)
def test_numbers_keep_every_digit(number):
    text = body(f'{{"eventType":"x","data":{{"eventName":"GetX","n":{number}}}}}', format="json")
    assert Decimal(original(text)[text.index('"n":') + 4 : -2]) == Decimal(number)


def test_a_number_outside_every_range_becomes_a_string():
    text = body('{"eventType":"x","data":{"eventName":"GetX","n":1.5e99999999999999999999}}', format="json")
    assert original(text) == '{"eventType":"x","data":{"eventName":"GetX","n":"1.5e99999999999999999999"}}'


def test_output_is_compact_and_keeps_letters():
    text = body('{ "eventType" : "é漢😀",\n "data" : { "b" : [ 1 , "\\u00fc\\u2028\\u0085\\n" ], "a" : { } } }', format="json")
    assert original(text) == '{"eventType":"é漢😀","data":{"b":[1,"ü\\u2028\\u0085\\n"],"a":{}}}'


@pytest.mark.parametrize(("character", "written"), [("\x7f", "\\u007f"), ("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029")])
def test_a_single_line_end_or_invisible_character_is_escaped(character, written):
    text = body(f'{{"eventType":"x","data":{{"a":"b{character}c"}}}}', format="json")
    assert original(text) == f'{{"eventType":"x","data":{{"a":"b{written}c"}}}}'


def test_the_logging_envelope_is_unchanged():
    raw = '{"type":"a.b.GetX","id":"e","time":"2026-01-01T00:00:00.000Z","oracle":{"loggroupid":"_Audit"},"data":{"eventName":"GetX"}}'
    message = render(raw, format="json").message
    assert parts(message)["msg"] == raw[:-1] + ',"epimetheus":{"severity":2}}'
    assert parts(message)["time"] == "2026-01-01T00:00:00.000Z"


@pytest.mark.parametrize("depth", [61, 62, 63, 64, 100, 500, 900, 950, 990])
@pytest.mark.parametrize(("opened", "closed"), [("[", "]"), ('{"a":', "}")])
def test_a_deeply_nested_event_keeps_its_content(depth, opened, closed):
    raw = json.dumps(event(additionalDetails="DEEP")).replace('"DEEP"', opened * depth + '"pearl"' + closed * depth)
    text = body(raw, format="json")
    assert text.count(closed) >= depth
    assert "pearl" in text
    if depth <= 100:
        assert ('"pearl"' in text) == (depth <= 62)
    assert len(render(raw, format="json", max_bytes=480).message) <= 480


MANY_KEYS = {f"k{number}": "v" * 50 for number in range(3000)}


@pytest.mark.parametrize(("max_bytes", "header"), [(480, "rfc5424"), (480, "rfc3164"), (8192, "rfc5424")])
@pytest.mark.parametrize("form", ["json", "ocsf"])
def test_a_message_that_is_cut_keeps_its_severity_and_its_outcome(form, max_bytes, header):
    raw = {**MANY_KEYS, **event("DeleteBucket", response={"status": "404"})}
    kept = json.loads(body_within(raw, form, max_bytes, header))
    assert "epimetheusCut" in kept
    assert kept["epimetheus"] == {"tamperWatch": True, "severity": 9, "outcome": "failure"}


@pytest.mark.parametrize(("name", "max_bytes", "kept"), [
    ("noor", 8192, "noor"), ("noor", 480, "noor"), ("n" * 200, 8192, "n" * 46 + "…[154 bytes cut]"), ("\x01" * 64, 480, None),
    ("password=hidden", 8192, "password=[redacted]"),
])  # fmt: skip
def test_a_message_that_is_cut_names_the_actor_in_the_details_if_there_is_room(name, max_bytes, kept):
    raw = {**MANY_KEYS, **event("DeleteUser", "com.oraclecloud.identitydomains.DeleteUser", additionalDetails={"actorName": name})}
    assert json.loads(body_within(raw, "json", max_bytes, "rfc5424"))["epimetheus"].get("principalName") == kept


def body_within(raw, form, max_bytes, header):
    message = render(raw, format=form, max_bytes=max_bytes, header=header, enrichment=Enrichment("root/app", watched=True)).message
    assert len(message) <= max_bytes
    return message.decode()[message.decode().index('{"epimetheusCut') :]
