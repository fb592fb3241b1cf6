"""--tfvars: the syntax, and errors that quote no value. tests/terraform/test_tfvars.py compares the result with real Terraform."""

from decimal import Decimal

import pytest

from epimetheus.cli.tfvars import OTHER_VARIABLES, read_tfvars
from epimetheus.cli.tfvars_parser import TfvarsSyntaxError, parse_tfvars
from epimetheus.errors import ConfigError
from tests.terraform.hcl import MODULE, load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('x = "a b"', "a b"),
        (r'x = "a\"b\\c\n\té\U0001F600$${y}%%{z}$5"', 'a"b\\c\n\té😀${y}%{z}$5'),
        ("x = 6514", Decimal(6514)),
        ("x = -2.50", Decimal("-2.50")),
        ("x = true // yes", True),
        ("x = null # none", None),
        ('x = ["a", "b",] /* two\nlines */', ["a", "b"]),
        ('x = [\n  "a", # first\n  "b"\n]', ["a", "b"]),
        ("x = []", []),
        ('x = { a = "b", "c d" : 1 }', {"a": "b", "c d": Decimal(1)}),
        ("x = {\n a = [true]\n b = 2\n}", {"a": [True], "b": Decimal(2)}),
        ("x = <<EOT\nline 1\n  line 2\nEOT\n", "line 1\n  line 2\n"),
        ("x = <<-EOT\n    line 1\n      line 2\n\n    EOT\n", "line 1\n  line 2\n\n"),
        ("x = <<EOT\r\na\r\nEOT\r\n", "a\n"),
    ],
)
def test_literal_values(text, value):
    assert parse_tfvars(text) == {"x": value}
    assert parse_tfvars(f"# before\n\n{text}\ny = 1\n") == {"x": value, "y": Decimal(1)}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("\nx = var.hunter2", 2, "expected a literal value: a string in double quotes, a number, true, false, null, a list or an object"),
        ('x = "hunter2', 1, "the string does not end on this line, or contains an unknown escape sequence"),
        ('x = "${hunter2}"', 1, "expected a literal value: a variable file cannot contain ${…} or %{…}"),
        ('x = ["hunter2"', 1, "expected a comma or ] after an item of the list"),
        ("x = 1 2", 1, "expected the end of the line after the value"),
        ("x 1", 1, "expected = after the name"),
        ("x = <<EOT\nhunter2\n", 1, "the text after << has no end: expected a line with EOT only"),
        ('"x" = 1', 1, "expected a variable name"),
        ("x = " + "[" * 50, 1, "the value is nested too deeply"),
        ('x = "\\ud800"', 1, "the escape is not a character"),
    ],
)
def test_an_error_names_the_line_and_quotes_nothing(text, line, what):
    with pytest.raises(TfvarsSyntaxError) as failed:
        parse_tfvars(text)
    assert (failed.value.line, str(failed.value)) == (line, what)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("push_enable", "push_enabled"), ("siem_cidr", "siem_cidrs"), ("intervall_minutes", "interval_minutes"), ("vnc_ocid", "vcn_ocid")],
)
def test_a_misspelled_variable_that_is_no_setting_has_a_suggestion(tmp_path, name, meant):
    (path := tmp_path / "terraform.tfvars").write_text(f"{name} = true\n")
    ignored = f"Ignored {name} in {path}: the Terraform module has no such variable. Did you mean {meant}?"
    assert read_tfvars(path)[2:] == ((ignored,), ())


def problems(folder, text, name="terraform.tfvars"):
    path = folder / name
    path.write_text(text)
    try:
        found = read_tfvars(path).problems
    except ConfigError as error:
        found = error.problems
    return [problem.replace(str(path), name) for problem in found]


def test_misspelled_variables_and_wrong_types_are_errors(tmp_path):
    text = 'syslog_hsot = "siem"\nregions = "all"\nsyslog_port = [1]\nother = "x"\nimage = "i"\nregion = "r"\n'
    assert problems(tmp_path, text) == [
        "terraform.tfvars: unknown variable syslog_hsot. Did you mean syslog_host?",
        "terraform.tfvars: regions has a value of another type; expected a list of strings",
        "terraform.tfvars: syslog_port has a value of another type; expected a string, a number of up to 28 digits, true or false",
    ]
    assert problems(tmp_path, "x = hunter2\n") == [
        "--tfvars terraform.tfvars line 1: expected a literal value: a string in double quotes, a number, true, false, null, a list or an"
        " object"
    ]


def test_json_errors(tmp_path):
    name = "terraform.tfvars.json"
    assert problems(tmp_path, '{"a":\n hunter2}', name) == ["--tfvars terraform.tfvars.json line 2: expected JSON: Expecting value"]
    assert problems(tmp_path, "[]", name) == ["--tfvars terraform.tfvars.json: expected a JSON object with one member for each variable"]


@pytest.mark.parametrize("number", ["1e9999999", "1e-9999999", "1e99999999999999999999", "9" * 5000, "1" * 29])
def test_a_number_that_no_setting_can_have_is_an_error(tmp_path, number):
    expected = "has a value of another type; expected a string, a number of up to 28 digits, true or false"
    assert problems(tmp_path, f"syslog_port = {number}\n") == [f"terraform.tfvars: syslog_port {expected}"]
    assert problems(tmp_path, f"name = {number}\n") == [f"terraform.tfvars: name {expected}"]
    name = "terraform.tfvars.json"
    for text in (number, "NaN", "-Infinity"):
        assert problems(tmp_path, f'{{"syslog_port": {text}}}', name) == [f"{name}: syslog_port {expected}"]


def test_names_that_no_variable_has_are_reported(tmp_path):
    text = 'SYSLOG_HOST = "siem"\nNAME = "n"\nstate_file = "/x"\noci_endpoint = "https://x"\n'
    assert problems(tmp_path, text) == [
        "terraform.tfvars: unknown variable SYSLOG_HOST. Did you mean syslog_host?",
        "terraform.tfvars: unknown variable NAME. Did you mean name?",
        "terraform.tfvars: unknown variable state_file; set STATE_FILE in the environment instead",
        "terraform.tfvars: unknown variable oci_endpoint; set OCI_ENDPOINT in the environment instead",
    ]
    path = tmp_path / "a.tfvars"
    path.write_text('syslog_host = "siem"\nvpc = "hunter2"\n')
    assert read_tfvars(path).notes == (f"Ignored vpc in {path}: the Terraform module has no such variable.",)


def test_a_variable_that_is_assigned_twice_is_an_error(tmp_path):
    assert problems(tmp_path, 'name = "a"\nformat = "cef"\nname = "b"\n') == [
        "--tfvars terraform.tfvars line 3: the variable is assigned twice; keep one of its lines"
    ]
    assert problems(tmp_path, '{"name": "a", "name": "b"}', "terraform.tfvars.json") == [
        "--tfvars terraform.tfvars.json: name is set twice; keep one of them"
    ]


def test_the_other_variables_are_those_of_the_module():
    others = {name for file in ("variables.tf", "variables_push.tf") for block in load(MODULE / file)["variable"] for name in block}
    assert others | {"ignore_defined_tags"} == OTHER_VARIABLES  # the latter is a variable of terraform/stack


def test_regions_are_identifiers_as_terraform_sends_them(tmp_path):
    path = tmp_path / "terraform.tfvars"
    path.write_text('regions = ["IAD", "eu-Frankfurt-1"]\n')
    assert read_tfvars(path).values["REGIONS"] == "us-ashburn-1,eu-frankfurt-1"
