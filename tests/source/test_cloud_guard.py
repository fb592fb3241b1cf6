"""Cloud Guard against the OCI stand-in, in process and over HTTP: a listing is complete, or it is an error."""

import json

import pytest

from epimetheus.errors import CompartmentError, CredentialsError, OutOfTime, SourceError
from epimetheus.model import Window
from epimetheus.oci_client.clients import Calls, make_client, sign_in
from epimetheus.problem import member
from epimetheus.source.cloud_guard import CloudGuard, CloudGuardClient
from epimetheus.testing.oci import World, mock_oci, serve

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
DAY = 86_400.0


@pytest.fixture
def world(api_key):
    return World(now=lambda: NOON, api_key=api_key)


@pytest.fixture(params=["in process", "http"])
def source(request, world, tmp_path):
    credentials, calls = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT"), Calls()

    def opened(url):
        def client(region):
            return make_client(CloudGuardClient, credentials, region=region, endpoint=url, seconds=0.5, calls=calls)

        return CloudGuard(client, lambda: world.region, world.tenancy, calls, tree=True)

    if request.param == "http":
        with serve(world) as served:
            yield opened(served.url)
    else:
        with mock_oci(world):
            yield opened(None)


def listed(source, world, hand, since=0.0, until=None):
    pages = source.listed(world.tenancy, since, until, hand.deadline(60))
    return [member(problem, "id") for page in pages for problem in page]


def test_both_states_are_listed_through_all_pages(source, world, hand):
    problems = [world.cloud_guard.add(world.add_compartment(f"c{n}"), at=NOON - 200 * DAY + n) for n in range(7)]
    for problem in problems[:3]:
        world.cloud_guard.resolve(problem)
    assert listed(source, world, hand) == [*problems[3:], *problems[:3]]
    assert (source.requests, source.retries, source.throttled) == (5, 0, 0)


def test_both_limits_of_the_time_are_included(source, world, hand):
    problems = [world.cloud_guard.add(world.tenancy, at=NOON - age) for age in (3, 2, 1)]
    assert listed(source, world, hand, NOON - 2, NOON - 2) == [problems[1]]


@pytest.mark.parametrize("fault", ["429", "503", "reset", "cut", "lost_response", "empty_page"])
def test_a_passing_fault_loses_nothing(source, world, hand, fault):
    problems = [world.cloud_guard.add(world.tenancy, at=NOON - 9 + n) for n in range(5)]
    kind = {"status": int(fault)} if fault.isdigit() else {}
    world.faults.add("status" if kind else fault, operation="ListProblems", **kind)
    assert listed(source, world, hand) == problems


@pytest.mark.parametrize("fault", ["garbage", "not_a_list", "repeated_token"])
@pytest.mark.parametrize("after", [0, 1])
def test_a_listing_that_is_not_whole_is_an_error(source, world, hand, fault, after):
    for n in range(5):
        world.cloud_guard.add(world.tenancy, at=NOON - 9 + n)
    world.faults.add(fault, operation="ListProblems", times=None, after=after)
    with pytest.raises(SourceError, match=r"^Listing the (IN)?ACTIVE problems of ocid1") as raised:
        listed(source, world, hand)
    assert raised.value.do


def test_items_that_are_no_objects_are_skipped_and_counted(source, world, hand):
    problem = world.cloud_guard.add(world.tenancy, at=NOON - 9)
    world.cloud_guard.odd_items += [None, "text", []]
    assert listed(source, world, hand) == [problem]
    pages = source.pages(world.tenancy, Window(0, int(NOON // 60) + 1), None, hand.deadline(60))
    assert [fetched.event.event_id for events, _ in pages for fetched in events] == [problem]
    assert source.skipped == 6


def test_a_rejected_signature_is_an_error_of_the_credentials(source, world, hand):
    world.faults.add("status", status=401, times=None)
    with pytest.raises(CredentialsError):
        listed(source, world, hand)


def test_no_request_is_sent_after_the_deadline(source, world, hand):
    source.reporting_region()
    hand.forward(61)
    with pytest.raises(OutOfTime):
        next(source.listed(world.tenancy, 0.0, None, hand.deadline(-1)))
    assert world.requests_for("ListProblems") == []


@pytest.mark.parametrize("ocid", ["../configuration", "a/../b", "?x=y", ".", "", None, 7])
def test_an_ocid_cannot_change_the_request(source, world, hand, ocid):
    problem = world.cloud_guard.add(world.tenancy)
    listing = {**world.cloud_guard.problems[problem], "id": ocid}
    source.reporting_region()
    assert source.with_details(listing, hand.deadline(60)) is listing
    assert source.incomplete == 1
    assert {one.operation for one in world.requests} <= {"GetConfiguration", "GetProblem", ""}


def test_odd_text_passes_through(source, world, hand):
    problem = world.cloud_guard.add(world.tenancy, resourceName="a\x01b\ud800é\u2028", riskScore=10**30)
    ((events, token),) = [page for page in source.pages(world.tenancy, Window(0, int(NOON // 60) + 1), None, hand.deadline(60)) if page[0]]
    (fetched,) = events
    assert (token, fetched.event.event_id, fetched.event.event_type) == (None, problem, "CloudGuardProblem.BUCKET_IS_PUBLIC")
    assert json.loads(bytes(fetched.raw), strict=False)["data"]["resourceName"] == "a\x01b?é\u2028"


def test_pages_have_details_and_what_happened(source, world, hand):
    new = world.cloud_guard.add(world.tenancy, at=NOON - 60)
    seen_again = world.cloud_guard.add(world.tenancy, at=NOON - 600)
    world.cloud_guard.change(seen_again, at=NOON - 30)
    closed = world.cloud_guard.add(world.tenancy, at=NOON - 90)
    world.cloud_guard.resolve(closed)
    pages = source.pages(world.tenancy, Window(int(NOON // 60) - 5, int(NOON // 60)), None, hand.deadline(60))
    found = [json.loads(bytes(fetched.raw)) for events, _ in pages for fetched in events]
    assert [(one["eventId"], one["activity"]) for one in found] == [(new, "create"), (seen_again, "update"), (closed, "close")]
    assert all(one["data"]["recommendation"] for one in found)


def test_pages_report_a_failure_as_that_of_a_compartment(source, world, hand):
    world.faults.add("status", status=404, operation="ListProblems", times=None)
    with pytest.raises(CompartmentError, match="404 NotAuthorizedOrNotFound") as raised:
        list(source.pages(world.tenancy, Window(0, 1), None, hand.deadline(60)))
    assert raised.value.do.endswith("Allow dynamic-group NAME to read cloud-guard-problems in tenancy")
