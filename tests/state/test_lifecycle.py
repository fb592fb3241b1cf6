"""Which states a run rejects: those in the future, of another deployment, or missing after they existed."""

import hashlib
import json
import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import pytest

from epimetheus.errors import StateForeign, StateInFuture, StateMissing
from epimetheus.function.invoke import RunFailed
from epimetheus.model import Window
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.marker import Markers
from epimetheus.state.model import BehindCompartment, KnownCompartment, PageCursor, Reconciled, State
from epimetheus.state.owner import Owner, receiver_id
from epimetheus.state.session import StateSession
from epimetheus.state.store import PreconditionFailed, Stored
from epimetheus.testing.syslog import receive
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.support.hand import NOON
from tests.support.harness import staged

REGION = "us-ashburn-1"
BUCKET, STATE, MARKER = "audit-state", "epimetheus/us-ashburn-1.state", "epimetheus/us-ashburn-1.started"
MINUTE = int(NOON // 60)


def put(stage, state):
    hook, stage.world.put_hook = stage.world.put_hook, None
    stage.world.put(BUCKET, STATE, pack(state))
    stage.world.put_hook = hook
    stage.marks.clear()


def failed(stage, **changes):
    """The error of a run that fails."""
    with pytest.raises(RunFailed) as caught:
        stage.call(**changes)
    return str(caught.value)


def checks(stage, **changes):
    """The verdict of a health check, and check → its status and text."""
    answer = stage.call(b'{"action": "health"}', seconds=8, SYSLOG_CONFIRM_DELAY_SECONDS="0.15", **changes)
    return answer.verdict, {check.name: (check.status, f"{check.what} {check.do}") for check in answer.checks}


def ahead(state, minute):
    """Name of a time → ``state`` with that time at ``minute``."""
    behind, window = BehindCompartment(state.through - 60, "404", 1), Window(state.through - 60, minute)
    return {
        "the cursor": replace(state, through=minute),
        "the last listing of compartments": replace(state, listed=minute),
        "a mark of reconciliation": replace(state, reconciled={60: Reconciled(minute)}),
        "the end of the last window of c": replace(state, behind={"c": replace(behind, touched=minute)}),
        "the position of c": replace(state, behind={"c": replace(behind, since=minute)}),
        "the current window of c": replace(state, behind={"c": replace(behind, page_cursor=PageCursor(window, "p"))}),
        "the disappearance of c": replace(state, known={"c": KnownCompartment("c", vanished=minute)}),
        "the position of d": replace(state, known={"d": KnownCompartment("d", vanished=state.through, read_until=minute)}),
    }


TIMES = list(ahead(State(REGION, MINUTE), MINUTE))


@pytest.mark.parametrize("what", TIMES)
def test_a_run_rejects_a_state_with_any_time_in_the_future(stage, what):
    stage.run()
    put(stage, ahead(stage.state(), MINUTE + 60)[what])
    before = stage.world.objects(BUCKET)[STATE]
    ids = stage.emit(stage.world.tenancy, 3, 1)
    stage.hand.forward(600)
    error = failed(stage)
    assert f"is in the future: {what} is 2026-01-01T13:00:00Z, but the current time is 2026-01-01T12:10:00.000Z." in error
    assert "run `epimetheus state rewind TIME`" in error
    assert stage.world.objects(BUCKET)[STATE] == before
    verdict, found = checks(stage)
    assert (verdict, found["state"][0], found["lag"][0]) == ("unhealthy", "failed", "skipped")
    assert "is in the future" in found["state"][1]
    put(stage, stage_rewound(stage.state(), MINUTE - 2))
    assert stage.run().status in ("ok", "partial")
    assert stage.arrived() == ids


def stage_rewound(state, minute):
    """The state after `state rewind`, without the compartments that do not exist on the stage."""
    return replace(state.rewound(minute, MINUTE + 10), known={})


@pytest.mark.parametrize("what", TIMES)
def test_a_rewind_leaves_nothing_in_the_future(what):
    state = ahead(State(REGION, MINUTE - 200, known={"e": KnownCompartment("e")}), MINUTE + 1000)[what].rewound(MINUTE - 100, MINUTE)
    assert state.through == MINUTE - 100
    assert state.latest()[1] <= MINUTE


def test_every_field_with_a_time_is_checked():
    """A new field must be checked, too, or be listed here."""
    no_times = {
        State: {"region", "rate_limits", "slice_minutes", "lease", "writer", "serial", "last", "tenancy", "receiver", "adopted"}
        | {"marker_owner", "partly_listed", "regions", "entered", "epoch", "first_epoch", "ledger", "identity", "seals", "newest_entry"},
        BehindCompartment: {"reason", "attempts", "window_minutes", "tokens_expire", "not_found_minutes"},
        KnownCompartment: {"name", "parent", "polled", "deleted", "given_up", "page_rate"},
    }
    checked = {
        State: {"through", "behind", "known", "listed", "regions_listed", "began", "reconciled"},
        BehindCompartment: {"since", "page_cursor", "not_found_at", "floor", "touched"},
        KnownCompartment: {"vanished", "read_until", "floor"},
    }
    for kind, names in no_times.items():
        assert {field.name for field in fields(kind)} == names | checked[kind]


def test_clocks_may_differ_by_five_minutes(stage):
    stage.run()
    put(stage, replace(stage.state(), through=MINUTE + 5))
    assert stage.run().status == "ok"
    put(stage, replace(stage.state(), through=MINUTE + 6))
    assert "is in the future: the cursor is 2026-01-01T12:06:00Z" in failed(stage)


def in_future(**hours):
    return (datetime.now(UTC) + timedelta(**hours)).strftime("%Y-%m-%dT%H:%M:00Z")


def test_a_rewind_into_the_future_requires_a_separate_option(terminal):  # noqa: F811
    _, type_in = terminal
    type_in("run")
    later = in_future(hours=2)
    done = type_in("state", "rewind", later, "--yes", "--force")
    assert (done.exit_code, "the time is in the future; use a past time, or add --future" in done.stderr) == (2, True)
    done = type_in("state", "rewind", later, "--future", answer="n\n")
    assert (done.exit_code, "every run fails until then, and earlier events are never sent" in done.output) == (1, True)
    assert json.loads(type_in("state", "show", "--raw").stdout)["through"] < later
    assert type_in("state", "rewind", later, "--future", "--yes").exit_code == 0
    assert json.loads(type_in("state", "show", "--raw").stdout)["through"] == later
    done = type_in("run")
    assert (done.exit_code, "is in the future: the cursor is" in done.stderr) == (2, True)
    shown = type_in("state", "show")
    assert (shown.exit_code, "is in the future: the cursor is" in shown.output) == (0, True)
    assert type_in("state", "rewind", in_future(hours=-1), "--yes").exit_code == 0
    assert type_in("run").exit_code == 0


def test_an_impossibly_long_lease_blocks_no_run(stage):
    stage.run()
    changed = pack(stage.state()).replace(b'"lease": null', b'"lease": {"run": "vanished", "until": %d, "acquired": 0}' % (NOON + 36_000))
    stage.world.put_hook = None
    stage.world.put(BUCKET, STATE, sealed(changed))
    assert stage.run().status == "ok"


def sealed(data):
    rest = data.partition(b"\n")[2]
    return b"EPIMETHEUS-STATE 2 sha256=" + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def test_the_identity_of_a_receiver():
    one = receiver_id("tls", "SIEM.example.com.", 6514, None)
    assert one.address == "tls://siem.example.com:6514"
    assert one.fingerprint == "93c7f5d40f4b8d7fbb9147182e99e8ac09446a28a9ec6ff2efab2298ed6624b3"
    assert receiver_id("tls", "siem.example.com", 6514, "Siem.Example.Com") == one
    others = [("relp", "siem.example.com", 6514, None), ("tls", "siem2.example.com", 6514, None), ("tls", "siem.example.com", 6515, None)]
    named = receiver_id("tls", "siem.example.com", 6514, "other.example.com")
    assert named.address == "tls://siem.example.com:6514 (certificate name other.example.com)"
    assert len({one.fingerprint, named.fingerprint, *(receiver_id(*other).fingerprint for other in others)}) == 5
    assert receiver_id("tls", "2001:DB8::1", 6514, None).address == "tls://[2001:db8::1]:6514"


def test_a_state_is_not_continued_with_another_receiver(stage, tmp_path):
    ids = stage.emit(stage.world.tenancy, 3, 20)
    stage.run()
    assert stage.state().receiver.address == f"tls://localhost:{stage.receiver.port}"
    stage.hand.forward(600)
    ids += stage.emit(stage.world.tenancy, 2, 5)
    before = stage.world.objects(BUCKET)[STATE]
    with receive(None, tls=False) as other:
        changes = {"SYSLOG_TRANSPORT": "tcp", "SYSLOG_PORT": str(other.port), "SYSLOG_CA": ""}
        error = failed(stage, **changes)
        ours, theirs = f"tls://localhost:{stage.receiver.port}", f"tcp://localhost:{other.port}"
        assert f"it is for receiver {ours}, but this deployment sends to {theirs}" in error
        assert "set a separate STATE_PREFIX (or STATE_FILE) for this one" in error
        assert "`epimetheus state adopt --reason TEXT`" in error
        verdict, found = checks(stage, **changes)
        assert (verdict, found["state"][0]) == ("unhealthy", "failed")
        assert "belongs to another deployment" in found["state"][1]
        assert (other.messages, stage.world.objects(BUCKET)[STATE]) == ([], before)
        stage.world.put_hook = None  # the hook of the stage checks its own receiver only
        report = stage.run(STATE_PREFIX="second/", **changes)
        assert (report.status, report.first_start, report.forwarded, len(other.messages)) == ("ok", True, 5, 5)
    assert stage.run().forwarded == 2
    assert stage.arrived() == ids


def test_certificates_and_formats_may_change(stage):
    stage.run()
    stage.hand.forward(600)
    assert stage.run(FORMAT="json", SYSLOG_FRAMING="lf", SYSLOG_HEADER="rfc3164", SYSLOG_HOST="LOCALHOST").status == "ok"


def test_a_state_is_not_continued_for_another_tenancy(stage):
    stage.run()
    put(stage, replace(stage.state(), tenancy="ocid1.tenancy.oc1..other"))
    error = failed(stage)
    assert f"it is for tenancy ocid1.tenancy.oc1..other, but this deployment reads {stage.world.tenancy}" in error


def test_the_next_run_records_a_missing_owner(stage):
    stage.run()
    put(stage, replace(stage.state(), tenancy="", receiver=None, marker_owner=""))
    for name in list(stage.world.objects(BUCKET)):
        if name != STATE and "/seals/" not in name:
            delete(stage, name)
    report = stage.run()
    assert (report.status, report.first_start, report.warnings) == ("ok", False, [])
    state = stage.state()
    assert (state.tenancy, state.receiver.address) == (stage.world.tenancy, f"tls://localhost:{stage.receiver.port}")
    delete(stage, STATE)
    assert "There is no state in" in failed(stage)


def test_adopt_shows_the_old_and_the_new_owner_and_stores_the_reason(terminal):  # noqa: F811
    stage, type_in = terminal
    old = f"tls://localhost:{stage.receiver.port}"
    type_in("run")
    stage.emit(stage.world.tenancy, 3, 1)
    with receive(None, tls=False) as other:
        new, changes = f"tcp://localhost:{other.port}", {"SYSLOG_TRANSPORT": "tcp", "SYSLOG_PORT": str(other.port), "SYSLOG_CA": ""}
        done = type_in("run", **changes)
        assert (done.exit_code, "belongs to another deployment" in done.stderr) == (2, True)
        assert type_in("state", "adopt", **changes).exit_code == 2
        done = type_in("state", "adopt", "--reason", " \x1b ", **changes)
        assert (done.exit_code, "--reason has 0 printable characters" in done.stderr) == (2, True)
        done = type_in("state", "adopt", "--reason", "SIEM replaced\nCHG-4711", answer="n\n", **changes)
        assert (done.exit_code, old in done.output, new in done.output, "Continue?" in done.output) == (1, True, True, True)
        assert type_in("run", **changes).exit_code == 2
        done = type_in("state", "adopt", "--reason", "SIEM replaced\nCHG-4711", "--yes", **changes)
        assert (done.exit_code, "adopted." in done.output) == (0, True)
        shown = " ".join(re.sub(r"[│\n]", " ", type_in("state", "show", **changes).output).split())
        assert f"receiver {new}" in shown
        assert f"receiver {old}. Reason: SIEM replaced CHG-4711" in shown
        assert type_in("run", **changes).exit_code == 0
        assert type_in("run").exit_code == 2
        assert "already belongs to" in type_in("state", "adopt", "--reason", "again", **changes).output


def test_adopt_before_the_first_run_is_an_error(terminal):  # noqa: F811
    _, type_in = terminal
    done = type_in("state", "adopt", "--reason", "x", "--yes")
    assert (done.exit_code, "there is no state to adopt" in done.stderr) == (2, True)


def delete(stage, name):
    del stage.world.store.bucket(REGION, BUCKET).objects[name]
    stage.marks.clear()


def marker(stage, name=MARKER):
    return json.loads(stage.world.objects(BUCKET)[name])


def test_a_first_start_reports_where_reading_begins_and_writes_a_marker(stage):
    report = stage.run()
    begins = "2025-12-31T11:58:00Z"
    assert (report.first_start, report.warnings) == (
        True,
        ["First start: there is no state yet. Reading begins at 2025-12-31T11:43:00Z; events processed earlier are not forwarded."],
    )
    posted = {stream["name"]: stream["datapoints"][0]["value"] for stream in stage.world.metrics}
    assert posted["first_start"] == 1.0
    assert marker(stage) == {
        "version": 1,
        "complete": True,
        "state": f"oci://{BUCKET}@{stage.world.namespace}/{STATE}",
        "region": REGION,
        "tenancy": stage.world.tenancy,
        "receiver": f"tls://localhost:{stage.receiver.port}",
        "run": report.run,
        "at": "2026-01-01T12:00:00.000Z",
        "begins": begins,
    }
    assert [write.name.partition("/")[0] for write in stage.world.writes[:3]] == ["epimetheus", "epimetheus-started", "epimetheus"]
    again = stage.run()
    assert (again.first_start, again.warnings) == (False, [])


def test_a_deleted_state_is_an_error_with_a_remedy(stage):
    stage.run()
    delete(stage, STATE)
    stage.hand.forward(7200)
    error = failed(stage)
    assert f"There is no state in oci://{BUCKET}@{stage.world.namespace}/{STATE}, but " in error
    assert "records that forwarding began on 2026-01-01T12:00:00.000Z" in error
    assert "`epimetheus state rewind TIME`" in error
    assert "`epimetheus state reset`" in error
    assert STATE not in stage.world.objects(BUCKET)
    verdict, found = checks(stage)
    assert (verdict, found["state"][0]) == ("unhealthy", "failed")
    assert "There is no state in" in found["state"][1]


def test_a_changed_prefix_is_an_error_that_names_the_old_location(stage):
    stage.run()
    error = failed(stage, STATE_PREFIX="moved/")
    assert f"There is no state in oci://{BUCKET}@{stage.world.namespace}/moved/{REGION}.state" in error
    assert f"At that time, the state was in oci://{BUCKET}@{stage.world.namespace}/{STATE}." in error
    assert "set STATE_PREFIX or STATE_FILE to its location" in error


def test_a_deleted_state_together_with_another_receiver_is_an_error(stage):
    stage.run()
    delete(stage, STATE)
    assert "There is no state in" in failed(stage, SYSLOG_PORT="1")


def test_deployments_that_split_the_compartments_of_one_bucket_and_receiver_start_independently(stage):
    apps = stage.world.add_compartment("apps")
    ids = stage.emit(stage.world.tenancy, 2, 20) + stage.emit(apps, 3, 20)
    stage.world.put_hook = None  # the hook of the stage expects one state
    assert stage.run(COMPARTMENT_MODE="exclude", COMPARTMENT_IDS=apps).forwarded == 2
    report = stage.run(COMPARTMENT_MODE="include", COMPARTMENT_IDS=apps, STATE_PREFIX="apps/")
    assert (report.status, report.first_start, report.forwarded) == ("ok", True, 3)
    assert sorted(stage.arrived()) == sorted(ids)


def test_a_changed_prefix_is_detected_after_a_change_of_the_selected_compartments(stage):
    stage.run()
    stage.run(COMPARTMENT_MODE="tenancy_only")
    assert "There is no state in" in failed(stage, COMPARTMENT_MODE="tenancy_only", STATE_PREFIX="moved/")
    assert "There is no state in" in failed(stage, STATE_PREFIX="moved/")


def test_another_region_in_the_bucket_starts_independently(tmp_path, api_key):
    with staged(tmp_path, api_key, regions=["eu-frankfurt-1"]) as stage:
        assert stage.run(REGIONS="us-ashburn-1").first_start
        (report,) = stage.call(REGIONS="eu-frankfurt-1")
        assert (report.status, report.first_start) == ("ok", True)


@pytest.mark.parametrize("command", ["rewind", "reset"])
def test_a_lost_state_file_is_replaced_by_rewind_or_reset(terminal, tmp_path, command):  # noqa: F811
    stage, type_in = terminal
    ids = stage.emit(stage.world.tenancy, 3, 20)
    type_in("run")
    (tmp_path / "cursor").unlink()
    for words in (("run",), ("state", "show"), ("state", "adopt", "--reason", "x")):
        done = type_in(*words)
        assert (done.exit_code, "There is no state in" in done.stderr) == (2, True)
    words = ("rewind", in_future(hours=-1)) if command == "rewind" else ("reset",)
    done = type_in("state", *words, answer="n\n")
    assert (done.exit_code, "records that forwarding began on" in done.output, (tmp_path / "cursor").exists()) == (1, True, False)
    assert type_in("state", *words).stderr.endswith("Add --yes to confirm.\n")
    assert type_in("state", *words, "--yes").exit_code == 0
    done = type_in("run", "--json")
    (report,) = json.loads(done.stdout)
    assert (done.exit_code, report["first_start"]) == (0, False)
    assert stage.arrived() == [*ids, *ids]
    (tmp_path / "cursor").unlink()
    assert type_in("run").exit_code == 2


class Killed(BaseException):
    pass


class MemoryStore:
    """A `Store` in memory. The process is killed at call number ``fatal``, before or after the call takes effect."""

    def __init__(self, name, disk):
        self.name, self.disk = name, disk

    def _step(self, effect):
        self.disk.calls += 1
        if self.disk.calls == self.disk.fatal and self.disk.before:
            raise Killed
        result = effect()
        if self.disk.calls == self.disk.fatal:
            raise Killed
        return result

    def read(self):
        found = self.disk.stored.get(self.name)
        return self._step(lambda: found and Stored(found, str(hash(found))))

    def write(self, data, etag):
        found = self.disk.stored.get(self.name)
        if (None if found is None else str(hash(found))) != etag:
            raise PreconditionFailed
        self._step(lambda: self.disk.stored.update({self.name: data}))
        return str(hash(data))


class Disk:
    """The stored bytes, which outlive a process, by the name of their store."""

    def __init__(self):
        self.stored, self.calls, self.fatal, self.before = {}, 0, 0, False

    def start(self, now, fatal=0, *, before=False, lookback=60):
        """One run at ``now``. Returns the minute it reads from, and whether it was a first start."""
        self.calls, self.fatal, self.before = 0, fatal, before
        owner = Owner("ocid1.tenancy.oc1..t", receiver_id("tls", "siem", 6514, None))
        markers = Markers([MemoryStore("beside", self), MemoryStore("by owner", self)])
        session = StateSession(MemoryStore("state", self), f"run at {now}", REGION, owner, markers)
        state, other = session.open(lambda: State(REGION, int(now // 60) - lookback), now=now, until=now + 60)
        assert other is None
        session.commit(replace(state, lease=None))
        return state.through, session.first_start


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("fatal", range(1, 14))
def test_after_a_kill_at_any_call_of_a_first_start_the_next_run_starts_at_the_same_minute(fatal, before):
    disk = Disk()
    with pytest.raises(Killed):
        disk.start(NOON, fatal, before=before)
    begun = any(name != "state" for name in disk.stored)
    # Three days later, the look-back and the lease of the first start are over.
    through, _ = disk.start(NOON + 3 * 86_400)
    assert through == MINUTE - 60 + (0 if begun else 3 * 1440)
    assert disk.start(NOON + 4 * 86_400) == (through, False)
    del disk.stored["state"]
    with pytest.raises(StateMissing):
        disk.start(NOON + 5 * 86_400)


@pytest.mark.parametrize(("lookback", "earlier"), [(1440, 1440), (0, 60)])
def test_after_a_failed_first_start_a_longer_look_back_takes_effect(lookback, earlier):
    disk = Disk()
    with pytest.raises(Killed):
        disk.start(NOON, 6)
    assert "state" not in disk.stored
    assert "beside" in disk.stored
    assert disk.start(NOON, lookback=lookback) == (MINUTE - earlier, True)


def test_the_kills_cover_every_call_of_a_first_start():
    disk = Disk()
    assert disk.start(NOON) == (MINUTE - 60, True)
    assert disk.calls == 13


def test_an_unreadable_marker_is_not_a_first_start():
    disk = Disk()
    disk.stored["beside"] = b"{}"
    with pytest.raises(StateMissing, match="records that forwarding began on an unknown date"):
        disk.start(NOON)


def test_the_next_run_completes_a_marker_that_could_not_be_completed():
    disk = Disk()
    real, rejected = MemoryStore.write, []

    def write(store, data, etag):
        if store.name == "by owner" and b'"complete": true' in data and len(rejected) < 3:
            rejected.append(etag)
            raise PreconditionFailed
        return real(store, data, etag)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MemoryStore, "write", write)
        assert disk.start(NOON) == (MINUTE - 60, True)
    assert (len(rejected), unpack(disk.stored["state"], "").marker_owner) == (3, "")
    assert b'"complete": false' in disk.stored["by owner"]
    disk.start(NOON + 600)
    assert (b'"complete": true' in disk.stored["by owner"], len(unpack(disk.stored["state"], "").marker_owner)) == (True, 16)


def test_a_rejected_state_is_not_written():
    disk = Disk()
    disk.start(NOON)
    stored = dict(disk.stored)
    for state, error in (
        (replace(unpack(stored["state"], ""), through=MINUTE + 60), StateInFuture),
        (replace(unpack(stored["state"], ""), tenancy="x"), StateForeign),
    ):
        disk.stored["state"] = pack(state)
        before = dict(disk.stored)
        with pytest.raises(error):
            disk.start(NOON)
        assert disk.stored == before
