"""Problems of Cloud Guard through the real function: each new or changed version arrives once, whatever fails."""

import json

import pytest

from epimetheus.function.invoke import RunFailed
from epimetheus.model import minute_text
from epimetheus.run import problems as run_problems
from epimetheus.testing.syslog import parse_message
from tests.support.harness import MINUTE

BOTH = {"SOURCES": "audit,cloud_guard", "FORMAT": "json", "CLOUD_GUARD_MINUTES": "1"}
POLL = {**BOTH, "SOURCES": "cloud_guard"}


def messages(stage):
    """The problems that have arrived: OCID, activity and state."""
    found = [json.loads(parse_message(message).body) for message in stage.receiver.messages]
    return [(one["eventId"], one["activity"], one["data"]["lifecycleDetail"]) for one in found if "activity" in one]


def arrived(stage):
    return [problem for problem, _, _ in messages(stage)]


def poll(stage, minutes=15, **changes):
    stage.hand.time += MINUTE * minutes
    return stage.run(**{**POLL, **changes})


def failed_poll(stage, minutes=15, **changes):
    with pytest.raises(RunFailed) as raised:
        poll(stage, minutes, **changes)
    return str(raised.value)


@pytest.fixture
def guard(stage):
    return stage.world.cloud_guard


@pytest.fixture
def prod(stage):
    return stage.world.add_compartment("prod")


def test_25_problems_arrive_and_one_that_is_resolved_is_one_more_message(stage, guard, prod):
    problems = [guard.add(prod) for _ in range(25)]
    report = poll(stage)
    assert (report.region, report.status, report.forwarded, report.problems.active) == ("cloud-guard", "ok", 25, 25)
    assert sorted(messages(stage)) == sorted((problem, "create", "OPEN") for problem in problems)
    assert poll(stage).forwarded == 0
    guard.resolve(problems[7])
    report = poll(stage)
    assert (report.forwarded, report.problems.active, report.problems.inactive, report.problems.changed) == (1, 24, 1, 1)
    assert messages(stage)[25:] == [(problems[7], "close", "RESOLVED")]
    assert poll(stage).forwarded == 0


def test_each_change_is_one_message(stage, guard, prod):
    problem = guard.add(prod, "BUCKET_IS_PUBLIC")
    poll(stage)
    for change in ({"riskLevel": "LOW"}, {"at": stage.hand.time}, {"lifecycleDetail": "DISMISSED"}, {"lifecycleDetail": "OPEN"}):
        guard.change(problem, **change)
        poll(stage)
        poll(stage)
    activities = [activity for _, activity, _ in messages(stage)]
    assert activities == ["create", "update", "update", "close", "update"]  # it is open again as it was before


def test_messages_have_details_and_the_path_of_the_compartment(stage, guard, prod):
    guard.add(prod, "BUCKET_IS_PUBLIC")
    poll(stage)
    (message,) = stage.receiver.messages
    body = json.loads(parse_message(message).body)
    assert body["data"]["recommendation"].startswith("Ensure that the bucket is sanctioned")
    assert body["epimetheus"] == {"compartmentPath": "root/prod", "severity": 10}
    assert b" cloud-guard epimetheus - problem [" in message


def test_audit_and_cloud_guard_have_states_and_ledgers_of_their_own(stage, guard, prod):
    stage.emit(prod, 3, minutes_ago=10)
    guard.add(prod)
    audit, problems = stage.call(**BOTH)
    assert (audit.region, audit.forwarded, problems.region, problems.forwarded) == ("us-ashburn-1", 3, "cloud-guard", 1)
    names = [name for name in stage.world.objects("audit-state") if "cloud-guard" in name]
    assert {name.split("/")[1] for name in names} == {"cloud-guard.state", "cloud-guard.started", "ledger", "seals", "cloud-guard"}
    assert [entry.source for entry in stage.entries("cloud-guard").values()] == ["cloud_guard"] * 2  # before and after sending


def test_problems_are_not_late_although_audit_events_are_pushed(stage, guard, prod):
    guard.add(prod)
    report = poll(stage, PUSH="true")
    assert (report.status, report.forwarded, report.late, report.filled) == ("ok", 1, 0, 0)
    assert b"late=" not in stage.receiver.messages[0]
    assert [warning for warning in report.warnings if "pushed" in warning] == []


def test_cloud_guard_is_polled_every_cloud_guard_minutes(stage, guard, prod):
    changes = {**BOTH, "CLOUD_GUARD_MINUTES": "15"}
    regions = []
    for _ in range(5):
        regions.append([report.region for report in stage.call(**changes)])
        stage.hand.time += 5 * MINUTE
    both, audit = ["us-ashburn-1", "cloud-guard"], ["us-ashburn-1"]
    assert regions == [both, audit, audit, both, audit]


def test_problems_are_read_in_the_reporting_region(stage, guard, prod):
    stage.world.regions.append("eu-frankfurt-1")
    guard.reporting_region = "eu-frankfurt-1"
    problem = guard.add(prod)
    assert poll(stage).problems.region == "eu-frankfurt-1"
    assert arrived(stage) == [problem]
    assert {one.region for one in stage.world.requests_for("ListProblems")} == {"eu-frankfurt-1"}


@pytest.mark.parametrize(
    ("operation", "statement"),
    [
        ("GetConfiguration", "Allow group NAME to read cloud-guard-config in tenancy"),
        ("ListProblems", "Allow group NAME to read cloud-guard-problems in tenancy"),
    ],
)
def test_a_refusal_names_the_missing_policy_and_audit_goes_on(stage, guard, prod, operation, statement):
    stage.emit(prod, 3, minutes_ago=10)
    guard.add(prod)
    stage.world.faults.add("status", status=404, operation=operation, times=None)
    with pytest.raises(RunFailed) as raised:
        stage.call(**BOTH)
    assert statement in str(raised.value)
    assert str(raised.value).startswith("cloud-guard: ")
    assert len(stage.arrived()) == 3


def test_a_tenancy_without_cloud_guard_says_so_and_audit_goes_on(stage, guard, prod):
    stage.emit(prod, 3, minutes_ago=10)
    guard.status = "DISABLED"
    with pytest.raises(RunFailed) as raised:
        stage.call(**BOTH)
    assert str(raised.value) == (
        "cloud-guard: Cloud Guard is not enabled in this tenancy: its status is DISABLED. Enable Cloud Guard, or remove cloud_guard from"
        " SOURCES. Audit events are forwarded all the same."
    )
    assert len(stage.arrived()) == 3


def test_throttling_is_retried_and_counted(stage, guard, prod):
    problem = guard.add(prod)
    for operation in ("GetConfiguration", "ListProblems", "GetProblem"):
        stage.world.faults.add("status", status=429, operation=operation)
    report = poll(stage)
    assert report.api["cloud_guard"]["throttled"] == 3
    assert arrived(stage) == [problem]


def test_what_was_listed_before_a_failure_arrives(stage, guard, prod):
    active = guard.add(prod)
    closed = guard.add(prod)
    guard.resolve(closed)
    fault = stage.world.faults.add("status", status=500, operation="ListProblems", times=None, after=1)
    assert "Listing the INACTIVE problems" in failed_poll(stage)
    assert arrived(stage) == [active]
    stage.world.faults.remove(fault)
    assert poll(stage).forwarded == 1
    assert arrived(stage) == [active, closed]


def test_a_problem_without_details_is_sent_as_listed(stage, guard, prod):
    problem = guard.add(prod)
    stage.world.faults.add("status", status=404, operation="GetProblem")
    report = poll(stage)
    assert (report.status, report.problems.without_details) == ("ok", 1)
    assert arrived(stage) == [problem]
    assert poll(stage).forwarded == 0


def test_problems_whose_details_cannot_be_read_now_wait(stage, guard, prod):
    problems = [guard.add(prod) for _ in range(5)]
    fault = stage.world.faults.add("status", status=503, operation="GetProblem", times=None, after=2)
    report = poll(stage)
    assert (report.status, report.forwarded, report.problems.waiting) == ("partial", 2, 3)
    stage.world.faults.remove(fault)
    assert poll(stage, minutes=1).forwarded == 3
    assert sorted(arrived(stage)) == sorted(problems)


def test_problems_whose_details_can_never_be_read_do_not_stop_the_others(stage, guard, prod):
    """They are the most severe, so their details are requested first."""
    failing = [guard.add(prod, "BUCKET_IS_PUBLIC") for _ in range(4)]
    guard.failing.update(failing)
    others = [guard.add(prod, "PASSWORD_TOO_OLD") for _ in range(5)]
    for _ in range(run_problems.MOST_ATTEMPTS):
        report = poll(stage)
        assert (report.status, report.problems.waiting, report.warnings[1:]) == ("partial", 9, [])
    report = poll(stage)
    assert (report.status, report.forwarded, report.problems.without_details) == ("ok", 9, 4)
    assert report.warnings == [
        "Sent as listed: 4 problems whose details could not be read, in this run or the 3 runs before it. See the errors in the log for the"
        " cause."
    ]
    assert sorted(arrived(stage)) == sorted([*failing, *others])
    assert poll(stage).fetched == 0


@pytest.mark.parametrize("item", [None, "text", 7, [], True])
def test_a_listed_item_that_is_no_problem_does_not_stop_the_others(stage, guard, prod, item):
    problem = guard.add(prod)
    guard.odd_items += [item, item]
    for forwarded in (1, 0):
        report = poll(stage)
        assert (report.status, report.forwarded, report.problems.active) == ("ok", forwarded, 1)
        assert report.warnings[-1] == (
            "Skipped 2 items in the listings of problems: they are not JSON objects. If this persists, report it to Oracle, or check for a"
            " proxy that answers in place of OCI."
        )
    assert arrived(stage) == [problem]


def test_more_changes_than_a_run_keeps_are_left_to_the_next_one(stage, guard, prod, monkeypatch):
    monkeypatch.setattr(run_problems, "MOST_CHANGED", 3)
    for _ in range(5):
        guard.add(prod)
    report = poll(stage)
    assert (report.status, report.forwarded, report.problems.changed, report.problems.waiting) == ("partial", 3, 5, 2)
    assert (poll(stage, minutes=1).forwarded, poll(stage, minutes=1).fetched) == (2, 0)


def test_problems_without_an_ocid_arrive_once(stage, guard, prod):
    for name in ("a", "b"):
        guard.problems[guard.add(prod, resourceName=name)]["id"] = None
    assert poll(stage).forwarded == 2
    assert poll(stage).fetched == 0


def test_the_most_severe_problems_are_sent_first(stage, guard, prod):
    for _ in range(10):
        guard.add(prod)
    poll(stage)
    order = [guard.problems[one]["riskLevel"] for one in arrived(stage)]
    assert len(order) == 10
    assert order == sorted(order, key=["CRITICAL", "HIGH", "MEDIUM", "LOW", "MINOR"].index)


def test_a_failed_write_of_the_state_repeats_nothing(stage, guard, prod):
    problem = guard.add(prod)
    poll(stage)
    second = guard.add(prod)
    put = stage.world.faults.add("status", status=500, operation="PutObject", times=None, after=3)  # the lease, and two entries
    failed_poll(stage)
    stage.world.faults.remove(put)
    poll(stage)
    assert arrived(stage) == [problem, second]


def test_a_receiver_that_is_down_loses_nothing(stage, guard, prod):
    problem = guard.add(prod)
    failed_poll(stage, SYSLOG_PORT="1")
    assert poll(stage).forwarded == 1
    assert arrived(stage) == [problem]


def test_a_state_that_arrived_unconfirmed_is_followed_by_the_one_that_is_listed(stage, guard, prod):
    """The ledger has OPEN, and the receiver got RESOLVED, which was not confirmed: OPEN is sent again."""
    problem = guard.add(prod)
    poll(stage)
    before = dict(guard.problems[problem])
    guard.resolve(problem)
    stage.receiver.faults.add("die", after=1)
    failed_poll(stage)
    stage.receiver.start()
    guard.problems[problem] = before
    assert (poll(stage).forwarded, poll(stage).forwarded) == (1, 0)
    assert messages(stage) == [(problem, "create", "OPEN"), (problem, "close", "RESOLVED"), (problem, "update", "OPEN")]


def test_a_problem_that_may_have_arrived_is_still_a_new_one(stage, guard, prod):
    problem = guard.add(prod)
    stage.receiver.faults.add("die", after=1)
    failed_poll(stage)
    stage.receiver.start()
    poll(stage)
    assert messages(stage) == [(problem, "create", "OPEN")] * 2


def test_nothing_is_sent_if_what_is_about_to_be_sent_cannot_be_entered(stage, guard, prod):
    guard.add(prod)
    stage.world.faults.add("status", status=500, operation="PutObject", times=None, after=1)
    failed_poll(stage)
    assert arrived(stage) == []


def test_an_unchanged_problem_is_never_repeated(stage, guard, prod):
    """Its key is entered again every six hours, and later entries are all that is read."""
    problem = guard.add(prod)
    for _ in range(20):
        poll(stage, minutes=4 * 60)
    poll(stage, minutes=40 * 24 * 60)  # no run for longer than the ledger is read back
    assert arrived(stage) == [problem]
    assert len(stage.entries("cloud-guard")) == 12
    stage.world.requests.clear()
    poll(stage)
    entries = [one for one in stage.world.requests_for("GetObject") if "ledger%2F" in one.path]
    assert len(entries) == 1


def test_only_selected_compartments_are_read(stage, guard, prod):
    test = stage.world.add_compartment("test")
    kept, excluded = guard.add(prod), guard.add(test)
    report = poll(stage, COMPARTMENT_MODE="exclude", COMPARTMENT_IDS=test)
    assert (report.forwarded, report.problems.excluded) == (1, 1)
    assert arrived(stage) == [kept]
    assert excluded not in arrived(stage)


def test_rules_name_problems_by_their_detector_rule(stage, guard, prod):
    """Critical and high risks pass the lists, but not the limits."""
    filtering = {"enabled": True, "mode": "exclude", "excluded_events": ["CloudGuardProblem.*"], "rate_limiting": {}}
    filtering["rate_limiting"] = {"CloudGuardProblem.SECURITY_LISTS_OPEN_PORTS": {"enabled": True, "max_per_hour": 1}}
    filtering["user_filtering"] = {"include_only_users": ["alice"]}
    for _ in range(10):
        guard.add(prod)
    report = poll(stage, RULES=json.dumps({"event_filtering": filtering}))
    assert report.filtered == {"excluded_event": 6, "rate_limited": 1}
    assert [guard.problems[one]["riskLevel"] for one in arrived(stage)] == ["CRITICAL", "CRITICAL", "HIGH"]
    assert poll(stage, RULES=json.dumps({"event_filtering": filtering})).fetched == 0


def test_a_replay_sends_the_problems_of_a_window(stage, guard, prod):
    now = stage.hand.time
    old, new = guard.add(prod, at=now - 3 * 3600), guard.add(prod, at=now - 3600)
    closed = guard.add(prod, at=now - 3700)
    guard.resolve(closed)
    poll(stage)
    body = {"action": "replay", **window(now - 2 * 3600, now)}
    (replayed,) = stage.call(json.dumps(body).encode(), **POLL)
    assert (replayed.region, replayed.status, replayed.forwarded) == ("cloud-guard", "ok", 2)
    assert sorted(arrived(stage)[3:]) == sorted([new, closed])
    assert old not in arrived(stage)[3:]
    assert all(b'replay="true"' in message for message in stage.receiver.messages[3:])
    body = {**body, "compartments": [stage.world.tenancy]}
    (replayed,) = stage.call(json.dumps(body).encode(), **POLL)
    assert replayed.forwarded == 0


def window(start, end):
    return {"from": minute_text(int(start // 60)), "to": minute_text(int(end // 60) + 1)}


def test_only_audit_events_can_be_missing(stage, guard, prod):
    guard.add(prod)
    stage.call(**BOTH)
    body = {"action": "reconcile", **window(stage.hand.time - 7200, stage.hand.time - 3600)}
    assert [one.region for one in stage.call(json.dumps(body).encode(), **BOTH)] == ["us-ashburn-1"]
