"""docs/report.md is generated from the report: ``python -m tests.docs.test_report_doc`` writes it."""

import json
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec

from epimetheus.errors import EpimetheusError
from epimetheus.model import BehindNow, Position, Problem, Report
from epimetheus.observe.metrics import OptionalMetrics, measures
from tests.support.reports import report

DOC = Path(__file__).parents[2] / "docs" / "report.md"

FIELDS = {
    "version": "version of this schema; it changes when a field is removed or changes its meaning",
    "run": "the run's id, also in each message's structured data",
    "region": "the region that was read",
    "status": "`ok`; `partial`: some compartments are behind, or the listing is too old; `skipped`: another run holds the lease; `failed`",
    "error": "why the run failed: `kind`, `fault`, `what`, `do` ([Operate](operate.md#errors-by-kind) explains each kind); null otherwise",
    "warnings": "warnings about the settings, repeated by every run, and about this run",
    "started": "RFC 3339",
    "seconds": "from the start to this report",
    "position": "how far the region is read; null if the state could not be read",
    "slices": "slices that were read to their end, sent and confirmed",
    "fetched": "events that OCI listed in this run: `forwarded + unconfirmed + duplicates + filtered`",
    "forwarded": "events that the receiver confirmed",
    "unconfirmed": "events that were sent, or about to be, and are not confirmed; the next run sends them again; 0 unless the run failed",
    "duplicates": "events that were sent before; every run reads the overlap again",
    "filtered": "reason → events that a rule filtered ([Rules](rules.md#order)); `rate_limited` are those suppressed by a limit",
    "malformed": "forwarded events that could not be parsed, and were sent as redacted text",
    "truncated": "forwarded events that were too large, and lost fields or characters",
    "abridged": "forwarded events that were too large, or took too long, to render whole: main fields only ([Formats](formats.md#size))",
    "redacted": "forwarded events in which a secret was redacted",
    "notices": "messages of Epimetheus itself: rate-limited events, own polling, the end of the run",
    "bytes": "bytes written to the receiver, with headers and framing, before TLS",
    "api": "service → `requests` answered, `retries` among them, `throttled` (429); for Audit, requests made",
    "receiver": "`connections`, `confirmations`, and `confirmation`: `tls_close_notify`, `tcp_fin`, `relp_ack` or `none` ([How it works](how-it-works.md#how-delivery-is-confirmed))",
    "listing_stale": "true: the compartments could not be listed, and the last known ones were used",
    "listing_age_seconds": "seconds since the compartments (with REGIONS=all also the regions) were last listed completely; null if no listing is needed",
    "given_up": "deleted compartments that OCI refused for 6 hours, and whose last events are not forwarded; a warning names them",
    "first_start": "true: there was no state, and this run created it; a warning says where reading starts",
    "state_writes": "number of writes of the state",
    "certificate_days": "days until the first certificate expires, the client's or the receiver's; null if none was seen",
    "caches": "`dedupe`: keys of events, where a hit is a duplicate; `names`: decisions by event type; each with `hits`, `misses`, `size`",
    "performance": "`events_per_second`, and `phases`: seconds of `discover` (compartments), `forward`, `notices` and `finish` (commit)",
}
POSITION = {
    "since": "the cursor before this run",
    "through": "the cursor: compartments that are not behind are read and confirmed up to it",
    "lag_seconds": "from the furthest mark, compartments behind included, to now",
    "caught_up": "every compartment is read up to now, less SETTLE_MINUTES",
    "slices_left": "upper bound of the windows of SLICE_MINUTES that the lag contains",
    "known": "compartments in the state, including those that vanished and may return",
    "polled": "compartments whose events are forwarded",
    "vanished": "compartments that are no longer listed, or listed as deleted",
    "behind": "OCID → `since` (read up to here), `reason`, `attempts`; the furthest behind first, at most 100; `behind_not_shown` counts the others",
}
METRICS = {
    "runs_failed": ("count", "1 if the run failed"),
    "runs_skipped": ("count", "1 if another run held the lease; a minimum of 1 over a period means that every run was skipped"),
    "first_start": ("count", "1 if the run found no state and started anew"),
    "run_seconds": ("s", "`seconds`"),
    "events_fetched": ("count", "`fetched`"),
    "events_forwarded": ("count", "`forwarded`"),
    "events_unconfirmed": ("count", "`unconfirmed`"),
    "events_duplicate": ("count", "`duplicates`"),
    "events_filtered": ("count", "the sum of `filtered`"),
    "events_rate_limited": ("count", "`filtered.rate_limited`"),
    "events_malformed": ("count", "`malformed`"),
    "events_abridged": ("count", "`abridged`"),
    "api_requests": ("count", "the sum over all services in `api`"),
    "api_throttled": ("count", "the sum over all services in `api`"),
    "lag_seconds": ("s", "`position.lag_seconds`"),
    "listing_age_seconds": ("s", "`listing_age_seconds`, if compartments are listed"),
    "compartments_given_up": ("count", "`given_up`"),
    "compartments_behind": ("count", "the number of compartments in `position.behind`"),
    "certificate_days_left": ("days", "`certificate_days`, if a certificate was seen"),
    "cache_dedupe_hits": ("count", "with `statistics.track_cache_metrics`, as the next five"),
    "cache_dedupe_misses": ("count", ""),
    "cache_dedupe_size": ("count", ""),
    "cache_names_hits": ("count", ""),
    "cache_names_misses": ("count", ""),
    "cache_names_size": ("count", ""),
    "events_per_second": ("1/s", "with `statistics.track_performance_metrics`"),
}


def kinds() -> list[type[EpimetheusError]]:
    """Every error class of the package."""
    import epimetheus.cli.app  # noqa: F401, PLC0415 - imports every module that defines one

    found, ends = [], [EpimetheusError]
    while ends:
        found += (below := ends.pop().__subclasses__())
        ends += below
    return sorted(set(found), key=lambda kind: (kind.kind, kind.__name__))


def text() -> str:
    fields = "\n".join(f"| `{name}` | {FIELDS[name]} |" for name in Report.__struct_fields__)
    position = "\n".join(f"| `{name}` | {POSITION[name]} |" for name in Position.__struct_fields__)
    metrics = "\n".join(f"| `{name}` | {unit} | {what} |" for name, (unit, what) in METRICS.items())
    example = json.dumps(msgspec.to_builtins(report(filtered={"rate_limited": 1, "service": 5})), indent=1)
    return f"""# Report and metrics

After reading this page you can interpret a run's report, and build dashboards and alarms on its metrics. `tests/docs/test_report_doc.py` generates
this page from the code.

There is one report per run and region. It is the `report` of the run's log line (`"event": "run"`), part of the function's response, and what
`python -m epimetheus run --json` prints. The metrics are derived from it.

The terminal shows the whole report. In the log and in the function's response, an object has at most 100 members and a text at most 2,000
characters; `…_not_shown` beside an object counts the omitted members. A response is at most 1 MB: with more than ten reports, each lists fewer
members (1,000 in total), and if it is still too long, the earliest reports are only in the log.

| field | description |
|---|---|
{fields}

`position`:

| field | description |
|---|---|
{position}

Example:

```json
{example}
```

## Metrics

OCI Monitoring receives one value per metric and run, in the namespace METRICS_NAMESPACE and the compartment METRICS_COMPARTMENT_OCID, with the
dimension `region`. They are posted in one call after the run. If that fails, the log has a warning, and the run's status does not change. A health
check posts `healthy`: 1 or 0.

| metric | unit | description |
|---|---|---|
{metrics}
"""


def test_the_page_matches_the_report():
    assert DOC.read_text("utf-8") == text(), "run python -m tests.docs.test_report_doc"


def test_every_field_and_every_metric_is_documented():
    assert list(FIELDS) == list(Report.__struct_fields__)
    assert list(POSITION) == list(Position.__struct_fields__)
    assert set(METRICS) == set(measures(report(certificate_days=1.0), OptionalMetrics(caches=True, performance=True)))
    assert get_args(get_type_hints(Report)["error"])[0] is Problem
    assert get_type_hints(Position)["behind"] == dict[str, BehindNow]


def test_operate_explains_every_kind_of_error():
    page = (DOC.parent / "operate.md").read_text("utf-8")
    lacking = {kind.kind for kind in kinds() if f'<a id="{kind.kind}"></a>' not in page}
    assert lacking == set()


if __name__ == "__main__":
    DOC.write_text(text(), "utf-8")
