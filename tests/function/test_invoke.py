"""Invocations: bodies, deadlines, metrics, and errors without secrets."""

import json
from pathlib import Path

import pytest

from epimetheus.clock import Clock
from epimetheus.errors import ConfigError, OutOfTime
from epimetheus.function.invoke import InternalError, RequestError, RunFailed, deadline_of, invoke, read_request
from epimetheus.function.request import Push


@pytest.mark.parametrize("body", [b"", b" \n", b"{}", b'{"action": "run"}', b' {"action":"run"} ', b'{"follow_seconds": 60}'])
def test_bodies_that_request_a_run(body):
    read_request(body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"action": "dance"}', "The request was rejected: unknown action 'dance'."),
        (b'{"action": 1}', "The request was rejected: unknown action '1'."),
        (b'{"acton": "run"}', "acton"),
        (b'{"action": "replay", "from": "2026-01-01T00:00:00Z"}', "`to`"),
        (b'{"action": "health", "follow_seconds": 60}', "follow_seconds"),
        (b'{"follow_seconds": -1}', "follow_seconds"),
        (b'{"follow_seconds": 3601}', "follow_seconds"),
        (b'{"follow_seconds": "60"}', "follow_seconds"),
        (b"run", "The request was rejected: "),
        (b"\xff\xfe", "The request was rejected: "),
        (b'{"a":' * 100_000, "The request was rejected: "),
        (b'{"action": "%s"}' % (b"x" * 1000), f"The request was rejected: unknown action '{'x' * 80}…'."),
    ],
    ids=["dance", "number", "typo", "half", "both", "negative", "long wait", "text", "word", "bytes", "deep", "long"],
)
def test_rejected_bodies(body, why):
    with pytest.raises(RequestError) as caught:
        read_request(body)
    assert why in caught.value.what
    assert caught.value.do == (
        'Send an empty body, {"action": "run"}, {"follow_seconds": 3480}, {"action": "health"}, '
        'or {"action": "replay", "from": "2026-11-24T10:00:00Z", "to": "2026-11-24T11:00:00Z"}; "reconcile" takes the same times.'
    )


@pytest.mark.parametrize(
    "body", [b"[]", b" [1", b'{"data": 1}', b'{"logContent": {}}', b'{"stream": "s", "partition": "0", "value": "e30="}', b"[" * 100_000]
)
def test_a_list_and_an_event_are_a_batch(body):
    assert read_request(body) == Push(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": "\x01"}', b'{"data": {"x": "\xff"}}', rb'{"data": {"x": "\ud800"}}', b'{"id": "e", "data" : {', b' {"value": "e30',
        b'{"logContent": %b%b}' % (b"[" * 5_000, b"]" * 5_000), b'{"type": "%b", "data": {"action": "\x01"}}' % (b"t" * 200),
    ],
)  # fmt: skip
def test_an_event_that_is_not_json_is_a_batch(body):
    """A connector would send it again and again, and nothing after it."""
    assert read_request(body) == Push(body)


@pytest.mark.parametrize("body", [b'{"action": "run"', b'{"follow_seconds": 60', b'{"action": "run", "value": }', b"{" * 5_000])
def test_a_request_that_is_not_json_is_rejected(body):
    with pytest.raises(RequestError):
        read_request(body)


def test_the_platforms_deadline(hand):
    assert deadline_of("2026-01-01T12:05:00.500Z", hand.clock).left() == pytest.approx(300.5)
    assert deadline_of("2026-01-01T14:00:30+02:00", hand.clock).left() == pytest.approx(30)
    with pytest.raises(OutOfTime, match=r"The invocation began after its deadline\."):
        deadline_of("2026-01-01T12:00:00Z", hand.clock)
    with pytest.raises(RequestError, match="'soon' is not an RFC 3339 time"):
        deadline_of("soon", hand.clock)


def test_metrics_are_posted_once_per_region(stage):
    stage.emit(stage.world.tenancy, 3, 30, 20)
    stage.run()
    posted = {stream["name"]: stream for stream in stage.world.metrics}
    assert len(stage.world.requests_for("PostMetricData")) == 1
    assert posted["events_forwarded"]["datapoints"][0]["value"] == 3.0
    assert posted["lag_seconds"]["datapoints"][0]["value"] == 120.0
    assert posted["runs_failed"]["dimensions"] == {"deployment": "audit-state/epimetheus", "region": "us-ashburn-1"}


@pytest.mark.parametrize(
    ("settings", "deployment"),
    [
        ({"STATE_PREFIX": "audit/second/"}, "audit-state/audit/second"),
        ({"STATE_PREFIX": "second-"}, "audit-state/second-"),
        ({"STATE_PREFIX": "x" * 300}, "audit-state/" + "x" * 244),
    ],
)
def test_deployments_that_post_to_one_compartment_differ(stage, settings, deployment):
    """The alarms of one deployment must not see the metrics of another."""
    stage.run(**settings)
    assert {stream["dimensions"]["deployment"] for stream in stage.world.metrics} == {deployment}


def test_without_a_namespace_no_metrics_are_posted(stage):
    stage.run(METRICS_NAMESPACE="")
    assert stage.world.requests_for("PostMetricData") == []


def test_a_failed_post_of_metrics_is_a_warning_only(stage, capsys):
    stage.world.faults.add("status", status=404, operation="PostMetricData", times=None)
    assert stage.run().status == "ok"
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (warning,) = [line for line in lines if line["event"] == "problem"]
    assert (warning["level"], warning["kind"]) == ("WARNING", "metrics")
    assert "Posting metrics failed: OCI returned 404" in warning["message"]


def test_an_invalid_setting_is_one_log_line_and_an_error(capsys, hand):
    with pytest.raises(ConfigError):
        invoke({"SYSLOG_PORT": "none"}, b"", "2026-01-01T12:05:00Z", clock=hand.clock, new_id=lambda: "run1")
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["level"], line["event"], line["run"], line["kind"]) == ("ERROR", "run", "run1", "configuration")
    assert "SYSLOG_PORT=none" in line["message"]


def test_an_internal_error_is_raised_without_its_message(stage, capsys):
    def fail(write):
        raise ZeroDivisionError("hunter2")

    stage.world.put_hook = fail
    with pytest.raises(InternalError, match=r"Run \w+ failed: a bug in Epimetheus raised ZeroDivisionError\.") as caught:
        stage.call()
    assert caught.value.__cause__ is None
    logged = capsys.readouterr().err
    assert "hunter2" not in logged + str(caught.value)
    line = json.loads(logged.splitlines()[-1])
    assert line["exception"] == "ZeroDivisionError"
    assert any("fail" in place for place in line["trace"])


def test_referenced_settings_are_read_from_the_vault_and_the_bucket(stage):
    text = Path(stage.environment["SYSLOG_CA"].removeprefix("file:")).read_text("utf-8")
    stage.world.secret("ocid1.vaultsecret.oc1..ca", text)
    stage.world.put("audit-state", "ca.pem", text.encode())
    ids = stage.emit(stage.world.tenancy, 3, 30, 20)
    assert stage.run(SYSLOG_CA="vault:ocid1.vaultsecret.oc1..ca").forwarded == 3
    stage.hand.forward(600)
    more = stage.emit(stage.world.tenancy, 2, 5)
    assert stage.run(SYSLOG_CA="object:ca.pem").forwarded == 2
    assert stage.arrived() == [*ids, *more]


def test_lf_framing_and_json(stage):
    ids = stage.emit(stage.world.tenancy, 3, 30, 20)
    stage.run(SYSLOG_FRAMING="lf", FORMAT="json")
    assert stage.arrived() == ids
    assert b"ocid1.tenancy" in stage.receiver.messages[0]


def test_no_message_exceeds_max_bytes(stage):
    stage.world.emit(stage.world.tenancy, 40, stage.hand.time - 1800, stage.hand.time - 600)
    report = stage.run(SYSLOG_MAX_BYTES="700", FORMAT="json")
    assert max(map(len, stage.receiver.messages)) <= 700
    assert (len(stage.receiver.messages), report.truncated) == (40, 40)


def test_follow_seconds_runs_again_every_minute(stage):
    first = stage.emit(stage.world.tenancy, 3, 30, 20)
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        stage.hand.forward(seconds)
        if seconds == 60 and len(later) < 2:
            later.extend(stage.emit(stage.world.tenancy, 1, 3, seed=len(later) + 1))

    later: list[str] = []
    clock = Clock(now=lambda: stage.hand.time, monotonic=lambda: stage.hand.time, sleep=sleep)
    reports = stage.call(b'{"follow_seconds": 230}', seconds=600, clock=clock)
    assert [report.forwarded for report in reports] == [3, 1, 1, 0]
    assert waits.count(60) == 3
    assert stage.arrived() == [*first, *later]
    assert len({report.run for report in reports}) == 4
    assert stage.state().lease is None


def test_follow_seconds_ends_before_the_deadline(stage):
    clock = stage.hand.clock
    began = stage.hand.time
    assert len(stage.call(b'{"follow_seconds": 3480}', seconds=200, clock=clock)) == 4
    assert stage.hand.time - began < 200


def test_follow_seconds_continues_after_a_failed_run_and_raises_at_the_end(stage):
    ids = stage.emit(stage.world.tenancy, 3, 30, 20)
    stage.receiver.stop()

    def sleep(seconds):
        stage.hand.forward(seconds)
        if seconds == 60 and not started:
            started.append(stage.receiver.start())

    started: list[object] = []
    clock = Clock(now=lambda: stage.hand.time, monotonic=lambda: stage.hand.time, sleep=sleep)
    with pytest.raises(RunFailed):
        stage.call(b'{"follow_seconds": 180}', seconds=200, clock=clock)
    assert stage.arrived() == ids
