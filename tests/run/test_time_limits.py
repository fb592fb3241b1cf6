"""Time limits: services without responses, long backlogs, and recovery. No run hangs, and every run makes progress."""

import threading
import time

import pytest

from epimetheus.clock import Deadline
from epimetheus.deliver import Dialer, ReceiverEndpoint, StreamSender
from epimetheus.errors import EpimetheusError
from epimetheus.function.invoke import RunFailed
from tests.support.hand import NOON

SECONDS = 60.0


def ends_in_time(stage, **arguments):
    """One invocation by the simulated clock. Returns its result or error; it must end before the platform would end it."""
    began = stage.hand.time
    try:
        return stage.call(clock=stage.hand.clock, seconds=SECONDS, **arguments)
    except EpimetheusError as error:
        return error
    finally:
        assert stage.hand.time - began <= SECONDS


@pytest.mark.parametrize("kind", ["timeout", "stalled"])
@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("GetNamespace", "Object Storage namespace failed"),
        ("GetObject", "Reading the state"),
        ("PutObject", "Writing the state"),
        ("ListCompartments", "Listing the compartments"),
        ("ListEvents", "0 of 1 compartment could be read"),
        ("PostMetricData", None),
    ],
)
def test_without_responses_of_a_service_the_run_ends_before_the_deadline(stage, operation, expected, kind):
    stage.emit(stage.world.tenancy, 3, 30, 20)
    stage.world.faults.add(kind, operation=operation, times=None)
    result = ends_in_time(stage, API_CONCURRENCY="1")
    if expected is None:
        assert result[0].status == "ok"
    else:
        assert expected in str(result)


@pytest.mark.parametrize("kind", ["timeout", "stalled"])
@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("GetConfiguration", "Reading the configuration of Cloud Guard failed"),
        ("ListProblems", "Listing the ACTIVE problems"),
        ("GetProblem", None),
    ],
)
def test_without_responses_of_cloud_guard_audit_events_arrive_in_time(stage, operation, expected, kind):
    ids = stage.emit(stage.world.tenancy, 3, 30, 20)
    for _ in range(30):
        stage.world.cloud_guard.add(stage.world.tenancy, at=stage.hand.time)
    stage.world.faults.add(kind, operation=operation, times=None)
    result = ends_in_time(stage, API_CONCURRENCY="1", SOURCES="audit,cloud_guard", FORMAT="json")
    assert stage.arrived() == ids
    if expected is None:
        assert (result[1].status, result[1].problems.waiting) == ("partial", 30)
    else:
        assert expected in str(result)


def test_no_service_responds_after_mid_run(stage):
    for number in range(5):
        stage.emit(stage.world.add_compartment(f"c{number}"), 200, 50, 40)
    for service, answers in (("audit", 6), ("objectstorage", 3), ("identity", 1)):
        stage.world.faults.add("timeout", service=service, after=answers, times=None)
    # Without metrics: the SDK limits its retries by the real clock, in which these timeouts take no time, so it makes all of them.
    result = ends_in_time(stage, INITIAL_LOOKBACK_HOURS="1", API_CONCURRENCY="1", METRICS_NAMESPACE="")
    assert isinstance(result, RunFailed)


@pytest.mark.parametrize("kind", ["no_handshake", "never_closes", "stall"])
def test_a_receiver_that_never_responds_fails_the_run_and_loses_nothing(stage, kind):
    stage.emit(stage.world.tenancy, 300, 30, 20)
    stage.receiver.faults.add(kind, times=None)
    began = time.monotonic()
    with pytest.raises(RunFailed, match="failed: timed out"):
        stage.call(seconds=20, SYSLOG_TIMEOUT_SECONDS="1")
    assert time.monotonic() - began < 20
    stage.receiver.faults.clear()
    stage.receiver.stop()
    stage.receiver.start()
    stage.hand.forward(30)
    assert stage.run().forwarded == 300


def test_a_backlog_of_a_year_is_read_oldest_first_with_few_requests(stage):
    year = 365 * 24 * 60
    places = [stage.world.tenancy, *(stage.world.add_compartment(f"c{number}") for number in range(3))]
    for place in places:
        stage.world.compartments[place].created -= 2 * year * 60
    ids = [event for place in places for event in stage.emit(place, 500, year - 200, year - 400)]
    stage.world.faults.add("delay", operation="ListEvents", seconds=0.5, times=None)
    lags, requests = [], 0
    for _ in range(60):
        report = stage.run(clock=stage.hand.clock, seconds=SECONDS, INITIAL_LOOKBACK_HOURS="8760", API_CONCURRENCY="1")
        lags.append(report.position.lag_seconds)
        requests += report.api["audit"]["requests"]
        if report.position.caught_up:
            break
        stage.hand.forward(300)
    assert report.position.caught_up
    assert len(lags) > 1
    assert lags == sorted(lags, reverse=True)
    assert sorted(stage.arrived()) == sorted(ids)
    # With slices of an hour it would be 8,760 requests per compartment.
    assert requests < 400


def test_a_restarted_receiver_gets_the_first_event_within_ten_seconds_of_the_next_run(stage):
    stage.emit(stage.world.tenancy, 2_000, 30, 20)
    stage.receiver.stop()
    with pytest.raises(RunFailed):
        stage.call()
    stage.receiver.start()
    arrived = threading.Event()
    stage.receiver.on_message = lambda message: arrived.set()
    caller = threading.Thread(target=stage.call)
    caller.start()
    assert arrived.wait(10)
    caller.join(30)
    assert len(stage.arrived()) == 2_000


def test_no_connection_is_opened_after_the_deadline(hand):
    deadline = Deadline.after(hand.clock, 5)
    hand.forward(5)
    endpoint = ReceiverEndpoint("127.0.0.1", 9, "localhost", None, 60.0)
    with pytest.raises(EpimetheusError, match="The run is out of time"):
        StreamSender(Dialer(endpoint, deadline), confirm_delay_seconds=0.2, deadline=deadline).write(b"x", 1)
    assert hand.time == NOON + 5

