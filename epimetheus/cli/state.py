"""``state``: shows and changes the state stored between runs."""

import uuid
from dataclasses import replace
from ipaddress import ip_address
from typing import Annotated, NamedTuple

import msgspec
import typer
from pydantic import ConfigDict, TypeAdapter, ValidationError

from epimetheus.cli import display
from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.confirm import confirm
from epimetheus.cli.console import print_json, print_line, terminal_console
from epimetheus.cli.json_reports import state_report
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.time_arguments import minute_argument
from epimetheus.clock import SYSTEM
from epimetheus.config import value_types as form
from epimetheus.config.settings import Settings
from epimetheus.errors import StateDamaged, StateError, StateForeign, StateOutdated, StateUnrecognized
from epimetheus.model import RETENTION_DAYS, count_text, minute_text, time_text
from epimetheus.select.own_polling import confirm_address, keep_addresses
from epimetheus.state.checks import missing_state
from epimetheus.state.encoding import pack
from epimetheus.state.model import Adoption, Lease, State, new_state
from epimetheus.state.owner import Owner, ReceiverId
from epimetheus.state.session import StateSession

_SECONDS = 60.0
_MAX_REASON = 500

state_app = typer.Typer(no_args_is_help=True, help="Show and change the state stored between runs.")

Region = Annotated[str | None, typer.Option(help="Region of the state. Default: the region of the credentials.")]
Force = Annotated[bool, typer.Option("--force", help="Also change a damaged state, or one that a run has leased.")]
Raw = Annotated[bool, typer.Option("--raw", help="Print the stored JSON, as it is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")]
Future = Annotated[bool, typer.Option("--future", help="Allow a time in the future. Every run fails until then.")]
New = Annotated[bool, typer.Option("--new", help="Create a state where none has been stored before.")]
Reason = Annotated[str, typer.Option(help="Why the receiver or tenancy changes. The state records it.")]
Time = Annotated[
    str, typer.Argument(metavar="TIME", help="The minute to read from: a time (2026-11-24T10:05:00Z) or a duration before now (3h).")
]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The IPv4 or IPv6 address in the warning.")]


class _Target(NamedTuple):
    """A stored state: its session, the name of its location, and the settings that select it."""

    session: StateSession
    name: str
    region: str
    owner: Owner
    settings: Settings


@state_app.command("show")
@reads_settings
def state_show(source: SettingsSource, region: Region = None, raw: Raw = False, as_json: AsJson = False) -> None:
    """Show the cursor, compartments that are behind, the receiver, and any problem that prevents runs."""
    with display.errors_explained(as_json=as_json):
        target = _target(source, region)
        state = target.session.peek()
        if state is None:
            target.session.raise_if_missing()
    now = SYSTEM.now()
    problem = _problem(target.session, state, now) if state else None
    if as_json:
        print_json(state_report(target.name, target.region, state, now, problem))
    elif state is None:
        print_line(terminal_console(), f"{target.name}: no state yet. The first run creates it.")
    elif raw:
        print_json(msgspec.json.decode(pack(state).partition(b"\n")[2]), indent=1)
    else:
        display.show_state(terminal_console(), target.name, state, now, problem)


@state_app.command("rewind")
@reads_settings
def state_rewind(
    source: SettingsSource,
    time: Time,
    region: Region = None,
    force: Force = False,
    yes: Yes = False,
    future: Future = False,
    new: New = False,
) -> None:
    """Move the cursor to TIME. Later events are sent again: their dedupe keys and rate limits are dropped."""
    with display.errors_explained():
        minute, now = minute_argument(f"TIME={time}", time, SYSTEM.now()), int(SYSTEM.now() // 60)
        start = minute_text(minute)
        if minute > now and not future:
            raise ArgumentError(f"TIME={time}: the time is in the future; use a past time, or add --future")
        if minute < now - RETENTION_DAYS * 24 * 60:
            raise ArgumentError(f"TIME={time}: OCI Audit keeps events for {RETENTION_DAYS} days; use a time within that period")
        target = _target(source, region)
        stored = _state_to_replace(target, force=force, yes=yes, new=new)
        state = stored or _new_state(target, minute)
        if minute > now:
            _confirm(f"{start} is in the future: every run fails until then, and earlier events are never sent. Continue?", yes)
        elif minute > state.through:
            _confirm(f"{start} is after the cursor, {minute_text(state.through)}: events in between are never sent. Continue?", yes)
        elif stored:
            _confirm(_resent_text(stored, minute, now), yes)
        target.session.commit(replace(state.rewound(minute, now), rate_limits=keep_addresses(state.rate_limits)))
    print_line(terminal_console(), f"{target.name}: the next run reads from {start}, minus OVERLAP_MINUTES.")


@state_app.command("reset")
@reads_settings
def state_reset(source: SettingsSource, region: Region = None, force: Force = False, yes: Yes = False, new: New = False) -> None:
    """Discard the state. The next run starts INITIAL_LOOKBACK_HOURS before now, like a first run, with the receiver in the settings."""
    with display.errors_explained():
        target = _target(source, region)
        state = _state_to_replace(target, force=force, yes=yes, new=new)
        problem = _problem(target.session, state, SYSTEM.now()) if state else None
        foreign = f" {problem.what}" if isinstance(problem, StateForeign) else ""
        question = f"Discard the state in {target.name}? Unsent events from before the look-back are never sent.{foreign}"
        if state:
            _confirm(question, yes)
        start = _first_minute(target.settings)
        target.session.commit(_new_state(target, start, state))
    print_line(terminal_console(), f"{target.name}: the next run reads from {minute_text(start)}, minus OVERLAP_MINUTES.")


@state_app.command("adopt")
@reads_settings
def state_adopt(source: SettingsSource, reason: Reason, region: Region = None, yes: Yes = False) -> None:
    """Continue the state with the tenancy and receiver of the current settings instead of the recorded ones."""
    with display.errors_explained():
        reason = "".join(char for char in " ".join(reason.split()) if char.isprintable())
        if not 1 <= len(reason) <= _MAX_REASON:
            found = f"--reason has {len(reason)} printable characters"
            raise ArgumentError(f"{found}; use 1 to {_MAX_REASON} characters that say why the receiver or tenancy changes")
        target = _target(source, region)
        state = _state_to_adopt(target)
        owner = target.owner
        before, after = _owner_text(state.tenancy, state.receiver), _owner_text(owner.tenancy, owner.receiver)
        if state.writer and (state.tenancy, state.receiver) == (owner.tenancy, owner.receiver):
            print_line(terminal_console(), f"{target.name}: already belongs to {after}.")
            return
        for line in (f"{target.name} belongs to {before}.", f"New owner: {after}."):
            print_line(terminal_console(), line)
        if state.tenancy in ("", owner.tenancy):
            _confirm(f"The new receiver gets events after {minute_text(state.through)}, and no earlier ones. Continue?", yes)
        else:
            _confirm(f"{_dropped_text(state)} Continue?", yes)
            start = _first_minute(target.settings)
            state = replace(state.for_other_tenancy(), through=start, began=start)
        adopted = Adoption(SYSTEM.now(), reason, before)
        target.session.commit(replace(state, tenancy=owner.tenancy, receiver=owner.receiver, adopted=adopted, lease=None))
    print_line(terminal_console(), f"{target.name}: adopted.")


@state_app.command("unlock")
@reads_settings
def state_unlock(source: SettingsSource, region: Region = None, yes: Yes = False) -> None:
    """Remove the lease of a run that was killed. If that run is still active, it stops at its next save, and no event is lost."""
    with display.errors_explained():
        target = _target(source, region)
        state = target.session.peek()
        if state is None or state.lease is None:
            print_line(terminal_console(), f"{target.name}: there is no lease.")
            return
        print_line(terminal_console(), f"{target.name}: {_lease_text(state.lease)}.")
        _confirm("If this run is still active, it stops, and events sent since its last save are sent again. Remove the lease?", yes)
        target.session.commit(replace(state, lease=None))
    print_line(terminal_console(), f"{target.name}: removed the lease.")


@state_app.command("own-address")
@reads_settings
def state_own_address(source: SettingsSource, address: Address, region: Region = None, force: Force = False, yes: Yes = False) -> None:
    """Set the address from which OCI records this deployment's own calls. Calls from other addresses are forwarded with a warning."""
    with display.errors_explained():
        try:
            own = str(ip_address(address))
        except ValueError as error:
            raise ArgumentError(f"ADDRESS={address[:80]}: expected the IPv4 or IPv6 address in the warning") from error
        target = _target(source, region)
        if (state := _unleased_state(target, force)) is None:
            target.session.raise_if_missing()
            raise StateError(f"{target.name}: there is no state yet.", do="The first run records the first address it reads.")
        _confirm(f"Calls from {own} will be filtered. Does a container or NAT gateway of this deployment have this address?", yes)
        target.session.commit(replace(state, rate_limits=confirm_address(state.rate_limits, own, int(SYSTEM.now() // 60))))
    print_line(terminal_console(), f"{target.name}: {own} is the address of this deployment.")


def _first_minute(settings: Settings) -> int:
    """The minute where a first run starts to read."""
    return int(SYSTEM.now() // 60) - settings.settle_minutes - settings.initial_lookback_hours * 60


def _dropped_text(state: State) -> str:
    """What an adoption by another tenancy drops."""
    known, polled = len(state.known), sum(one.polled for one in state.known.values())
    counts = f"{count_text(known, 'compartment')} ({polled:,} polled, {len(state.behind):,} behind)"
    return (
        f"All data of tenancy {state.tenancy} is dropped: {counts}, the dedupe keys, the rate limits, and the list of regions. Its unsent"
        " events are never sent. The compartments of the new tenancy are read from at most INITIAL_LOOKBACK_HOURS back."
    )


def _resent_text(state: State, minute: int, now: int) -> str:
    """What a rewind to ``minute`` sends again. The cursor may be after ``now``."""
    polled, end = sum(one.polled for one in state.known.values()), min(state.through, now)
    size = f"{count_text(end - minute, 'minute')} of {count_text(polled, 'compartment')}"
    period = f"from {minute_text(minute)} to {minute_text(end)}"
    return f"{size}, {period}, are sent again without a mark (`replay` marks what it sends). Continue?"


def _confirm(question: str, yes: bool) -> None:
    confirm(question, given=yes)


def _target(source: SettingsSource, region: str | None) -> _Target:
    region = None if region is None else _region(region)
    loaded = source.load()
    settings = loaded.read()
    wiring = loaded.open(settings, _SECONDS)
    region = region or wiring.credentials.region
    session = wiring.state.session(region, f"terminal-{uuid.uuid4().hex[:8]}", wiring.deadline)
    return _Target(session, wiring.state.store(region, wiring.deadline).name, region, wiring.state.owner, settings)


def _region(text: str) -> str:
    """A region in lower case. Raises ArgumentError if ``text`` is not a valid entry of REGIONS."""
    try:
        region: str = TypeAdapter(form.Region, config=ConfigDict(regex_engine="python-re")).validate_python(text)
    except ValidationError:
        region = "all"
    if region == "all":
        raise ArgumentError(f"--region {text}: expected a region identifier such as eu-frankfurt-1")
    return region


def _new_state(target: _Target, minute: int, before: State | None = None) -> State:
    """A state that starts at ``minute`` for the current settings. ``before``: the state that it replaces."""
    now = max(int(SYSTEM.now() // 60), before.epoch + 1 if before else 0)
    return replace(new_state(target.region, minute, now), tenancy=target.owner.tenancy, receiver=target.owner.receiver)


def _state_to_adopt(target: _Target) -> State:
    """The state to adopt; of one in the format of an earlier version, the cursor and the owner. Raises StateError."""
    try:
        state = _unleased_state(target, force=False)
    except StateOutdated:
        earlier = target.session.peek_earlier()
        if earlier is None or earlier.region != target.region:
            raise
        receiver = ReceiverId(earlier.receiver.address, earlier.receiver.sha256) if earlier.receiver else None
        return replace(new_state(target.region, earlier.through, int(SYSTEM.now() // 60)), tenancy=earlier.tenancy, receiver=receiver)
    if state is None:
        target.session.raise_if_missing()
        raise StateError(f"{target.name}: there is no state to adopt.", do="The first run creates it for the receiver of its settings.")
    return state


def _state_to_replace(target: _Target, *, force: bool, yes: bool, new: bool) -> State | None:
    """The state to rewind or reset. None if a new one replaces it: it is damaged (with ``force``), or there is none.

    A mistyped STATE_PREFIX or region also leads to a location without a state. ``yes`` suffices only if a marker names this location.
    """
    try:
        state = _unleased_state(target, force)
    except StateDamaged as damaged:
        if not force or isinstance(damaged, StateUnrecognized):
            raise
        _confirm(f"{damaged.what} Its dedupe keys and compartments are lost. Replace it?", yes)
        return None
    if state is None:
        marker = target.session.find_marker()
        unknown = f"There is no state in {target.name}, and no sign that there ever was one."
        same = marker is not None and marker[0].state == target.name
        question = f"{missing_state(target.name, *marker).what if marker else unknown} Create a new state in {target.name}?"
        confirm(question, given=new or (yes and same), option="--yes" if same else "--new")
    return state


def _unleased_state(target: _Target, force: bool) -> State | None:
    """The state to change. Raises StateError for a live lease unless ``force``; StateDamaged."""
    state = target.session.peek()
    if state and state.lease and state.lease.is_live(SYSTEM.now()) and not force:
        remedy = "Wait, run `epimetheus state unlock`, or add --force."
        raise StateError(f"{target.name}: {_lease_text(state.lease)}.", do=remedy)
    return state


def _problem(session: StateSession, state: State, now: float) -> StateError | None:
    """The error that prevents a run from using ``state``."""
    try:
        session.validate(state, now)
    except StateError as error:
        return error
    return None


def _lease_text(lease: Lease) -> str:
    since = f" since {time_text(lease.acquired)}" if lease.acquired else ""
    return f"run {lease.run} holds the lease{since} until {time_text(lease.until)}"


def _owner_text(tenancy: str, receiver: ReceiverId | None) -> str:
    return f"tenancy {tenancy or '(not recorded)'}, receiver {receiver.address if receiver else '(not recorded)'}"
