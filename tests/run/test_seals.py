"""Seals through the real function: what they say, the chain, and faults between each two steps."""

import hashlib
import json
from dataclasses import replace

import msgspec
import pytest

from epimetheus.ledger.entry import pack as pack_entry
from epimetheus.ledger.seal import MOST_ENTRIES, PreviousSeal, digest, is_signed_by
from epimetheus.ledger.seal import pack as pack_seal
from epimetheus.ledger.seal_key import SealKey
from epimetheus.model import Window
from epimetheus.state.encoding import pack
from epimetheus.state.model import Lease
from epimetheus.state.seals import MOST_UNSEALED
from epimetheus.testing.syslog import parse_message
from tests.support import pushes
from tests.support.hand import NOON
from tests.support.harness import event_id

BUCKET, STATE = "audit-state", "epimetheus/us-ashburn-1.state"
SEALS = "epimetheus/seals/us-ashburn-1/"
KEY = SealKey.generate()
DEFAULT = {"SEAL_MESSAGES": "", "FORMAT": "json"}
SIGNED = {**DEFAULT, "SEAL_KEY": KEY.pem().decode()}


def put(stage, name, data):
    """Replaces an object behind the function's back."""
    hook, stage.world.put_hook = stage.world.put_hook, None
    stage.world.put(BUCKET, name, data)
    stage.world.put_hook = hook
    stage.marks.clear()


def delete(stage, name):
    del stage.world.store.bucket("us-ashburn-1", BUCKET).objects[name]


def sent(stage):
    """The event IDs of the seals that the receiver has, in order."""
    return [one for one in map(event_id, stage.receiver.messages) if one.startswith("seal-")]


def chain(stage):
    """The stored seals in order, after a check that each follows the one before it."""
    objects = stage.world.objects(BUCKET)
    stored = sorted((name for name in objects if name.startswith(SEALS)), key=lambda name: name.rpartition("/")[2])
    before = None
    seals = list(map(stage.seals().get, stored))
    for name, seal in zip(stored, seals, strict=True):
        assert (seal.previous and (seal.previous.sequence, seal.previous.sha256)) == before
        before = (seal.sequence, hashlib.sha256(objects[name]).hexdigest())
    assert [seal.sequence for seal in seals] == list(range(1, len(seals) + 1))
    return seals


def entries(stage):
    """Name below the region → SHA-256, of every entry in the ledger."""
    prefix = "epimetheus/ledger/us-ashburn-1/"
    objects = stage.world.objects(BUCKET)
    return {name.removeprefix(prefix): hashlib.sha256(data).hexdigest() for name, data in objects.items() if name.startswith(prefix)}


def named(seals):
    """Name → SHA-256 of every entry in ``seals``, which name each once."""
    found = [(entry.name, entry.sha256) for seal in seals for entry in seal.entries]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_each_run_writes_a_seal_that_names_its_entries_and_is_its_last_message(stage):
    ids = stage.emit(stage.world.tenancy, 3, 20)
    report = stage.run(**SIGNED)
    (seal,) = chain(stage)
    ((name, data),) = ((name, data) for name, data in stage.world.objects(BUCKET).items() if name.startswith(SEALS))
    assert name == f"{SEALS}2026/01/01/0000000001-{report.run}.json"
    assert (seal.tenancy, seal.region, seal.run, seal.status) == (stage.world.tenancy, "us-ashburn-1", report.run, "ok")
    assert (seal.time, seal.position.before, seal.position.after) == (
        "2026-01-01T12:00:00Z", report.position.since, "2026-01-01T11:58:00Z",
    )  # fmt: skip
    assert (seal.counts.fetched, seal.counts.forwarded, seal.counts.filtered, seal.counts.unconfirmed) == (3, 3, {}, 0)
    assert {entry.name: entry.sha256 for entry in seal.entries} == entries(stage)
    lines = "".join(f"{number} {event}\n" for number, event in enumerate(ids, 1))
    assert (seal.messages.count, seal.messages.sha256) == (3, hashlib.sha256(lines.encode()).hexdigest())
    assert (seal.coverage.regions.polled, seal.coverage.home_polled, seal.coverage.compartments.existing) == (["us-ashburn-1"], True, 1)
    assert (seal.rules_sha256, seal.field_map_sha256, seal.unsealed_runs, seal.previous) == (None, None, [], None)
    assert is_signed_by(seal, KEY.public)
    assert (report.seal.sequence, report.seal.sha256, report.seal.stored, report.seal.sent, report.seal.pending) == (
        1, digest(data), True, True, 0,
    )  # fmt: skip
    last = parse_message(stage.receiver.messages[-1])
    body = json.loads(last.body)
    assert (last.msgid, last.structured["epimetheus@32473"]["seq"]) == ("notice", "4")
    assert (body["eventType"], body["eventId"]) == ("epimetheus.Seal", f"seal-us-ashburn-1-1-{digest(data)[:16]}")
    assert body["data"]["message"] == (
        f"Run {report.run} of us-ashburn-1 is ok, from 2026-01-01T09:58:00Z through 2026-01-01T11:58:00Z: 3 fetched, 3 forwarded,"
        f" 0 duplicates dropped, 0 filtered, 0 listed late; 0 compartments behind. Seal 1, SHA-256 {digest(data)}, previous -."
    ).replace("2026-01-01T09:58:00Z", report.position.since)
    details = body["data"]["additionalDetails"]
    assert (details["sha256"], details["key"], details["ed25519"]) == (digest(data), KEY.public.fingerprint, seal.signature.value)
    assert (details["messages"], details["messages_sha256"], details["entries"]) == (3, seal.messages.sha256, 1)
    state = stage.state()
    assert (state.lease, state.seals.entries, state.seals.head.text, state.seals.head.stored) == (None, (), "", True)


def test_seals_form_a_chain_across_runs_keys_and_settings(stage):
    rules = '{"event_filtering": {"enabled": true, "mode": "exclude", "excluded_events": ["ListBuckets"]}}'
    stage.run(**SIGNED)
    stage.hand.forward(600)
    stage.emit(stage.world.tenancy, 3, 5)
    stage.run(**DEFAULT, RULES=rules)
    stage.hand.forward(86_400)
    stage.run(**{**SIGNED, "SEAL_KEY": SealKey.generate().pem().decode()}, RULES=rules)
    first, second, third = chain(stage)
    assert (is_signed_by(first, KEY.public), second.signature, is_signed_by(third, KEY.public)) == (True, None, False)
    assert second.rules_sha256 == third.rules_sha256 == hashlib.sha256(rules.encode()).hexdigest()
    assert third.name.day == first.name.day + 1
    assert [one.rsplit("-", 1)[0] for one in sent(stage)] == [f"seal-us-ashburn-1-{number}" for number in (1, 2, 3)]
    assert named([first, second, third]) == entries(stage)


def test_a_run_that_fails_is_sealed_and_its_seal_is_sent(stage):
    stage.run(**DEFAULT)
    stage.world.forbid(stage.world.tenancy)
    with pytest.raises(Exception, match="404"):
        stage.run(**DEFAULT)
    _, failed = chain(stage)
    assert (failed.status, failed.position.before == failed.position.after, len(sent(stage))) == ("failed", True, 2)


def test_seals_that_could_not_be_sent_are_sent_first_by_the_next_run(stage):
    for pending in (1, 2, 3):
        report = stage.run(**DEFAULT, SYSLOG_PORT="1")
        assert (report.status, report.seal.stored, report.seal.sent, report.seal.pending) == ("ok", True, False, pending)
        assert [warning for warning in report.warnings if "refused" in warning] != []
        stage.hand.forward(600)
    ids = stage.emit(stage.world.tenancy, 2, 5)
    report = stage.run(**DEFAULT)
    seals = chain(stage)
    assert (report.seal.pending, len(seals), stage.arrived()) == (0, 4, ids)
    assert [one.split("-")[4] for one in sent(stage)] == ["1", "2", "3", "4"]
    lines = "".join(f"{number} {event}\n" for number, event in enumerate([*ids, *sent(stage)[:3]], 1))
    assert (seals[3].messages.count, seals[3].messages.sha256) == (5, hashlib.sha256(lines.encode()).hexdigest())


def test_with_seal_messages_off_nothing_is_sent_then_or_later(stage):
    stage.run()
    stage.run()
    assert (stage.receiver.messages, stage.state().seals.head.pending) == ([], 0)
    stage.run(**DEFAULT)
    assert [one.split("-")[4] for one in sent(stage)] == ["3"]


def test_a_seal_that_could_not_be_stored_is_stored_by_the_next_run(stage):
    stage.world.forbid_objects(BUCKET, "create", prefix=SEALS)
    ids = stage.emit(stage.world.tenancy, 2, 20)
    report = stage.run(**DEFAULT)
    assert (report.status, report.seal.stored, report.seal.sent, stage.arrived()) == ("ok", False, True, ids)
    assert [warning for warning in report.warnings if warning.startswith(f"Creating the seal oci://{BUCKET}")] != []
    assert (stage.seals(), stage.state().lease, stage.state().through) == ({}, None, NOON // 60 - 2)
    unsealed = stage.run(**DEFAULT)
    assert (unsealed.status, unsealed.seal) == ("ok", None)
    assert [one for one in unsealed.warnings if one.startswith(f"Run {unsealed.run} ends without a seal: The seal before it")] != []
    stage.world.allow_objects(BUCKET)
    stage.hand.forward(600)
    stage.emit(stage.world.tenancy, 2, 5)
    again = stage.run(**DEFAULT)
    first, second = chain(stage)
    assert (first.run, second.run, second.unsealed_runs, again.warnings) == (report.run, again.run, [unsealed.run], [])
    assert named([first, second]) == entries(stage)
    assert (stage.state().seals.runs, stage.state().seals.entries) == ((), ())


def test_without_permission_to_list_seals_events_are_forwarded_and_the_runs_are_named_later(stage):
    stage.run(**DEFAULT)
    stage.world.forbid_objects(BUCKET, "list", prefix=SEALS)
    ids, runs = stage.emit(stage.world.tenancy, 2, 10), []
    for _ in range(2):
        report = stage.run(**DEFAULT)
        runs.append(report.run)
        assert (report.status, report.seal) == ("ok", None)
    assert stage.arrived() == ids
    stage.world.allow_objects(BUCKET)
    stage.run(**DEFAULT)
    _, second = chain(stage)
    assert second.unsealed_runs == runs
    assert named(chain(stage)) == entries(stage)


def leased(stage, run, **changes):
    """The state as a run leaves it that was killed."""
    put(stage, STATE, pack(replace(stage.state(), lease=Lease(run, NOON - 1, NOON - 300), **changes)))


def test_a_killed_run_gets_a_seal_from_the_run_that_takes_over(stage):
    first = stage.run(**DEFAULT)
    state = stage.state()
    waiting = ("2026/01/01/20260101T1158Z-20260101T1143Z-29454480-killed1-0001-poll", "ab" * 32)
    leased(stage, "killed1", entered={**state.entered, "killed1": 1}, seals=state.seals.with_entries([waiting]))
    report = stage.run(**SIGNED)
    one, killed, last = chain(stage)
    assert [(one.run, one.status), (killed.run, killed.status), (last.run, last.status)] == [
        (first.run, "ok"), ("killed1", "killed"), (report.run, "ok"),
    ]  # fmt: skip
    assert ([(entry.name, entry.sha256) for entry in killed.entries], killed.messages, killed.counts.fetched) == ([waiting], None, 0)
    assert is_signed_by(killed, KEY.public)
    assert [one.split("-")[4] for one in sent(stage)] == ["1", "2", "3"]
    text = json.loads(parse_message(stage.receiver.messages[1]).body)["data"]["message"]
    assert text.startswith("Run killed1 of us-ashburn-1 was killed; the cursor is 2026-01-01T11:58:00Z; 0 compartments behind. Seal 2, SHA")


def test_an_entry_whose_state_was_not_written_is_named_by_the_next_run(stage):
    """The killed run wrote a second entry, which its last state does not have."""
    stage.emit(stage.world.tenancy, 5, 12, 5)
    first = stage.run(**DEFAULT)
    ((name, sha256),) = entries(stage).items()
    state = stage.state()
    for stored in list(stage.world.objects(BUCKET)):
        if stored.startswith(SEALS):
            delete(stage, stored)
    put(stage, STATE, pack(replace(state, entered={first.run: 0}, seals=type(state.seals)(), lease=Lease(first.run, NOON - 1, 1.0))))
    stage.run(**DEFAULT)
    killed, second = chain(stage)
    assert (killed.run, killed.entries, [(entry.name, entry.sha256) for entry in second.entries]) == (first.run, [], [(name, sha256)])
    stage.run(**DEFAULT)
    assert named(chain(stage)) == {name: sha256}


def test_a_run_whose_seal_is_in_the_state_needs_no_other(stage):
    """It was killed after its last state, and before the seal was stored."""
    stage.world.forbid_objects(BUCKET, "create", prefix=SEALS)
    first = stage.run(**DEFAULT)
    leased(stage, first.run)
    stage.world.allow_objects(BUCKET)
    second = stage.run(**DEFAULT)
    assert [seal.run for seal in chain(stage)] == [first.run, second.run]


def test_an_entry_of_a_replay_is_named_once_by_a_run_that_lists_it(stage):
    stage.emit(stage.world.tenancy, 5, 25)
    stage.run(**DEFAULT)
    stage.hand.forward(600)
    stage.emit(stage.world.tenancy, 2, 20)
    body = json.dumps({"action": "replay", "missing_only": True, "from": "2026-01-01T11:40:00Z", "to": "2026-01-01T11:58:00Z"}).encode()
    (replayed,) = stage.call(body, **DEFAULT)
    assert replayed.forwarded == 2
    for _ in range(3):
        stage.hand.forward(60)
        stage.run(**DEFAULT)
    seals = chain(stage)
    assert named(seals) == entries(stage)
    assert [entry.name.rpartition("-")[2] for entry in seals[1].entries] == 3 * ["replay"]


@pytest.mark.parametrize("action", ["replay", "reconcile"])
def test_entries_of_an_old_window_are_named_by_the_next_seal(stage, action):
    """No run lists a window of some days ago again."""
    stage.emit(stage.world.tenancy, 5, 25)
    stage.run(**DEFAULT, INITIAL_LOOKBACK_HOURS="1")
    ids = stage.emit(stage.world.tenancy, 3, 4 * 1440) + stage.emit(stage.world.tenancy, 3, 3 * 1440)
    request = {"action": action, "from": "2025-12-28T00:00:00Z", "to": "2025-12-30T00:00:00Z"}
    body = json.dumps({**request, "missing_only": True} if action == "replay" else request).encode()
    (sent,) = stage.call(body, **DEFAULT)
    assert (sent.status, sent.forwarded, stage.arrived()[5:]) == ("ok", 6, ids)
    for _ in range(3):
        stage.hand.forward(60)
        stage.run(**DEFAULT)
    seals = chain(stage)
    assert named(seals) == entries(stage)
    assert [bool(seal.entries) for seal in seals] == [True, True, False, False]
    assert {entry.name.rpartition("-")[2] for entry in seals[1].entries} == {action}
    (again,) = stage.call(body, **DEFAULT)
    assert again.forwarded == 0


def test_a_state_that_was_restored_continues_after_the_newest_stored_seal(stage):
    stage.run(**DEFAULT)
    old = stage.state()
    for _ in range(3):
        stage.hand.forward(600)
        stage.emit(stage.world.tenancy, 2, 5)
        stage.run(**DEFAULT)
    put(stage, STATE, pack(old))
    report = stage.run(**DEFAULT)
    seals = chain(stage)
    assert (len(seals), report.seal.sequence, report.warnings) == (5, 5, [])
    assert named(seals) == entries(stage)


@pytest.mark.parametrize("days", [0, 20, 300, 900])
def test_a_lost_state_continues_the_chain(stage, days):
    stage.run(**DEFAULT)
    stage.run(**DEFAULT)
    for name in [name for name in stage.world.objects(BUCKET) if "/seals/" not in name]:
        delete(stage, name)
    stage.marks.clear()
    stage.hand.forward(days * 86_400)
    report = stage.run(**DEFAULT)
    assert (len(chain(stage)), report.seal.sequence, report.seal.pending) == (3, 3, 0)


def test_a_deleted_seal_is_a_warning_and_the_chain_goes_on(stage):
    stage.run(**DEFAULT)
    second = stage.run(**DEFAULT)
    name = f"{SEALS}{stage.state().seals.head.name}"
    deleted = stage.world.objects(BUCKET)[name]
    delete(stage, name)
    third = stage.run(**DEFAULT)
    warning = f"The seal oci://{BUCKET}@{stage.world.namespace}/{name} was deleted. Restore the object from a copy: without it, the chain"
    assert ([one for one in third.warnings if one.startswith(warning)] != [], third.seal.sequence) == (True, 3)
    assert (second.seal.chain_broken, third.seal.chain_broken) == (False, True)
    put(stage, name, deleted)
    assert [seal.run for seal in chain(stage)][1:] == [second.run, third.run]
    assert stage.run(**DEFAULT).warnings == []


@pytest.mark.parametrize("number", [2, 3, 9_999_999_999])
@pytest.mark.parametrize("content", ["junk", "unsigned"])
def test_a_seal_that_someone_else_wrote_does_not_continue_the_chain(stage, number, content):
    """Who can write to the bucket deletes the newest seal, or not, and adds one."""
    first, second = stage.run(**SIGNED), stage.run(**SIGNED)
    newest = chain(stage)[-1]
    forged = msgspec.structs.replace(newest, sequence=number, run="forged", entries=[], signature=None)
    if number > 2:
        before = PreviousSeal(sequence=number - 1, sha256=stage.state().seals.head.sha256)
        forged = msgspec.structs.replace(forged, previous=before)
    name = f"{SEALS}{forged.name.text()}"
    put(stage, name, pack_seal(forged) if content == "unsigned" else b"junk")
    third = stage.run(**SIGNED)
    assert (first.seal.sequence, second.seal.sequence, third.seal.sequence) == (1, 2, 3)
    ignored = [] if number == 2 else [f"The seal oci://{BUCKET}@{stage.world.namespace}/{name} is ignored: "]
    assert [one for one in third.warnings if one.startswith(tuple(ignored))] == third.warnings
    assert len(third.warnings) == len(ignored)
    delete(stage, name)
    assert stage.run(**SIGNED).seal.sequence == 4
    assert [one.sequence for one in chain(stage)] == [1, 2, 3, 4]


def test_beside_a_state_file_seals_are_files(stage, tmp_path):
    settings = {**DEFAULT, "STATE_BUCKET": "", "STATE_FILE": str(tmp_path / "cursor")}
    first = stage.run(**settings)
    second = stage.run(**settings)
    folder = tmp_path / "cursor.seals" / "2026" / "01" / "01"
    assert sorted(path.name for path in folder.iterdir()) == [f"0000000001-{first.run}.json", f"0000000002-{second.run}.json"]
    assert stage.run(**settings, LEDGER_DAYS="9").status == "ok"


def test_a_seal_fits_what_a_state_may_have():
    assert MOST_UNSEALED == MOST_ENTRIES


def test_a_wrong_key_is_an_error_before_anything_is_read(stage):
    with pytest.raises(Exception, match="SEAL_KEY: expected an Ed25519 private key as PEM"):
        stage.run(SEAL_KEY="nonsense")
    assert stage.world.objects(BUCKET) == {}


def test_seals_keep_up_with_a_push_each_second(stage):
    settings = {**DEFAULT, "FORMAT": "cef", "PUSH": "true", "OWN_EVENTS": "forward"}
    stage.run(**settings)
    (pushed,) = stage.call(pushes.batch(pushes.entries(stage.world, stage.emit(stage.world.tenancy, 3, 1))), **settings)
    model = next(entry for entry in stage.entries().values() if entry.run == pushed.run and entry.messages)
    for _ in range(2):
        start = int(stage.hand.time // 60)
        for number in range(900):
            minute = start + number // 60
            keys = {(stage.world.tenancy, Window(minute - 1, minute + 16)): hashlib.sha256(b"%d" % (start + number)).digest()[:16]}
            one = replace(model, run=f"push{start}x{number}", keys=keys)
            put(stage, f"epimetheus/ledger/us-ashburn-1/{one.name.text()}", pack_entry(one))
        stage.hand.forward(900)
        assert stage.run(**settings).warnings == []
    *_, before, after = chain(stage)
    assert [sum(entry.name.endswith("-push") for entry in seal.entries) for seal in (before, after)] == [902, 900]
    assert named([before, after]).items() <= entries(stage).items()
    assert len(named([before, after])) >= 1802
