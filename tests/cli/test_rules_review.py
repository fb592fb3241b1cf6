"""Warnings about valid rules under which nothing would be sent, or that name events that OCI does not have."""

import json

import pytest

from epimetheus.cli.rules_review import OTHER_EVENTS, names_events, review_rules
from epimetheus.cli.sdk_operations import sdk_operations
from epimetheus.config.rules_file import read_rules

OPERATIONS = sdk_operations()
AT = "RULES line 1, event_filtering"


def review(severity=None, **filtering):
    text = json.dumps({"event_filtering": filtering, "severity": severity or {}})
    rules = read_rules("RULES", text)[0]
    assert names_events(rules) is bool(
        severity or any(patterns for key, patterns in filtering.items() if key.endswith(("events", "drop", "limiting")))
    )
    return list(review_rules("RULES", text, rules, OPERATIONS))


ALL = f"{AT}.excluded_events: these patterns match every event, so no event would be sent"


@pytest.mark.parametrize(
    "patterns",
    [["*"], ["com.oraclecloud.*"], ["com.oraclecloud.*.*"], ["GetInstance", "**"], ["com.*"], ["*e*", "*a*", "*i*", "*o*", "*u*"]],
)
def test_patterns_that_match_every_event_are_reported(patterns):
    assert review(excluded_events=patterns) == [ALL]
    assert review(excluded_events=patterns, never_drop=["Delete*"]) == []
    assert review(excluded_events=patterns, priority_events=["Delete*"]) == []
    assert review(excluded_events=patterns, mode="all") == []
    assert review(excluded_events=patterns, enabled=False) == []
    assert review(excluded_events=patterns, never_drop=["Delte*"])[0].endswith("so no event would be sent")


@pytest.mark.parametrize("patterns", [["Get*", "List*"], ["com.oraclecloud.ComputeApi.*"], [], ["*Instance*"]])
def test_patterns_that_leave_some_events_are_not_reported(patterns):
    assert review(excluded_events=patterns) == []


def test_included_events_that_match_nothing_are_reported():
    assert review(mode="include", included_events=["TerminateInstnace"]) == [
        f"{AT}.included_events: none of these patterns matches a known event, so no event would be sent",
        f"{AT}.included_events[0]: TerminateInstnace is not a known event name. Did you mean TerminateInstance?",
    ]
    assert review(mode="include", included_events=["TerminateInstance"]) == []


def test_users_who_are_all_excluded_are_reported():
    where = f"{AT}.user_filtering.include_only_users: each of these users is excluded by another rule, so no event would be sent"
    assert where in review(user_filtering={"include_only_users": ["Alice"], "exclude_users": ["alice "]})
    service = {"include_only_users": ["robot"], "service_accounts": ["robot"], "exclude_service_accounts": True}
    assert where in review(user_filtering=service)
    assert review(user_filtering={"include_only_users": ["alice", "bob"], "exclude_users": ["alice"]}) == []
    assert review(user_filtering={"include_only_users": ["alice"], "exclude_users": ["alice"]}, never_drop=["Delete*"]) == []


@pytest.mark.parametrize(
    ("pattern", "warning"),
    [
        ("TerminateInstnace", "TerminateInstnace is not a known event name. Did you mean TerminateInstance?"),
        ("terminateinstnace", "terminateinstnace is not a known event name. Did you mean TerminateInstance?"),
        ("com.oraclecloud.computeApi.TerminateInstnace",
            "com.oraclecloud.computeApi.TerminateInstnace is not a known event name. Did you mean TerminateInstance?"),
        ("com.oraclecloud.ComputeApi.LaunchInstnace.begin",
            "com.oraclecloud.ComputeApi.LaunchInstnace.begin is not a known event name. Did you mean LaunchInstance?"),
        ("Terminat_", None),
        ("Terminatte*", "Terminatte* matches no known event name"),
        ("FrobnicateQuux", "FrobnicateQuux is not a known event name"),
    ],
)  # fmt: skip
def test_unknown_events_are_reported_in_every_list(pattern, warning):
    lists = {"excluded_events": [pattern], "priority_events": ["GetInstance", pattern], "never_drop": [pattern]}
    found = review({pattern: 9}, rate_limiting={pattern: {"max_per_hour": 1}}, **lists)
    paths = [f"{AT}.excluded_events[0]", f"{AT}.priority_events[1]", f"{AT}.never_drop[0]"]
    assert [one for one in found if ".rate_limiting" not in one and "severity" not in one] == [
        f"{path}: {warning}" for path in paths if warning
    ]
    assert len(found) == (5 if warning else 0)


@pytest.mark.parametrize(
    "pattern",
    ["getinstance", "LaunchInstance", "com.oraclecloud.ComputeApi.LaunchInstance.begin", "com.oraclecloud.ComputeApi.*", "Delete*",
     "com.oraclecloud.identityControlPlane.CreateUser", "com.oraclecloud.*.Delete*", "*.LaunchInstance", "*", *OTHER_EVENTS],
)  # fmt: skip
def test_known_events_are_not_reported(pattern):
    assert review(excluded_events=[pattern], never_drop=["Delete*"]) == []
