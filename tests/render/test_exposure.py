"""Calls that expose something are as severe as what they expose; the same calls without it are not."""

import json
import time

import pytest

from epimetheus.render.exposure import EXPOSURES
from epimetheus.render.severity import Severity
from tests.render.helpers import body, event, fetched, parts, read_by_cefp, render


def severity(raw):
    return int(read_by_cefp(body(raw))[0][5])


def changed(name, previous, current, service="things", **data):
    return event(name, f"com.oraclecloud.{service}.{name}", stateChange={"previous": previous, "current": current}, **data)


def public(value):
    return {"publicAccessType": value, "name": "b"}


ANY, ANY6 = {"source": "0.0.0.0/0", "protocol": "6"}, {"source": "::/0", "protocol": "6"}
OWN = {"source": "10.0.0.0/8", "protocol": "6"}
GRANTS_ALL = "Allow group Admins to manage all-resources in tenancy"
USE_LOGS = "Allow any-user to use log-content in tenancy"


def port(source, number):
    return {"source": source, "tcpOptions": {"destinationPortRange": {"min": number, "max": number}}}


def rules(*found):
    return {"ingressSecurityRules": list(found)}


def statements(*found):
    return {"statements": list(found)}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (changed("UpdateBucket", public("NoPublicAccess"), public("ObjectRead")), 8),
        (changed("UpdateBucket", public("NoPublicAccess"), public("ObjectReadWithoutList")), 8),
        (changed("updatebucket", public("NoPublicAccess"), public("ObjectRead")), 8),
        (changed("UpdateBucket", public("NoPublicAccess"), public("ObjectRead"), response={"status": "404"}), 8),
        (changed("UpdateBucket", public("ObjectRead"), public("ObjectRead")), 5),
        (changed("UpdateBucket", public("ObjectRead"), public("NoPublicAccess")), 5),
        (event("UpdateBucket", request={"parameters": {"publicAccessType": ["ObjectRead"]}}), 8),
        (event("UpdateBucket", additionalDetails={"bucketDetails": json.dumps(public("ObjectRead"))}), 8),
        (event("UpdateBucket", additionalDetails=public("NoPublicAccess")), 5),
        (event("CreateBucket", response={"payload": public("ObjectRead")}), 8),
        (event("CreateBucket", response={"payload": public("NoPublicAccess")}), 5),
        (event("GetBucket", response={"payload": public("ObjectRead")}), 2),
        (event("CreatePreauthenticatedRequest", response={"payload": {"accessType": "AnyObjectReadWrite"}}), 8),
        (event("CreatePreauthenticatedRequest", response={"payload": {"accessType": "ObjectRead"}}), 7),
        (changed("UpdateSecurityList", {"ingressSecurityRules": [OWN]}, {"ingressSecurityRules": [OWN, ANY]}), 8),
        (changed("UpdateSecurityList", {"ingressSecurityRules": [ANY]}, {"ingressSecurityRules": [ANY, ANY6]}), 8),
        (changed("UpdateSecurityList", {"ingressSecurityRules": [ANY]}, {"ingressSecurityRules": [ANY, OWN]}), 7),
        (changed("UpdateSecurityList", {}, {"egressSecurityRules": [{"destination": "0.0.0.0/0"}]}), 7),
        (event("CreateSecurityList", request={"parameters": {"body": json.dumps({"ingressSecurityRules": [ANY6]})}}), 8),
        (event("AddNetworkSecurityGroupSecurityRules", response={"payload": {"securityRules": [ANY]}}), 8),
        (event("UpdateNetworkSecurityGroupSecurityRules", response={"payload": {"securityRules": [OWN]}}), 7),
        (event("ListNetworkSecurityGroupSecurityRules", response={"payload": [ANY]}), 2),
        (event("CreatePolicy", stateChange={"current": {"statements": ["Allow group A to read buckets in tenancy", GRANTS_ALL]}}), 8),
        (event("UpdatePolicy", stateChange={"current": {"statements": ["allow any-user to use buckets in tenancy"]}}), 8),
        (event("UpdatePolicy", stateChange={"current": {"statements": ["allow any-user to use x in tenancy where request.user='u'"]}}), 7),
        (event("CreatePolicy", stateChange={"current": {"statements": ["Allow group A to manage buckets in tenancy"]}}), 7),
        (changed("UpdatePolicy", {"statements": [GRANTS_ALL]}, {"statements": [GRANTS_ALL], "description": "x"}), 7),
        (changed("UpdateConfiguration", {"retentionPeriodDays": 365}, {"retentionPeriodDays": 90}, "Audit"), 8),
        (changed("UpdateConfiguration", {"retentionPeriodDays": 90}, {"retentionPeriodDays": 365}, "Audit"), 7),
        (changed("UpdateConfiguration", {"status": "ENABLED"}, {"status": "DISABLED"}, "CloudGuardApi"), 8),
        (changed("UpdateLog", {"isEnabled": True}, {"isEnabled": False}), 8),
        (changed("UpdateLog", {"isEnabled": False}, {"isEnabled": True}), 7),
        (event("AddUserToGroup", resourceName="Administrators"), 8),
        (event("AddUserToGroup", additionalDetails={"groupName": "OCI_Administrators"}), 8),
        (event("AddUserToGroup", resourceName="admin@example.com"), 7),
        (event("AddUserToGroup", additionalDetails={"groupName": "Readers"}), 7),
        (event("X", additionalDetails={"eventId": "admin.group.add.member.success", "adminResourceName": "Domain_Administrators"}), 8),
        (event("X", additionalDetails={"eventId": "admin.group.add.member.success", "adminResourceName": "Readers"}), 7),
        (event("X", additionalDetails={"eventId": "admin.approle.add.member.success", "adminResourceName": "User Administrator"}), 8),
        (event("LaunchInstance", request={"parameters": {"createVnicDetails": {"assignPublicIp": True}}}), 7),
        (event("LaunchInstance", request={"parameters": {"createVnicDetails": {"assignPublicIp": False}}}), 5),
        (event("AttachVnic", additionalDetails={"assignPublicIp": "true"}), 7),
        (event("UpdateAutonomousDatabase", stateChange={"current": {"whitelistedIps": ["0.0.0.0/0"]}}), 8),
        (event("UpdateAutonomousDatabase", stateChange={"current": {"whitelistedIps": ["192.0.2.0/24"]}}), 5),
        (event("CreateCluster", stateChange={"current": {"endpointConfig": {"isPublicIpEnabled": True}}}), 7),
        (event("CreateLoadBalancer", stateChange={"current": {"isPrivate": False}}), 7),
        (event("CreateGateway", stateChange={"current": {"endpointType": "PUBLIC"}}), 7),
    ],
)
def test_what_a_call_sets_decides_its_severity(raw, expected):
    assert severity(raw) == expected


@pytest.mark.parametrize(
    ("previous", "current", "expected"),
    [
        ([GRANTS_ALL], [GRANTS_ALL.replace("Admins", "Mallory")], 8),
        ([USE_LOGS], ["Allow any-user to manage all-resources in tenancy"], 8),
        ([GRANTS_ALL, USE_LOGS], [USE_LOGS, GRANTS_ALL.upper().replace("GROUP", "group ")], 8),
        ([GRANTS_ALL, USE_LOGS], [USE_LOGS, GRANTS_ALL.replace(" ", "  ")], 7),
        ([GRANTS_ALL, USE_LOGS], [USE_LOGS], 7),
        ([GRANTS_ALL], ["Allow group A to read buckets in tenancy"], 7),
    ],
)
def test_a_statement_that_replaces_another_one_is_compared_as_a_whole(previous, current, expected):
    assert severity(changed("UpdatePolicy", statements(*previous), statements(*current))) == expected


@pytest.mark.parametrize(
    ("previous", "current", "expected"),
    [
        ([port("0.0.0.0/0", 443)], [port("0.0.0.0/0", 22)], 8),
        ([port("0.0.0.0/0", 443), OWN], [OWN, port("0.0.0.0/0", 443)], 7),
        ([port("0.0.0.0/0", 443)], [{**port("0.0.0.0/0", 443), "description": "new", "isStateless": False, "udpOptions": None}], 7),
        ([port("0.0.0.0/0", 443)], [port("10.0.0.0/8", 443)], 7),
        ([port("0.0.0.0/0", 443)], [port("0.0.0.0/0", 443), port("0.0.0.0/0", 443)], 8),
    ],
)
def test_a_rule_that_replaces_another_one_is_compared_as_a_whole(previous, current, expected):
    assert severity(changed("UpdateSecurityList", rules(*previous), rules(*current))) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("0.0.0.0/1", 8), ("128.0.0.0/1", 8), ("1.2.3.4/0", 8), ("0.0.0.0/00", 8), (" 0.0.0.0/0 ", 8), ("0::/0", 8), ("::0/0", 8),
        ("0:0:0:0:0:0:0:0/0", 8), ("0000::/0", 8), ("8000::/1", 8), ("2000::/3", 8),
        ("10.0.0.0/8", 7), ("0.0.0.0/2", 7), ("1.2.3.0/10", 7), ("fc00::/7", 7), ("2001:db8::/32", 7), ("all-iad-services/0", 7), ("/0", 7),
    ],
)  # fmt: skip
def test_a_network_that_is_nearly_every_network_counts_in_any_notation(source, expected):
    assert severity(changed("UpdateSecurityList", rules(), rules(port(source, 22)))) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("Allow group X to " + " " * 5000 + "manage\tall-resources\n in tenancy", 8),
        ("Allow group " + "X, " * 1500 + "Y to manage all-resources in tenancy", 8),
        ("Allow group X to manage /* all */ all-resources in tenancy", 8),
        ("Allow group X to manage all-resources in compartment id ocid1.tenancy.oc1..aaaa", 8),
        ("Endorse group X to manage all-resources in any-tenancy", 8),
        ("Admit any-user of tenancy Evil to manage buckets in tenancy", 8),
        ("Allow any-user to manage buckets in tenancy where 1=1", 8),
        ("Allow any-user to manage buckets in tenancy where 'request.user.id'='request.user.id'", 8),
        ("Allow any-user to manage buckets in tenancy /* where request.user.id='x' */", 8),
        ("Allow any-user to manage buckets in tenancy where ALL {request.principal.type='x'}", 7),
        ("Allow any-user to read buckets in tenancy", 7),
        ("Allow group X to manage all-resources in compartment id ocid1.compartment.oc1..aaaa", 7),
    ],
)
def test_no_spelling_hides_a_statement(statement, expected):
    assert severity(changed("UpdatePolicy", statements("x"), statements(statement))) == expected


@pytest.mark.parametrize("body_text", ["{}", " {}", "\n\t{}", "[{}]"])
def test_the_body_of_a_request_is_read_in_a_string(body_text):
    text = body_text.replace("{}", json.dumps(statements(GRANTS_ALL)))
    assert severity(event("CreatePolicy", request={"parameters": {"body": [text]}})) == 8


@pytest.mark.parametrize("odd", [b'"\\ud800"', b'"\\udc00x"', b'"a\x01b"', b"1e999", b"9" * 400, b"9" * 5000])
def test_text_that_is_not_quite_json_hides_nothing(odd):
    raw = changed("UpdatePolicy", statements(USE_LOGS), {"description": "ODD", **statements(USE_LOGS, GRANTS_ALL)})
    assert severity(json.dumps(raw).encode().replace(b'"ODD"', odd)) == 8


def test_a_mark_may_be_written_with_escapes():
    raw = json.dumps(changed("UpdatePolicy", statements(), statements(GRANTS_ALL))).replace("all-resources", "\\u0061ll-resources")
    assert severity(raw) == 8


@pytest.mark.parametrize(("settings", "expected"), [({}, "8"), ({"redact": ["data.stateChange"]}, "7")])
def test_the_severity_of_an_abridged_event_is_that_of_the_whole_event(settings, expected):
    state = {"statements": [GRANTS_ALL], "description": "d" * 600}
    rendered = render(changed("UpdatePolicy", {}, state, request={"headers": {"x": ["A " * 600_000]}}), **settings)
    assert rendered.abridged
    assert read_by_cefp(parts(rendered.message)["msg"])[0][5] == expected


def test_a_pattern_of_the_user_decides_whatever_the_call_exposes():
    raw = event("CreateBucket", response={"payload": public("ObjectRead")})
    assert int(read_by_cefp(body(raw, severities=[("CreateBucket", 4)]))[0][5]) == 4


@pytest.mark.parametrize("details", ["text", 7, [], None, "{broken", ["0.0.0.0/0"], {"source": {"a": None}}])
def test_details_of_another_shape_expose_nothing(details):
    assert severity(event("UpdateSecurityList", additionalDetails=details, stateChange=details)) == 7


@pytest.mark.parametrize(
    "hostile",
    ["to manage ", "allow any-user ", "administrator", "to " + " " * 50, "{", '{"source":', "/*", "'", "allow any-user to use x where "],
)
def test_hostile_values_are_read_in_little_time(hostile):
    keys = {key for exposure in EXPOSURES for key in exposure.keys}
    marks = " ".join(mark for exposure in EXPOSURES for mark in exposure.marks)
    value = dict.fromkeys(keys, (hostile * 20_000)[:60_000]) | {"marks": marks}
    severity_of, started = Severity(), time.process_time()
    for name in ("UpdatePolicy", "UpdateSecurityList", "AddUserToGroup", "UpdateBucket"):
        severity_of(fetched(event(name, additionalDetails=value, stateChange={"current": [value], "previous": value})).event)
    assert time.process_time() - started < 2


def test_a_rule_of_many_sources_is_read_in_linear_time():
    many = {"ingressSecurityRules": [{"source": ["0.0.0.0/0"] * 20_000}, *({"source": "0.0.0.0/0", "n": n} for n in range(10_000))]}
    found, severity_of, started = fetched(changed("UpdateSecurityList", many, many)).event, Severity(), time.process_time()
    assert severity_of(found) == 7
    assert time.process_time() - started < 2
