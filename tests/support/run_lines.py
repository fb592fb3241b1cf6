"""Log lines of runs, made from reports, and a sample of 48 hours: a busy day, an outage of the SIEM, and a missing policy.
With gaps, another run held the lease for a while, and for a while nothing ran."""

import io
import json
import math
import random

from msgspec.structs import replace

from epimetheus.cli.run_log import parse_run
from epimetheus.model import minute_text, time_text
from epimetheus.observe.log import log_failure, log_report, log_to
from epimetheus.reports import BehindNow, Problem, ReconciledNow
from tests.support.harness import restored_logging
from tests.support.reports import report

END = 1767441600  # 2026-01-03T12:00:00Z
START = END - 48 * 3600
REGIONS = {"eu-frankfurt-1": 1.0, "us-ashburn-1": 0.45}
REFUSED = Problem("receiver", "receiver", "Nothing listens on siem.example.com:6514.", "Start the receiver, or open the port.")
POLICY = "404 NotAuthorizedOrNotFound: Authorization failed or requested resource not found."


def log_lines(*reports):
    """The lines that the function logs for these reports."""
    with restored_logging():
        stream = io.StringIO()
        log_to(stream, "info")
        for one in reports:
            log_report(one)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def failure(what="TENANCY_OCID=x is not an OCID.", do="Correct it.", kind="configuration", run="f1"):
    """The log line of a call that failed without a report."""
    with restored_logging():
        stream = io.StringIO()
        log_to(stream, "info")
        log_failure(what, do, kind, run)
    return json.loads(stream.getvalue())


def with_time(line, time):
    """The line with another time."""
    return {**line, "time": time_text(time)}


def search_result(line):
    """The search result for a line of an application with ``line_format = "JSON"``."""
    return {"datetime": 0, "logContent": {"data": line, "time": line.get("time"), "oracle": {}}}


def sample_reports(*, gaps=False):
    """A run every ten minutes in two regions, as (end time, report); the same on every call.

    ``gaps``: one region is not run for three hours, and is skipped for the next two.
    """
    random_source = random.Random(48)
    cursors = dict.fromkeys(REGIONS, START - 120)
    for start in range(START + 300, END, 600):
        for region, share in REGIONS.items():
            hour = (start - START) / 3600
            if gaps and region == "us-ashburn-1" and 12 <= hour < 15:
                continue
            if gaps and region == "us-ashburn-1" and 15 <= hour < 17:
                yield _skipped(random_source, region, start, cursors)
            else:
                yield _run(random_source, region, share, start, cursors)


def sample(*, gaps=False):
    """The sample as parsed runs, oldest first. ``gaps``: as `sample_reports`."""
    made = list(sample_reports(gaps=gaps))
    lines = [with_time(line, end) for (end, _), line in zip(made, log_lines(*(one for _, one in made)), strict=True)]
    return [parse_run(search_result(line)) for line in lines]


def _skipped(random_source, region, start, cursors):
    """A run that found the lease held by another one: it read nothing."""
    through = minute_text(cursors[region] // 60)
    position = replace(report().position, through=through, lag_seconds=start - cursors[region], caught_up=False, known=41, polled=0)
    one = report(
        run=f"{random_source.getrandbits(48):012x}", region=region, started=time_text(start), seconds=0.6, position=position,
        status="skipped", fetched=0, forwarded=0, duplicates=0, filtered={}, warnings=["Another run holds the lease."],
    )  # fmt: skip
    return start + 1, one


def _run(random_source, region, share, start, cursors):
    hour = (start - START) / 3600
    waiting = start - 120 - cursors[region]
    read = min(waiting, 1800)
    down = region == "eu-frankfurt-1" and 20 <= hour < 22.5
    behind = 3 if region == "us-ashburn-1" and 30 <= hour < 37 else 0
    day = 1.2 + 0.8 * math.sin((hour + 3) / 24 * 2 * math.pi)
    fetched = 0 if down else int(read * share * day * random_source.uniform(0.9, 1.15))
    seconds = round(9.8 if down else 3 + fetched / 900 + random_source.random() * 2, 2)
    cursors[region] += 0 if down else read
    lag = start + int(seconds) - cursors[region]
    filtered = {
        "excluded_event": int(fetched * 0.21),
        "own_polling": 0 if down else read // 15,
        "service": int(fetched * 0.05),
        "rate_limited": int(fetched * 0.03) if 6 < hour % 24 < 13 else 0,
    }
    waiting_again = max(0, (start - cursors[region]) // 3600 - 1) * 3600
    passes = {"60": ReconciledNow(minute_text((start - 3600 - waiting_again) // 3600 * 60), waiting_again, 0)}
    found = 12 + fetched % 30 if 24 <= hour < 26 and not down else 0
    late = {f"ocid1.compartment.oc1..app{n}": BehindNow(minute_text(start // 60 - 60), POLICY, 3) for n in range(behind)}
    through = minute_text(cursors[region] // 60)
    position = replace(report().position, through=through, lag_seconds=lag, caught_up=lag < 600, known=41, polled=40, behind=late)
    one = report(
        run=f"{random_source.getrandbits(48):012x}", region=region, started=time_text(start), seconds=seconds, position=position,
        status="failed" if down else "partial" if behind else "ok", error=REFUSED if down else None, fetched=fetched,
        forwarded=fetched - sum(filtered.values()) if not down else 0, duplicates=0, filtered={k: v for k, v in filtered.items() if v},
        relisted=fetched, late=found, latest_seconds=5400 if found else 0, pushed=0, filled=0, reconciliation=passes,
    )  # fmt: skip
    return start + seconds, one
