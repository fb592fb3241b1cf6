"""The call itself: bodies, deadlines, metrics, and errors that show no more than they may."""

import json
from pathlib import Path

import pytest

from epimetheus.clock import Clock
from epimetheus.errors import ConfigError, OutOfTime
from epimetheus.function.invoke import RequestError, RunFailed, Unforeseen, deadline_of, invoke, read_request


@pytest.mark.parametrize("body", [b"", b" \n", b"{}", b'{"action": "run"}', b' {"action":"run"} ', b'{"follow_seconds": 60}'])
def test_bodies_that_ask_for_a_run(body):
    read_request(body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"action": "dance"}', "There is no action 'dance'."),
        (b'{"action": 1}', "There is no action '1'."),
        (b'{"acton": "run"}', "acton"),
        (b'{"action": "replay", "from": "2026-01-01T00:00:00Z"}', "`to`"),
        (b'{"action": "health", "follow_seconds": 60}', "follow_seconds"),
        (b'{"follow_seconds": -1}', "follow_seconds"),
        (b'{"follow_seconds": 3601}', "follow_seconds"),
        (b'{"follow_seconds": "60"}', "follow_seconds"),
        (b"[]", "is not understood"),
        (b"run", "is not understood"),
        (b"\xff\xfe", "is not understood"),
        (b"[" * 100_000, "is not understood"),
        (b'{"action": "%s"}' % (b"x" * 1000), f"There is no action '{'x' * 80}…'."),
    ],
    ids=["dance", "number", "typo", "half", "both", "negative", "long wait", "text", "list", "word", "bytes", "deep", "long"],
)
def test_bodies_that_are_refused(body, why):
    with pytest.raises(RequestError) as caught:
        read_request(body)
    assert why in caught.value.what
    assert caught.value.do == (
        'Send nothing, {"action": "run"}, {"follow_seconds": 3480}, {"action": "health"}, '
        'or {"action": "replay", "from": "2026-11-24T10:00:00Z", "to": "2026-11-24T11:00:00Z"}.'
    )


def test_the_platforms_deadline(hand):
    assert deadline_of("2026-01-01T12:05:00.500Z", hand.clock).left() == pytest.approx(300.5)
    assert deadline_of("2026-01-01T14:00:30+02:00", hand.clock).left() == pytest.approx(30)
    with pytest.raises(OutOfTime, match="has passed before it began"):
        deadline_of("2026-01-01T12:00:00Z", hand.clock)
    with pytest.raises(RequestError, match="'soon' is not an RFC 3339 time"):
        deadline_of("soon", hand.clock)


def test_metrics_are_posted_once_a_region(stage):
    stage.emit(stage.world.tenancy, 3, 30, 20)
    stage.run()
    posted = {stream["name"]: stream for stream in stage.world.metrics}
    assert len(stage.world.requests_for("PostMetricData")) == 1
    assert posted["events_forwarded"]["datapoints"][0]["value"] == 3.0
    assert posted["lag_seconds"]["datapoints"][0]["value"] == 120.0
    assert posted["runs_failed"]["dimensions"] == {"region": "us-ashburn-1"}


def test_no_namespace_is_no_metrics(stage):
    stage.run(METRICS_NAMESPACE="")
    assert stage.world.requests_for("PostMetricData") == []


def test_a_failed_post_is_a_warning_and_the_run_as_good_as_it_was(stage, capsys):
    stage.world.faults.add("status", status=404, operation="PostMetricData", times=None)
    assert stage.run().status == "ok"
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (warning,) = [line for line in lines if line["event"] == "trouble"]
    assert (warning["level"], warning["kind"]) == ("WARNING", "metrics")
    assert "posting metrics: 404" in warning["message"]


def test_a_mistake_in_the_settings_is_one_line_and_an_error_that_may_be_shown(capsys, hand):
    with pytest.raises(ConfigError):
        invoke({"SYSLOG_PORT": "none"}, b"", "2026-01-01T12:05:00Z", clock=hand.clock, new_id=lambda: "run1")
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["level"], line["event"], line["run"], line["kind"]) == ("ERROR", "run", "run1", "configuration")
    assert "SYSLOG_PORT=none" in line["message"]


def test_what_nobody_foresaw_is_raised_without_its_message(stage, capsys):
    def surprise(write):
        raise ZeroDivisionError("hunter2")

    stage.world.put_hook = surprise
    with pytest.raises(Unforeseen, match=r"Run \w+ failed by a mistake of Epimetheus \(ZeroDivisionError\)") as caught:
        stage.call()
    assert caught.value.__cause__ is None
    logged = capsys.readouterr().err
    assert "hunter2" not in logged + str(caught.value)
    line = json.loads(logged.splitlines()[-1])
    assert line["exception"] == "ZeroDivisionError"
    assert any("surprise" in place for place in line["trace"])


def test_secrets_that_settings_point_to_are_read_from_the_vault_and_the_bucket(stage):
    text = Path(stage.environment["SYSLOG_CA"].removeprefix("file:")).read_text("utf-8")
    stage.world.secret("ocid1.vaultsecret.oc1..ca", text)
    stage.world.put("audit-state", "ca.pem", text.encode())
    ids = stage.emit(stage.world.tenancy, 3, 30, 20)
    assert stage.run(SYSLOG_CA="vault:ocid1.vaultsecret.oc1..ca").forwarded == 3
    stage.hand.forward(600)
    more = stage.emit(stage.world.tenancy, 2, 5)
    assert stage.run(SYSLOG_CA="object:ca.pem").forwarded == 2
    assert stage.arrived() == [*ids, *more]


def test_the_receiver_can_be_spoken_to_in_lines_and_json(stage):
    ids = stage.emit(stage.world.tenancy, 3, 30, 20)
    stage.run(SYSLOG_FRAMING="lf", FORMAT="json")
    assert stage.arrived() == ids
    assert b"ocid1.tenancy" in stage.receiver.messages[0]


def test_no_message_over_the_limit_leaves(stage):
    stage.world.emit(stage.world.tenancy, 40, stage.hand.time - 1800, stage.hand.time - 600)
    report = stage.run(SYSLOG_MAX_BYTES="700", FORMAT="json")
    assert max(map(len, stage.receiver.messages)) <= 700
    assert (len(stage.receiver.messages), report.truncated) == (40, 40)


def test_a_call_that_follows_runs_again_every_minute_for_so_long(stage):
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


def test_a_call_that_follows_ends_before_its_deadline(stage):
    clock = stage.hand.clock
    began = stage.hand.time
    assert len(stage.call(b'{"follow_seconds": 3480}', seconds=200, clock=clock)) == 4
    assert stage.hand.time - began < 200


def test_a_call_that_follows_goes_on_after_a_failed_run_and_fails_in_the_end(stage):
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
