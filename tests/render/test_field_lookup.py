"""FIELD_MAP paths: a plain value that is redacted by itself is the same as in the redacted event."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.render.custom_fields import Fields, get_path
from epimetheus.render.field_lookup import FieldLookup, to_api_form
from epimetheus.render.formats.base import NO_ENRICHMENT
from tests.fuzz.corpus import SEEDS
from tests.fuzz.mutate import Mutator
from tests.render.helpers import fetched
from tests.render.redact.secret_cases import HARMLESS_OBJECTS, OBJECTS
from tests.render.redact.secret_cases import TEXTS as SECRET_CASE_TEXTS
from tests.render.redact.test_redaction import KEYS, SECRET_VALUES, SECRETS, compact
from tests.render.test_golden import GOLDEN
from tests.render.test_render_fast import ANY_TEXT, FREE_FORM_PATHS, GOLDEN_EVENT, VALUES, renderer, with_value

EVENT = {"eventType": "com.oraclecloud.a.GetX", "data": {"eventName": "GetX", "identity": {"principalName": "noor"}}}
DETAILS = ("data", "additionalDetails")
LOGGING_FORM = {"type": "a.b.GetX", "id": "i", "time": "2026-01-01T00:00:00Z", "source": "x?token=hidden", "data": {"password": "hidden"}}
RENDERERS = [renderer("cef", redact=paths) for paths in ((), ("data.identity.*", "data.additionalDetails.x"))]


def all_paths(tree, path=()):
    """Paths of every value, of a member that each object lacks, and of a member of each text."""
    if path:
        yield ".".join(path)
    if isinstance(tree, dict | list):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        for key, item in items:
            yield from all_paths(item, (*path, str(key)))
    yield ".".join((*path, "missing"))


def assert_each_value_is_that_of_the_redacted_event(raw):
    event = fetched(raw)
    if event.event is None:
        return
    for render in RENDERERS:
        context = render._context(event.raw, event.event, NO_ENRICHMENT)
        redacted = render._redactor.json(bytes(event.raw)).tree
        expected = to_api_form(redacted) if isinstance(redacted, dict) else None
        lookup = FieldLookup(render._redactor, context)
        for path in [*all_paths(redacted), *all_paths(expected), "eventType", "data.resourceName.x"]:
            assert lookup(path) == get_path(expected, path), path


@given(st.sampled_from(FREE_FORM_PATHS), VALUES, ANY_TEXT, VALUES, st.booleans())
def test_any_value_is_that_of_the_redacted_event(path, value, key, inner, ascii_only):
    raw = with_value(with_value(GOLDEN_EVENT, path, value), (*DETAILS, key), inner)
    assert_each_value_is_that_of_the_redacted_event(json.dumps(raw, ensure_ascii=ascii_only))


@pytest.mark.parametrize("part", range(4))
def test_a_secret_is_found_by_its_key_its_neighbors_and_its_pattern(part):
    texts = [text for text, _ in (*SECRETS.values(), *SECRET_CASE_TEXTS.values())]
    values = [*[value for value, _ in OBJECTS.values()], *HARMLESS_OBJECTS, *[{key: SECRET_VALUES[0]} for key in KEYS]]
    some = texts[part::4]
    cases = [*values[part::4], {"a": {f"a{number}": text for number, text in enumerate(some)}}, dict.fromkeys(some, "x")]
    for value in cases:
        details = {"a": value, "password": value, "b": {"token": value}}
        assert_each_value_is_that_of_the_redacted_event(compact(with_value(EVENT, DETAILS, details)))


@pytest.mark.parametrize("raw", [
    LOGGING_FORM,
    {**LOGGING_FORM, "data": {"resourceName": None}, "eventId": "j", "dataschema": "2.0"},
    {**LOGGING_FORM, "data": {"resourceName": ""}, "source": 0},
    {**GOLDEN_EVENT, "id": "i", "source": "x"},
    {**GOLDEN_EVENT, "data": {**GOLDEN_EVENT["data"], "eventName": "CreateCustomerSecretKey", "response": {"payload": {"key": "abc123"}}}},
], ids=range(5))  # fmt: skip
def test_both_forms_of_an_event(raw):
    assert_each_value_is_that_of_the_redacted_event(compact(raw))


@pytest.mark.parametrize("text", [
    '"\\ud800"', '"a\tb"', "-0", "1e999", "1e99999999999999999999", "123456789012345678901234567890", '{"a":1,"a":{"b":2}}',
    '{"x":1,"p\\u0077d":"hidden","password":"hidden","y":"\\u202e"}', "[" * 500 + "]" * 500, "[" * 900 + "]" * 900, '{"":{"":1}}',
])  # fmt: skip
def test_unusual_json(text):
    assert_each_value_is_that_of_the_redacted_event(compact(with_value(GOLDEN_EVENT, DETAILS, {"x": "VALUE"})).replace('"VALUE"', text))


def test_bad_input():
    mutator = Mutator([*SEEDS["event"], *[path.read_bytes() for path in sorted((GOLDEN / "events").iterdir())]], 3)
    for _ in range(100):
        assert_each_value_is_that_of_the_redacted_event(mutator.fresh())


@pytest.mark.parametrize("path", ["data.additionalDetails.shape", "data.identity.userAgent", "eventId", "data.additionalDetails.password"])
def test_a_plain_value_does_not_redact_the_whole_event(path):
    redacting = renderer("cef", fields=Fields(added={"x": path}))
    redacting._redactor.json = None
    raw = compact(with_value(GOLDEN_EVENT, DETAILS, {"shape": "VM.E5", "password": "hidden", "count": 3}))
    message = redacting(fetched(raw), 7).message
    assert b" x=" in message
    assert b"hidden" not in message
