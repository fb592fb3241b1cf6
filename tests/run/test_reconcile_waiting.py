"""A pass of reconciliation in which every compartment had to wait goes on once they are read."""

import pytest

from epimetheus.model import Window
from epimetheus.run.plan import plan_next_slice
from epimetheus.run.reconcile_plan import WAITING, Pass, view
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import BehindCompartment, KnownCompartment, Reconciled, State

PASS = Pass(60, 120)


def state_of(**behind):
    known = {name: KnownCompartment(name, polled=name != "stopped") for name in ("a", "b", "stopped")}
    waited = {name: BehindCompartment(60, WAITING) for name in known}
    return State("region", 300, known=known, behind=behind, reconciled={60: Reconciled(60, waited)})


def next_tasks(state):
    return plan_next_slice(view(state, PASS), {"a", "b"}, end=PASS.end, length=60, overlap=0)


def test_compartments_that_waited_at_the_mark_follow_it_once_they_are_read():
    assert list(view(state_of(), PASS).behind) == ["stopped"]
    assert next_tasks(state_of()) == [FetchTask("a", Window(60, 120)), FetchTask("b", Window(60, 120))]


@pytest.mark.parametrize(("since", "tasks"), [(119, ["a"]), (120, ["a", "b"])])
def test_a_compartment_waits_until_it_is_read_to_the_end_of_the_pass(since, tasks):
    state = state_of(b=BehindCompartment(since, "404"))
    assert [task.compartment for task in next_tasks(state)] == tasks


def test_a_compartment_behind_the_mark_catches_up_first():
    state = state_of()
    state.reconciled[60].behind["a"] = BehindCompartment(59, WAITING)
    assert [task.compartment for task in next_tasks(state)] == ["b"]
