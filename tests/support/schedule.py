"""The order of the tests in several processes (pytest-xdist, ``--dist loadgroup --no-loadscope-reorder``): the longest start first.

The tests of a file run in one process, which sets up its fixtures once. The files in SPREAD have long tests, each of which runs in any
process. A test that is in a group of its own (``xdist_group``) stays there.
"""

import pytest

FIRST = ("tests/test_benchmarks.py", "tests/deploy/test_image.py")
"""Their group is the longest."""
SPREAD = (
    "tests/function/test_process.py",
    "tests/test_simulation.py",
    "tests/state/test_lease.py",
    "tests/deliver/test_real_receivers.py",
    "tests/oci_client/test_http_limits.py",
    "tests/run/test_costly_events.py",
    "tests/run/test_reading_failures.py",
    "tests/run/test_operator_mistakes.py",
    "tests/run/test_run.py",
    "tests/render/redact/test_redaction.py",
    "tests/render/redact/test_linear.py",
    "tests/deliver/test_relp_real.py",
    "tests/render/test_render_fast.py",
    "tests/render/redact/test_prescan_keys.py",
    "tests/state/test_lifecycle.py",
    "tests/deliver/test_delivery.py",
    "tests/run/test_time_limits.py",
    "tests/render/test_injection.py",
    "tests/cli/test_demo.py",
)
"""The files with long tests, longest first."""


def distribute(items: list[pytest.Item]) -> None:
    """Puts each test into the group of its file, unless it is spread, and sorts: FIRST, SPREAD, the other files as collected."""
    order = {path: number for number, path in enumerate((*FIRST, *SPREAD))}
    for item in items:
        path = _file(item)
        if path not in SPREAD and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(path))
    items.sort(key=lambda item: order.get(_file(item), len(order)))


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
