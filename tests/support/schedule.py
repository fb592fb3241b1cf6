"""Distributes the tests to several processes (pytest-xdist, ``--dist loadgroup``): the longest start first.

The tests of a file run in one process, which sets up its fixtures once. The files in SPREAD have long tests, each of which runs in any
process. The marker ``xdist_group`` is not used: pytest-xdist 3.8 ignores it with pytest 9.2, whose node IDs cannot be changed.
"""

from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

GROUPS = {
    "tests/test_benchmarks.py": "image",
    "tests/deploy/test_image.py": "image",
    "tests/terraform/test_variables.py": "terraform",
    "tests/terraform/test_stack.py": "terraform",
    "tests/test_simulation.py::test_a_broken_promise_is_detected": "mutations",
    "tests/test_simulation.py::test_the_unchanged_package_breaks_no_promise": "mutations",
    "tests/test_simulation_push.py::test_a_broken_promise_is_detected": "mutations of pushes",
}
"""Files, and tests of files in SPREAD, that share a fixture or a parsed file, so that one process sets it up."""
LONG = (
    "tests/oci_client/test_http_limits.py",  # waits
    "tests/deploy/test_package.py",
    "tests/render/redact/test_secrets.py",
    "tests/deploy/test_deploy_script.py",
    "tests/test_safe_text.py",
    "tests/render/redact/test_prescan_keys.py",
    "tests/deliver/test_real_receivers.py",  # waits
    "tests/run/test_reading_failures.py",
    "tests/run/test_operator_mistakes.py",
    "tests/run/test_run.py",
    "tests/deliver/test_stream_sender.py",  # waits
)
"""Files that take long, in one process each. Of those that wait, one at a time runs, so that other processes use the cores."""
SPREAD = (
    "tests/docs/test_try_every_command_doc.py",
    "tests/docs/test_migrate_doc.py",
    "tests/state/test_import.py",
    "tests/docs/test_getting_started_doc.py",
    "tests/function/test_process.py",
    "tests/function/test_ledger_process.py",
    "tests/test_simulation.py",
    "tests/cli/test_terminals.py",
    "tests/state/test_lease.py",
    "tests/cli/test_settings_source.py",
    "tests/docs/test_formats_doc.py",
    "tests/render/redact/test_redaction.py",
    "tests/render/test_render_fast.py",
    "tests/run/test_costly_events.py",
    "tests/cli/test_demo.py",
    "tests/deliver/test_relp_real.py",
    "tests/run/test_time_limits.py",
    "tests/render/redact/test_linear.py",
    "tests/state/test_lifecycle.py",
    "tests/health/test_health.py",
    "tests/ledger/test_object_storage.py",
    "tests/run/test_reconcile.py",
    "tests/run/test_ledger_in_a_run.py",
    "tests/test_simulation_push.py",
    "tests/run/test_problems.py",
    "tests/run/test_ledger_mistakes.py",
    "tests/oci_client/test_tls_contexts.py",
    "tests/function/test_push.py",
    "tests/run/test_seals.py",
    "tests/run/test_push.py",
    "tests/cli/test_every_command.py",
    "tests/test_simulation_problems.py",
    "tests/content/sigma/test_detection.py",
    "tests/verify/test_command.py",
    "tests/verify/test_independent_reader.py",
    "tests/verify/test_real_receivers.py",
)
"""Files whose tests are spread over the processes."""


def import_share(config: pytest.Config) -> None:
    """Import this process's share of the test modules before all are collected.

    pytest stores each module with its asserts rewritten, which takes four seconds of CPU for all modules. In a fresh clone, each process
    would rewrite all.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None or config.args != config.getini("testpaths"):
        return
    paths = sorted(config.rootpath.glob("tests/**/test_*.py"))
    for path in paths[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]:
        with suppress(Exception):  # the collection reports it
            import_module(".".join(path.relative_to(config.rootpath).with_suffix("").parts))


def longest_first(items: list[pytest.Item]) -> None:
    """Sorts the tests: the files of GROUPS, LONG and SPREAD, then the others as collected."""
    order = {path: number for number, path in enumerate((*GROUPS, *LONG, *SPREAD))}
    items.sort(key=lambda item: order.get(_file(item.nodeid), len(order)))


class GroupedScheduling(LoadScopeScheduling):
    """Assigns the tests of a group, of a file, or one test of a file in SPREAD to the next free process, in the order of collection."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        path = _file(nodeid)
        group = GROUPS.get(nodeid.partition("[")[0]) or GROUPS.get(path)
        return group or (nodeid if path in SPREAD else path)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]
