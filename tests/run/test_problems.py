"""Problems of Cloud Guard through the real function: each new or changed version arrives once."""

import json

import pytest

from epimetheus.function.invoke import RunFailed
from epimetheus.testing.syslog import parse_message

POLL = {"SOURCES": "cloud_guard", "FORMAT": "json", "CLOUD_GUARD_MINUTES": "1"}


def messages(stage):
    """The problems that have arrived: OCID, activity and state."""
    found = [json.loads(parse_message(message).body) for message in stage.receiver.messages]
    return [(one["eventId"], one["activity"], one["data"]["lifecycleDetail"]) for one in found]


def poll(stage, minutes=15, **changes):
    stage.hand.time += 60 * minutes
    return stage.run(**{**POLL, **changes})


def test_25_problems_arrive_and_one_that_is_resolved_is_one_more_message(stage):
    compartment = stage.world.add_compartment("prod")
    problems = [stage.world.cloud_guard.add(compartment) for _ in range(25)]
    report = poll(stage)
    assert (report.region, report.status, report.forwarded, report.problems.active) == ("cloud-guard", "ok", 25, 25)
    assert sorted(messages(stage)) == sorted((problem, "create", "OPEN") for problem in problems)
    assert poll(stage).forwarded == 0
    stage.world.cloud_guard.resolve(problems[7])
    report = poll(stage)
    assert (report.forwarded, report.problems.active, report.problems.inactive, report.problems.changed) == (1, 24, 1, 1)
    assert messages(stage)[25:] == [(problems[7], "close", "RESOLVED")]
    assert poll(stage).forwarded == 0
