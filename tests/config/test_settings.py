"""Settings: accepted values, their meaning, and that every problem is reported at once."""

import pytest
from pydantic import ValidationError

from epimetheus.config.setting_checks import RELP_BYTES
from epimetheus.config.settings import Settings
from epimetheus.deliver.relp_frames import MAX_DATA_BYTES
from epimetheus.errors import ConfigError

PASSES = "expected empty, or up to 4 different integers from 5 to 10080, comma-separated"
REQUIRED = {"SYSLOG_HOST": "siem.example.com", "STATE_BUCKET": "audit"}
TENANCY, COMPARTMENT = "ocid1.tenancy.oc1..aaaa", "ocid1.compartment.oc1..bbbb"
FACILITIES = (
    "kern, user, mail, daemon, auth, syslog, lpr, news, uucp, cron, authpriv, ftp, ntp, audit, alert, clock, "
    "local0, local1, local2, local3, local4, local5, local6, local7"
)
CERT = "-----BEGIN CERTIFICATE-----\nMIIBhide\n-----END CERTIFICATE-----"
PEM = "PEM certificates, file:PATH, vault:SECRET_OCID or object:NAME"
KEY = "-----BEGIN PRIVATE KEY-----\nMIIBhide\n-----END PRIVATE KEY-----"

DEFAULTS = {
    "syslog_host": "siem.example.com",
    "syslog_port": 6514,
    "syslog_transport": "tls",
    "syslog_confirm_delay_seconds": 0.2,
    "syslog_ca": None,
    "syslog_client_cert": None,
    "syslog_client_key": None,
    "syslog_server_name": None,
    "syslog_framing": "octet-counting",
    "syslog_header": "rfc5424",
    "syslog_facility": "local0",
    "syslog_app_name": "epimetheus",
    "syslog_hostname": None,
    "syslog_max_bytes": 8000,
    "syslog_timeout_seconds": 10.0,
    "format": "cef",
    "ocsf_classes": "auto",
    "state_bucket": "audit",
    "state_namespace": None,
    "state_prefix": "epimetheus/",
    "state_file": None,
    "ledger_bucket": None,
    "ledger_days": 35,
    "seal_key": None,
    "seal_messages": True,
    "tenancy_ocid": None,
    "regions": ("all",),
    "sources": ("audit",),
    "cloud_guard_minutes": 15,
    "compartment_mode": "all",
    "compartment_ids": (),
    "listing_minutes": 15,
    "listing_max_age_minutes": 60,
    "initial_lookback_hours": 24,
    "overlap_minutes": 15,
    "settle_minutes": 2,
    "push": False,
    "reconcile_after": (60, 1440),
    "slice_minutes": 60,
    "api_concurrency": 8,
    "api_requests_per_second": 20.0,
    "rules": None,
    "field_map": None,
    "own_events": "summarize",
    "tamper_watch": (),
    "redact": (),
    "metrics_namespace": "epimetheus",
    "metrics_compartment_ocid": None,
    "log_level": "info",
    "oci_auth": "config_file",
    "oci_config_file": "~/.oci/config",
    "oci_profile": "DEFAULT",
    "oci_endpoint": None,
}

UNRELATED = """
    PATH HOME USER LOGNAME HOSTNAME HOST LANG LC_ALL LANGUAGE SHELL TERM COLORTERM TERM_PROGRAM TZ PWD OLDPWD SHLVL EDITOR VISUAL PAGER
    DISPLAY XDG_RUNTIME_DIR XDG_CONFIG_HOME SSH_AUTH_SOCK SSH_CLIENT SSH_CONNECTION GPG_TTY MAIL LS_COLORS TMPDIR TEMP _
    SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy no_proxy
    PYTHONPATH PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE PYTHON_VERSION VIRTUAL_ENV PIP_NO_CACHE_DIR GOPATH JAVA_HOME NODE_ENV DEBUG CI
    PORT APP_NAME LOG_FORMAT LOG_FILE FORMATTER POD_NAMESPACE NAMESPACE STATE_DIRECTORY RUNTIME_DIRECTORY INVOCATION_ID JOURNAL_STREAM
    KUBERNETES_SERVICE_HOST AWS_REGION AWS_PROFILE AWS_CONFIG_FILE TF_VAR_region TF_VAR_tenancy_ocid KUBECONFIG DOCKER_HOST
    FN_FORMAT FN_LISTENER FN_FN_NAME FN_FN_ID FN_APP_NAME FN_APP_ID FN_MEMORY FN_TYPE FDK_DEBUG
    OCI_CLI_PROFILE OCI_CLI_CONFIG_FILE OCI_CLI_AUTH OCI_CLI_REGION OCI_CLI_TENANCY OCI_CLI_ENDPOINT OCI_CONFIG_PROFILE OCI_REGION
    OCI_TENANCY OCI_REGION_METADATA OCI_SDK_AUTH OCI_RESOURCE_PRINCIPAL_RPST OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM
    OCI_RESOURCE_PRINCIPAL_REGION OCI_TRACING_ENABLED OCI_TRACE_COLLECTOR_URL
"""


def problems(changes, required=REQUIRED):
    """The problems after ``changes`` to valid settings; None removes a key."""
    environment = {key: value for key, value in {**required, **changes}.items() if value is not None}
    with pytest.raises(ConfigError) as failed:
        Settings.read(environment)
    assert failed.value.__cause__ is None
    assert failed.value.__context__ is None
    return list(failed.value.problems)


def read(**changes):
    return Settings.read({**REQUIRED, **changes})


def test_defaults():
    settings = Settings.read(REQUIRED)
    assert settings.model_dump() == DEFAULTS
    assert settings.warnings == ()


@pytest.mark.parametrize("empty", ["", " ", "\n\t"])
def test_an_empty_value_is_the_default_except_where_it_turns_something_off(empty):
    given = {name.upper(): empty for name in DEFAULTS if name.upper() not in REQUIRED}
    assert read(**given).model_dump() == {**DEFAULTS, "metrics_namespace": None, "reconcile_after": ()}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("SYSLOG_HOST", " 10.0.0.9\n", "10.0.0.9"),
        ("SYSLOG_HOST", "2001:db8::9", "2001:db8::9"),
        ("SYSLOG_PORT", "65535", 65535),
        ("SYSLOG_CONFIRM_DELAY_SECONDS", "0.15", 0.15),
        ("SYSLOG_CA", CERT, CERT),
        ("SYSLOG_CA", f"Issuer: us\n{CERT}\n{CERT}\n", f"Issuer: us\n{CERT}\n{CERT}"),
        ("SYSLOG_CA", "file:ca.pem", "file:ca.pem"),
        ("SYSLOG_CA", "vault:ocid1.vaultsecret.oc1.iad.aaaa", "vault:ocid1.vaultsecret.oc1.iad.aaaa"),
        ("SYSLOG_CA", "object:tls/ca.pem", "object:tls/ca.pem"),
        ("SYSLOG_SERVER_NAME", "siem", "siem"),
        ("SYSLOG_FRAMING", "lf", "lf"),
        ("SYSLOG_HEADER", "rfc3164", "rfc3164"),
        ("SYSLOG_FACILITY", "authpriv", "authpriv"),
        ("SYSLOG_APP_NAME", "a" * 48, "a" * 48),
        ("SYSLOG_HOSTNAME", "h" * 255, "h" * 255),
        ("SYSLOG_MAX_BYTES", "0", 0),
        ("SYSLOG_MAX_BYTES", "480", 480),
        ("SYSLOG_TIMEOUT_SECONDS", "2.5", 2.5),
        ("FORMAT", "json", "json"),
        ("OCSF_CLASSES", "api", "api"),
        ("STATE_PREFIX", "siem/oci-", "siem/oci-"),
        ("TENANCY_OCID", TENANCY, TENANCY),
        ("REGIONS", "all", ("all",)),
        ("REGIONS", "eu-paris-1, us-gov-ashburn-1 ,,me-dcc-doha-1,eu-paris-1", ("eu-paris-1", "us-gov-ashburn-1", "me-dcc-doha-1")),
        ("LISTING_MINUTES", "0", 0),
        ("RECONCILE_AFTER", "10080, 5 ,60", (5, 60, 10080)),
        ("INITIAL_LOOKBACK_HOURS", "8760", 8760),
        ("API_REQUESTS_PER_SECOND", "0.5", 0.5),
        ("TAMPER_WATCH", "ocid1.bucket.oc1.iad.a,ocid1.fnfunc.oc1.iad.b", ("ocid1.bucket.oc1.iad.a", "ocid1.fnfunc.oc1.iad.b")),
        ("REDACT", "data.identity.ipAddress, data.*.x-y", ("data.identity.ipAddress", "data.*.x-y")),
        ("SEAL_MESSAGES", "false", False),
        ("METRICS_NAMESPACE", "siem_2", "siem_2"),
        ("OCI_AUTH", "instance_principal", "instance_principal"),
        ("OCI_ENDPOINT", "http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("OCI_ENDPOINT", "https://gateway.example.com/oci/", "https://gateway.example.com/oci"),
        ("RULES", "object:rules.json", "object:rules.json"),
        ("FIELD_MAP", ' {"formats": {}} ', '{"formats": {}}'),
    ],
)
def test_accepted_values(key, value, expected):
    assert read(**{key: value}).model_dump()[key.lower()] == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"COMPARTMENT_MODE": "include", "COMPARTMENT_IDS": f"{COMPARTMENT},{TENANCY}"}, {"compartment_ids": (COMPARTMENT, TENANCY)}),
        ({"SYSLOG_CLIENT_CERT": CERT, "SYSLOG_CLIENT_KEY": KEY}, {"syslog_client_key": KEY}),
        ({"SYSLOG_CLIENT_CERT": "object:c", "SYSLOG_CLIENT_KEY": "vault:ocid1.vaultsecret.oc1.iad.a"}, {"syslog_client_cert": "object:c"}),
        ({"OCI_RESOURCE_PRINCIPAL_VERSION": "2.2"}, {"oci_auth": "resource_principal"}),
        ({"OCI_RESOURCE_PRINCIPAL_VERSION": "2.2", "OCI_AUTH": "config_file"}, {"oci_auth": "config_file"}),
        ({"REGIONS": "iad"}, {"regions": ("us-ashburn-1",)}),
        ({"SOURCES": "audit, Cloud_Guard,audit"}, {"sources": ("audit", "cloud_guard")}),
        ({"SOURCES": "cloud_guard"}, {"sources": ("cloud_guard",)}),
        ({"REGIONS": "FRA, Phx ,EU-frankfurt-1"}, {"regions": ("eu-frankfurt-1", "us-phoenix-1")}),
        ({"SYSLOG_HEADER": "rfc3164", "FORMAT": "json"}, {"syslog_header": "rfc3164", "format": "json"}),
    ],
)
def test_accepted_combinations(changes, expected):
    assert expected.items() <= read(**changes).model_dump().items()


def test_a_state_file_replaces_the_bucket():
    settings = Settings.read({"SYSLOG_HOST": "siem", "STATE_FILE": "state"})
    assert (settings.state_file, settings.state_bucket) == ("state", None)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("SYSLOG_HOST", None, "SYSLOG_HOST is required: set it to a host name or an IP address, without a port"),
        ("SYSLOG_HOST", " ", "SYSLOG_HOST is required: set it to a host name or an IP address, without a port"),
        ("SYSLOG_HOST", "siem:6514", "SYSLOG_HOST=siem:6514: expected a host name or an IP address, without a port"),
        ("SYSLOG_HOST", "tls://siem", "SYSLOG_HOST=tls://siem: expected a host name or an IP address, without a port"),
        ("SYSLOG_HOST", "a" * 254, f"SYSLOG_HOST={'a' * 80}…: expected a host name or an IP address, without a port"),
        ("SYSLOG_HOST", "sièm", "SYSLOG_HOST=sièm: expected a host name or an IP address, without a port"),
        ("SYSLOG_PORT", "0", "SYSLOG_PORT=0: expected an integer from 1 to 65535"),
        ("SYSLOG_PORT", "99999", "SYSLOG_PORT=99999: expected an integer from 1 to 65535"),
        ("SYSLOG_PORT", "syslog", "SYSLOG_PORT=syslog: expected an integer from 1 to 65535"),
        ("SYSLOG_TRANSPORT", "udp", "SYSLOG_TRANSPORT=udp: expected tls, relp or tcp"),
        ("SYSLOG_CONFIRM_DELAY_SECONDS", "0.1", "SYSLOG_CONFIRM_DELAY_SECONDS=0.1: expected a number from 0.15 to 10"),
        ("SYSLOG_CONFIRM_DELAY_SECONDS", "nan", "SYSLOG_CONFIRM_DELAY_SECONDS=nan: expected a number from 0.15 to 10"),
        ("SYSLOG_CA", "/etc/ca.pem", f"SYSLOG_CA: expected {PEM}; to read a file, put file: before its path: SYSLOG_CA=file:PATH"),
        ("SYSLOG_CA", "certs/ca.crt", f"SYSLOG_CA: expected {PEM}; to read a file, put file: before its path: SYSLOG_CA=file:PATH"),
        ("SYSLOG_CA", "~/ca", f"SYSLOG_CA: expected {PEM}; to read a file, put file: before its path: SYSLOG_CA=file:PATH"),
        ("SYSLOG_CA", "C:\\ca.cer", f"SYSLOG_CA: expected {PEM}; to read a file, put file: before its path: SYSLOG_CA=file:PATH"),
        ("SYSLOG_CA", "FILE:/etc/ca.pem", f"SYSLOG_CA: expected {PEM}; write the prefix as file: in lower case: SYSLOG_CA=file:PATH"),
        ("SYSLOG_CA", "'file:ca.pem'", f"SYSLOG_CA: expected {PEM}; remove the quotes around the value"),
        ("SYSLOG_CA", "ocid1.vaultsecret.oc1.iad.a",
            f"SYSLOG_CA: expected {PEM}; to read a secret, put vault: before its OCID: SYSLOG_CA=vault:OCID"),
        ("SYSLOG_CA", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t",
            f"SYSLOG_CA: expected {PEM}; the value is PEM text that is also encoded in Base64, so decode it"),
        ("SYSLOG_CA", KEY, "SYSLOG_CA: it is a private key, not a certificate; expected PEM certificates"),
        ("SYSLOG_CA", "vault:ca", "SYSLOG_CA=vault:ca: expected PEM certificates, file:PATH, vault:SECRET_OCID or object:NAME"),
        ("SYSLOG_CA", "file:", "SYSLOG_CA=file:: expected PEM certificates, file:PATH, vault:SECRET_OCID or object:NAME"),
        ("SYSLOG_SERVER_NAME", "a b", "SYSLOG_SERVER_NAME=a…: expected a host name or an IP address"),
        ("SYSLOG_FRAMING", "octet", "SYSLOG_FRAMING=octet: expected octet-counting or lf"),
        ("SYSLOG_HEADER", "RFC5425", "SYSLOG_HEADER=RFC5425: expected rfc5424 or rfc3164"),
        ("SYSLOG_FACILITY", "local8", f"SYSLOG_FACILITY=local8: expected one of {FACILITIES}"),
        ("SYSLOG_APP_NAME", "two words", "SYSLOG_APP_NAME=two words: expected up to 48 printable ASCII characters without spaces"),
        ("SYSLOG_APP_NAME", "a" * 49, f"SYSLOG_APP_NAME={'a' * 49}: expected up to 48 printable ASCII characters without spaces"),
        ("SYSLOG_HOSTNAME", "h" * 256, f"SYSLOG_HOSTNAME={'h' * 80}…: expected up to 255 printable ASCII characters without spaces"),
        ("SYSLOG_MAX_BYTES", "479", "SYSLOG_MAX_BYTES=479: expected 0 (no limit), or an integer of at least 480"),
        ("SYSLOG_MAX_BYTES", "-1", "SYSLOG_MAX_BYTES=-1: expected 0 (no limit), or an integer of at least 480"),
        ("SYSLOG_MAX_BYTES", "8k", "SYSLOG_MAX_BYTES=8k: expected 0 (no limit), or an integer of at least 480"),
        ("SYSLOG_TIMEOUT_SECONDS", "121", "SYSLOG_TIMEOUT_SECONDS=121: expected a number from 1 to 120"),
        ("FORMAT", "syslog", "FORMAT=syslog: expected cef, json, leef or ocsf"),
        ("OCSF_CLASSES", "6003", "OCSF_CLASSES=6003: expected auto or api"),
        ("LEDGER_BUCKET", "ns/audit", "LEDGER_BUCKET=ns…: expected a bucket name without its namespace"),
        ("LEDGER_DAYS", "8", "LEDGER_DAYS=8: expected an integer from 9 to 400"),
        ("STATE_BUCKET", "ns/audit", "STATE_BUCKET=ns…: expected a bucket name without its namespace"),
        ("STATE_NAMESPACE", "a b", "STATE_NAMESPACE=a…: expected an Object Storage namespace"),
        ("STATE_PREFIX", "/epimetheus", "STATE_PREFIX=/epimetheus: expected the start of an object name, not beginning with a slash"),
        ("TENANCY_OCID", COMPARTMENT, f"TENANCY_OCID={COMPARTMENT}: expected a tenancy OCID"),
        ("REGIONS", "fra1", "REGIONS=fra1: expected all, or region identifiers or keys like eu-frankfurt-1 or fra, comma-separated"),
        ("REGIONS", "xyz", "REGIONS=xyz: expected all, or region identifiers or keys like eu-frankfurt-1 or fra, comma-separated"),
        ("REGIONS", ",", "REGIONS=,: expected all, or region identifiers or keys like eu-frankfurt-1 or fra, comma-separated"),
        ("SOURCES", "audit,logging", "SOURCES=logging: expected audit, cloud_guard, or both, comma-separated"),
        ("CLOUD_GUARD_MINUTES", "0", "CLOUD_GUARD_MINUTES=0: expected an integer from 1 to 30"),
        ("REGIONS", "all,eu-paris-1", "REGIONS=all,eu-paris-1: expected either all or regions"),
        ("COMPARTMENT_MODE", "some", "COMPARTMENT_MODE=some: expected all, tenancy_only, include or exclude"),
        ("LISTING_MINUTES", "1441", "LISTING_MINUTES=1441: expected an integer from 0 to 1440"),
        ("INITIAL_LOOKBACK_HOURS", "8761", "INITIAL_LOOKBACK_HOURS=8761: expected an integer from 0 to 8760"),
        ("OVERLAP_MINUTES", "1441", "OVERLAP_MINUTES=1441: expected an integer from 0 to 1440"),
        ("SETTLE_MINUTES", "61", "SETTLE_MINUTES=61: expected an integer from 0 to 60"),
        ("RECONCILE_AFTER", "60,4", f"RECONCILE_AFTER=4: {PASSES}"),
        ("RECONCILE_AFTER", "10081", f"RECONCILE_AFTER=10081: {PASSES}"),
        ("RECONCILE_AFTER", "1h", f"RECONCILE_AFTER=1h: {PASSES}"),
        ("RECONCILE_AFTER", ",", f"RECONCILE_AFTER=,: {PASSES}"),
        ("RECONCILE_AFTER", "1,2,3,4,5", f"RECONCILE_AFTER=1,2,3,4,5: {PASSES}"),
        ("RECONCILE_AFTER", "60,60", f"RECONCILE_AFTER=60,60: {PASSES}"),
        ("RECONCILE_AFTER", "5,6,7,8,9", f"RECONCILE_AFTER=5,6,7,8,9: {PASSES}"),
        ("SLICE_MINUTES", "0", "SLICE_MINUTES=0: expected an integer from 1 to 10080"),
        ("API_CONCURRENCY", "65", "API_CONCURRENCY=65: expected an integer from 1 to 64"),
        ("API_REQUESTS_PER_SECOND", "0", "API_REQUESTS_PER_SECOND=0: expected a number greater than 0, up to 10000"),
        ("API_REQUESTS_PER_SECOND", "inf", "API_REQUESTS_PER_SECOND=inf: expected a number greater than 0, up to 10000"),
        ("API_REQUESTS_PER_SECOND", "nan", "API_REQUESTS_PER_SECOND=nan: expected a number greater than 0, up to 10000"),
        ("RULES", "vault:ocid1.x.oc1..a", "RULES=vault:ocid1.x.oc1..a: expected a JSON object, file:PATH or object:NAME"),
        ("RULES", "[1]", "RULES: expected a JSON object, file:PATH or object:NAME"),
        ("FIELD_MAP", "map.json",
            "FIELD_MAP: expected a JSON object, file:PATH or object:NAME; to read a file, put file: before its path: FIELD_MAP=file:PATH"),
        ("FIELD_MAP", '{"cef": }', "FIELD_MAP line 1, column 9: invalid JSON: expected value"),
        ("FIELD_MAP", '{"format": {}}', "FIELD_MAP line 1, format: unknown key. Did you mean formats?"),
        ("OWN_EVENTS", "drop", "OWN_EVENTS=drop: expected summarize or forward"),
        ("TAMPER_WATCH", "ocid1.bucket.oc1.iad.a,audit", "TAMPER_WATCH=audit: expected OCIDs, comma-separated"),
        ("REDACT", "data..x", "REDACT=data..x: expected paths like data.identity.ipAddress, comma-separated"),
        ("REDACT", "data.x;data.y", "REDACT=data.x;data.y: expected paths like data.identity.ipAddress, comma-separated"),
        ("REDACT", "eventId, data.x data.y", "REDACT=data.x data.y: expected paths like data.identity.ipAddress, comma-separated"),
        ("SEAL_MESSAGES", "yes", "SEAL_MESSAGES=yes: expected true or false"),
        (
            "METRICS_NAMESPACE",
            "oci_audit",
            "METRICS_NAMESPACE=oci_audit: expected empty, or a letter followed by letters, digits and _, not starting with oci_ or oracle_",
        ),
        ("METRICS_COMPARTMENT_OCID", "ocid1.x.oc1..a", "METRICS_COMPARTMENT_OCID=ocid1.x.oc1..a: expected a compartment OCID"),
        ("LOG_LEVEL", "trace", "LOG_LEVEL=trace: expected debug, info, warning or error"),
        ("OCI_AUTH", "api_key", "OCI_AUTH=api_key: expected resource_principal, instance_principal or config_file"),
        (
            "OCI_ENDPOINT",
            "127.0.0.1:80",
            "OCI_ENDPOINT=127.0.0.1:80: expected an https URL without user information, query or fragment"
            " (http only for this machine, such as http://127.0.0.1:8080)",
        ),
        (
            "OCI_ENDPOINT",
            "http://gateway.example.com",
            "OCI_ENDPOINT=http://gateway.example.com: expected an https URL without user information, query or fragment"
            " (http only for this machine, such as http://127.0.0.1:8080)",
        ),
        (
            "OCI_ENDPOINT",
            "http://127.0.0.1.evil.example.com:80",
            "OCI_ENDPOINT=http://127.0.0.1.evil.example.com:80: expected an https URL without user information, query or fragment"
            " (http only for this machine, such as http://127.0.0.1:8080)",
        ),
        ("OCI_PROFILE", "[DEFAULT]", "OCI_PROFILE=[DEFAULT]: expected a profile name in OCI_CONFIG_FILE"),
        ("SYSLOG_HOSTNAME", "a\x1b[2Jb\udcff", "SYSLOG_HOSTNAME=a?[2Jb?: expected up to 255 printable ASCII characters without spaces"),
    ],
)
def test_rejected_values(key, value, problem):
    assert problems({key: value}) == [problem]


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"),
            "it is encrypted; remove its passphrase, for example with: openssl pkey -in KEY.pem -out NEW.pem"),
        (CERT, "it is a certificate, not its private key; expected a PEM private key without a passphrase"),
    ],
)
def test_pem_text_that_is_no_private_key_is_described(key, problem):
    assert problems({"SYSLOG_CLIENT_KEY": key, "SYSLOG_CLIENT_CERT": CERT}) == [f"SYSLOG_CLIENT_KEY: {problem}"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"STATE_FILE": "x"}, ["STATE_BUCKET and STATE_FILE are both set: remove one of them"]),
        (
            {"STATE_BUCKET": None, "STATE_FILE": "x", "LEDGER_BUCKET": "b"},
            ["LEDGER_BUCKET is not used with STATE_FILE: remove it; the ledger and the seals are in folders beside the file"],
        ),
        ({"STATE_BUCKET": None}, ["STATE_BUCKET is required unless STATE_FILE is set: set it to a bucket name without its namespace"]),
        (
            {"STATE_BUCKET": None, "STATE_FILE": "x", "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2"},
            ["STATE_FILE=x: a function has no persistent disk; set STATE_BUCKET instead"],
        ),
        (
            {"STATE_BUCKET": None, "STATE_FILE": "x", "SYSLOG_CA": "object:ca", "RULES": "object:r"},
            [
                "RULES=object:r: objects are read from STATE_BUCKET, which is not set; set it, or use file:PATH",
                "SYSLOG_CA=object:ca: objects are read from STATE_BUCKET, which is not set; set it, or use file:PATH",
            ],
        ),
        ({"SYSLOG_CLIENT_CERT": CERT}, ["SYSLOG_CLIENT_CERT is set and SYSLOG_CLIENT_KEY is not: set both or neither"]),
        ({"SYSLOG_CLIENT_KEY": KEY}, ["SYSLOG_CLIENT_KEY is set and SYSLOG_CLIENT_CERT is not: set both or neither"]),
        (
            {"SYSLOG_TRANSPORT": "tcp", "SYSLOG_CA": CERT, "SYSLOG_SERVER_NAME": "siem"},
            [
                "SYSLOG_CA is not used with SYSLOG_TRANSPORT=tcp: remove it, or set SYSLOG_TRANSPORT to tls or relp",
                "SYSLOG_SERVER_NAME is not used with SYSLOG_TRANSPORT=tcp: remove it, or set SYSLOG_TRANSPORT to tls or relp",
            ],
        ),
        (
            {"SYSLOG_TRANSPORT": "relp", "SYSLOG_FRAMING": "lf"},
            ["SYSLOG_FRAMING is not used with SYSLOG_TRANSPORT=relp: remove it, or set SYSLOG_TRANSPORT to tls or tcp"],
        ),
        (
            {"LISTING_MINUTES": "61"},
            ["LISTING_MINUTES=61 is greater than LISTING_MAX_AGE_MINUTES=60: expected at most that value"],
        ),
        (
            {"COMPARTMENT_MODE": "exclude"},
            ["COMPARTMENT_IDS is required for COMPARTMENT_MODE=exclude: set it to compartment OCIDs, comma-separated"],
        ),
        (
            {"COMPARTMENT_IDS": COMPARTMENT},
            ["COMPARTMENT_IDS is not used with COMPARTMENT_MODE=all: remove it, or set COMPARTMENT_MODE to include or exclude"],
        ),
        (
            {"COMPARTMENT_MODE": "tenancy_only", "COMPARTMENT_IDS": COMPARTMENT},
            ["COMPARTMENT_IDS is not used with COMPARTMENT_MODE=tenancy_only: remove it, or set COMPARTMENT_MODE to include or exclude"],
        ),
        (
            {"COMPARTMENT_MODE": "include", "COMPARTMENT_IDS": f"prod,{COMPARTMENT},test"},
            [
                "COMPARTMENT_IDS=prod: expected compartment OCIDs, comma-separated",
                "COMPARTMENT_IDS=test: expected compartment OCIDs, comma-separated",
            ],
        ),
    ],
)
def test_rejected_combinations(changes, expected):
    assert problems(changes) == expected


def test_relp_limits_the_message_size_to_its_frame_size():
    assert RELP_BYTES == MAX_DATA_BYTES == 131_072
    for size in ("0", "131073", "200_000", "0.0", "999999999999"):
        assert problems({"SYSLOG_TRANSPORT": "relp", "SYSLOG_MAX_BYTES": size}) == [
            f"SYSLOG_MAX_BYTES={size}: SYSLOG_TRANSPORT=relp limits messages to 131072 bytes; expected an integer from 480 to 131072"
        ]
    assert read(SYSLOG_TRANSPORT="relp", SYSLOG_MAX_BYTES="131072").syslog_max_bytes == 131_072
    assert read(SYSLOG_TRANSPORT="relp").syslog_max_bytes == 8000
    assert read(SYSLOG_TRANSPORT="tls", SYSLOG_MAX_BYTES="0").syslog_max_bytes == 0


@pytest.mark.parametrize("key", ["SYSLOG_HOST", "SYSLOG_PORT", "REGIONS", "RULES", "FIELD_MAP", "SYSLOG_CA", "OCI_ENDPOINT"])
def test_bytes_that_are_not_utf_8_are_reported_like_any_other_problem(key):
    for problem in problems({key: '{"\udcff": 1}'}):
        assert problem.startswith(key)
        assert problem.isprintable()


def test_all_problems_are_reported_at_once():
    environment = {
        "SYSLOG_HSOT": "siem",
        "SYSLOG_PORT": "99999",
        "SYSLOG_CLIENT_KEY": KEY,
        "FORMAT": "leaf",
        "COMPARTMENT_MODE": "include",
        "RULES": '{"event_filtering": {"mode": "some"}, "statistics": []}',
    }
    with pytest.raises(ConfigError) as failed:
        Settings.read(environment)
    assert str(failed.value) == (
        "9 configuration errors: "
        "Unknown setting SYSLOG_HSOT. Did you mean SYSLOG_HOST? "
        "SYSLOG_HOST is required: set it to a host name or an IP address, without a port; "
        "SYSLOG_PORT=99999: expected an integer from 1 to 65535; "
        "FORMAT=leaf: expected cef, json, leef or ocsf; "
        "RULES line 1, event_filtering.mode: expected include, exclude or all; "
        "RULES line 1, statistics: expected a JSON object; "
        "STATE_BUCKET is required unless STATE_FILE is set: set it to a bucket name without its namespace; "
        "SYSLOG_CLIENT_KEY is set and SYSLOG_CLIENT_CERT is not: set both or neither; "
        "COMPARTMENT_IDS is required for COMPARTMENT_MODE=include: set it to compartment OCIDs, comma-separated. "
        "Correct the configuration and run again."
    )


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("SYSLOG_HSOT", "SYSLOG_HOST"),
        ("syslog_host", "SYSLOG_HOST"),
        ("SYSLOGHOST", "SYSLOG_HOST"),
        ("SYSLOG-HOST", "SYSLOG_HOST"),
        ("SYSLOG_CLIENT_KYE", "SYSLOG_CLIENT_KEY"),
        ("SYSLOG_SERVERNAME", "SYSLOG_SERVER_NAME"),
        ("STATE_BUCKETS", "STATE_BUCKET"),
        ("REGION", "REGIONS"),
        ("REDCAT", "REDACT"),
        ("RULE", "RULES"),
        ("FROMAT", "FORMAT"),
        ("format", "FORMAT"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("COMPARTMENT_ID", "COMPARTMENT_IDS"),
        ("TENANCY_ID", "TENANCY_OCID"),
        ("OVERLAP_MINUTE", "OVERLAP_MINUTES"),
        ("OCI_CONFIGFILE", "OCI_CONFIG_FILE"),
        ("OCI_ENDPIONT", "OCI_ENDPOINT"),
    ],
)
def test_a_misspelled_setting_is_an_error_that_suggests_the_right_one(key, meant):
    assert problems({key: "s3cret"}) == [f"Unknown setting {key}. Did you mean {meant}?"]


def test_nothing_is_suggested_for_an_unknown_setting_that_is_similar_to_none():
    assert problems({"SYSLOG_XYZ": "s3cret"}) == ["Unknown setting SYSLOG_XYZ. Remove it: no setting has a similar name"]


def test_an_error_that_ends_with_a_suggestion_has_no_further_full_stop():
    with pytest.raises(ConfigError) as failed:
        Settings.read({**REQUIRED, "SYSLOG_HSOT": "siem"})
    expected = "1 configuration error: Unknown setting SYSLOG_HSOT. Did you mean SYSLOG_HOST? Correct the configuration and run again."
    assert str(failed.value) == expected


def test_unrelated_variables_are_ignored():
    names = UNRELATED.split()
    assert len(names) > 60
    assert Settings.read({**REQUIRED, **dict.fromkeys(names, "x")}) == Settings.read(REQUIRED)


def test_the_settings_must_fit_into_the_configuration_of_a_function():
    pem = "-----BEGIN CERTIFICATE-----" + "ä" * 1000
    keys = {"SYSLOG_CA": pem, "RULES": "object:r" + "r" * 1000, "PATH": "p" * 5000}
    rest = 4096 - sum(len((key + value).encode()) for key, value in {**REQUIRED, **keys}.items() if key != "PATH") - len("OCI_CONFIG_FILE")
    assert read(**keys, OCI_CONFIG_FILE="x" * rest).syslog_ca == pem
    assert problems({**keys, "OCI_CONFIG_FILE": "x" * rest + " "}) == [
        "All keys and values together take 4097 bytes: the limit is 4096; "
        f"the largest are SYSLOG_CA (2036), RULES (1013), OCI_CONFIG_FILE ({rest + 16}); "
        "store PEM text and rules elsewhere and refer to them with file:, vault: or object:"
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"SYSLOG_CLIENT_CERT": "MIIBhide", "SYSLOG_CLIENT_KEY": "MIIBhide"},
        {"SYSLOG_CLIENT_KEY": KEY.replace("PRIVATE", "ENCRYPTED PRIVATE"), "SYSLOG_CLIENT_CERT": CERT},
        {"SYSLOG_CLIENT_KEY": KEY.replace("\n", ""), "SYSLOG_TRANSPORT": "tcp"},
        {"SYSLOG_SERVER_NAME": KEY},
        {"SYSLOG_CLIENT_CERT": KEY, "SYSLOG_CLIENT_KEY": CERT},
        {"SYSLOG_CLIENT_KYE": KEY},
        {"SYSLOG_CA": CERT, "SYSLOG_CLIENT_CERT": CERT, "SYSLOG_CLIENT_KEY": KEY + "hide" * 1024},
        {"OCI_ENDPOINT": "https://user:hide@gateway.example.com"},
        {"RULES": '{"hide":'},
        {"RULES": '{"event_filtering": {"mode": "hide", "excluded_events": [{"hide": 1}]}}'},
        {"FIELD_MAP": '{"hide"'},
        {"FIELD_MAP": "hide"},
    ],
)
def test_errors_contain_no_secret_and_no_long_text(changes):
    listed = "; ".join(problems(changes))
    assert listed
    assert "hide" not in listed


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"RULES": "object:r", "SEAL_MESSAGES": "true", "OWN_EVENTS": "forward"}, []),
        (
            {"SYSLOG_TRANSPORT": "tcp"},
            ["SYSLOG_TRANSPORT=tcp sends events unencrypted: they can be read and altered in transit. Use tls or relp."],
        ),
    ],
)
def test_warnings(changes, expected):
    assert list(read(**changes).warnings) == expected


def test_settings_are_immutable():
    with pytest.raises(ValidationError):
        Settings.read(REQUIRED).syslog_port = 1


@pytest.mark.parametrize(
    ("path", "warning"),
    [
        ("dta.identity", "audit events have no dta. Did you mean data?"),
        ("identity.ipAddress", "audit events have no identity. Did you mean data.identity?"),
        ("eventid", "audit events have no eventid. Did you mean eventId?"),
        ("user.name", "audit events have no user."),
        ("data.Identity.ipAddress", "audit events have no data.Identity. Did you mean data.identity?"),
        ("data.password", "audit events have no data.password."),
    ],
)
def test_a_path_that_no_event_has_is_a_warning(path, warning):
    assert Settings.read({**REQUIRED, "REDACT": path}).warnings == (f"REDACT={path}: {warning}",)


def test_a_path_that_an_event_may_have_is_no_warning():
    paths = "data,data.identity.x,data.*.x,data.definedTags.a,*.x,eventId,contentType,extensions.x,oracle.tenantid,epimetheus.actor"
    assert Settings.read({**REQUIRED, "REDACT": paths}).warnings == ()


def test_a_pass_within_the_overlap_is_a_warning():
    settings = Settings.read({**REQUIRED, "RECONCILE_AFTER": "60,120,1440", "OVERLAP_MINUTES": "120"})
    says = "every run reads these windows again anyway. Remove"
    assert settings.warnings == (
        f"RECONCILE_AFTER=60 is not greater than OVERLAP_MINUTES=120: {says} 60, or lower OVERLAP_MINUTES.",
        f"RECONCILE_AFTER=120 is not greater than OVERLAP_MINUTES=120: {says} 120, or lower OVERLAP_MINUTES.",
    )
    assert Settings.read({**REQUIRED, "OVERLAP_MINUTES": "59"}).warnings == ()


@pytest.mark.parametrize(
    ("given", "expected"), [({"PUSH": "true"}, 20), ({"PUSH": " true ", "SETTLE_MINUTES": "5"}, 5), ({"PUSH": "false"}, 2)]
)
def test_with_push_runs_read_later(given, expected):
    assert Settings.read({**REQUIRED, **given}).settle_minutes == expected
