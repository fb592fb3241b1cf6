"""The quick ways through render: never another byte than by the careful ones, never a secret; and most events take them."""

import copy
import json
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from epimetheus.render import Renderer
from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.event_time import moment
from epimetheus.render.formats.base import Notes
from epimetheus.render.redact.keys import classify
from epimetheus.render.redact.prescan import suspicious
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.text import redact_text_fully
from epimetheus.testing.oci.samples import Sampler
from tests.fuzz.corpus import SEEDS
from tests.fuzz.mutate import Mutator
from tests.render.making import FORMATS, SETTINGS, TEXTS, fetched
from tests.render.redact.secret_cases import HARMLESS_OBJECTS, HARMLESS_TEXTS, OBJECTS
from tests.render.redact.secret_cases import KEYS as MORE_KEYS
from tests.render.redact.secret_cases import TEXTS as MORE
from tests.render.redact.test_redaction import HARMLESS, KEYS, SECRET_VALUES, SECRETS, compact
from tests.render.test_golden import GOLDEN

SAMPLER = Sampler("ocid1.tenancy.oc1..t", "ocid1.compartment.oc1..c", "prod", "quick")
ORDINARY = [SAMPLER.event(1_767_268_800 + number) for number in range(100)]
GOLDEN_EVENT = json.loads((GOLDEN / "events" / "launch_by_api_key.json").read_bytes())
NOTES = Notes("root/prod/app", "person")


def renderer(form, **settings):
    return Renderer(**{**SETTINGS, "max_bytes": 8000, "format": form, **settings})


def careful(form, **settings):
    """A renderer that takes no quick way."""
    made = renderer(form, **settings)
    made._redactor._in_place = lambda raw, depth=0: None
    made._format.at_once = lambda subject: None
    return made


WAYS = [(renderer(form, **more), careful(form, **more)) for form in FORMATS for more in ({}, {"header": "rfc3164", "max_bytes": 600})]


def assert_both_ways_agree(raw, alike=lambda message: message):
    event = fetched(raw)
    for quick, slow in WAYS:
        expected = alike(slow(event, 7, NOTES))
        assert (alike(quick(event, 7, NOTES)), alike(quick(event, 7, NOTES))) == (expected, expected)


def without_blanks(message):
    """What a text that is compact in parts may keep of them: blanks between the members of an object."""
    head, brace, event = message.message.partition(b"{")
    try:
        return head, compact(json.loads(brace + event)), message.trimmed
    except (ValueError, RecursionError):
        return message


WORDS = st.sampled_from([
    *[text for text, _ in (*SECRETS.values(), *MORE.values())], *HARMLESS, *HARMLESS_TEXTS, *KEYS,
    *MORE_KEYS, "key", "name", "value", "values", "auth", "=", ":", "%3D", " ", "\t", '"',
    "\\", "{", "[", "|", "^", ")", "é", "\u2028", "\x7f", "\x85", "12:30", "@", "://", "%26", "failed", "succeeded",
])  # fmt: skip
MADE = TEXTS | st.lists(WORDS, max_size=4).map("".join)
VALUES = st.recursive(
    MADE | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(MADE, x, max_size=3) | x.map(json.dumps),
    max_leaves=8,
)
PLACES = [
    ("eventId",), ("eventType",), ("source",), ("data", "message"), ("data", "resourceName"), ("data", "identity", "principalName"),
    ("data", "identity", "userAgent"), ("data", "identity", "ipAddress"), ("data", "request", "path"), ("data", "request", "id"),
    ("data", "response", "message"),
]  # fmt: skip
OPEN = [
    ("data", "additionalDetails"), ("data", "request", "headers", "X-Any"), ("data", "response", "payload"), ("data", "stateChange"),
    ("data", "addedByOracle"),
]  # fmt: skip


def planted(event, path, value):
    """The event with the value at one place, all else as it was."""
    event = copy.deepcopy(event)
    *way, last = path
    place = event
    for key in way:
        if not isinstance(place.get(key), dict):
            place[key] = {}
        place = place[key]
    place[last] = value
    return event


@given(st.sampled_from(ORDINARY), st.sampled_from(PLACES), MADE, st.sampled_from(OPEN), VALUES, st.booleans())
def test_the_quick_ways_make_the_bytes_of_the_careful_ones(event, place, text, where, value, ascii_only):
    raw = planted(planted(event, place, text), where, value)
    for separators in ((",", ":"), None):
        assert_both_ways_agree(json.dumps(raw, ensure_ascii=ascii_only, separators=separators))


def test_many_events_make_what_each_of_them_makes_alone():
    odd = [planted(ORDINARY[0], ("data", "request", "path"), path) for path in ("/a?b=c", "/a?token=hidden", "\ud800", " a", "a ", "a\0b")]
    events = [fetched(json.dumps(event, separators=(",", ":"))) for event in [*ORDINARY[:20], *odd, *ORDINARY[20:40], odd[1]]]
    for quick, slow in WAYS:
        items = [(event, number, NOTES) for number, event in enumerate(events)]
        assert quick.many(items) == [slow(*item) for item in items]
        assert quick.many([]) == []


@pytest.mark.parametrize("path", [
    *PLACES, ("data", "eventName"), ("data", "eventGroupingId"), ("data", "compartmentName"), ("data", "identity", "tenantId"),
    ("data", "identity", "authType"), ("data", "request", "action"),
])  # fmt: skip
def test_they_do_so_of_values_as_long_as_any_key_may_be_and_longer(path):
    own_names = Fields(renamed={"suser": "duser", "usrName": "accountName", "reason": "act"})
    for form, fields in product(("cef", "leef"), (NO_FIELDS, own_names)):
        quick, slow = (make(form, max_bytes=0, fields=fields) for make in (renderer, careful))
        for most in (31, 40, 63, 255, 512, 1023, 4000):
            for length in (most, most + 1):
                event = fetched(compact(planted(GOLDEN_EVENT, path, "x" * length)))
                assert quick(event, 7) == slow(event, 7)


@pytest.mark.parametrize("way", range(2))
@pytest.mark.parametrize("form", FORMATS)
def test_whether_something_is_hidden_is_told(form, way):
    render = (renderer, careful)[way](form)
    secret = planted(GOLDEN_EVENT, ("data", "message"), "GetX?token=hidden succeeded")
    shown = planted(ORDINARY[0], ("data", "message"), "[redacted]")
    nothing = {**ORDINARY[0], "data": {**ORDINARY[0]["data"], "identity": None, "request": None}}
    assert [render(fetched(compact(event)), 7).redacted for event in (secret, shown, nothing)] == [True, True, False]


def test_they_do_so_of_bad_input():
    mutator = Mutator([*SEEDS["event"], *[path.read_bytes() for path in sorted((GOLDEN / "events").iterdir())]], 1)
    for _ in range(200):
        assert_both_ways_agree(mutator.fresh(), without_blanks)


@pytest.mark.parametrize("text", ["{\"x\":\"\\ud800\"}", "{\"x\":[\"\\ud800\"]}", "{\"x\":\"é\\ud800\",\"password\":\"\\ud800\"}"])
def test_they_do_so_of_what_is_no_event(text):
    assert_both_ways_agree(text)


@pytest.mark.parametrize("value", [" ", "\0", "a\0b", "\t", "\u2028", "\x07", " a ", "a\u00a0", "\ufeff"])
def test_they_do_so_of_blanks(value):
    for path in PLACES:
        assert_both_ways_agree(compact(planted(GOLDEN_EVENT, path, value)))


@pytest.mark.parametrize("ending", [" ", "\n", "\t "])
def test_they_do_so_of_an_event_with_blanks_behind_it(ending):
    assert_both_ways_agree(compact(GOLDEN_EVENT) + ending)


def test_they_do_so_with_names_of_the_users_own():
    fields = Fields(renamed={"eventId": "id"}, added={"who": "data.identity.principalName"})
    event = fetched(compact(GOLDEN_EVENT))
    message = renderer("json", fields=fields)(event, 7)
    assert message == careful("json", fields=fields)(event, 7)
    assert b'"id":"' in message.message


@pytest.mark.parametrize("depth", [58, 59, 60, 61, 62])
def test_they_do_so_where_json_in_a_string_is_nested_as_deep_as_is_read(depth):
    deep = "[" * depth + json.dumps(json.dumps([["x"], {"a": ["x"]}])) + "]" * depth
    assert_both_ways_agree(json.dumps(planted(GOLDEN_EVENT, OPEN[0], "DEEP")).replace('"DEEP"', deep))


@pytest.mark.parametrize(("form", "name"), [("cef", b" duser="), ("leef", b"^accountName=")])
def test_they_are_taken_with_names_of_the_users_own(form, name):
    quick = renderer(form, fields=Fields(renamed={"suser": "duser", "usrName": "accountName"}))
    quick._fitted = None
    assert name in quick(fetched(compact(GOLDEN_EVENT)), 7, NOTES).message


def test_they_do_so_with_a_label_that_looks_like_a_place():
    fields = Fields(labels={"cs1": "100 %s", "cs2": "%"})
    event = fetched(GOLDEN_EVENT)
    message = renderer("cef", fields=fields)(event, 7)
    assert message == careful("cef", fields=fields)(event, 7)
    assert b" cs1Label=100 %s " in message.message


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_an_ordinary_event_leaves_nowhere(secret):
    text, hidden = SECRETS[secret]
    for path in (*PLACES, *OPEN):
        for value in (text, [text]) if path in OPEN else (text,):
            event = fetched(compact(planted(GOLDEN_EVENT, path, value)))
            for quick, _ in WAYS[::2]:
                assert hidden not in quick(event, 7).message.decode()


@pytest.mark.parametrize("part", range(8))
def test_they_do_so_of_every_place_of_a_secret_and_of_every_harmless_one(part):
    texts = [*[text for text, _ in MORE.values()], *HARMLESS_TEXTS]
    values = [*[value for value, _ in OBJECTS.values()], *HARMLESS_OBJECTS]
    for text in texts[part::8]:
        for path, value in ((PLACES[3], text), (PLACES[6], text), (OPEN[0], {"a": [text, compact({"b": text})], text: 1})):
            assert_both_ways_agree(compact(planted(GOLDEN_EVENT, path, value)))
    for value in values[part::8]:
        for path in (OPEN[0], OPEN[2]):
            assert_both_ways_agree(compact(planted(GOLDEN_EVENT, path, [value, compact(value)])))
            assert_both_ways_agree(compact(planted(GOLDEN_EVENT, path, value)))


@pytest.mark.parametrize("key", KEYS)
def test_what_stands_under_a_secret_key_in_an_ordinary_event_leaves_nowhere(key):
    quick = renderer("json")
    for path in OPEN[:2]:
        for value in SECRET_VALUES:
            for keyed in ({"a": 1, key: value}, [{key: value}], {"name": key, "value": value}, [json.dumps({key: value})]):
                message = quick(fetched(compact(planted(GOLDEN_EVENT, path, keyed))), 7).message
                assert b"hidden" not in message


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("text", [r'{"\u0070wd":"hidden"}', r'[{"a":{"p\u0077d":"hidden"}}]'])
def test_a_key_hides_in_no_escape(form, text):
    assert b"hidden" not in renderer(form)(fetched(planted(GOLDEN_EVENT, ("data", "message"), text)), 7).message


@pytest.mark.parametrize("event", [GOLDEN_EVENT, *ORDINARY[:30], planted(ORDINARY[0], ("data", "identity", "userAgent"), "x" * 1000)])
def test_ordinary_events_take_the_quick_ways(event):
    taken = []
    for form in FORMATS:
        quick = renderer(form)
        walk = quick._redactor._walk
        quick._redactor._walk = lambda value, place, walk=walk: (taken.append(value) if place.depth == 0 else None, walk(value, place))[1]
        if form in ("cef", "leef") or (form == "json" and event is not GOLDEN_EVENT):  # that has one secret more
            quick._fitted = lambda *event: taken.append(event)
        quick(fetched(compact(event)), 7, NOTES)
    assert taken == []


@given(st.lists(WORDS, max_size=6).map("".join) | TEXTS)
@example("pwd=y")
@example("x-auth: y")
@example("name: password, value: y")
@example("password) : y")
@example("pass-word \\\"\t: y")
@example("password" + "\\" * 200 + '": y')
def test_a_text_that_is_not_suspicious_holds_no_secret(text):
    if not suspicious(text):
        assert redact_text_fully(text, classify) == text


@given(st.datetimes().map(lambda when: when.isoformat(timespec="milliseconds") + "Z"))
@example("0001-01-01T00:00:00.000Z")
@example("1969-12-31T23:59:59.999Z")
@example("9999-12-31T23:59:59.999Z")
def test_a_time_as_the_api_writes_it_is_the_same_in_any_other_form(text):
    for other in (f" {text}", text.lower(), f"{text[:-1]}0009Z", f"{text[:-1]}+00:00"):
        assert moment(other).millis == moment(text).millis


@pytest.mark.parametrize("day", [
    "2026-02-30T00:00:00", "2026-01-01T00:00:60", "0000-01-01T00:00:00", "\uff12026-01-01T00:00:00", "2026-W52-3T00:00:00",
    "2026-01-01 00:00:00",
])  # fmt: skip
def test_what_has_the_form_of_a_time_need_be_none(day):
    assert moment(f"{day}.000Z") is None


def test_a_path_of_the_users_own_is_hidden_on_the_quick_way_too():
    event = json.loads(json.dumps(GOLDEN_EVENT))
    message = renderer("json", redact=["data.identity.ipAddress", "data.stateChange.current.*"])(fetched(event), 7).message.decode()
    assert '"ipAddress":"[redacted]"' in message
    assert '"current":{"lifecycleState":"[redacted]","shape":"[redacted]","ocpus":"[redacted]","serial":"[redacted]"}' in message
    assert Redactor().json(json.dumps(event).encode()).tree["data"]["identity"]["ipAddress"] == "203.0.113.77"
