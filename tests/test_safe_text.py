"""No message of ours quotes an external secret: not the error of any setting, and nothing that contains a response from OCI."""

import itertools
import json

import pytest
from oci.object_storage import ObjectStorageClient

from epimetheus.config.settings import Settings
from epimetheus.errors import ConfigError, EpimetheusError, SourceError
from epimetheus.function.request import read_request
from epimetheus.oci_client.clients import make_client, oci_errors, sign_in
from epimetheus.safe_text import safe_message, safe_value
from epimetheus.testing.oci import World
from tests.support.budget import budget
from tests.support.harness import restored_logging, staged

WORD = "Hunter2hunter2X"  # must never appear in a message
TOKEN = "mAq7Zx0pTn4vB9kL2sWd8cRf6yHg3jUe"
PAR = f"/p/{TOKEN}-{TOKEN}_a/n/axexample/b/audit-state/o/rules.json"
PEM = f"-----BEGIN PRIVATE KEY-----\n{TOKEN}\n{TOKEN}\n-----END PRIVATE KEY-----\n"
JWT = f"eyJhbGciOiJSUzI1NiJ9.{TOKEN}.{TOKEN}"
SECRETS = {
    "user information": f"admin:{WORD}@siem.example.com",
    "user information with blanks": f"admin:{WORD} {WORD}@siem.example.com",
    "user information and path": f"{WORD}/{WORD}@siem.example.com",
    "two at": f"admin:{WORD}@{WORD}@siem.example.com",
    "URL with password": f"https://user:{WORD}@gateway.example.com/",
    "URL with user": f"https://{WORD}@gateway.example.com/",
    "URL with query": f"https://gateway.example.com/?sig={WORD}",
    "URL with any query": f"https://gateway.example.com/a?x={WORD}&y=1#{WORD}",
    "URL with fragment": f"https://gateway.example.com/#{WORD}",
    "URL with path": f"HTTPS://gateway.example.com/hooks/{WORD}/?",
    "URL with odd host": f"https://gateway.example.com\\{WORD}?",
    "webhook": f"https://hooks.example.com/services/T0000/B0000/{TOKEN}?",
    "pre-authenticated request": f"https://objectstorage.us-ashburn-1.oraclecloud.com{PAR}",
    "its path": PAR,
    "bearer": f"Bearer {TOKEN}",
    "basic": "Basic YWRtaW46SHVudGVyMmh1bnRlcjJY",
    "password": f"password={WORD}",
    "JSON": json.dumps({"password": WORD}),
    "PEM": PEM,
    "PEM in a line": PEM.replace("\n", ""),
    "JWT": JWT,
    "security token": f"ST${JWT}",
    "token": TOKEN,
    "hexadecimal token": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "file": f"file:/etc/{TOKEN}\0",
    "object": f"object:https://objectstorage.us-ashburn-1.oraclecloud.com{PAR}\n\0",
}
HIDDEN = (WORD, TOKEN, TOKEN[:12], TOKEN[-12:], "YWRtaW46SHVudGVyMmh1bnRlcjJY", "9f86d081884c7d65", "eyJhbGci")
REQUIRED = {"SYSLOG_HOST": "siem.example.com", "STATE_BUCKET": "audit-state"}


def settings_error(environment):
    """Returns the text of the settings error; empty if the settings are valid."""
    try:
        Settings.read({**REQUIRED, **environment})
    except ConfigError as error:
        return str(error)
    return ""


def leaked(text):
    return [word for word in HIDDEN if word in text]


@pytest.mark.parametrize("key", [name.upper() for name in Settings.model_fields])
def test_no_settings_error_shows_a_secret(key):
    for secret, text in SECRETS.items():
        for value in (text, f"{text},x", f" x,{text}"):
            assert leaked(settings_error({key: value})) == [], secret


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("SYSLOG_HOST", f"admin:{WORD}@siem", "SYSLOG_HOST=…@siem: expected a host name or an IP address, without a port"),
        ("OCI_ENDPOINT", f"https://gateway/?token={WORD}", "OCI_ENDPOINT=https://gateway/…: expected an https URL"),
        ("STATE_BUCKET", PAR, "STATE_BUCKET=…: expected a bucket name"),
        ("SYSLOG_PORT", "65536", "SYSLOG_PORT=65536: expected"),
    ],
)
def test_an_error_quotes_the_part_of_a_value_that_is_not_secret(key, value, expected):
    assert expected in settings_error({key: value})


@pytest.mark.parametrize("secret", SECRETS)
def test_no_error_about_an_unknown_key_rules_or_a_field_map_shows_a_secret(secret):
    for changes in (
        {f"SYSLOG_{SECRETS[secret]}": "x"},
        {"RULES": json.dumps({SECRETS[secret]: 1})},
        {"RULES": json.dumps({"event_filtering": {"mode": SECRETS[secret]}})},
        {"FIELD_MAP": json.dumps({"field_mappings": {SECRETS[secret]: SECRETS[secret]}})},
    ):
        assert leaked(settings_error(changes)) == []


@pytest.mark.parametrize("secret", SECRETS)
def test_no_error_about_a_request_shows_a_secret(secret):
    value = SECRETS[secret]
    for body in ({"action": value}, {value: 1}, {"action": "replay", "from": value, "to": "x"}, {"follow_seconds": value}):
        with pytest.raises(EpimetheusError) as caught:
            read_request(json.dumps(body).encode()).window(0)
        assert leaked(str(caught.value)) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("siem-01.eu-frankfurt.example.com:6514", "siem-01.eu-frankfurt.example.com:6514"),
        ("admin:pw@siem", "…@siem"),
        ("https://user:pw@gateway.example.com:8443/a?b=c", "https://gateway.example.com:8443/…"),
        ("https://gateway.example.com", "https://gateway.example.com"),
        ("ocid1.tenancy.oc1..aaaaaaaa7z4x2exampleuniqueid", "ocid1.tenancy.oc1..aaaaaaaa7z4x2exampleuniqueid"),
        ("epimetheus/us-ashburn-1.state", "epimetheus/us-ashburn-1.state"),
        (PAR, "/p/[redacted]/n/axexample/b/audit-state/o/rules.json"),
        (TOKEN, "…"),
        ("0x7f0000010000000000000001", "…"),
        ("a\x1b[2Jb\udcff", "a?[2Jb?"),
        ("x" * 100, "x" * 80 + "…"),
        ("-----BEGIN", None),
    ],
)
def test_a_safe_value_hides_only_what_may_be_secret(value, expected):
    assert safe_value(value) == expected


def test_a_text_of_a_million_repeats_is_fast():
    for unit in ("a", "@", "a@", "/", "https://", "password=", "eyJ", "ST$", "-", "a1", "url: ", "\\", '"'):
        safe_value(unit * 1_000_000)
        safe_message(unit * 1_000_000)


@pytest.fixture
def stage(tmp_path, api_key):
    with restored_logging(), staged(tmp_path, api_key, page_size=50) as stage:
        yield stage


HEADER_MESSAGE = f"Denied for Authorization: Bearer {TOKEN}, password={WORD} at https://u:{WORD}@host/p?sig={TOKEN}"
MESSAGES = {
    "a header": HEADER_MESSAGE,
    "a PEM text": f"Denied: {PEM}",
    "a token": f"Denied: {JWT}",
    "user information": f"Denied: admin:{WORD}@host",
}
CALLS = {
    "Identity": ("ListCompartments", {}),
    "regions": ("ListRegionSubscriptions", {"REGIONS": "all"}),
    "Audit": ("ListEvents", {}),
    "Object Storage, reading": ("GetObject", {}),
    "Object Storage, writing": ("PutObject", {}),
    "the namespace": ("GetNamespace", {}),
    "rules": ("GetObject", {"RULES": "object:rules.json"}),
    "Secrets": ("GetSecretBundle", {"SYSLOG_CA": "vault:ocid1.vaultsecret.oc1..x"}),
    "Monitoring": ("PostMetricData", {}),
}


DENIED = [*itertools.product(CALLS, (401, 404), MESSAGES)]


@pytest.mark.parametrize(("call", "status", "message"), DENIED[:: budget(quick=5, full=1)])
def test_no_result_log_or_state_contains_the_secrets_of_an_oci_error(stage, capsys, call, status, message):
    operation, changes = CALLS[call]
    app = stage.world.add_compartment("app")
    stage.emit(app, 2, minutes_ago=30)
    compartment = {"compartment": app} if operation == "ListEvents" else {}
    stage.world.faults.add("status", status=status, message=MESSAGES[message], operation=operation, times=None, **compartment)
    try:
        result = repr(stage.call(seconds=20.0, **changes))
    except EpimetheusError as error:
        result = str(error)
    logged = capsys.readouterr().err
    health = repr(stage.call(b'{"action": "health"}', **changes))
    states = b"".join(write.data for write in stage.world.writes).decode("latin-1")
    assert leaked(result + logged + health + capsys.readouterr().err + states) == []
    assert "Denied" in result + logged + health


def test_the_path_of_oci_endpoint_is_in_no_error(tmp_path, api_key):
    """The path may be a token that a gateway requires. The host is shown."""
    credentials = sign_in("config_file", str(World(api_key=api_key).credentials(tmp_path)), "DEFAULT")
    url = f"http://127.0.0.1:9/hooks/{WORD}"
    client = make_client(ObjectStorageClient, credentials, region="us-ashburn-1", endpoint=url, seconds=1.0)
    with pytest.raises(SourceError) as caught, oci_errors("asking", do=""):
        client.get_namespace()
    assert "127.0.0.1" in caught.value.what
    assert leaked(caught.value.what) == []
