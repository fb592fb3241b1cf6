"""docs/report.md is generated from the report: ``python -m tests.docs.test_report_doc`` writes it."""

import json
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
from msgspec.structs import replace

import epimetheus
from epimetheus.coverage import CompartmentCoverage, RegionCoverage
from epimetheus.errors import EpimetheusError
from epimetheus.observe.metrics import OptionalMetrics, measures
from epimetheus.problem import STREAM
from epimetheus.reports import BehindNow, Position, Problem, Problems, Pushed, ReconciledNow, Report, SealNow
from tests.support.reports import report

DOC = Path(__file__).parents[2] / "docs" / "report.md"

PASS = ReconciledNow("2026-01-01T11:00:00Z", 0, 0)
SEALED = SealNow(123, "edd06ec203e942f07c9dbfc633fb303c433e5ae16cd9a437d05f22f3dc309bcc", stored=True, sent=True, pending=0, chain_broken=False)

FIELDS = {
    "version": "version of this schema; it changes if a field is removed or its meaning changes",
    "run": "id of the run; also in the structured data of each message",
    "region": "the region that was read, or `cloud-guard`",
    "status": "`ok`; `partial`: some compartments are behind, some problems are left to the next run, or the listing of compartments or regions is too old or missing; `skipped`: another run holds the lease; `failed`",
    "error": "why the run failed: `kind`, `fault`, `what`, `do` ([Operate](operate.md#errors-by-kind) explains each kind); null if it did not fail",
    "warnings": "warnings about the settings, which every run repeats, and about this run",
    "started": "start of the run (RFC 3339)",
    "seconds": "seconds from the start to this report",
    "position": "how far the region has been read; null if the state could not be read",
    "coverage": "which regions and compartments exist, and which are read ([Operate](operate.md#coverage)); null if the state could not be read",
    "slices": "slices that were completely read, sent and confirmed",
    "fetched": "events that OCI listed in this run: `forwarded + unconfirmed + duplicates + filtered`",
    "forwarded": "events that the receiver confirmed",
    "unconfirmed": "events that were sent, or ready to be sent, but not confirmed; the next run sends them again; 0 unless the run failed",
    "duplicates": "events that were sent before; every run reads the overlap again",
    "filtered": "reason → events that a rule filtered ([Rules](rules.md#order)); `rate_limited` are those suppressed by a limit",
    "malformed": "forwarded events that could not be parsed and were sent as redacted text",
    "truncated": "forwarded events that lost fields or characters because they were too large",
    "abridged": "forwarded events that were too large or took too long to render: only their main fields were sent ([Formats](formats.md#size))",
    "redacted": "forwarded events in which a secret was redacted",
    "notices": "notices that were sent: about rate-limited events, own polling, seals",
    "bytes": "bytes written to the receiver, with headers and framing, before TLS",
    "api": "service → `requests`: answered requests (for Audit: requests made); `retries`: retries among them; `throttled`: 429 responses",
    "receiver": "`connections`, `confirmations`, and `confirmation`: `tls_close_notify`, `tcp_fin`, `relp_ack` or `none` ([How it works](how-it-works.md#how-delivery-is-confirmed))",
    "relisted": "events that reconciliation listed again ([How it works](how-it-works.md#reconciliation))",
    "late": "events among `relisted` that the ledger did not have; they count as `fetched`, and their messages are marked",
    "latest_seconds": "seconds from the event time of the earliest late event to now; 0 if there is none",
    "pushed": "with `PUSH`: events that pushes delivered, in the windows that this run read at the cursor",
    "filled": "with `PUSH`: events that were not pushed, so that this run forwarded them; their messages are marked `late`",
    "reconciliation": "minutes of a pass (`RECONCILE_AFTER`) → how far it has listed closed windows again",
    "listing_stale": "true if the compartments could not be listed and the last known ones were used",
    "listing_age_seconds": "seconds since the last complete listing of the compartments (with `REGIONS=all`, also of the regions); null if no listing is needed",
    "given_up": "deleted or unlisted compartments for which OCI returned 404 for 6 hours; their last events are not forwarded; a warning names them",
    "seal": "the [seal](how-it-works.md#seals) of the run; null if it has none, because it was skipped or the seal could not be written",
    "first_start": "true if there was no state and this run created it; a warning names the time at which reading starts",
    "state_writes": "number of times that the state was written",
    "certificate_days": "days until the client's or the receiver's certificate expires, whichever is first; null if the run saw no certificate",
    "problems": "what a poll of Cloud Guard found ([Cloud Guard](cloud-guard.md)); null for a run that reads audit events",
    "caches": "`dedupe`: dedupe keys (a hit is a duplicate); `names`: decisions by event type; each with `hits`, `misses`, `size`",
    "performance": "`events_per_second`; `phases`: the seconds spent in `discover` (compartments), `forward`, `reconcile`, `notices`, `finish` (commit) and `seal`",
}
PUSHED = {
    "version": "as in the report of a run",
    "run": "id of the push; also in the structured data of each message",
    "region": "the region of the function",
    "action": "`push`",
    "status": "`ok` or `failed`; after `failed`, Connector Hub sends the batch again",
    "error": "as in the report of a run",
    "warnings": "for example about events that are left to the next scheduled run",
    "started": "start of the push (RFC 3339)",
    "seconds": "seconds from the start to this report",
    "batch": "events of the batch",
    "fetched": "events that were processed; less than `batch` if the push failed. `fetched = forwarded + unconfirmed + duplicates + filtered + deferred`",
    "forwarded": "events that were sent and confirmed",
    "unconfirmed": "events that may not have arrived; 0 unless the push failed",
    "duplicates": "events that were sent before, by a run or a push",
    "filtered": "reason → events that a rule filtered ([Rules](rules.md#order))",
    "deferred": "events that are left to the next scheduled run ([How it works](how-it-works.md#push))",
    "malformed": "forwarded events that could not be decoded",
    "truncated": "as in the report of a run",
    "abridged": "as in the report of a run",
    "redacted": "as in the report of a run",
    "bytes": "as in the report of a run",
    "delay_seconds": "median of the seconds from the time of an event to the end of the push; null if no event has a time",
    "longest_delay_seconds": "the maximum of the same seconds",
    "api": "as in the report of a run, without Audit",
    "receiver": "as in the report of a run",
}
PUSH_METRICS = {
    "pushes_failed": ("count", "1 if the push failed"),
    "events_pushed": ("count", "`forwarded`"),
    "push_duplicates": ("count", "`duplicates`"),
    "push_seconds": ("s", "`seconds`"),
    "push_delay_seconds": ("s", "`longest_delay_seconds`, if an event has a time"),
}
POSITION = {
    "since": "the cursor before this run",
    "through": "the cursor: all compartments that are not behind are read and confirmed up to it",
    "lag_seconds": "seconds from the earliest mark, including compartments that are behind, to now",
    "caught_up": "true if every compartment is read up to `SETTLE_MINUTES` before now",
    "slices_left": "the largest possible number of windows of `SLICE_MINUTES` in the lag",
    "known": "compartments in the state, including vanished ones, which may return",
    "polled": "compartments whose events are forwarded",
    "vanished": "compartments that are no longer listed, or listed as deleted",
    "behind": "OCID → `since` (the mark), `reason`, `attempts`; at most 100, the furthest behind first; `behind_not_shown` counts the others",
}
RECONCILIATION = {
    "through": "the minute through which windows are listed again, except for compartments that are behind in the pass",
    "lag_seconds": "seconds of windows that are due and have not been listed again yet",
    "behind": "the number of compartments that are behind in the pass",
}
SEAL = {
    "sequence": "its number in the chain of the region",
    "sha256": "SHA-256 of the stored object",
    "stored": "whether the object is known to be stored; if not, the next run stores it",
    "sent": "whether its message is confirmed; if not, the next run sends it; true with `SEAL_MESSAGES=false`",
    "pending": "the number of seals whose message is not confirmed, including this one",
    "chain_broken": "whether the previous seal was deleted; a warning names it",
}
PROBLEMS = {
    "region": "the reporting region, which lists the problems of all regions",
    "active": "open problems that were listed",
    "inactive": "resolved, dismissed and deleted problems that were listed",
    "excluded": "problems in compartments that `COMPARTMENT_MODE` and `COMPARTMENT_IDS` exclude",
    "changed": "problems that are new or have changed since the last poll",
    "waiting": "those among them that are left to the next run, because time ran out or their details could not be read",
    "without_details": "those that were forwarded as listed, without recommendation, because OCI rejected the request for their details",
}
REGIONS = {
    "all": "true if `REGIONS` is `all`",
    "listed": "when the subscribed regions were last listed (RFC 3339); null if that is not known",
    "subscribed": "the regions that the tenancy is subscribed to, home region first; null if OCI has not listed them yet",
    "polled": "the regions that this deployment reads, and `cloud-guard` if `SOURCES` has it, each with a report of its own",
    "excluded": "subscribed regions that `REGIONS` does not name",
    "uncovered": "subscribed regions that are not read, although `REGIONS` is `all`; a warning names them",
    "home": "the home region: IAM and sign-on events are recorded there; null if it is not known",
    "home_polled": "whether the home region is read; if not, a warning says so, even if `REGIONS` excludes it; null if it is not known",
}
COMPARTMENTS = {
    "existing": "compartments as last listed, with the root, without deleted and vanished ones; with `COMPARTMENT_MODE=tenancy_only`, those known",
    "polled": "existing compartments whose events are forwarded",
    "excluded": "existing compartments that `COMPARTMENT_MODE` and `COMPARTMENT_IDS` exclude: `existing = polled + excluded`",
    "unreadable": "OCIDs of polled compartments for which OCI returns 404, while others can be read; a warning names them",
    "unlisted": "OCIDs of compartments whose children this run could not list; a warning names them",
}
METRICS = {
    "runs_failed": ("count", "1 if the run failed"),
    "runs_skipped": ("count", "1 if another run held the lease; if the minimum over a period is 1, every run was skipped"),
    "first_start": ("count", "1 if the run found no state and was a first start"),
    "run_seconds": ("s", "`seconds`"),
    "poll_seconds": ("s", "`seconds` of a poll of Cloud Guard, which has no `run_seconds`"),
    "events_fetched": ("count", "`fetched`"),
    "events_forwarded": ("count", "`forwarded`"),
    "events_unconfirmed": ("count", "`unconfirmed`"),
    "events_duplicate": ("count", "`duplicates`"),
    "events_filtered": ("count", "the sum of `filtered`"),
    "events_rate_limited": ("count", "`filtered.rate_limited`"),
    "events_malformed": ("count", "`malformed`"),
    "events_abridged": ("count", "`abridged`"),
    "late_events": ("count", "`late`"),
    "late_seconds": ("s", "`latest_seconds`"),
    "events_filled": ("count", "`filled`"),
    "push_stopped": ("count", "1 if `filled` is not 0 and `pushed` is 0"),
    "reconcile_lag_seconds": ("s", "the greatest `lag_seconds` of the passes in `reconciliation`, if there are any"),
    "api_requests": ("count", "the sum over all services in `api`"),
    "api_throttled": ("count", "the sum over all services in `api`"),
    "problems_active": ("count", "`problems.active`, of Cloud Guard"),
    "problems_changed": ("count", "`problems.changed`, of Cloud Guard"),
    "problems_waiting": ("count", "`problems.waiting`, of Cloud Guard"),
    "seals": ("count", "1 if the seal of the run is stored; if the sum over a period is 0, no run was sealed"),
    "seals_unsent": ("count", "`seal.pending`, if the run has a seal"),
    "seal_chain_broken": ("count", "1 if `seal.chain_broken`, if the run has a seal"),
    "lag_seconds": ("s", "`position.lag_seconds`"),
    "listing_age_seconds": ("s", "`listing_age_seconds`, if compartments are listed"),
    "regions_uncovered": (
        "count",
        "regions in `coverage.regions.uncovered`; 1 if the subscribed regions are not known and `REGIONS` is `all`",
    ),
    "compartments_uncovered": ("count", "compartments in `coverage.compartments.unreadable` or `.unlisted`"),
    "compartments_given_up": ("count", "`given_up`"),
    "compartments_behind": ("count", "the number of compartments in `position.behind`"),
    "certificate_days_left": ("days", "`certificate_days`, if a certificate was seen"),
    "cache_dedupe_hits": ("count", "`caches.dedupe.hits`, with `statistics.track_cache_metrics`"),
    "cache_dedupe_misses": ("count", "`caches.dedupe.misses`, with `statistics.track_cache_metrics`"),
    "cache_dedupe_size": ("count", "`caches.dedupe.size`, with `statistics.track_cache_metrics`"),
    "cache_names_hits": ("count", "`caches.names.hits`, with `statistics.track_cache_metrics`"),
    "cache_names_misses": ("count", "`caches.names.misses`, with `statistics.track_cache_metrics`"),
    "cache_names_size": ("count", "`caches.names.size`, with `statistics.track_cache_metrics`"),
    "events_per_second": ("1/s", "`performance.events_per_second`, with `statistics.track_performance_metrics`"),
}


def kinds() -> list[type[EpimetheusError]]:
    """Every error class of the package."""
    for module in pkgutil.walk_packages(epimetheus.__path__, "epimetheus."):
        if not module.name.startswith(("epimetheus.testing", "epimetheus.__main__")):
            import_module(module.name)
    found, ends = [], [EpimetheusError]
    while ends:
        found += (below := ends.pop().__subclasses__())
        ends += below
    return sorted(set(found), key=lambda kind: (kind.kind, kind.__name__))


def text() -> str:
    fields = "\n".join(f"| `{name}` | {FIELDS[name]} |" for name in Report.__struct_fields__)
    position = "\n".join(f"| `{name}` | {POSITION[name]} |" for name in Position.__struct_fields__)
    reconciliation = "\n".join(f"| `{name}` | {RECONCILIATION[name]} |" for name in ReconciledNow.__struct_fields__)
    seal = "\n".join(f"| `{name}` | {SEAL[name]} |" for name in SealNow.__struct_fields__)
    problems = "\n".join(f"| `{name}` | {PROBLEMS[name]} |" for name in Problems.__struct_fields__)
    regions = "\n".join(f"| `{name}` | {REGIONS[name]} |" for name in RegionCoverage.__struct_fields__)
    compartments = "\n".join(f"| `{name}` | {COMPARTMENTS[name]} |" for name in CompartmentCoverage.__struct_fields__)
    metrics = "\n".join(f"| `{name}` | {unit} | {what} |" for name, (unit, what) in METRICS.items())
    pushed = "\n".join(f"| `{name}` | {PUSHED[name]} |" for name in Pushed.__struct_fields__)
    push_metrics = "\n".join(f"| `{name}` | {unit} | {what} |" for name, (unit, what) in PUSH_METRICS.items())
    one = report(filtered={"rate_limited": 1, "service": 5}, reconciliation={"60": PASS}, seal=SEALED)
    example = json.dumps(msgspec.to_builtins(one), indent=1)
    return f"""# Report and metrics

After reading this page, you can interpret a run's report, and build dashboards and alarms on its metrics.
`python -m tests.docs.test_report_doc` generates this page from the code. Do not edit it by hand.

Each run of a region, and each poll of Cloud Guard, produces one report. The report is in the field `report` of the run's log line
(`"event": "run"`), and in the function's response. `epimetheus run --json` prints it. The metrics are derived from the report.

The terminal shows the whole report. In the log and in the function's response, an object has at most 100 members, and a text has at most
2,000 characters. The field `…_not_shown` next to an object counts the omitted members. The response is limited to 1 MB. With more than ten
reports, each report lists fewer members (1,000 in total). If the response is still too long, the earliest reports are only in the log.

| field | description |
|---|---|
{fields}

`position`:

| field | description |
|---|---|
{position}

Each pass in `reconciliation`:

| field | description |
|---|---|
{reconciliation}

`seal`:

| field | description |
|---|---|
{seal}

`problems`:

| field | description |
|---|---|
{problems}

`coverage.regions`:

| field | description |
|---|---|
{regions}

`coverage.compartments`:

| field | description |
|---|---|
{compartments}

Example:

```json
{example}
```

## Metrics

OCI Monitoring receives one value per metric and run, in the namespace `METRICS_NAMESPACE` and the compartment `METRICS_COMPARTMENT_OCID`,
with the dimensions `region` and `deployment`. `deployment` is `STATE_BUCKET/STATE_PREFIX` without the final slash, or the name of
`STATE_FILE`, so that several deployments can post to one compartment. After the run, its metrics are posted in one call. If this fails, the
log contains a warning, and the status of the run does not change. A health check posts the metric `healthy`: 1 or 0.

| metric | unit | description |
|---|---|---|
{metrics}

## A push

Each [push](how-it-works.md#push) has a report of its own, in the field `push` of its log line (`"event": "push"`), and in the function's response.

| field | description |
|---|---|
{pushed}

Its metrics are posted in the same way:

| metric | unit | description |
|---|---|---|
{push_metrics}
"""


def test_the_page_matches_the_report():
    assert DOC.read_text("utf-8") == text(), "run python -m tests.docs.test_report_doc"


def test_every_field_and_every_metric_is_documented():
    assert list(FIELDS) == list(Report.__struct_fields__)
    assert list(POSITION) == list(Position.__struct_fields__)
    assert list(SEAL) == list(SealNow.__struct_fields__)
    assert list(REGIONS) == list(RegionCoverage.__struct_fields__)
    assert list(COMPARTMENTS) == list(CompartmentCoverage.__struct_fields__)
    assert list(RECONCILIATION) == list(ReconciledNow.__struct_fields__)
    assert list(PUSHED) == list(Pushed.__struct_fields__)
    assert list(PROBLEMS) == list(Problems.__struct_fields__)
    complete = report(certificate_days=1.0, reconciliation={"60": PASS}, seal=SEALED, problems=Problems("eu-paris-1", 9, 8, 0, 2, 1, 0))
    posted = {name for region in ("eu-paris-1", STREAM) for name in measures(replace(complete, region=region), OptionalMetrics(caches=True, performance=True))}
    assert set(METRICS) == posted
    assert get_args(get_type_hints(Report)["error"])[0] is Problem
    assert get_type_hints(Position)["behind"] == dict[str, BehindNow]


def test_operate_explains_every_kind_of_error():
    page = (DOC.parent / "operate.md").read_text("utf-8")
    lacking = {kind.kind for kind in kinds() if f'<a id="{kind.kind}"></a>' not in page}
    assert lacking == set()


if __name__ == "__main__":
    DOC.write_text(text(), "utf-8")
