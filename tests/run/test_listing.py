"""A listing of compartments serves for LISTING_MINUTES: what it spares, and that nothing is lost or late for it that need not be."""

import pytest

from epimetheus.function.invoke import RunFailed
from epimetheus.model import parse_minute

NOON = parse_minute("2026-01-01T12:00:00Z")
SERVES = {"LISTING_MINUTES": "15"}


def listings(report):
    """How often Identity was asked."""
    return report.api.get("identity", {"requests": 0})["requests"]


@pytest.fixture
def tree(stage):
    """The root, two compartments below it, and one below these."""
    a = stage.world.add_compartment("a")
    return [stage.world.tenancy, a, stage.world.add_compartment("b"), stage.world.add_compartment("c", a)]


@pytest.mark.parametrize(("minutes", "polled"), [("0", [1, 1, 1, 1]), ("11", [1, 0, 0, 1]), ("15", [1, 0, 0, 0])])
def test_a_listing_serves_for_so_many_minutes(stage, minutes, asked):
    told = []
    for _ in range(4):
        report = stage.run(LISTING_MINUTES=minutes)
        told.append(listings(report))
        assert (report.status, report.listing_stale, len(report.warnings)) == ("ok", False, int(report.first_start))
        stage.hand.forward(240)
    assert told == asked


def test_everyone_is_asked_while_a_listing_serves_also_while_identity_fails(stage, tree):
    stage.run(**SERVES)
    stage.world.faults.add("status", status=500, service="identity", times=None)
    stage.hand.forward(600)
    ids = [event for ocid in tree for event in stage.emit(ocid, 2, 8)]
    report = stage.run(**SERVES)
    assert (report.status, report.listing_stale, report.position.polled) == ("ok", False, 4)
    stage.hand.forward(600)
    report = stage.run(**SERVES)
    assert (report.status, report.listing_stale, report.position.polled) == ("ok", True, 4)
    assert sorted(stage.arrived()) == sorted(ids)
    assert stage.state().listed == NOON


@pytest.mark.parametrize("hours", ["0", "24"])
def test_who_is_made_while_a_listing_serves_is_read_from_its_creation_on(stage, hours):
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


def test_another_choice_of_compartments_takes_effect_at_once(stage, tree):
    root, a, b, c = tree
    chosen = []

    def run(mode, ids=""):
        report = stage.run(**SERVES, COMPARTMENT_MODE=mode, **({"COMPARTMENT_IDS": ids} if ids else {}))
        names = {root: "r", a: "a", b: "b", c: "c"}
        asked = sorted(names.get(ocid, "?") for ocid, known in stage.state().known.items() if known.polled)
        chosen.append(("".join(asked), listings(report)))

    run("all")
    run("include", a)
    run("exclude", a)
    run("tenancy_only")
    run("all")
    d = stage.world.add_compartment("d", a)
    stage.world.add_compartment("e", d)
    run("include", d)
    assert chosen == [("abcr", 1), ("ac", 0), ("br", 0), ("r", 0), ("abcr", 0), ("??", 1)]


def test_who_is_gone_is_known_as_such_a_run_after_it_could_not_be_read(stage, tree):
    stage.run(**SERVES)
    stage.world.delete(tree[2])
    stage.world.forbid(tree[2])
    stage.hand.forward(60)
    report = stage.run(**SERVES)
    assert (report.status, list(report.position.behind), listings(report)) == ("partial", [tree[2]], 0)
    stage.hand.forward(60)
    report = stage.run(**SERVES)
    assert (report.status, list(report.position.behind), listings(report)) == ("partial", [tree[2]], 1)


def test_where_the_only_one_is_gone_the_next_run_lists(stage, tree):
    only = {"COMPARTMENT_MODE": "include", "COMPARTMENT_IDS": tree[2], **SERVES}
    stage.run(**only)
    stage.world.delete(tree[2])
    stage.world.forbid(tree[2])
    stage.hand.forward(60)
    with pytest.raises(RunFailed, match="None of 1 compartments could be read"):
        stage.call(**only)
    stage.hand.forward(60)
    with pytest.raises(RunFailed, match="None of 1 compartments could be read"):
        stage.call(**only)


def test_a_listing_that_was_refused_in_parts_does_not_serve(stage, tree):
    stage.world.faults.add("subtree_refused", times=None)
    stage.world.forbid(tree[1])
    for _ in range(2):
        assert listings(stage.run(**SERVES)) > 1
        assert stage.state().partly_listed
