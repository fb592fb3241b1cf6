"""Plays of Cloud Guard: none of 2,000 problems is lost, and none is repeated unchanged."""

import pytest

from tests.simulation.problems import Theatre
from tests.support.budget import budget


@pytest.mark.parametrize("seed", range(budget(quick=10, full=60)))
def test_no_change_is_lost_and_none_is_repeated(seed):
    Theatre(seed, 100).play()


@pytest.mark.parametrize("seed", range(budget(quick=1, full=5)))
def test_2000_problems_that_change(seed):
    assert Theatre(seed, 2_000).play()["messages"] >= 2_000


def test_without_faults_each_change_is_exactly_one_message():
    theatre = Theatre(1, 2_000, calm=True)
    occurred = theatre.play()
    assert occurred["repeated"] == 0
    assert occurred["messages"] > 2_500
