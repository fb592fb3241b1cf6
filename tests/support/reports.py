"""A report with literal values."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from epimetheus.coverage import CompartmentCoverage, Coverage, RegionCoverage
from epimetheus.reports import BehindNow, Cache, Performance, Position, Problem, Report

REFUSED = Problem("receiver", "receiver", "Nothing listens on siem:6514.", "Start the receiver.")


def report(**changes) -> Report:
    """The report, with ``changes`` to its fields."""
    fields = {
        "run": "r1",
        "region": "eu-paris-1",
        "status": "ok",
        "error": None,
        "warnings": [],
        "started": "2026-01-01T12:00:00.000Z",
        "seconds": 1.5,
        "position": Position("2026-01-01T11:00:00Z", "2026-01-01T11:58:00Z", 120, True, 0, 9, 8, 1, {}),
        "coverage": covered(),
        "slices": 1,
        "fetched": 19,
        "forwarded": 9,
        "unconfirmed": 0,
        "duplicates": 4,
        "filtered": {"rate_limited": 1, "excluded_event": 5},
        "malformed": 2,
        "truncated": 3,
        "abridged": 0,
        "redacted": 2,
        "notices": 1,
        "bytes": 900,
        "api": {"audit": {"requests": 8, "retries": 6, "throttled": 1}, "identity": {"requests": 1, "retries": 0, "throttled": 0}},
        "receiver": {"connections": 2, "confirmations": 1, "confirmation": "tls_close_notify"},
        "relisted": 0,
        "late": 0,
        "seal": None,
        "latest_seconds": 0,
        "pushed": 0,
        "filled": 0,
        "reconciliation": {},
        "listing_stale": False,
        "listing_age_seconds": 0,
        "given_up": 0,
        "first_start": False,
        "state_writes": 2,
        "certificate_days": None,
        "caches": {"dedupe": Cache(4, 15, 100), "names": Cache(8, 2, 2)},
        "performance": Performance(12.5, {"forward": 1.2}),
    }
    return Report(**{**fields, **changes})


def covered(regions: Mapping[str, Any] = MappingProxyType({}), compartments: Mapping[str, Any] = MappingProxyType({})) -> Coverage:
    """The coverage of two subscribed regions and eight compartments, with changes to the fields of each."""
    of_regions: dict[str, Any] = {
        "all": True,
        "listed": "2026-01-01T12:00:00Z",
        "subscribed": ["us-ashburn-1", "eu-paris-1"],
        "polled": ["us-ashburn-1", "eu-paris-1"],
        "excluded": [],
        "uncovered": [],
        "home": "us-ashburn-1",
        "home_polled": True,
    }
    of_compartments: dict[str, Any] = {"existing": 8, "polled": 8, "excluded": 0, "unreadable": [], "unlisted": []}
    return Coverage(RegionCoverage(**{**of_regions, **regions}), CompartmentCoverage(**{**of_compartments, **compartments}))


def behind(count: int) -> Position:
    """A position with ``count`` compartments behind, each a minute less than the previous one."""
    compartments = {f"ocid1.compartment.oc1..{n}": BehindNow(f"2026-01-01T{n // 60:02d}:{n % 60:02d}:00Z", "429", 3) for n in range(count)}
    return Position("2026-01-01T11:00:00Z", "2026-01-01T11:58:00Z", 3600, False, 1, 5000, 5000, 0, compartments)
