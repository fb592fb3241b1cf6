"""``--tfvars``: the settings in a Terraform variable file (terraform.tfvars or .tfvars.json), as terraform/locals.tf derives them.

A test compares both with real Terraform. Two values are known only to the deployed function (``--function``): the default of TAMPER_WATCH,
and the secret that ``create_vault`` creates. Inline certificates and JSON texts are used as they are; Terraform stores them as objects.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from epimetheus.cli.env_file import read_text
from epimetheus.cli.tfvars_parser import TfvarsSyntaxError, parse_tfvars
from epimetheus.config.setting_checks import similar_setting
from epimetheus.config.settings import SETTING_NAMES
from epimetheus.errors import ConfigError

OTHER_VARIABLES = frozenset(
    (
        "alarms_enabled", "certificate_alarm_days", "compartment_ocid", "create_vault", "defined_tags", "detached_timeout_in_seconds",
        "follow_seconds", "freeform_tags", "image", "image_digest", "interval_minutes", "kms_key_id", "lag_alarm_minutes",
        "log_retention_days", "memory_in_mbs", "name", "network_compartment_ocid", "network_security_group_ids", "notification_emails",
        "region", "relaxed_policy_conditions", "schedule_enabled", "shape", "siem_cidrs", "state_versions_days", "subnet_id",
        "syslog_client_key_pem", "timeout_in_seconds", "vcn_cidr", "vcn_id",
    )
)  # fmt: skip
"""Variables of the Terraform module that are not settings. A test compares them with terraform/variables.tf."""

_DEFAULT_NAME = "epimetheus"
_NOT_IN_A_FUNCTION = frozenset(("STATE_FILE", "OCI_AUTH", "OCI_CONFIG_FILE", "OCI_PROFILE", "OCI_ENDPOINT"))


class TfvarsSettings(NamedTuple):
    """``values``: setting → value. ``region``: of the deployment; empty if the file does not name one."""

    values: dict[str, str]
    region: str


def read_tfvars(path: Path) -> TfvarsSettings:
    """The settings in a variable file. Raises ConfigError, which quotes no value."""
    variables = _parse(path)
    unknown = [name for name in variables if name not in OTHER_VARIABLES and name.upper() not in _VARIABLES]
    similar = ((name, similar_setting(name, _VARIABLES)) for name in unknown)
    problems = [f"{path}: unknown variable {name}. Did you mean {meant.lower()}?" for name, meant in similar if meant]
    problems += [f"{path}: {name} has a value of another type; expected {_type_of(name)}" for name in _with_wrong_type(variables)]
    if problems:
        raise ConfigError(problems)
    return TfvarsSettings(settings_of(variables), _text(variables.get("region")))


def settings_of(variables: Mapping[str, Any]) -> dict[str, str]:
    """The settings that the Terraform module derives from its ``variables``; a setting that the module does not send is missing."""
    values = {name: _text(variables.get(name.lower())) for name in _VARIABLES}
    values["STATE_BUCKET"] = values["STATE_BUCKET"] or _text(variables.get("name")) or _DEFAULT_NAME
    values["METRICS_COMPARTMENT_OCID"] = values["METRICS_COMPARTMENT_OCID"] or _text(variables.get("compartment_ocid"))
    if variables.get("create_vault") is True:
        values["SYSLOG_CLIENT_KEY"] = ""
    namespace = variables.get("metrics_namespace")
    return {name: value for name, value in values.items() if value or (name == "METRICS_NAMESPACE" and namespace == "")}


def _parse(path: Path) -> Mapping[str, Any]:
    text = read_text("--tfvars", path)
    try:
        variables = json.loads(text, parse_float=Decimal) if path.suffix == ".json" else parse_tfvars(text)
    except TfvarsSyntaxError as error:
        raise ConfigError([f"--tfvars {path} line {error.line}: {error}"]) from None
    except json.JSONDecodeError as error:
        raise ConfigError([f"--tfvars {path} line {error.lineno}: expected JSON: {error.msg}"]) from None
    except RecursionError:
        raise ConfigError([f"--tfvars {path}: a value is nested too deeply"]) from None
    if not isinstance(variables, dict):
        raise ConfigError([f"--tfvars {path}: expected a JSON object with one member for each variable"])
    return variables


def _with_wrong_type(variables: Mapping[str, Any]) -> Iterable[str]:
    for name, value in variables.items():
        if name.upper() not in _VARIABLES or value is None:
            continue
        if name in _LISTS:
            valid = isinstance(value, list) and all(isinstance(item, str) for item in value)
        else:
            valid = not isinstance(value, list | dict)
        if not valid:
            yield name


def _type_of(name: str) -> str:
    return "a list of strings" if name in _LISTS else "a string, a number, true or false"


def _text(value: Any) -> str:
    """A value as Terraform's ``tostring`` writes it; a list comma-separated."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


_VARIABLES = tuple(name for name in SETTING_NAMES if name not in _NOT_IN_A_FUNCTION)
_LISTS = frozenset(("regions", "compartment_ids", "tamper_watch", "redact"))
