"""Cloud Guard in the stand-in, through the SDK's client."""

from datetime import UTC, datetime

import oci
import pytest

from epimetheus.testing.oci import World, mock_oci

NOON = 1767268800.0  # 2026-01-01T12:00:00Z
DAY = 86_400.0
EVER = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(endpoint):
    return endpoint.client(oci.cloud_guard.CloudGuardClient)


def listed(client, compartment, **options):
    found, page = [], None
    while True:
        response = client.list_problems(compartment, limit=1000, **options, **({"page": page} if page else {}))
        found += [one.id for one in response.data.items]
        page = response.next_page
        if page is None:
            return found


def failure(call):
    with pytest.raises(oci.exceptions.ServiceError) as raised:
        call()
    return raised.value.status, raised.value.code


def test_one_state_is_listed_by_time_in_pages(client, world):
    last, first, middle = (world.cloud_guard.add(world.tenancy, at=NOON - age) for age in (1, 3, 2))
    world.cloud_guard.resolve(middle)
    assert listed(client, world.tenancy, lifecycle_state="ACTIVE") == listed(client, world.tenancy) == [first, last]
    assert listed(client, world.tenancy, lifecycle_state="INACTIVE") == [middle]


def test_without_limits_thirty_days_are_listed(client, world):
    old, new = (world.cloud_guard.add(world.tenancy, at=NOON - days * DAY) for days in (31, 29))
    assert listed(client, world.tenancy) == [new]
    assert listed(client, world.tenancy, time_last_detected_greater_than_or_equal_to=EVER) == [old, new]
    until = datetime.fromtimestamp(NOON - 30 * DAY, UTC)
    limits = {"time_last_detected_greater_than_or_equal_to": EVER, "time_last_detected_less_than_or_equal_to": until}
    assert listed(client, world.tenancy, **limits) == [old]


def test_children_are_listed_on_request(client, world):
    child = world.add_compartment("child")
    problem = world.cloud_guard.add(child)
    assert listed(client, world.tenancy) == []
    assert listed(client, world.tenancy, compartment_id_in_subtree=True) == [problem]


def test_details_are_in_get_problem_only(client, world):
    problem = world.cloud_guard.add(world.tenancy, "BUCKET_IS_PUBLIC")
    (summary,) = client.list_problems(world.tenancy).data.items
    details = client.get_problem(problem).data
    assert (summary.detector_rule_id, summary.risk_level, summary.lifecycle_detail) == ("BUCKET_IS_PUBLIC", "CRITICAL", "OPEN")
    assert details.recommendation.startswith("Ensure that the bucket is sanctioned")
    assert details.additional_details["Public Access Type"] == "ObjectRead"
    assert failure(lambda: client.get_problem("ocid1.cloudguardproblem.oc1..none")) == (404, "NotAuthorizedOrNotFound")


def test_a_change_in_place_does_not_move_the_time(client, world):
    problem = world.cloud_guard.add(world.tenancy, at=NOON - DAY)
    before = client.get_problem(problem).data
    world.cloud_guard.resolve(problem, "DISMISSED")
    after = client.get_problem(problem).data
    assert (after.lifecycle_state, after.lifecycle_detail) == ("INACTIVE", "DISMISSED")
    assert before.time_last_detected == after.time_last_detected


def test_a_disabled_cloud_guard_has_no_problems(client, world):
    world.cloud_guard.add(world.tenancy)
    world.cloud_guard.status = "DISABLED"
    assert client.get_configuration(world.tenancy).data.status == "DISABLED"
    assert listed(client, world.tenancy) == []


def test_faults_of_a_listing(client, world):
    world.cloud_guard.add(world.tenancy)
    world.faults.add("status", status=429, operation="ListProblems")
    assert failure(lambda: client.list_problems(world.tenancy)) == (429, "TooManyRequests")
    world.faults.add("empty_page", operation="ListProblems")
    assert len(listed(client, world.tenancy)) == 1


def test_only_the_reporting_region_lists_problems(api_key, tmp_path):
    world = World(now=lambda: NOON, api_key=api_key, regions=["eu-frankfurt-1"])
    world.cloud_guard.reporting_region = "eu-frankfurt-1"
    problem = world.cloud_guard.add(world.tenancy)
    config = oci.config.from_file(str(world.credentials(tmp_path)))
    with mock_oci(world):
        home, other = (oci.cloud_guard.CloudGuardClient({**config, "region": region}) for region in world.regions)
        assert home.get_configuration(world.tenancy).data.reporting_region == "eu-frankfurt-1"
        assert failure(lambda: other.get_configuration(world.tenancy)) == (404, "NotAuthorizedOrNotFound")
        assert (listed(home, world.tenancy), listed(other, world.tenancy)) == ([], [problem])
