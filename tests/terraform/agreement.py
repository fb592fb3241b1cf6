"""``python -m tests.terraform.agreement``: variables_settings.tf and Settings accept the same values, according to Terraform.

Variables need no provider: a copy of their file alone is a module that Terraform can test. Each value below is passed to Settings, as the
function would receive it, and to the variable. If only one of them accepts it, the generated test fails.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from epimetheus.config.settings import Settings
from epimetheus.errors import ConfigError
from tests.terraform.hcl import MODULE

FILE = MODULE / "variables_settings.tf"
_TENANCY, _HERE = "ocid1.tenancy.oc1..aaa", "ocid1.compartment.oc1..aaa"
_SECRET = "vault:ocid1.vaultsecret.oc1.eu-frankfurt-1.aaa"
_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
_ADDRESSES = (
    "siem", "siem.example.com", "192.0.2.1", "2001:db8::1", "::1", "siem_1", "siem.example.com:6514", "https://siem", "a b", "a..b", ".a",
    "ä.example.com", "x" * 253, "x" * 254,
)  # fmt: skip
_PEMS = (_CERTIFICATE, f"Issuer: ours\n{_CERTIFICATE}", "-----BEGIN PRIVATE KEY-----", "ca.pem", "file:/function/ca.pem", "file:",
         "object:ca.pem", _SECRET, "vault:ocid1.secret.oc1..a", "vault:", "-----BEGINCERTIFICATE-----MIIB-----ENDCERTIFICATE-----",
         "-----BEGIN\nCERTIFICATE-----\nMIIB\n-----END\nCERTIFICATE-----", _CERTIFICATE.replace("\n", "\\n"), f"  {_CERTIFICATE}",
         f'"{_CERTIFICATE}"', "\ufeff" + _CERTIFICATE, "-----BEGIN X509 CERTIFICATE-----", "-----begin certificate-----", " file:ca.pem",
         "file:ca.pem\n")  # fmt: skip
_PRINTABLE = ("epimetheus", "two words", "a\tb", "ä", "x" * 48, "x" * 49, "x" * 255, "x" * 256, "!~")
_TEXTS = ("{}", "[]", "{", "file:/rules.json", "object:rules.json", "object:", "vault:ocid1.vaultsecret.oc1..a", "no")
_COMPARTMENTS = ([_HERE], [_HERE, _TENANCY], ["ocid1.instance.oc1..a"], ["ocid1.compartment.oc1"], ["*"])

VALUES: dict[str, tuple[Any, ...]] = {
    "syslog_host": _ADDRESSES,
    "syslog_port": (1, 65535, 0, 65536, 6514.5, -1),
    "syslog_transport": ("tls", "relp", "tcp", "udp", "tlsx"),
    "syslog_confirm_delay_seconds": (0.15, 10, 0.14, 10.1, 1),
    "syslog_ca": _PEMS,
    "syslog_client_cert": _PEMS,
    "seal_key": (_SECRET, f" {_SECRET}\n", "vault:ocid1.secret.oc1..a", "key.pem", "vault:"),
    "seal_messages": (True, False),
    "syslog_client_key": (_SECRET, f" {_SECRET}\n", "vault:ocid1.secret.oc1..a", "key.pem", "vault:"),
    "syslog_server_name": _ADDRESSES,
    "syslog_framing": ("octet-counting", "lf", "crlf"),
    "syslog_header": ("rfc5424", "rfc3164", "rfc5425"),
    "syslog_facility": ("kern", "local0", "local7", "local8", "clock", "console", "16"),
    "syslog_app_name": _PRINTABLE,
    "syslog_hostname": _PRINTABLE,
    "syslog_max_bytes": (0, 480, 479, 1, 8000, 1000000, 480.5, -1),
    "syslog_timeout_seconds": (1, 120, 0.9, 120.5, 2.5),
    "format": ("cef", "json", "leef", "ocsf", "xml"),
    "ocsf_classes": ("auto", "api", "all"),
    "state_bucket": ("a", "a.b-c_d", "a/b", "x" * 256, "x" * 257),
    "state_namespace": ("axexample", "a-b", "a.b", "x" * 129),
    "state_prefix": ("epimetheus/", "a", "/a", "a\tb", "x" * 900, "x" * 901),
    "ledger_bucket": ("a", "a.b-c_d", "a/b", "x" * 256, "x" * 257),
    "ledger_days": (9, 400, 8, 401, 35.5),
    "tenancy_ocid": (_TENANCY, _HERE, "ocid1.tenancy"),
    "regions": (["all"], ["eu-frankfurt-1", "us-gov-ashburn-1"], ["all", "eu-frankfurt-1"], ["FRA"], ["iad", "phx"], ["xyz"], ["ALL"],
                ["All", "fra"], ["EU-Frankfurt-1"], ["fra1"], ["eu_frankfurt_1"]),
    "compartment_mode": ("all", "tenancy_only", "include", "exclude", "some"),
    "compartment_ids": _COMPARTMENTS,
    "listing_minutes": (0, 1440, 1441, -1, 1.5),
    "listing_max_age_minutes": (1, 10080, 0, 10081, 1.5),
    "initial_lookback_hours": (0, 8760, 8761, -1, 1.5),
    "overlap_minutes": (0, 1440, 1441, -1),
    "settle_minutes": (0, 60, 61, -1),
    "sources": (["cloud_guard"], ["audit"], ["audit", "cloud_guard"], ["logging"], ["audit", "push"]),
    "cloud_guard_minutes": (1, 30, 0, 31, 1.5),
    "reconcile_after": ([60, 1440], [], [5, 10080], [1440, 60], [60, 60], [4], [10081], [5.5], [60, 61, 62, 63, 64], [-60]),
    "slice_minutes": (1, 10080, 0, 10081),
    "api_concurrency": (1, 64, 0, 65),
    "api_requests_per_second": (0.5, 10000, 0, 10001),
    "rules": (*_TEXTS, '{"event_filtering": {"mode": "all"}}'),
    "field_map": _TEXTS,
    "own_events": ("summarize", "forward", "drop"),
    "tamper_watch": (["ocid1.bucket.oc1..a"], ["ocid1.bucket.oc1..a", "ocid1.fnfunc.oc1..a"], ["bucket"], ["ocid1.a-b.oc1..c"]),
    "redact": (["data.identity.ipAddress"], ["data"], ["a..b"], [".a"], ["a."]),
    "metrics_namespace": ("", "epimetheus", "a" * 256, "a" * 257, "oci_audit", "oracle_x", "ocix", "1a", "a-b", "a_1"),
    "metrics_compartment_ocid": (_HERE, _TENANCY, "ocid1.user.oc1..a"),
    "log_level": ("debug", "info", "warning", "error", "trace"),
}
"""Accepted and rejected values of each variable. Settings receive lists comma-separated.

Settings accept words in any case; Terraform does not."""

_EMPTY_ACCEPTED = ("syslog_ca", "syslog_framing", "format", "rules", "state_prefix", "log_level", "metrics_compartment_ocid")
_REQUIRED = {"OCI_RESOURCE_PRINCIPAL_VERSION": "2.2", "SYSLOG_HOST": "siem", "STATE_BUCKET": "bucket", "TENANCY_OCID": _TENANCY}
# Settings that a valid value requires. A variable is validated on its own.
_ACCOMPANYING = {
    "listing_minutes": {"LISTING_MAX_AGE_MINUTES": "1440"},
    "syslog_client_cert": {"SYSLOG_CLIENT_KEY": _SECRET},
    "syslog_client_key": {"SYSLOG_CLIENT_CERT": "object:cert.pem"},
    "compartment_ids": {"COMPARTMENT_MODE": "include"},
}


def accepts(name: str, value: Any) -> bool:
    """Reports whether Settings accept the value as the module sends it."""
    accompanying = {"COMPARTMENT_IDS": _HERE} if value in ("include", "exclude") else _ACCOMPANYING.get(name, {})
    try:
        Settings.read(_REQUIRED | accompanying | {name.upper(): _sent(value)})
    except ConfigError:
        return False
    return True


def _sent(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value)


def runs() -> Iterator[str]:
    """Yields one run of ``terraform test`` for each value."""
    for name, values in VALUES.items():
        for number, value in enumerate((*values, "") if name in _EMPTY_ACCEPTED else values):
            expected = "" if accepts(name, value) else f"\n  expect_failures = [var.{name}]\n"
            text = json.dumps(value, ensure_ascii=False)
            yield f'run "{name}_{number}" {{\n  command = plan\n\n  variables {{\n    {name} = {text}\n  }}\n{expected}}}\n'


def main() -> int:
    """Runs all tests and returns Terraform's exit code."""
    required = f'variables {{\n  syslog_host = "siem"\n  tenancy_ocid = "{_TENANCY}"\n}}\n\n'
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(FILE, folder)
        tests = list(runs())
        Path(folder, "agreement.tftest.hcl").write_text(required + "\n".join(tests), "utf-8")
        for arguments in (("init", "-backend=false"), ("test",)):
            done = subprocess.run(["terraform", *arguments, "-no-color"], cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                print(*[line for line in done.stdout.splitlines() if not line.endswith(("... pass", "... skip"))], done.stderr, sep="\n")
                return done.returncode
    print(f"{FILE.name} and Settings agree on {len(tests)} values")
    return 0


if __name__ == "__main__":
    sys.exit(main())
