"""Leases: short, renewed, and returned however a run ends. With real processes, signals and closed pipes."""

import os
import shlex
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from epimetheus.clock import Clock
from epimetheus.errors import StateConflict, StateError
from epimetheus.function.invoke import InternalError, RunFailed, invoke
from epimetheus.model import time_text
from epimetheus.run.forwarder import Forwarder
from epimetheus.signals import Signaled, raise_on_signals
from epimetheus.state.encoding import unpack
from epimetheus.state.file import FileStore
from epimetheus.state.model import Lease, State
from epimetheus.state.session import StateSession
from epimetheus.testing.function import serve_function
from epimetheus.testing.oci import World, serve
from epimetheus.testing.syslog import Authority, receive
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.support.budget import budget
from tests.support.harness import event_id, restored_logging
from tests.support.warm import command_words

ROOT = Path(__file__).parents[2]
REGION, BUCKET, STATE = "us-ashburn-1", "b", "epimetheus/us-ashburn-1.state"
EVENTS = 2_000


@dataclass
class Scene:
    """The environment of a separate process: a served world, a receiver, and settings for both."""

    world: World
    receiver: object
    environment: dict[str, str]
    expected: set[str]

    def state(self):
        return unpack(self.world.objects(BUCKET)[STATE], "the state")

    def start(self, *words, **pipes):
        environment = {**self.environment, "PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": self.environment["TMPDIR"]}
        command = command_words(*(words or ("run", "--timeout", "10h")))
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **pipes}
        return subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes)

    def arrived(self):
        return {event for event in map(event_id, self.receiver.messages) if not event.startswith("seal-")}

    def wait_for(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the condition did not become true"
            time.sleep(0.02)

    def check_next_run(self):
        """The next run, in this process, gets the lease at once and delivers the rest."""
        with restored_logging():
            (report,) = invoke(self.environment, b"", time_text(time.time() + 60))
        assert report.status == "ok"
        assert self.arrived() == self.expected


@pytest.fixture
def scene(tmp_path, api_key):
    with scened(tmp_path, api_key) as scene:
        yield scene


@contextmanager
def scened(tmp_path, api_key):
    world = World(page_size=200, api_key=api_key)
    world.bucket(BUCKET)
    now = time.time()
    expected = set(world.emit(world.tenancy, EVENTS, now - 3600, now - 1800))
    authority = Authority(tmp_path / "authority")
    with receive(authority) as receiver, serve(world) as served:
        environment = {
            "OCI_AUTH": "config_file",
            "OCI_CONFIG_FILE": str(world.credentials(tmp_path)),
            "OCI_ENDPOINT": served.url,
            "SYSLOG_HOST": "localhost",
            "SYSLOG_PORT": str(receiver.port),
            "SYSLOG_CA": f"file:{authority.ca}",
            "STATE_BUCKET": BUCKET,
            "INITIAL_LOOKBACK_HOURS": "2",
            "SYSLOG_CONFIRM_DELAY_SECONDS": "0.15",
            "SYSLOG_TIMEOUT_SECONDS": "3",
            "TMPDIR": str(tmp_path),
        }
        yield Scene(world, receiver, environment, expected)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("waiting_for", ["OCI", "receiver"])
def test_a_signal_returns_the_lease_and_is_the_exit_code(scene, number, code, waiting_for):
    if waiting_for == "OCI":
        scene.world.faults.add("delay", operation="ListEvents", seconds=60, after=3, times=None)
    else:
        scene.receiver.faults.add("stall", after=100)
    process = scene.start()
    if waiting_for == "OCI":
        scene.wait_for(lambda: len(scene.world.requests_for("ListEvents")) >= 3)
    else:
        scene.wait_for(lambda: len(scene.receiver.messages) >= 100)
    time.sleep(0.3)
    lease = scene.state().lease
    assert time.time() + 240 < lease.until <= time.time() + 300
    began = time.monotonic()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == code, stderr
    # Python handles no signal while OpenSSL waits for close_notify, at most SYSLOG_TIMEOUT_SECONDS.
    assert time.monotonic() - began < 8, stderr
    name = signal.Signals(number).name
    assert f"{REGION}: Interrupted by {name}: the state is saved through " in stderr
    assert "and the lease is returned. The next run continues from there; events sent since the last save are sent again." in stderr
    assert stderr.endswith(f"Interrupted by {name}.\n")
    assert "Traceback" not in stderr
    assert scene.state().lease is None
    scene.world.faults.clear()
    scene.receiver.faults.clear()
    scene.check_next_run()


def test_a_killed_run_leaves_a_lease_of_at_most_five_minutes(scene):
    scene.world.faults.add("delay", operation="ListEvents", seconds=60, times=None)
    process = scene.start()
    scene.wait_for(lambda: scene.world.requests_for("ListEvents"))
    process.kill()
    process.communicate()
    lease = scene.state().lease
    assert 0 < lease.until - time.time() <= 300
    scene.world.faults.clear()
    done = scene.start("run")
    stdout, _ = done.communicate(timeout=60)
    assert (done.returncode, f"Run {lease.run} holds the lease since " in stdout) == (0, True)
    done = scene.start("state", "unlock", "--yes")
    stdout, _ = done.communicate(timeout=60)
    assert (done.returncode, f"run {lease.run} holds the lease since " in stdout, "removed the lease" in stdout) == (0, True, True)
    scene.check_next_run()


@pytest.mark.parametrize("broken", ["stderr", "both", "full", "closed"])
def test_a_broken_output_neither_ends_a_run_nor_changes_its_exit_code(scene, broken):
    scene.world.add_compartment("forbidden")
    scene.world.faults.add("status", status=503, operation="ListEvents", after=2, times=2)  # so that the run logs something
    if broken == "full":
        with open("/dev/full", "w") as full:
            process = scene.start("run", "--json", stdout=full, stderr=full)
    elif broken == "closed":
        process = scene.start("run", "--json", stdout=None, stderr=None, preexec_fn=lambda: os.closerange(1, 3))
    else:
        read, write = os.pipe()
        process = scene.start("run", "--json", stderr=write, stdout=write if broken == "both" else subprocess.DEVNULL)
        os.close(read)
        os.close(write)
    assert process.wait(60) == 0
    assert scene.arrived() == scene.expected
    assert (scene.state().lease, scene.state().last["forwarded"]) == (None, EVENTS)


def test_a_pipe_that_closes_after_one_line_does_not_end_a_run(scene):
    command = f"{shlex.join(command_words('run'))} 2>&1 | head -1; exit ${{PIPESTATUS[0]}}"
    environment = {**scene.environment, "PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["/bin/bash", "-c", command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    assert scene.state().lease is None
    assert scene.arrived() == scene.expected


def test_a_terminated_function_returns_its_lease(scene):
    scene.world.faults.add("delay", operation="ListEvents", seconds=60, times=None)
    with serve_function(ROOT / "func.py", scene.environment) as function:
        call = threading.Thread(target=lambda: ignore_errors(function.call), daemon=True)
        call.start()
        scene.wait_for(lambda: scene.world.requests_for("ListEvents"))
        assert scene.state().lease is not None
        function.process.terminate()
        function.process.wait(20)
        stderr = function.stderr.read_text("utf-8")
    assert scene.state().lease is None
    assert "Interrupted by SIGTERM: the state is saved through" in stderr
    scene.world.faults.clear()
    scene.check_next_run()


def ignore_errors(call):
    with suppress(Exception):
        call()


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, BrokenPipeError, MemoryError, ZeroDivisionError, GeneratorExit])
@pytest.mark.parametrize("step", ["forward_page", "finish"])
def test_a_run_returns_its_lease_whatever_exception_ends_it(stage, monkeypatch, ending, step, capsys):
    ids = stage.emit(stage.world.tenancy, 10, 30, 20)
    real = getattr(Forwarder, step)

    def ended(*_, **__):
        monkeypatch.setattr(Forwarder, step, real)
        raise ending

    monkeypatch.setattr(Forwarder, step, ended)
    with pytest.raises(InternalError if issubclass(ending, Exception) else ending):
        stage.call()
    assert stage.state().lease is None
    assert f"Interrupted by {ending.__name__}: the state is saved through 20" in capsys.readouterr().err
    assert stage.run().status == "ok"
    assert stage.arrived() == ids


@pytest.mark.parametrize("call", range(2, 80, budget(quick=7, full=3)))
def test_a_signal_at_any_time_leaves_neither_a_lease_nor_a_gap(stage, call):
    """The signal arrives at clock call number ``call``: while the run opens the state, reads, sends, confirms, or saves."""
    ids = stage.emit(stage.world.tenancy, 30, 30, 20)
    calls = []

    def now():
        calls.append(None)
        if len(calls) == call:
            raise Signaled(signal.SIGTERM)
        return stage.hand.time

    def monotonic():
        now()
        return time.monotonic()

    with suppress(Signaled):
        stage.call(clock=Clock(now=now, monotonic=monotonic, sleep=time.sleep), seconds=60)
    assert STATE not in stage.world.objects("audit-state") or stage.state().lease is None
    report = stage.run()
    assert report.status == "ok"
    assert set(stage.arrived()) == set(ids)


def test_a_signal_while_a_failed_run_is_saved_returns_the_lease(stage, monkeypatch):
    stage.emit(stage.world.tenancy, 10, 30, 20)
    stage.receiver.stop()
    real = Forwarder.finish

    def finish(*arguments):
        if failed:
            raise Signaled(signal.SIGINT)
        failed.append(None)
        real(*arguments)

    failed: list[None] = []
    monkeypatch.setattr(Forwarder, "finish", finish)
    with pytest.raises(Signaled):
        stage.call()
    assert stage.state().lease is None


def test_a_lease_whose_write_got_no_response_is_returned(stage):
    stage.run()
    stage.world.faults.add("lost_response", operation="PutObject", times=None)
    with pytest.raises(RunFailed, match="Writing the state"):
        stage.call(seconds=20)
    stage.world.faults.clear()
    assert stage.state().lease is None
    assert stage.run().status == "ok"


def test_a_long_run_always_has_a_lease_of_at_most_five_minutes(stage):
    stage.emit(stage.world.tenancy, 6000, 30)
    stage.world.faults.add("delay", operation="ListEvents", seconds=15, times=None)
    leases, hook = [], stage.world.put_hook

    def record_lease(write):
        hook(write)
        if write.name == STATE:
            leases.append((stage.hand.time, unpack(write.data, "").lease))

    stage.world.put_hook = record_lease
    began = stage.hand.time
    assert stage.run(clock=stage.hand.clock, seconds=36_000, INITIAL_LOOKBACK_HOURS="1").status == "ok"
    assert stage.hand.time - began > 1800
    assert leases.pop()[1] is None
    assert {lease.acquired for _, lease in leases} == {began}
    assert all(0 < lease.until - now <= 300 for now, lease in leases)
    assert all(later < lease.until for (_, lease), (later, _) in pairwise(leases))


def test_signals_are_raised_once_and_the_handlers_are_restored():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with raise_on_signals(signal.SIGTERM, signal.SIGHUP):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as nohup sets it
            with pytest.raises(Signaled) as caught:
                signal.raise_signal(signal.SIGTERM)
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert (caught.value.name, caught.value.exit_code) == ("SIGTERM", 143)
        assert signal.getsignal(signal.SIGTERM) is before[signal.SIGTERM]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_another_thread_does_not_change_signal_handlers():
    found = []

    def record_handler():
        with raise_on_signals(signal.SIGTERM):
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=record_handler)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


NOW = 100_000.0
FRESH = State(REGION, 100)


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "state")


def opened(store, run, now=NOW):
    session = StateSession(store, run, REGION)
    state, other = session.open(lambda: FRESH, now=now, until=now + 36_000)
    return session, state, other


def test_a_lease_is_renewed_every_minute_and_by_every_commit(store):
    session, state, _ = opened(store, "run1")
    session.renew_if_due(NOW + 59)
    assert unpack(store.read().data, "").lease == Lease("run1", NOW + 300, NOW)
    session.renew_if_due(NOW + 60)
    assert unpack(store.read().data, "").lease == Lease("run1", NOW + 360, NOW)
    state = session.commit(replace(state, through=101, entered={"run1": 1}), now=NOW + 100)
    assert state.lease == Lease("run1", NOW + 400, NOW)
    session.renew_if_due(NOW + 159)
    assert session.writes == 3
    session.renew_if_due(NOW + 160)
    assert unpack(store.read().data, "") == replace(state, lease=Lease("run1", NOW + 460, NOW), serial=4)
    session.commit(replace(state, lease=None), now=NOW + 200)
    session.renew_if_due(NOW + 900)
    assert (session.writes, unpack(store.read().data, "").lease) == (5, None)


def test_a_lease_never_outlasts_the_run(store):
    session = StateSession(store, "run1", REGION)
    state, _ = session.open(lambda: FRESH, now=NOW, until=NOW + 100)
    assert state.lease.until == NOW + 100
    assert session.commit(state, now=NOW + 90).lease.until == NOW + 100


@pytest.mark.parametrize("taker", ["another run", "unlock"])
def test_a_run_that_lost_its_lease_stops(store, taker):
    session, state, _ = opened(store, "run1")
    if taker == "unlock":
        unlock = StateSession(store, "terminal-1", REGION)
        unlock.commit(replace(unlock.peek(), lease=None))
    else:
        opened(store, "run2", NOW + 301)
    before = store.read()
    with pytest.raises(StateConflict):
        session.renew_if_due(NOW + 302)
    with pytest.raises(StateConflict):
        session.commit(state, now=NOW + 302)
    session.release()
    assert store.read() == before


def test_a_transient_failure_of_the_store_does_not_end_a_run(store, monkeypatch):
    session, _, _ = opened(store, "run1")

    def fail():
        raise StateError("503 while reading.", do="")

    with monkeypatch.context() as failing:
        failing.setattr(store, "read", fail)
        session.renew_if_due(NOW + 60)
    session.renew_if_due(NOW + 70)
    assert unpack(store.read().data, "").lease.until == NOW + 300
    session.renew_if_due(NOW + 75)
    assert unpack(store.read().data, "").lease.until == NOW + 375


def test_a_lease_is_returned_despite_a_transient_failure_of_the_store(store, monkeypatch):
    session, _, _ = opened(store, "run1")
    write, failures = store.write, [StateError("503 while writing.", do=""), StateError("503 while writing.", do="")]

    def fail_at_first(data, etag):
        if failures:
            raise failures.pop()
        return write(data, etag)

    monkeypatch.setattr(store, "write", fail_at_first)
    assert session.release() == unpack(store.read().data, "")
    assert unpack(store.read().data, "").lease is None


def test_a_signal_while_the_lease_is_returned_is_raised_afterwards(store, monkeypatch):
    session, _, _ = opened(store, "run1")
    read, signals = store.read, [Signaled(signal.SIGTERM)]

    def interrupted():
        if signals:
            raise signals.pop()
        return read()

    monkeypatch.setattr(store, "read", interrupted)
    with pytest.raises(Signaled):
        session.release()
    assert unpack(store.read().data, "").lease is None


def test_one_attempt_to_return_the_lease_ends_at_the_first_error(store, monkeypatch):
    session, _, _ = opened(store, "run1")
    calls = []

    def fail():
        calls.append(1)
        raise StateError("503 while reading.", do="")

    monkeypatch.setattr(store, "read", fail)
    assert session.release(attempts=1) is None
    assert len(calls) == 1


def test_a_second_signal_aborts_the_return_of_the_lease(store, monkeypatch):
    session, _, _ = opened(store, "run1")
    calls = []

    def interrupted():
        calls.append(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        session.release()
    assert len(calls) == 2


def test_unlock_asks_for_confirmation_and_reports_when_there_is_no_lease(terminal, tmp_path):  # noqa: F811
    _, type_in = terminal
    type_in("run")
    assert "there is no lease" in type_in("state", "unlock").output
    store = FileStore(tmp_path / "cursor")
    session = StateSession(store, "run1", REGION)
    session.open(lambda: FRESH, now=time.time(), until=time.time() + 300)
    done = type_in("state", "unlock", answer="n\n")
    assert (done.exit_code, "run run1 holds the lease since 20" in done.output, "Remove the lease?" in done.output) == (1, True, True)
    assert "skipped: Run run1 holds the lease since" in type_in("run").stdout
    done = type_in("state", "rewind", time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - 86_400)))
    assert (done.exit_code, "run `epimetheus state unlock`" in done.stderr) == (2, True)
    assert type_in("state", "unlock", answer="y\n").exit_code == 0
    assert type_in("run").exit_code == 0
