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
    """Events 0 to 4, half a minute apart from 11:00 on."""
    for number in range(5):
        world.add_event(world.tenancy, {"n": number}, processed=NOON - 3600 + 30 * number)


def every_page(door, compartment, start=ONE, end=TWO):
    pages, page = [], None
    while True:
        answer = door.events(compartment, start, end, page)
        assert answer.status_code == 200, answer.text
        pages.append([event["n"] for event in answer.json()])
        page = answer.headers.get("opc-next-page")
        if page is None:
            return pages


def refused(answer):
    return answer.status_code, answer.json()["code"]


@pytest.mark.usefixtures("numbered")
def test_pages_of_two_and_the_end_is_not_in_it(door, world):
    assert every_page(door, world.tenancy) == [[0, 1], [2, 3]]
    assert every_page(door, world.tenancy, end="2026-01-01T11:03:00Z") == [[0, 1], [2, 3], [4]]


@pytest.mark.usefixtures("numbered")
def test_the_start_is_in_it(door, world):
    assert every_page(door, world.tenancy, start="2026-01-01T11:01:00Z") == [[2, 3]]
    assert every_page(door, world.tenancy, start="2026-01-01T11:02:00Z", end="2026-01-01T12:00:00Z") == [[4]]


def test_a_second_more_or_less(door, world):
    for number, processed in enumerate([NOON - 0.001, NOON, NOON + 59.999, NOON + 60]):
        world.add_event(world.tenancy, {"n": number}, processed=processed)
    assert every_page(door, world.tenancy, "2026-01-01T12:00:00Z", "2026-01-01T12:01:00Z") == [[1, 2]]


def test_events_come_by_processed_time_however_they_were_added(door, world):
    for number in (3, 1, 2, 0):
        world.add_event(world.tenancy, {"n": number}, processed=NOON - 3600 + number)
    assert every_page(door, world.tenancy) == [[0, 1], [2, 3]]


def test_an_event_added_between_two_pages_moves_nothing(door, world, numbered):
    first = door.events(world.tenancy, ONE, TWO)
    world.add_event(world.tenancy, {"n": 99}, processed=NOON - 3600)
    second = door.events(world.tenancy, ONE, TWO, first.headers["opc-next-page"])
    assert [event["n"] for event in second.json()] == [2, 3]


def test_a_late_event_shows_once_its_time_has_come(tmp_path):
    clock = [NOON]
    world = World(now=lambda: clock[0])
    config = oci.config.from_file(str(world.credentials(tmp_path)))
    for number in range(3):
        world.add_event(world.tenancy, {"n": number}, processed=NOON - 3600, listed=NOON + 60 if number == 1 else None)
    ask = {
        "params": {"compartmentId": world.tenancy, "startTime": ONE, "endTime": TWO},
        "auth": oci.signer.Signer.from_config(config),
    }
    with mock_oci(world):
        url = "https://audit.us-ashburn-1.oraclecloud.com/20190901/auditEvents"
        before = requests.get(url, **ask)
        clock[0] += 60
        after = requests.get(url, **ask)
    assert ([event["n"] for event in before.json()], before.headers.get("opc-next-page")) == ([0, 2], None)
    assert [event["n"] for event in after.json()] == [0, 1]
    assert "opc-next-page" in after.headers


@pytest.mark.usefixtures("numbered")
def test_children_are_not_included(door, world):
    child = world.add_compartment("child")
    world.add_event(child, {"n": 7}, processed=NOON - 3600)
    assert every_page(door, child) == [[7]]
    assert every_page(door, world.tenancy) == [[0, 1], [2, 3]]


def test_no_events_are_an_empty_list(door, world):
    answer = door.events(world.tenancy, ONE, TWO)
    assert (answer.content, "opc-next-page" in answer.headers) == (b"[]", False)


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
def test_times_that_are_refused(door, world, start, end):
    assert refused(door.events(world.tenancy, start, end)) == (400, "InvalidParameter")


def test_what_is_required(door, world):
    assert refused(door.events("", ONE, TWO)) == (400, "MissingParameter")
    assert refused(door.ask("GET", "audit", f"/20190901/auditEvents?compartmentId={world.tenancy}")) == (400, "MissingParameter")


def test_unknown_and_forbidden_compartments_look_the_same(door, world):
    world.forbid(world.add_compartment("secret"))
    secret = world.compartments.below(world.tenancy, subtree=False)[0].id
    for compartment in ("ocid1.compartment.oc1..unknown", secret):
        assert refused(door.events(compartment, ONE, TWO)) == (404, "NotAuthorizedOrNotFound")


def test_a_vanished_compartment_can_still_be_read(door, world):
    gone = world.add_compartment("vanished")
    world.add_event(gone, {"n": 1}, processed=NOON - 3600)
    world.vanish(gone)
    assert every_page(door, gone) == [[1]]


def test_a_limit_is_something_the_stand_in_does_not_know(door, world):
    answer = door.ask("GET", "audit", f"/20190901/auditEvents?compartmentId={world.tenancy}&limit=5")
    assert (answer.status_code, answer.json()["message"]) == (501, "ListEvents with the query parameters limit")
    assert len(world.unknown_requests) == 1


def test_a_token_is_good_for_its_own_window_only(door, world, numbered):
    token = door.events(world.tenancy, ONE, TWO).headers["opc-next-page"]
    assert refused(door.events(world.tenancy, ONE, "2026-01-01T11:03:00Z", token)) == (400, "InvalidParameter")


def test_the_sdk_reads_an_event(door, world):
    world.add_event(world.tenancy, {"eventId": "e1", "data": {"identity": {"authType": "natv"}}}, processed=NOON - 3600)
    audit = door.client(oci.audit.AuditClient)
    start = datetime(2026, 1, 1, 11, tzinfo=UTC)
    (found,) = audit.list_events(world.tenancy, start_time=start, end_time=datetime(2026, 1, 1, 12, tzinfo=UTC)).data
    assert (found.event_id, found.data.identity.auth_type) == ("e1", "natv")


def test_the_sample_events(door, world):
    world.page_size = 100
    ids = world.emit(world.tenancy, 150, NOON - 3600, NOON)
    first = door.events(world.tenancy, ONE, "2026-01-01T12:00:00Z")
    second = door.events(world.tenancy, ONE, "2026-01-01T12:00:00Z", first.headers["opc-next-page"])
    assert [event["eventId"] for event in first.json() + second.json()] == ids


def test_regions_have_events_of_their_own(tmp_path: Path):
    world = World(regions=["eu-frankfurt-1"])
    world.add_event(world.tenancy, {"n": 1}, processed=NOON - 3600)
    world.add_event(world.tenancy, {"n": 2}, processed=NOON - 3600, region="eu-frankfurt-1")
    signer = oci.signer.Signer.from_config(oci.config.from_file(str(world.credentials(tmp_path))))
    ask = {"params": {"compartmentId": world.tenancy, "startTime": ONE, "endTime": TWO}, "auth": signer}
    with mock_oci(world):
        for region, number in (("us-ashburn-1", 1), ("eu-frankfurt-1", 2)):
            assert requests.get(f"https://audit.{region}.oraclecloud.com/20190901/auditEvents", **ask).json() == [{"n": number}]
        assert requests.get("https://audit.uk-london-1.oraclecloud.com/20190901/auditEvents", **ask).status_code == 401
    with serve(world, region="eu-frankfurt-1") as served:
        assert requests.get(served.url + "/20190901/auditEvents", **ask).json() == [{"n": 2}]


def test_the_same_seed_makes_the_same_events():
    def made(seed):
        world = World(now=lambda: NOON)
        world.emit(world.tenancy, 200, NOON - 3600, NOON, seed=seed)
        return world.events(world.tenancy)

    first = made(1)
    assert first == made(1)
    assert first != made(2)
    assert len({event["eventId"] for event in first}) == 200
    assert {event["data"]["identity"]["authType"] for event in first} == {"natv", "natf", "fed", "service", "resource", None}
    assert any(event["data"]["response"]["status"] == "404" for event in first)
    assert 1500 < len(json.dumps(first)) / 200 < 2800
