"""SYSLOG_MAX_BYTES with any input: whole characters, valid CEF, LEEF and JSON, and a correct list of what was trimmed."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.render.formats.base import Enrichment
from epimetheus.render.formats.ocsf import DERIVED
from epimetheus.render.renderer import MIN_BYTES
from epimetheus.render.size import join_names, truncate, truncate_with_mark
from tests.render.helpers import FORMATS, FORMATS_AND_HEADERS, OCSF, TEXTS, body, event, parts, read_by_cefp, read_leef, render

VALUES = st.none() | TEXTS | st.tuples(TEXTS, st.integers(2, 99)).map(lambda pair: pair[0] * pair[1])
WORDS = st.sampled_from(["a", "some-key", "x y", "é", "long" * 9])
PARTS = st.none() | VALUES | st.dictionaries(WORDS, VALUES, max_size=3) | st.lists(VALUES | st.integers(), max_size=4)


def of(*keys, values=VALUES):
    return st.fixed_dictionaries({}, optional=dict.fromkeys(keys, values))


DATA = st.builds(
    lambda parts, texts, identity, request, response: {
        **parts, **texts, "identity": identity, "request": request, "response": response,
    },
    of("stateChange", "additionalDetails", "definedTags", "internalDetails", "newByOracle", values=PARTS),
    of("eventName", "message", "resourceId", "resourceName", "compartmentId", "compartmentName", "eventGroupingId"),
    st.none() | of("principalName", "principalId", "userAgent", "callerName", "tenantId", "authType", "ipAddress"),
    st.fixed_dictionaries({"id": VALUES, "path": VALUES, "action": VALUES, "headers": PARTS, "parameters": PARTS}),
    st.fixed_dictionaries({"status": VALUES, "payload": PARTS}),
)  # fmt: skip
EVENTS = st.builds(
    lambda data, kind, number: {"eventType": kind or "", "eventId": number, "data": data}, DATA, VALUES, VALUES
)  # fmt: skip
SIZES = st.integers(MIN_BYTES, 700) | st.integers(MIN_BYTES, 5000)
SETTINGS = st.fixed_dictionaries({
    "header": st.sampled_from(["rfc5424", "rfc3164"]),
    "hostname": st.sampled_from(["us-ashburn-1", "h" * 300]),
    "app_name": st.sampled_from(["epimetheus", "a" * 60]),
    "run_id": st.sampled_from(["run-1", "r" * 60]),
})  # fmt: skip
ENRICHMENT = st.builds(Enrichment, VALUES, st.none(), st.booleans())
WATCHED = {"cef": "OracleOCIAuditTamperWatch", "leef": "tamperWatch"}
NOTE = re.compile(r" ?\[trimmed: ([^\]]*)\]$")


def limited_and_unlimited(raw, max_bytes, **options):
    """The message within ``max_bytes`` and the one without a limit. Checks what holds for every format."""
    rendered, unlimited = render(raw, max_bytes=max_bytes, **options), render(raw, **options)
    small, whole = parts(rendered.message), parts(unlimited.message)
    assert len(rendered.message) <= max_bytes
    assert rendered.trimmed == (without_derived(small["msg"]) != without_derived(whole["msg"]) or unlimited.trimmed)
    return small, whole


def without_derived(text):
    """An OCSF message without the members that may be removed without being listed, because they repeat others; any other text as it is."""
    try:
        message = json.loads(text)
    except ValueError:
        return text
    if not isinstance(message, dict) or "class_uid" not in message:
        return text
    return {key: item for key, item in message.items() if (key,) not in DERIVED}


def names_in(trimmed):
    return set(trimmed.split(",")) if trimmed else set()


READERS = {"cef": read_by_cefp, "leef": read_leef}


def pairs_and_trimmed(form, fields):
    """The pairs without the list in msg, and the trimmed names, wherever they are listed."""
    extension = READERS[form](fields["msg"])[1]
    note = NOTE.search(extension.get("msg", "")) if "trimmed" not in fields else None
    if note:
        extension["msg"] = extension["msg"][: note.start()]
    return {key: value for key, value in extension.items() if value}, names_in(note[1] if note else fields.get("trimmed"))


@pytest.mark.parametrize("form", READERS)
@given(EVENTS, SIZES, SETTINGS, ENRICHMENT)
def test_key_value_output_fits_parses_and_lists_what_was_trimmed(form, raw, max_bytes, options, enrichment):
    small, whole = limited_and_unlimited(raw, max_bytes, format=form, enrichment=enrichment, **options)
    (kept, names), (complete, cut_anyway) = pairs_and_trimmed(form, small), pairs_and_trimmed(form, whole)
    assert kept.get(WATCHED[form]) == ("true" if enrichment.watched else None)
    for key, value in kept.items():
        assert value == complete[key] or (value.endswith("…") and complete[key].startswith(value[:-1]))
    lost = {key.removesuffix("Label") for key in complete if kept.get(key) != complete[key]}
    if READERS[form](small["msg"])[0] != READERS[form](whole["msg"])[0]:
        lost.add("header")
    if not any(name.startswith("+") for name in names | cut_anyway):
        assert names == lost | cut_anyway


def lost_from(whole, kept, path=""):
    """Paths in ``whole`` that ``kept`` lacks or has shortened; a shortened string must be a prefix with the right count."""
    if whole == kept:
        return set()
    assert type(whole) is type(kept)
    if isinstance(whole, dict):
        at = {key: f"{path}.{key}".removeprefix(".").removeprefix("unmapped.").removeprefix("data.") for key in whole}
        missing = {at[key] for key in whole if key not in kept}
        return missing.union(*(lost_from(whole[key], kept[key], at[key]) for key in kept))
    if isinstance(whole, list):
        assert len(whole) == len(kept)
        return set().union(*(lost_from(*pair, path) for pair in zip(whole, kept, strict=True)))
    assert_prefix(whole, kept)
    return {path}


def assert_prefix(whole, kept):
    prefix, count = re.fullmatch(r"(.*)…\[(\d+) bytes cut\]", kept, re.DOTALL).groups()
    assert whole.startswith(prefix)
    assert len(whole.encode()) - len(prefix.encode()) == int(count) > 0


@pytest.mark.parametrize("form", ["json", "ocsf"])
@given(EVENTS, SIZES, SETTINGS, ENRICHMENT)
def test_json_and_ocsf_fit_parse_and_list_what_was_trimmed(form, raw, max_bytes, options, enrichment):
    small, whole = limited_and_unlimited(raw, max_bytes, format=form, enrichment=enrichment, **options)
    kept, everything = json.loads(small["msg"]), json.loads(whole["msg"])
    if form == "ocsf" and ("epimetheusCut" not in kept or max_bytes >= 2400):
        OCSF.validate(kept)
    noted = kept.get("unmapped", {}) if form == "ocsf" and "epimetheusCut" not in kept else kept
    assert noted.get("epimetheus", {}).get("tamperWatch", False) == enrichment.watched
    names = names_in(noted.pop("epimetheusTrimmed", None) or small.get("trimmed"))
    if "epimetheusCut" in kept:
        assert names == {"event"}
        assert_prefix(whole["msg"], kept["epimetheusCut"])
        return
    if form == "ocsf":
        everything, kept = without_derived(whole["msg"]), without_derived(json.dumps(kept))
        everything.setdefault("unmapped", {})
        kept.setdefault("unmapped", {})
    lost = {re.sub(r"[^\w.\-]", "?", path, flags=re.ASCII) for path in lost_from(everything, kept)}
    if not any(name.startswith("+") for name in names):
        assert lost <= names
        assert form == "ocsf" or names == lost  # in OCSF a part can be removed first, and then its parent


@given(st.text(alphabet='{"\\\n:aé\x01\u2028', min_size=300), st.integers(MIN_BYTES, 800), SETTINGS)
def test_malformed_text_fits_and_is_cut_between_characters_and_escapes(text, max_bytes, options):
    small, whole = limited_and_unlimited("{" + text, max_bytes, **options)
    if small["msg"] != whole["msg"]:
        assert_prefix(whole["msg"], small["msg"])
        assert small.get("trimmed") in ("raw", None)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("raw", [event(message="m" * 1000), '{"cut": "' + "m" * 1000], ids=["event", "malformed"])
def test_a_message_of_exactly_the_limit_is_complete(form, raw):
    size = len(render(raw, format=form).message)
    assert not render(raw, format=form, max_bytes=size).trimmed
    smaller = render(raw, format=form, max_bytes=size - 1)
    assert smaller.trimmed or b"type_name" not in smaller.message  # OCSF loses captions first


BIG = event(
    message="m" * 900,
    resourceId="ocid1.thing",
    compartmentName="networks",
    identity={"userAgent": "u" * 900, "tenantId": "ocid1.tenancy", "principalName": "noor"},
    request={"path": "/p" * 300, "id": "R", "headers": {"h": "h" * 500}, "parameters": {"p": "p" * 500}},
    newByOracle={"n": "n" * 500},
)


@pytest.mark.parametrize(
    ("form", "max_bytes", "trimmed"),
    [
        ("cef", 3000, None),
        ("cef", 2804, "destinationServiceName,requestClientApplication"),
        ("cef", 2700, "destinationServiceName,requestClientApplication"),
        ("cef", 1800, "destinationServiceName,requestClientApplication,cs4,cat,cs6,deviceExternalId,request"),
        ("json", 4400, None),
        ("json", 4000, "request.headers"),
        ("json", 3500, "request.headers,request.parameters"),
        ("json", 3000, "request.headers,request.parameters,newByOracle"),
        ("json", 2500, "request.headers,request.parameters,newByOracle,message,identity.userAgent,request.path"),
        ("json", 500, "event"),
        ("leef", 2800, None),
        ("leef", 2714, None),
        ("leef", 2600, "eventName,userAgent"),
        ("leef", 1700, "eventName,userAgent,compartmentName,requestId,tenantId,url"),
        ("ocsf", 4800, None),
        ("ocsf", 4500, "request.headers"),
        ("ocsf", 4000, "request.headers,api.request.data"),
        ("ocsf", 3400, "request.headers,api.request.data,newByOracle"),
        ("ocsf", 2800, "request.headers,api.request.data,newByOracle,data,http_request.user_agent"),
        ("ocsf", 500, "event"),
    ],
)
def test_fields_are_removed_in_the_documented_order(form, max_bytes, trimmed):
    assert parts(render(BIG, format=form, max_bytes=max_bytes).message)["trimmed"] == trimmed


@pytest.mark.parametrize("max_bytes", [2700, 1800, 1300])
@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
def test_no_room_is_wasted(form, header, max_bytes):
    max_bytes += 700 * (form == "ocsf")
    message = render(BIG, format=form, header=header, max_bytes=max_bytes).message
    assert render(BIG, format=form, header=header, max_bytes=len(message)).message == message


def test_the_longest_values_are_cut_first_and_never_an_id_or_an_address():
    identity = {"principalName": "n" * 700, "principalId": "p" * 100, "ipAddress": "2001:db8::5"}
    raw = event(message="m" * 900, resourceId="r" * 900, identity=identity) | {"eventId": "6d0b3c5e-8f0a-4c53-9a25-0b3d6b7f1a11"}
    for max_bytes, name, principal in ((1200, 700, 100), (1100, 509, 100), (900, 253, 100), (600, 125, 100), (480, 61, 61)):
        extension = read_by_cefp(body(raw, max_bytes=max_bytes))[1]
        assert extension["suser"] == "n" * name + ("…" if name < 700 else "")
        assert extension["suid"] == "p" * principal + ("…" if principal < 100 else "")
        assert (extension["externalId"], extension["c6a2"]) == ("6d0b3c5e-8f0a-4c53-9a25-0b3d6b7f1a11", "2001:db8::5")


def test_the_time_and_the_event_type_stay_with_the_longest_header():
    response = {"status": "500", "payload": {"code": "c" * 900}}
    identity = {"ipAddress": "203.0.113.38,2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "principalName": "|" * 900, "principalId": "p" * 900}
    raw = event("|" * 512, identity=identity, response=response)
    raw |= {"eventId": "e" * 900, "eventTime": "2026-03-02T08:15:30.123456+00:00", "eventTypeVersion": "|" * 31, "eventType": "|" * 1023}
    names = {"hostname": "h" * 300, "app_name": "a" * 60, "run_id": "r" * 60}
    rendered = render(raw, 10**9, max_bytes=MIN_BYTES, **names)
    assert len(rendered.message) <= MIN_BYTES
    read = parts(rendered.message)
    assert read_by_cefp(read["msg"]) == (("Oracle", "OCI Audit", *["|" * 13 + "…"] * 3, "3"), {"rt": "1772439330123"})
    assert read["trimmed"] == "act,reason,suser,suid,flexString1,header,cn1,c6a2,src,+2"


@pytest.mark.parametrize(
    ("max_bytes", "cap"), [(7000, 2048), (3500, 1024), (2000, 512), (1200, 256), (800, 128), (600, 64), (500, 40)]
)  # fmt: skip
def test_json_strings_are_shortened_in_steps(max_bytes, cap):
    raw = event(message="m" * 5000, identity={"userAgent": "u" * 5000}, request={"path": "p" * 5000})
    data = json.loads(body(raw, format="json", max_bytes=max_bytes, hostname="h" * 60))["data"]
    assert {len(text.encode()) for text in (data["message"], data["identity"]["userAgent"], data["request"]["path"])} == {cap}


def test_strings_in_lists_are_shortened_too():
    text = body(event(identity={"groups": ["a", "g" * 5000], "n": "x" * 1100}), format="json", max_bytes=3000)
    groups = json.loads(text)["data"]["identity"]["groups"]
    assert groups == ["a", "g" * 1005 + "…[3995 bytes cut]"]


def test_a_too_deeply_nested_event_and_one_with_redacted_data_fit():
    raw = json.dumps(event(message="m" * 900, additionalDetails="DEEP")).replace('"DEEP"', "[" * 990 + "]" * 990)
    assert parts(render(raw, format="json", max_bytes=800).message)["trimmed"] == "raw"
    raw = event() | {"source": "s" * 5000}
    assert parts(render(raw, format="json", max_bytes=800, redact=["data"]).message)["trimmed"] == "source"


def test_actor_action_and_resource_are_removed_last():
    extension = read_by_cefp(body(BIG | {"eventId": "e-1"}, max_bytes=MIN_BYTES))[1]
    assert extension == {"externalId": "e-1", "suser": "noor", "act": "GetThing", "cs1": "ocid1.thing", "cs1Label": "resourceId"}


def test_an_event_of_thousands_of_keys_becomes_one_cut_string():
    text = body(event(identity={f"k{number}": number for number in range(5000)}), format="json", max_bytes=1000)
    (cut_event, added) = json.loads(text).values()
    assert added == {"severity": 2}
    assert cut_event.startswith('{"eventType":"com.oraclecloud.things.GetThing","data":{"eventName":"GetThing","identity":{"k0":0,"k1":1,')
    assert cut_event.endswith(" bytes cut]")


@pytest.mark.parametrize(
    ("names", "max_bytes", "expected"),
    [
        ([], 9, ""),
        (["a", "b", "a"], 3, "a,b"),
        (["a", "b"], 2, "+2"),
        (["a", "b", "c", "d"], 6, "a,b,+2"),
        (["request.headers", 'x"] y', "é"], 60, "request.headers,x???y,?"),
    ],
)
def test_join_names(names, max_bytes, expected):
    assert join_names(names, max_bytes) == expected


@pytest.mark.parametrize(
    ("text", "max_bytes", "expected"),
    [
        ("a" * 40, 40, "a" * 40),
        ("a" * 41, 40, "a" * 23 + "…[18 bytes cut]"),
        ("é" * 21, 40, "é" * 11 + "…[20 bytes cut]"),
        ("a" * 22 + "\\n" + "b" * 30, 40, "a" * 22 + "…[32 bytes cut]"),
        ("a" * 21 + "\\\\" + "b" * 30, 40, "a" * 21 + "\\\\…[30 bytes cut]"),
        ("a" * 20 + "\\\\\\n" + "b" * 30, 40, "a" * 20 + "\\\\…[32 bytes cut]"),
        ("a" * 18 + "\\u2028" + "b" * 30, 40, "a" * 18 + "…[36 bytes cut]"),
        ("a" * 18 + "\\\\u202" + "b" * 30, 40, "a" * 18 + "\\\\u20…[31 bytes cut]"),
    ],
)
def test_truncate_with_mark(text, max_bytes, expected):
    assert truncate_with_mark(text, max_bytes) == expected
    assert len(truncate_with_mark(text, max_bytes).encode()) <= max_bytes


def test_truncate_keeps_whole_characters():
    assert [truncate("aé😀", max_bytes) for max_bytes in (-1, 0, 1, 2, 3, 6, 7)] == ["", "", "a", "a", "aé", "aé", "aé😀"]
