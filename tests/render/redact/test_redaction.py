"""Redaction in every format, at every position in an event; lookalikes stay. All secrets are invented."""

import json

import pytest

from tests.render.helpers import FORMATS, FORMATS_AND_HEADERS, body, cef, event, original, parts, render
from tests.support.budget import budget

FINGERPRINT = "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34"
KEY_ID = f"ocid1.tenancy.oc1..exampletenancy/ocid1.user.oc1..exampleuser/{FINGERPRINT}"
PEM = "-----BEGIN {0}PRIVATE KEY-----\nMIIEpAhiddenIBAAKCAQEA\nhidden==\n-----END {0}PRIVATE KEY-----\n"

# A text, and the part of it that must be redacted.
SECRETS = {
    "signature": (f'Signature version="1",headers="date host",keyId="{KEY_ID}",algorithm="rsa",signature="aGlkZGVu+/=="', "aGlkZGVu"),
    "signature, key id": (f'Signature keyId="{KEY_ID}",signature="*****"', FINGERPRINT),
    "signature, truncated": ('signature keyId="ST$x",version="1",signature="aGlkZGVu', "aGlkZGVu"),
    "session token": ("ST$eyJraWQiOiJoaWRkZW4ifQ.hidden", "iOiJoaWRk"),
    "session token, bare": ("token was st$hidden-1_2", "hidden"),
    "jwt": ("got eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJoaWRkZW4ifQ.c2ln", "eyJzdWIi"),
    "jwt, a whole value": ("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJoaWRkZW4ifQ.c2ln", "eyJzdWIi"),
    "basic": ("Basic aGlkZGVuOmhpZGRlbg==", "aGlkZGVu"),
    "bearer": ("bearer 2YotnFZFEjr1hidden", "hidden"),
    "bearer, a word": ("Bearer hidden", "hidden"),
    "digest": ('Authorization: Digest username="noor", response="hidden"', "hidden"),
    "cookie": ("Cookie: lang=en; JSESSIONID=hidden; x=y", "hidden"),
    "cookie, quoted": ('Set-Cookie: id="hidden one"; Path=/', "hidden"),
    "cookie, quoted and truncated": ('cookie: id="hidden one', "hidden"),
    "header": ("X-Api-Key: 8f14e45fhidden", "hidden"),
    "header, auth": ("X-Auth: hidden", "hidden"),
    "private key": (PEM.format(""), "hidden"),
    "private key, RSA": (PEM.format("RSA "), "hidden"),
    "private key, OpenSSH": (PEM.format("OPENSSH "), "hidden"),
    "private key, truncated": (PEM.format("EC ")[:60], "hidden"),
    "key id": (KEY_ID, FINGERPRINT),
    "key id, of a principal": (f"ocid1.user.oc1..exampleuser/{FINGERPRINT}", FINGERPRINT),
    "key id, at the end of a path": (f"/v1/somewhere/{FINGERPRINT}", FINGERPRINT),
    "pre-authenticated request": ("https://os.example.com/p/AbC_hidden-0123456789/n/ns/b/bucket/o/x", "hidden"),
    "pre-authenticated request, encoded": ("u=https%3A%2F%2Fos.example.com%2Fp%2FAbC_hidden-0123456789%2Fn%2Fns", "hidden"),
    "userinfo": ("cloned https://git:hidden@git.example.com/x.git", "hidden"),
    "userinfo, with an @": ("postgres://noor:hid@hidden@db.example.com/x", "hid"),
    "userinfo, without a name": ("redis://:hidden@cache.example.com", "hidden"),
    "query": ("/v1/x?access_token=hidden&limit=5", "hidden"),
    "query, encoded": ("/v1/x%3Flimit%3D5%26access_token%3Dhidden", "hidden"),
    "form": ("user=noor&password=hidden,hidden", "hidden"),
    "prose": ('the passphrase: "hidden horse battery"', "hidden"),
    "option": ("tool --client-secret=hidden --verbose", "hidden"),
    "JSON": ('{"a":[{"password":"hidden"}]}', "hidden"),
    "JSON in JSON": (json.dumps([json.dumps({"adminPassword": "hidden"})]), "hidden"),
    "JSON, a pair": ('{"claims":[{"key":"authorization","value":"hidden"}]}', "hidden"),
    "JSON, broken": ('{"a":{"client_secret":"hidden","b":', "hidden"),
    "JSON, broken, a list": ('{"a":{"tokens":["hidden",{"b":"hidden"}],"b":', "hidden"),
}

KEYS = [
    "password", "Password", "adminPassword", "new_password", "DB-PASSWORD", "passwd", "pwd", "passphrase", "passcode", "otp",
    "secret", "client_secret", "clientSecret", "secretContent", "secretBundleContent", "privateKey", "private_key_pem", "api-key",
    "X-Api-Key", "apikey", "accessKey", "secret_key", "sharedKey", "encryptionKey", "authToken", "access_token", "refreshToken",
    "id_token", "x-csrf-token", "tokens", "jwt", "bearer", "bearerToken", "authorization", "Proxy-Authorization", "X-Auth", "auth",
    "cookie", "Set-Cookie", "cookies", "credentials", "credential", "signature", "client_assertion", "SAMLResponse", "passwordHash",
]  # fmt: skip
SECRET_VALUES = ["hidden", ["hidden"], {"a": [{"b": "hidden"}]}, "hidden: 2", ["x", "hidden", 4711, {"c": "hidden"}]]


def compact(tree):
    return json.dumps(tree, separators=(",", ":"), ensure_ascii=False)


def planted(value):
    """Returns an event with ``value`` in every field that is decoded, and in several that are not."""
    nested = compact({"list": [compact({"deep": value})]})
    keyed = {value: 1} if isinstance(value, str) else value
    raw = event(
        message=value,
        resourceName=value,
        resourceId=value,
        compartmentName=value,
        compartmentId=value,
        eventGroupingId=value,
        identity=dict.fromkeys(("principalName", "principalId", "authType", "callerName", "tenantId", "ipAddress", "userAgent"), value),
        request={"id": value, "path": value, "action": value, "headers": {"X-Any": [value]}, "parameters": {"body": [nested]}},
        response={"message": value, "status": "500", "payload": {"code": value, "inner": {"text": nested}}},
        stateChange={"previous": value, "current": {"list": [{"x": value}, keyed]}},
        additionalDetails={"text": nested},
        newByOracle=[[value]],
    )
    return raw | {"eventId": value, "eventTypeVersion": value, "eventType": f"com.oraclecloud.x.{value}", "source": value}


EVERY_SIZE = (0, 480, 1500)
SIZES = {"rfc5424": EVERY_SIZE[: budget(quick=1, full=3)], "rfc3164": EVERY_SIZE[budget(quick=1, full=0) : budget(quick=2, full=3)]}


def messages(raw):
    """Yields the messages of an event: in every format and several sizes, also with its end missing."""
    texts = [json.dumps(raw), compact(raw)]
    variants = [texts[1], texts[0][:-1], texts[0] + "}", texts[0], texts[1][:-1]]
    for text in variants[: budget(quick=2, full=5)]:
        for form, header in FORMATS_AND_HEADERS:
            for max_bytes in SIZES[header]:
                yield render(text, format=form, header=header, max_bytes=max_bytes).message.decode()


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_text_is_in_no_message(secret):
    text, hidden = SECRETS[secret]
    assert hidden in text
    assert "[redacted]" in cef(planted(text))["suser"]
    for message in messages(planted(text)):
        assert hidden not in message


@pytest.mark.parametrize("key", KEYS)
def test_the_value_of_a_secret_key_is_in_no_message(key):
    keyed = [{key: value, "x": 1} for value in SECRET_VALUES]
    raw = event(
        identity=keyed[0],
        request={"headers": keyed[1], "parameters": {"body": [json.dumps({"a": [json.dumps(one)]}) for one in keyed]}},
        response={"payload": {"list": keyed}},
        stateChange={"current": [keyed]},
        **keyed[3],
    )
    for message in messages(raw | keyed[4]):
        assert "hidden" not in message


def test_a_control_character_does_not_hide_a_secret_in_cef_or_leef():
    extension = cef(event(message="pass\x07word=hidden", resourceName="ST$hid\x1bden"))
    assert (extension["msg"], extension["cs2"]) == ("password=[redacted]", "[redacted]")
    assert "|password=[redacted]|" in body(event("pass\x07word=hidden"))
    assert "|password=[redacted]|" in body(event(event_type="pass\x07word=hidden"), format="leef")


PAIRS = [
    {"key": "authorization", "value": "hidden"},
    {"value": "hidden", "key": "Authorization"},
    {"name": "X-Api-Key", "values": ["hidden", "hidden"]},
    {"value": ["hidden", {"a": "hidden"}], "issuer": "h", "name": "password"},
    {"Key": "Cookie", "Value": "a=hidden", "key": "x"},
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_the_value_of_a_pair_with_a_secret_name_is_in_no_message(pair):
    others = [{"key": "a", "value": "stays"}, pair, {"key": "b", "value": "stays"}]
    for message in messages(event(request={"headers": {"opc-principal": [json.dumps({"claims": others})]}}, additionalDetails=others)):
        assert "hidden" not in message
    kept = json.loads(body(event(additionalDetails=others), format="json"))["data"]["additionalDetails"]
    assert (kept[0], kept[2]) == (others[0], others[2])


BROKEN = [
    ('{"token":null,"password":false,"secret":"","otp":123456,"b":{"tokens":[1,{"c":"d"}],"e":"f"},',
     '{"token":null,"password":false,"secret":"","otp":123456,"b":{"tokens":[redacted],"e":"f"},'),
    ('{"value":"a","key":"authorization","x":{"value":"b"},"name":"c","value":"d"',
     '{"value":"[redacted]","key":"authorization","x":{"value":"[redacted]"},"name":"c","value":"d"'),
    ('[{"value":"a"},{"name":"password","value":null,"values":["b"],"x":1',
     '[{"value":"a"},{"name":"password","value":null,"values":[redacted],"x":1'),
    ('{"value":{"password":"a","x":"b"},"name":"secret","x":1', '{"value":[redacted],"name":"secret","x":1'),
    ('{"value":none,"name":"secret","x":1', '{"value":none,"name":"secret","x":1'),
    ('{"value":"a}b","name":"x-api-key"', '{"value":"[redacted]","name":"x-api-key"'),
    ('{\\"value\\":\\"a\\",\\"key\\":\\"Cookie\\",\\"x\\":\\"y\\"',
     '{\\"value\\":\\"[redacted]\\",\\"key\\":\\"Cookie\\",\\"x\\":\\"y\\"'),
    ('{"password":"a\\"b","x":"y","secret":"c', '{"password":"[redacted]","x":"y","secret":"[redacted]'),
    ('{"a":"Cookie: b=c; d=e","x":"y"', '{"a":"Cookie: [redacted]","x":"y"'),
    ('{"a":"{\\"b\\":\\"Cookie: c=d\\",\\"x\\":1}"', '{"a":"{\\"b\\":\\"Cookie: [redacted]\\",\\"x\\":1}"'),
    ('{"u":"https:\\/\\/o.example.com\\/p\\/hidden0123456789ab\\/n\\/ns"', '{"u":"https:\\/\\/o.example.com\\/p\\/[redacted]\\/n\\/ns"'),
    ('{"key":', '{"key":'),
    ('{"password":', '{"password":'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BROKEN)
def test_secrets_in_broken_json_are_redacted_and_the_rest_stays(text, expected):
    assert body(text) == body(text, format="json") == expected


HARMLESS = [
    FINGERPRINT,
    f"/20160918/users/ocid1.user.oc1..exampleuser/apiKeys/{FINGERPRINT}",
    "ocid1.vaultsecret.oc1.iad.example",
    "Basic monitoring",
    "the basic plan of Basic 1",
    "Bearer token expired",
    "The signature is valid",
    "Password policy updated; token and secret unchanged",
    "{USERNAME_PASSWORD=AUTH_SUCCESS}",
    "effect:ALLOW,authenticationFactor:IDP,allowUserToSkip2FAEnrolment:false,2FAFrequency:SESSION",
    "https://cloud.oracle.com:443/x?region=us-ashburn-1&author=noor",
    "mailto:noor@example.com, http://example.com/@noor",
    "/n/ns/b/p/o/photos/p/1/n/2",
    "?page=AP37-f_9__79-&nextPageToken=abc&retryToken=def&token=&a=b",
    "12:34:56 2001:db8::1",
    "EYJafjallajökull",
    "1 = 1; a: b; {not json}, [nor this",
]


@pytest.mark.parametrize("text", HARMLESS)
def test_a_text_that_resembles_a_secret_stays(text):
    for header in ("rfc5424", "rfc3164"):
        assert original(planted(text), header=header) == planted(text)
        assert cef(planted(text), header=header)["cs1"] == text
    assert json.dumps(text, ensure_ascii=False)[1:-1] in body(json.dumps(planted(text), ensure_ascii=False)[:-1])


@pytest.mark.parametrize(
    "harmless",
    [
        {"tokenType": "x", "passwordPolicy": "strong", "hasPassword": True, "secretName": "db", "secretId": "ocid1.vaultsecret.oc1..x"},
        {"apiKeyFingerprint": FINGERPRINT, "authType": "natv", "author": "noor", "keyId": "ocid1.key.oc1..x", "keys": 3},
        {"opc-next-page": ["AP37"], "nextPageToken": "abc", "retryToken": "def", "page": "1"},
        {"Access-Control-Allow-Credentials": ["true"], "USERNAME_PASSWORD": "AUTH_SUCCESS", "compass": "north"},
        {"password": None, "token": "", "credentials": {}, "secrets": [], "isSecret": False},
        {"key": "region", "value": "iad"},
    ],
)
def test_harmless_keys_and_empty_secrets_stay(harmless):
    raw = event(additionalDetails=harmless, stateChange={"current": [compact(harmless)]})
    assert original(raw) == raw


def redacted(raw, *paths):
    return original(raw, redact=paths)


def test_user_paths_are_redacted_in_json():
    details = {"list": [{"ip": "a", "x": 1}, {"ip": "b"}], "ip": None}
    raw = event(identity={"ipAddress": "192.0.2.1", "principalName": "noor"}, additionalDetails=details)

    def details_with(*paths):
        return redacted(raw, *paths)["data"]["additionalDetails"]

    assert redacted(raw, "data.identity.ipAddress")["data"]["identity"] == {"ipAddress": "[redacted]", "principalName": "noor"}
    assert redacted(raw, "data.identity")["data"]["identity"] == "[redacted]"
    assert details_with("data.additionalDetails.list.*.ip") == {"list": [{"ip": "[redacted]", "x": 1}, {"ip": "[redacted]"}], "ip": None}
    assert details_with("data.*.list.1", " data.additionalDetails.ip ") == {"list": [{"ip": "a", "x": 1}, "[redacted]"], "ip": None}
    assert details_with("data.additionalDetails.*") == {"list": "[redacted]", "ip": None}
    assert redacted(raw, "*") == {"eventType": "[redacted]", "data": "[redacted]"}
    assert redacted(raw, "data.identity.ipaddress", "identity.ipAddress", "data.identity.ipAddress.x", "", "nothing") == raw


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        ("data.identity.principalName", "suser", "[redacted]"),
        ("data.identity.ipAddress", "shost", "[redacted]"),
        ("data.identity.ipAddress", "src", None),
        ("data.identity", "suid", "[redacted]"),
        ("data.identity", "cs5", None),
        ("data.*.path", "request", "[redacted]"),
        ("data", "cs1", "[redacted]"),
        ("eventId", "externalId", "[redacted]"),
        ("eventTime", "rt", None),
        ("data.response.status", "cn1", None),
        ("data.response.payload.code", "reason", "[redacted]"),
        ("data.response.payload", "reason", None),
        ("data.response", "reason", None),
    ],
)
def test_user_paths_are_redacted_in_cef(path, key, expected):
    raw = event(
        resourceId="r",
        identity={"principalName": "noor", "principalId": "u", "ipAddress": "192.0.2.1", "authType": None},
        request={"path": "/x"},
        response={"status": "409", "payload": {"code": "IncorrectState"}},
    )
    raw |= {"eventId": "e", "eventTime": "2026-01-01T00:00:00.000Z"}
    assert cef(raw)[key] != expected if key not in ("shost", "cs5") else key not in cef(raw)
    assert cef(raw, redact=[path]).get(key) == expected


def test_a_redacted_time_is_redacted_in_the_header_too():
    raw = event() | {"eventTime": "2026-01-01T00:00:00.000Z"}
    assert parts(render(raw, redact=["eventTime"], started=1772528405.9).message)["time"] == "2026-03-03T09:00:05.900Z"


@pytest.mark.parametrize("form", FORMATS)
def test_user_paths_are_redacted_in_an_event_that_cannot_be_decoded(form):
    text = '{"data":{"identity":{"ipAddress":"192.0.2.1","principalName":"noor"},"x":["ipaddress=192.0.2.2"'
    assert body(text, format=form, redact=["data.identity.ipAddress"]) == (
        '{"data":{"identity":{"ipAddress":"[redacted]","principalName":"noor"},"x":["ipaddress=[redacted]"'
    )
    mistyped = '{"eventType":"x","data":{"eventName":7,"identity":{"ipAddress":"192.0.2.1","principalName":"noor"}}}'
    assert json.loads(body(mistyped, format=form, redact=["data.identity.ipAddress"]))["data"]["identity"] == {
        "ipAddress": "[redacted]",
        "principalName": "noor",
    }


@pytest.mark.parametrize("path", ["data.response.payload.code", "data.*.*.code", "data.response.payload.deep"])
def test_secrets_and_user_paths_are_redacted_at_any_nesting_depth(path):
    # The depth at which decoding, walking and encoding fail depends on the depth of the stack, so the full profile tests all depths.
    for depth in (63, 64, 100, *range(850, 1010, budget(quick=3, full=1)), 1100):
        deep = f'{"[" * depth}{{"password":"hidden","a":"Bearer hidden"}}{"]" * depth}'
        text = json.dumps(event(response={"status": "500", "payload": {"deep": "DEEP", "code": "covert"}})).replace('"DEEP"', deep)
        for form in FORMATS:
            message = render(text, format=form, redact=[path]).message
            assert b"hidden" not in message
            assert b"covert" not in message or path.endswith("deep")
