"""Whole files of the Go program, of both generations, as RULES and FIELD_MAP of the real function."""

from pathlib import Path

import pytest

from epimetheus.testing.syslog import parse_message
from tests.render.helpers import read_by_cefp
from tests.run.test_rules_in_a_run import put

DATA = Path(__file__).parents[1] / "data" / "go_program"


def settings(name):
    return {"RULES": f"file:{DATA / name}", "FIELD_MAP": f"file:{DATA / name}", "INITIAL_LOOKBACK_HOURS": "2", "SEAL_MESSAGES": "false"}


def received(stage):
    """Header and fields of each message."""
    return [read_by_cefp(parse_message(message).body.decode()) for message in stage.receiver.messages]


@pytest.mark.parametrize(("name", "excluded"), [("field_map_1.json", "ListInstances"), ("field_map_2.json", "GetInstance")])
def test_a_file_of_either_generation_filters_and_names(stage, name, excluded):
    put(stage, excluded, 5, 20)
    put(stage, "TerminateInstance", 3, 20, compartmentId="ocid1.compartment.oc1..prod")
    report = stage.run(**settings(name))
    assert (report.status, report.forwarded, report.filtered) == ("ok", 3, {"excluded_event": 5})
    heads, fields = zip(*received(stage), strict=True)
    assert {head[:4] for head in heads} == {("Oracle", "CloudInfrastructure", "1.0", "com.oraclecloud.ComputeApi.TerminateInstance")}
    assert {one["cs2"] for one in fields} == {"TerminateInstance"}
    assert {(one["cs1"], one["cs1Label"]) for one in fields} == {("ocid1.compartment.oc1..prod", "compartmentId")}
    assert not any("cloudguard" in warning for warning in report.warnings)


def test_names_for_cloud_guard_apply_to_its_problems(stage):
    guard, prod = stage.world.cloud_guard, stage.world.add_compartment("prod")
    guard.add(prod, "BUCKET_IS_PUBLIC")
    report = stage.run(**settings("field_map_2.json"), SOURCES="cloud_guard")
    assert (report.status, report.forwarded) == ("ok", 1)
    ((head, fields),) = received(stage)
    assert head[:4] == ("Oracle", "CloudInfrastructure", "1.0", "CloudGuardProblem.BUCKET_IS_PUBLIC")
    assert (fields["cs1"], fields["cs1Label"], fields["cs2"]) == ("CRITICAL", "riskLevel", prod)
    assert any("the real name is detectorRuleId" in warning for warning in report.warnings)
