"""The report states which regions and compartments exist and are read; what is neither read nor excluded by a setting is named."""

import pytest

from epimetheus.coverage import CompartmentCoverage, RegionCoverage
from epimetheus.model import minute_text, parse_minute
from epimetheus.state.encoding import pack
from tests.support.harness import restored_logging, staged

HOME, OTHER, THIRD = "us-ashburn-1", "eu-frankfurt-1", "uk-london-1"
NOON = "2026-01-01T12:00:00Z"
POLICY = "Allow group NAME to inspect tenancies in tenancy"
READ = "Allow group NAME to read audit-events in tenancy"
HOME_WARNING = (
    "The home region us-ashburn-1 is not polled. IAM and sign-on events are recorded there, and this deployment does not forward them."
    " Add us-ashburn-1 to REGIONS, unless another deployment reads it."
)


@pytest.fixture
def regions(tmp_path, api_key):
    """A stage with a home region and two more subscribed regions."""
    with restored_logging(), staged(tmp_path, api_key, page_size=50, regions=[OTHER, THIRD]) as stage:
        yield stage


def refuse(stage, operation="ListRegionSubscriptions", **details):
    return stage.world.faults.add("status", status=404, operation=operation, times=None, **details)


def posted(stage, region=HOME):
    """The last value of each metric of a region."""
    return {one["name"]: one["datapoints"][0]["value"] for one in stage.world.metrics if one["dimensions"]["region"] == region}


def of_regions(**changes):
    fields = {
        "all": True, "listed": NOON, "subscribed": [HOME, OTHER, THIRD], "polled": [HOME, OTHER, THIRD],
        "excluded": [], "uncovered": [], "home": HOME, "home_polled": True,
    }  # fmt: skip
    return RegionCoverage(**{**fields, **changes})


def without_first_start(report):
    return [warning for warning in report.warnings if "first start" not in warning.lower() and "no state" not in warning.lower()]


def test_every_subscribed_region_is_read_by_default(regions):
    reports = regions.call()
    assert [(report.region, report.status) for report in reports] == [(HOME, "ok"), (OTHER, "ok"), (THIRD, "ok")]
    assert [report.coverage.regions for report in reports] == [of_regions()] * 3
    assert [without_first_start(report) for report in reports] == [[], [], []]
    assert (posted(regions)["regions_uncovered"], posted(regions)["compartments_uncovered"]) == (0, 0)


def test_a_region_that_the_tenancy_subscribes_to_is_read_by_the_next_call(stage):
    assert [report.region for report in stage.call()] == [HOME]
    stage.world.regions.append(OTHER)
    ids = stage.emit(stage.world.tenancy, 3, 5, region=OTHER)
    assert [report.region for report in stage.call()] == [HOME, OTHER]
    assert stage.arrived() == ids


def test_excluded_regions_are_stated_without_a_warning(regions):
    (report,) = regions.call(REGIONS=HOME)
    expected = of_regions(all=False, polled=[HOME], excluded=[OTHER, THIRD])
    assert (report.status, report.coverage.regions, without_first_start(report)) == ("ok", expected, [])
    assert posted(regions)["regions_uncovered"] == 0


def test_a_home_region_that_is_excluded_is_a_warning(regions):
    reports = regions.call(REGIONS=f"{OTHER},{THIRD}")
    expected = of_regions(all=False, polled=[OTHER, THIRD], excluded=[HOME], home_polled=False)
    assert [report.coverage.regions for report in reports] == [expected] * 2
    assert [(report.status, without_first_start(report)) for report in reports] == [("ok", [HOME_WARNING])] * 2
    assert posted(regions, OTHER)["regions_uncovered"] == 0


def test_without_permission_a_fresh_deployment_reads_its_own_region(regions):
    refused = refuse(regions)
    ids = regions.emit(regions.world.tenancy, 3, 5)
    for _ in range(2):
        (report,) = regions.call()
        assert (report.region, report.status) == (HOME, "partial")
        assert report.coverage.regions == of_regions(listed=None, subscribed=None, polled=[HOME], home=None, home_polled=None)
        assert f"Listing the regions of {regions.world.tenancy} failed: OCI returned 404 NotAuthorizedOrNotFound" in report.warnings[0]
        assert "Only us-ashburn-1 is read, because the subscribed regions are not known." in report.warnings[0]
        assert report.warnings[0].endswith(POLICY)
        assert posted(regions)["regions_uncovered"] == 1
        assert posted(regions)["listing_age_seconds"] == 0
    assert regions.arrived() == ids
    regions.world.faults.remove(refused)
    assert [(report.region, report.status) for report in regions.call()] == [(HOME, "ok"), (OTHER, "ok"), (THIRD, "ok")]
    assert posted(regions)["regions_uncovered"] == 0


def test_an_outage_of_identity_does_not_end_a_run_that_knows_its_compartments(stage):
    stage.run(REGIONS=HOME)
    stage.world.faults.add("status", status=500, service="identity", times=None)
    stage.hand.forward(600)
    ids = stage.emit(stage.world.tenancy, 3, 5)
    (report,) = stage.call()
    assert (report.status, report.coverage.regions.subscribed) == ("ok", [HOME])
    assert f"Using the regions listed at {NOON}." in report.warnings[0]
    assert stage.arrived() == ids


def test_a_state_that_cannot_be_read_is_the_error_of_its_run(stage):
    refuse(stage)
    stage.world.put_hook = None
    stage.world.put("audit-state", f"epimetheus/{HOME}.state", b"damaged")
    with pytest.raises(Exception, match=r"us-ashburn-1: The state in .* is damaged"):
        stage.call()


def test_regions_without_the_time_of_their_listing_are_used_and_make_runs_partial(regions):
    regions.call()
    state = regions.state()
    regions.world.put("audit-state", f"epimetheus/{HOME}.state", pack(state.rewound(state.through - 5, state.through)))
    refuse(regions)
    reports = regions.call()
    assert [(report.region, report.status) for report in reports] == [(HOME, "partial"), (OTHER, "partial"), (THIRD, "partial")]
    assert "Using the last known regions." in reports[0].warnings[0]
    assert reports[0].coverage.regions == of_regions(listed=None)


@pytest.mark.parametrize(("minutes", "requests"), [("0", [1, 2, 3]), ("15", [1, 1, 2])])
def test_named_regions_list_the_subscribed_ones_for_the_report_only(stage, minutes, requests):
    counts, listed = [], []
    for _ in range(3):
        report = stage.run(REGIONS=HOME, LISTING_MINUTES=minutes)
        counts.append(len(stage.world.requests_for("ListRegionSubscriptions")))
        listed.append(report.coverage.regions.listed)
        stage.hand.forward(600)
    times = [minute_text(parse_minute(NOON) + after) for after in ((0, 10, 20) if minutes == "0" else (0, 0, 20))]
    assert (counts, listed) == (requests, times)


def test_named_regions_need_no_permission(stage):
    refuse(stage)
    report = stage.run(REGIONS=HOME)
    assert (report.status, without_first_start(report)) == ("ok", [])
    expected = of_regions(all=False, listed=None, subscribed=None, polled=[HOME], home=None, home_polled=None)
    assert report.coverage.regions == expected
    assert posted(stage)["regions_uncovered"] == 0


def test_while_compartments_cannot_be_listed_named_regions_are_not_requested(stage):
    stage.run(REGIONS=HOME)
    stage.world.faults.add("status", status=500, operation="ListCompartments", times=None)
    stage.hand.forward(600)
    assert (stage.run(REGIONS=HOME).listing_stale, len(stage.world.requests_for("ListRegionSubscriptions"))) == (True, 1)


@pytest.fixture
def tree(stage):
    """Two compartments below the root, and one below the first of these."""
    a = stage.world.add_compartment("a")
    return [a, stage.world.add_compartment("b"), stage.world.add_compartment("c", a)]


def counted(existing, polled, excluded, unreadable=(), unlisted=()):
    return CompartmentCoverage(
        existing=existing, polled=polled, excluded=excluded, unreadable=sorted(unreadable), unlisted=sorted(unlisted)
    )


@pytest.mark.parametrize(
    ("mode", "expected"), [("all", (4, 4, 0)), ("include", (4, 2, 2)), ("exclude", (4, 2, 2)), ("tenancy_only", (1, 1, 0))]
)
def test_compartments_are_counted(stage, tree, mode, expected):
    ids = {"COMPARTMENT_IDS": tree[0]} if mode in ("include", "exclude") else {}
    report = stage.run(COMPARTMENT_MODE=mode, **ids)
    assert (report.coverage.compartments, without_first_start(report)) == (counted(*expected), [])


def test_a_deleted_compartment_does_not_exist(stage, tree):
    stage.run()
    stage.world.delete(tree[1])
    assert stage.run().coverage.compartments == counted(3, 3, 0)
    stage.world.forbid(tree[1])
    stage.hand.forward(60)
    report = stage.run()
    assert (list(report.position.behind), report.coverage.compartments) == ([tree[1]], counted(3, 3, 0))


def test_a_compartment_that_oci_refuses_is_named(stage, tree):
    stage.run()
    stage.hand.forward(60)
    stage.world.forbid(tree[1])
    for _ in range(2):
        report = stage.run()
        assert (report.status, report.coverage.compartments) == ("partial", counted(4, 4, 0, [tree[1]]))
        assert report.warnings == [
            f"1 of 4 existing compartments cannot be read: OCI returns 404 for {tree[1]}. Its events are forwarded once it can be read."
            f" If no policy allows the call, add this statement: {READ}"
        ]
        assert posted(stage)["compartments_uncovered"] == 1
        stage.hand.forward(60)
    stage.world.allow(tree[1])
    report = stage.run()
    assert (report.status, report.coverage.compartments, report.warnings) == ("ok", counted(4, 4, 0), [])
    assert posted(stage)["compartments_uncovered"] == 0


def test_an_interruption_of_a_compartment_is_no_gap(stage, tree):
    stage.run()
    stage.hand.forward(60)
    stage.world.faults.add("status", status=500, operation="ListEvents", compartment=tree[1], times=None)
    report = stage.run()
    assert (list(report.position.behind), report.coverage.compartments) == ([tree[1]], counted(4, 4, 0))


def test_a_compartment_whose_children_cannot_be_listed_is_named(stage, tree):
    stage.world.faults.add("subtree_refused", times=None)
    refuse(stage, "ListCompartments", compartment=tree[1])
    report = stage.run()
    assert report.coverage.compartments == counted(4, 4, 0, unlisted=[tree[1]])
    assert f"The compartments below {tree[1]} could not be listed. Using the last known ones." in report.warnings
    assert posted(stage)["compartments_uncovered"] == 1


def test_without_a_state_there_is_no_coverage(stage):
    refuse(stage, "GetObject")
    with pytest.raises(Exception, match="Reading the state"):
        stage.call()
    assert posted(stage).keys().isdisjoint({"regions_uncovered", "compartments_uncovered", "lag_seconds"})


def test_a_replay_does_not_fall_back_to_one_region(regions):
    refuse(regions)
    body = b'{"action": "replay", "from": "2026-01-01T11:00:00Z", "to": "2026-01-01T11:30:00Z", "dry": true}'
    with pytest.raises(Exception, match=r"name the regions in REGIONS.*inspect tenancies in tenancy"):
        regions.call(body)
    (replayed,) = regions.call(body, REGIONS=OTHER)
    assert (replayed.region, replayed.status) == (OTHER, "ok")
