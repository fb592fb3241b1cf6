import json
from datetime import UTC, datetime
from pathlib import Path

import oci
import pytest
import requests

from epimetheus.testing.oci import World, mock_oci, serve

NOON = 1767268800.0  # 2026-01-01T12:00:00Z
ONE = "2026-01-01T11:00:00Z"
TWO = "2026-01-01T11:02:00Z"


@pytest.fixture
def numbered(world):
    """Adds the events 0 to 4 from 11:00, 30 seconds apart."""
    for number in range(5):
        world.add_event(world.tenancy, {"n": number}, processed=NOON - 3600 + 30 * number)


def every_page(endpoint, compartment, start=ONE, end=TWO):
    pages, page = [], None
    while True:
        response = endpoint.list_events(compartment, start, end, page)
        assert response.status_code == 200, response.text
        pages.append([event["n"] for event in response.json()])
        page = response.headers.get("opc-next-page")
        if page is None:
            return pages


def error_of(response):
    return response.status_code, response.json()["code"]


@pytest.mark.usefixtures("numbered")
def test_pages_of_two_events_exclude_the_end_of_the_window(endpoint, world):
    assert every_page(endpoint, world.tenancy) == [[0, 1], [2, 3]]
    assert every_page(endpoint, world.tenancy, end="2026-01-01T11:03:00Z") == [[0, 1], [2, 3], [4]]


@pytest.mark.usefixtures("numbered")
def test_the_start_of_the_window_is_included(endpoint, world):
    assert every_page(endpoint, world.tenancy, start="2026-01-01T11:01:00Z") == [[2, 3]]
    assert every_page(endpoint, world.tenancy, start="2026-01-01T11:02:00Z", end="2026-01-01T12:00:00Z") == [[4]]


def test_events_at_the_edges_of_the_window(endpoint, world):
    for number, processed in enumerate([NOON - 0.001, NOON, NOON + 59.999, NOON + 60]):
        world.add_event(world.tenancy, {"n": number}, processed=processed)
    assert every_page(endpoint, world.tenancy, "2026-01-01T12:00:00Z", "2026-01-01T12:01:00Z") == [[1, 2]]


def test_events_are_ordered_by_processed_time(endpoint, world):
    for number in (3, 1, 2, 0):
        world.add_event(world.tenancy, {"n": number}, processed=NOON - 3600 + number)
    assert every_page(endpoint, world.tenancy) == [[0, 1], [2, 3]]


def test_an_event_added_between_two_pages_does_not_shift_the_second(endpoint, world, numbered):
    first = endpoint.list_events(world.tenancy, ONE, TWO)
    world.add_event(world.tenancy, {"n": 99}, processed=NOON - 3600)
    second = endpoint.list_events(world.tenancy, ONE, TWO, first.headers["opc-next-page"])
    assert [event["n"] for event in second.json()] == [2, 3]


def test_a_late_event_is_listed_from_its_time_on(tmp_path):
    clock = [NOON]
    world = World(now=lambda: clock[0])
    config = oci.config.from_file(str(world.credentials(tmp_path)))
    for number in range(3):
        world.add_event(world.tenancy, {"n": number}, processed=NOON - 3600, listed=NOON + 60 if number == 1 else None)
    arguments = {
        "params": {"compartmentId": world.tenancy, "startTime": ONE, "endTime": TWO},
        "auth": oci.signer.Signer.from_config(config),
    }
    with mock_oci(world):
        url = "https://audit.us-ashburn-1.oraclecloud.com/20190901/auditEvents"
        before = requests.get(url, **arguments)
        clock[0] += 60
        after = requests.get(url, **arguments)
    assert ([event["n"] for event in before.json()], before.headers.get("opc-next-page")) == ([0, 2], None)
    assert [event["n"] for event in after.json()] == [0, 1]
    assert "opc-next-page" in after.headers


@pytest.mark.usefixtures("numbered")
def test_events_of_children_are_not_included(endpoint, world):
    child = world.add_compartment("child")
    world.add_event(child, {"n": 7}, processed=NOON - 3600)
    assert every_page(endpoint, child) == [[7]]
    assert every_page(endpoint, world.tenancy) == [[0, 1], [2, 3]]


def test_without_events_the_list_is_empty(endpoint, world):
    response = endpoint.list_events(world.tenancy, ONE, TWO)
    assert (response.content, "opc-next-page" in response.headers) == (b"[]", False)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-01-01T11:00:01Z", TWO),
        (ONE, "2026-01-01T11:02:00.500Z"),
        (TWO, ONE),
        (ONE, ONE),
        ("yesterday", TWO),
        ("2026-01-01T11:00:00", TWO),
    ],
)
def test_invalid_times_are_rejected(endpoint, world, start, end):
    assert error_of(endpoint.list_events(world.tenancy, start, end)) == (400, "InvalidParameter")


def test_required_parameters(endpoint, world):
    assert error_of(endpoint.list_events("", ONE, TWO)) == (400, "MissingParameter")
    assert error_of(endpoint.request("GET", "audit", f"/20190901/auditEvents?compartmentId={world.tenancy}")) == (400, "MissingParameter")


def test_unknown_and_forbidden_compartments_return_the_same_error(endpoint, world):
    world.forbid(world.add_compartment("secret"))
    secret = world.compartments.below(world.tenancy, subtree=False)[0].id
    for compartment in ("ocid1.compartment.oc1..unknown", secret):
        assert error_of(endpoint.list_events(compartment, ONE, TWO)) == (404, "NotAuthorizedOrNotFound")


def test_events_of_a_vanished_compartment_remain_readable(endpoint, world):
    vanished = world.add_compartment("vanished")
    world.add_event(vanished, {"n": 1}, processed=NOON - 3600)
    world.vanish(vanished)
    assert every_page(endpoint, vanished) == [[1]]


def test_the_parameter_limit_is_not_implemented(endpoint, world):
    response = endpoint.request("GET", "audit", f"/20190901/auditEvents?compartmentId={world.tenancy}&limit=5")
    assert (response.status_code, response.json()["message"]) == (501, "ListEvents is not implemented with the query parameters limit")
    assert len(world.unknown_requests) == 1


def test_a_page_token_is_valid_for_its_window_only(endpoint, world, numbered):
    token = endpoint.list_events(world.tenancy, ONE, TWO).headers["opc-next-page"]
    assert error_of(endpoint.list_events(world.tenancy, ONE, "2026-01-01T11:03:00Z", token)) == (400, "InvalidParameter")


def test_the_sdk_parses_an_event(endpoint, world):
    world.add_event(world.tenancy, {"eventId": "e1", "data": {"identity": {"authType": "natv"}}}, processed=NOON - 3600)
    audit = endpoint.client(oci.audit.AuditClient)
    start = datetime(2026, 1, 1, 11, tzinfo=UTC)
    (found,) = audit.list_events(world.tenancy, start_time=start, end_time=datetime(2026, 1, 1, 12, tzinfo=UTC)).data
    assert (found.event_id, found.data.identity.auth_type) == ("e1", "natv")


def test_sample_events_are_listed_in_order(endpoint, world):
    world.page_size = 100
    ids = world.emit(world.tenancy, 150, NOON - 3600, NOON)
    first = endpoint.list_events(world.tenancy, ONE, "2026-01-01T12:00:00Z")
    second = endpoint.list_events(world.tenancy, ONE, "2026-01-01T12:00:00Z", first.headers["opc-next-page"])
    assert [event["eventId"] for event in first.json() + second.json()] == ids


def test_each_region_has_its_own_events(tmp_path: Path):
    world = World(regions=["eu-frankfurt-1"])
    world.add_event(world.tenancy, {"n": 1}, processed=NOON - 3600)
    world.add_event(world.tenancy, {"n": 2}, processed=NOON - 3600, region="eu-frankfurt-1")
    signer = oci.signer.Signer.from_config(oci.config.from_file(str(world.credentials(tmp_path))))
    arguments = {"params": {"compartmentId": world.tenancy, "startTime": ONE, "endTime": TWO}, "auth": signer}
    with mock_oci(world):
        for region, number in (("us-ashburn-1", 1), ("eu-frankfurt-1", 2)):
            assert requests.get(f"https://audit.{region}.oraclecloud.com/20190901/auditEvents", **arguments).json() == [{"n": number}]
        assert requests.get("https://audit.uk-london-1.oraclecloud.com/20190901/auditEvents", **arguments).status_code == 401
    with serve(world, region="eu-frankfurt-1") as served:
        assert requests.get(served.url + "/20190901/auditEvents", **arguments).json() == [{"n": 2}]


def test_equal_seeds_generate_equal_events():
    def events(seed):
        world = World(now=lambda: NOON)
        world.emit(world.tenancy, 200, NOON - 3600, NOON, seed=seed)
        return world.events(world.tenancy)

    first = events(1)
    assert first == events(1)
    assert first != events(2)
    assert len({event["eventId"] for event in first}) == 200
    assert {event["data"]["identity"]["authType"] for event in first} == {"natv", "natf", "fed", "service", "resource", None}
    assert any(event["data"]["response"]["status"] == "404" for event in first)
    assert 1500 < len(json.dumps(first)) / 200 < 2800
