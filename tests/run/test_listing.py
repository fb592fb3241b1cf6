"""A listing of compartments is reused for LISTING_MINUTES, without lost events."""

import pytest

from epimetheus.function.invoke import RunFailed
from epimetheus.model import parse_minute

NOON = parse_minute("2026-01-01T12:00:00Z")
REUSED = {"LISTING_MINUTES": "15"}


def listings(report):
    """The number of requests to Identity."""
    return report.api.get("identity", {"requests": 0})["requests"]


@pytest.fixture
def tree(stage):
    """The root, two compartments below it, and one below the first of these."""
    a = stage.world.add_compartment("a")
    return [stage.world.tenancy, a, stage.world.add_compartment("b"), stage.world.add_compartment("c", a)]


@pytest.mark.parametrize(("minutes", "requests"), [("0", [1, 1, 1, 1]), ("11", [1, 0, 0, 1]), ("15", [1, 0, 0, 0])])
def test_a_listing_is_reused_for_listing_minutes(stage, minutes, requests):
    counts = []
    for _ in range(4):
        report = stage.run(LISTING_MINUTES=minutes)
        counts.append(listings(report))
        assert (report.status, report.listing_stale, len(report.warnings)) == ("ok", False, int(report.first_start))
        stage.hand.forward(240)
    assert counts == requests


def test_all_compartments_are_polled_with_a_current_listing_while_identity_fails(stage, tree):
    stage.run(**REUSED)
    stage.world.faults.add("status", status=500, service="identity", times=None)
    stage.hand.forward(600)
    ids = [event for ocid in tree for event in stage.emit(ocid, 2, 8)]
    report = stage.run(**REUSED)
    assert (report.status, report.listing_stale, report.position.polled) == ("ok", False, 4)
    stage.hand.forward(600)
    report = stage.run(**REUSED)
    assert (report.status, report.listing_stale, report.position.polled) == ("ok", True, 4)
    assert sorted(stage.arrived()) == sorted(ids)
    assert stage.state().listed == NOON


@pytest.mark.parametrize("hours", ["0", "24"])
def test_a_compartment_created_after_the_listing_is_read_from_its_creation(stage, hours):
    settings = {"LISTING_MINUTES": "1440", "LISTING_MAX_AGE_MINUTES": "1440", "INITIAL_LOOKBACK_HOURS": hours, "OVERLAP_MINUTES": "0"}
    stage.run(**settings)
    stage.hand.forward(3600)
    new = stage.world.add_compartment("new")
    stage.hand.forward(120)
    ids = stage.emit(new, 5, 2)
    for _ in range(2):
        stage.hand.forward(11 * 3600)
        assert stage.run(**settings).forwarded == 0
    stage.hand.forward(7200)
    assert stage.run(**settings).forwarded == 5
    assert stage.arrived() == ids


def test_a_change_of_selection_takes_effect_in_the_next_run(stage, tree):
    root, a, b, c = tree
    runs = []

    def run(mode, ids=""):
        report = stage.run(**REUSED, COMPARTMENT_MODE=mode, **({"COMPARTMENT_IDS": ids} if ids else {}))
        names = {root: "r", a: "a", b: "b", c: "c"}
        polled = sorted(names.get(ocid, "?") for ocid, known in stage.state().known.items() if known.polled)
        runs.append(("".join(polled), listings(report)))

    run("all")
    run("include", a)
    run("exclude", a)
    run("tenancy_only")
    run("all")
    d = stage.world.add_compartment("d", a)
    stage.world.add_compartment("e", d)
    run("include", d)
    assert runs == [("abcr", 1), ("ac", 0), ("br", 0), ("r", 0), ("abcr", 0), ("??", 1)]


def test_an_unreadable_compartment_triggers_a_listing_in_the_next_run(stage, tree):
    stage.run(**REUSED)
    stage.world.delete(tree[2])
    stage.world.forbid(tree[2])
    stage.hand.forward(60)
    report = stage.run(**REUSED)
    assert (report.status, list(report.position.behind), listings(report)) == ("partial", [tree[2]], 0)
    stage.hand.forward(60)
    report = stage.run(**REUSED)
    assert (report.status, list(report.position.behind), listings(report)) == ("partial", [tree[2]], 1)


def test_the_only_compartment_is_deleted(stage, tree):
    only = {"COMPARTMENT_MODE": "include", "COMPARTMENT_IDS": tree[2], **REUSED}
    stage.run(**only)
    stage.world.delete(tree[2])
    stage.world.forbid(tree[2])
    stage.hand.forward(60)
    with pytest.raises(RunFailed, match="0 of 1 compartment could be read"):
        stage.call(**only)
    stage.hand.forward(60)
    with pytest.raises(RunFailed, match="0 of 1 compartment could be read"):
        stage.call(**only)


def test_a_partial_listing_is_not_reused(stage, tree):
    stage.world.faults.add("subtree_refused", times=None)
    stage.world.forbid(tree[1])
    for _ in range(2):
        assert listings(stage.run(**REUSED)) > 1
        assert stage.state().partly_listed
