"""Values derived from an event: outcome and reason, source addresses, service, times."""

import pytest

from tests.render.helpers import cef, event, parts, render


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
