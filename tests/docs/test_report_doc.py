"""docs/report.md is made here, from the report itself, so that it can not go stale: ``python -m tests.docs.test_report_doc`` writes it anew."""

import json
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec

from epimetheus.errors import EpimetheusError
from epimetheus.model import BehindNow, Position, Problem, Report
from epimetheus.observe.metrics import PostRequest, measures
from tests.support.reports import report

DOC = Path(__file__).parents[2] / "docs" / "report.md"

FIELDS = {
    "version": "of these fields: it changes where one is taken away or means something else",
    "run": "the run's id; stands in each message's structured data as well",
    "region": "the region that was read",
    "status": "`ok`; `partial`: somebody is behind; `skipped`: another run is at work; `failed`",
    "error": "why it failed: `kind`, `fault`, `what`, `do` ([operate.md](operate.md) has each kind); null otherwise",
    "warnings": "what every run says about its settings, and what was odd in this one",
    "started": "RFC 3339",
    "seconds": "from the start to this report",
    "position": "how far the region is; null where the state could not be read",
    "slices": "windows that were read to their end, sent and confirmed",
    "fetched": "events that OCI listed to this run: `forwarded + uncertain + duplicates + left out`",
    "forwarded": "events that the receiver is known to have",
    "unconfirmed": "events that were sent, or were to be, and are not known to have arrived; sent again by the next run; 0 unless it failed",
    "duplicates": "events that were met before: the overlap is read by every run",
    "filtered": "reason → events that a rule left out ([rules.md](rules.md)); `rate_limited` are those held back",
    "malformed": "events among those forwarded that could not be understood, and went as they are",
    "truncated": "events among those forwarded that were too large, and lost something",
    "abridged": "events among those forwarded that were too large, or took too long, to render whole: main fields only ([formats.md](formats.md#size))",
    "redacted": "events among those forwarded in which something secret was masked",
    "notices": "messages of our own: what was held back, what our polling made, the end of the run",
    "bytes": "bytes written to the receiver, with headers and framing, before TLS",
    "api": "service → `requests` answered, `retries` among them, `throttled` (429); Audit's are those asked",
    "receiver": "`connections`, `confirmations`, and the `evidence` that what was sent arrived ([architecture.md](architecture.md))",
    "listing_stale": "true: the compartments could not be listed, the last known ones served",
    "listing_age_seconds": "seconds since the compartments (with REGIONS=all also the regions) were last listed completely; null: no listing is needed",
    "given_up": "deleted compartments that OCI refused for 6 hours, and whose last events are not forwarded; they are named in a warning",
    "first_start": "true: there was no state, and this run made the first; a warning says where reading begins",
    "state_writes": "how often the state was written",
    "certificate_days": "until the first certificate is over, ours or the receiver's; null where none was seen",
    "caches": "`dedupe`: keys of events, where a hit is a duplicate; `names`: what the rules say of event types; `hits`, `misses`, `size`",
    "performance": "`events_per_second`, and `phases`: seconds of `discover`, `forward`, `notices` and `finish`",
}
POSITION = {
    "since": "the cursor before this run",
    "through": "the cursor: everybody who is not behind is read and confirmed up to it",
    "lag_seconds": "from the furthest mark, also of those behind, to now",
    "caught_up": "everybody is read up to now, less SETTLE_MINUTES",
    "slices_left": "how many windows of SLICE_MINUTES the lag is, at the most",
    "known": "compartments, also those that are gone but may return",
    "polled": "compartments whose events are forwarded",
    "vanished": "compartments that vanished, or are listed as deleted",
    "behind": "OCID → `since` (its own mark), `why`, `tries`; the furthest behind first, 100 at most, and `behind_not_shown` counts the others",
}
METRICS = {
    "runs_failed": ("count", "1 if the run failed"),
    "runs_skipped": ("count", "1 if another run held the lease; a minimum of 1 over some time means that every run was skipped"),
    "first_start": ("count", "1 if the run found no state and began anew"),
    "run_seconds": ("s", "`seconds`"),
    "events_fetched": ("count", "`fetched`"),
    "events_forwarded": ("count", "`forwarded`"),
    "events_unconfirmed": ("count", "`unconfirmed`"),
    "events_duplicate": ("count", "`duplicates`"),
    "events_filtered": ("count", "the sum of `filtered`"),
    "events_rate_limited": ("count", "`filtered.rate_limited`"),
    "events_malformed": ("count", "`malformed`"),
    "events_abridged": ("count", "`abridged`"),
    "api_requests": ("count", "of all services in `api`"),
    "api_throttled": ("count", "of all services in `api`"),
    "lag_seconds": ("s", "`position.lag_seconds`"),
    "listing_age_seconds": ("s", "`listing_age_seconds`, where compartments are listed"),
    "compartments_given_up": ("count", "`given_up`"),
    "compartments_behind": ("count", "how many stand in `position.behind`"),
    "certificate_days_left": ("days", "`certificate_days`, where one was seen"),
    "cache_dedupe_hits": ("count", "with `statistics.track_cache_metrics`, as the next five"),
    "cache_dedupe_misses": ("count", ""),
    "cache_dedupe_size": ("count", ""),
    "cache_names_hits": ("count", ""),
    "cache_names_misses": ("count", ""),
    "cache_names_size": ("count", ""),
    "events_per_second": ("1/s", "with `statistics.track_performance_metrics`"),
}


def kinds() -> list[type[EpimetheusError]]:
    """Every error there is."""
    import epimetheus.cli.app  # noqa: F401, PLC0415 - whatever is defined anywhere

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
    return f"""# The report of a run

One for each run and region: it is the `report` of the run's log line (`"event": "run"`), the function's answer, what the terminal shows and
`python -m epimetheus run --json` prints, and where the metrics come from. This page is made by `tests/docs/test_report_doc.py`.

On the terminal a report is whole. In the log and in the function's answer, no object has more than 100 members, and no text more than 2,000
characters: `…_not_shown` beside an object counts the members that are left out. An answer takes 1 MB at most: with more than ten reports, each
names fewer members (1,000 by all together), and if that is still too long, the earliest reports are only in the log.

| field | |
|---|---|
{fields}

`position`:

| field | |
|---|---|
{position}

An example:

```json
{example}
```

## Metrics

Of OCI Monitoring, in the namespace METRICS_NAMESPACE and the compartment METRICS_COMPARTMENT_OCID, one value each a run, with the dimension
`region`. They are posted in one call after the run; a post that fails is a warning in the log, and the run is as good as it was. A call for
health posts one of its own, `healthy`: 1 or 0.

| metric | unit | |
|---|---|---|
{metrics}
"""


def test_the_page_is_what_the_report_is():
    assert DOC.read_text("utf-8") == text(), "python -m tests.docs.test_report_doc writes it anew"


def test_every_field_and_every_metric_is_told():
    assert list(FIELDS) == list(Report.__struct_fields__)
    assert list(POSITION) == list(Position.__struct_fields__)
    assert set(METRICS) == set(measures(report(certificate_days=1.0), PostRequest(caches=True, performance=True)))
    assert get_args(get_type_hints(Report)["error"])[0] is Problem
    assert get_type_hints(Position)["behind"] == dict[str, BehindNow]


def test_every_kind_of_error_has_its_place_in_the_operators_page():
    page = (DOC.parent / "operate.md").read_text("utf-8")
    lacking = {kind.kind for kind in kinds() if f'<a id="{kind.kind}"></a>' not in page}
    assert lacking == set()


if __name__ == "__main__":
    DOC.write_text(text(), "utf-8")
