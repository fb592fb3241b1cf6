"""What of the tenancy a run covers: pure functions over the state and the options. Their result is part of the report."""

from collections.abc import Sequence
from typing import NamedTuple

from epimetheus.coverage import CompartmentCoverage, Coverage, RegionCoverage
from epimetheus.model import count_text, minute_text, plural
from epimetheus.oci_client.policies import Policies
from epimetheus.run.known_compartments import first_few
from epimetheus.run.ports import RunOptions
from epimetheus.state.model import State


def run_coverage(options: RunOptions, state: State, unlisted: Sequence[str] = ()) -> Coverage:
    """What a run covers that ends with ``state``. ``unlisted``: as in `compartment_coverage`."""
    return Coverage(
        region_coverage(options.regions or (options.region,), state.regions, state.regions_listed, all_regions=options.all_regions),
        compartment_coverage(state, unlisted),
    )


def region_coverage(polled: Sequence[str], subscribed: Sequence[str], listed: int, *, all_regions: bool) -> RegionCoverage:
    """The regions. ``subscribed``: home region first, empty if not known; ``listed``: the minute of that listing, 0 if not known."""
    rest = [name for name in subscribed if name not in polled]
    return RegionCoverage(
        all=all_regions,
        listed=minute_text(listed) if subscribed and listed else None,
        subscribed=list(subscribed) or None,
        polled=list(polled),
        excluded=[] if all_regions else rest,
        uncovered=rest if all_regions else [],
        home=subscribed[0] if subscribed else None,
        home_polled=subscribed[0] in polled if subscribed else None,
    )


def compartment_coverage(state: State, unlisted: Sequence[str] = ()) -> CompartmentCoverage:
    """The compartments. ``unlisted``: those whose children could not be listed."""
    existing = {ocid: known.polled for ocid, known in state.known.items() if known.vanished is None and not known.deleted}
    polled = sum(existing.values())
    refused = [ocid for ocid, behind in state.behind.items() if behind.not_found_at is not None and existing.get(ocid)]
    return CompartmentCoverage(
        existing=len(existing), polled=polled, excluded=len(existing) - polled, unreadable=sorted(refused), unlisted=sorted(unlisted)
    )


class Gap(NamedTuple):
    """A part of the tenancy that is not covered, and what to ``do``."""

    what: str
    do: str


def region_gaps(regions: RegionCoverage) -> list[Gap]:
    """Regions that are not covered. The home region is one even if REGIONS excludes it."""
    gaps = []
    if count := len(regions.uncovered):
        which = f"{count_text(count, 'subscribed region is', 'subscribed regions are')} not polled: {', '.join(regions.uncovered)}."
        gaps.append(Gap(f"{which} {plural(count, 'Its', 'Their')} events are not forwarded.", "Check the log of the next runs."))
    if regions.home_polled is False:
        what = (
            f"The home region {regions.home} is not polled. IAM and sign-on events are recorded there, and this deployment does not forward"
            " them."
        )
        gaps.append(Gap(what, f"Add {regions.home} to REGIONS, unless another deployment reads it."))
    return gaps


def compartment_gaps(compartments: CompartmentCoverage, policies: Policies) -> list[Gap]:
    """Existing compartments that OCI refuses. Those whose children could not be listed have a warning of their own."""
    if not (count := len(compartments.unreadable)):
        return []
    which = f"{count:,} of {count_text(compartments.existing, 'existing compartment')}"
    later = f"{plural(count, 'Its', 'Their')} events are forwarded once {plural(count, 'it', 'they')} can be read."
    what = f"{which} cannot be read: OCI returns 404 for {first_few(compartments.unreadable)}. {later}"
    return [Gap(what, f"If no policy allows the call, add this statement: {policies.audit_events}")]


def coverage_warnings(coverage: Coverage, policies: Policies) -> list[str]:
    """A warning for each gap."""
    return [f"{gap.what} {gap.do}" for gap in (*region_gaps(coverage.regions), *compartment_gaps(coverage.compartments, policies))]
