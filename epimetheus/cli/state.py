"""``state``: shows and changes the state stored between runs."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Annotated

import msgspec
import typer

from epimetheus.cli import display
from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.console import print_json, print_line, terminal_console
from epimetheus.cli.json_reports import lease_report, owner_report, state_report
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.cli.state_import import state_import
from epimetheus.cli.state_target import (
    AsJson,
    Dialog,
    Region,
    Target,
    Yes,
    first_minute,
    lease_text,
    next_start,
    open_target,
    state_from,
    state_problem,
    state_to_adopt,
    state_to_replace,
    unleased_state,
)
from epimetheus.cli.time_arguments import minute_argument
from epimetheus.clock import SYSTEM
from epimetheus.errors import StateError, StateForeign
from epimetheus.model import RETENTION_DAYS, count_text, minute_text
from epimetheus.problem import STREAM
from epimetheus.run.problems import HORIZON_DAYS
from epimetheus.select.own_polling import confirm_address, keep_addresses
from epimetheus.state.encoding import pack
from epimetheus.state.model import Adoption, State
from epimetheus.state.owner import ReceiverId

_MAX_REASON = 500
_PROBLEMS_RESENT = f"Every problem of the last {HORIZON_DAYS} days is sent again without a mark. Continue?"

state_app = typer.Typer(no_args_is_help=True, help="Show and change the state stored between runs.")

Force = Annotated[bool, typer.Option("--force", help="Also change a damaged state, or one that a run has leased.")]
Raw = Annotated[bool, typer.Option("--raw", help="Print the stored JSON, as it is.")]
Future = Annotated[bool, typer.Option("--future", help="Allow a time in the future. Every run fails until then.")]
New = Annotated[bool, typer.Option("--new", help="Create a state where none has been stored before.")]
Reason = Annotated[str, typer.Option(help="Why the receiver or tenancy changes. The state records it.")]
Time = Annotated[
    str, typer.Argument(metavar="TIME", help="The minute to read from: a time (2026-11-24T10:05:00Z) or a duration before now (3h).")
]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The IPv4 or IPv6 address in the warning.")]


@state_app.command("show")
@reads_settings
def state_show(source: SettingsSource, region: Region = None, raw: Raw = False, as_json: AsJson = False) -> None:
    """Show the cursor, compartments that are behind, the receiver, and any problem that prevents runs."""
    with display.errors_explained(as_json=as_json):
        target = open_target(source, region)
        state = target.session.peek()
        if state is None:
            target.session.raise_if_missing()
    now = SYSTEM.now()
    problem = state_problem(target.session, state, now) if state else None
    if as_json:
        print_json(state_report(target.name, target.region, state, now, problem))
    elif state is None:
        print_line(terminal_console(), f"{target.name}: no state yet. The first run creates it.")
    elif raw:
        print_json(msgspec.json.decode(pack(state).partition(b"\n")[2]), indent=1)
    else:
        display.show_state(terminal_console(), target.name, state, now, problem)


state_app.command("import")(reads_settings(state_import))


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
    as_json: AsJson = False,
) -> None:
    """Move the cursor to TIME. Events from OVERLAP_MINUTES before it on count as not sent, and are sent again. Rate limits are dropped."""
    dialog = Dialog(yes, as_json)
    with display.errors_explained(as_json=as_json):
        minute, now = minute_argument(f"TIME={time}", time, SYSTEM.now()), int(SYSTEM.now() // 60)
        start = minute_text(minute)
        if minute > now and not future:
            raise ArgumentError(f"TIME={time}: the time is in the future; use a past time, or add --future")
        if minute < now - RETENTION_DAYS * 24 * 60:
            raise ArgumentError(f"TIME={time}: OCI Audit keeps events for {RETENTION_DAYS} days; use a time within that period")
        target = open_target(source, region)
        stored = state_to_replace(target, dialog, force=force, new=new)
        state = stored or state_from(target, minute)
        if minute > now:
            dialog.confirm(f"{start} is in the future: every run fails until then, and earlier events are never sent. Continue?")
        elif stored and target.region == STREAM:
            dialog.confirm(_PROBLEMS_RESENT)
        elif minute > state.through:
            skipped = f"{start} is after the cursor, {minute_text(state.through)}: events in between are never sent, and windows before it"
            dialog.confirm(f"{skipped} are not listed again for late events (`reconcile` does so by hand). Continue?")
        elif stored:
            dialog.confirm(_resent_text(stored, minute - target.settings.overlap_minutes, now))
        target.session.commit(replace(state.rewound(minute, now), rate_limits=keep_addresses(state.rate_limits)))
        skips = minute > state.through and target.region != STREAM
        unlisted = "; windows before it are not listed again for late events" if skips else ""
    dialog.report(target, f"{next_start(minute, target)}{unlisted}", through=start)


@state_app.command("reset")
@reads_settings
def state_reset(
    source: SettingsSource, region: Region = None, force: Force = False, yes: Yes = False, new: New = False, as_json: AsJson = False
) -> None:
    """Discard the state. The next run reads INITIAL_LOOKBACK_HOURS back, like a first run, and sends to the receiver in the settings."""
    dialog = Dialog(yes, as_json)
    with display.errors_explained(as_json=as_json):
        target = open_target(source, region)
        state = state_to_replace(target, dialog, force=force, new=new)
        problem = state_problem(target.session, state, SYSTEM.now()) if state else None
        foreign = f" {problem.what}" if isinstance(problem, StateForeign) else ""
        lost = "Unsent events from before the look-back are never sent."
        if state and target.region == STREAM:
            dialog.confirm(f"{foreign} {_PROBLEMS_RESENT}".lstrip())
        elif state:
            dialog.confirm(f"Discard the state in {target.name}? {lost}{foreign}")
        minute = first_minute(target.settings)
        start = minute_text(minute)
        target.session.commit(state_from(target, minute, state))
    dialog.report(target, next_start(minute, target), through=start)


@state_app.command("adopt")
@reads_settings
def state_adopt(source: SettingsSource, reason: Reason, region: Region = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Continue the state with the tenancy, receiver and ledger of the current settings instead of the recorded ones."""
    dialog = Dialog(yes, as_json)
    with display.errors_explained(as_json=as_json):
        reason = "".join(char for char in " ".join(reason.split()) if char.isprintable())
        if not 1 <= len(reason) <= _MAX_REASON:
            found = f"--reason has {len(reason)} printable characters"
            raise ArgumentError(f"{found}; use 1 to {_MAX_REASON} characters that say why the receiver or tenancy changes")
        target = open_target(source, region)
        state = state_to_adopt(target)
        owner = target.owner
        moved = state.ledger not in ("", owner.ledger)
        before = _owner_text(state.tenancy, state.receiver, state.ledger if moved else "")
        after = _owner_text(owner.tenancy, owner.receiver, owner.ledger if moved else "")
        members = {**owner_report(owner.tenancy, owner.receiver), "before": owner_report(state.tenancy, state.receiver)}
        same = (state.tenancy, state.receiver) == (owner.tenancy, owner.receiver)
        if state.writer and same and not moved:
            dialog.report(target, f"already belongs to {after}", changed=False, **members)
            return
        for line in (f"{target.name} belongs to {before}.", f"New owner: {after}."):
            dialog.note(line)
        dialog.confirm(f"{_adopted_text(target, state, moved=same and moved)} Continue?")
        if state.tenancy not in ("", owner.tenancy):
            start = first_minute(target.settings)
            state = replace(state.for_other_tenancy(), through=start, began=start)
        adopted = Adoption(SYSTEM.now(), reason, before)
        owned = replace(state.without_lease(), tenancy=owner.tenancy, receiver=owner.receiver, ledger=owner.ledger)
        target.session.commit(replace(owned, adopted=adopted))
    dialog.report(target, "adopted", **members)


@state_app.command("unlock")
@reads_settings
def state_unlock(source: SettingsSource, region: Region = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Remove the lease of a run that was killed. If that run is still active, it stops at its next save, and no event is lost."""
    dialog = Dialog(yes, as_json)
    with display.errors_explained(as_json=as_json):
        target = open_target(source, region)
        state = target.session.peek()
        if state is None or state.lease is None:
            dialog.report(target, "there is no lease", changed=False, lease=None)
            return
        dialog.note(f"{target.name}: {lease_text(state.lease)}.")
        dialog.confirm("If this run is still active, it stops, and events sent since its last save are sent again. Remove the lease?")
        target.session.commit(state.without_lease())
    dialog.report(target, "removed the lease", lease=lease_report(state.lease, SYSTEM.now()))


@state_app.command("own-address")
@reads_settings
def state_own_address(
    source: SettingsSource, address: Address, region: Region = None, force: Force = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Set the address from which OCI records this deployment's own calls. Calls from other addresses are forwarded with a warning."""
    dialog = Dialog(yes, as_json)
    with display.errors_explained(as_json=as_json):
        try:
            own = str(ip_address(address))
        except ValueError as error:
            raise ArgumentError(f"ADDRESS={address[:80]}: expected the IPv4 or IPv6 address in the warning") from error
        target = open_target(source, region)
        if (state := unleased_state(target, force)) is None:
            target.session.raise_if_missing()
            raise StateError(f"{target.name}: there is no state yet.", do="The first run records the first address it reads.")
        dialog.confirm(f"Calls from {own} will be filtered. Does a container or NAT gateway of this deployment have this address?")
        target.session.commit(replace(state, rate_limits=confirm_address(state.rate_limits, own, int(SYSTEM.now() // 60))))
    dialog.report(target, f"{own} is the address of this deployment", address=own)


def _adopted_text(target: Target, state: State, *, moved: bool) -> str:
    """What an adoption means for the events, or problems, that the receiver gets. ``moved``: only the ledger changes."""
    is_other_tenancy = state.tenancy not in ("", target.owner.tenancy)
    if target.region == STREAM:
        if moved:
            return f"Problems of the last {HORIZON_DAYS} days whose entries are not in {target.owner.ledger} are sent again."
        if is_other_tenancy:
            return f"Every problem of the new tenancy of the last {HORIZON_DAYS} days is sent."
        return "The new receiver gets problems that are new or change from now on, and no others."
    if moved:
        return f"Events of the last days whose entries are not in {target.owner.ledger} are sent again."
    if is_other_tenancy:
        return _dropped_text(state)
    return f"The new receiver gets events after {minute_text(state.through)}, and no earlier ones."


def _dropped_text(state: State) -> str:
    """What an adoption by another tenancy drops."""
    known, polled = len(state.known), sum(one.polled for one in state.known.values())
    counts = f"{count_text(known, 'compartment')} ({polled:,} polled, {len(state.behind):,} behind)"
    return (
        f"All data of tenancy {state.tenancy} is dropped: {counts}, the rate limits, and the list of regions. Its unsent"
        " events are never sent. The compartments of the new tenancy are read from at most INITIAL_LOOKBACK_HOURS back."
    )


def _resent_text(state: State, minute: int, now: int) -> str:
    """What is sent again if the next run reads from ``minute`` on. The cursor may be after ``now``."""
    polled, end = sum(one.polled for one in state.known.values()), min(state.through, now)
    size = f"{count_text(end - minute, 'minute')} of {count_text(polled, 'compartment')}"
    period = f"from {minute_text(minute)} to {minute_text(end)}"
    return f"{size}, {period}, are sent again without a mark (`replay` marks what it sends). Continue?"


def _owner_text(tenancy: str, receiver: ReceiverId | None, ledger: str) -> str:
    owner = f"tenancy {tenancy or '(not recorded)'}, receiver {receiver.address if receiver else '(not recorded)'}"
    return f"{owner}, ledger in {ledger}" if ledger else owner
