"""Credentials, SDK clients, and the translation of SDK errors: real clients against the OCI stand-in; no secret is shown."""

import re
import socket
import time
import traceback

import pytest
import urllib3
from oci.identity import IdentityClient
from oci.monitoring import MonitoringClient
from oci.object_storage import ObjectStorageClient
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError

from epimetheus.errors import CredentialsError, SourceError, StateError
from epimetheus.oci_client.clients import Calls, ServiceFailure, make_client, oci_errors, service_failure, sign_in
from epimetheus.oci_client.network_errors import NETWORK_HELP, failed_connection
from epimetheus.testing.oci import World, backend, mock_oci, serve

SECRET = "hush-hush"


@pytest.fixture
def world(api_key):
    return World(api_key=api_key, regions=["us-phoenix-1"])


@pytest.fixture
def config(world, tmp_path):
    """The path of a config file; ``api_key.pem`` is next to it."""
    return world.credentials(tmp_path)


@pytest.fixture
def credentials(config):
    return sign_in("config_file", str(config), "DEFAULT")


@pytest.fixture(params=["in process", "http"])
def url(request, world):
    if request.param == "http":
        with serve(world) as served:
            yield served.url
    else:
        with mock_oci(world):
            yield None


def client(credentials, url=None, kind=ObjectStorageClient, region="us-ashburn-1", seconds=0.6):
    return make_client(kind, credentials, region=region, endpoint=url, seconds=seconds)


def test_a_config_file_provides_credentials(world, credentials):
    assert credentials.principals == (world.user,)
    assert (credentials.tenancy, credentials.region) == (world.tenancy, "us-ashburn-1")
    with mock_oci(world):
        assert client(credentials).get_namespace().data == "axexample"


@pytest.fixture
def principal(world, tmp_path, monkeypatch):
    """The environment of a function; the directory of its files."""
    for name, value in world.resource_principal(tmp_path).items():
        monkeypatch.setenv(name, value)
    return tmp_path


@pytest.mark.usefixtures("principal")
def test_a_function_has_the_credentials_of_its_platform(world):
    credentials = sign_in("resource_principal", "", "")
    assert (credentials.tenancy, credentials.region) == (world.tenancy, "us-ashburn-1")
    assert credentials.principals == (world.function,)
    with mock_oci(world):
        assert client(credentials).get_namespace().data == "axexample"
        assert client(credentials, region="us-phoenix-1").get_namespace().data == "axexample"
    assert [request.region for request in world.requests] == ["us-ashburn-1", "us-phoenix-1"]


def principal_error():
    with pytest.raises(CredentialsError, match="Loading the credentials for OCI_AUTH=resource_principal failed: ") as caught:
        sign_in("resource_principal", "", "")
    assert "inside OCI Functions" in caught.value.do
    assert SECRET not in str(caught.value)
    return caught.value.what


@pytest.mark.usefixtures("principal")
@pytest.mark.parametrize("name", ["VERSION", "RPST", "PRIVATE_PEM"])
def test_outside_a_function_there_is_no_principal(monkeypatch, name):
    monkeypatch.delenv(f"OCI_RESOURCE_PRINCIPAL_{name}")
    principal_error()


def test_missing_or_invalid_files_of_a_principal_are_reported(principal):
    (principal / "private.pem").write_text(SECRET)
    assert "is not a private key" in principal_error()
    (principal / "private.pem").unlink()
    assert "No such file or directory" in principal_error()
    (principal / "rpst").unlink()
    assert "No such file or directory" in principal_error()


@pytest.mark.parametrize("text", ["", SECRET, f"{SECRET}.{SECRET}.{SECRET}"])
def test_an_invalid_token_is_reported_and_not_shown(principal, text):
    (principal / "rpst").write_text(text)
    assert principal_error().endswith("failed: the token cannot be read.")


@pytest.mark.usefixtures("principal")
def test_a_principal_without_a_region_is_an_error(monkeypatch):
    monkeypatch.delenv("OCI_RESOURCE_PRINCIPAL_REGION")
    assert principal_error().endswith("they lack a tenancy or a region.")


def test_a_principal_without_a_tenancy_is_an_error(principal):
    (principal / "rpst").write_text("eyJhbGciOiJSUzI1NiJ9.e30.e30")
    assert principal_error().endswith("they lack a tenancy or a region.")


def test_a_client_uses_the_endpoint_of_its_region_or_the_given_url(world, credentials):
    with mock_oci(world):
        for region in world.regions:
            client(credentials, region=region).get_namespace()
    assert [request.region for request in world.requests] == ["us-ashburn-1", "us-phoenix-1"]
    identity = client(credentials, kind=IdentityClient, region="eu-frankfurt-1")
    assert identity.base_client.endpoint.startswith("https://identity.eu-frankfurt-1.oci.oraclecloud.com/")
    ingestion = "https://telemetry-ingestion.us-phoenix-1.oraclecloud.com"
    assert client(credentials, ingestion, kind=MonitoringClient).base_client.endpoint.startswith(f"{ingestion}/")


def test_timeouts_fit_the_time_of_a_call(credentials):
    assert client(credentials, seconds=600).base_client.timeout == (5, 20)
    connect, read = client(credentials, seconds=6).base_client.timeout
    assert connect + read < 6


@pytest.mark.parametrize("kind", ["timeout", "stalled", "reset"])
def test_a_call_ends_within_its_time_including_retries(world, credentials, kind):
    world.faults.add(kind, times=None, seconds=5)
    began = time.monotonic()
    cause = r"Listing failed: 127\.0\.0\.1:\d+ (?:did not respond in time|closed the connection)"
    with serve(world) as served, pytest.raises(SourceError, match=cause), oci_errors("listing", do=""):
        client(credentials, served.url, seconds=1.5).get_namespace()
    assert time.monotonic() - began < 1.7


def test_transient_errors_are_retried(world, credentials, url):
    world.faults.add("status", status=429)
    world.faults.add("reset", after=1)
    assert client(credentials, url, seconds=6).get_namespace().data == "axexample"


def test_one_failing_service_does_not_affect_others(world, credentials, url):
    world.faults.add("status", status=429, operation="GetTenancy", times=None)
    identity, storage = client(credentials, url, kind=IdentityClient, seconds=0.1), client(credentials, url)
    for _ in range(12):
        with pytest.raises(ServiceFailure), oci_errors("listing", do=""):
            identity.get_tenancy(world.tenancy)
    assert storage.get_namespace().data == "axexample"
    assert len(world.requests_for("GetTenancy")) >= 12


def failure(world, credentials, url, raising=SourceError, **fault):
    if fault:
        world.faults.add(**fault, times=None)
    with pytest.raises((SourceError, CredentialsError, StateError)) as caught, oci_errors("listing", do="Do this.", raising=raising):
        client(credentials, url).get_namespace()
    assert caught.value.__cause__ is not None
    return caught.value


@pytest.mark.parametrize(
    ("status", "details"),
    [
        (400, "400 InvalidParameter: The request is not valid"),
        (404, "404 NotAuthorizedOrNotFound: Authorization failed or requested resource not found."),
        (409, "409 ConcurrentObjectUpdate: "),
        (412, "412 IfMatchFailed: "),
        (429, "429 TooManyRequests: Too many requests for the tenant"),
        (500, "500 InternalServerError: Internal server error"),
        (503, "503 ServiceUnavailable: The service is unavailable"),
    ],
)
def test_an_error_response_is_reported_with_its_details_and_request_id(world, credentials, url, status, details):
    error = failure(world, credentials, url, kind="status", status=status)
    assert type(error) is ServiceFailure
    assert (error.status, error.code, error.do) == (status, details.split()[1].rstrip(":"), "Do this.")
    assert error.what.startswith(f"Listing failed: OCI returned {details}")
    assert re.search(r"\(opc-request-id \w+/[0-9A-F]+(/[0-9A-F]+)*\)\.$", error.what)


def test_a_rejected_signature_is_a_credentials_error(world, credentials, url):
    world.keys.clear()
    error = failure(world, credentials, url)
    assert type(error) is CredentialsError
    assert error.what.startswith("Listing failed: OCI rejected the request signature with 401 NotAuthenticated: ")
    assert "clock" in error.do


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("timeout", "did not respond in time"),
        ("reset", "closed the connection"),
        ("cut", "(?:sent an incomplete response|closed the connection)"),
        ("stalled", "did not respond in time"),
        ("lost_response", "closed the connection"),
    ],
)
def test_a_missing_response_is_the_error_of_the_caller(world, credentials, url, kind, cause):
    error = failure(world, credentials, url, StateError, kind=kind, seconds=2)
    assert type(error) is StateError
    host = r"(?:127\.0\.0\.1:\d+|OCI)" if url else "(?:OCI|stand-in)"
    assert re.fullmatch(rf"Listing failed: {host} {cause}\.", error.what)
    assert error.do == NETWORK_HELP


@pytest.mark.parametrize("body", [b"\xff", b"17", b"[17]"])
def test_a_response_that_is_not_the_services_is_an_error(world, credentials, url, monkeypatch, body):
    monkeypatch.setattr(backend, "_GARBAGE", body)
    world.faults.add("garbage", times=None)
    error = "Listing failed: OCI returned an unexpected response"
    with pytest.raises(StateError, match=error), oci_errors("listing", do="", raising=StateError):
        client(credentials, url, kind=IdentityClient).list_compartments(world.tenancy)


def test_a_token_that_becomes_invalid_is_a_credentials_error(world, principal, url):
    signed = sign_in("resource_principal", "", "")
    world.keys.clear()
    (principal / "rpst").write_text(SECRET)
    error = failure(world, signed, url)
    assert type(error) is CredentialsError
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("http://127.0.0.1:1", "127.0.0.1:1 failed: Connection refused"),
        ("http://host.invalid", "host.invalid:80 failed: Name lookup failed"),
    ],
)
def test_a_failed_connection_is_reported_with_its_address_and_cause(world, credentials, monkeypatch, url, cause):
    def no_address(*arguments, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name lookup failed")

    if "invalid" in url:
        monkeypatch.setattr(socket, "getaddrinfo", no_address)
    error = failure(world, credentials, url)
    assert error.what == f"Listing failed: connecting to {cause}."
    assert error.do == "Check OCI_ENDPOINT, the proxy, and the route from the subnet to OCI (service gateway)."
    assert error.do == NETWORK_HELP


@pytest.mark.parametrize(
    ("cause", "text"), [(TimeoutError("timed out"), "timed out"), (None, "timed out"), (ValueError("a label is too long"), "ValueError")]
)
def test_a_connection_error_of_urllib3_is_reported_with_its_cause(cause, text):
    pool = urllib3.HTTPSConnectionPool("audit.example.com", 443)
    timeout = ConnectTimeoutError("connect timeout=5")
    timeout.__cause__ = cause
    refused = MaxRetryError(pool, "/", timeout)
    refused.__cause__ = timeout
    assert failed_connection(refused) == f"connecting to audit.example.com:443 failed: {text}"
    assert failed_connection(timeout) is None


def test_an_error_response_without_an_oci_body_is_an_error(world, credentials, url, monkeypatch):
    world.faults.add("garbage", times=None)
    monkeypatch.setattr(backend, "_GARBAGE", b"<html>Bad gateway</html>")
    real = backend.handle

    def handle(world, request):
        answer = real(world, request)
        answer.status = 502
        return answer

    monkeypatch.setattr(backend, "handle", handle)
    error = failure(world, credentials, url)
    assert (error.status, error.code) == (502, "")
    assert error.what.startswith("Listing failed: OCI returned 502 ")


def test_the_length_of_an_error_is_limited():
    error = service_failure("listing", 500, None, "x" * 5000, None, "Do this.")
    assert str(error) == f"Listing failed: OCI returned 500 without an error code: {'x' * 200} (opc-request-id unknown). Do this."
    assert "no message" in str(service_failure("listing", 500, "C", None, "R", ""))


@pytest.mark.parametrize("status", [401, 404])
def test_ocis_message_is_one_plain_line_without_a_signature(world, credentials, url, status):
    message = 'one\r\ntwo\x1b[31m\u202e\0 Signature keyId="ocid1.tenancy/hush-hush",signature="hush-hush==" ST$hush-hush.x-y_z'
    what = failure(world, credentials, url, kind="status", status=status, code="Bad\nCode", message=message).what
    assert f' {status} Bad Code: one two [31m Signature [redacted][redacted] (opc-request-id ' in what
    assert what.isprintable()


def test_a_connection_error_is_one_line():
    with pytest.raises(SourceError) as caught, oci_errors("listing", do=""):
        raise OSError("one\ntwo\x1b.")
    assert caught.value.what == "Listing failed: one two."
    with pytest.raises(SourceError) as caught, oci_errors("listing", do=""):
        raise ConnectionError
    assert caught.value.what == "Listing failed: OCI closed the connection."


def test_errors_do_not_show_the_key_or_token(world, credentials, url, principal):
    key = credentials.signer.api_key
    token = (principal / "rpst").read_text()
    for signed in (credentials, sign_in("resource_principal", "", "")):
        world.keys.clear()
        shown = "".join(traceback.format_exception(failure(world, signed, url)))
        world.faults.clear()
        assert key not in shown
        assert token not in shown
        assert "Signature" not in shown


def test_the_repr_of_credentials_hides_secrets(config):
    config.write_text(config.read_text() + f"pass_phrase={SECRET}\n")
    assert SECRET not in repr(sign_in("config_file", str(config), "DEFAULT"))


def test_every_response_is_counted_by_service_including_retried_ones(world, credentials, url):
    calls = Calls()
    options = {"region": world.region, "endpoint": url, "seconds": 5, "calls": calls}
    world.faults.add("status", status=429, service="objectstorage", times=1)
    make_client(ObjectStorageClient, credentials, **options).get_namespace()
    make_client(IdentityClient, credentials, **options).list_region_subscriptions(world.tenancy)
    assert calls.counts() == {
        "identity": {"requests": 1, "retries": 0, "throttled": 0},
        "object_storage": {"requests": 2, "retries": 1, "throttled": 1},
    }
    assert {type(count) for counts in calls.counts().values() for count in counts.values()} == {int}
