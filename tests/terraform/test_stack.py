"""The Resource Manager stack: a zip file with the module, and a form for all its variables and outputs."""

import re
import subprocess
import sys
import zipfile

import pytest
import yaml

from tests.terraform.hcl import MODULE, ROOT, outputs, variable_names, variables

FORM = yaml.safe_load((MODULE / "schema.yaml").read_text("utf-8"))
PICKERS = {"oci:identity:compartment:id", "oci:identity:region:name", "oci:core:vcn:id", "oci:core:subnet:id"}
TYPES = {
    "bool": {"boolean"},
    "list(string)": {"array"},
    "list(number)": {"array"},
    "map(string)": {"string"},
    "number": {"integer", "number", "enum"},
    "string": {"string", "text", "enum"} | PICKERS,
}


def make(target):
    return subprocess.run([sys.executable, ROOT / "scripts" / "make-stack", target], check=True, capture_output=True, text=True).stdout


def test_the_stack_contains_the_module_only(tmp_path):
    make(tmp_path / "deep" / "stack.zip")
    with zipfile.ZipFile(tmp_path / "deep" / "stack.zip") as stack:
        names = stack.namelist()
        assert all(stack.read(name) == (MODULE / name).read_bytes() for name in names)
    assert names == [*sorted(path.name for path in MODULE.glob("*.tf")), "schema.yaml"]


def test_builds_are_reproducible(tmp_path):
    make(tmp_path / "a.zip")
    make(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as stack:
        assert {(entry.date_time, entry.external_attr >> 16) for entry in stack.infolist()} == {((1980, 1, 1, 0, 0, 0), 0o644)}


def test_the_form_has_the_version_of_the_function():
    assert FORM["schemaVersion"] == "1.1.0"
    assert FORM["version"] == yaml.safe_load((ROOT / "func.yaml").read_text("utf-8"))["version"]


def test_every_variable_is_in_the_form_and_in_one_group():
    grouped = [name for group in FORM["variableGroups"] for name in group["variables"]]
    assert sorted(grouped) == sorted(FORM["variables"]) == sorted(variables())


def test_every_output_is_in_the_form_and_in_one_group():
    grouped = [name for group in FORM["outputGroups"] for name in group["outputs"]]
    assert sorted(grouped) == sorted(FORM["outputs"]) == sorted(outputs())


@pytest.mark.parametrize("name", variable_names())
def test_the_form_matches_the_variable(name):
    variable, shown = variables()[name], FORM["variables"][name]
    assert shown["type"] in TYPES[variable["type"].removeprefix("${").removesuffix("}")]
    assert shown["description"] == variable["description"]
    assert shown["required"] is ("default" not in variable)
    assert shown["title"]
    if name != "network_compartment_ocid" and "default" in shown:
        assert shown["default"] == variable["default"]


def test_variables_that_the_form_does_not_support_are_hidden():
    for name, variable in variables().items():
        hidden = FORM["variables"][name].get("visible") is False
        assert hidden is (variable["type"] == "${map(string)}" or name == "tenancy_ocid")


def test_pickers_have_a_compartment_to_list():
    assert FORM["variables"]["subnet_id"]["dependsOn"] == {"compartmentId": "${network_compartment_ocid}", "vcnId": "${vcn_id}"}
    assert FORM["variables"]["network_compartment_ocid"]["default"] == "${compartment_ocid}"


def test_an_enumeration_offers_the_accepted_values():
    for name, shown in FORM["variables"].items():
        if shown["type"] == "enum":
            accepted = variables()[name]["validation"][0]["error_message"].removeprefix(f"{name}: expected ").removesuffix(".")
            assert [str(value) for value in shown["enum"]] == re.split(", | or ", accepted)
