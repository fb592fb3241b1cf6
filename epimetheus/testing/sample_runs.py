"""Log lines of earlier runs of the function, for the simulated Logging: one failed run, and a normal one every 15 minutes since.

A line has the fields of docs/report.md.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

RUNS = 40
_INTERVAL_SECONDS = 900
_FAILED = 12
_EVENTS = (38, 52, 47, 61, 75, 44)
_ERROR = {
    "kind": "receiver",
    "fault": "receiver",
    "what": "Connecting to localhost:6514 failed: Connection refused.",
    "do": "Check that the receiver is running and listens on this port.",
}


def sample_runs(region: str, now: float) -> Iterator[tuple[float, dict[str, Any]]]:
    """``(time, line)`` of RUNS runs up to ``now``, in seconds since the epoch, oldest first."""
    first = now - RUNS * _INTERVAL_SECONDS
    for number in range(RUNS):
        start = first + number * _INTERVAL_SECONDS
        report = _report(region, number, start)
        if number == _FAILED:
            report |= {"status": "failed", "error": _ERROR, "forwarded": 0, "unconfirmed": report["fetched"], "duplicates": 0}
        yield start + report["seconds"], _line(report, start)


def _line(report: dict[str, Any], start: float) -> dict[str, Any]:
    failed = report["status"] == "failed"
    result = _ERROR["what"] if failed else f"{report['forwarded']} forwarded"
    message = f"{report['region']} {report['status']}: {result}"
    level = "ERROR" if failed else "INFO"
    return {"time": _time(start + report["seconds"]), "level": level, "event": "run", "message": message, "report": report}


def _report(region: str, number: int, start: float) -> dict[str, Any]:
    forwarded, duplicates = _EVENTS[number % len(_EVENTS)], 4
    fetched = forwarded + duplicates
    since = start - 120 - _INTERVAL_SECONDS * (2 if number == _FAILED + 1 else 1)
    through = since if number == _FAILED else start - 120
    return {
        "version": 3,
        "run": f"5a3c{number:08x}",
        "region": region,
        "status": "ok",
        "error": None,
        "warnings": [],
        "started": _time(start),
        "seconds": 2.5,
        "position": {
            "since": _minute(since),
            "through": _minute(through),
            "lag_seconds": int(start - through),
            "caught_up": number != _FAILED,
            "slices_left": 0,
            "known": 11,
            "polled": 11,
            "vanished": 0,
            "behind": {},
        },
        "coverage": {
            "regions": {
                "all": True,
                "listed": _minute(start),
                "subscribed": [region],
                "polled": [region],
                "excluded": [],
                "uncovered": [],
                "home": region,
                "home_polled": True,
            },
            "compartments": {"existing": 11, "polled": 11, "excluded": 0, "unreadable": [], "unlisted": []},
        },
        "slices": 1,
        "fetched": fetched,
        "forwarded": forwarded,
        "unconfirmed": 0,
        "duplicates": duplicates,
        "filtered": {},
        "malformed": 0,
        "truncated": 0,
        "abridged": 0,
        "redacted": forwarded // 3,
        "notices": 0,
        "bytes": forwarded * 900,
        "api": {"audit": {"requests": 11, "retries": 0, "throttled": 0}, "object_storage": {"requests": 4, "retries": 0, "throttled": 0}},
        "receiver": {"connections": 1, "confirmations": 1, "confirmation": "tls_close_notify"},
        "relisted": 0,
        "late": 0,
        "latest_seconds": 0,
        "pushed": 0,
        "filled": 0,
        "reconciliation": {},
        "listing_stale": False,
        "listing_age_seconds": 300,
        "given_up": 0,
        "seal": None,
        "problems": None,
        "first_start": False,
        "state_writes": 2,
        "certificate_days": 200,
        "caches": {
            "dedupe": {"hits": duplicates, "misses": forwarded, "size": fetched},
            "names": {"hits": fetched - 10, "misses": 10, "size": 10},
        },
        "performance": {"events_per_second": fetched / 2.5, "phases": {"discover": 0.2, "forward": 2.1, "finish": 0.2}},
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _minute(seconds: float) -> str:
    return datetime.fromtimestamp(seconds // 60 * 60, UTC).isoformat().replace("+00:00", "Z")
