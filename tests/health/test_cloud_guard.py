"""Health checks with Cloud Guard among the sources."""

import pytest

BOTH = {"SOURCES": "audit,cloud_guard", "CLOUD_GUARD_MINUTES": "1"}


def checked(stage, **changes):
    report = stage.call(b'{"action": "health"}', **{**BOTH, **changes})
    return report, {one.title: one for one in report.checks}


def test_cloud_guard_and_its_stream_are_checked(stage):
    stage.world.cloud_guard.add(stage.world.tenancy)
    stage.call(**BOTH)
    report, checks = checked(stage)
    assert report.issues == []
    assert checks["cloud_guard"].what == "ListProblems works in the reporting region us-ashburn-1: 1 problem on the first page."
    names = {title.partition(" ")[0] for title in checks if title.endswith(" cloud-guard")}
    assert names == {"state", "lag", "ledger", "seals"}
    assert "audit us-ashburn-1" in checks


def test_with_cloud_guard_alone_audit_is_not_checked(stage):
    stage.call(SOURCES="cloud_guard")
    report, checks = checked(stage, SOURCES="cloud_guard")
    assert report.issues == []
    assert [title for title in checks if title.startswith(("audit", "coverage", "state"))] == ["state cloud-guard"]


@pytest.mark.parametrize(
    ("operation", "help"),
    [
        ("GetConfiguration", "Allow group NAME to read cloud-guard-config in tenancy"),
        ("ListProblems", "Allow group NAME to read cloud-guard-problems in tenancy"),
    ],
)
def test_a_refusal_names_the_policy(stage, operation, help):
    stage.world.faults.add("status", status=404, operation=operation, times=None)
    _, checks = checked(stage)
    assert (checks["cloud_guard"].status, help in checks["cloud_guard"].do) == ("failed", True)


def test_a_tenancy_without_cloud_guard(stage):
    stage.world.cloud_guard.status = "DISABLED"
    _, checks = checked(stage)
    assert (checks["cloud_guard"].status, "its status is DISABLED" in checks["cloud_guard"].what) == ("failed", True)
