"""The discover step: which regions and compartments are read and from when, as Identity lists them or as last known."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from epimetheus.clock import Deadline
from epimetheus.errors import OutOfTime, SourceError, StateError
from epimetheus.model import Compartment, minute_text
from epimetheus.run import plan
from epimetheus.run.context import RunContext
from epimetheus.run.known_compartments import known_compartments, last_listing, listing_is_current, update_compartments
from epimetheus.run.ports import SubscribedRegions
from epimetheus.run.reconcile_plan import Skipped, begin_compartments, skip_deleted_entries, with_passes
from epimetheus.source.compartments import Listing, choose, discover, paths, pin
from epimetheus.state.model import State

_OUTDATED = (
    "The list of {what} is {age} minutes old, more than LISTING_MAX_AGE_MINUTES={most}. Anything created after {since} is not read."
    " Check the policy (`inspect compartments in tenancy`, `inspect tenancies in tenancy`)."
)


def subscribed_or_last_known(list_regions: Callable[[], list[str]], peek: Callable[[], State | None], minute: int) -> SubscribedRegions:
    """The regions from ``list_regions`` in this ``minute``; if it fails, those in the state that ``peek`` reads, if there are any.

    A state that cannot be read counts as none: the run that needs it reports the error. Raises CredentialsError.
    """
    try:
        return SubscribedRegions(tuple(list_regions()), minute)
    except SourceError as error:
        with suppress(SourceError, StateError):
            if state := peek():
                return SubscribedRegions(state.regions, state.regions_listed, error)
        return SubscribedRegions(error=error)


def subscription_problem(subscribed: SubscribedRegions, region: str) -> str:
    """What a deployment in ``region`` that reads all regions does if they could not be listed; empty if they were."""
    if (error := subscribed.error) is None:
        return ""
    if not subscribed.names:
        return f"{error.what} Only {region} is read, because the subscribed regions are not known."
    since = f"the regions listed at {minute_text(subscribed.minute)}" if subscribed.minute else "the last known regions"
    return f"{error.what} Using {since}."


def discover_compartments(ctx: RunContext) -> None:
    """List the compartments and update the state. Raises SourceError, CredentialsError, OutOfTime."""
    options, now = ctx.options, ctx.time.minute
    listing = pin(_listing_or_last_known(ctx), options.pinned)
    selected = choose({**known_compartments(ctx.state), **listing.compartments}, options.mode, options.ids, options.tenancy)
    state, changes = update_compartments(
        with_passes(ctx.state, options.reconcile_after, now),
        listing,
        selected,
        now=now,
        lookback=options.lookback_minutes,
        overlap=options.overlap_minutes,
    )
    state, skipped = skip_deleted_entries(begin_compartments(state, ctx.state), now - options.ledger_days * 24 * 60)
    ctx.tally.warnings += [*changes.warnings(now), *_skipped_warnings(skipped, options.ledger_days)]
    state = _with_subscriptions(ctx, state)
    _check_age(ctx, state)
    if not plan.polled_compartments(state):
        raise SourceError("No compartment is selected.", do="Check COMPARTMENT_MODE and COMPARTMENT_IDS against the tenancy.")
    ctx.state = state
    ctx.pipeline.forwarder.compartment_paths = paths(known_compartments(state))


def _skipped_warnings(skipped: Sequence[Skipped], days: int) -> list[str]:
    return [
        f"The pass of reconciliation after {after} minutes skips the time from {minute_text(window.start)} to {minute_text(window.end)}: it"
        f" is more than LEDGER_DAYS={days} ago, so its entries in the ledger may be deleted. Events of this time that OCI listed late are"
        " not forwarded. To send the time again, use a replay. If runs were not paused, check the lag of the passes."
        for after, window in skipped
    ]


def _with_subscriptions(ctx: RunContext, state: State) -> State:
    """The state with the subscribed regions. If REGIONS names the regions to read, they are listed as often as compartments are.

    In that case they serve the report only, so a failure is not a warning, and none is requested while Identity does not answer.
    """
    options = ctx.options
    current = 0 <= ctx.time.minute - state.regions_listed < options.listing_minutes
    if not options.all_regions and (current or ctx.tally.listing_stale):
        return state
    subscribed = ctx.ports.subscribed_regions()
    return replace(state, regions=subscribed.names, regions_listed=subscribed.minute) if subscribed.names else state


def _listing_or_last_known(ctx: RunContext) -> Listing:
    """If any compartment is known, a listing takes a third of the time at most, and may fail."""
    deadline, known = ctx.budget.work, bool(ctx.state.known)
    try:
        return _listing(ctx, deadline.within(deadline.left() / 3) if known else deadline)
    except (SourceError, OutOfTime) as error:
        if not known:
            raise
        ctx.tally.listing_stale = True
        ctx.problem(error)
        return last_listing(ctx.state)


def _listing(ctx: RunContext, deadline: Deadline) -> Listing:
    options = ctx.options

    def list_page(parent: str, subtree: bool, page: str | None) -> tuple[list[Compartment], str | None]:
        ctx.ports.session.renew_if_due(ctx.time.now())  # a long listing must not outlast the lease
        return ctx.ports.list_page(parent, subtree, page)

    if options.mode == "tenancy_only":
        return Listing({options.tenancy: Compartment(options.tenancy, "root")}, tree=False)
    if listing_is_current(ctx.state, options.pinned, now=ctx.time.minute, minutes=options.listing_minutes):
        return last_listing(ctx.state)
    listing = discover(list_page, options.tenancy, deadline)
    if listing.refused:
        ctx.tally.unlisted, refused = listing.refused, ", ".join(listing.refused)
        ctx.tally.warnings.append(f"The compartments below {refused} could not be listed. Using the last known ones.")
    return listing


def _check_age(ctx: RunContext, state: State) -> None:
    """An old listing may lack compartments or regions, whose events are then not read."""
    options, now = ctx.options, ctx.time.minute
    ages = {"compartments": now - state.listed} if options.mode != "tenancy_only" else {}
    if options.all_regions:
        subscribed = ctx.ports.subscribed_regions()
        ctx.tally.outdated = not subscribed.minute  # `subscription_problem` is the warning
        ages |= {"subscribed regions": now - subscribed.minute} if subscribed.minute else {}
    ctx.tally.listing_age = max(0, *ages.values(), 0) * 60 if ages else None
    for what, age in ages.items():
        if age > options.listing_max_age_minutes:
            ctx.tally.outdated = True
            warning = _OUTDATED.format(what=what, age=age, since=minute_text(now - age), most=options.listing_max_age_minutes)
            ctx.tally.warnings.append(warning)
