"""The Resource Manager stack: a zip file with the module, and a form for all its variables and outputs."""

import re
import subprocess
import sys
import zipfile

import pytest
import yaml

from tests.terraform import stack
from tests.terraform.hcl import MODULE, ROOT, STACK, load, outputs, variable_names, variables

FORM = yaml.safe_load((STACK / "schema.yaml").read_text("utf-8"))
PICKERS = {
    "oci:identity:compartment:id": set(),
    "oci:identity:region:name": set(),
    "oci:core:vcn:id": {"compartmentId"},
    "oci:core:subnet:id": {"compartmentId", "vcnId"},
    "oci:core:nsg:id": {"compartmentId"},
    "oci:kms:vault:id": {"compartmentId"},
    "oci:kms:key:id": {"compartmentId", "vaultId"},
    "oci:kms:secret:id": {"compartmentId"},
}
"""Type of a variable → what it must depend on, in the meta schema: https://docs.oracle.com/en-us/iaas/Content/ResourceManager/Concepts/
terraformconfigresourcemanager_topic-schema.htm"""
OPTIONAL = {"oci:core:nsg:id": {"vcnId"}, "oci:kms:secret:id": {"vaultId"}}
FORM_ONLY = {"vcn_ocid", "kms_vault_ocid"}
DEFAULTS = {"boolean": bool, "integer": int, "number": (int, float), "array": list}
"""Type of a variable → type of its default. Those of all others are text."""
TYPES = {
    "bool": {"boolean"},
    "list(string)": {"array"},
    "list(number)": {"array"},
    "map(string)": {"string"},
    "number": {"integer", "number", "enum"},
    "string": {"string", "text", "enum", *PICKERS},
}


def make(target):
    return subprocess.run([sys.executable, ROOT / "scripts" / "make-stack", target], check=True, capture_output=True, text=True).stdout


def test_the_stack_contains_the_root_and_the_module_only(tmp_path):
    make(tmp_path / "deep" / "stack.zip")
    with zipfile.ZipFile(tmp_path / "deep" / "stack.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    root = {path.name: path.read_bytes() for path in [*STACK.glob("*.tf"), STACK / "schema.yaml"]}
    main = root["main.tf"].replace(b'source = "../"', b'source = "./module"')
    assert main != root["main.tf"]
    assert files == root | {"main.tf": main} | {f"module/{path.name}": path.read_bytes() for path in MODULE.glob("*.tf")}


@pytest.mark.parametrize("name", stack.files())
def test_the_root_is_generated(name):
    assert (STACK / name).read_text("utf-8") == stack.files()[name], f"run {stack.COMMAND}"


def test_the_readme_of_the_module_is_generated():
    assert stack.README.read_text("utf-8") == stack.readme(), f"run {stack.COMMAND}"


def test_the_root_passes_every_variable_and_output():
    (call,) = load(STACK / "main.tf")["module"]
    passed = {name: value for name, value in call["epimetheus"].items() if name not in ("source", "providers")}
    assert passed == {name: f"${{var.{name}}}" for name in variables()}
    assert set(variables(STACK)) == {*variables(), "ignore_defined_tags"}
    assert set(outputs(STACK)) == set(outputs())


def test_the_module_contains_no_provider_configuration():
    """With one, neither count nor depends_on would work, and the module could not be removed from a configuration."""
    assert [path.name for path in MODULE.glob("*.tf") if "provider" in load(path)] == []


def test_every_resource_of_an_earlier_state_moves():
    moved = {block["from"].strip("${}"): block["to"].strip("${}") for block in load(STACK / "moved.tf")["moved"]}
    blocks = [block for path in MODULE.glob("*.tf") for block in load(path).get("resource", [])]
    resources = {f"{kind}.{name}" for block in blocks for kind, named in block.items() for name in named}
    assert moved == {address: f"module.epimetheus.{address}" for address in resources}


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
    assert sorted(grouped) == sorted(FORM["variables"]) == sorted(variables(STACK))


def test_every_output_is_in_the_form_and_in_one_group():
    grouped = [name for group in FORM["outputGroups"] for name in group["outputs"]]
    assert sorted(grouped) == sorted(FORM["outputs"]) == sorted(outputs())


@pytest.mark.parametrize("name", variable_names(STACK))
def test_the_form_matches_the_variable(name):
    variable, shown = variables(STACK)[name], FORM["variables"][name]
    assert shown["type"] in TYPES[variable["type"].removeprefix("${").removesuffix("}")]
    assert shown["description"] == variable["description"]
    assert shown["required"] is ("default" not in variable)
    assert shown["title"]
    default = variable.get("default")
    if name != "network_compartment_ocid" and (default or "default" in shown):
        assert shown["default"] == (str(default) if shown["type"] == "enum" else default)


def test_variables_that_the_form_does_not_support_are_hidden():
    for name, variable in variables(STACK).items():
        hidden = FORM["variables"][name].get("visible") is False
        assert hidden is (variable["type"] == "${map(string)}" or name == "tenancy_ocid")


def shown_types():
    """Name → the type of each variable of the form, and of the items of each array."""
    for name, shown in FORM["variables"].items():
        yield name, shown
        if shown["type"] == "array":
            yield name, shown["items"]


def test_pickers_have_what_they_depend_on():
    """The meta schema rejects other references, and missing ones."""
    for name, shown in shown_types():
        needed = PICKERS.get(shown["type"], set())
        assert needed <= set(shown.get("dependsOn", ())) <= needed | OPTIONAL.get(shown["type"], set()), name
        for reference in shown.get("dependsOn", {}).values():
            assert reference.removeprefix("${").removesuffix("}") in FORM["variables"]
    assert FORM["variables"]["network_compartment_ocid"]["default"] == "${compartment_ocid}"


def test_ocids_are_picked_where_the_form_can_list_them():
    pickers = {name: shown["type"] for name, shown in shown_types() if shown["type"] in PICKERS}
    assert pickers == {
        "compartment_ocid": "oci:identity:compartment:id", "network_compartment_ocid": "oci:identity:compartment:id",
        "metrics_compartment_ocid": "oci:identity:compartment:id", "region": "oci:identity:region:name", "vcn_ocid": "oci:core:vcn:id",
        "subnet_ocid": "oci:core:subnet:id", "network_security_group_ocids": "oci:core:nsg:id", "kms_vault_ocid": "oci:kms:vault:id",
        "kms_key_ocid": "oci:kms:key:id", "syslog_client_key_secret_ocid": "oci:kms:secret:id",
        "seal_key_secret_ocid": "oci:kms:secret:id",
    }  # fmt: skip


def test_defaults_have_the_types_of_the_meta_schema():
    """Those of enumerations are text, and so are their items: `enum: [256]` is rejected."""
    for name, shown in FORM["variables"].items():
        if "default" in shown:
            assert isinstance(shown["default"], DEFAULTS.get(shown["type"], str)), name
        assert all(isinstance(item, str) for item in shown.get("enum", ())), name


def test_the_network_is_hidden_if_another_one_is_used():
    made = {name for name, shown in FORM["variables"].items() if shown.get("visible") == {"not": ["${use_existing_network}"]}}
    existing = {name for name, shown in FORM["variables"].items() if shown.get("visible") == "${use_existing_network}"}
    assert made == {"siem_cidrs", "vcn_cidr", "nat_public_ip_ocid"}
    assert existing == {"vcn_ocid", "subnet_ocid", "network_security_group_ocids"}


def test_only_the_form_uses_its_helpers():
    """A variable that nothing reads would surprise those who set it."""
    text = "".join(path.read_text("utf-8") for path in MODULE.glob("*.tf"))
    text = re.sub(r"validation \{.*?\n  \}", "", text, flags=re.S)
    unread = {name for name in variables() if not re.search(rf"\bvar\.{name}\b", text)}
    assert unread == FORM_ONLY
    assert all("Only the form of Resource Manager uses it" in variables()[name]["description"] for name in FORM_ONLY)


def test_outputs_have_types():
    """Resource Manager shows a map or a list as such only with its type."""
    types = {name: shown["type"] for name, shown in FORM["outputs"].items()}
    assert types["config_bytes"] == "number"
    assert types["policy_statements"] == "list"
    assert types["dashboard"] == "json"
    assert {name for name, kind in types.items() if kind == "map"} == {"commands", "schedules", "log_searches", "metric_queries"}
    assert set(types.values()) == {"ocid", "string", "copyableString", "number", "list", "map", "json"}


def test_an_enumeration_offers_the_accepted_values():
    for name, shown in FORM["variables"].items():
        if shown["type"] == "enum":
            accepted = variables()[name]["validation"][0]["error_message"].removeprefix(f"{name}: expected ").removesuffix(".")
            assert [str(value) for value in shown["enum"]] == re.split(", | or ", accepted)
