"""Which regions and compartments are read, and from when: listed by Identity, or as last known where it cannot be read."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from epimetheus.clock import Deadline
from epimetheus.errors import EpimetheusError, OutOfTime, SourceError
from epimetheus.model import Compartment, minute_text
from epimetheus.run import plan
from epimetheus.run.known_compartments import last_known, remembered, still_serves, update_compartments
from epimetheus.run.ports import RunOptions, RunPorts
from epimetheus.run.run_clock import RunClock
from epimetheus.run.tally import Tally
from epimetheus.source.compartments import Listing, ListPage, choose, discover, pin
from epimetheus.state.model import State

_OUTDATED = (
    "The list of {what} is {age} minutes old, more than LISTING_MAX_AGE_MINUTES={most}: what appeared since {since} is not read."
    " Check the policy (`inspect compartments in tenancy`, `inspect tenancies in tenancy`)."
)


class Subscribed(NamedTuple):
    """The subscribed regions by name, the minute since the epoch at which they were listed, and what to warn about."""

    names: tuple[str, ...]
    minute: int
    warnings: tuple[str, ...] = ()


def subscribed(list_regions: Callable[[], list[str]], peek: Callable[[], State | None], minute: int) -> Subscribed:
    """The regions that ``list_regions`` names; where it fails, those of the state that ``peek`` reads. Raises SourceError."""
    try:
        return Subscribed(tuple(list_regions()), minute)
    except SourceError as error:
        state = peek()
        if state is None or not state.regions:
            raise
        since = minute_text(state.regions_listed)
        return Subscribed(state.regions, state.regions_listed, (f"{error.what} The regions as listed at {since} are read.",))


def discover_compartments(
    options: RunOptions,
    parts: RunPorts,
    state: State,
    tally: Tally,
    *,
    time: RunClock,
    deadline: Deadline,
    problem: Callable[[EpimetheusError], None],
) -> State:
    """The state after a listing. Raises SourceError, CredentialsError, OutOfTime.

    Where compartments are known, a listing gets a third of the time until ``deadline``.
    """
    now = time.minute

    def list_page(parent: str, subtree: bool, page: str | None) -> tuple[list[Compartment], str | None]:
        parts.session.renew_if_due(time.now())  # a long listing must not outlast the lease
        return parts.list_page(parent, subtree, page)

    within = deadline.within(deadline.left() / 3) if state.known else deadline
    try:
        listing = _listing(options, list_page, state, tally, now=now, deadline=within)
    except (SourceError, OutOfTime) as error:
        if not state.known:
            raise
        tally.listing_stale = True
        problem(error)
        listing = last_known(state)
    listing = pin(listing, options.pinned)
    selected = choose({**remembered(state), **listing.compartments}, options.mode, options.ids, options.tenancy)
    state, changes = update_compartments(
        plan.change_overlap(state, options.overlap), listing, selected, now=now, lookback=options.lookback, overlap=options.overlap
    )
    tally.warnings += changes.warnings(now)
    if options.regions:
        state = replace(state, regions=tuple(options.regions), regions_listed=options.regions_listed)
    _check_age(options, state, tally, now)
    if not plan.polled_compartments(state):
        raise SourceError("No compartment is selected.", do="Check COMPARTMENT_MODE and COMPARTMENT_IDS against the tenancy.")
    return state


def _listing(options: RunOptions, list_page: ListPage, state: State, tally: Tally, *, now: int, deadline: Deadline) -> Listing:
    if options.mode == "tenancy_only":
        return Listing({options.tenancy: Compartment(options.tenancy, "root")}, tree=False)
    if still_serves(state, options.pinned, now=now, minutes=options.listing):
        return last_known(state)
    listing = discover(list_page, options.tenancy, deadline)
    if listing.refused:
        tally.warnings.append(f"The compartments below {', '.join(listing.refused)} could not be listed; the last known ones are read.")
    return listing


def _check_age(options: RunOptions, state: State, tally: Tally, now: int) -> None:
    """A listing that is too old may lack compartments or regions, whose events would then never be read."""
    ages = {"compartments": now - state.listed} if options.mode != "tenancy_only" else {}
    if options.regions:
        ages["subscribed regions"] = now - options.regions_listed
    tally.listing_age = max(0, *ages.values(), 0) * 60 if ages else None
    for what, age in ages.items():
        if age > options.listing_max_age:
            tally.outdated = True
            tally.warnings.append(_OUTDATED.format(what=what, age=age, since=minute_text(now - age), most=options.listing_max_age))
