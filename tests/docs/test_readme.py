"""The README says what is so: its table of settings is that of Settings."""

from pathlib import Path
from typing import get_args

from epimetheus.config.settings import Settings

README = Path(__file__).parents[2] / "README.md"


def table() -> str:
    """The table as README.md should have it."""
    rows = ["| key | default | allowed |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else _shown(name, field.default)
        allowed = field.description or " or ".join(map(str, get_args(field.annotation)))
        rows.append(f"| {name.upper()} | {default} | {allowed.replace('|', ' ')} |")
    return "\n".join(rows)


def _shown(name: str, default: object) -> str:
    of_themselves = {
        "syslog_server_name": "SYSLOG_HOST",
        "syslog_hostname": "the region",
        "syslog_ca": "the system's store",
        "state_namespace": "asked for",
        "tenancy_ocid": "the credentials'",
        "regions": "the function's",
        "metrics_compartment_ocid": "TENANCY_OCID",
        "oci_auth": "resource_principal in a function, else config_file",
        "state_bucket": "required, but for STATE_FILE",
    }
    if name in of_themselves:
        return of_themselves[name]
    return "none" if default in (None, ()) else str(default).lower() if isinstance(default, bool) else str(default)


def test_the_table_of_settings_is_the_one_that_is_read():
    assert table() in README.read_text("utf-8")
