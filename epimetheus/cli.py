"""The same run from a terminal, and what one wants to look at or mend from there. Needs requirements-dev.txt (typer, rich)."""

import os
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from epimetheus.assemble import Workshop
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.config import Settings
from epimetheus.deliver import tls_context
from epimetheus.errors import ConfigError, StateDamaged
from epimetheus.files.field_map import read_field_map
from epimetheus.files.rules import read_rules
from epimetheus.invoke import run_regions
from epimetheus.model import minute_text, parse_minute, time_text
from epimetheus.render.visible import on_terminal
from epimetheus.state.form import pack
from epimetheus.state.keeper import Keeper
from epimetheus.state.memory import State
from epimetheus.terminal import demo as demonstration
from epimetheus.terminal import view as terminal
from epimetheus.terminal.console import print_json, say, terminal_console
from epimetheus.terminal.health import health
from epimetheus.terminal.replay import replay
from epimetheus.terminal.rules import rules_app
from epimetheus.terminal.runs import runs_app

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Forward the audit events of an OCI tenancy to a SIEM.")
state_app = typer.Typer(no_args_is_help=True, help="What is remembered between runs.")
app.add_typer(state_app, name="state")
app.add_typer(rules_app, name="rules")
app.add_typer(runs_app, name="runs")
app.command()(replay)
app.command()(health)

Region = Annotated[str | None, typer.Option(help="Which region's state; the credentials' own by default.")]
Force = Annotated[bool, typer.Option("--force", help="Also where the state is damaged, or a run has it leased.")]
Raw = Annotated[bool, typer.Option("--raw", help="As it is stored, without the keys.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def run(
    minutes: Annotated[float, typer.Option(help="End after so many minutes, at the latest.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="The reports as JSON on stdout.")] = False,
) -> None:
    """Forward what is new, as the function does: settings from the environment, OCI from ~/.oci/config."""
    with terminal.explained():
        workshop = _workshop(minutes * 60)
        with terminal.watcher(terminal_console(stderr=True)) as watcher:
            reports = run_regions(workshop, uuid.uuid4().hex[:12], watcher, watcher.announce)
    if as_json:
        print_json(reports)
    raise typer.Exit(max(terminal.EXIT_CODES[report.status] for report in reports))


@app.command()
def validate() -> None:
    """Check settings and certificates, without the network: what is wrong, all at once, or what will be used."""
    with terminal.explained():
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


@state_app.command("show")
def state_show(region: Region = None, raw: Raw = False) -> None:
    """How far it came, and who is behind."""
    with terminal.explained():
        keeper, name, _ = _keeper(region)
        state = keeper.peek()
    if state is None:
        say(terminal_console(), f"{name}: no state yet; the first run writes it.")
    elif raw:
        print_json(msgspec.json.decode(pack(state).partition(b"\n\0")[0].partition(b"\n")[2]))
    else:
        terminal.show_state(terminal_console(), name, state, SYSTEM.now())


@state_app.command("rewind")
def state_rewind(time: str, region: Region = None, force: Force = False, yes: Yes = False) -> None:
    """Read again from TIME on (like 2026-11-24T10:05:00Z), and send it again: keys and limits of what was sent are dropped."""
    with terminal.explained():
        minute = _minute(time)
        keeper, name, region = _keeper(region)
        state = _found(keeper, name, force) or State(region, minute)
        if minute > state.through and not yes:
            after = f"{time} is after the cursor, {minute_text(state.through)}: what lies between is never sent. Go on?"
            typer.confirm(on_terminal(after), abort=True)
        behind = {ocid: b for ocid, b in state.behind.items() if b.since < minute}
        keeper.commit(replace(state, through=minute, behind=behind, keys={}, quotas={}, lease=None, slice_minutes=0, listed=0))
    say(terminal_console(), f"{name}: the next run reads from {minute_text(minute)} on.")


@state_app.command("reset")
def state_reset(region: Region = None, force: Force = False, yes: Yes = False) -> None:
    """Forget everything: the next run begins INITIAL_LOOKBACK_HOURS back, as if it were the first."""
    with terminal.explained():
        keeper, name, region = _keeper(region)
        _found(keeper, name, force)
        if not yes:
            asked = on_terminal(f"Forget the state in {name}? What lies before the look-back and was not sent is never sent.")
            typer.confirm(asked, abort=True)
        settings = Settings.read(os.environ)
        fresh = State(region, int(SYSTEM.now() // 60) - settings.settle_minutes - settings.initial_lookback_hours * 60)
        keeper.commit(fresh)
    say(terminal_console(), f"{name}: the next run reads from {minute_text(fresh.through)} on.")


def _workshop(seconds: float) -> Workshop:
    return Workshop.open(Settings.read(os.environ), SYSTEM, Deadline.after(SYSTEM, seconds))


def _keeper(region: str | None) -> tuple[Keeper, str, str]:
    workshop = _workshop(60)
    region = region or workshop.credentials.region
    store = workshop.store(region, workshop.deadline)
    return Keeper(store, f"terminal-{uuid.uuid4().hex[:8]}", region), store.name, region


def _found(keeper: Keeper, name: str, force: bool) -> State | None:
    """The state to change. A live lease or damage is an error, but for ``--force``."""
    try:
        state = keeper.peek()
    except StateDamaged:
        if force:
            return None
        raise
    if state and state.lease and state.lease.until > SYSTEM.now() and not force:
        raise ConfigError([f"{name} is leased to run {state.lease.run} until {time_text(state.lease.until)}; wait, or use --force"])
    return state


def _minute(text: str) -> int:
    try:
        return parse_minute(text)
    except ValueError as error:
        raise ConfigError([f"TIME={text}: {error}; allowed is RFC 3339 like 2026-11-24T10:05:00Z"]) from error


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
