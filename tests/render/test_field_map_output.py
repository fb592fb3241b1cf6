"""FIELD_MAP in each format: renamed and added fields, with the types and lengths of their new names."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.render.custom_fields import Device, Fields
from epimetheus.render.formats.base import Enrichment
from epimetheus.render.formats.cef_keys import LENGTHS, TYPED
from tests.render.helpers import FORMATS, TEXTS, body, event, parts, read_by_cefp, read_by_vector, read_leef, render

RAW = event(
    resourceId="ocid1.thing",
    message="done",
    identity={"principalName": "noor", "principalId": "u", "authType": "natv"},
    additionalDetails={"shape": "VM.E5", "count": 3, "on": True, "list": [{"a": 1.50}], "password": "hidden", "none": None},
) | {"eventId": "e-1"}
WATCHED = Enrichment("root/prod/app", "person", watched=True)


def cef(fields, raw=RAW, **options):
    return read_by_cefp(body(raw, fields=fields, **options))[1]


def leef(fields, raw=RAW, **options):
    return read_leef(body(raw, fields=fields, format="leef", **options))[1]


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_map_changes_nothing(form):
    assert render(RAW, format=form, fields=Fields(device=Device()), enrichment=WATCHED) == render(RAW, format=form, enrichment=WATCHED)
    fields = Fields(added={}, omitted=frozenset())
    assert render(RAW, format=form, fields=fields, enrichment=WATCHED) == render(RAW, format=form, enrichment=WATCHED)


def test_cef_and_leef_fields_are_renamed_omitted_and_ordered():
    assert cef(Fields(renamed={"suser": "duser"}, omitted=frozenset(("cat", "destinationServiceName", "act")))) == {
        "externalId": "e-1", "duser": "noor", "suid": "u", "msg": "done", "cs1": "ocid1.thing", "cs1Label": "resourceId", "cs5": "natv",
        "cs5Label": "authType",
    }  # fmt: skip
    assert list(leef(Fields(renamed={"usrName": "accountName"}, ordered=("msg", "accountName"))))[:3] == ["msg", "accountName", "sev"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.additionalDetails.shape", "VM.E5"),
        ("data.additionalDetails.count", "3"),
        ("data.additionalDetails.on", "true"),
        ("data.additionalDetails.list.0.a", "1.5"),
        ("data.additionalDetails.list", '[{"a":1.5}]'),
        ("data.additionalDetails.password", "[redacted]"),
        ("data.additionalDetails.none", None),
        ("data.additionalDetails.missing", None),
        ("eventId", "e-1"),
        ("epimetheus.actor", "person"),
        ("epimetheus.compartmentPath", "root/prod/app"),
        ("epimetheus.tamperWatch", "true"),
    ],
)
def test_values_are_added_from_the_event_and_the_enrichment(path, value):
    fields = Fields(added={"OracleOCIAuditX": path})
    assert cef(fields, enrichment=WATCHED).get("OracleOCIAuditX") == value
    assert leef(fields, enrichment=WATCHED).get("OracleOCIAuditX") == value
    read = json.loads(body(RAW, format="json", fields=Fields(added={"x.y": path}), enrichment=WATCHED))
    assert json.dumps(read.get("x", {}).get("y"), separators=(",", ":")).strip('"') == (value or "null").replace('"', '"')
    read = json.loads(body(RAW, format="ocsf", fields=Fields(added={"unmapped.x": path}), enrichment=WATCHED))
    assert json.dumps(read["unmapped"].get("x"), separators=(",", ":")).strip('"') == (value or "null")


def test_paths_have_the_api_form_for_events_in_the_logging_form_too():
    raw = {"type": "a.b.GetX", "id": "i", "time": "2026-01-01T00:00:00Z", "dataschema": "2.0", "data": {}}
    fields = Fields(added={"a": "eventType", "b": "eventId", "c": "eventTime", "d": "eventTypeVersion"})
    assert cef(fields, raw).items() >= {"a": "a.b.GetX", "b": "i", "c": "2026-01-01T00:00:00Z", "d": "2.0"}.items()


@pytest.mark.parametrize("form", FORMATS)
def test_redacted_values_are_not_added(form):
    fields = Fields(added={"x": "data.additionalDetails", "y": "data.identity.principalName"})
    text = body(RAW, format=form, fields=fields, redact=["data.identity.principalName"])
    assert "hidden" not in text
    assert "noor" not in text


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("dst", "192.0.2.1", "192.0.2.1"),
        ("dst", "2001:db8::1", None),
        ("dvc", "a, b", None),
        ("c6a3", "2001:db8::1", "2001:db8::1"),
        ("c6a3", "192.0.2.1", None),
        ("cn2", "-12", "-12"),
        ("cn2", "12a", None),
        ("cn2", "9" * 19, None),
        ("cfp1", "1.5e3", "1.5e3"),
        ("cfp1", "NaN", None),
        ("dpt", "65535", "65535"),
        ("dpt", "65536", None),
        ("smac", "00:0D:60:af:1b:61", "00:0D:60:af:1b:61"),
        ("smac", "00-0D-60-AF-1B-61", None),
        ("start", "1772439330120", "1772439330120"),
        ("start", "2026-03-02T08:15:30.120Z", "1772439330120"),
        ("deviceCustomDate1", "today", None),
        ("fname", "x" * 1023, "x" * 1023),
        ("fname", "x" * 1024, "x" * 1022 + "…"),
        ("app", "x" * 32, "x" * 30 + "…"),
        ("OracleOCIAuditX", "x" * 4001, "x" * 3999 + "…"),
    ],
)
def test_an_added_cef_value_has_the_type_and_length_of_its_key(key, value, expected):
    raw = event(additionalDetails={"x": value})
    rendered = render(raw, fields=Fields(added={key: "data.additionalDetails.x"}))
    assert read_by_cefp(parts(rendered.message)["msg"])[1].get(key) == expected
    assert parts(rendered.message)["trimmed"] == (key if expected and "…" in expected else None)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("dst", "2001:db8::1", "2001:db8::1"),
        ("dst", "nowhere", None),
        ("devTime", "2026-03-02T08:15:30Z", "2026-03-02T08:15:30.000+0000"),
        ("devTime", "now", None),
        ("sev", "10", "10"),
        ("sev", "0", None),
        ("srcPort", "x", None),
        ("srcBytes", "7", "7"),
        ("accountName", "x" * 256, "x" * 254 + "…"),
    ],
)
def test_an_added_leef_value_has_the_type_and_length_of_its_key(key, value, expected):
    assert leef(Fields(added={key: "data.additionalDetails.x"}), event(additionalDetails={"x": value})).get(key) == expected


def test_exactly_the_typed_cef_keys_reject_a_word():
    keys = {key for key in LENGTHS if key not in cef(Fields(added=dict.fromkeys(LENGTHS, "data.additionalDetails.shape")))}
    assert keys == set(TYPED)
    assert len(LENGTHS) > 110


def test_a_cef_key_without_a_fixed_meaning_is_labeled_with_the_name_of_its_value():
    fields = Fields(renamed={"suser": "cs1", "cs5": "cs2"}, added={"cs3": "data.additionalDetails.shape"}, labels={"cs3": "the=shape"})
    line = body(RAW, fields=fields)
    extension = read_by_cefp(line)[1]
    assert extension.items() >= {"cs1": "noor", "cs1Label": "suser", "cs2": "natv", "cs2Label": "authType"}.items()
    assert (extension["cs3"], extension["cs3Label"]) == ("VM.E5", "the=shape")
    assert read_by_vector(line)[1]["cs3Label"] == "the=shape"
    assert "cs5Label" not in extension


def test_the_header_has_the_user_s_device():
    device = Fields(device=Device("A|cme", "Cloud\\Trail" + "x" * 60, "9"))
    assert read_by_cefp(body(RAW, fields=device))[0][:3] == ("A|cme", "Cloud\\Trail" + "x" * 51 + "…", "9")
    assert read_leef(body(RAW, format="leef", fields=device))[0][:3] == ("A?cme", "Cloud\\Trail" + "x" * 60, "9")
    assert read_by_cefp(body(RAW, fields=Fields(device=Device(product="P"))))[0][:3] == ("Oracle", "P", "2.0")


def test_json_and_ocsf_fields_are_renamed_omitted_and_ordered():
    fields = Fields(renamed={"eventId": "id", "data.identity": "who"}, omitted=frozenset(("data.additionalDetails",)), ordered=("id",))
    assert body(RAW, format="json", fields=fields) == (
        '{"id":"e-1","eventType":"com.oraclecloud.things.GetThing","data":{"eventName":"GetThing","resourceId":"ocid1.thing",'
        '"message":"done"},"epimetheus":{"severity":2},"who":{"principalName":"noor","principalId":"u","authType":"natv"}}'
    )
    read = json.loads(body(RAW, format="ocsf", fields=Fields(renamed={"metadata.uid": "uid"}, omitted=frozenset(("unmapped",)))))
    assert (read["uid"], "uid" in read["metadata"], "unmapped" in read) == ("e-1", False, False)


@pytest.mark.parametrize("form", ["cef", "leef"])
def test_added_pairs_are_removed_first_and_renamed_ones_in_default_order(form):
    raw = event(message="m" * 900, additionalDetails={"x": "x" * 900}, identity={"userAgent": "u" * 900})
    agent = "requestClientApplication" if form == "cef" else "userAgent"
    fields = Fields(added={"OracleOCIAuditX": "data.additionalDetails.x"}, renamed={agent: "agent"})
    large, small = (parts(render(raw, format=form, fields=fields, max_bytes=size).message)["trimmed"] for size in (2500, 1900))
    assert large == "OracleOCIAuditX"
    assert small.endswith(",agent")


@pytest.mark.parametrize("form", ["json", "ocsf"])
def test_added_members_are_removed_first_and_renamed_ones_in_default_order(form):
    raw = event(request={"headers": {"h": "h" * 900}, "parameters": {"p": "p" * 900}}, additionalDetails={"x": "x" * 900})
    place = "" if form == "json" else "unmapped."
    fields = Fields(added={"top": "data.additionalDetails.x"}, renamed={f"{place}data.request": f"{place}r"})
    trimmed = [parts(render(raw, format=form, fields=fields, max_bytes=max_bytes).message)["trimmed"] for max_bytes in (3800, 2900, 2000)]
    assert trimmed == ["top", "top,r.headers", "top,r.headers,r.parameters"]


def test_renamed_members_in_and_outside_data_are_removed_in_default_order():
    raw = event(newByOracle=["n" * 900], message="m" * 900)
    renamed = Fields(renamed={"data": "d"})
    assert parts(render(raw, format="json", fields=renamed, max_bytes=1500).message)["trimmed"] == "newByOracle"
    renamed = Fields(renamed={"message": "text"})
    message = parts(render(event(message="m" * 900), format="ocsf", fields=renamed, max_bytes=900).message)
    assert (message["trimmed"], "text" in json.loads(message["msg"])) == ("text", False)


@pytest.mark.parametrize("form", ["cef", "leef"])
def test_a_renamed_mark_is_kept_and_a_renamed_msg_lists_what_was_trimmed(form):
    mark = "OracleOCIAuditTamperWatch" if form == "cef" else "tamperWatch"
    fields = Fields(renamed={mark: "watched", "msg": "text"}, added={"mine": "epimetheus.tamperWatch"})
    raw = event(message="m" * 3000, identity={"principalName": "n" * 300, "principalId": "p" * 300})
    message = parts(render(raw, format=form, header="rfc3164", fields=fields, max_bytes=480, enrichment=WATCHED).message)["msg"]
    read = (read_by_cefp if form == "cef" else read_leef)(message)[1]
    assert (read["watched"], read["mine"]) == ("true", "true")
    assert read["text"].startswith("[trimmed: ")


NAMES = st.sampled_from(["suser", "cs1", "dst", "cn2", "start", "msg", "usrName", "src", "Custom", "a1"])
PATHS = st.sampled_from(["data.message", "data.additionalDetails", "data.additionalDetails.x", "eventId", "epimetheus.actor"])
RENAMED = st.lists(st.sampled_from(["suser", "suid", "msg", "cs1", "usrName", "resource"]), max_size=3, unique=True)
MAPS = st.builds(
    lambda old, new, added, omitted, ordered: Fields(
        dict(zip(old, new, strict=False)), {name: path for name, path in added.items() if name not in new}, omitted, ordered
    ),
    RENAMED,
    st.lists(NAMES, max_size=3, unique=True),
    st.dictionaries(NAMES, PATHS, max_size=3),
    st.frozensets(NAMES, max_size=2),
    st.lists(NAMES, max_size=3, unique=True),
)


@given(MAPS, TEXTS, TEXTS, st.sampled_from([0, 480, 900]))
def test_with_any_map_a_message_fits_and_parses(fields, first, second, max_bytes):
    raw = event(message=first, resourceId=second, additionalDetails={"x": [first, second]}, identity={"principalName": second})
    for form, read in (("cef", read_by_cefp), ("leef", read_leef)):
        message = render(raw, format=form, fields=fields, max_bytes=max_bytes, enrichment=WATCHED).message
        pairs = read(parts(message)["msg"])[1]
        assert len(message) <= (max_bytes or 10**6)
        known = {*fields.added, *fields.renamed.values()} | read(body(raw, format=form, enrichment=WATCHED))[1].keys()
        assert {key.removesuffix("Label") for key in pairs} <= known
