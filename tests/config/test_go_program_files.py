"""Whole files of the Go program, of both generations, as FIELD_MAP and as RULES: they are accepted, and what has no effect is a warning."""

import json
from pathlib import Path

import pytest

from epimetheus.config.field_map import read_field_map
from epimetheus.config.rules_file import EventFiltering, RateLimit, UserFiltering, read_rules
from epimetheus.errors import ConfigError
from epimetheus.render.custom_fields import Device, Fields
from tests.config.test_field_map import EVENT
from tests.render.helpers import body, read_by_cefp, read_by_vector

DATA = Path(__file__).parents[1] / "data" / "go_program"
FIRST, NEWEST = ((DATA / name).read_text("utf-8") for name in ("field_map_1.json", "field_map_2.json"))
ORACLE = Device("Oracle", "CloudInfrastructure", "1.0")


def field_warnings(text, format="cef"):
    """Path → text of each warning about FIELD_MAP."""
    found: dict[str, str] = {}
    for warning in read_field_map("FIELD_MAP", text, format)[1]:
        path, _, what = warning.partition(", ")[2].removeprefix("service_mappings.").partition(": ")
        found[path] = f"{found[path]} | {what}" if path in found else what
    return found


def rule_warnings(text):
    return [warning.partition(", event_filtering.")[2] for warning in read_rules("RULES", text)[1]]


def test_the_first_generation_maps_fields_for_cef():
    assert read_field_map("FIELD_MAP", FIRST)[0].fields("cef") == Fields(
        renamed={"cs3": "cs1", "cs2": "dvchost", "cs1": "deviceExternalId", "suid": "cs3", "cs5": "cs4", "deviceExternalId": "cs5"},
        added={"cs2": "data.eventName"},
        ordered=("rt", "cs1", "cs2", "suser", "dvchost", "src", "externalId", "deviceExternalId", "requestClientApplication"),
        labels={"cs1": "compartmentId", "cs2": "eventName", "cs3": "principalId", "cs4": "authType", "cs5": "tenantId"},
        device=ORACLE,
    )
    assert field_warnings(FIRST) == {
        "field_mappings.eventType": "deviceEventClassId is a header field that contains the event type; the value is not added",
        "field_mappings.source": "dvc accepts only an IPv4 address; the value is not added",
        "field_mappings.compartmentName": "cs1Label is the label of cs1, and cannot contain a value; the value is not added",
        "field_mappings.authType": (
            "this replaces data.compartmentName, which is no longer sent; if that is intended, add cs4 to formats.cef.omit"
        ),
        "field_mappings.eventTypeName": "no event has this field, which the Go program added; the real name is eventName",
    }


def test_the_newest_generation_maps_fields_of_each_service():
    field_map, _ = read_field_map("FIELD_MAP", NEWEST)
    audit, problems = field_map.fields("cef"), field_map.problem_fields
    assert audit.renamed == {
        "cs3": "cs1", "cs2": "dvchost", "cs1": "deviceExternalId", "suid": "cs3", "cs5": "cs4", "deviceExternalId": "cs5",
        "sourceServiceName": "cs6", "requestMethod": "act", "cs6": "requestId", "cn1": "outcome",
    }  # fmt: skip
    assert audit.added == {
        "cs2": "data.eventName",
        "requestContext": "data.request.parameters",
        "msg": "data.response.message",
        "deviceCustomString1": "data.additionalDetails.imageId",
    }
    assert problems.renamed == {
        "start": "rt", "rt": "end", "cs3": "cs2", "flexString2": "cs1", "cs2": "dvchost", "cs1": "deviceExternalId", "cfp1": "cfp2",
        "cs5": "reason",
    }  # fmt: skip
    assert problems.added == {
        "deviceCustomString5": "data.lifecycleState", "deviceCustomString6": "data.labels", "cs3": "data.targetId",
    }  # fmt: skip
    assert problems.labels == {"cs1": "riskLevel", "cs2": "compartmentId", "cs3": "targetId", "cfp2": "riskScore"}
    assert (audit.device, problems.device) == (ORACLE, ORACLE)
    assert (audit.ordered[:3], problems.ordered[:3]) == (("rt", "cs1", "cs2"), ("rt", "cs1", "cs2"))


def test_what_the_newest_generation_asks_for_in_vain_is_a_warning():
    label = "{0}Label is the label of {0}, and cannot contain a value; {1}".format
    replaces = "this replaces {}, which is no longer sent; if that is intended, add {} to formats.cef.omit".format
    absent, renamed = "no problem has a field with this name; nothing is sent for it", "no problem has this field; the real name is "
    number = "{} accepts only a number; the value remains in {}".format
    assert field_warnings(NEWEST) == {
        "audit.field_mappings.eventType": "deviceEventClassId is a header field that contains the event type; the value is not added",
        "audit.field_mappings.source": "dvc accepts only an IPv4 address; the value is not added",
        "audit.field_mappings.compartmentName": label("cs1", "the value is not added"),
        "audit.nested_field_mappings.identity.authType": replaces("data.compartmentName", "cs4"),
        "audit.field_mappings.eventTypeName": "no event has this field, which the Go program added; the real name is eventName",
        "audit.field_mappings.availabilityDomain": label("cs2", "the value is not added"),
        "audit.nested_field_mappings.identity.callerId": label("cs6", "the value is not added"),
        "audit.nested_field_mappings.identity.credentials": label("cs3", "the value is not added"),
        "audit.nested_field_mappings.request.action": replaces("data.eventName", "act"),
        "audit.nested_field_mappings.response.status": replaces("the default value of outcome", "outcome"),
        "audit.nested_field_mappings.response.message": replaces("data.message", "msg"),
        "audit.nested_field_mappings.response.headers.opc-request-id": (
            "service_mappings.audit.field_mappings.eventId uses externalId for another field; the value is not added"
        ),
        "cloudguard.field_mappings.timeCreated": f"{renamed}timeFirstDetected",
        "cloudguard.field_mappings.timeUpdated": f"{renamed}timeLastDetected",
        "cloudguard.field_mappings.problemType": (
            "deviceEventClassId is a header field that contains the event type; the value is not added"
            f" | {renamed}detectorRuleId"
        ),
        "cloudguard.field_mappings.status": (
            f"{label('cs1', 'the value remains in cs6')} | {renamed}lifecycleDetail"
        ),
        "cloudguard.field_mappings.detectorId": label("cs3", "the value remains in cat"),
        "cloudguard.field_mappings.detectorType": absent,
        "cloudguard.field_mappings.isEnabled": absent,
        "cloudguard.field_mappings.detectorRulesCount": absent,
        "cloudguard.nested_field_mappings.details.affectedResourceId": f"{number('cfp1', 'deviceExternalId')} | {renamed}resourceId",
        "cloudguard.nested_field_mappings.details.affectedResourceName": (
            f"{label('cfp1', 'the value remains in dvchost')} | {renamed}resourceName"
        ),
        "cloudguard.nested_field_mappings.details.riskScore": f"{renamed}riskScore",
        "cloudguard.nested_field_mappings.details.region": f"cfp3 accepts only a number; the value is not added | {renamed}regions",
        "cloudguard.nested_field_mappings.details.recommendation": f"{renamed}recommendation",
        "cloudguard.nested_field_mappings.details.severity": f"{number('cfp4', 'cs1')} | {renamed}riskLevel",
        "cloudguard.nested_field_mappings.details.category": f"{label('cfp4', 'the value remains in cat')} | {renamed}detectorId",
        "logging": "VCN flow logs are not forwarded; these names are ignored",
    }
    of_audit = read_field_map("FIELD_MAP", NEWEST, "cef", cloud_guard=False)[1]
    assert (len(of_audit), any("cloudguard" in warning for warning in of_audit)) == (13, False)
    assert field_warnings(NEWEST, "json") == {"logging": "VCN flow logs are not forwarded; these names are ignored"}


@pytest.mark.parametrize("read", [read_by_cefp, read_by_vector])
def test_a_message_with_the_names_of_the_newest_generation(read):
    head, sent = read(body(EVENT, fields=read_field_map("FIELD_MAP", NEWEST)[0].fields("cef")))
    assert head[:4] == ("Oracle", "CloudInfrastructure", "1.0", "com.oraclecloud.ComputeApi.GetInstance")
    wanted = {
        "cs1": "ocid1.compartment.oc1..c", "cs1Label": "compartmentId", "cs2": "GetInstance", "cs2Label": "eventName", "suser": "amara",
        "cs3": "ocid1.user.oc1..u", "cs3Label": "principalId", "cs6": "compute", "act": "GET", "outcome": "200", "requestId": "r-1",
        "externalId": "e-1", "dvchost": "web-1", "deviceExternalId": "ocid1.instance.oc1..i", "cs5": "ocid1.tenancy.oc1..t",
    }  # fmt: skip
    assert {key: sent.get(key) for key in wanted} == wanted


def test_the_rules_of_both_generations_work_as_they_are():
    users = UserFiltering(exclude_service_accounts=True)
    limit = {"com.oraclecloud.ComputeApi.GetInstance": RateLimit(max_per_hour=100)}
    assert read_rules("RULES", FIRST)[0].event_filtering == EventFiltering(
        excluded_events=("com.oraclecloud.ComputeApi.ListInstances", "com.oraclecloud.identityControlPlane.ListUsers"),
        rate_limiting=limit,
        priority_events=("com.oraclecloud.ComputeApi.TerminateInstance", "com.oraclecloud.identityControlPlane.CreateUser"),
        user_filtering=users,
    )
    newest = read_rules("RULES", NEWEST)[0].event_filtering
    assert newest.rate_limiting == {**limit, "CONFIGURATION_DRIFT_DETECTED": RateLimit(max_per_hour=50)}
    assert newest.priority_events[1:] == ("CloudGuardProblem.PUBLIC_BUCKET", "SUSPICIOUS_ACTIVITY_DETECTED")
    assert rule_warnings(FIRST) == []
    assert rule_warnings(NEWEST) == [
        "excluded_events[1]: matches nothing: of Cloud Guard, only problems are forwarded, as CloudGuardProblem.RULE"
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("CloudGuardProblem.*", []),
        ("cloudguardproblem.PUBLIC_BUCKET", []),
        ("CloudGuard*.PUBLIC_BUCKET", []),
        ("CloudGuardTarget.TENANCY", ["of Cloud Guard, only problems are forwarded, as CloudGuardProblem.RULE"]),
        ("CloudGuardDetector.*", ["of Cloud Guard, only problems are forwarded, as CloudGuardProblem.RULE"]),
        ("VCNFlowLog", ["VCN flow logs are not forwarded"]),
    ],
)
def test_names_of_what_only_the_go_program_forwarded_are_warnings(pattern, expected):
    text = json.dumps({"event_filtering": {"never_drop": [pattern]}, "severity": {}})
    assert rule_warnings(text) == [f"never_drop[0]: matches nothing: {what}" for what in expected]


def test_comments_are_ignored_anywhere():
    comment = {"_comment": 1, "_comment_a": ["x", {"_comment": None}], "_commented": {"a": 1, "suser": 5}}
    cef = {"rename": {"suser": "sntdom", **comment}, **comment}
    text = json.dumps({"formats": {"cef": cef, **comment}, "field_mappings": {**comment, "source": "dvchost"}, **comment})
    assert read_field_map("FIELD_MAP", text) == (
        read_field_map("FIELD_MAP", '{"formats": {"cef": {"rename": {"suser": "sntdom"}}}, "field_mappings": {"source": "dvchost"}}')[0],
        (),
    )
    filtering = {"rate_limiting": {"Get*": {"max_per_hour": 1, **comment}, **comment}, "user_filtering": comment, **comment}
    rules, warned = read_rules("RULES", json.dumps({"event_filtering": filtering, "severity": {"A": 1, **comment}, "statistics": comment}))
    assert (rules.event_filtering.rate_limiting, rules.severity, warned) == ({"Get*": RateLimit(max_per_hour=1)}, {"A": 1}, ())


def test_repeated_comments_are_no_duplicate_keys():
    text = '{"_comment": "a", "_comment": {"b": 1, "b": 2}, "severity": {"A": 1, "_comment": "x", "_comment": "y"}}'
    assert read_rules("RULES", text)[0].severity == {"A": 1}
    with pytest.raises(ConfigError, match=r"severity\.A: duplicate key"):
        read_rules("RULES", text.replace('"_comment": "x"', '"A": 2'))


def test_names_of_a_service_take_the_place_of_the_names_for_all():
    text = json.dumps({
        "field_mappings": {"principalName": "sntdom"},
        "service_mappings": {"audit": {"field_mappings": {"principalName": "duser"}}},
    })  # fmt: skip
    assert read_field_map("FIELD_MAP", text)[0].fields("cef") == Fields(renamed={"suser": "duser"})
    assert field_warnings(text) == {
        "field_mappings": "service_mappings.audit takes the place of these names; they are ignored",
        "audit.field_mappings.principalName": "this replaces the default value of duser, which is no longer sent; "
        "if that is intended, add duser to formats.cef.omit",
    }
    other = text.replace('"audit"', '"cloudguard"')
    assert read_field_map("FIELD_MAP", other)[0].fields("cef") == Fields(renamed={"suser": "sntdom"})


def test_a_name_that_never_existed_is_reported_once():
    text = json.dumps({"service_mappings": {"cloudguard": {
        "field_mappings": {"problemType": "cs1"}, "nested_field_mappings": {"details.problemType": "cs2", "problemType": "cs3"},
    }}})  # fmt: skip
    field_map, _ = read_field_map("FIELD_MAP", text)
    assert field_map.problem_fields.added == {
        "cs1": "data.detectorRuleId", "cs2": "data.additionalDetails.problemType", "cs3": "data.detectorRuleId"
    }  # fmt: skip
    replaces, renamed = "this replaces data.{}, which is no longer sent".format, "no problem has this field; the real name is {}".format
    assert field_warnings(text) == {
        "cloudguard.field_mappings.problemType": f"{replaces('resourceId')} | {renamed('detectorRuleId')}",
        "cloudguard.nested_field_mappings.problemType": replaces("compartmentId"),
        "cloudguard.nested_field_mappings.details.problemType": (
            f"{replaces('resourceName')} | {renamed('additionalDetails.problemType')}"
        ),
    }


def test_a_rejected_name_of_a_field_that_has_another_one_already():
    text = json.dumps({"field_mappings": {"principalName": "sntdom", "data.identity.principalName": "cs1Label"}})
    label = "cs1Label is the label of cs1, and cannot contain a value"
    assert field_warnings(text) == {"field_mappings.data.identity.principalName": f"{label}; the value remains in sntdom"}


def test_an_unknown_service_is_an_error():
    with pytest.raises(ConfigError) as caught:
        read_field_map("FIELD_MAP", '{"service_mappings": {"audits": {}, "dns": {"field_mappings": {}}}}')
    assert list(caught.value.problems) == [
        "FIELD_MAP line 1, service_mappings.audits: unknown key. Did you mean audit?",
        "FIELD_MAP line 1, service_mappings.dns: unknown key; expected one of audit, cloudguard, logging",
    ]
