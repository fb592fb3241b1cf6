"""ListEvents against the stand-in, in process and over HTTP: what is retried, what is said, and that it ends."""

import itertools
import time
from dataclasses import replace

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.cloud import sign_in
from epimetheus.errors import CompartmentError, CompartmentMissing, CredentialsError, OutOfTime
from epimetheus.model import Window, parse_minute
from epimetheus.source.audit import AuditApi
from epimetheus.source.pacer import Pacer
from epimetheus.testing.oci import World, mock_oci, serve

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

    def api(url):
        quick = replace(SYSTEM, sleep=slept.append)
        return AuditApi(credentials, region="us-ashburn-1", endpoint=url, concurrency=2, pacer=Pacer(1000, quick), clock=quick)

    if request.param == "http":
        with serve(world) as served:
            yield api(served.url)
    else:
        with mock_oci(world):
            yield api(None)


def read(audit, compartment, seconds=20.0, window=WINDOW):
    pages = audit.pages(compartment, window, Deadline.after(SYSTEM, seconds))
    return [fetched.event.event_id for page in pages for fetched in page]


def test_all_pages_in_order_also_past_an_empty_one(world, audit):
    ids = world.emit(world.tenancy, 7, NOON - 3600, NOON)
    world.faults.add("empty_page", operation="ListEvents", times=2)
    assert read(audit, world.tenancy) == ids
    assert audit.requests == len(world.asked("ListEvents")) == 6


def test_the_window_is_half_open_in_whole_minutes(world, audit):
    ids = world.emit(world.tenancy, 3, NOON - 120, NOON + 60)
    window = Window(WINDOW.end - 2, WINDOW.end - 1)
    assert read(audit, world.tenancy, window=window) == ids[:1]
    assert world.asked("ListEvents")[0].query["startTime"] == "2026-01-01T11:58:00Z"


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
def test_what_passes_is_tried_again(world, audit, fault):
    ids = world.emit(world.tenancy, 3, NOON - 3600, NOON)
    world.faults.add(**fault, operation="ListEvents", times=2)
    assert read(audit, world.tenancy) == ids
    assert audit.retries == 2
    assert audit.throttled == (2 if fault.get("status") == 429 else 0)


def test_what_does_not_pass_is_given_up_for_this_compartment(world, audit):
    world.faults.add("status", status=429, operation="ListEvents", times=None)
    with pytest.raises(CompartmentError, match="failed 5 times in a row, the last with 429 TooManyRequests"):
        read(audit, world.tenancy, seconds=60)


def test_404_is_missing_or_not_allowed_and_asked_once(world, audit):
    world.forbid(world.tenancy)
    with pytest.raises(CompartmentMissing, match=r"404 NotAuthorizedOrNotFound.*opc-request-id \w") as caught:
        read(audit, world.tenancy)
    assert "read audit-events" in caught.value.do
    assert audit.requests == 1


def test_400_is_this_compartments_trouble(world, audit):
    with pytest.raises(CompartmentError, match="400 InvalidParameter"):
        read(audit, world.tenancy, window=Window(WINDOW.end, WINDOW.start))


def test_401_is_ours_and_fatal(world, audit):
    world.keys.clear()
    with pytest.raises(CredentialsError, match="401 NotAuthenticated"):
        read(audit, world.tenancy)


def test_a_token_that_leads_in_a_circle_ends(world, audit):
    world.emit(world.tenancy, 7, NOON - 3600, NOON)
    world.faults.add("repeated_token", operation="ListEvents", times=None)
    with pytest.raises(CompartmentError, match="repeats its page token"):
        read(audit, world.tenancy)


def test_retry_after_is_waited_for_or_no_time_is_left(world, audit, slept):
    world.faults.add("status", status=503, operation="ListEvents", times=1, headers={"retry-after": "1"})
    assert read(audit, world.tenancy) == []
    assert max(slept) >= 1
    world.faults.add("status", status=503, operation="ListEvents", times=1, headers={"retry-after": "60"})
    with pytest.raises(OutOfTime, match="No time is left to ask for"):
        read(audit, world.tenancy, seconds=2)


@pytest.mark.parametrize("kind", ["timeout", "stalled"])
def test_a_server_that_falls_silent_costs_no_more_than_the_deadline(world, audit, kind):
    world.emit(world.tenancy, 3, NOON - 3600, NOON)
    world.faults.add(kind, operation="ListEvents", times=None, seconds=3)
    began = time.monotonic()
    with pytest.raises((OutOfTime, CompartmentError)):
        read(audit, world.tenancy, seconds=1)
    assert time.monotonic() - began < 2.5


def test_the_pacer_spaces_requests(hand):
    pacer = Pacer(10, hand.clock)
    for _ in range(5):
        pacer.wait(hand.deadline(9))
    assert sum(hand.slept) == pytest.approx(0.4)


def test_the_pacer_halves_once_for_a_burst_of_429_and_recovers(hand):
    pacer = Pacer(10, hand.clock)
    pacer.throttled()
    pacer.throttled()
    pacer.wait(hand.deadline(9))
    pacer.wait(hand.deadline(9))
    assert hand.slept == [pytest.approx(0.2)]
    for _ in range(40):
        pacer.served()
    pacer.wait(hand.deadline(9))
    before = hand.time
    pacer.wait(hand.deadline(9))
    assert hand.time - before == pytest.approx(0.1)


def test_the_pacer_ends_with_the_deadline(hand):
    pacer = Pacer(0.1, hand.clock)
    deadline = hand.deadline(5)
    with pytest.raises(OutOfTime):
        for _ in itertools.repeat(None):
            pacer.wait(deadline)
    assert hand.time <= deadline.at
