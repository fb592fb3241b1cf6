"""Settings, the module's variables, docs/settings.md, func.yaml and the tests of the module say the same.

That variables also take and refuse the same values as Settings is seen by `tests.terraform.agreement`, which needs Terraform.
"""

import re
from typing import get_args

import pytest
import yaml

from epimetheus.config.setting_checks import MAX_BYTES
from epimetheus.config.settings import Settings
from tests.terraform.agreement import FILE, VALUES
from tests.terraform.hcl import MODULE, ROOT, load, module_locals, variables

NOT_IN_A_FUNCTION = {
    "STATE_FILE": "a function has no disk that lasts",
    "OCI_AUTH": "a function is its own resource principal",
    "OCI_CONFIG_FILE": "a function has no such file",
    "OCI_PROFILE": "nor profiles in it",
    "OCI_ENDPOINT": "for tests, and for a private gateway that no module of ours makes",
}
KEYS = {name.upper() for name in Settings.model_fields} - set(NOT_IN_A_FUNCTION)
REFUSALS = load(MODULE / "tests" / "refusals.tftest.hcl")["run"]


def error_messages(body):
    return [validation["error_message"] for validation in body.get("validation", [])]


def test_each_key_has_a_variable_and_reaches_the_function():
    of_keys = {name.upper() for block in load(FILE)["variable"] for name in block}
    assert of_keys == KEYS
    assert set(module_locals(MODULE / "locals.tf")["given"]) == KEYS


def test_the_settings_reference_lists_the_same_keys():
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text("utf-8"), re.MULTILINE)
    assert set(rows) == KEYS | set(NOT_IN_A_FUNCTION)


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_key_is_sent_from_its_own_variable(key):
    value = str(module_locals(MODULE / "locals.tf")["given"][key])
    through = {"STATE_BUCKET": "bucket", "STATE_NAMESPACE": "namespace", "METRICS_COMPARTMENT_OCID": "metrics_compartment"}
    if key in through:
        assert value == f"${{local.{through[key]}}}"
        value = str(module_locals(MODULE / "locals.tf")[through[key]])
    assert re.search(rf"\bvar\.{key.lower()}\b", value)


@pytest.mark.parametrize("name", sorted(name.lower() for name in KEYS - {"SYSLOG_CLIENT_KEY", "RUN_MESSAGE"}))
def test_an_error_message_of_a_variable_names_the_same_values_as_settings(name):
    accepted = Settings.reference(name).accepted
    listed = accepted.removeprefix("one of ").split(", ") if accepted.startswith("one of ") else ()
    numbers, choices = re.compile(r"\b\d+(?:\.\d+)?\b"), (*get_args(Settings.model_fields[name].annotation), *listed)
    (message,) = error_messages(variables()[name])
    assert message.startswith(f"{name}: ")
    assert numbers.findall(message) == numbers.findall(accepted)
    assert [choice for choice in choices if isinstance(choice, str) and not re.search(rf"\b{choice}\b", message)] == []


def test_a_key_of_a_certificate_is_taken_from_a_vault_only():
    assert error_messages(variables()["syslog_client_key"]) == ["syslog_client_key: expected vault:OCID of a secret."]


@pytest.mark.parametrize("name", sorted(name.lower() for name in KEYS))
def test_what_is_not_set_is_not_sent(name):
    required = name in ("syslog_host", "tenancy_ocid")
    assert ("default" in variables()[name]) is not required
    assert variables()[name].get("default") is None


@pytest.mark.parametrize("name", sorted(set(variables())))
def test_every_variable_is_typed_described_and_validated(name):
    body = variables()[name]
    assert body["description"].endswith(".")
    assert body["type"]
    if body["type"] != "bool":
        assert error_messages(body)
        assert all(message.startswith(f"{name}: ") for message in error_messages(body))


WITH_DEFAULT = [name for name, field in Settings.model_fields.items() if name.upper() in KEYS and not field.is_required() and field.default]


@pytest.mark.parametrize("name", WITH_DEFAULT)
def test_a_description_tells_the_default_of_settings(name):
    default = Settings.model_fields[name].default
    shown = re.escape(default if isinstance(default, str) else f"{default:g}")
    assert re.search(rf"\b{shown} (?:by default|\(the default\))", variables()[name]["description"])


def test_defaults_that_matter_to_the_module_are_those_of_settings():
    own = module_locals(MODULE / "locals.tf")
    assert own["syslog_port"] == "${var.syslog_port == null ? 6514 : var.syslog_port}"
    assert own["metrics_namespace"] == '${var.metrics_namespace == null ? "epimetheus" : var.metrics_namespace}'
    fields = Settings.model_fields
    assert (fields["syslog_port"].default, fields["metrics_namespace"].default, fields["settle_minutes"].default) == (6514, "epimetheus", 2)


def test_the_limit_of_the_configuration_is_that_of_settings():
    assert MAX_BYTES == 4096
    assert "local.config_bytes <= 4096" in (MODULE / "functions.tf").read_text("utf-8")


def test_memory_and_timeout_are_those_of_func_yaml():
    function = yaml.safe_load((ROOT / "func.yaml").read_text("utf-8"))
    assert variables()["memory_in_mbs"]["default"] == function["memory"]
    assert variables()["timeout_in_seconds"]["default"] == function["timeout"]


def test_each_variable_is_seen_to_refuse_something():
    expected = [failure for block in REFUSALS for run in block.values() for failure in run["expect_failures"]]
    refused = {failure.removeprefix("${var.").removesuffix("}") for failure in expected if "var." in failure}
    assert refused == {name for name, body in variables().items() if body.get("validation")}


def test_the_agreement_is_looked_at_for_every_key():
    assert {name.upper() for name in VALUES} == KEYS


def test_each_precondition_is_seen_to_refuse_something():
    text = (MODULE / "functions.tf").read_text("utf-8")
    expected = [failure for block in REFUSALS for run in block.values() for failure in run["expect_failures"]]
    assert expected.count("${oci_functions_function.this}") >= text.count("precondition {")
