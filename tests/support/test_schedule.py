"""The lists that distribute the tests name files that exist, and the groups of tests stay in one process."""

import pytest

from tests.support.schedule import GROUPS, LONG, SPREAD, GroupedScheduling

IMAGE = ["tests/deploy/test_image.py::test_a", "tests/test_benchmarks.py::test_b[x::y]"]


@pytest.mark.parametrize("path", [*GROUPS, *LONG, *SPREAD])
def test_each_file_and_test_exists(path, pytestconfig):
    file, _, test = path.partition("::")
    assert (f"def {test}(" if test else "") in (pytestconfig.rootpath / file).read_text("utf-8")


def test_a_group_and_a_file_are_one_unit_and_a_spread_test_is_its_own(pytestconfig):
    scope_of = GroupedScheduling.__new__(GroupedScheduling)._split_scope
    assert {scope_of(nodeid) for nodeid in IMAGE} == {"image"}
    assert scope_of("tests/test_main.py::test_x[a]") == scope_of("tests/test_main.py::test_y") == "tests/test_main.py"
    assert scope_of("tests/test_simulation.py::test_a_broken_promise_is_detected[1: x]") == "mutations"
    assert scope_of("tests/state/test_lease.py::test_x[a]") == "tests/state/test_lease.py::test_x[a]"
