"""Secrets, metrics, unknown requests, and the headers of every response."""

import base64
import re
from datetime import UTC, datetime, timedelta

import oci
import pytest
import requests

from epimetheus.testing.oci import World, mock_oci

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
M = oci.monitoring.models


def stream(world, namespace="epimetheus", at=NOON, dimensions=None, name="fetched"):
    return M.MetricDataDetails(
        namespace=namespace,
        compartment_id=world.tenancy,
        name=name,
        dimensions={"region": "us-ashburn-1"} if dimensions is None else dimensions,
        datapoints=[M.Datapoint(timestamp=at, value=3.0)],
    )


@pytest.fixture
def monitoring(endpoint):
    ingestion = {} if endpoint.url else {"service_endpoint": "https://telemetry-ingestion.us-ashburn-1.oraclecloud.com"}
    return endpoint.client(oci.monitoring.MonitoringClient, **ingestion)


def post(monitoring, *streams):
    return monitoring.post_metric_data(M.PostMetricDataDetails(metric_data=list(streams))).data


def test_a_secret(endpoint, world):
    world.secret("ocid1.vaultsecret.oc1..one", "-----BEGIN CERTIFICATE-----")
    secrets = endpoint.client(oci.secrets.SecretsClient)
    content = secrets.get_secret_bundle("ocid1.vaultsecret.oc1..one").data.secret_bundle_content.content
    assert base64.b64decode(content) == b"-----BEGIN CERTIFICATE-----"
    with pytest.raises(oci.exceptions.ServiceError) as error:
        secrets.get_secret_bundle("ocid1.vaultsecret.oc1..two")
    assert (error.value.status, error.value.code) == (404, "NotAuthorizedOrNotFound")


def test_metrics_are_stored(monitoring, world):
    assert post(monitoring, stream(world)).failed_metrics_count == 0
    assert [(one["namespace"], one["name"], one["dimensions"]) for one in world.metrics] == [
        ("epimetheus", "fetched", {"region": "us-ashburn-1"})
    ]
    assert world.metrics[0]["datapoints"][0]["value"] == 3.0


@pytest.mark.parametrize(
    "invalid",
    [
        {"namespace": "oci_epimetheus"},
        {"namespace": "my-own"},
        {"dimensions": {}},
        {"dimensions": {str(number): "x" for number in range(21)}},
        {"dimensions": {"region": ""}},
        {"at": NOON - timedelta(hours=2, seconds=1)},
        {"at": NOON + timedelta(minutes=10, seconds=1)},
        {"name": "1st"},
    ],
)
def test_invalid_metrics_are_rejected(monitoring, world, invalid):
    with pytest.raises(oci.exceptions.ServiceError) as error:
        post(monitoring, stream(world), stream(world, **invalid))
    assert (error.value.status, error.value.code) == (400, "InvalidParameter")
    assert world.metrics == []


def test_at_most_fifty_streams_are_accepted(monitoring, world):
    post(monitoring, *[stream(world)] * 50)
    with pytest.raises(oci.exceptions.ServiceError):
        post(monitoring, *[stream(world)] * 51)
    assert len(world.metrics) == 50


def test_metrics_have_their_own_host(world, tmp_path):
    config = oci.config.from_file(str(world.credentials(tmp_path)))
    wrong = oci.monitoring.MonitoringClient(config, retry_strategy=oci.retry.NoneRetryStrategy())
    with mock_oci(world), pytest.raises(oci.exceptions.ServiceError) as error:
        post(wrong, stream(world))
    assert error.value.status == 501
    assert "telemetry-ingestion" in error.value.message


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/20160918/users"), ("POST", "/20160918/compartments"), ("GET", "/"), ("GET", "/20190901/auditEvents/")],
)
def test_unknown_requests_are_rejected_and_recorded(endpoint, world, method, path):
    response = endpoint.request(method, "identity", path)
    assert (response.status_code, response.json()["code"]) == (501, "UnsupportedByStandIn")
    assert world.unknown_requests == [f"{method} {path}: no operation is implemented for {method} {path}"]


def test_every_response_has_a_date_and_a_request_id(endpoint, world):
    for path, status in ((f"/20160918/tenancies/{world.tenancy}", 200), ("/20160918/tenancies/x", 404)):
        response = endpoint.request("GET", "identity", path, headers={"opc-request-id": "ABC"})
        assert response.status_code == status
        assert response.headers["date"] == "Thu, 01 Jan 2026 12:00:00 GMT"
        assert re.fullmatch("ABC/[0-9A-F]{32}", response.headers["opc-request-id"])


def test_the_world_records_requests(endpoint, world):
    endpoint.request("GET", "identity", "/20160918/compartments", params={"compartmentId": world.tenancy})
    (request,) = world.requests_for("ListCompartments")
    assert (request.method, request.path, request.query) == ("GET", "/20160918/compartments", {"compartmentId": world.tenancy})
    assert (request.status, request.time, request.region) == (200, 1767268800.0, "us-ashburn-1")
    assert world.requests == [request]


def test_in_process_requests_to_any_host_are_answered():
    world = World()
    with mock_oci(world):
        assert requests.get("https://gateway.example.com/nothing").status_code == 501


def test_a_function_and_its_application(endpoint, world):
    ocid = world.deploy_function({"FORMAT": "cef"}, {"FORMAT": "json", "LOG_LEVEL": "debug"})
    client = endpoint.client(oci.functions.FunctionsManagementClient)
    function = client.get_function(ocid).data
    assert (function.id, function.config) == (ocid, {"FORMAT": "cef"})
    application = client.get_application(function.application_id).data
    assert application.config == {"FORMAT": "json", "LOG_LEVEL": "debug"}
    with pytest.raises(oci.exceptions.ServiceError) as error:
        client.get_function("ocid1.fnfunc.oc1.us-ashburn-1.other")
    assert (error.value.status, error.value.code) == (404, "NotAuthorizedOrNotFound")
