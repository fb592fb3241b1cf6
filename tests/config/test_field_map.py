"""The field map: custom names, the Go program's names, and the warnings about names that cannot be used."""

import json
import time

import pytest

from epimetheus.config.field_map import FieldMap, read_field_map
from epimetheus.config.field_names import CEF_SOURCES, EVENT_PATHS, LEEF_KEYS
from epimetheus.errors import ConfigError
from epimetheus.render.custom_fields import NO_FIELDS, Device, Fields, get_path
from tests.config.test_rules_file import GO_EXAMPLE
from tests.render.helpers import body, cef, read_by_cefp, read_by_vector

EVENT = {
    "eventType": "com.oraclecloud.ComputeApi.GetInstance",
    "source": "ComputeApi",
    "eventId": "e-1",
    "eventTime": "1970-01-01T00:00:01Z",
    "data": {
        "eventName": "GetInstance",
        "eventGroupingId": "group-1",
        "compartmentId": "ocid1.compartment.oc1..c",
        "compartmentName": "prod",
        "resourceName": "web-1",
        "resourceId": "ocid1.instance.oc1..i",
        "message": "web-1 GetInstance succeeded",
        "identity": {
            "principalName": "amara",
            "principalId": "ocid1.user.oc1..u",
            "authType": "natv",
            "callerName": "compute",
            "tenantId": "ocid1.tenancy.oc1..t",
            "ipAddress": "192.0.2.1",
            "userAgent": "curl",
        },
        "request": {"id": "r-1", "path": "/20160918/instances/i", "action": "GET"},
        "response": {"status": "200", "responseTime": "1970-01-01T00:00:02Z"},
        "additionalDetails": {"shape": "VM", "list": [{"a": 5}]},
    },
}


def in_cef(**part):
    return json.dumps({"formats": {"cef": part}})


def fields(text, format="cef"):
    return read_field_map("FIELD_MAP", text)[0].fields(format)


def warnings(text, format=None):
    return [warning.removeprefix("FIELD_MAP ") for warning in read_field_map("FIELD_MAP", text, format)[1]]


def problems(text):
    with pytest.raises(ConfigError) as failed:
        read_field_map("FIELD_MAP", text)
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
    return [problem.removeprefix("FIELD_MAP ") for problem in failed.value.problems]


def test_the_example_of_the_go_program_works_as_far_as_cef_allows():
    assert fields(GO_EXAMPLE) == Fields(
        renamed={"cs3": "cs1", "cs2": "dvchost", "cs1": "deviceExternalId"},
        ordered=("rt", "cs1", "suser", "src", "externalId"),
        labels={"cs1": "compartmentId"},
        device=Device("Oracle", "CloudInfrastructure", "1.0"),
    )
    assert fields(GO_EXAMPLE, "leef") == Fields(device=Device("Oracle", "CloudInfrastructure"))
    assert fields(GO_EXAMPLE, "json") is NO_FIELDS
    assert warnings(GO_EXAMPLE) == [
        "line 3, field_mappings.eventType: deviceEventClassId is a header field that contains the event type; the value is not added",
        "line 3, field_mappings.source: dvc accepts only an IPv4 address; the value is not added",
        "line 4, field_mappings.compartmentName: cs1Label is the label of cs1, and cannot contain a value; the value remains in cs4",
        "line 4, field_mappings.resourceId: this replaces data.identity.tenantId, which is no longer sent; "
        "if that is intended, add deviceExternalId to formats.cef.omit",
    ]
    assert warnings(GO_EXAMPLE, "json") == []


@pytest.mark.parametrize("read", [read_by_cefp, read_by_vector])
def test_the_fields_sent_with_the_example_of_the_go_program(read):
    head, sent = read(body(EVENT, fields=fields(GO_EXAMPLE)))
    assert head[:4] == ("Oracle", "CloudInfrastructure", "1.0", "com.oraclecloud.ComputeApi.GetInstance")
    assert {key: sent.get(key) for key in ("cs1", "cs1Label", "cs2", "cs3", "cs4", "dvc", "dvchost", "deviceExternalId", "suser")} == {
        "cs1": "ocid1.compartment.oc1..c",
        "cs1Label": "compartmentId",
        "cs2": None,
        "cs3": None,
        "cs4": "prod",
        "dvc": None,
        "dvchost": "web-1",
        "deviceExternalId": "ocid1.instance.oc1..i",
        "suser": "amara",
    }


def test_the_order_of_the_example_of_the_go_program():
    assert list(cef(EVENT, fields=fields(GO_EXAMPLE)))[:6] == ["rt", "cs1", "cs1Label", "suser", "src", "externalId"]


@pytest.mark.parametrize(
    "text", ["{}", '\ufeff{"formats": {"cef": {"rename": null}, "json": {}}}', '{"statistics": {}, "event_filtering": 5, "severity": {}}']
)
def test_a_file_without_names_has_no_effect(text):
    assert read_field_map("FIELD_MAP", text) == (FieldMap(), ())
    assert fields(text) is NO_FIELDS


@pytest.mark.parametrize("key", [key for key, path in CEF_SOURCES.items() if path.startswith(("event", "data"))])
def test_the_default_cef_keys_contain_the_documented_values(key):
    expected = {"rt": "1000", "end": "2000"}.get(key, get_path(EVENT, CEF_SOURCES[key]))
    assert cef(EVENT)[key] == expected
    assert len([name for name, value in cef(EVENT).items() if value == expected]) == 1


def test_a_short_name_stands_for_a_path_in_the_event():
    assert {
        name: get_path(EVENT, EVENT_PATHS[name]) for name in ("eventTime", "authType", "requestId", "requestAction", "status", "path")
    } == {
        "eventTime": "1970-01-01T00:00:01Z",
        "authType": "natv",
        "requestId": "r-1",
        "requestAction": "GET",
        "status": "200",
        "path": "/20160918/instances/i",
    }


@pytest.mark.parametrize(
    ("format", "part", "expected"),
    [
        ("cef", {"rename": {"suser": "sntdom", "outcome": "cs4"}, "omit": ["cs4"]}, Fields(
            renamed={"suser": "sntdom", "outcome": "cs4"}, omitted=frozenset(("cs4",)), labels={"cs4": "outcome"},
        )),
        ("cef", {"rename": {"cn1": "cn2", "cs6": "flexString1"}, "omit": ["flexString1"]}, Fields(
            renamed={"cn1": "cn2", "cs6": "flexString1"}, omitted=frozenset(("flexString1",)),
            labels={"cn2": "httpStatus", "flexString1": "requestId"},
        )),
        ("cef", {"add": {"dvchost": "source", "cn2": "data.additionalDetails.list.0.a", "app": "epimetheus.actor"}}, Fields(
            added={"dvchost": "source", "cn2": "data.additionalDetails.list.0.a", "app": "epimetheus.actor"}, labels={"cn2": "a"},
        )),
        ("cef", {"add": {"cs5": "epimetheus.compartmentPath"}, "rename": {"cs5": "app"}, "labels": {"cs5": "path", "cs1": "| ="}}, Fields(
            renamed={"cs5": "app"}, added={"cs5": "epimetheus.compartmentPath"}, labels={"cs5": "path", "cs1": "| ="},
        )),
        ("cef", {"add": {"dpriv": "callerId", "fname": "request.parameters.x", "dproc": "additionalDetails.shape"}}, Fields(
            added={"dpriv": "data.identity.callerId", "fname": "data.request.parameters.x", "dproc": "data.additionalDetails.shape"},
        )),
        ("cef", {"order": ["cs1", "rt"]}, Fields(ordered=("cs1", "rt"))),
        ("json", {
            "rename": {"principalName": "user", "data.identity.principalId": "data.identity.id", "epimetheus.compartmentPath": "path"},
            "add": {"a.b": "source"}, "omit": ["request.headers", "stateChange", "data.x"], "order": ["user", "data.identity.id"],
        }, Fields(
            renamed={
                "data.identity.principalName": "user", "data.identity.principalId": "data.identity.id",
                "epimetheus.compartmentPath": "path",
            },
            added={"a.b": "source"}, omitted=frozenset(("data.request.headers", "data.stateChange", "data.x")),
            ordered=("user", "data.identity.id"),
        )),
        ("leef", {"rename": {"usrName": "identHostName"}, "add": {"role": "epimetheus.actor"}, "omit": ["sev"], "order": ["role"]}, Fields(
            renamed={"usrName": "identHostName"}, added={"role": "epimetheus.actor"}, omitted=frozenset(("sev",)), ordered=("role",),
        )),
        ("ocsf", {"rename": {"actor.user.name": "actor.user.email_addr"}, "add": {"x": "status"}, "omit": ["api"]}, Fields(
            renamed={"actor.user.name": "actor.user.email_addr"}, added={"x": "data.response.status"}, omitted=frozenset(("api",)),
        )),
    ],
)  # fmt: skip
def test_each_format_has_its_own_names(format, part, expected):
    found, warned = read_field_map("FIELD_MAP", json.dumps({"formats": {format: part}}))
    assert found.fields(format) == expected
    assert warned == ()
    assert all(found.fields(other) is NO_FIELDS for other in {"cef", "json", "leef", "ocsf", "xml"} - {format})


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        ({"eventTime": "rt", "data.identity.principalName": "suser", "identity.principalId": "suid"}, Fields()),
        ({"principalName": "sntdom"}, Fields(renamed={"suser": "sntdom"})),
        ({"responseTime": "start", "ipAddress": "dst"}, Fields(renamed={"end": "start", "src": "dst"})),
        ({"status": "cfp1", "authType": "dvchost"}, Fields(renamed={"cn1": "cfp1", "cs5": "dvchost"}, labels={"cfp1": "httpStatus"})),
        ({"source": "dvchost", "additionalDetails.shape": "fname"}, Fields(
            added={"dvchost": "source", "fname": "data.additionalDetails.shape"},
        )),
        ({"callerId": "flexString1", "additionalDetails.port": "dpt"}, Fields(
            added={"flexString1": "data.identity.callerId", "dpt": "data.additionalDetails.port"}, labels={"flexString1": "callerId"},
        )),
        ({"resourceId": "cs2", "resourceName": "cs1"}, Fields(
            renamed={"cs1": "cs2", "cs2": "cs1"}, labels={"cs2": "resourceId", "cs1": "resourceName"},
        )),
        ({"principalName": "sntdom", "data.identity.principalName": "suser"}, Fields(
            renamed={"suser": "sntdom"}, added={"suser": "data.identity.principalName"},
        )),
        ({"principalName": "suser", "data.identity.principalName": "sntdom"}, Fields(added={"sntdom": "data.identity.principalName"})),
    ],
)  # fmt: skip
def test_mappings_of_the_go_program_rename_default_fields_and_add_others(mappings, expected):
    text = json.dumps({"field_mappings": mappings, "formats": {"cef": {"omit": ["flexString1"]}}})
    assert fields(text) == expected._replace(omitted=frozenset(("flexString1",)))
    assert warnings(text) == []


def test_the_cef_section_takes_precedence_over_the_keys_of_the_go_program():
    text = json.dumps({
        "formats": {"cef": {"rename": {"suser": "sntdom"}, "add": {"dvchost": "source"}, "order": ["sntdom"]}},
        "field_mappings": {"principalName": "fname", "authType": "dvchost"},
        "ordered_fields": ["rt"],
    })  # fmt: skip
    assert fields(text) == Fields(renamed={"suser": "sntdom"}, added={"dvchost": "source"}, ordered=("sntdom",))
    assert warnings(text) == [
        "line 1, field_mappings.authType: formats.cef.add.dvchost uses dvchost for another field; the value remains in cs5"
    ]


@pytest.mark.parametrize(
    ("field", "key", "expected"),
    [
        ("compartmentName", "cs1Label", "cs1Label is the label of cs1, and cannot contain a value; the value remains in cs4"),
        ("source", "flexString2Label", "flexString2Label is the label of flexString2, and cannot contain a value; the value is not added"),
        ("eventName", "name", "name is a header field that contains the event name; the value remains in act"),
        ("source", "deviceVendor", "deviceVendor is a header field that contains cef_vendor; the value is not added"),
        ("principalName", "dst", "dst accepts only an IPv4 address; the value remains in suser"),
        ("ipAddress", "c6a2", "c6a2 accepts only an IPv6 address; the value remains in src"),
        ("source", "cn2", "cn2 accepts only an integer; the value is not added"),
        ("eventTime", "cn2", "cn2 accepts only an integer; the value remains in rt"),
        ("status", "end", "end accepts only a time; the value remains in cn1"),
        ("owner", "cs1", "no event has a field with this name; nothing is sent for it"),
        (
            "authType",
            "cs1",
            "this replaces data.resourceId, which is no longer sent; if that is intended, add cs1 to formats.cef.omit",
        ),
        (
            "source",
            "reason",
            "this replaces the default value of reason, which is no longer sent; if that is intended, add reason to formats.cef.omit",
        ),
    ],
)
def test_a_rejected_name_is_a_warning_that_says_what_happens_instead(field, key, expected):
    assert warnings(f'{{"field_mappings":\n{{"{field}": "{key}"}}}}') == [f"line 2, field_mappings.{field}: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"lookups": {"a": 1},\n"cache_invalidation_rules": [1]}', [
            "line 1, lookups: this key applies to the Go program only and is ignored",
            "line 2, cache_invalidation_rules: this key applies to the Go program only and is ignored",
        ]),
        ('{"lookups": {}, "cache_invalidation_rules": []}', []),
        ('{"ordered_fields": ["principalName", "name", "cs2", "dvc"], "field_mappings": {"source": "dvchost"}}', [
            "line 1, ordered_fields[1]: no field is sent under this name; the entry has no effect",
            "line 1, ordered_fields[3]: no field is sent under this name; the entry has no effect",
        ]),
        ('{"field_mappings": {"principalName": "cs1",\n"callerId": "cs1"}}', [
            "line 1, field_mappings.principalName: this replaces data.resourceId, which is no longer sent; "
            "if that is intended, add cs1 to formats.cef.omit",
            "line 2, field_mappings.callerId: field_mappings.principalName uses cs1 for another field; the value is not added",
        ]),
        (in_cef(rename={"suser": "sntdom"}, order=["sntdom", "suser", "dvc"]), [
            "line 1, formats.cef.order[1]: no field is sent under this name; the entry has no effect",
            "line 1, formats.cef.order[2]: no field is sent under this name; the entry has no effect",
        ]),
        (in_cef(rename={"suser": "sntdom", "outcome": "cn2"}, omit=["rt", "suser"]), [
            "line 1, formats.cef.rename.outcome: cn2 accepts only an integer; the value remains in outcome",
            "line 1, formats.cef.rename.suser: formats.cef.omit[1] omits this field; it is not sent under any name",
        ]),
        (in_cef(add={"cs9Label": "source", "msg": "source", "cs1Label": "source", "app": "nowhere.x"}), [
            "line 1, formats.cef.add.cs1Label: cs1Label is the label of cs1, and cannot contain a value; the value is not added",
            "line 1, formats.cef.add.app: no event has a field with this name; nothing is sent for it",
            "line 1, formats.cef.add.msg: this replaces data.message, which is no longer sent; "
            "if that is intended, add msg to formats.cef.omit",
        ]),
        ('{"formats": {"json": {"rename": {"user": "x", "source": "data.message"}, "omit": ["secret", "other"]}}}', [
            "line 1, formats.json.rename.user: no event has a field with this name; nothing is sent for it",
            "line 1, formats.json.rename.source: this replaces data.message, which is no longer sent; "
            "if that is intended, add data.message to formats.json.omit",
            "line 1, formats.json.omit[0]: no event has a field with this name; nothing is omitted",
            "line 1, formats.json.omit[1]: no event has a field with this name; nothing is omitted",
        ]),
        ('{"formats": {"leef": {"rename": {"usrName": "src", "src": "dst", "cat": "url"}}}}', [
            "line 1, formats.leef.rename.usrName: src accepts only values of another type; the value remains in usrName",
            "line 1, formats.leef.rename.cat: this replaces the default value of url, which is no longer sent; "
            "if that is intended, add url to formats.leef.omit",
        ]),
    ],
)  # fmt: skip
def test_names_without_effect_or_with_an_unexpected_one_cause_warnings(text, expected):
    assert warnings(text) == expected


KEY = "up to 63 letters, digits and _"
PATH = "a path like data.identity.authType or epimetheus.outcome (docs/formats.md lists them)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"formats": {"cef": }}', ["line 1, column 21: invalid JSON: expected value"]),
        ('{"formats":\n{"xml": {}, "json": []}}', [
            "line 2, formats.json: expected a JSON object",
            "line 2, formats.xml: unknown key; expected one of cef, json, leef, ocsf",
        ]),
        ('{"formats": {"json": {"labels": {}, "omits": []}}}', [
            "line 1, formats.json.labels: unknown key; expected one of rename, add, omit, order",
            "line 1, formats.json.omits: unknown key. Did you mean omit?",
        ]),
        ('{"cef_vendor": "a",\n"cef_vendor": "b"}', ["line 2, cef_vendor: duplicate key"]),
        (in_cef(rename={"suserr": "x", "suid": "a-b"}, omit=["usrName"]), [
            "line 1, formats.cef.rename.suserr: invalid key: expected a default CEF key. Did you mean suser?",
            f"line 1, formats.cef.rename.suid: expected {KEY}",
            "line 1, formats.cef.omit[0]: expected a default CEF key",
        ]),
        (in_cef(add={"a b": "source", "b": "epimetheus.actors", "c": "a..b", "d": "", "e": "epimetheus"}, order=["x="]), [
            f"line 1, formats.cef.add.a b: invalid key: expected {KEY}",
            *[f"line 1, formats.cef.add.{key}: expected {PATH}" for key in "bcde"],
            f"line 1, formats.cef.order[0]: expected {KEY}",
        ]),
        (in_cef(labels={"suser": "x", "cs1": "a\nb", "cs2": " ", "cs3": "x" * 129}), [
            "line 1, formats.cef.labels.suser: invalid key: expected a key that has a label, like cs1, cn1 or flexString1",
            *[f"line 1, formats.cef.labels.cs{n}: expected 1 to 128 characters without control characters" for n in (1, 2, 3)],
        ]),
        (in_cef(rename={"suser": "sntdom", "suid": "sntdom"}, add={"sntdom": "source"}), [
            "line 1, formats.cef.rename.suid: formats.cef.rename.suser already uses this name; expected a different name",
            "line 1, formats.cef.add.sntdom: formats.cef.rename.suser already uses this name; expected a different name",
        ]),
        ('{"field_mappings": {"suser": "a b", "source": "é", "epimetheus.x": "cs1", "a": "cs2", "": 5}}', [
            f"line 1, field_mappings.suser: expected {KEY}",
            f"line 1, field_mappings.source: expected {KEY}",
            f"line 1, field_mappings.epimetheus.x: invalid key: expected {PATH}",
            f"line 1, field_mappings.…: invalid key: expected {PATH}",
            "line 1, field_mappings.…: expected a string",
        ]),
        (json.dumps({"cef_vendor": "", "cef_product": "x" * 64, "cef_version": "1" * 32}), [
            "line 1, cef_vendor: expected 1 to 63 characters without control characters",
            "line 1, cef_product: expected 1 to 63 characters without control characters",
            "line 1, cef_version: expected 1 to 31 characters without control characters",
        ]),
        ('{"cef_vendor": "a\\u001b", "cef_product": "a\\u2028", "cef_version": 1.0, "ordered_fields": "rt"}', [
            "line 1, ordered_fields: expected an array of strings",
            "line 1, cef_vendor: expected 1 to 63 characters without control characters",
            "line 1, cef_product: expected 1 to 63 characters without control characters",
            "line 1, cef_version: expected a string",
        ]),
        ('{"formats": {"leef": {"rename": {"usrname": "x"}, "omit": ["a.b"]}, "json": {"rename": {"a.": "b"}, "omit": [""]}}}', [
            "line 1, formats.json.rename.a.: invalid key: expected a name, or a path like data.identity.user",
            "line 1, formats.json.omit[0]: expected a name, or a path like data.identity.user",
            "line 1, formats.leef.rename.usrname: invalid key: expected a default LEEF key. Did you mean usrName?",
            "line 1, formats.leef.omit[0]: expected a default LEEF key",
        ]),
    ],
)  # fmt: skip
def test_every_problem_is_reported_with_line_and_path(text, expected):
    assert problems(text) == expected


def test_leef_sends_only_its_default_keys():
    sent = body({**EVENT, "data": {**EVENT["data"], "response": {"status": "404"}}}, format="leef").split("|^|")[1]
    assert {pair.partition("=")[0] for pair in sent.split("^")} <= set(LEEF_KEYS)


@pytest.mark.parametrize("part", ["rename", "omit"])
def test_a_map_of_a_million_characters_is_read_quickly(part):
    names = [f"data.x{number}" for number in range(40_000)]
    text = json.dumps({"formats": {"json": {part: names if part == "omit" else {name: f"y.{name}" for name in names}}}})
    began = time.process_time()
    assert len(getattr(fields(text, "json"), {"rename": "renamed", "omit": "omitted"}[part])) == 40_000
    assert time.process_time() - began < 20
