"""The life of the state: never in the future, never another deployment's, never missing unnoticed."""

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
from epimetheus.state.model import BehindCompartment, KnownCompartment, PageCursor, State
from epimetheus.state.owner import Owner, receiver_id
from epimetheus.state.session import StateSession
from epimetheus.state.store import Changed, Stored
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
    """The report of a run that fails."""
    with pytest.raises(RunFailed) as caught:
        stage.call(**changes)
    return str(caught.value)


def checks(stage, **changes):
    """Check of a health call → its status and text."""
    answer = stage.call(b'{"action": "health"}', seconds=8, SYSLOG_SETTLE_SECONDS="0.15", **changes)
    return answer.verdict, {check.name: (check.status, f"{check.what} {check.do}") for check in answer.checks}


def ahead(state, minute):
    """States in which one time each is at ``minute``."""
    mark, window = BehindCompartment(state.through - 60, "404", 1), Window(state.through - 60, minute)
    return {
        "its cursor": replace(state, through=minute),
        "its last listing": replace(state, listed=minute),
        "a dedupe key": replace(state, keys={minute: b"k" * 16}),
        "the mark of c": replace(state, behind={"c": replace(mark, since=minute)}),
        "the window that is being read of c": replace(state, behind={"c": replace(mark, reading=PageCursor(window, "p"))}),
        "the disappearance of c": replace(state, known={"c": KnownCompartment("c", vanished=minute)}),
        "the mark of d": replace(state, known={"d": KnownCompartment("d", vanished=state.through, read=minute)}),
    }


ANYWHERE = list(ahead(State(REGION, MINUTE), MINUTE))


@pytest.mark.parametrize("what", ANYWHERE)
def test_no_time_of_the_state_may_be_in_the_future(stage, what):
    stage.run()
    put(stage, ahead(stage.state(), MINUTE + 60)[what])
    before = stage.world.objects(BUCKET)[STATE]
    ids = stage.emit(stage.world.tenancy, 3, 1)
    stage.hand.forward(600)
    error = failed(stage)
    assert f"is in the future: {what} is at 2026-01-01T13:00:00Z, and it is 2026-01-01T12:10:00.000Z." in error
    assert "run `python -m epimetheus state rewind TIME`" in error
    assert stage.world.objects(BUCKET)[STATE] == before
    verdict, found = checks(stage)
    assert (verdict, found["state"][0], found["lag"][0]) == ("unhealthy", "failed", "skipped")
    assert "is in the future" in found["state"][1]
    put(stage, stage_rewound(stage.state(), MINUTE - 2))
    assert stage.run().status in ("ok", "partial")
    assert stage.arrived() == ids


def stage_rewound(state, minute):
    """As `state rewind` leaves it: of compartments, those of the stage are listed anew."""
    return replace(state.rewound(minute, MINUTE + 10), known={})


@pytest.mark.parametrize("what", ANYWHERE)
def test_a_rewind_leaves_nothing_in_the_future(what):
    state = ahead(State(REGION, MINUTE - 200, known={"e": KnownCompartment("e")}), MINUTE + 1000)[what].rewound(MINUTE - 100, MINUTE)
    assert state.through == MINUTE - 100
    assert state.latest()[1] <= MINUTE


def test_every_minute_of_the_state_is_looked_at():
    """A field that is added must be looked at as well, or be named here."""
    no_times = {
        State: {"region", "quotas", "slice_minutes", "lease", "writer", "serial", "last", "tenancy", "receiver", "adopted", "marked"}
        | {"partly_listed", "overlap", "regions"},
        BehindCompartment: {"why", "tries", "minutes", "restarts", "refused"},
        KnownCompartment: {"name", "parent", "polled", "deleted", "given_up"},
    }
    looked_at = {
        State: {"through", "behind", "known", "keys", "listed", "regions_listed", "floor", "began"},
        BehindCompartment: {"since", "reading", "missing", "floor"},
        KnownCompartment: {"vanished", "read", "floor"},
    }
    for kind, names in no_times.items():
        assert {field.name for field in fields(kind)} == names | looked_at[kind]


def test_clocks_may_differ_by_some_minutes(stage):
    stage.run()
    put(stage, replace(stage.state(), through=MINUTE + 5))
    assert stage.run().status == "ok"
    put(stage, replace(stage.state(), through=MINUTE + 6))
    assert "is in the future: its cursor is at 2026-01-01T12:06:00Z" in failed(stage)


def in_future(**hours):
    return (datetime.now(UTC) + timedelta(**hours)).strftime("%Y-%m-%dT%H:%M:00Z")


def test_a_rewind_into_the_future_needs_its_own_flag(terminal):  # noqa: F811
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
    assert (done.exit_code, "is in the future: its cursor is at" in done.stderr) == (2, True)
    shown = type_in("state", "show")
    assert (shown.exit_code, "is in the future: its cursor is at" in shown.output) == (0, True)
    assert type_in("state", "rewind", in_future(hours=-1)).exit_code == 0
    assert type_in("run").exit_code == 0


def test_a_lease_that_no_clock_of_ours_can_have_written_keeps_nothing_out(stage):
    stage.run()
    written = pack(stage.state()).replace(b'"lease": null', b'"lease": {"run": "vanished", "until": %d, "taken": 0}' % (NOON + 36_000))
    stage.world.put_hook = None
    stage.world.put(BUCKET, STATE, sealed(written))
    assert stage.run().status == "ok"


def sealed(data):
    rest = data.partition(b"\n")[2]
    return b"EPIMETHEUS-STATE 1 sha256=" + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest


def test_what_identifies_a_receiver():
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
        assert f"it is for receiver {ours}, and this deployment sends to {theirs}" in error
        assert "give this one its own STATE_PREFIX (or STATE_FILE)" in error
        assert "`python -m epimetheus state adopt --reason TEXT`" in error
        verdict, found = checks(stage, **changes)
        assert (verdict, found["state"][0]) == ("unhealthy", "failed")
        assert "belongs to another deployment" in found["state"][1]
        assert (other.messages, stage.world.objects(BUCKET)[STATE]) == ([], before)
        stage.world.put_hook = None  # the stage looks at its own receiver only
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
    assert f"it is for tenancy ocid1.tenancy.oc1..other, and this deployment reads {stage.world.tenancy}" in error


def test_a_state_that_names_no_owner_gets_one_with_the_next_run(stage):
    stage.run()
    put(stage, replace(stage.state(), tenancy="", receiver=None, marked=""))
    for name in list(stage.world.objects(BUCKET)):
        if name != STATE:
            delete(stage, name)
    report = stage.run()
    assert (report.status, report.first_start, report.warnings) == ("ok", False, [])
    state = stage.state()
    assert (state.tenancy, state.receiver.address) == (stage.world.tenancy, f"tls://localhost:{stage.receiver.port}")
    delete(stage, STATE)
    assert "There is no state in" in failed(stage)


def test_adopt_shows_old_and_new_and_keeps_the_reason(terminal):  # noqa: F811
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


def test_there_is_nothing_to_adopt_before_a_first_run(terminal):  # noqa: F811
    _, type_in = terminal
    done = type_in("state", "adopt", "--reason", "x", "--yes")
    assert (done.exit_code, "there is no state to adopt" in done.stderr) == (2, True)


def delete(stage, name):
    del stage.world.store.bucket(REGION, BUCKET).objects[name]
    stage.marks.clear()


def marker(stage, name=MARKER):
    return json.loads(stage.world.objects(BUCKET)[name])


def test_a_first_start_says_where_reading_begins_and_leaves_a_marker(stage):
    report = stage.run()
    begins = "2025-12-31T11:58:00Z"
    assert (report.first_start, report.warnings) == (
        True,
        ["First start: there is no state yet. Reading begins at 2025-12-31T11:43:00Z; events processed before it are not forwarded."],
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


def test_a_state_that_was_deleted_is_an_error_with_a_way_on(stage):
    stage.run()
    delete(stage, STATE)
    stage.hand.forward(7200)
    error = failed(stage)
    assert f"There is no state in oci://{BUCKET}@{stage.world.namespace}/{STATE}, but " in error
    assert "records that forwarding began on 2026-01-01T12:00:00.000Z" in error
    assert "`python -m epimetheus state rewind TIME`" in error
    assert "`python -m epimetheus state reset`" in error
    assert STATE not in stage.world.objects(BUCKET)
    verdict, found = checks(stage)
    assert (verdict, found["state"][0]) == ("unhealthy", "failed")
    assert "There is no state in" in found["state"][1]


def test_a_changed_prefix_is_an_error_that_names_where_the_state_was(stage):
    stage.run()
    error = failed(stage, STATE_PREFIX="moved/")
    assert f"There is no state in oci://{BUCKET}@{stage.world.namespace}/moved/{REGION}.state" in error
    assert f"Then, the state was in oci://{BUCKET}@{stage.world.namespace}/{STATE}." in error
    assert "set STATE_PREFIX or STATE_FILE to where it is" in error


def test_a_deleted_state_and_another_receiver_at_once_is_an_error_too(stage):
    stage.run()
    delete(stage, STATE)
    assert "There is no state in" in failed(stage, SYSLOG_PORT="1")


def test_deployments_that_share_bucket_and_receiver_and_split_the_compartments_start_on_their_own(stage):
    apps = stage.world.add_compartment("apps")
    ids = stage.emit(stage.world.tenancy, 2, 20) + stage.emit(apps, 3, 20)
    stage.world.put_hook = None  # the stage knows one state only
    assert stage.run(COMPARTMENT_MODE="exclude", COMPARTMENT_IDS=apps).forwarded == 2
    report = stage.run(COMPARTMENT_MODE="include", COMPARTMENT_IDS=apps, STATE_PREFIX="apps/")
    assert (report.status, report.first_start, report.forwarded) == ("ok", True, 3)
    assert sorted(stage.arrived()) == sorted(ids)


def test_a_choice_of_compartments_that_changed_before_the_prefix_did_hides_nothing(stage):
    stage.run()
    stage.run(COMPARTMENT_MODE="tenancy_only")
    assert "There is no state in" in failed(stage, COMPARTMENT_MODE="tenancy_only", STATE_PREFIX="moved/")
    assert "There is no state in" in failed(stage, STATE_PREFIX="moved/")


def test_another_region_or_tenancy_in_the_bucket_starts_on_its_own(tmp_path, api_key):
    with staged(tmp_path, api_key, regions=["eu-frankfurt-1"]) as stage:
        assert stage.run().first_start
        (report,) = stage.call(REGIONS="eu-frankfurt-1")
        assert (report.status, report.first_start) == ("ok", True)


@pytest.mark.parametrize("mend", ["rewind", "reset"])
def test_a_lost_state_file_is_continued_by_hand(terminal, tmp_path, mend):  # noqa: F811
    stage, type_in = terminal
    ids = stage.emit(stage.world.tenancy, 3, 20)
    type_in("run")
    (tmp_path / "cursor").unlink()
    for words in (("run",), ("state", "show"), ("state", "adopt", "--reason", "x")):
        done = type_in(*words)
        assert (done.exit_code, "There is no state in" in done.stderr) == (2, True)
    words = ("rewind", in_future(hours=-1)) if mend == "rewind" else ("reset",)
    done = type_in("state", *words, answer="n\n")
    assert (done.exit_code, "records that forwarding began on" in done.output, (tmp_path / "cursor").exists()) == (1, True, False)
    assert type_in("state", *words, "--yes").exit_code == 0
    done = type_in("run", "--json")
    (report,) = json.loads(done.stdout)
    assert (done.exit_code, report["first_start"]) == (0, False)
    assert stage.arrived() == [*ids, *ids]
    (tmp_path / "cursor").unlink()
    assert type_in("run").exit_code == 2


class Killed(BaseException):
    pass


class Place:
    """A `Store` in memory, in a process that is killed at the call numbered ``fatal``, before or after it takes effect."""

    def __init__(self, name, world):
        self.name, self.world = name, world

    def _step(self, effect):
        self.world.calls += 1
        if self.world.calls == self.world.fatal and self.world.before:
            raise Killed
        result = effect()
        if self.world.calls == self.world.fatal:
            raise Killed
        return result

    def read(self):
        found = self.world.kept.get(self.name)
        return self._step(lambda: found and Stored(found, str(hash(found))))

    def write(self, data, etag):
        found = self.world.kept.get(self.name)
        if (None if found is None else str(hash(found))) != etag:
            raise Changed
        self._step(lambda: self.world.kept.update({self.name: data}))
        return str(hash(data))


class Kept:
    """What outlives a process."""

    def __init__(self):
        self.kept, self.calls, self.fatal, self.before = {}, 0, 0, False

    def start(self, now, fatal=0, *, before=False):
        """A run that begins at ``now``; the minute it reads from, and whether it was a first start."""
        self.calls, self.fatal, self.before = 0, fatal, before
        owner = Owner("ocid1.tenancy.oc1..t", receiver_id("tls", "siem", 6514, None))
        markers = Markers([Place("beside", self), Place("by owner", self)])
        keeper = StateSession(Place("state", self), f"run at {now}", REGION, owner, markers)
        state, other = keeper.open(lambda: State(REGION, int(now // 60) - 60), now=now, until=now + 60)
        assert other is None
        keeper.commit(replace(state, lease=None))
        return state.through, keeper.first_start


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("fatal", range(1, 14))
def test_killed_at_any_call_of_a_first_start_the_next_run_begins_where_it_would_have(fatal, before):
    world = Kept()
    with pytest.raises(Killed):
        world.start(NOON, fatal, before=before)
    begun = any(name != "state" for name in world.kept)
    # Three days later: the first start's own look-back is long over, and so is its lease.
    through, _ = world.start(NOON + 3 * 86_400)
    assert through == MINUTE - 60 + (0 if begun else 3 * 1440)
    assert world.start(NOON + 4 * 86_400) == (through, False)
    del world.kept["state"]
    with pytest.raises(StateMissing):
        world.start(NOON + 5 * 86_400)


def test_the_calls_above_are_all_there_are():
    world = Kept()
    assert world.start(NOON) == (MINUTE - 60, True)
    assert world.calls == 13


def test_a_marker_that_can_not_be_read_is_no_first_start():
    world = Kept()
    world.kept["beside"] = b"{}"
    with pytest.raises(StateMissing, match="records that forwarding began on an unknown day"):
        world.start(NOON)


def test_a_marker_that_could_not_be_completed_is_completed_by_the_next_run():
    world = Kept()
    real, refused = Place.write, []

    def write(place, data, etag):
        if place.name == "by owner" and b'"complete": true' in data and len(refused) < 3:
            refused.append(etag)
            raise Changed
        return real(place, data, etag)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Place, "write", write)
        assert world.start(NOON) == (MINUTE - 60, True)
    assert (len(refused), unpack(world.kept["state"], "").marked) == (3, "")
    assert b'"complete": false' in world.kept["by owner"]
    world.start(NOON + 600)
    assert (b'"complete": true' in world.kept["by owner"], len(unpack(world.kept["state"], "").marked)) == (True, 16)


def test_nothing_is_written_for_a_state_that_is_refused():
    world = Kept()
    world.start(NOON)
    kept = dict(world.kept)
    for state, error in (
        (replace(unpack(kept["state"], ""), through=MINUTE + 60), StateInFuture),
        (replace(unpack(kept["state"], ""), tenancy="x"), StateForeign),
    ):
        world.kept["state"] = pack(state)
        before = dict(world.kept)
        with pytest.raises(error):
            world.start(NOON)
        assert world.kept == before
