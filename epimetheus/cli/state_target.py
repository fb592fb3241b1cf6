"""The state that a command shows or changes: where it is, whether it may be changed, and how the command asks and reports."""

import uuid
from dataclasses import dataclass, replace
from typing import Annotated, NamedTuple

import typer
from pydantic import ConfigDict, TypeAdapter, ValidationError

from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.confirm import confirm
from epimetheus.cli.console import print_json, print_line, terminal_console
from epimetheus.cli.json_reports import change_report
from epimetheus.cli.settings_source import SettingsSource
from epimetheus.clock import SYSTEM
from epimetheus.config import value_types as form
from epimetheus.config.settings import Settings
from epimetheus.errors import StateDamaged, StateError, StateOutdated, StateUnrecognized
from epimetheus.model import minute_text, time_text
from epimetheus.problem import STREAM
from epimetheus.run.problems import HORIZON_DAYS
from epimetheus.state.checks import missing_state
from epimetheus.state.model import NO_SEALS, Lease, State, new_state
from epimetheus.state.owner import Owner, ReceiverId
from epimetheus.state.session import StateSession

_SECONDS = 60.0

Region = Annotated[str | None, typer.Option(help="Region of the state. Default: the region of the credentials.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")]


class Target(NamedTuple):
    """A stored state: its session, the name of its location, and the settings that select it."""

    session: StateSession
    name: str
    region: str
    owner: Owner
    settings: Settings


@dataclass(frozen=True)
class Dialog:
    """How a command asks and reports. ``yes``: its confirmation is given.

    ``as_json``: stdout gets only the report, as JSON; questions and notes go to stderr.
    """

    yes: bool
    as_json: bool

    def confirm(self, question: str) -> None:
        """Raises typer.Abort unless the user agrees; RequestError if there is no terminal."""
        confirm(question, given=self.yes, stderr=self.as_json)

    def note(self, line: str) -> None:
        """Print a line that is no result."""
        print_line(terminal_console(stderr=self.as_json), line)

    def report(self, target: Target, text: str, *, changed: bool = True, **members: object) -> None:
        """Print the result: ``text`` for people, or what `change_report` makes of ``members``."""
        if self.as_json:
            print_json(change_report(target.name, target.region, changed=changed, **members))
        else:
            print_line(terminal_console(), f"{target.name}: {text}.")


def open_target(source: SettingsSource, region: str | None) -> Target:
    """The state of ``region``, or of that of the credentials. Raises ConfigError, CredentialsError, SourceError."""
    region = None if region is None else parse_region(region)
    loaded = source.load()
    settings = loaded.read()
    wiring = loaded.open(settings, _SECONDS)
    region = region or wiring.credentials.region
    session = wiring.state.session(region, f"terminal-{uuid.uuid4().hex[:8]}", wiring.deadline)
    return Target(session, wiring.state.store(region, wiring.deadline).name, region, wiring.state.owner, settings)


def parse_region(text: str) -> str:
    """A region in lower case, or the stream of Cloud Guard. Raises ArgumentError if ``text`` is neither."""
    if text.lower() == STREAM:
        return STREAM
    try:
        region: str = TypeAdapter(form.Region, config=ConfigDict(regex_engine="python-re")).validate_python(text)
    except ValidationError:
        region = "all"
    if region == "all":
        raise ArgumentError(f"--region {text}: expected a region identifier such as eu-frankfurt-1, or {STREAM}")
    return region


def first_minute(settings: Settings) -> int:
    """The minute where a first run starts to read."""
    return int(SYSTEM.now() // 60) - settings.settle_minutes - settings.initial_lookback_hours * 60


def state_from(target: Target, minute: int, before: State | None = None) -> State:
    """A state that starts at ``minute`` for the current settings. ``before``: the state that it replaces; its chain of seals continues.

    Its epoch is after that of a lost state that began in this minute.
    """
    epoch = max(int(SYSTEM.now() // 60), before.epoch if before else 0) + 1
    seals = before.without_lease().seals if before else NO_SEALS
    return replace(new_state(target.region, minute, epoch), tenancy=target.owner.tenancy, receiver=target.owner.receiver, seals=seals)


def state_to_adopt(target: Target) -> State:
    """The state to adopt; of one in the format of an earlier version, the cursor and the owner. Raises StateError."""
    try:
        state = unleased_state(target, force=False)
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


def state_to_replace(target: Target, dialog: Dialog, *, force: bool, new: bool) -> State | None:
    """The state to rewind or reset. None if a new one replaces it: it is damaged (with ``force``), or there is none.

    A mistyped STATE_PREFIX or region also leads to a location without a state. ``--yes`` suffices only if a marker names this location.
    """
    try:
        state = unleased_state(target, force)
    except StateDamaged as damaged:
        if not force or isinstance(damaged, StateUnrecognized):
            raise
        dialog.confirm(f"{damaged.what} What it says of compartments is lost. Replace it?")
        return None
    if state is None:
        marker = target.session.find_marker()
        unknown = f"There is no state in {target.name}, and no sign that there ever was one."
        same = marker is not None and marker[0].state == target.name
        question = f"{missing_state(target.name, *marker).what if marker else unknown} Create a new state in {target.name}?"
        confirm(question, given=new or (dialog.yes and same), option="--yes" if same else "--new", stderr=dialog.as_json)
    return state


def unleased_state(target: Target, force: bool) -> State | None:
    """The state to change. Raises StateError for a live lease unless ``force``; StateDamaged."""
    state = target.session.peek()
    if state and state.lease and state.lease.is_live(SYSTEM.now()) and not force:
        remedy = "Wait, run `epimetheus state unlock`, or add --force."
        raise StateError(f"{target.name}: {lease_text(state.lease)}.", do=remedy)
    return state


def state_problem(session: StateSession, state: State, now: float) -> StateError | None:
    """The error that prevents a run from using ``state``."""
    try:
        session.validate(state, now)
    except StateError as error:
        return error
    return None


def next_start(minute: int, target: Target, *, reads: str = "reads") -> str:
    """What the next run reads from if the cursor is at ``minute``; of Cloud Guard, which has no cursor, what the next poll sends."""
    if target.region == STREAM:
        return f"the next poll sends every problem of the last {HORIZON_DAYS} days again"
    overlap = target.settings.overlap_minutes
    return f"the next run {reads} from {minute_text(minute - overlap)}, OVERLAP_MINUTES={overlap} before the cursor, {minute_text(minute)}"


def lease_text(lease: Lease) -> str:
    """Which run holds the lease, and until when."""
    since = f" since {time_text(lease.acquired)}" if lease.acquired else ""
    return f"run {lease.run} holds the lease{since} until {time_text(lease.until)}"
