"""ListEvents against the OCI stand-in, in process and over HTTP: retries, errors, and deadlines."""

import gc
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.errors import CompartmentError, CompartmentMissing, CredentialsError, OutOfTime
from epimetheus.model import Fetched, Window, parse_minute
from epimetheus.oci_client.clients import sign_in
from epimetheus.source.audit import AuditApi, timeouts
from epimetheus.source.fetch import FetchTask, fetch
from epimetheus.source.rate_limiter import RateLimiter
from epimetheus.testing.oci import World, mock_oci, serve
from epimetheus.testing.oci.credentials import write_resource_principal

NOON = 1767268800.0
WINDOW = Window(parse_minute("2026-01-01T11:00:00Z"), parse_minute("2026-01-01T12:00:00Z"))


@pytest.fixture
def world(api_key):
    return World(now=lambda: NOON, api_key=api_key)


@pytest.fixture
def slept():
    return []


@pytest.fixture(params=["in process", "http"])
def audit(request, world, tmp_path, slept):
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")
    if request.param == "http":
        with serve(world) as served:
            yield audit_api(credentials, served.url, slept)
    else:
        with mock_oci(world):
            yield audit_api(credentials, None, slept)


def audit_api(credentials, url, slept, concurrency=2):
    no_sleep = replace(SYSTEM, sleep=slept.append)
    rate_limiter = RateLimiter(1000, no_sleep)
    return AuditApi(credentials, region="us-ashburn-1", endpoint=url, concurrency=concurrency, rate_limiter=rate_limiter, clock=no_sleep)


def read(audit, compartment, seconds=20.0, window=WINDOW):
    pages = audit.pages(compartment, window, None, Deadline.after(SYSTEM, seconds))
    return [fetched.event.event_id for page, _ in pages for fetched in page]


def test_pages_are_read_in_order_and_past_an_empty_one(world, audit):
    ids = world.emit(world.tenancy, 7, NOON - 3600, NOON)
    world.faults.add("empty_page", operation="ListEvents", times=2)
    assert read(audit, world.tenancy) == ids
    assert audit.requests == len(world.requests_for("ListEvents")) == 6


def test_a_window_is_half_open_in_whole_minutes(world, audit):
    ids = world.emit(world.tenancy, 3, NOON - 120, NOON + 60)
    window = Window(WINDOW.end - 2, WINDOW.end - 1)
    assert read(audit, world.tenancy, window=window) == ids[:1]
    assert world.requests_for("ListEvents")[0].query["startTime"] == "2026-01-01T11:58:00Z"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 503},
        {"kind": "reset"},
        {"kind": "garbage"},
        {"kind": "not_a_list"},
        {"kind": "cut"},
        {"kind": "lost_response"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}",
)
def test_transient_errors_are_retried(world, audit, fault):
    ids = world.emit(world.tenancy, 3, NOON - 3600, NOON)
    world.faults.add(**fault, operation="ListEvents", times=2)
    assert read(audit, world.tenancy) == ids
    assert audit.retries == 2
    assert audit.throttled == (2 if fault.get("status") == 429 else 0)


def test_retries_end_with_an_error_of_the_compartment(world, audit):
    world.faults.add("status", status=429, operation="ListEvents", times=None)
    with pytest.raises(CompartmentError, match=f"Listing the events of {world.tenancy} failed after 5 attempts: 429 TooManyRequests"):
        read(audit, world.tenancy, seconds=60)


def test_404_is_a_missing_or_forbidden_compartment_and_is_not_retried(world, audit):
    world.forbid(world.tenancy)
    with pytest.raises(CompartmentMissing, match=r"404 NotAuthorizedOrNotFound.*opc-request-id \w") as caught:
        read(audit, world.tenancy)
    assert "read audit-events" in caught.value.do
    assert audit.requests == 1


def test_400_is_an_error_of_the_compartment(world, audit):
    with pytest.raises(CompartmentError, match="400 InvalidParameter"):
        read(audit, world.tenancy, window=Window(WINDOW.end, WINDOW.start))


def test_401_is_a_credentials_error(world, audit):
    world.keys.clear()
    with pytest.raises(CredentialsError, match="401 NotAuthenticated"):
        read(audit, world.tenancy)


def test_a_page_token_that_repeats_ends_the_listing(world, audit):
    world.emit(world.tenancy, 7, NOON - 3600, NOON)
    world.faults.add("repeated_token", operation="ListEvents", times=None)
    with pytest.raises(CompartmentError, match="OCI keeps returning the same page token"):
        read(audit, world.tenancy)


def test_retry_after_is_respected_within_the_deadline(world, audit, slept):
    world.faults.add("status", status=503, operation="ListEvents", times=1, headers={"retry-after": "1"})
    assert read(audit, world.tenancy) == []
    assert max(slept) >= 1
    world.faults.add("status", status=503, operation="ListEvents", times=1, headers={"retry-after": "60"})
    with pytest.raises(OutOfTime, match=r"failed: no time is left to retry after 503 ServiceUnavailable\."):
        read(audit, world.tenancy, seconds=2)


@pytest.mark.parametrize("kind", ["timeout", "stalled"])
def test_a_server_that_stops_responding_costs_no_more_than_the_deadline(world, audit, kind):
    world.emit(world.tenancy, 3, NOON - 3600, NOON)
    world.faults.add(kind, operation="ListEvents", times=None, seconds=3)
    began = time.monotonic()
    with pytest.raises((OutOfTime, CompartmentError)):
        read(audit, world.tenancy, seconds=1)
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize("value", ["Fri, 02 Jan 2026 12:00:00 GMT", "soon", "-5", "1.5", "\u00b2", ""])
def test_an_invalid_retry_after_is_ignored(world, audit, slept, value):
    world.faults.add("status", status=503, operation="ListEvents", headers={"retry-after": value})
    assert read(audit, world.tenancy) == []
    assert sum(slept) < 0.6


def test_a_page_token_on_an_error_response_is_ignored(world, audit):
    ids = world.emit(world.tenancy, 5, NOON - 3600, NOON)
    world.faults.add("status", status=500, operation="ListEvents", after=1, headers={"opc-next-page": "elsewhere"})
    assert read(audit, world.tenancy) == ids
    assert "elsewhere" not in [request.query.get("page") for request in world.requests_for("ListEvents")]


def test_a_redirect_is_not_followed(world, audit):
    world.faults.add("status", status=302, operation="ListEvents", times=None, headers={"location": "http://127.0.0.1:1/"})
    with pytest.raises(CompartmentError, match=r"Listing the events of .* failed: OCI returned 302 "):
        read(audit, world.tenancy)
    assert audit.requests == 1


@pytest.mark.parametrize("status", [403, 412])
def test_any_other_4xx_is_an_error_of_the_compartment_and_is_not_retried(world, audit, status):
    world.faults.add("status", status=status, operation="ListEvents", times=None)
    with pytest.raises(CompartmentError, match=f"OCI returned {status} ") as caught:
        read(audit, world.tenancy)
    assert not isinstance(caught.value, CompartmentMissing)
    assert audit.requests == 1


def test_an_invalid_error_code_is_not_quoted(world, audit):
    world.faults.add("status", status=503, code="\x1b[31mred\n" + "x" * 500, operation="ListEvents", times=None)
    with pytest.raises(CompartmentError, match="failed after 5 attempts: 503 without an error code") as caught:
        read(audit, world.tenancy)
    assert "\x1b" not in str(caught.value)


def test_after_the_deadline_no_request_is_sent(world, audit):
    with pytest.raises(OutOfTime):
        read(audit, world.tenancy, seconds=0)
    assert audit.requests == len(world.requests) == 0


def test_connect_and_read_timeouts_fit_the_time_left(hand):
    assert timeouts(hand.deadline(60)) == (5, 20)
    assert timeouts(hand.deadline(20)) == (5, 15)
    assert timeouts(hand.deadline(8)) == (4, 4)
    assert timeouts(hand.deadline(0.5)) == (0.25, 0.25)
    with pytest.raises(OutOfTime):
        timeouts(hand.deadline(0))


def test_counts_are_exact_with_several_threads(world, audit):
    compartments = [world.add_compartment(f"c{number}") for number in range(8)]
    for compartment in compartments:
        world.emit(compartment, 9, NOON - 3600, NOON)
        world.faults.add("status", status=429, compartment=compartment, times=2, after=3)
    with ThreadPoolExecutor(8) as pool:
        lists = list(pool.map(lambda compartment: read(audit, compartment), compartments))
    assert [len(ids) for ids in lists] == [9] * 8
    assert audit.requests == len(world.requests_for("ListEvents")) == 8 * 5 + 16
    assert audit.retries == audit.throttled == 16


def test_a_page_is_freed_before_the_next_one_is_read(api_key, tmp_path, slept):
    alive = []

    def now():
        alive.append(sum(isinstance(thing, Fetched) for thing in gc.get_objects()))
        return NOON

    world = World(now=now, api_key=api_key, page_size=50)
    world.emit(world.tenancy, 200, NOON - 3600, NOON)
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")
    with mock_oci(world):
        for events, _ in audit_api(credentials, None, slept).pages(world.tenancy, WINDOW, None, Deadline.after(SYSTEM, 20)):
            assert len(events) == 50
            del events
    assert set(alive) == {0}


def test_closing_ends_all_workers(world, tmp_path, slept):
    compartments = [world.add_compartment(f"c{number}") for number in range(20)]
    for compartment in compartments:
        world.emit(compartment, 9, NOON - 3600, NOON)
    world.faults.add("delay", operation="ListEvents", times=None, after=3, seconds=0.2)
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")
    with serve(world) as served:
        audit = audit_api(credentials, served.url, slept, concurrency=4)
        tasks = [FetchTask(compartment, WINDOW) for compartment in compartments]
        results = fetch(tasks, audit.pages, concurrency=4, deadline=Deadline.after(SYSTEM, 20))
        next(results)
        results.close()
        audit.close()
        requests = len(world.requests_for("ListEvents"))
        until = time.monotonic() + 5
        while any(thread.name.startswith("fetch-") for thread in threading.enumerate()):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert len(world.requests_for("ListEvents")) <= requests + 4


@pytest.fixture
def principal(world, tmp_path, monkeypatch):
    """A resource principal in the environment. Calling the fixture replaces its token; older tokens become invalid."""
    for name, value in world.resource_principal(tmp_path).items():
        monkeypatch.setenv(name, value)
    number = iter(range(9))

    def renew(*, registered=True):
        key = world._api_key
        token, _ = write_resource_principal(tmp_path, key, world.tenancy, f"compartment {next(number)}", world.region, world.function)
        world.keys.clear()
        if registered:
            world.keys[f"ST${token}"] = key.private.public_key()

    return renew


def test_an_expired_token_of_a_principal_is_read_again(world, principal, slept):
    ids = world.emit(world.tenancy, 3, NOON - 3600, NOON)
    with mock_oci(world):
        audit = audit_api(sign_in("resource_principal", "", ""), None, slept)
        for _ in range(3):
            principal()
            assert read(audit, world.tenancy) == ids
    assert [request.status for request in world.requests_for("ListEvents")] == [401, 200, 200] * 3


def test_a_new_token_is_used_by_all_threads(world, principal, slept):
    compartments = [world.add_compartment(f"c{number}") for number in range(16)]
    with mock_oci(world):
        audit = audit_api(sign_in("resource_principal", "", ""), None, slept)
        principal()
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda compartment: read(audit, compartment), compartments)) == [[]] * 16


def test_a_rejected_token_without_a_new_one_is_a_credentials_error(world, principal, slept):
    with mock_oci(world):
        audit = audit_api(sign_in("resource_principal", "", ""), None, slept)
        world.keys.clear()
        with pytest.raises(CredentialsError, match="401 NotAuthenticated"):
            read(audit, world.tenancy)
        assert audit.requests == 1
        principal(registered=False)
        with pytest.raises(CredentialsError, match="401 NotAuthenticated"):
            read(audit, world.tenancy)
        assert audit.requests == 3


@pytest.mark.parametrize("text", [None, "", "no.token.at-all"])
def test_an_unreadable_token_file_is_a_credentials_error(world, principal, slept, tmp_path, text):
    with mock_oci(world):
        audit = audit_api(sign_in("resource_principal", "", ""), None, slept)
        principal()
        (tmp_path / "rpst").unlink()
        if text is not None:
            (tmp_path / "rpst").write_text(text)
        with pytest.raises(CredentialsError, match="Renewing the principal's token failed") as caught:
            read(audit, world.tenancy)
    assert "resource principal" in caught.value.do
