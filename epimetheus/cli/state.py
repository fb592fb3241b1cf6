"""``state``: what is remembered between runs: show it, move its cursor, forget it, give it to another receiver, remove a lease."""

import os
import uuid
from dataclasses import replace
from ipaddress import ip_address
from typing import Annotated, NamedTuple

import msgspec
import typer
from pydantic import ConfigDict, TypeAdapter, ValidationError

from epimetheus.cli import display as terminal
from epimetheus.cli.console import print_json, say, terminal_console
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.config import value_types as form
from epimetheus.config.settings import Settings
from epimetheus.errors import ConfigError, StateDamaged, StateError, StateForeign
from epimetheus.model import minute_text, parse_minute, time_text
from epimetheus.render.sanitize import terminal_safe
from epimetheus.run.known_compartments import RETENTION_MINUTES
from epimetheus.select.own_polling import confirm_address, keep_addresses
from epimetheus.state.checks import missing_state
from epimetheus.state.encoding import pack
from epimetheus.state.model import Adoption, Lease, State
from epimetheus.state.owner import Owner, ReceiverId
from epimetheus.state.session import StateSession
from epimetheus.wiring import Wiring

_SECONDS = 60.0
_LONGEST_REASON = 500

state_app = typer.Typer(no_args_is_help=True, help="What is remembered between runs.")

Region = Annotated[str | None, typer.Option(help="Which region's state; the credentials' own by default.")]
Force = Annotated[bool, typer.Option("--force", help="Also where the state is damaged, or a run has it leased.")]
Raw = Annotated[bool, typer.Option("--raw", help="As it is stored, without the keys.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Future = Annotated[bool, typer.Option("--future", help="Also to a time that has not come yet: until then, every run fails.")]
New = Annotated[bool, typer.Option("--new", help="Also where nothing shows that there ever was a state: make one.")]
Reason = Annotated[str, typer.Option(help="Why the receiver or tenancy changes; kept in the state.")]


class _Kept(NamedTuple):
    """A state within reach: its session, the name of its place, and whose settings these are."""

    session: StateSession
    name: str
    region: str
    owner: Owner
    settings: Settings


@state_app.command("show")
def state_show(region: Region = None, raw: Raw = False) -> None:
    """How far it came, which compartments are behind, which receiver it is for, and what keeps a run from using it."""
    with terminal.errors_explained():
        kept = _kept(region)
        state = kept.session.peek()
        if state is None:
            kept.session.raise_if_missing()
    if state is None:
        say(terminal_console(), f"{kept.name}: no state yet; the first run writes it.")
    elif raw:
        print_json(msgspec.json.decode(pack(state).partition(b"\n\0")[0].partition(b"\n")[2]), indent=1)
    else:
        now = SYSTEM.now()
        terminal.show_state(terminal_console(), kept.name, state, now, _problem(kept.session, state, now))


@state_app.command("rewind")
def state_rewind(
    time: str, region: Region = None, force: Force = False, yes: Yes = False, future: Future = False, new: New = False
) -> None:
    """Read again from TIME on (like 2026-11-24T10:05:00Z), and send it again: keys and limits of what was sent are dropped."""
    with terminal.errors_explained():
        minute, now = _minute(time), int(SYSTEM.now() // 60)
        if minute > now and not future:
            raise ConfigError([f"TIME={time}: it is in the future; allowed is a time up to now, or any time with --future"])
        if minute < now - RETENTION_MINUTES:
            raise ConfigError([f"TIME={time}: OCI Audit keeps events for 365 days; allowed is a time within the last 365 days"])
        kept = _kept(region)
        state = _replaced(kept, force=force, yes=yes, new=new) or _fresh(kept, minute)
        if minute > now:
            _ask(f"{time} is in the future: until then every run fails, and events before it are never sent. Continue?", yes)
        elif minute > state.through:
            _ask(f"{time} is after the cursor, {minute_text(state.through)}: what lies between is never sent. Continue?", yes)
        kept.session.commit(replace(state.rewound(minute, now), rate_limits=keep_addresses(state.rate_limits)))
    say(terminal_console(), f"{kept.name}: the next run reads from {minute_text(minute)} on, and OVERLAP_MINUTES before it.")


@state_app.command("reset")
def state_reset(region: Region = None, force: Force = False, yes: Yes = False, new: New = False) -> None:
    """Forget everything: the next run begins INITIAL_LOOKBACK_HOURS back, as if it were the first, with the receiver of the settings."""
    with terminal.errors_explained():
        kept = _kept(region)
        state = _replaced(kept, force=force, yes=yes, new=new)
        problem = _problem(kept.session, state, SYSTEM.now()) if state else None
        foreign = f" {problem.what}" if isinstance(problem, StateForeign) else ""
        _ask(f"Forget the state in {kept.name}? What lies before the look-back and was not sent is never sent.{foreign}", yes)
        settings = kept.settings
        begin = _begin(settings)
        kept.session.commit(_fresh(kept, begin))
    say(terminal_console(), f"{kept.name}: the next run reads from {minute_text(begin)} on, and OVERLAP_MINUTES before it.")


@state_app.command("adopt")
def state_adopt(reason: Reason, region: Region = None, yes: Yes = False) -> None:
    """Continue the state with the tenancy and receiver of these settings, in place of those it was made for."""
    with terminal.errors_explained():
        reason = "".join(char for char in " ".join(reason.split()) if char.isprintable())
        if not 1 <= len(reason) <= _LONGEST_REASON:
            allowed = f"a text of up to {_LONGEST_REASON} characters that says why the receiver or tenancy changes"
            raise ConfigError([f"--reason has {len(reason)} printable characters; allowed is {allowed}"])
        kept = _kept(region)
        if (state := _found(kept, force=False)) is None:
            kept.session.raise_if_missing()
            raise ConfigError([f"there is no state in {kept.name} to adopt; the first run writes it, for the receiver of its settings"])
        before, after = _owner_text(state.tenancy, state.receiver), _owner_text(kept.owner.tenancy, kept.owner.receiver)
        if (state.tenancy, state.receiver) == (kept.owner.tenancy, kept.owner.receiver):
            say(terminal_console(), f"{kept.name}: it is for {after} already.")
            return
        for line in (f"{kept.name} is for {before}.", f"From now on: {after}."):
            say(terminal_console(), line)
        owner = kept.owner
        if state.tenancy in ("", owner.tenancy):
            _ask(f"The new receiver gets the events after {minute_text(state.through)}, and none before. Continue?", yes)
        else:
            _ask(f"{_dropped(state)} Continue?", yes)
            begin = _begin(kept.settings)
            state = replace(state.for_other_tenancy(), through=begin, began=begin)
        adopted = Adoption(SYSTEM.now(), reason, before)
        kept.session.commit(replace(state, tenancy=owner.tenancy, receiver=owner.receiver, adopted=adopted, lease=None))
    say(terminal_console(), f"{kept.name}: adopted.")


@state_app.command("unlock")
def state_unlock(region: Region = None, yes: Yes = False) -> None:
    """Remove the lease of a run that was killed. A run that is still at work stops at its next save, and loses nothing."""
    with terminal.errors_explained():
        kept = _kept(region)
        state = kept.session.peek()
        if state is None or state.lease is None:
            say(terminal_console(), f"{kept.name}: there is no lease.")
            return
        say(terminal_console(), f"{kept.name}: {_lease_text(state.lease)}.")
        _ask("If this run is still at work, it stops, and what it sent since its last save is sent again. Remove the lease?", yes)
        kept.session.commit(replace(state, lease=None))
    say(terminal_console(), f"{kept.name}: the lease is removed.")


@state_app.command("own-address")
def state_own_address(address: str, region: Region = None, force: Force = False, yes: Yes = False) -> None:
    """From now on, calls of this deployment come from ADDRESS, as OCI records it; those from any other are forwarded, with a warning."""
    with terminal.errors_explained():
        try:
            known = str(ip_address(address))
        except ValueError as error:
            allowed = "allowed is one IPv4 or IPv6 address, as the warning names it"
            raise ConfigError([f"ADDRESS={address[:80]}: {allowed}"]) from error
        kept = _kept(region)
        if (state := _found(kept, force)) is None:
            kept.session.raise_if_missing()
            raise ConfigError([f"{kept.name}: there is no state yet; the first run takes the first address it reads"])
        _ask(f"Calls from {known} are left out from now on. Does a container or NAT gateway of this deployment have that address?", yes)
        kept.session.commit(replace(state, rate_limits=confirm_address(state.rate_limits, known, int(SYSTEM.now() // 60))))
    say(terminal_console(), f"{kept.name}: {known} is the address of this deployment.")


def _begin(settings: Settings) -> int:
    """The minute where a first run begins to read."""
    return int(SYSTEM.now() // 60) - settings.settle_minutes - settings.initial_lookback_hours * 60


def _dropped(state: State) -> str:
    """What an adoption for another tenancy drops."""
    asked = sum(known.polled for known in state.known.values())
    return (
        f"Everything of tenancy {state.tenancy} is dropped: its {len(state.known)} compartments, {asked} of which are read and"
        f" {len(state.behind)} behind, the dedupe keys, the limits and the list of regions. What it has not sent of this tenancy is never"
        " sent. The compartments of the new tenancy are read as new ones, at most INITIAL_LOOKBACK_HOURS back."
    )


def _ask(question: str, yes: bool) -> None:
    if not yes:
        typer.confirm(terminal_safe(question), abort=True)


def _kept(region: str | None) -> _Kept:
    settings = Settings.read(os.environ)
    if region is not None:
        _check_region(region)
    workshop = Wiring.open(settings, SYSTEM, Deadline.after(SYSTEM, _SECONDS))
    region = region or workshop.credentials.region
    session = workshop.state.session(region, f"terminal-{uuid.uuid4().hex[:8]}", workshop.deadline)
    return _Kept(session, workshop.state.store(region, workshop.deadline).name, region, workshop.state.owner, settings)


def _check_region(region: str) -> None:
    """Raises ConfigError where ``region`` has not the form of those in REGIONS."""
    try:
        valid = TypeAdapter(form.Region, config=ConfigDict(regex_engine="python-re")).validate_python(region) != "all"
    except ValidationError:
        valid = False
    if not valid:
        raise ConfigError([f"--region={region}: allowed is a region identifier like eu-frankfurt-1"])


def _fresh(kept: _Kept, minute: int) -> State:
    """A state that begins at ``minute``, for the settings at hand."""
    return State(kept.region, minute, began=minute, tenancy=kept.owner.tenancy, receiver=kept.owner.receiver)


def _replaced(kept: _Kept, *, force: bool, yes: bool, new: bool) -> State | None:
    """The state to rewind or reset; None where a new one is to be made: it is damaged (``force``), or there is none.

    A mistyped STATE_PREFIX or region also leads to where there is none. ``yes`` is the answer only where a marker names this very place.
    """
    try:
        state = _found(kept, force)
    except StateDamaged:
        if force:
            return None
        raise
    if state is None:
        found = kept.session.find_marker()
        unknown = f"There is no state in {kept.name}, and nothing shows that there ever was one."
        here = found is not None and found[0].state == kept.name
        _ask(f"{missing_state(kept.name, *found).what if found else unknown} Create a new state in {kept.name}?", new or (yes and here))
    return state


def _found(kept: _Kept, force: bool) -> State | None:
    """The state to change. A live lease is an error, unless ``force``. Raises StateDamaged, too."""
    state = kept.session.peek()
    if state and state.lease and state.lease.is_live(SYSTEM.now()) and not force:
        raise ConfigError([f"{kept.name}: {_lease_text(state.lease)}; wait, or run `python -m epimetheus state unlock`, or use --force"])
    return state


def _problem(session: StateSession, state: State, now: float) -> StateError | None:
    """What keeps a run from using ``state``."""
    try:
        session.validate(state, now)
    except StateError as error:
        return error
    return None


def _lease_text(lease: Lease) -> str:
    since = f" since {time_text(lease.acquired)}" if lease.acquired else ""
    return f"run {lease.run} holds the lease{since}, until {time_text(lease.until)}"


def _owner_text(tenancy: str, receiver: ReceiverId | None) -> str:
    return f"tenancy {tenancy or '(not recorded)'}, receiver {receiver.address if receiver else '(not recorded)'}"


def _minute(text: str) -> int:
    try:
        return parse_minute(text)
    except ValueError as error:
        raise ConfigError([f"TIME={text}: {error}; allowed is RFC 3339 like 2026-11-24T10:05:00Z"]) from error
