"""Generates docs/cli.md from the typer application and fails if the page is stale: ``python -m tests.docs.test_cli_doc`` writes it."""

import ast
import inspect
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from epimetheus.cli import display, health, runs_table
from epimetheus.cli.app import app
from epimetheus.cli.exit_codes import EXIT_CODES
from epimetheus.cli.json_reports import JSON_SHAPES, WITHOUT_JSON
from epimetheus.cli.settings_source import SOURCE_OPTIONS
from tests.support.commands import command_line

DOC = Path(__file__).parents[2] / "docs" / "cli.md"
PROGRAM = "epimetheus"

ORDER = (
    "validate", "health", "run", "runs", "runs show", "runs html", "rules preview", "render", "replay", "reconcile", "verify",
    "state show", "state import", "state rewind", "state reset", "state adopt", "state unlock", "state own-address",
    "seal keygen", "seal public-key", "seal list", "seal show", "demo",
)  # fmt: skip
EXAMPLES = {
    "validate": [
        ("validate --env-file prod.env", "check the settings in a file"),
        ("validate --tfvars terraform/stack/terraform.tfvars", "check the settings before Terraform applies them"),
    ],
    "health": [
        ("health", "check every dependency, from settings to the receiver's certificate"),
        ("health --probe", "also send one marked message and confirm it"),
        ("health --function ocid1.fnfunc.oc1.iad.aaaa", "use the settings of a deployed function"),
    ],
    "run": [("run", "forward new events once"), ("run --timeout 5m --json", "stop after five minutes and print the reports")],
    "runs": [("runs --since 7d --failed", "list the failed runs of the last week"), ("runs --json", "print the log lines of the last day")],
    "runs show": [("runs show 33ef9a", "show the run whose ID starts with 33ef9a")],
    "runs html": [("runs html runs.html", "write the plots of the last two days")],
    "rules preview": [
        ("rules preview --rules rules.json --since 7d", "apply a rules file to the events of the last week"),
        ("rules preview --file events.json", "apply the rules in RULES to the events in a file, without OCI"),
    ],
    "render": [
        ("render --file events.json", "print the messages in the format that FORMAT sets"),
        ("render --file events.json --format all --explain", "print the messages in all formats, and explain what FIELD_MAP and redaction do"),
    ],
    "replay": [
        ("replay --from 2026-11-24T10:00:00Z --to 2026-11-24T11:00:00Z --dry-run", "count the events of an hour"),
        ("replay --from 3h --to 2h", "send the events of an hour again after confirmation"),
        ("replay --from 3h --to 2h --compartment prod/app --yes", "send only those of one compartment"),
        ("replay --from 3h --to 2h --missing-only", "send only the events that the ledger does not have"),
    ],
    "reconcile": [
        ("reconcile --from 26h --to 2h --dry-run", "count and name the events of a day that were not sent"),
        ("reconcile --from 26h --to 2h", "count them, ask, and send them, marked as late"),
    ],
    "verify": [
        ("verify --from 24h", "verify the seals and ledger entries of the last day"),
        ("verify --from 2026-11-28T00:00:00Z --to 2026-11-29T00:00:00Z --siem oci.log.gz", "also verify that the SIEM has every message"),
        ("verify --from 24h --to 2h --audit", "also compare the ledger with what OCI Audit lists now"),
        ("verify --from 24h --ledger backup --siem export.csv --public-key seal.pem", "verify downloaded objects, without OCI"),
    ],
    "state show": [("state show", "show the cursor and what is behind"), ("state show --raw", "print the stored JSON")],
    "state import": [
        ("state import --marker oci_audit_marker.json --dry-run", "check the marker file of the Go program"),
        ("state import --marker oci_audit_marker.json", "continue an hour before it"),
    ],
    "state rewind": [("state rewind 2026-11-24T10:05:00Z", "read and send events again from this minute")],
    "state reset": [("state reset --region eu-frankfurt-1", "start again in one region")],
    "state adopt": [('state adopt --reason "SIEM replaced"', "continue with the receiver in the settings")],
    "state unlock": [("state unlock", "remove the lease of a run that was killed")],
    "state own-address": [("state own-address 192.0.2.7", "record the address of this deployment")],
    "seal keygen": [("seal keygen --out seal-key.pem", "create a key; seal-key.pem.pub is its public key")],
    "seal public-key": [("seal public-key --env-file prod.env", "print the key that verifies the signatures of this deployment")],
    "seal list": [("seal list", "list the last 20 seals"), ("seal list --count 100 --json", "print the last hundred, whole")],
    "seal show": [("seal show", "show the newest seal"), ("seal show --sequence 123", "show one")],
    "demo": [("demo", "show status, counts, and one message"), ("demo --verbose", "also show settings, log lines, and whole messages")],
}


def commands(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """``(name, command)`` for each command that does something."""
    for name, command in group.commands.items():
        full = f"{path} {name}".strip()
        if not hasattr(command, "commands") or command.invoke_without_command:
            yield full, command
        if hasattr(command, "commands"):
            yield from commands(command, full)


COMMANDS = dict(commands(command_line()))


def value(parameter: Any) -> str:
    """The placeholder for the value of an option; empty for a flag."""
    return "" if parameter.is_flag else f" {parameter.metavar or parameter.opts[0].strip('-').upper()}"


def default(parameter: Any) -> str:
    """The default as a user would type it."""
    if parameter.required:
        return "required"
    return f"`{parameter.default}`" if parameter.default else ""


def section(name: str, command: Any) -> str:
    """The section of one command: synopsis, description, parameters, examples."""
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and one.name not in SOURCE_OPTIONS]
    synopsis = " ".join([PROGRAM, name, *(f"--{o.opts[0].strip('-')}{value(o)}" for o in options if o.required), "[OPTIONS]" if options else ""])
    synopsis = " ".join([synopsis.strip(), *(argument.name.upper() for argument in arguments)])
    rows = [f"| `{one.name.upper()}` | required | {one.help} |" for one in arguments]
    rows += [f"| `{one.opts[0]}{value(one)}` | {default(one)} | {one.help} |" for one in options]
    table = "\n".join(["| argument or option | default | description |", "|---|---|---|", *rows]) + "\n\n" if rows else ""
    width = max(len(line) for line, _ in EXAMPLES[name])
    examples = "\n".join(f"    {PROGRAM} {line:{width}}  # {comment}" for line, comment in EXAMPLES[name])
    description = "\n\n".join(" ".join(paragraph.split()) for paragraph in command.help.split("\n\n"))
    return f"## {name}\n\n    {synopsis}\n\n{description}\n\n{table}{examples}\n"


def exit_codes() -> str:
    """The table of exit codes; commands with equal codes share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for name in ORDER:
        rows.setdefault(tuple(EXIT_CODES[name].get(code, "") for code in (0, 1, 2)), []).append(f"`{name}`")
    return "\n".join(f"| {', '.join(names)} | {' | '.join(meanings)} |" for meanings, names in rows.items())


def json_shapes() -> str:
    """The table of JSON documents."""
    shapes = [(name, JSON_SHAPES[name]) for name in ORDER if name in JSON_SHAPES]
    texts = [(name, shape if isinstance(shape, str) else "; ".join(f"`{key}`: {what}" for key, what in shape.items())) for name, shape in shapes]
    return "\n".join(f"| `{name}` | {text} |" for name, text in texts)


def source_options() -> str:
    """The table of the options that every command with settings has."""
    options = [option for option in COMMANDS["run"].params if option.name in SOURCE_OPTIONS]
    return "\n".join(f"| `{option.opts[0]} {option.metavar}` | {option.help} |" for option in options)


def text() -> str:
    """The page."""
    index = "\n".join(f"| [{name}](#{name.replace(' ', '-')}) | {COMMANDS[name].help.split('. ')[0].split(chr(10))[0].rstrip('.')} |" for name in ORDER)
    sections = "\n".join(section(name, COMMANDS[name]) for name in ORDER)
    return f"""# Command line

After reading this page, you can check a deployment from a terminal, start a run manually, review past runs, and repair the state.

Install the command with `pipx install .` in a copy of the repository, then use it in any folder. Without an installation, run `make setup`
once, and write `.venv/bin/python -m epimetheus` in place of `epimetheus`. Results go to stdout; progress, notes, questions of `replay`,
errors and the reports of failed runs go to stderr. Every command has `-h`.

On a terminal, tables fit its width: if columns do not fit, the least important ones are dropped, and named below the table. In a pipe or a
file, tables are tab-separated values, notes about them go to stderr, and each sentence is on one line. In the tables of `runs` and `rules
preview`, an apostrophe precedes text that a spreadsheet would take for a formula. `NO_COLOR` turns colors off.

`python -m tests.docs.test_cli_doc` generates this page from the code. Do not edit it by hand.

| command | purpose |
|---|---|
{index}

## Settings

Commands read the same [settings](settings.md) as the function, and OCI credentials from `~/.oci/config`. Every command except `demo` and `seal keygen`
reads settings from these sources:

| option | description |
|---|---|
{source_options()}

The options differ as follows:

- `--env-file` reads `NAME=value` lines, with comments, quotes and `export`. Put multiline values, such as PEM text, in quotes. A name
  that is set twice is an error.
- `--tfvars` reads `terraform.tfvars` or `.tfvars.json`, and derives the settings as the Terraform module does. It does not know what
  Terraform creates: the secret for `create_vault`, and the resources that `TAMPER_WATCH` names by default. For these, use `--function`.
  `validate` does not check the key in such a secret; `run` and `replay` stop with an error.
- `--function` reads the configuration of the function and of its application, and uses the region of the function. The function's
  `OCI_AUTH` is not used: you sign in as yourself. Its `OCI_ENDPOINT`, `STATE_FILE` and `file:` values are ignored, with a note, so that
  someone who can change the function cannot choose files and endpoints of your machine. You need this policy: `Allow group YOUR_GROUP to
  read functions-family in compartment COMPARTMENT_OF_THE_FUNCTION`.

If several sources contain a setting, the first of these applies: the environment, `--env-file`, `--tfvars`, `--function`. The command names
the settings that the environment overrides. A file may be a pipe, as in `--env-file <(sops -d prod.env)`. An empty value counts as not set,
except for `METRICS_NAMESPACE` and `RECONCILE_AFTER`.

In a file or a function, a misspelled setting is an error. In the environment, it is an error only if its name begins with `SYSLOG_`.
Another name that resembles a setting, such as `TENANCY_ID`, is ignored with a note. Names of one word, such as `REGION`, are ignored
without a note, because they belong to other programs.

## Names of compartments

`replay --compartment` accepts a name, the end of a path (`prod/app`), or an OCID. If no compartment has the name, the error suggests the
closest ones. To list all names, run `oci iam compartment list --compartment-id-in-subtree true --all --query 'data[].name'`, or open
**Identity & Security > Compartments** in the console.

## Times and durations

A duration is one or more numbers, each with a unit: `90s`, `15m`, `24h`, `7d`, `1h30m`. A time is in RFC 3339 format, such as
`2026-11-24T10:00:00Z`, or a duration before now, such as `24h`. This applies to `--since`, `--from`, `--to`, `--timeout` and the time of
`state rewind`.

## Output as JSON

Every command except `demo` has `--json`, which prints one JSON document to stdout. Questions, notes and progress go to stderr. The exit
codes are the same. If a command fails before it has a result, the document is `{{"error": {{"kind": …, "fault": …, "what": …, "do": …}}}}`.
If you do not confirm its question, it prints no document. Times are in RFC 3339 format.

| command | document |
|---|---|
{json_shapes()}

## Shell completion

Run `epimetheus --install-completion` once in bash, zsh or fish, and open a new terminal. To print the script instead, for example for a
package, use `--show-completion`. In zsh, the first Tab of a session may only load the completion: press Tab again.

## Exit codes

| command | 0 | 1 | 2 |
|---|---|---|---|
{exit_codes()}

With several regions, the worst status determines the exit code. An unknown option, an invalid setting or a bug is an error (2). If a signal
ends a command, the exit code is 128 plus the number of the signal: 130 for Ctrl-C, 143 for SIGTERM.

{sections}"""


def test_the_page_matches_the_application():
    assert DOC.read_text("utf-8") == text(), "docs/cli.md is stale; run: python -m tests.docs.test_cli_doc"


def test_every_command_has_a_section_with_examples():
    assert sorted(ORDER) == sorted(EXAMPLES) == sorted(COMMANDS)
    assert [name for name, command in COMMANDS.items() if not command.help] == []


def test_every_argument_and_option_has_a_description():
    missing = [(name, one.name) for name, command in COMMANDS.items() for one in command.params if not one.help]
    assert missing == []


@pytest.mark.parametrize("line", [line for examples in EXAMPLES.values() for line, _ in examples])
def test_every_example_is_accepted_by_its_command(line):
    name = max((name for name in COMMANDS if f"{line} ".startswith(f"{name} ")), key=len)
    COMMANDS[name].make_context(name, shlex.split(line[len(name) :]))  # raises for unknown options and invalid values


def test_every_command_has_exit_codes():
    assert sorted(EXIT_CODES) == sorted(COMMANDS)


@pytest.mark.parametrize(
    ("command", "codes"),
    [("run", display.EXIT_CODES), ("replay", display.EXIT_CODES), ("runs", runs_table.EXIT_CODES), ("health", health.EXIT_CODES)],
)
def test_each_status_is_in_the_table_of_exit_codes(command, codes):
    for status, code in codes.items():
        assert f"`{status}`" in EXIT_CODES[command][code]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_codes_in_the_source_of_a_command_are_in_the_table(command):
    source = inspect.getsource(inspect.unwrap(COMMANDS[command].callback))
    exits = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "Exit"]
    constants = [node.value for one in exits for node in ast.walk(one) if isinstance(node, ast.Constant)]
    codes = {0, 2, *(value for value in constants if type(value) is int), *([1] if "confirm(" in source else [])}
    assert codes <= set(EXIT_CODES[command])


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_exits_with_2_as_the_table_says(command):
    result = CliRunner().invoke(app, [*command.split(), "--no-such-option"])
    assert (result.exit_code, "No such option: --no-such-option" in result.stderr) == (2, True)
    assert "error" in EXIT_CODES[command][2]


def test_every_command_has_json_or_a_reason():
    with_json = {name for name, command in COMMANDS.items() if "--json" in {option for one in command.params for option in one.opts}}
    assert with_json == set(JSON_SHAPES)
    assert set(COMMANDS) - with_json == set(WITHOUT_JSON) == {"demo"}


if __name__ == "__main__":
    DOC.write_text(text(), "utf-8")
