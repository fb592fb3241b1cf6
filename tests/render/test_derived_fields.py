"""Values derived from an event: severity, outcome and reason, source addresses, service, times."""

import pytest

from epimetheus.render.severity import Severity
from epimetheus.source.decode import decode_event
from tests.render.helpers import body, cef, event, fetched, parts, read_by_cefp, render


def severity(raw):
    return int(read_by_cefp(parts(render(raw).message)["msg"])[0][5])


@pytest.mark.parametrize(
    ("expected", "names"),
    [
        (8, "DeleteBucket TerminateInstance RemoveUserFromGroup BulkDeleteResources ScheduleKeyDeletion DisableTotp RevokeX deleteThing"),
        (5, "CreateVcn UpdatePolicy ChangeCompartment AddUserToGroup AttachVolume DetachTarget DetachVolume LaunchInstance PutObject"),
        (5, "CancelKeyDeletion BulkEditTags StartX StopX ResetPassword EnableX RotateKey UploadApiKey runX"),
        (2, "GetInstance ListEvents HeadObject DescribeX SearchX SummarizeMetrics QueryX ValidateX get_thing Get List2"),
        (3, "Getaway Listen Headers Creator DeletedThings InteractiveLogin GetawayDelete TargetDetach Undelete XGet Validated"),
        (3, "ScheduleX Schedule DeletionSchedule"),
    ],
)
def test_severity_depends_on_the_verb_of_the_event_name(expected, names):
    for name in names.split():
        assert severity(event(name)) == expected, name


def test_severity_depends_on_the_event_type_if_there_is_no_name():
    assert severity(event(None, event_type="com.oraclecloud.ComputeApi.TerminateInstance")) == 8


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("GetX", "401", 5),
        ("GetX", 403, 5),
        ("GetX", " 404 ", 5),
        ("GetX", "400", 2),
        ("GetX", "409", 2),
        ("GetX", "500", 2),
        ("GetX", None, 2),
        ("CreateX", "404", 8),
        ("DeleteX", 404, 10),
        ("Otherwise", "401", 6),
    ],
)
def test_a_denied_call_is_more_severe(name, status, expected):
    assert severity(event(name, response={"status": status})) == expected


@pytest.mark.parametrize(
    ("name", "event_type", "data", "expected"),
    [
        ("InteractiveLogin", "com.oraclecloud.IdentitySignOn.InteractiveLogin", {"response": {"status": "400"}}, 7),
        ("InteractiveLogin", "com.oraclecloud.IdentitySignOn.InteractiveLogin", {"message": " InteractiveLogin failed"}, 7),
        ("InteractiveLogin", "com.oraclecloud.IdentitySignOn.InteractiveLogin", {"message": "InteractiveLogin succeeded"}, 3),
        ("InteractiveLogin", "com.oraclecloud.IdentitySignOn.InteractiveLogin", {}, 3),
        ("Factor", "com.oraclecloud.IdentitySignOn.Factor", {"response": {"status": 401}}, 7),
        ("LoginUser", "com.oraclecloud.x.y", {"response": {"status": "500"}}, 7),
        ("SignIn", "com.oraclecloud.x.y", {"response": {"status": "500"}}, 7),
        ("Loginsight", "com.oraclecloud.x.y", {"response": {"status": "500"}}, 3),
        ("GetLogin", "com.oraclecloud.x.y", {"response": {"status": "500"}}, 2),
    ],
)
def test_a_failed_sign_on_is_severe(name, event_type, data, expected):
    assert severity(event(name, event_type, **data)) == expected


def test_verbs_can_be_set():
    severity_of = Severity({9: ("Get", "Schedule*Deletion"), 1: ()})
    names = {"GetX": 9, "ScheduleKeyDeletion": 9, "ScheduleX": 3, "DeleteX": 3}
    for name, expected in names.items():
        event_of_name = decode_event(f'{{"eventType":"x","data":{{"eventName":"{name}"}}}}'.encode()).event
        assert severity_of(event_of_name) == expected


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("GetInstance", "200", 10),
        ("GetInstance", "404", 10),
        ("ListX", "200", 1),
        ("DeleteX", "404", 0),
        ("DeleteBucket", "200", 8),
        ("CreateX", "404", 8),
    ],
)
def test_the_first_matching_pattern_decides_the_severity_whatever_the_outcome(name, status, expected):
    patterns = [("com.oraclecloud.things.getinstance", 10), ("List*", 1), ("*.GetInstance", 0), ("DeleteX", 0), ("elete*", 1)]
    raw = event(name, response={"status": status})
    assert int(read_by_cefp(body(raw, severities=patterns))[0][5]) == expected


def test_a_pattern_decides_the_severity_of_a_failed_sign_on():
    raw = event("InteractiveLogin", "com.oraclecloud.IdentitySignOn.InteractiveLogin", response={"status": "401"})
    assert [int(read_by_cefp(body(raw, severities=given))[0][5]) for given in ([], [("*Login", 2)])] == [7, 2]


def test_two_event_types_with_the_same_name_have_their_own_severities():
    severity_of = Severity(patterns=[("a.*", 9)])
    events = [fetched(event("GetX", event_type)).event for event_type in ("a.GetX", "b.GetX", "a.GetX")]
    assert list(map(severity_of, events)) == [9, 2, 9]


@pytest.mark.parametrize(
    ("data", "outcome", "reason"),
    [
        ({"response": {"status": "200"}}, "success", None),
        ({"response": {"status": 204}}, "success", None),
        ({"response": {"status": "302"}}, "success", None),
        ({"response": {"status": "200", "payload": {"code": "Fine"}, "message": "all's well"}}, "success", None),
        ({"response": {"status": "400"}}, "failure", None),
        ({"response": {"status": 500, "message": "boom"}}, "failure", "boom"),
        ({"response": {"status": "401", "message": "X failed with response 'NotAuthenticated'"}}, "failure", "NotAuthenticated"),
        ({"response": {"status": "404", "message": "m", "payload": {"code": "IncorrectState"}}}, "failure", "IncorrectState"),
        ({"response": {"status": "400", "payload": {"login_result": "PASSWORD_INVALID"}}}, "failure", "PASSWORD_INVALID"),
        ({"response": {"status": "400", "payload": {"code": 7, "login_result": "LOCKED"}}}, "failure", "LOCKED"),
        ({"response": {"status": "400", "payload": "text", "message": "m"}}, "failure", "m"),
        ({"response": {"status": "400", "payload": {"code": ""}}, "message": "x response 'A.b-c' y"}, "failure", "A.b-c"),
        ({"response": {"status": "400"}, "message": "it's bob's"}, "failure", None),
        ({"response": {"status": None}, "message": "X succeeded"}, "success", None),
        ({"response": {"message": "X failed with response 'Conflict'"}}, "failure", "Conflict"),
        ({"response": {}, "message": " InteractiveLogin failed"}, "failure", None),
        ({"message": "X failed with response 'TooManyRequests'"}, "failure", "TooManyRequests"),
        ({"response": {"status": "200"}, "message": "X failed."}, "failure", None),
        ({"response": {"status": "200"}, "message": "é FAILED"}, "failure", None),
        ({"response": {"status": "200"}, "message": "X fa\u0131led"}, "failure", None),
        ({"response": {"status": "OK"}, "message": "failed-jobs GetJob succeeded"}, "success", None),
        ({"response": {"status": "99"}, "message": "jobs that failed GetJob"}, None, None),
        ({"response": {"status": None}}, None, None),
        ({"response": None, "message": None}, None, None),
    ],
)
def test_outcome_and_reason(data, outcome, reason):
    extension = cef(event(**data))
    assert (extension.get("outcome"), extension.get("reason")) == (outcome, reason)


ADDRESS_KEYS = ("src", "sourceTranslatedAddress", "c6a2", "shost")


@pytest.mark.parametrize(
    ("text", "src", "translated", "ipv6", "other"),
    [
        ("203.0.113.38", "203.0.113.38", None, None, None),
        ("10.0.64.84,252.138.125.19", "10.0.64.84", "252.138.125.19", None, None),
        (" 10.0.64.84 , 252.138.125.19 ", "10.0.64.84", "252.138.125.19", None, None),
        ("1.2.3.4,1.2.3.5,1.2.3.6", "1.2.3.4", "1.2.3.5", None, "1.2.3.6"),
        ("2001:db8::5", None, None, "2001:db8::5", None),
        ("2001:db8::5,1.2.3.4", None, "1.2.3.4", "2001:db8::5", None),
        ("2001:db8::5,2001:db8::6", None, None, "2001:db8::5", "2001:db8::6"),
        ("::ffff:1.2.3.4", None, None, "::ffff:1.2.3.4", None),
        ("0000:0000:0000:0000:0000:abcd:255.255.255.255", None, None, "::abcd:ffff:ffff", None),
        ("0000:0000:0000:0000:0000:abcd:10.2.30.44", None, None, "::abcd:a02:1e2c", None),
        ("0000:0000:0000:0000:0000:abcd:10.2.3.44", None, None, "0000:0000:0000:0000:0000:abcd:10.2.3.44", None),
        ("fe80::1%eth0", None, None, None, "fe80::1%eth0"),
        ("Unknown", None, None, None, "Unknown"),
        ("256.1.1.1", None, None, None, "256.1.1.1"),
        ("1.2.3", None, None, None, "1.2.3"),
        ("01.2.3.4", None, None, None, "01.2.3.4"),
        ("1.2.3.4.", None, None, None, "1.2.3.4."),
        ("\u0661.2.3.4", None, None, None, "\u0661.2.3.4"),
        (",, ,", None, None, None, None),
        ("", None, None, None, None),
        (None, None, None, None, None),
    ],
)
def test_addresses(text, src, translated, ipv6, other):
    extension = cef(event(identity={"ipAddress": text}))
    assert tuple(extension.get(key) for key in ADDRESS_KEYS) == (src, translated, ipv6, other)
    assert extension.get("c6a2Label") == ("Source IPv6 Address" if ipv6 else None)


@pytest.mark.parametrize(
    ("event_type", "service"),
    [
        ("com.oraclecloud.ComputeApi.GetInstance", "ComputeApi"),
        ("com.oraclecloud.ComputeApi.GetInstance.begin", "ComputeApi"),
        ("ComputeApi.GetInstance", "ComputeApi"),
        ("com.oraclecloud.GetInstance", None),
        ("GetInstance", None),
        (".x", None),
    ],
)
def test_the_service_is_part_of_the_event_type(event_type, service):
    extension = cef(event("GetInstance", event_type))
    assert extension.get("cat") == extension.get("destinationServiceName") == service


@pytest.mark.parametrize(
    ("text", "header", "millis"),
    [
        ("2026-03-02T08:15:30.120Z", "2026-03-02T08:15:30.120Z", "1772439330120"),
        ("2026-03-02t08:15:30z", "2026-03-02T08:15:30.000Z", "1772439330000"),
        (" 2026-03-02T10:15:30.5+02:00 ", "2026-03-02T08:15:30.500Z", "1772439330500"),
        ("2026-03-02T08:15:30.123456789Z", "2026-03-02T08:15:30.123Z", "1772439330123"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z", "-1"),
        ("2026-03-02T08:15:60Z", None, None),
        ("2026-02-30T08:15:30Z", None, None),
        ("2026-03-02T24:00:00Z", None, None),
        ("2026-03-02T08:15:30+24:00", None, None),
        ("0001-01-01T00:00:00+01:00", None, None),
        ("2026-03-02T08:15:30", None, None),
        ("2026-03-02 08:15:30Z", None, None),
        ("1772439330", None, None),
        ("\u0662026-03-02T08:15:30Z", None, None),
        ("", None, None),
    ],
)
def test_times(text, header, millis):
    raw = event(response={"responseTime": text}) | {"eventTime": text}
    assert parts(render(raw, started=1772528405.9).message)["time"] == (header or "2026-03-03T09:00:05.900Z")
    assert (cef(raw).get("rt"), cef(raw).get("end")) == (millis, millis)
