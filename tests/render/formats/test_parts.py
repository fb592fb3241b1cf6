"""Parts that events share: what an event becomes never depends on the events before it, and the tables of parts stay small."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.render.custom_fields import NO_FIELDS, Fields
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.formats.parts import MAX_PART_CHARACTERS, MAX_TABLE_BYTES, Part, PartTable, Slots
from tests.render.helpers import fetched
from tests.render.redact.test_redaction import compact
from tests.render.test_render_fast import ANY_TEXT, GOLDEN_EVENT, ORDINARY, full_renderer, renderer, with_value

FIELD_MAPS = {
    "cef": Fields(
        renamed={"suser": "duser", "reason": "act", "cs2": "externalId"},
        added={"cs5": "data.identity", "cn1": "data.message", "x": "data.identity.principalName"},
        omitted=frozenset(("rt",)), ordered=("msg",), labels={"cs1": "100 %s"},
    ),
    "leef": Fields(renamed={"usrName": "accountName"}, added={"srcPort": "data.request.path", "who": "data.identity"}, ordered=("url",)),
    "json": Fields(renamed={"eventId": "id"}, added={"who": "data.identity.principalName"}),
}  # fmt: skip
PART_PATHS = [
    ("eventType",), ("data", "eventName"), ("data", "request", "action"), ("data", "response", "status"), ("data", "message"),
    ("data", "identity", "principalName"), ("data", "identity", "ipAddress"), ("data", "identity", "userAgent"),
    ("data", "identity", "authType"), ("data", "identity", "tenantId"), ("data", "compartmentId"), ("data", "compartmentName"),
    ("data", "request", "path"), ("data", "resourceName"), ("eventId",), ("data", "additionalDetails"),
]  # fmt: skip
TRICKY = (
    "", "a", "token=hidden", "a secret", "GetSecretBundle", "auth", "a=b|c\\d^e", " a ", "a\0b", "x" * 64, "x" * 300, "[redacted]", "é",
    "10.0.0.1",
)  # fmt: skip
SOME_TEXT = st.sampled_from(TRICKY) | ANY_TEXT
ENRICHMENTS = st.sampled_from((
    Enrichment(), Enrichment("root/prod"), Enrichment("root/prod", watched=True), Enrichment("token=hidden", late=True),
    Enrichment("x" * 5000),
))  # fmt: skip


@st.composite
def streams(draw):
    """Groups of events that have a few values in common, in different places."""
    texts = draw(st.lists(SOME_TEXT, min_size=1, max_size=3))
    event = st.builds(
        with_value,
        st.builds(with_value, st.sampled_from((GOLDEN_EVENT, *ORDINARY[:3])), st.sampled_from(PART_PATHS), st.sampled_from(texts)),
        st.sampled_from(PART_PATHS),
        st.sampled_from(texts),
    )
    return draw(st.lists(st.lists(st.tuples(event, ENRICHMENTS), min_size=1, max_size=4), min_size=1, max_size=4))


@pytest.mark.parametrize("form", FIELD_MAPS)
@given(
    streams(),
    st.sampled_from(({"max_bytes": 0}, {"max_bytes": 8000}, {"max_bytes": 700, "header": "rfc3164"}, {"redact": ["data.identity.*"]})),
    st.booleans(),
)
def test_events_before_it_do_not_change_a_message(form, groups, settings, mapped):
    settings = {**settings, "fields": FIELD_MAPS[form] if mapped else NO_FIELDS}
    shared = renderer(form, **settings)
    for group in groups:
        items = [(fetched(compact(event)), 7, enrichment) for event, enrichment in group]
        assert shared.render_many(items) == [full_renderer(form, **settings)(*item) for item in items]


def event_with_agent(agent, number=0):
    event = copy.deepcopy(GOLDEN_EVENT)
    event["data"]["identity"]["userAgent"] = agent
    event["data"]["message"] = f"{number} succeeded"
    return fetched(event)


@pytest.mark.parametrize("agent", ["sdk/1 (token expired: no)", "a=b", "\u200bsdk", "tool --password hunter2"])
def test_a_part_is_handled_with_care_once(agent):
    shared = renderer("cef")
    made = []
    careful = shared._format._careful
    shared._format._careful = lambda slots, values: (made.append(slots), careful(slots, values))[1]
    first = shared.render_many([(event_with_agent(agent), 7, Enrichment())])
    assert made
    made.clear()
    assert shared.render_many([(event_with_agent(agent), 7, Enrichment())] * 3) == first * 3
    assert not made


def test_a_secret_that_many_events_share_is_never_sent():
    shared = renderer("cef")
    for number in range(5):
        for rendered in shared.render_many([(event_with_agent("x?token=hidden", number), 7, Enrichment())] * 3):
            assert rendered.redacted
            assert b"hidden" not in rendered.message


@pytest.mark.parametrize("form", ["cef", "leef"])
@pytest.mark.parametrize("path", PART_PATHS)
@pytest.mark.parametrize("text", ["?token=hidden", "a=b|c\\d^e", " a ", "\u200b", "a\0b", "x" * 5000])
def test_a_new_part_among_known_ones_is_scanned(form, path, text):
    shared = renderer(form)
    for _ in range(3):
        shared.render_many([(fetched(GOLDEN_EVENT), 7, Enrichment("root/prod"))])
    item = fetched(with_value(GOLDEN_EVENT, path, text)), 7, Enrichment("root/prod")
    for _ in range(3):
        assert shared.render_many([item]) == [full_renderer(form)(*item)]


def part(text):
    return Part([text], [text], b"\x01")


def test_a_table_of_parts_is_bounded():
    table = PartTable(Slots(["x"], [4000], 4000), lambda text: [text])
    for number in range(2000):
        table.add((f"{number}-{'x' * 3000}",), part("y" * 3000))
        assert sum(len(key[0]) + 2 * len(kept.shown[0]) for key, kept in table._parts.items()) <= MAX_TABLE_BYTES
    assert table.get((f"1999-{'x' * 3000}",)) is not None
    table.add(("x" * MAX_PART_CHARACTERS,), part("y"))
    assert table.get(("x" * MAX_PART_CHARACTERS,)) is None


def test_a_part_that_is_met_once_takes_no_room():
    table = PartTable(Slots(["x"], [4000], 4000), lambda text: [text])
    plain = Part(["a"], ["a"], b"\x01", (), "a")
    table.add(("a",), plain)
    assert table.get(("a",)) is None
    table.add(("a",), plain)
    assert table.get(("a",)) is plain
