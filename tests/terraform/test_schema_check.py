"""The schema check reports mistakes, and none in terraform/."""

import json

import pytest

from tests.terraform.hcl import MODULE, STACK, load
from tests.terraform.schema_check import SCHEMA, main, problems

KNOWN = json.loads(SCHEMA.read_text("utf-8"))

APPLICATION = """
resource "oci_functions_application" "a" {
  for_each       = toset(["a"])
  compartment_id = var.compartment
  display_name   = "a"
  subnet_ids     = [var.subnet]

  logging {
    line_format = "JSON"
  }
  timeouts {
    create = "1h"
  }
  lifecycle {
    ignore_changes = [defined_tags]
  }
}
"""
SERVICE_GATEWAY = """
resource "oci_core_service_gateway" "a" {
  compartment_id = "c"
  vcn_id         = "v"

  dynamic "services" {
    for_each = ["a"]
    content {
      service_id = services.value
    }
  }
}
"""


def found(tmp_path, text, name="main.tf"):
    (tmp_path / name).write_text(text, "utf-8")
    return problems(tmp_path, KNOWN)


def test_the_module_and_its_examples_fit_the_schema(capsys):
    assert main([str(MODULE)]) == 0
    assert capsys.readouterr().out.startswith(f"{len([*MODULE.rglob('*.tf')])} files against the schema")


@pytest.mark.parametrize("text", [APPLICATION, SERVICE_GATEWAY, 'provider "oci" {\n  alias = "home"\n  region = "r"\n}\n'])
def test_valid_files_have_no_problems(tmp_path, text):
    assert found(tmp_path, text) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("display_name ", "displayname ", "oci_functions_application.a.displayname: no such argument or block"),
        ('  display_name   = "a"\n', "", "oci_functions_application.a: the argument display_name is missing"),
        ("create = ", "creation = ", "oci_functions_application.a.timeouts.creation: no such argument or block"),
        ("line_format", "format", "oci_functions_application.a.logging.format: no such argument or block"),
        ("logging {", "logs {", "oci_functions_application.a.logs: no such argument or block"),
        ("  logging {", "  logging {}\n  logging {", "oci_functions_application.a.logging: 2 blocks, expected at most 1"),
        (
            'logging {\n    line_format = "JSON"\n  }',
            "logging = 1",
            "oci_functions_application.a.logging: expected a block, not an argument",
        ),
        ("subnet_ids     = [var.subnet]", "subnet_ids {\n  }", "oci_functions_application.a.subnet_ids: expected an argument, not a block"),
        ('display_name   = "a"', 'display_name = "a"\n  state = "ACTIVE"', "oci_functions_application.a.state: this argument is read-only"),
        ("oci_functions_application", "oci_functions_apps", "oci_functions_apps.a: no resource of this type in oci-schema.json"),
    ],
)
def test_a_mistake_in_a_resource_is_found(tmp_path, old, new, problem):
    assert old in APPLICATION
    assert f"main.tf: {problem}" in found(tmp_path, APPLICATION.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("service_id", "service", "oci_core_service_gateway.a.services: the argument service_id is missing"),
        ('"services"', '"service"', "oci_core_service_gateway.a.service: no such block"),
        ('"services"', '"service"', "oci_core_service_gateway.a.services: 0 blocks, expected at least 1"),
    ],
)
def test_a_mistake_in_a_dynamic_block_is_found(tmp_path, old, new, problem):
    assert f"main.tf: {problem}" in found(tmp_path, SERVICE_GATEWAY.replace(old, new))


def test_a_missing_nested_block_is_reported(tmp_path):
    arguments = '  display_name = "l"\n  log_group_id = "g"\n  log_type = "SERVICE"\n'
    text = f'resource "oci_logging_log" "l" {{\n{arguments}  configuration {{\n  }}\n}}\n'
    assert found(tmp_path, text) == ["main.tf: oci_logging_log.l.configuration.source: 0 blocks, expected at least 1"]


def test_data_sources_and_providers_are_checked_too(tmp_path):
    text = 'data "oci_core_services" "s" {\n  filters = []\n}\nprovider "oci" {\n  regions = "r"\n}\n'
    assert found(tmp_path, text) == [
        "main.tf: oci_core_services.s.filters: no such argument or block",
        "main.tf: provider oci.regions: no such argument or block",
    ]


def test_a_module_call_is_checked_against_the_variables(tmp_path):
    (tmp_path / "called").mkdir()
    (tmp_path / "called" / "variables.tf").write_text('variable "a" {\n}\nvariable "b" {\n  default = null\n}\n', "utf-8")
    assert found(tmp_path, 'module "m" {\n  source = "./called"\n  c = 1\n}\n') == [
        "main.tf: module.m.c: no such variable",
        "main.tf: module.m: the variable a is missing",
    ]


def test_an_empty_folder_is_a_problem(tmp_path):
    assert problems(tmp_path, KNOWN) == [f"{tmp_path}: no Terraform files"]


def test_the_command_fails_if_there_are_problems(tmp_path, capsys):
    (tmp_path / "main.tf").write_text('resource "oci_x" "y" {\n}\n', "utf-8")
    assert main([str(tmp_path)]) == 1
    assert "main.tf: oci_x.y: no resource of this type" in capsys.readouterr().out


def test_the_stored_schema_contains_exactly_the_used_types():
    used = {kind: set() for kind in ("resource", "data")}
    for path in MODULE.rglob("*.tf"):
        for kind, names in used.items():
            names |= {name for block in load(path).get(kind, []) for name in block}
    assert used == {"resource": set(KNOWN["resources"]), "data": set(KNOWN["data_sources"])}


def test_the_oldest_provider_has_the_arguments_of_the_module():
    """``logging { line_format }`` of an application exists since 8.11."""
    for folder in (MODULE, STACK):
        (settings,) = load(folder / "versions.tf")["terraform"]
        assert settings["required_providers"][0]["oci"]["version"] == ">= 8.11.0, < 9.0.0"
    assert "logging" in KNOWN["resources"]["oci_functions_application"]["blocks"]


def test_the_schema_of_an_object_is_that_of_the_provider():
    """Its other facts are in the provider's documentation; these differed."""
    attributes = KNOWN["resources"]["oci_objectstorage_object"]["attributes"]
    assert attributes["metadata"] == {"type": "map(string)", "flags": "optional"}
    assert attributes["opc_sse_kms_key_id"] == {"type": "string", "flags": "optional"}
