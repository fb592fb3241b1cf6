"""Health check of coverage: whether every region and compartment that exists is polled, unless a setting excludes it."""

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.model import count_text
from epimetheus.problem import STREAM
from epimetheus.run.coverage import Gap, compartment_coverage, compartment_gaps, region_coverage, region_gaps
from epimetheus.run.discovery import subscription_problem


def check_coverage(context: HealthContext, _: Deadline) -> CheckResult:
    """Every region and compartment is polled, unless a setting excludes it; so is the home region. Raises CredentialsError."""
    regions, gaps = _regions(context)
    counts = []
    for region, state in context.states.items():
        if region == STREAM:
            continue
        compartments = compartment_coverage(state)
        gaps += [Gap(f"{region}: {gap.what}", gap.do) for gap in compartment_gaps(compartments, context.wiring.oci.policies)]
        excluded = f", {compartments.excluded:,} excluded" if compartments.excluded else ""
        total = count_text(compartments.existing, "compartment is", "compartments are")
        counts.append(f"{region}: {compartments.polled:,} of {total} polled{excluded}.")
    if gaps:
        return CheckResult(" ".join(gap.what for gap in gaps), "degraded", " ".join(dict.fromkeys(gap.do for gap in gaps)))
    return CheckResult(" ".join([regions, *counts]))


def _regions(context: HealthContext) -> tuple[str, list[Gap]]:
    """What is covered of the regions, and what is not."""
    wiring = context.wiring
    subscribed, all_regions = wiring.subscribed, wiring.settings.all_regions
    if (error := subscribed.error) and not all_regions:
        return f"REGIONS names the regions. Whether the home region is one of them is not known: {error.what} {error.do}", []
    regions = region_coverage(context.regions, subscribed.names, subscribed.minute, all_regions=all_regions)
    unknown = [Gap(subscription_problem(subscribed, wiring.credentials.region), error.do)] if error else []
    total = count_text(len(subscribed.names), "subscribed region is", "subscribed regions are")
    return f"{len(regions.polled)} of {total} polled. The home region is {regions.home}.", [*unknown, *region_gaps(regions)]
