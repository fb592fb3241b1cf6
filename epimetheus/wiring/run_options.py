"""Builds the options of a run."""

from collections.abc import Sequence

from epimetheus.config.rules_file import RulesFile
from epimetheus.config.settings import Settings
from epimetheus.run.ports import RunOptions, SealOptions, Statistics

SUB_WINDOW_PAGES = 8
"""Each sub-window ends with a page that is not full: on average, dividing a window adds at most a page in 16."""


def run_options(
    settings: Settings, region: str, tenancy: str, rules: RulesFile, regions: Sequence[str], seals: SealOptions, *, actors: bool
) -> RunOptions:
    """The options of a run over ``region``. ``regions``, ``seals`` and ``actors``: as `RunOptions`."""
    statistics = rules.statistics
    return RunOptions(
        region=region,
        tenancy=tenancy,
        mode=settings.compartment_mode,
        ids=settings.compartment_ids,
        listing_minutes=min(settings.listing_minutes, settings.listing_max_age_minutes),
        listing_max_age_minutes=settings.listing_max_age_minutes,
        lookback_minutes=settings.initial_lookback_hours * 60,
        overlap_minutes=settings.overlap_minutes,
        settle_minutes=settings.settle_minutes,
        slice_minutes=settings.slice_minutes,
        concurrency=settings.api_concurrency,
        reconcile_after=settings.reconcile_after,
        ledger_days=settings.ledger_days,
        sub_window_pages=SUB_WINDOW_PAGES if settings.api_concurrency > 1 else 0,
        seals=seals,
        actors=actors,
        statistics=Statistics(filtered=statistics.enable_detailed_logging, every=statistics.log_interval_events),
        regions=regions,
        all_regions=settings.all_regions,
        push=settings.push,
    )
