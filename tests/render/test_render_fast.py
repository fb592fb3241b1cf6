"""The fast path: byte for byte the output of the full path, never a secret, and taken by ordinary events."""

import copy
import json
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.event_time import parse_event_time
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.redact.keys import classify_key
from epimetheus.render.redact.prescan import may_contain_secret
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.text import redact_text_fully
from epimetheus.render.renderer import Renderer
from epimetheus.testing.oci.samples import Sampler
from tests.fuzz.corpus import SEEDS
from tests.fuzz.mutate import Mutator
from tests.render.helpers import FORMATS, SETTINGS, TEXTS, fetched
from tests.render.redact.secret_cases import HARMLESS_OBJECTS, HARMLESS_TEXTS, OBJECTS
from tests.render.redact.secret_cases import KEYS as SECRET_CASE_KEYS
from tests.render.redact.secret_cases import TEXTS as SECRET_CASE_TEXTS
from tests.render.redact.test_redaction import HARMLESS, KEYS, SECRET_VALUES, SECRETS, compact
from tests.render.test_golden import GOLDEN
from tests.support.budget import budget

SAMPLER = Sampler("ocid1.tenancy.oc1..t", "ocid1.compartment.oc1..c", "prod", "quick")
ORDINARY = [SAMPLER.event(1_767_268_800 + number) for number in range(100)]
GOLDEN_EVENT = json.loads((GOLDEN / "events" / "launch_by_api_key.json").read_bytes())
ENRICHMENT = Enrichment("root/prod/app", "person")


def renderer(form, **settings):
    return Renderer(**{**SETTINGS, "max_bytes": 8000, "format": form, **settings})


def full_renderer(form, **settings):
    """A renderer without the fast path."""
    full = renderer(form, **settings)
    full._redactor._quick_walk = lambda raw, depth=0: None
    full._format.render_fast = lambda context: None
    full._format.redacted = full._redactor.json
    return full


OPTIONS = ({}, {"header": "rfc3164", "max_bytes": 600})
RENDERERS = [(renderer(form, **options), full_renderer(form, **options)) for form in FORMATS for options in OPTIONS]


def assert_both_paths_agree(raw, normalize=lambda message: message):
    event = fetched(raw)
    for fast, full in RENDERERS:
        expected = normalize(full(event, 7, ENRICHMENT))
        assert (normalize(fast(event, 7, ENRICHMENT)), normalize(fast(event, 7, ENRICHMENT))) == (expected, expected)


def without_spaces(message):
    """The message with compact JSON: the fast path keeps spaces between members of a text that is compact only in parts."""
    head, brace, event = message.message.partition(b"{")
    try:
        return head, compact(json.loads(brace + event)), message.trimmed
    except (ValueError, RecursionError):
        return message


WORDS = st.sampled_from([
    *[text for text, _ in (*SECRETS.values(), *SECRET_CASE_TEXTS.values())], *HARMLESS, *HARMLESS_TEXTS, *KEYS,
    *SECRET_CASE_KEYS, "key", "name", "value", "values", "auth", "=", ":", "%3D", " ", "\t", '"',
    "\\", "{", "[", "|", "^", ")", "é", "\u2028", "\x7f", "\x85", "12:30", "@", "://", "%26", "failed", "succeeded",
])  # fmt: skip
ANY_TEXT = TEXTS | st.lists(WORDS, max_size=4).map("".join)
VALUES = st.recursive(
    ANY_TEXT | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(ANY_TEXT, x, max_size=3) | x.map(json.dumps),
    max_leaves=8,
)
TEXT_PATHS = [
    ("eventId",), ("eventType",), ("source",), ("data", "message"), ("data", "resourceName"), ("data", "identity", "principalName"),
    ("data", "identity", "userAgent"), ("data", "identity", "ipAddress"), ("data", "request", "path"), ("data", "request", "id"),
    ("data", "response", "message"),
]  # fmt: skip
FREE_FORM_PATHS = [
    ("data", "additionalDetails"), ("data", "request", "headers", "X-Any"), ("data", "response", "payload"), ("data", "stateChange"),
    ("data", "addedByOracle"),
]  # fmt: skip


def with_value(event, path, value):
    """A copy of the event with ``value`` at ``path``."""
    event = copy.deepcopy(event)
    *parents, last = path
    node = event
    for key in parents:
        if not isinstance(node.get(key), dict):
            node[key] = {}
        node = node[key]
    node[last] = value
    return event


@given(st.sampled_from(ORDINARY), st.sampled_from(TEXT_PATHS), ANY_TEXT, st.sampled_from(FREE_FORM_PATHS), VALUES, st.booleans())
def test_both_paths_render_the_same_bytes(event, path, text, open_path, value, ascii_only):
    raw = with_value(with_value(event, path, text), open_path, value)
    for separators in ((",", ":"), None):
        assert_both_paths_agree(json.dumps(raw, ensure_ascii=ascii_only, separators=separators))


def test_render_many_equals_one_call_per_event():
    texts = ("/a?b=c", "/a?token=hidden", "\ud800", " a", "a ", "a\0b")
    odd = [with_value(ORDINARY[0], ("data", "request", "path"), text) for text in texts]
    events = [fetched(json.dumps(event, separators=(",", ":"))) for event in [*ORDINARY[:20], *odd, *ORDINARY[20:40], odd[1]]]
    for fast, full in RENDERERS:
        items = [(event, number, ENRICHMENT) for number, event in enumerate(events)]
        assert fast.render_many(items) == [full(*item) for item in items]
        assert fast.render_many([]) == []


@pytest.mark.parametrize("path", [
    *TEXT_PATHS, ("data", "eventName"), ("data", "eventGroupingId"), ("data", "compartmentName"), ("data", "identity", "tenantId"),
    ("data", "identity", "authType"), ("data", "request", "action"),
])  # fmt: skip
def test_both_paths_agree_at_every_length_limit(path):
    own_names = Fields(renamed={"suser": "duser", "usrName": "accountName", "reason": "act"})
    for form, fields in product(("cef", "leef"), (NO_FIELDS, own_names)):
        fast, full = (make(form, max_bytes=0, fields=fields) for make in (renderer, full_renderer))
        for limit in (31, 40, 63, 255, 512, 1023, 4000):
            for length in (limit, limit + 1):
                event = fetched(compact(with_value(GOLDEN_EVENT, path, "x" * length)))
                assert fast(event, 7) == full(event, 7)


@pytest.mark.parametrize("path", range(2))
@pytest.mark.parametrize("form", FORMATS)
def test_both_paths_report_redaction(form, path):
    render = (renderer, full_renderer)[path](form)
    secret = with_value(GOLDEN_EVENT, ("data", "message"), "GetX?token=hidden succeeded")
    already_redacted = with_value(ORDINARY[0], ("data", "message"), "[redacted]")
    nothing = {**ORDINARY[0], "data": {**ORDINARY[0]["data"], "identity": None, "request": None}}
    assert [render(fetched(compact(event)), 7).redacted for event in (secret, already_redacted, nothing)] == [True, True, False]
    assert render(fetched(compact(nothing)), 7, Enrichment("root/token=hidden")).redacted


def test_both_paths_agree_on_bad_input():
    mutator = Mutator([*SEEDS["event"], *[path.read_bytes() for path in sorted((GOLDEN / "events").iterdir())]], 1)
    for _ in range(200):
        assert_both_paths_agree(mutator.fresh(), without_spaces)


@pytest.mark.parametrize("text", ["{\"x\":\"\\ud800\"}", "{\"x\":[\"\\ud800\"]}", "{\"x\":\"é\\ud800\",\"password\":\"\\ud800\"}"])
def test_both_paths_agree_on_text_that_is_not_an_event(text):
    assert_both_paths_agree(text)


@pytest.mark.parametrize("value", [" ", "\0", "a\0b", "\t", "\u2028", "\x07", " a ", "a\u00a0", "\ufeff"])
def test_both_paths_agree_on_spaces_and_controls(value):
    for path in TEXT_PATHS:
        assert_both_paths_agree(compact(with_value(GOLDEN_EVENT, path, value)))


@pytest.mark.parametrize("ending", [" ", "\n", "\t "])
def test_both_paths_agree_on_trailing_whitespace(ending):
    assert_both_paths_agree(compact(GOLDEN_EVENT) + ending)


@pytest.mark.parametrize(("form", "name"), [("json", "eventId"), ("ocsf", "metadata.uid")])
def test_both_paths_agree_with_a_field_map(form, name):
    fields = Fields(renamed={name: "id"}, added={"who": "data.identity.principalName", "headers": "data.request.headers"})
    for raw in (GOLDEN_EVENT, ORDINARY[0], with_value(ORDINARY[0], ("data", "identity", "principalName"), "x?token=hidden")):
        event = fetched(compact(raw))
        message = renderer(form, fields=fields)(event, 7)
        assert message == full_renderer(form, fields=fields)(event, 7)
        assert b'"id":"' in message.message
        assert b'"who":"' in message.message


@pytest.mark.parametrize("depth", [58, 59, 60, 61, 62])
def test_both_paths_agree_on_json_nested_to_the_depth_limit(depth):
    deep = "[" * depth + json.dumps(json.dumps([["x"], {"a": ["x"]}])) + "]" * depth
    assert_both_paths_agree(json.dumps(with_value(GOLDEN_EVENT, FREE_FORM_PATHS[0], "DEEP")).replace('"DEEP"', deep))


@pytest.mark.parametrize(("form", "name"), [("cef", b" duser="), ("leef", b"^accountName=")])
def test_the_fast_path_is_taken_with_a_field_map(form, name):
    fast = renderer(form, fields=Fields(renamed={"suser": "duser", "usrName": "accountName"}))
    fast._within_limit = None
    assert name in fast(fetched(compact(GOLDEN_EVENT)), 7, ENRICHMENT).message


def test_both_paths_agree_on_a_label_with_a_percent_sign():
    fields = Fields(labels={"cs1": "100 %s", "cs2": "%"})
    event = fetched(GOLDEN_EVENT)
    message = renderer("cef", fields=fields)(event, 7)
    assert message == full_renderer("cef", fields=fields)(event, 7)
    assert b" cs1Label=100 %s " in message.message


@pytest.mark.parametrize("secret", SECRETS)
def test_no_field_of_an_ordinary_event_leaks_a_secret(secret):
    text, hidden = SECRETS[secret]
    for path in (*TEXT_PATHS, *FREE_FORM_PATHS):
        for value in (text, [text]) if path in FREE_FORM_PATHS else (text,):
            event = fetched(compact(with_value(GOLDEN_EVENT, path, value)))
            for fast, _ in RENDERERS[::2]:
                assert hidden not in fast(event, 7).message.decode()


STEP = budget(quick=128, full=8)


@pytest.mark.parametrize("part", range(8))
def test_both_paths_agree_on_every_secret_and_harmless_case(part):
    texts = [*[text for text, _ in SECRET_CASE_TEXTS.values()], *HARMLESS_TEXTS]
    values = [*[value for value, _ in OBJECTS.values()], *HARMLESS_OBJECTS]
    for text in texts[part::STEP]:
        details = {"a": [text, compact({"b": text})], text: 1}
        for path, value in ((TEXT_PATHS[3], text), (TEXT_PATHS[6], text), (FREE_FORM_PATHS[0], details)):
            assert_both_paths_agree(compact(with_value(GOLDEN_EVENT, path, value)))
    for value in values[part::STEP]:
        for path in (FREE_FORM_PATHS[0], FREE_FORM_PATHS[2]):
            assert_both_paths_agree(compact(with_value(GOLDEN_EVENT, path, [value, compact(value)])))
            assert_both_paths_agree(compact(with_value(GOLDEN_EVENT, path, value)))


@pytest.mark.parametrize("key", KEYS)
def test_no_value_of_a_secret_key_leaks(key):
    fast = renderer("json")
    for path in FREE_FORM_PATHS[:2]:
        for value in SECRET_VALUES:
            for keyed in ({"a": 1, key: value}, [{key: value}], {"name": key, "value": value}, [json.dumps({key: value})]):
                message = fast(fetched(compact(with_value(GOLDEN_EVENT, path, keyed))), 7).message
                assert b"hidden" not in message


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", [r'{"\u0070wd":"hidden"}', r'[{"a":{"p\u0077d":"hidden"}}]'])
def test_an_escaped_secret_key_is_recognized(form, text):
    assert b"hidden" not in renderer(form)(fetched(with_value(GOLDEN_EVENT, ("data", "message"), text)), 7).message


@pytest.mark.parametrize("event", [GOLDEN_EVENT, *ORDINARY[:30], with_value(ORDINARY[0], ("data", "identity", "userAgent"), "x" * 1000)])
def test_ordinary_events_take_the_fast_path(event):
    taken = []
    for form in FORMATS:
        fast = renderer(form)
        walk = fast._redactor._walk
        fast._redactor._walk = lambda value, place, walk=walk: (taken.append(value) if place.depth == 0 else None, walk(value, place))[1]
        if form == "ocsf" and event is not GOLDEN_EVENT:  # which has one more secret
            fast._redactor.json = taken.append
        elif form != "ocsf" and (form != "json" or event is not GOLDEN_EVENT):
            fast._within_limit = lambda *event: taken.append(event)
        fast(fetched(compact(event)), 7, ENRICHMENT)
    assert taken == []


@given(st.lists(WORDS, max_size=6).map("".join) | TEXTS)
@example("pwd=y")
@example("x-auth: y")
@example("name: password, value: y")
@example("password) : y")
@example("pass-word \\\"\t: y")
@example("password" + "\\" * 200 + '": y')
def test_text_that_is_not_suspicious_has_no_secret(text):
    if not may_contain_secret(text):
        assert redact_text_fully(text, classify_key) == text


@given(st.datetimes().map(lambda when: when.isoformat(timespec="milliseconds") + "Z"))
@example("0001-01-01T00:00:00.000Z")
@example("1969-12-31T23:59:59.999Z")
@example("9999-12-31T23:59:59.999Z")
def test_the_api_form_of_a_time_equals_every_other_form(text):
    for other in (f" {text}", text.lower(), f"{text[:-1]}0009Z", f"{text[:-1]}+00:00"):
        assert parse_event_time(other).millis == parse_event_time(text).millis


@pytest.mark.parametrize("day", [
    "2026-02-30T00:00:00", "2026-01-01T00:00:60", "0000-01-01T00:00:00", "\uff12026-01-01T00:00:00", "2026-W52-3T00:00:00",
    "2026-01-01 00:00:00",
])  # fmt: skip
def test_text_in_the_form_of_a_time_can_be_invalid(day):
    assert parse_event_time(f"{day}.000Z") is None


def test_redact_paths_apply_on_the_fast_path():
    event = json.loads(json.dumps(GOLDEN_EVENT))
    message = renderer("json", redact=["data.identity.ipAddress", "data.stateChange.current.*"])(fetched(event), 7).message.decode()
    assert '"ipAddress":"[redacted]"' in message
    assert '"current":{"lifecycleState":"[redacted]","shape":"[redacted]","ocpus":"[redacted]","serial":"[redacted]"}' in message
    assert Redactor().json(json.dumps(event).encode()).tree["data"]["identity"]["ipAddress"] == "203.0.113.77"


@pytest.mark.parametrize("path", sorted((GOLDEN.parent / "data" / "meaning").iterdir()), ids=lambda path: path.stem)
def test_both_paths_agree_on_the_meaning_of_an_event(path):
    assert_both_paths_agree(compact(json.loads(path.read_bytes())))


@given(st.lists(TEXTS, min_size=5, max_size=5))
def test_both_paths_agree_on_any_details(texts):
    keys = ("ssoComments", "adminResourceName", "adminRefResourceName", "actorName", "clientIp")
    details = dict(zip(keys, texts, strict=True)) | {"eventId": "sso.authentication.failure"}
    assert_both_paths_agree(compact({**GOLDEN_EVENT, "data": {**GOLDEN_EVENT["data"], "identity": {}, "additionalDetails": details}}))
