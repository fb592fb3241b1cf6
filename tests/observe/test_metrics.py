"""Metrics: one call of PostMetricData per report, and every failed post is an error."""

from collections.abc import Iterator
from typing import Any

import oci
import pytest
import responses

from epimetheus.errors import CredentialsError, SourceError
from epimetheus.observe.metrics import OptionalMetrics, measures, post, push_measures
from epimetheus.oci_client.clients import ServiceFailure, make_client, sign_in
from epimetheus.reports import Pushed, ReconciledNow
from epimetheus.testing.oci import World, mock_oci
from tests.docs.test_report_doc import PUSH_METRICS
from tests.support.reports import REFUSED, behind, covered, report

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
INGESTION = "https://telemetry-ingestion.us-ashburn-1.oraclecloud.com"
HELP = "Metrics are optional: an empty METRICS_NAMESPACE turns them off."
DIMENSIONS = {"deployment": "bucket/epimetheus", "region": "eu-paris-1"}
MEASURES = {
    "runs_failed": 0.0,
    "runs_skipped": 0.0,
    "first_start": 0.0,
    "seals": 0.0,
    "run_seconds": 1.5,
    "events_fetched": 19.0,
    "events_forwarded": 9.0,
    "events_unconfirmed": 0.0,
    "events_duplicate": 4.0,
    "events_filtered": 6.0,
    "events_rate_limited": 1.0,
    "events_malformed": 2.0,
    "compartments_given_up": 0.0,
    "events_abridged": 0.0,
    "late_events": 0.0,
    "late_seconds": 0.0,
    "events_filled": 0.0,
    "push_stopped": 0.0,
    "api_requests": 9.0,
    "api_throttled": 1.0,
    "listing_age_seconds": 0.0,
    "lag_seconds": 120.0,
    "compartments_behind": 0.0,
    "regions_uncovered": 0.0,
    "compartments_uncovered": 0.0,
}


def passed(lag_seconds):
    return ReconciledNow("2026-01-01T11:00:00Z", lag_seconds, 0)


def test_additional_metrics_and_certificates_are_measured():
    assert measures(report(certificate_days=29.5), OptionalMetrics(caches=True, performance=True)) == MEASURES | {
        "cache_dedupe_hits": 4.0,
        "cache_dedupe_misses": 15.0,
        "cache_dedupe_size": 100.0,
        "cache_names_hits": 8.0,
        "cache_names_misses": 2.0,
        "cache_names_size": 2.0,
        "events_per_second": 12.5,
        "certificate_days_left": 29.5,
    }


@pytest.fixture
def world(api_key) -> Iterator[World]:
    with mock_oci(World(now=lambda: NOON, api_key=api_key, sleep=lambda seconds: None)) as world:
        yield world


@pytest.fixture
def client(world, tmp_path) -> Any:
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")
    return make_client(oci.monitoring.MonitoringClient, credentials, region="us-ashburn-1", endpoint=INGESTION, seconds=2)


def test_a_report_is_posted_in_one_call(client, world):
    post(client, "epimetheus", world.tenancy, DIMENSIONS, measures(report(), OptionalMetrics()), NOON)
    assert len(world.requests_for("PostMetricData")) == 1
    assert world.metrics == [
        {
            "namespace": "epimetheus",
            "compartmentId": world.tenancy,
            "name": name,
            "dimensions": {"deployment": "bucket/epimetheus", "region": "eu-paris-1"},
            "datapoints": [{"timestamp": "2026-01-01T12:00:00Z", "value": value}],
        }
        for name, value in MEASURES.items()
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "partial", "position": behind(3)}, {"lag_seconds": 3600.0, "compartments_behind": 3.0}),
        ({"status": "failed", "error": REFUSED, "unconfirmed": 7}, {"runs_failed": 1.0, "events_unconfirmed": 7.0}),
        ({"status": "skipped"}, {"runs_skipped": 1.0}),
        ({"late": 40, "latest_seconds": 5400}, {"late_events": 40.0, "late_seconds": 5400.0}),
        ({"reconciliation": {"60": passed(3600), "1440": passed(7200)}}, {"reconcile_lag_seconds": 7200.0}),
        ({"coverage": covered({"uncovered": ["eu-paris-1", "uk-london-1"]})}, {"regions_uncovered": 2.0}),
        ({"coverage": covered({"subscribed": None})}, {"regions_uncovered": 1.0}),
        ({"coverage": covered({"subscribed": None, "all": False})}, {}),
        ({"coverage": covered({"excluded": ["us-ashburn-1"], "home_polled": False, "all": False})}, {}),
        ({"coverage": covered(compartments={"unreadable": ["a", "b"], "unlisted": ["b", "c"]})}, {"compartments_uncovered": 3.0}),
    ],
)
def test_the_status_of_a_run_is_measured(changes, expected):
    assert measures(report(**changes), OptionalMetrics()) == {**MEASURES, **expected}


def test_without_a_state_there_is_neither_lag_nor_coverage():
    unknown = ("lag_seconds", "compartments_behind", "regions_uncovered", "compartments_uncovered")
    known = {name: value for name, value in MEASURES.items() if name not in unknown}
    assert measures(report(position=None, coverage=None), OptionalMetrics()) == known


def test_a_rejected_post_raises_an_error_with_a_remedy(client, world):
    world.faults.add("status", status=404, operation="PostMetricData")
    with pytest.raises(ServiceFailure, match="Posting metrics failed: OCI returned 404 NotAuthorizedOrNotFound") as failed:
        post(client, "epimetheus", world.tenancy, DIMENSIONS, measures(report(), OptionalMetrics()), NOON)
    policy = "Allow dynamic-group NAME to use metrics in tenancy where target.metrics.namespace='epimetheus'"
    assert failed.value.do == f"{HELP} If no policy allows this call, add this statement: {policy}"


def test_a_missing_answer_raises_an_error(client, world):
    world.faults.add("reset", operation="PostMetricData", times=None)
    with pytest.raises(SourceError, match=r"Posting metrics failed: .* closed the connection"):
        post(client, "epimetheus", world.tenancy, DIMENSIONS, measures(report(), OptionalMetrics()), NOON)


def test_a_wrong_signature_raises_a_credentials_error(client, world):
    world.faults.add("status", status=401, operation="PostMetricData")
    with pytest.raises(CredentialsError):
        post(client, "epimetheus", world.tenancy, DIMENSIONS, measures(report(), OptionalMetrics()), NOON)


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (
            {"failedMetricsCount": 2, "failedMetrics": [{"message": "Quota exceeded"}, {"message": "x"}]},
            "OCI rejected 2 of 25 metrics: Quota exceeded.",
        ),
        ({"failedMetricsCount": 13}, "OCI rejected 13 of 25 metrics: no reason given."),
    ],
)
def test_rejected_metrics_raise_an_error_despite_status_200(api_key, tmp_path, answer, what):
    credentials = sign_in("config_file", str(World(api_key=api_key).credentials(tmp_path)), "DEFAULT")
    client = make_client(oci.monitoring.MonitoringClient, credentials, region="us-ashburn-1", endpoint=INGESTION, seconds=2)
    with responses.RequestsMock(target="oci._vendor.requests.adapters.HTTPAdapter.send") as mock:
        mock.post(f"{INGESTION}/20180401/metrics", json=answer)
        with pytest.raises(SourceError) as failed:
            post(client, "epimetheus", credentials.tenancy, DIMENSIONS, measures(report(), OptionalMetrics()), NOON)
    assert (failed.value.what, failed.value.do) == (what, HELP)


def test_the_metrics_of_a_push_are_those_of_the_page():
    fields = {
        "run": "r", "region": "x", "status": "ok", "error": None, "warnings": [], "started": "", "seconds": 1.5, "batch": 4, "fetched": 4,
        "forwarded": 3, "unconfirmed": 0, "duplicates": 1, "filtered": {}, "deferred": 0, "malformed": 0, "truncated": 0, "abridged": 0,
        "redacted": 0, "bytes": 9, "delay_seconds": 40, "longest_delay_seconds": 60, "api": {}, "receiver": {},
    }  # fmt: skip
    values = {"pushes_failed": 0.0, "events_pushed": 3.0, "push_duplicates": 1.0, "push_seconds": 1.5, "push_delay_seconds": 60.0}
    assert push_measures(Pushed(**fields)) == values
    assert set(PUSH_METRICS) == set(values)
    failed = push_measures(Pushed(**{**fields, "status": "failed", "longest_delay_seconds": None}))
    assert (failed["pushes_failed"], "push_delay_seconds" in failed) == (1.0, False)
