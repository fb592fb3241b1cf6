"""The field map: the user's own names, the Go program's, and what is said where a name can not be had."""

import json
import time

import pytest

from epimetheus.config.field_map import FieldMap, read_field_map
from epimetheus.config.field_names import HELD, IN_LEEF, PATHS
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


def test_the_go_programs_example_works_as_far_as_cef_allows():
    assert fields(GO_EXAMPLE) == Fields(
        renamed={"cs3": "cs1", "cs2": "dvchost", "cs1": "deviceExternalId"},
        ordered=("rt", "cs1", "suser", "src", "externalId"),
        labels={"cs1": "compartmentId"},
        device=Device("Oracle", "CloudInfrastructure", "1.0"),
    )
    assert fields(GO_EXAMPLE, "leef") == Fields(device=Device("Oracle", "CloudInfrastructure"))
    assert fields(GO_EXAMPLE, "json") is NO_FIELDS
    assert warnings(GO_EXAMPLE) == [
        "line 3, field_mappings.eventType: deviceEventClassId is a field of the header and holds the event type, it is not added",
        "line 3, field_mappings.source: dvc takes nothing but an IPv4 address, it is not added",
        "line 4, field_mappings.compartmentName: cs1Label says what cs1 holds, and never holds a value, it stays in cs4",
        "line 4, field_mappings.resourceId: this takes the place of data.identity.tenantId, which is not sent any more; "
        "where that is meant, formats.cef.omit should say so",
    ]
    assert warnings(GO_EXAMPLE, "json") == []


@pytest.mark.parametrize("read", [read_by_cefp, read_by_vector])
def test_what_is_sent_by_the_go_programs_example(read):
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


def test_what_comes_first_in_the_go_programs_example_comes_first():
    assert list(cef(EVENT, fields=fields(GO_EXAMPLE)))[:6] == ["rt", "cs1", "cs1Label", "suser", "src", "externalId"]


@pytest.mark.parametrize(
    "text", ["{}", '\ufeff{"formats": {"cef": {"rename": null}, "json": {}}}', '{"statistics": {}, "event_filtering": 5, "severity": {}}']
)
def test_a_file_without_names_changes_nothing(text):
    assert read_field_map("FIELD_MAP", text) == (FieldMap(), ())
    assert fields(text) is NO_FIELDS


@pytest.mark.parametrize("key", [key for key, path in HELD.items() if path.startswith(("event", "data"))])
def test_cef_holds_by_default_what_is_said_here(key):
    expected = {"rt": "1000", "end": "2000"}.get(key, get_path(EVENT, HELD[key]))
    assert cef(EVENT)[key] == expected
    assert len([name for name, value in cef(EVENT).items() if value == expected]) == 1


def test_a_short_name_leads_where_events_have_it():
    assert {name: get_path(EVENT, PATHS[name]) for name in ("eventTime", "authType", "requestId", "requestAction", "status", "path")} == {
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
        ("cef", {"rename": {"suser": "duser", "outcome": "cs4"}, "omit": ["cs4"]}, Fields(
            renamed={"suser": "duser", "outcome": "cs4"}, omitted=frozenset(("cs4",)), labels={"cs4": "outcome"},
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
        ("cef", {"add": {"duid": "callerId", "fname": "request.parameters.x", "dproc": "additionalDetails.shape"}}, Fields(
            added={"duid": "data.identity.callerId", "fname": "data.request.parameters.x", "dproc": "data.additionalDetails.shape"},
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
def test_each_format_has_names_of_its_own(format, part, expected):
    found, said = read_field_map("FIELD_MAP", json.dumps({"formats": {format: part}}))
    assert found.fields(format) == expected
    assert said == ()
    assert all(found.fields(other) is NO_FIELDS for other in {"cef", "json", "leef", "ocsf", "xml"} - {format})


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        ({"eventTime": "rt", "data.identity.principalName": "suser", "identity.principalId": "suid"}, Fields()),
        ({"principalName": "duser"}, Fields(renamed={"suser": "duser"})),
        ({"responseTime": "start", "ipAddress": "dst"}, Fields(renamed={"end": "start", "src": "dst"})),
        ({"status": "cfp1", "authType": "dvchost"}, Fields(renamed={"cn1": "cfp1", "cs5": "dvchost"}, labels={"cfp1": "httpStatus"})),
        ({"source": "dvchost", "additionalDetails.shape": "fname"}, Fields(
            added={"dvchost": "source", "fname": "data.additionalDetails.shape"},
        )),
        ({"callerId": "flexString1", "additionalDetails.port": "spt"}, Fields(
            added={"flexString1": "data.identity.callerId", "spt": "data.additionalDetails.port"}, labels={"flexString1": "callerId"},
        )),
        ({"resourceId": "cs2", "resourceName": "cs1"}, Fields(
            renamed={"cs1": "cs2", "cs2": "cs1"}, labels={"cs2": "resourceId", "cs1": "resourceName"},
        )),
        ({"principalName": "duser", "data.identity.principalName": "suser"}, Fields(
            renamed={"suser": "duser"}, added={"suser": "data.identity.principalName"},
        )),
        ({"principalName": "suser", "data.identity.principalName": "duser"}, Fields(added={"duser": "data.identity.principalName"})),
    ],
)  # fmt: skip
def test_the_go_programs_mappings_are_renames_where_cef_has_the_field_and_else_additions(mappings, expected):
    text = json.dumps({"field_mappings": mappings, "formats": {"cef": {"omit": ["flexString1"]}}})
    assert fields(text) == expected._replace(omitted=frozenset(("flexString1",)))
    assert warnings(text) == []


def test_the_part_for_cef_comes_before_the_go_programs_keys():
    text = json.dumps({
        "formats": {"cef": {"rename": {"suser": "duser"}, "add": {"dvchost": "source"}, "order": ["duser"]}},
        "field_mappings": {"principalName": "fname", "authType": "dvchost"},
        "ordered_fields": ["rt"],
    })  # fmt: skip
    assert fields(text) == Fields(renamed={"suser": "duser"}, added={"dvchost": "source"}, ordered=("duser",))
    assert warnings(text) == ["line 1, field_mappings.authType: formats.cef.add.dvchost takes dvchost for something else, it stays in cs5"]


@pytest.mark.parametrize(
    ("field", "key", "expected"),
    [
        ("compartmentName", "cs1Label", "cs1Label says what cs1 holds, and never holds a value, it stays in cs4"),
        ("source", "flexString2Label", "flexString2Label says what flexString2 holds, and never holds a value, it is not added"),
        ("eventName", "name", "name is a field of the header and holds the event's name, it stays in act"),
        ("source", "deviceVendor", "deviceVendor is a field of the header and holds cef_vendor, it is not added"),
        ("principalName", "dst", "dst takes nothing but an IPv4 address, it stays in suser"),
        ("ipAddress", "c6a2", "c6a2 takes nothing but an IPv6 address, it stays in src"),
        ("source", "cn2", "cn2 takes nothing but a whole number, it is not added"),
        ("eventTime", "cn2", "cn2 takes nothing but a whole number, it stays in rt"),
        ("status", "end", "end takes nothing but a time, it stays in cn1"),
        ("owner", "cs1", "no event has a field of this name, nothing is sent for it"),
        (
            "authType",
            "cs1",
            "this takes the place of data.resourceId, which is not sent any more; where that is meant, formats.cef.omit should say so",
        ),
        (
            "source",
            "reason",
            "this takes the place of what reason holds by default, which is not sent any more; "
            "where that is meant, formats.cef.omit should say so",
        ),
    ],
)
def test_a_name_that_can_not_be_had_is_a_warning_that_says_what_is_instead(field, key, expected):
    assert warnings(f'{{"field_mappings":\n{{"{field}": "{key}"}}}}') == [f"line 2, field_mappings.{field}: {expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"lookups": {"a": 1},\n"cache_invalidation_rules": [1]}', [
            "line 1, lookups: this asked the API of the Go program and means nothing here, it is not looked at",
            "line 2, cache_invalidation_rules: this asked the API of the Go program and means nothing here, it is not looked at",
        ]),
        ('{"lookups": {}, "cache_invalidation_rules": []}', []),
        ('{"ordered_fields": ["principalName", "name", "cs2", "dvc"], "field_mappings": {"source": "dvchost"}}', [
            "line 1, ordered_fields[1]: nothing is sent under this name, it changes nothing",
            "line 1, ordered_fields[3]: nothing is sent under this name, it changes nothing",
        ]),
        (in_cef(rename={"suser": "duser"}, order=["duser", "suser", "dvc"]), [
            "line 1, formats.cef.order[1]: nothing is sent under this name, it changes nothing",
            "line 1, formats.cef.order[2]: nothing is sent under this name, it changes nothing",
        ]),
        (in_cef(rename={"suser": "duser", "outcome": "cn2"}, omit=["rt", "suser"]), [
            "line 1, formats.cef.rename.outcome: cn2 takes nothing but a whole number, it stays in outcome",
            "line 1, formats.cef.rename.suser: formats.cef.omit[1] leaves it out, it is not sent under any name",
        ]),
        (in_cef(add={"cs9Label": "source", "msg": "source", "cs1Label": "source", "app": "nowhere.x"}), [
            "line 1, formats.cef.add.cs1Label: cs1Label says what cs1 holds, and never holds a value, it is not added",
            "line 1, formats.cef.add.app: no event has a field of this name, nothing is sent for it",
            "line 1, formats.cef.add.msg: this takes the place of data.message, which is not sent any more; "
            "where that is meant, formats.cef.omit should say so",
        ]),
        ('{"formats": {"json": {"rename": {"user": "x", "source": "data.message"}, "omit": ["secret", "other"]}}}', [
            "line 1, formats.json.rename.user: no event has a field of this name, nothing is sent for it",
            "line 1, formats.json.rename.source: this takes the place of data.message, which is not sent any more; "
            "where that is meant, formats.json.omit should say so",
            "line 1, formats.json.omit[0]: no event has a field of this name, nothing is left out by it",
            "line 1, formats.json.omit[1]: no event has a field of this name, nothing is left out by it",
        ]),
        ('{"formats": {"leef": {"rename": {"usrName": "src", "src": "dst", "cat": "url"}}}}', [
            "line 1, formats.leef.rename.usrName: src takes values of another type, it stays in usrName",
            "line 1, formats.leef.rename.cat: this takes the place of what url holds by default, which is not sent any more; "
            "where that is meant, formats.leef.omit should say so",
        ]),
    ],
)  # fmt: skip
def test_what_comes_to_nothing_or_to_the_unexpected_is_told(text, expected):
    assert warnings(text) == expected


KEY = "up to 63 letters, digits and _"
PATH = "a path like data.identity.authType, or epimetheus.compartmentPath, epimetheus.actor, epimetheus.tamperWatch"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"formats": {"cef": }}', ["line 1, column 21: it is not JSON: expected value"]),
        ('{"formats":\n{"xml": {}, "json": []}}', [
            "line 2, formats.json: allowed is a JSON object",
            "line 2, formats.xml: there is no such key; the nearest is leef",
        ]),
        ('{"formats": {"json": {"labels": {}, "omits": []}}}', [
            "line 1, formats.json.labels: there is no such key; the nearest is add",
            "line 1, formats.json.omits: there is no such key; the nearest is omit",
        ]),
        ('{"cef_vendor": "a",\n"cef_vendor": "b"}', ["line 2, cef_vendor: this key stands twice"]),
        (in_cef(rename={"suserr": "x", "suid": "a-b"}, omit=["usrName"]), [
            "line 1, formats.cef.rename.suserr: allowed as a key is one that CEF has by default; the nearest is suser",
            f"line 1, formats.cef.rename.suid: allowed is {KEY}",
            "line 1, formats.cef.omit[0]: allowed is one that CEF has by default; the nearest is suser",
        ]),
        (in_cef(add={"a b": "source", "b": "epimetheus.actors", "c": "a..b", "d": "", "e": "epimetheus"}, order=["x="]), [
            f"line 1, formats.cef.add.a b: allowed as a key is {KEY}",
            *[f"line 1, formats.cef.add.{key}: allowed is {PATH}" for key in "bcde"],
            f"line 1, formats.cef.order[0]: allowed is {KEY}",
        ]),
        (in_cef(labels={"suser": "x", "cs1": "a\nb", "cs2": " ", "cs3": "x" * 129}), [
            "line 1, formats.cef.labels.suser: allowed as a key is one with a label, like cs1, cn1 or flexString1",
            *[f"line 1, formats.cef.labels.{key}: allowed is 1 to 128 characters, no control characters" for key in ("cs1", "cs2", "cs3")],
        ]),
        (in_cef(rename={"suser": "duser", "suid": "duser"}, add={"duser": "source"}), [
            "line 1, formats.cef.rename.suid: formats.cef.rename.suser has the same name, allowed is one for each",
            "line 1, formats.cef.add.duser: formats.cef.rename.suser has the same name, allowed is one for each",
        ]),
        ('{"field_mappings": {"suser": "a b", "source": "é", "epimetheus.x": "cs1", "a": "cs2", "": 5}}', [
            f"line 1, field_mappings.suser: allowed is {KEY}",
            f"line 1, field_mappings.source: allowed is {KEY}",
            f"line 1, field_mappings.epimetheus.x: allowed as a key is {PATH}",
            f"line 1, field_mappings.…: allowed as a key is {PATH}",
            "line 1, field_mappings.…: allowed is a text",
        ]),
        ('{"field_mappings": {"principalName": "cs1",\n"callerId": "cs1"}}', [
            "line 2, field_mappings.callerId: field_mappings.principalName has the same name, allowed is one for each",
        ]),
        (json.dumps({"cef_vendor": "", "cef_product": "x" * 64, "cef_version": "1" * 32}), [
            "line 1, cef_vendor: allowed is 1 to 63 characters, no control characters",
            "line 1, cef_product: allowed is 1 to 63 characters, no control characters",
            "line 1, cef_version: allowed is 1 to 31 characters, no control characters",
        ]),
        ('{"cef_vendor": "a\\u001b", "cef_product": "a\\u2028", "cef_version": 1.0, "ordered_fields": "rt"}', [
            "line 1, ordered_fields: allowed is a list of texts",
            "line 1, cef_vendor: allowed is 1 to 63 characters, no control characters",
            "line 1, cef_product: allowed is 1 to 63 characters, no control characters",
            "line 1, cef_version: allowed is a text",
        ]),
        ('{"formats": {"leef": {"rename": {"usrname": "x"}, "omit": ["a.b"]}, "json": {"rename": {"a.": "b"}, "omit": [""]}}}', [
            "line 1, formats.json.rename.a.: allowed as a key is a name, or a path like data.identity.user",
            "line 1, formats.json.omit[0]: allowed is a name, or a path like data.identity.user",
            "line 1, formats.leef.rename.usrname: allowed as a key is one that LEEF has by default; the nearest is usrName",
            "line 1, formats.leef.omit[0]: allowed is one that LEEF has by default; the nearest is cat",
        ]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_told_with_line_and_path(text, expected):
    assert problems(text) == expected


def test_leef_has_by_default_what_it_sends():
    sent = body({**EVENT, "data": {**EVENT["data"], "response": {"status": "404"}}}, format="leef").split("|^|")[1]
    assert {pair.partition("=")[0] for pair in sent.split("^")} <= set(IN_LEEF)


@pytest.mark.parametrize("part", ["rename", "omit"])
def test_a_map_of_a_million_characters_is_read_soon(part):
    names = [f"data.x{number}" for number in range(40_000)]
    text = json.dumps({"formats": {"json": {part: names if part == "omit" else {name: f"y.{name}" for name in names}}}})
    began = time.process_time()
    assert len(getattr(fields(text, "json"), {"rename": "renamed", "omit": "omitted"}[part])) == 40_000
    assert time.process_time() - began < 20
