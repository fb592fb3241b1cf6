"""Leases: short, renewed, returned on every way out of a run. Real processes, ended by real signals and closed pipes."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from epimetheus.clock import Clock
from epimetheus.errors import StateConflict, StateError
from epimetheus.function.invoke import RunFailed, Unforeseen
from epimetheus.run.forward import Forwarder
from epimetheus.signals import Signaled, signals_raised
from epimetheus.state.encoding import unpack
from epimetheus.state.file import FileStore
from epimetheus.state.model import Lease, State
from epimetheus.state.session import StateSession
from epimetheus.testing.function import serve_function
from epimetheus.testing.oci import World, serve
from epimetheus.testing.syslog import Authority, receive
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.support.harness import event_id

ROOT = Path(__file__).parents[2]
REGION, BUCKET, STATE = "us-ashburn-1", "b", "epimetheus/us-ashburn-1.state"
EVENTS = 2_000


@dataclass
class Scene:
    """What a process of its own runs against: a served world, a receiver, and the settings for both."""

    world: World
    receiver: object
    environment: dict[str, str]
    expected: set[str]

    def state(self):
        return unpack(self.world.objects(BUCKET)[STATE], "the state")

    def start(self, *words, **pipes):
        environment = {**self.environment, "PATH": os.defpath, "PYTHONPATH": str(ROOT), "HOME": self.environment["TMPDIR"]}
        command = [sys.executable, "-m", "epimetheus", *(words or ("run", "--minutes", "600"))]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **pipes}
        return subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **pipes)

    def arrived(self):
        return {event_id(message) for message in self.receiver.messages}

    def wait_for(self, condition, seconds=30):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen"
            time.sleep(0.02)

    def run_again(self):
        """A later run: it has the lease at once, and everything arrives."""
        done = self.start("run")
        _, told = done.communicate(timeout=60)
        assert (done.returncode, "skip" in told) == (0, False), told
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
            "SYSLOG_SETTLE_SECONDS": "0.15",
            "SYSLOG_TIMEOUT_SECONDS": "3",
            "TMPDIR": str(tmp_path),
        }
        yield Scene(world, receiver, environment, expected)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("meanwhile", ["waiting for OCI", "waiting for the receiver"])
def test_a_signal_returns_the_lease_and_is_the_exit_code(scene, number, code, meanwhile):
    if meanwhile == "waiting for OCI":
        scene.world.faults.add("delay", operation="ListEvents", seconds=60, after=3, times=None)
    else:
        scene.receiver.faults.add("stall", after=100)
    process = scene.start()
    if meanwhile == "waiting for OCI":
        scene.wait_for(lambda: len(scene.world.requests_for("ListEvents")) >= 3)
    else:
        scene.wait_for(lambda: len(scene.receiver.messages) >= 100)
    time.sleep(0.3)
    lease = scene.state().lease
    assert time.time() + 240 < lease.until <= time.time() + 300
    began = time.monotonic()
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == code, told
    assert time.monotonic() - began < 8, told  # Python looks at no signals while OpenSSL waits for close_notify: for the timeout at most
    name = signal.Signals(number).name
    assert f"{REGION}: Interrupted by {name}: the state is saved through " in told
    assert "and the lease is returned. The next run continues from there; events sent since the last save are sent again." in told
    assert told.endswith(f"Interrupted by {name}.\n")
    assert "Traceback" not in told
    assert scene.state().lease is None
    scene.world.faults.clear()
    scene.receiver.faults.clear()
    scene.run_again()


def test_a_killed_run_leaves_a_lease_of_five_minutes_at_most(scene):
    scene.world.faults.add("delay", operation="ListEvents", seconds=60, times=None)
    process = scene.start()
    scene.wait_for(lambda: scene.world.requests_for("ListEvents"))
    process.kill()
    process.communicate()
    lease = scene.state().lease
    assert 0 < lease.until - time.time() <= 300
    scene.world.faults.clear()
    done = scene.start("run")
    _, told = done.communicate(timeout=60)
    assert (done.returncode, f"Run {lease.run} holds the lease since " in told) == (0, True)
    done = scene.start("state", "unlock", "--yes")
    shown, _ = done.communicate(timeout=60)
    assert (done.returncode, f"run {lease.run} holds the lease since " in shown, "the lease is removed" in shown) == (0, True, True)
    scene.run_again()


@pytest.mark.parametrize("broken", ["stderr", "both", "full", "closed"])
def test_a_broken_output_ends_no_run_and_changes_no_exit_code(scene, broken):
    scene.world.add_compartment("forbidden")
    scene.world.faults.add("status", status=503, operation="ListEvents", after=2, times=2)  # so that there is something to write
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


def test_a_pipe_that_closes_after_a_line_ends_no_run(scene):
    command = f"{sys.executable} -m epimetheus run 2>&1 | head -1; exit ${{PIPESTATUS[0]}}"
    environment = {**scene.environment, "PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["/bin/bash", "-c", command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    assert scene.state().lease is None
    assert scene.arrived() == scene.expected


def test_a_function_that_is_stopped_returns_its_lease(scene):
    scene.world.faults.add("delay", operation="ListEvents", seconds=60, times=None)
    with serve_function(ROOT / "func.py", scene.environment) as function:
        call = threading.Thread(target=lambda: suppress_all(function.call), daemon=True)
        call.start()
        scene.wait_for(lambda: scene.world.requests_for("ListEvents"))
        assert scene.state().lease is not None
        function.process.terminate()
        function.process.wait(20)
        told = function.stderr.read_text("utf-8")
    assert scene.state().lease is None
    assert "Interrupted by SIGTERM: the state is saved through" in told
    scene.world.faults.clear()
    scene.run_again()


def suppress_all(call):
    with suppress(Exception):
        call()


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit, BrokenPipeError, MemoryError, ZeroDivisionError, GeneratorExit])
@pytest.mark.parametrize("step", ["page", "finish"])
def test_whatever_ends_a_run_its_lease_is_returned(stage, monkeypatch, ending, step, capsys):
    ids = stage.emit(stage.world.tenancy, 10, 30, 20)
    real = getattr(Forwarder, step)

    def ended(*arguments):
        monkeypatch.setattr(Forwarder, step, real)
        raise ending

    monkeypatch.setattr(Forwarder, step, ended)
    with pytest.raises(Unforeseen if issubclass(ending, Exception) else ending):
        stage.call()
    assert stage.state().lease is None
    assert f"Interrupted by {ending.__name__}: the state is saved through 20" in capsys.readouterr().err
    assert stage.run().status == "ok"
    assert stage.arrived() == ids


@pytest.mark.parametrize("call", range(2, 80, 3))
def test_a_signal_at_any_moment_leaves_neither_a_lease_nor_a_gap(stage, call):
    """It comes with the ``call``-th look at a clock: while opening, reading, sending, confirming, or saving."""
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


def test_a_signal_that_comes_while_a_failed_run_is_saved_returns_the_lease_too(stage, monkeypatch):
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


def test_a_lease_whose_write_was_not_answered_is_returned(stage):
    stage.run()
    stage.world.faults.add("lost_response", operation="PutObject", times=None)
    with pytest.raises(RunFailed, match="writing the state"):
        stage.call(seconds=20)
    stage.world.faults.clear()
    assert stage.state().lease is None
    assert stage.run().status == "ok"


def test_a_long_run_always_has_a_lease_and_never_one_for_more_than_five_minutes(stage):
    stage.emit(stage.world.tenancy, 6000, 30)
    stage.world.faults.add("delay", operation="ListEvents", seconds=15, times=None)
    leases, hook = [], stage.world.put_hook

    def look(write):
        hook(write)
        if write.name == STATE:
            leases.append((stage.hand.time, unpack(write.data, "").lease))

    stage.world.put_hook = look
    began = stage.hand.time
    assert stage.run(clock=stage.hand.clock, seconds=36_000, INITIAL_LOOKBACK_HOURS="1").status == "ok"
    assert stage.hand.time - began > 1800
    assert leases.pop()[1] is None
    assert {lease.taken for _, lease in leases} == {began}
    assert all(0 < lease.until - now <= 300 for now, lease in leases)
    assert all(later < lease.until for (_, lease), (later, _) in pairwise(leases))


def test_signals_are_raised_once_and_handled_as_before_afterwards():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with signals_raised(signal.SIGTERM, signal.SIGHUP):
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as nohup wants it
            with pytest.raises(Signaled) as caught:
                signal.raise_signal(signal.SIGTERM)
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert (caught.value.name, caught.value.exit_code) == ("SIGTERM", 143)
        assert signal.getsignal(signal.SIGTERM) is before[signal.SIGTERM]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_in_another_thread_signals_stay_as_they_are():
    found = []

    def look():
        with signals_raised(signal.SIGTERM):
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]


NOW = 100_000.0
FRESH = State(REGION, 100)


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "state")


def opened(store, run, now=NOW):
    keeper = StateSession(store, run, REGION)
    state, other = keeper.open(lambda: FRESH, now=now, until=now + 36_000)
    return keeper, state, other


def test_a_lease_is_renewed_each_minute_and_by_each_commit(store):
    keeper, state, _ = opened(store, "run1")
    keeper.renew_if_due(NOW + 59)
    assert unpack(store.read().data, "").lease == Lease("run1", NOW + 300, NOW)
    keeper.renew_if_due(NOW + 60)
    assert unpack(store.read().data, "").lease == Lease("run1", NOW + 360, NOW)
    state = keeper.commit(replace(state, through=101, keys={101: b"k" * 16}), now=NOW + 100)
    assert state.lease == Lease("run1", NOW + 400, NOW)
    keeper.renew_if_due(NOW + 159)
    assert keeper.writes == 3
    keeper.renew_if_due(NOW + 160)
    assert unpack(store.read().data, "") == replace(state, lease=Lease("run1", NOW + 460, NOW), serial=4)
    keeper.commit(replace(state, lease=None), now=NOW + 200)
    keeper.renew_if_due(NOW + 900)
    assert (keeper.writes, unpack(store.read().data, "").lease) == (5, None)


def test_a_lease_ends_with_the_run_at_the_latest(store):
    keeper = StateSession(store, "run1", REGION)
    state, _ = keeper.open(lambda: FRESH, now=NOW, until=NOW + 100)
    assert state.lease.until == NOW + 100
    assert keeper.commit(state, now=NOW + 90).lease.until == NOW + 100


@pytest.mark.parametrize("taker", ["another run", "unlock"])
def test_a_run_that_lost_its_lease_stops(store, taker):
    keeper, state, _ = opened(store, "run1")
    if taker == "unlock":
        by_hand = StateSession(store, "terminal-1", REGION)
        by_hand.commit(replace(by_hand.peek(), lease=None))
    else:
        opened(store, "run2", NOW + 301)
    kept = store.read()
    with pytest.raises(StateConflict):
        keeper.renew_if_due(NOW + 302)
    with pytest.raises(StateConflict):
        keeper.commit(state, now=NOW + 302)
    keeper.release()
    assert store.read() == kept


def test_a_store_that_fails_for_a_moment_ends_no_run(store, monkeypatch):
    keeper, _, _ = opened(store, "run1")

    def fail():
        raise StateError("503 while reading.", do="")

    with monkeypatch.context() as failing:
        failing.setattr(store, "read", fail)
        keeper.renew_if_due(NOW + 60)
    keeper.renew_if_due(NOW + 70)
    assert unpack(store.read().data, "").lease.until == NOW + 300
    keeper.renew_if_due(NOW + 75)
    assert unpack(store.read().data, "").lease.until == NOW + 375


def test_a_lease_is_returned_although_the_store_fails_for_a_moment(store, monkeypatch):
    keeper, _, _ = opened(store, "run1")
    write, failures = store.write, [StateError("503 while writing.", do=""), StateError("503 while writing.", do="")]

    def fail_at_first(data, etag):
        if failures:
            raise failures.pop()
        return write(data, etag)

    monkeypatch.setattr(store, "write", fail_at_first)
    assert keeper.release() == unpack(store.read().data, "")
    assert unpack(store.read().data, "").lease is None


def test_a_signal_while_the_lease_is_returned_is_raised_afterwards(store, monkeypatch):
    keeper, _, _ = opened(store, "run1")
    read, signals = store.read, [Signaled(signal.SIGTERM)]

    def interrupted():
        if signals:
            raise signals.pop()
        return read()

    monkeypatch.setattr(store, "read", interrupted)
    with pytest.raises(Signaled):
        keeper.release()
    assert unpack(store.read().data, "").lease is None


def test_a_second_signal_ends_the_return_of_the_lease(store, monkeypatch):
    keeper, _, _ = opened(store, "run1")
    calls = []

    def interrupted():
        calls.append(1)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        keeper.release()
    assert len(calls) == 2


def test_unlock_asks_and_says_where_there_is_none(terminal, tmp_path):  # noqa: F811
    _, type_in = terminal
    type_in("run")
    assert "there is no lease" in type_in("state", "unlock").output
    store = FileStore(tmp_path / "cursor")
    keeper = StateSession(store, "run1", REGION)
    keeper.open(lambda: FRESH, now=time.time(), until=time.time() + 300)
    done = type_in("state", "unlock", answer="n\n")
    assert (done.exit_code, "run run1 holds the lease since 20" in done.output, "Remove the lease?" in done.output) == (1, True, True)
    assert "skipped: Run run1 holds the lease since" in type_in("run").stderr
    done = type_in("state", "rewind", time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - 86_400)))
    assert (done.exit_code, "run `python -m epimetheus state unlock`" in done.stderr) == (2, True)
    assert type_in("state", "unlock", answer="y\n").exit_code == 0
    assert type_in("run").exit_code == 0
