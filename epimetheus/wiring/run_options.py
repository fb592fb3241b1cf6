"""From settings and the RULES file to what a run is told: its options, and the rules that events are selected by."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from epimetheus.config.rules_file import RulesFile
from epimetheus.config.settings import Settings
from epimetheus.errors import EpimetheusError
from epimetheus.oci_client.clients import oci_errors
from epimetheus.run.discovery import Subscribed
from epimetheus.run.ports import RunOptions, Statistics
from epimetheus.select.rules import Rules


def ask_date(client: Any) -> None:
    """Ask Object Storage for the namespace, which needs no policy, for the date of the answer. Without one our own clock serves."""
    with suppress(EpimetheusError), oci_errors("asking for the Object Storage namespace", do=""):
        client.get_namespace()


def options_of(
    settings: Settings, region: str, tenancy: str, rules: RulesFile, regions: Subscribed | None, *, actors: bool
) -> RunOptions:
    """What to read of ``region``; ``regions``: the subscribed ones, where REGIONS=all."""
    statistics = rules.statistics
    return RunOptions(
        region=region,
        tenancy=tenancy,
        mode=settings.compartment_mode,
        ids=settings.compartment_ids,
        listing=min(settings.listing_minutes, settings.listing_max_age_minutes),
        listing_max_age=settings.listing_max_age_minutes,
        lookback=settings.initial_lookback_hours * 60,
        overlap=settings.overlap_minutes,
        settle=settings.settle_minutes,
        slice=settings.slice_minutes,
        concurrency=settings.api_concurrency,
        run_message=settings.run_message,
        actors=actors,
        statistics=Statistics(filtered=statistics.enable_detailed_logging, every=statistics.log_interval_events),
        regions=regions.names if regions else (),
        regions_listed=regions.minute if regions else 0,
    )


def rules_of(file: RulesFile, own: Sequence[str]) -> Rules:
    """What a rules file says, as the stage wants it; ``own``: OCIDs of ourselves whose polling is left out."""
    filtering, users = file.event_filtering, file.event_filtering.user_filtering
    if not filtering.enabled:
        return Rules(own=own)
    return Rules(
        mode=filtering.mode,
        excluded=filtering.excluded_events,
        included=filtering.included_events,
        priority=filtering.priority_events,
        never_drop=filtering.never_drop,
        limits={pattern: limit.max_per_hour for pattern, limit in filtering.rate_limiting.items() if limit.enabled},
        without_services=users.exclude_service_accounts,
        services=users.service_accounts,
        excluded_users=users.exclude_users,
        only_users=users.include_only_users,
        own=own,
    )
