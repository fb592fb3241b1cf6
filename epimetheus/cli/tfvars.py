"""``--tfvars``: the settings in a Terraform variable file (terraform.tfvars or .tfvars.json), as terraform/locals.tf derives them.

A test compares both with real Terraform. Two values are known only to the deployed function (``--function``): the default of TAMPER_WATCH,
and the secret that ``create_vault`` creates, for which `CREATED_KEY` stands. Inline certificates and JSON texts are used as they are;
Terraform stores them as objects.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from epimetheus.cli.env_file import read_text
from epimetheus.cli.tfvars_parser import TfvarsSyntaxError, parse_tfvars, read_number
from epimetheus.config.choices import MAY_BE_EMPTY
from epimetheus.config.setting_checks import similar_setting
from epimetheus.config.settings import SETTING_NAMES, Settings
from epimetheus.config.value_types import region_name
from epimetheus.errors import ConfigError
from epimetheus.safe_text import HIDDEN, safe_value

OTHER_VARIABLES = frozenset(
    (
        "alarms_enabled", "certificate_alarm_days", "compartment_ocid", "create_vault", "defined_tags", "detached_timeout_in_seconds",
        "follow_seconds", "freeform_tags", "ignore_defined_tags", "image", "image_digest", "image_signing_key_ocids", "interval_minutes",
        "kms_key_ocid", "kms_vault_ocid", "lag_alarm_minutes", "ledger_retention_days", "ledger_retention_lock_time", "log_retention_days",
        "memory_in_mbs", "name", "nat_public_ip_ocid", "network_compartment_ocid", "network_security_group_ocids", "notification_emails",
        "push_batch_size_in_kbs", "push_batch_time_in_seconds", "push_enabled", "push_memory_in_mbs", "push_stream_enabled",
        "push_timeout_in_seconds", "region", "relaxed_policy_conditions", "schedule_enabled", "seal_key_pem", "seal_key_secret_ocid",
        "seal_public_key", "shape", "siem_cidrs", "state_versions_days", "subnet_ocid", "syslog_client_key_pem",
        "syslog_client_key_secret_ocid", "timeout_in_seconds", "use_existing_network", "vcn_cidr", "vcn_ocid",
    )
)  # fmt: skip
"""Variables of the Terraform module that are not settings. A test compares them with terraform/variables.tf."""
_OTHER_NAMES = tuple(sorted(map(str.upper, OTHER_VARIABLES)))

CREATED_KEY = "vault:ocid1.vaultsecret.oc1..created-by-terraform"
"""SYSLOG_CLIENT_KEY with ``create_vault``: only the deployed function knows the OCID of the secret."""

_DEFAULT_NAME = "epimetheus"
_DERIVED_FROM = ("name", "region", "compartment_ocid")
_MAX_BYTES = 1 << 20
_MAX_DIGITS = 28  # as many as Decimal.normalize keeps
_NOT_IN_A_FUNCTION = frozenset(("STATE_FILE", "OCI_AUTH", "OCI_CONFIG_FILE", "OCI_PROFILE", "OCI_ENDPOINT"))


class TfvarsSettings(NamedTuple):
    """``values``: setting → value. ``region``: of the deployment; empty if the file does not name one.

    ``notes``: on names that are ignored, because they may be variables of another module. ``problems``: errors in names and types; the
    variables that have them are not in ``values``.
    """

    values: dict[str, str]
    region: str
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def read_tfvars(path: Path) -> TfvarsSettings:
    """The settings in a variable file. Raises ConfigError, which quotes no value, if the file cannot be read or is no variable file."""
    variables = _parse(path)
    problems, notes = [], []
    for name in variables:
        if name in OTHER_VARIABLES or (name.islower() and name.upper() in _VARIABLES):
            continue
        shown = safe_value(name) or HIDDEN
        if meant := _similar(name):
            problems.append(f"{path}: unknown variable {shown}. Did you mean {meant}?")
        elif name.upper() in _NOT_IN_A_FUNCTION:
            problems.append(f"{path}: unknown variable {shown}; set {name.upper()} in the environment instead")
        else:
            near = similar_setting(name, _OTHER_NAMES)
            hint = f" Did you mean {near.lower()}?" if near else ""
            notes.append(f"Ignored {shown} in {path}: the Terraform module has no such variable.{hint}")
    mistyped = [*_with_wrong_type(variables)]
    problems += [f"{path}: {name} has a value of another type; expected {_type_of(name)}" for name in mistyped]
    usable = {name: value for name, value in variables.items() if name not in mistyped}
    return TfvarsSettings(settings_of(usable), _text(usable.get("region")), tuple(notes), tuple(problems))


def _similar(name: str) -> str:
    """The variable that ``name`` may stand for, if it is misspelled or not in lower case; empty if there is none."""
    if name.lower() in OTHER_VARIABLES or name.upper() in _VARIABLES:
        return name.lower()
    return (similar_setting(name, _VARIABLES) or "").lower()


def settings_of(variables: Mapping[str, Any]) -> dict[str, str]:
    """The settings that the Terraform module derives from its ``variables``, without defaults, which the module does not send."""
    values = {name: _text(variables.get(name.lower())) for name in _VARIABLES}
    values["STATE_BUCKET"] = values["STATE_BUCKET"] or _text(variables.get("name")) or _DEFAULT_NAME
    values["LEDGER_BUCKET"] = values["LEDGER_BUCKET"] or f"{values['STATE_BUCKET']}-ledger"
    values["METRICS_COMPARTMENT_OCID"] = values["METRICS_COMPARTMENT_OCID"] or _text(variables.get("compartment_ocid"))
    values["REGIONS"] = ",".join(map(region_name, filter(None, values["REGIONS"].split(","))))
    if secret := _text(variables.get("syslog_client_key_secret_ocid")):
        values["SYSLOG_CLIENT_KEY"] = f"vault:{secret}"
    if variables.get("create_vault") is True and values["SYSLOG_CLIENT_CERT"]:
        values["SYSLOG_CLIENT_KEY"] = values["SYSLOG_CLIENT_KEY"] or CREATED_KEY
    if variables.get("push_enabled") is True:
        values["PUSH"] = "true"
    emptied = {name for name in MAY_BE_EMPTY if variables.get(name.lower()) in ("", [])}
    return {name: value for name, value in values.items() if (value or name in emptied) and value != DEFAULTS.get(name)}


def _parse(path: Path) -> Mapping[str, Any]:
    text = read_text("--tfvars", path, _MAX_BYTES)
    try:
        variables = _parse_json(text) if path.suffix == ".json" else parse_tfvars(text)
    except TfvarsSyntaxError as error:
        raise ConfigError([f"--tfvars {path} line {error.line}: {error}"]) from None
    except json.JSONDecodeError as error:
        raise ConfigError([f"--tfvars {path} line {error.lineno}: expected JSON: {error.msg}"]) from None
    except _Duplicate as error:
        raise ConfigError([f"--tfvars {path}: {safe_value(str(error)) or HIDDEN} is set twice; keep one of them"]) from None
    except RecursionError:
        raise ConfigError([f"--tfvars {path}: a value is nested too deeply"]) from None
    if not isinstance(variables, dict):
        raise ConfigError([f"--tfvars {path}: expected a JSON object with one member for each variable"])
    return variables


class _Duplicate(Exception):
    """A JSON object has two members with this name."""


def _parse_json(text: str) -> Any:
    return json.loads(
        text, parse_float=read_number, parse_int=read_number, parse_constant=read_number, object_pairs_hook=_without_duplicates
    )


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _Duplicate(name)
        members[name] = value
    return members


def _with_wrong_type(variables: Mapping[str, Any]) -> Iterable[str]:
    for name, value in variables.items():
        if (name.upper() not in _VARIABLES and name not in _DERIVED_FROM) or value is None:
            continue
        if name in _LISTS:
            valid = isinstance(value, list) and all(isinstance(item, _LISTS[name]) for item in value)
        else:
            valid = _is_short_number(value) if isinstance(value, Decimal) else not isinstance(value, list | dict)
        if not valid:
            yield name


def _type_of(name: str) -> str:
    if name in _LISTS:
        return "a list of strings" if _LISTS[name] is str else "a list of numbers"
    return f"a string, a number of up to {_MAX_DIGITS} digits, true or false"


def _is_short_number(number: Decimal) -> bool:
    return number.is_finite() and len(number.as_tuple().digits) <= _MAX_DIGITS and abs(number.adjusted()) <= _MAX_DIGITS


def _text(value: Any) -> str:
    """A value as Terraform's ``tostring`` writes it; a list comma-separated."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _as_list(default: Any) -> Any:
    return list(default) if isinstance(default, tuple) else default


_VARIABLES = tuple(name for name in SETTING_NAMES if name not in _NOT_IN_A_FUNCTION and name != "PUSH")
_LISTS = {"sources": str, "regions": str, "compartment_ids": str, "tamper_watch": str, "redact": str, "reconcile_after": Decimal}
_DERIVED = ("SETTLE_MINUTES",)  # their default depends on another setting
DEFAULTS: Mapping[str, str] = MappingProxyType({
    name.upper(): str(field.default).removesuffix(".0") if isinstance(field.default, float) else _text(_as_list(field.default))
    for name, field in Settings.model_fields.items()
    if not field.is_required() and name.upper() not in _DERIVED
})  # fmt: skip
"""Setting → its default, which the module does not send; empty if it has none."""
