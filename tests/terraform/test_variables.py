"""The module's variables match Settings, docs/settings.md and func.yaml, and the module's tests cover them.

`tests.terraform.agreement` checks that they also accept the same values as Settings; it needs Terraform.
"""

import re

import oci
import pytest
import yaml

from epimetheus.cli.tfvars import DEFAULTS
from epimetheus.config.setting_checks import MAX_BYTES
from epimetheus.config.settings import Settings
from tests.terraform.agreement import FILE, VALUES
from tests.terraform.agreement import accepts as settings_accept
from tests.terraform.hcl import MODULE, ROOT, load, module_locals, variable_names, variables

NOT_IN_A_FUNCTION = {
    "STATE_FILE": "a function has no persistent disk",
    "OCI_AUTH": "a function uses its resource principal",
    "OCI_CONFIG_FILE": "a function has no configuration file",
    "OCI_PROFILE": "a function has no configuration file",
    "OCI_ENDPOINT": "for tests and private gateways, which the module does not create",
}
DERIVED = {"settle_minutes"}
"""Settings whose default depends on others."""
SET_BY_OTHERS = {"PUSH"}
"""Set by push_enabled, with everything else that a push needs."""
KEYS = {name.upper() for name in Settings.model_fields} - set(NOT_IN_A_FUNCTION) - SET_BY_OTHERS
REFUSALS = MODULE / "tests" / "refusals.tftest.hcl"


def expected_failures():
    return [failure for block in load(REFUSALS)["run"] for run in block.values() for failure in run["expect_failures"]]


def error_messages(body):
    return [validation["error_message"] for validation in body.get("validation", [])]


def test_each_setting_has_a_variable_and_reaches_the_function():
    assert {name.upper() for block in load(FILE)["variable"] for name in block} == KEYS
    assert set(module_locals(MODULE / "locals.tf")["all_settings"]) == KEYS | SET_BY_OTHERS


def test_each_variable_is_tested_by_its_name():
    assert variable_names() == sorted(variables())


def test_the_settings_reference_lists_the_same_settings():
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text("utf-8"), re.MULTILINE)
    assert set(rows) == KEYS | SET_BY_OTHERS | set(NOT_IN_A_FUNCTION)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_setting_gets_its_value_from_its_own_variable(key):
    value = str(module_locals(MODULE / "locals.tf")["all_settings"][key])
    indirect = {
        "STATE_BUCKET": "bucket", "STATE_NAMESPACE": "namespace", "LEDGER_BUCKET": "ledger_bucket",
        "METRICS_COMPARTMENT_OCID": "metrics_compartment",
    }  # fmt: skip
    if key in indirect:
        assert value == f"${{local.{indirect[key]}}}"
        value = str(module_locals(MODULE / "locals.tf")[indirect[key]])
    if key == "REGIONS":
        value = str(module_locals(MODULE / "regions.tf")["regions"])
    assert re.search(rf"\bvar\.{key.lower()}\b", value)


@pytest.mark.parametrize("name", sorted(name.lower() for name in KEYS - {"SYSLOG_CLIENT_KEY", "SEAL_KEY", "SEAL_MESSAGES"}))
def test_an_error_message_states_the_accepted_values_of_settings(name):
    accepted = Settings.reference(name).accepted.removesuffix(", comma-separated")  # A variable has a list instead.
    assert error_messages(variables()[name]) == [f"{name}: expected {accepted}."]


@pytest.mark.parametrize("name", sorted(name.lower() for name in KEYS))
def test_a_description_begins_with_the_description_of_settings(name):
    described = Settings.reference(name).description
    for variable in variables():
        described = described.replace(f"`{variable.upper()}`", variable)
    assert variables()[name]["description"].startswith(described.replace("`", ""))


@pytest.mark.parametrize("name", ["syslog_client_key", "seal_key"])
def test_a_private_key_is_accepted_from_a_vault_only(name):
    assert error_messages(variables()[name]) == [f"{name}: expected vault:SECRET_OCID."]


def default(name):
    """The default of a setting that depends on nothing else, or None."""
    field = Settings.model_fields[name]
    return None if field.is_required() or field.default in (None, ()) or name in DERIVED else field.default


@pytest.mark.parametrize("name", sorted(name.lower() for name in KEYS))
def test_a_variable_has_the_default_of_the_setting(name):
    """Without one, null stands for what the description says."""
    variable, expected = variables()[name], default(name)
    assert ("default" in variable) is (name not in ("syslog_host", "tenancy_ocid"))
    assert variable.get("default") == (list(expected) if isinstance(expected, tuple) else expected)
    assert variable.get("nullable", True) is (expected is None and "default" in variable)
    assert expected is None or "Default" not in variable["description"]


def test_a_default_is_not_sent():
    defaults = {key: value for key in KEYS if (value := default(key.lower())) is not None}
    texts = {key: ",".join(map(str, value)) if isinstance(value, tuple) else str(value) for key, value in defaults.items()}
    sent = {key: text.lower() if text in ("True", "False") else text.removesuffix(".0") for key, text in texts.items()}
    assert module_locals(MODULE / "locals.tf")["defaults"] == sent
    assert {name: text for name, text in DEFAULTS.items() if name in KEYS and text} == sent


@pytest.mark.parametrize("name", variable_names())
def test_every_variable_is_typed_described_and_validated(name):
    body = variables()[name]
    assert body["description"].endswith(".")
    assert body["type"]
    if body["type"] != "bool":
        assert error_messages(body)
        assert all(message.startswith(f"{name}: ") for message in error_messages(body))


def test_the_region_keys_are_those_of_the_sdk():
    keys = dict(oci.regions.REGIONS_SHORT_NAMES)
    assert module_locals(MODULE / "regions.tf")["region_keys"] == keys
    (validation,) = variables()["regions"]["validation"]
    assert set(re.findall(r"\b[a-z]{3}\b", validation["condition"].replace("can(", "").replace("try(", ""))) >= set(keys)


PRIVATE_KEYS = (
    "-----BEGIN PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN EC PRIVATE KEY-----", "-----BEGINPRIVATEKEY-----",
    "-----BEGIN\nRSA\nPRIVATE\nKEY-----", "-----BEGIN ENCRYPTED PRIVATE KEY-----", "-----BEGIN CERTIFICATE-----", "key.pem",
)  # fmt: skip


@pytest.mark.parametrize("text", PRIVATE_KEYS)
def test_a_private_key_for_the_vault_is_accepted_in_the_forms_that_settings_accept(text):
    """create_vault stores syslog_client_key_pem as it is, so the function reads what Terraform accepts."""
    (validation,) = variables()["syslog_client_key_pem"]["validation"]
    (condition,) = re.findall(r'"(\^\$\|[^"]+)"', validation["condition"])
    accepted = re.search(condition.replace("\\\\", "\\"), text) is not None
    assert accepted == settings_accept("syslog_client_key", text)


def test_the_size_limit_of_the_configuration_is_that_of_settings():
    assert MAX_BYTES == 4096
    assert "local.config_bytes <= 4096" in (MODULE / "functions.tf").read_text("utf-8")


def test_memory_and_timeout_are_those_of_func_yaml():
    function = yaml.safe_load((ROOT / "func.yaml").read_text("utf-8"))
    assert variables()["memory_in_mbs"]["default"] == function["memory"]
    assert variables()["timeout_in_seconds"]["default"] == function["timeout"]


def test_the_validation_of_each_variable_has_a_test():
    rejected = {failure.removeprefix("${var.").removesuffix("}") for failure in expected_failures() if "var." in failure}
    assert rejected == {name for name, body in variables().items() if body.get("validation")}


def test_the_agreement_covers_every_setting():
    assert {name.upper() for name in VALUES} == KEYS


def test_each_precondition_has_a_test():
    text = (MODULE / "functions.tf").read_text("utf-8")
    assert expected_failures().count("${oci_functions_function.this}") >= text.count("precondition {")


def test_variables_with_ocids_are_named_alike():
    """Those of settings have the names of the settings."""
    with_ocids = {name for name, body in variables().items() if "ocid1" in str(body.get("validation")) and name.upper() not in KEYS}
    assert len(with_ocids) > 8
    assert [name for name in with_ocids if not name.endswith(("_ocid", "_ocids"))] == []
