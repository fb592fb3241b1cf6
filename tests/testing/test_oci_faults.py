import time

import oci
import pytest
import requests
from oci._vendor import requests as vendored

from epimetheus.testing.oci import World, mock_oci

NOON = 1767268800.0  # 2026-01-01T12:00:00Z
ONE = "2026-01-01T11:00:00Z"
TWO = "2026-01-01T12:00:00Z"
HALF_A_SECOND = {"timeout": (5, 0.5)}


@pytest.fixture(autouse=True)
def events(world):
    for number in range(5):
        world.add_event(world.tenancy, {"n": number}, processed=NOON - 3600 + number)


@pytest.fixture
def storage(endpoint):
    endpoint.world.bucket("b")
    return endpoint.client(oci.object_storage.ObjectStorageClient, timeout=(5, 0.5))


def list_events(endpoint, page=None, **arguments):
    return endpoint.list_events(endpoint.world.tenancy, ONE, TWO, page, **arguments)


def numbers(response):
    return [event["n"] for event in response.json()]


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, "NotAuthenticated", "The required information to complete authentication was not provided or was incorrect."),
        (404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found."),
        (409, "ConcurrentObjectUpdate", "The object is being updated by another request"),
        (429, "TooManyRequests", "Too many requests for the tenant"),
        (500, "InternalServerError", "Internal server error"),
        (503, "ServiceUnavailable", "The service is unavailable"),
    ],
)
def test_an_error_status_is_returned_once(endpoint, world, status, code, message):
    fault = world.faults.add("status", status=status)
    response = list_events(endpoint)
    assert (response.status_code, response.json()) == (status, {"code": code, "message": message})
    assert list_events(endpoint).status_code == 200
    assert fault.hits == 1


def test_an_error_status_with_its_own_message_and_headers(endpoint, world):
    world.faults.add("status", status=429, message="Too many requests for the user", headers={"retry-after": "3"}, times=2)
    first, second, third = list_events(endpoint), list_events(endpoint), list_events(endpoint)
    assert (first.json()["message"], second.headers["retry-after"]) == ("Too many requests for the user", "3")
    assert (first.status_code, second.status_code, third.status_code) == (429, 429, 200)


def test_a_fault_applies_to_matching_calls_only(endpoint, world):
    child = world.add_compartment("child")
    world.faults.add("status", compartment=child, times=None)
    world.faults.add("status", service="identity", times=None)
    world.faults.add("status", operation="PutObject", times=None)
    assert list_events(endpoint).status_code == 200
    assert endpoint.list_events(child, ONE, TWO).status_code == 500
    assert endpoint.request("GET", "identity", f"/20160918/tenancies/{world.tenancy}").status_code == 500
    assert endpoint.request("GET", "objectstorage", "/n").status_code == 200
    world.faults.clear()
    assert endpoint.list_events(child, ONE, TWO).status_code == 200


def test_the_first_calls_succeed(endpoint, world):
    fault = world.faults.add("status", after=1)
    assert [list_events(endpoint).status_code for _ in range(3)] == [200, 500, 200]
    world.faults.remove(fault)
    assert list(world.faults) == []


def test_an_unknown_fault_is_rejected(world):
    with pytest.raises(ValueError, match="Unknown fault 'earthquake': expected one of cut, delay, "):
        world.faults.add("earthquake")


def test_a_timeout(endpoint, world):
    world.faults.add("timeout", seconds=5)
    began = time.monotonic()
    with pytest.raises(requests.exceptions.ReadTimeout):
        list_events(endpoint, **HALF_A_SECOND)
    assert time.monotonic() - began < 2
    assert numbers(list_events(endpoint)) == [0, 1]


def test_a_reset(endpoint, world):
    world.faults.add("reset")
    with pytest.raises(requests.exceptions.ConnectionError, match="Connection reset by peer"):
        list_events(endpoint)
    assert numbers(list_events(endpoint)) == [0, 1]


@pytest.mark.parametrize("kind", ["timeout", "reset"])
def test_the_sdk_raises_its_own_exceptions_and_nothing_is_written(storage, world, kind):
    world.faults.add(kind, operation="PutObject", seconds=5)
    with pytest.raises(oci.exceptions.RequestException) as error:
        storage.put_object("axexample", "b", "o", b"1")
    assert isinstance(error.value.args[0], vendored.exceptions.RequestException)
    assert world.objects("b") == {}
    assert [one.status for one in world.requests_for("PutObject")] == [0]


def test_a_request_with_a_lost_response_takes_effect(storage, world):
    world.faults.add("lost_response", operation="PutObject")
    with pytest.raises(oci.exceptions.RequestException):
        storage.put_object("axexample", "b", "o", b"1", if_none_match="*")
    assert world.objects("b") == {"o": b"1"}
    with pytest.raises(oci.exceptions.ServiceError) as error:
        storage.put_object("axexample", "b", "o", b"1", if_none_match="*")
    assert error.value.code == "IfNoneMatchFailed"


def test_a_truncated_body(endpoint, world):
    world.faults.add("cut")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        list_events(endpoint)
    assert numbers(list_events(endpoint)) == [0, 1]


def test_a_stalled_body(endpoint, world):
    world.faults.add("stalled", seconds=5)
    began = time.monotonic()
    with pytest.raises(requests.exceptions.ConnectionError, match="Read timed out"):
        list_events(endpoint, **HALF_A_SECOND)
    assert time.monotonic() - began < 2
    assert numbers(list_events(endpoint)) == [0, 1]


def test_a_body_that_is_not_json(endpoint, world):
    world.faults.add("garbage")
    response = list_events(endpoint)
    assert (response.status_code, response.content[:12]) == (200, b"<html><body>")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        response.json()


def test_a_body_that_is_not_a_list(endpoint, world):
    world.faults.add("not_a_list")
    assert list_events(endpoint).json() == {"message": "a list was expected here"}


def test_a_delay(endpoint, world):
    world.faults.add("delay", seconds=0.2)
    began = time.monotonic()
    assert numbers(list_events(endpoint)) == [0, 1]
    assert 0.2 <= time.monotonic() - began < 2


def test_a_delay_longer_than_the_client_timeout(endpoint, world):
    world.faults.add("delay", seconds=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        list_events(endpoint, **HALF_A_SECOND)


def test_an_empty_page_with_a_token_loses_no_events(endpoint, world):
    world.faults.add("empty_page", after=1)
    pages, page = [], None
    while True:
        response = list_events(endpoint, page)
        pages.append(numbers(response))
        page = response.headers.get("opc-next-page")
        if page is None:
            break
    assert pages == [[0, 1], [], [2, 3], [4]]


def test_a_repeated_token(endpoint, world):
    first = list_events(endpoint)
    world.faults.add("repeated_token", times=None)
    second = list_events(endpoint, first.headers["opc-next-page"])
    third = list_events(endpoint, second.headers["opc-next-page"])
    assert second.headers["opc-next-page"] == third.headers["opc-next-page"] == first.headers["opc-next-page"]
    assert numbers(second) == numbers(third) == [2, 3]


def test_repeated_events(endpoint, world):
    world.faults.add("repeated_events", after=1, count=2)
    first = list_events(endpoint)
    assert numbers(first) == [0, 1]
    assert numbers(list_events(endpoint, first.headers["opc-next-page"])) == [2, 3, 0, 1]


def test_late_events(endpoint, world):
    world.faults.add("late_events")
    first = list_events(endpoint)
    assert numbers(first) == [0]
    assert numbers(list_events(endpoint, first.headers["opc-next-page"])) == [2, 3]
    assert numbers(list_events(endpoint)) == [0, 1]


def test_in_process_waits_use_the_fake_clock(tmp_path):
    slept = []
    world = World(now=lambda: NOON, sleep=slept.append)
    signer = oci.signer.Signer.from_config(oci.config.from_file(str(world.credentials(tmp_path))))
    world.faults.add("delay", seconds=40)
    world.faults.add("timeout", after=1)
    with mock_oci(world):
        arguments = {"auth": signer, "timeout": (10, 60)}
        assert requests.get("https://objectstorage.us-ashburn-1.oraclecloud.com/n", **arguments).json() == "axexample"
        with pytest.raises(requests.exceptions.ReadTimeout):
            requests.get("https://objectstorage.us-ashburn-1.oraclecloud.com/n", **arguments)
    assert slept == [40, 60]
