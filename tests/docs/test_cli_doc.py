"""Generates docs/cli.md from the typer application and fails if the page is stale: ``python -m tests.docs.test_cli_doc`` writes it."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from epimetheus.cli import display, health, runs_table
from epimetheus.cli.app import app

DOC = Path(__file__).parents[2] / "docs" / "cli.md"
PROGRAM = "python -m epimetheus"

ORDER = (
    "validate", "health", "run", "runs", "runs show", "runs html", "rules try", "render", "replay",
    "state show", "state rewind", "state reset", "state adopt", "state unlock", "state own-address", "demo",
)  # fmt: skip
EXAMPLES = {
    "validate": [("validate", "check the settings in the environment")],
    "health": [
        ("health", "check every dependency, from settings to the receiver's certificate"),
        ("health --probe", "also send one marked message and confirm it"),
    ],
    "run": [("run", "forward new events once"), ("run --minutes 5 --json", "stop after five minutes and print the reports")],
    "runs": [("runs --since 7d --failed", "list the failed runs of a week"), ("runs --json", "print the log lines of the last day")],
    "runs show": [("runs show 33ef9a", "show the run whose ID starts with 33ef9a")],
    "runs html": [("runs html runs.html", "write the plots of the last two days")],
    "rules try": [
        ("rules try --rules rules.json --since 7d", "apply a rules file to the events of the last week"),
        ("rules try --file events.json", "apply the rules in RULES to the events in a file, without OCI"),
    ],
    "render": [
        ("render --file events.json", "print the messages in the format of FORMAT"),
        ("render --file events.json --format all --explain", "print all formats, and explain what FIELD_MAP and redaction do"),
    ],
    "replay": [
        ("replay --from 2026-11-24T10:00:00Z --to 2026-11-24T11:00:00Z --dry-run", "count the events of an hour"),
        ("replay --from 2026-11-24T10:00:00Z --to 2026-11-24T11:00:00Z", "send them again after a confirmation"),
        ("replay --from 2026-11-24T10:00:00Z --to 2026-11-24T11:00:00Z --compartment prod/app --yes", "send those of a compartment"),
    ],
    "state show": [("state show", "show the cursor and what is behind"), ("state show --raw", "print the stored JSON")],
    "state rewind": [("state rewind 2026-11-24T10:05:00Z", "read and send again from this minute")],
    "state reset": [("state reset --region eu-frankfurt-1", "start again in one region")],
    "state adopt": [('state adopt --reason "SIEM replaced"', "continue with the receiver in the settings")],
    "state unlock": [("state unlock", "remove the lease of a run that was killed")],
    "state own-address": [("state own-address 192.0.2.7", "record the address of this deployment")],
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


COMMANDS = dict(commands(typer.main.get_command(app)))


def value(parameter: Any) -> str:
    """The placeholder for the value of an option; empty for a flag."""
    return "" if parameter.is_flag else f" {parameter.opts[0].strip('-').upper()}"


def default(parameter: Any) -> str:
    """The default as a user would type it."""
    if parameter.required:
        return "required"
    return f"`{parameter.default:g}`" if isinstance(parameter.default, float) else f"`{parameter.default}`" if parameter.default else ""


def limits(parameter: Any) -> str:
    """The range of a number."""
    return "" if parameter.min is None else f" From {parameter.min:g} to {parameter.max:g}."


def section(name: str, command: Any) -> str:
    """The section of one command: synopsis, description, parameters, examples."""
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in command.params if parameter.param_type_name == "option"]
    synopsis = " ".join([PROGRAM, name, *(f"--{o.opts[0].strip('-')}{value(o)}" for o in options if o.required), "[OPTIONS]" if options else ""])
    synopsis = " ".join([synopsis.strip(), *(argument.name.upper() for argument in arguments)])
    rows = [f"| `{one.name.upper()}` | required | {one.help} |" for one in arguments]
    rows += [f"| `{one.opts[0]}{value(one)}` | {default(one)} | {one.help}{limits(one)} |" for one in options]
    table = "\n".join(["| argument or option | default | description |", "|---|---|---|", *rows]) + "\n\n" if rows else ""
    width = max(len(line) for line, _ in EXAMPLES[name])
    examples = "\n".join(f"    {PROGRAM} {line:{width}}  # {comment}" for line, comment in EXAMPLES[name])
    description = "\n\n".join(" ".join(paragraph.split()) for paragraph in command.help.split("\n\n"))
    return f"## {name}\n\n    {synopsis}\n\n{description}\n\n{table}{examples}\n"


def of(codes: dict[str, int], code: int) -> str:
    """The statuses with an exit code."""
    return " or ".join(f"`{status}`" for status, one in codes.items() if one == code)


def text() -> str:
    """The page."""
    run, checks, logged = display.EXIT_CODES, health.EXIT_CODES, runs_table._EXIT_CODES
    index = "\n".join(f"| [{name}](#{name.replace(' ', '-')}) | {COMMANDS[name].help.split('. ')[0].split(chr(10))[0].rstrip('.')} |" for name in ORDER)
    sections = "\n".join(section(name, COMMANDS[name]) for name in ORDER)
    return f"""# Command line

After reading this page you can check a deployment from a terminal, start a run manually, review past runs, and repair the state.

Run `make setup` once. Then run `. .venv/bin/activate` and `{PROGRAM} COMMAND` in the repository. Commands read the same
[settings](settings.md) as the function, from environment variables, and OCI credentials from `~/.oci/config`. Results go to stdout;
progress and errors go to stderr. Every command has `--help`.

On a terminal, tables fit its width: columns that do not fit are dropped by importance, and named. Elsewhere, tables are tab-separated
values, remarks about them go to stderr, and each sentence is one line. `NO_COLOR` switches colors off.

`python -m tests.docs.test_cli_doc` generates this page from the code. Do not edit it by hand.

| command | purpose |
|---|---|
{index}

## Exit codes

| command | 0 | 1 | 2 |
|---|---|---|---|
| `run`, `replay` | {of(run, 0)} | {of(run, 1)}: some compartments are behind or were not read | {of(run, 2)} |
| `runs`, `runs show` | last run {of(logged, 0)} | last run {of(logged, 1)}, or no run found | last run {of(logged, 2)} |
| `health` | {of(checks, 0)} | {of(checks, 1)} | {of(checks, 2)} |
| `rules try` | every compartment was read | some compartments were not read | |
| `render` | every event is valid | some events are malformed | |
| `demo` | every event arrived | events are missing | |
| others | success | not confirmed | |

With several regions, the worst status determines the exit code. In addition, every command exits with 1 if you decline its confirmation,
and with 2 after an unknown option, an invalid setting, or any other error. If a signal ends a command, the exit code is 128 plus the number
of the signal: 130 for Ctrl-C, 143 for SIGTERM.

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


if __name__ == "__main__":
    DOC.write_text(text(), "utf-8")
