"""The same run from a terminal, and what one wants to look at or mend from there. Needs requirements-dev.txt (typer, rich)."""

import os
import uuid
from pathlib import Path
from typing import Annotated

import typer

from epimetheus.cli import demo as demonstration
from epimetheus.cli import display as terminal
from epimetheus.cli.console import print_json, terminal_console
from epimetheus.cli.health import health
from epimetheus.cli.minutes import Minutes
from epimetheus.cli.replay import replay
from epimetheus.cli.rules import rules_app
from epimetheus.cli.runs import runs_app
from epimetheus.cli.state import state_app
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.config.field_map import read_field_map
from epimetheus.config.rules_file import read_rules
from epimetheus.config.settings import Settings
from epimetheus.deliver import tls_context
from epimetheus.errors import ConfigError
from epimetheus.function.invoke import run_regions
from epimetheus.wiring import Wiring

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Forward the audit events of an OCI tenancy to a SIEM.")
app.add_typer(state_app, name="state")
app.add_typer(rules_app, name="rules")
app.add_typer(runs_app, name="runs")
app.command()(replay)
app.command()(health)


@app.command()
def run(
    minutes: Minutes = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="The reports as JSON on stdout.")] = False,
) -> None:
    """Forward what is new, as the function does: settings from the environment, OCI from ~/.oci/config."""
    with terminal.errors_explained():
        workshop = _workshop(minutes * 60)
        with terminal.watcher(terminal_console(stderr=True)) as watcher:
            reports = run_regions(workshop, uuid.uuid4().hex[:12], watcher, watcher.announce)
    if as_json:
        print_json(reports)
    raise typer.Exit(max(terminal.EXIT_CODES[report.status] for report in reports))


@app.command()
def validate() -> None:
    """Check settings and certificates, without the network: what is wrong, all at once, or what will be used."""
    with terminal.errors_explained():
        settings = Settings.read(os.environ)
        pem = {key: getattr(settings, key.lower()) for key in ("SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY")}
        elsewhere = [key for key, value in pem.items() if value and value.startswith(("vault:", "object:"))]
        texts = {key: _local(key, value) for key, value in pem.items() if value and key not in elsewhere}
        if not elsewhere:
            tls_context(texts.get("SYSLOG_CA"), texts.get("SYSLOG_CLIENT_CERT"), texts.get("SYSLOG_CLIENT_KEY"))
        files = {key: value for key in ("RULES", "FIELD_MAP") if (value := getattr(settings, key.lower()))}
        elsewhere += [key for key, value in files.items() if value.startswith("object:")]
        read = {key: _local(key, value) for key, value in files.items() if key not in elsewhere}
        odd = [warning for key, text in read.items() for warning in _odd(key, text, settings.format)]
        terminal.show_settings(terminal_console(), settings, texts, elsewhere, (*settings.warnings, *odd))


@app.command()
def demo() -> None:
    """Watch four runs of the real function: a stand-in for OCI, a TLS receiver that dies and returns, nothing lost."""
    raise typer.Exit(demonstration.play(terminal_console()))


def _workshop(seconds: float) -> Wiring:
    return Wiring.open(Settings.read(os.environ), SYSTEM, Deadline.after(SYSTEM, seconds))


def _odd(key: str, text: str, format: str) -> tuple[str, ...]:
    """The warnings about a file."""
    return read_rules(key, text)[1] if key == "RULES" else read_field_map(key, text, format)[1]


def _local(key: str, value: str) -> str:
    kind, _, path = value.partition(":")
    if kind != "file":
        return value
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise ConfigError([f"{key}={value}: {error.strerror}; allowed is a file that can be read"]) from error
    except UnicodeDecodeError:
        raise ConfigError([f"{key}={value}: it is not UTF-8 text; allowed is a file that is"]) from None  # its own error holds the text
