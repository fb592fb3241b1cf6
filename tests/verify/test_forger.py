"""What a forger tried who can write to the bucket, but has neither SEAL_KEY nor access to the SIEM: each once ended with `Complete.`"""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from epimetheus.ledger.entry import KEY_BYTES, Messages, pack, unpack
from epimetheus.ledger.entry_signature import sign_entry, signature_of
from epimetheus.ledger.messages import ids_of_lines, message_line
from epimetheus.ledger.seal import PreviousSeal, Seal, SealedEntry, digest, sign
from epimetheus.ledger.seal import pack as pack_seal
from epimetheus.ledger.seal import unpack as unpack_seal
from epimetheus.ledger.seal_key import SealKey
from epimetheus.model import Window, minute_text, parse_seconds
from epimetheus.verify.folder import folder_sources
from epimetheus.verify.verify import Request, verify
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.verify.test_command import day  # noqa: F401 - a fixture

MADE_UP = "feedfacecafe"


@pytest.fixture(params=["signed", "not signed"])
def attacked(request, terminal, tmp_path):  # noqa: F811
    """A deployment with three runs, and what a forger needs."""
    stage, run_cli = terminal
    return Attacked(stage, run_cli, tmp_path, SealKey.generate() if request.param == "signed" else None)


class Attacked:
    """``ids``: of the events that no run has read yet."""

    def __init__(self, stage, run_cli, folder, key):
        self.stage, self.run_cli, self.folder, self.key = stage, run_cli, folder, key
        self.changes = {"SEAL_KEY": key.pem().decode() if key else "", "SEAL_MESSAGES": "true"}
        self.state = Path(stage.environment["STATE_FILE"])
        self.ids, self.of_twin = [], set()
        for number in range(3):
            self.happen(4, 5 + number)
            self.run()

    def happen(self, count, minutes):
        self.ids = self.stage.emit(self.stage.world.tenancy, count, minutes)

    def run(self, **changes):
        result = self.run_cli("run", **self.changes, **changes)
        assert result.exit_code == 0, result.output

    @property
    def lines(self):
        """What the receiver of the deployment has."""
        return [line for line in self.stage.receiver.messages if line not in self.of_twin]

    def files(self, kind, state=None):
        return sorted(path for path in Path(f"{state or self.state}.{kind}").rglob("*") if path.is_file())

    def entries(self, state=None):
        return [unpack(path.read_bytes(), path.name) for path in self.files("ledger", state)]

    def entry_of_new_events(self):
        """An entry with the keys of the events that no run has read: what a run of another state wrote, without what is known."""
        known, arrived = self.keys(self.entries()), len(self.stage.receiver.messages)
        self.run(STATE_FILE=str(self.folder / "twin"))
        self.of_twin = {*self.stage.receiver.messages[arrived:]}
        for entry in self.entries(self.folder / "twin"):
            kept = {place: b"".join(sorted(self.keys([entry], place) - known)) for place in entry.keys}
            if any(kept.values()):
                return replace(entry, state=self.entries()[0].state, epoch=self.entries()[0].epoch, keys=kept, messages=None)
        raise AssertionError("there are no new events")

    @staticmethod
    def keys(entries, place=None):
        packed = b"".join(keys for entry in entries for at, keys in entry.keys.items() if place in (None, at))
        return {packed[at : at + KEY_BYTES] for at in range(0, len(packed), KEY_BYTES)}

    def store(self, entry):
        path = Path(f"{self.state}.ledger") / entry.name.text()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pack(entry))
        return path

    def verify(self, *options, public_key=True, siem=True):
        export = self.folder / "export.log"
        if siem:
            export.write_bytes(b"".join(line + b"\n" for line in self.lines))
            options = (*options, "--siem", str(export))
        if public_key and self.key:
            (self.folder / "public.pem").write_text(self.key.public.pem())
            options = (*options, "--public-key", str(self.folder / "public.pem"))
        return self.run_cli("verify", "--from", "24h", *options, **self.changes)


def claims(attacked, entry):
    """``entry`` with as many messages as it has keys, with the event IDs of messages that arrived."""
    ids = [re.search(rb" externalId=(\S+)", line)[1].decode() for line in attacked.lines if b" externalId=seal-" not in line]
    count = len(attacked.keys([entry]))
    lines = b"".join(message_line(number, event_id) for number, event_id in enumerate(ids[:count], 1))
    return replace(entry, messages=Messages(1, count, hashlib.sha256(lines).hexdigest(), ids_of_lines(lines)))


@pytest.mark.parametrize(
    ("source", "messages"),
    [
        *((source, "none") for source in ("replay", "push", "poll", "late")),
        *((source, messages) for source in ("replay", "poll") for messages in ("of other events", "without an ID")),
    ],
)
def test_an_entry_that_hides_events_is_not_complete(source, messages, attacked):
    attacked.happen(3, 10)
    entry = replace(attacked.entry_of_new_events(), run=MADE_UP, source=source, number=1)
    if messages == "of other events":
        entry = claims(attacked, entry)
    elif messages == "without an ID":
        lines = b"".join(message_line(number, None) for number in (1, 2, 3))
        entry = replace(entry, messages=Messages(1, 3, hashlib.sha256(lines).hexdigest(), ids_of_lines(lines)))
    attacked.store(entry)
    attacked.run()
    assert not any(event_id.encode() in line for event_id in attacked.ids for line in attacked.lines)
    result = attacked.verify()
    text = " ".join(result.stdout.split())
    assert "Complete." not in text
    if attacked.key:
        assert (result.exit_code, f"The ledger entry {entry.name.text()} has no signature" in text) == (1, True), text
    elif messages != "without an ID":
        is_missing = (source, messages) == ("replay", "of other events")  # its numbers are, in an export with numbers
        assert result.exit_code == (1 if is_missing else 2), text
        assert f"3 events of the ledger entry {entry.name.text()} have no message of their own in the export" in text or (
            f"3 events of the ledger entry {entry.name.text()} have no message" in text
        )
    assert "Complete." not in attacked.verify(public_key=False).stdout


def forge(attacked, number, run="f0rged", *, days=0, **members):
    """Store a forged seal with this number, like the newest one, ``days`` later."""
    path = attacked.files("seals")[-1]
    seal = unpack_seal(path.read_bytes(), path.name)
    when = minute_text(int(parse_seconds(seal.time)) // 60 + days * 1440)
    previous = PreviousSeal(sequence=number - 1, sha256=digest(path.read_bytes()))
    members = {"sequence": number, "run": run, "time": when, "previous": previous, "entries": [], "signature": None} | members
    forged = msgspec.structs.replace(seal, **members)
    path = Path(f"{attacked.state}.seals") / forged.name.text()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack_seal(forged))
    return forged


def said(result):
    return " ".join(result.stdout.split())


@pytest.mark.parametrize("options", [(), ("--ledger",)])
@pytest.mark.parametrize("days", [-1, 0, 40])
def test_a_seal_with_a_huge_number_takes_neither_time_nor_memory(days, options, attacked):
    forge(attacked, 9_999_999_999, days=days)
    if options:
        options = (*options, str(attacked.folder))
        attacked.state.rename(attacked.folder / "elsewhere")
    result = attacked.verify(*options, "--from", "7d")
    assert result.exit_code == 1, result.output
    text = said(result)
    assert ("9999999999-f0rged.json is not part of the chain" in text) == (not options), text
    if options:
        assert "The seals 4 to 9999999998 are missing: seal 9999999999 exists." in text


def test_a_newest_seal_that_was_removed_is_named_although_a_forged_one_is_dated_after_the_window(attacked):
    forge(attacked, 2, days=2)
    for path in attacked.files("seals")[1:3]:
        path.unlink()
    result = attacked.verify()
    assert (result.exit_code, "The seal 3 is missing: the state has the number of a later one." in said(result)) == (1, True), result.output


def test_a_seal_without_a_signature_below_signed_ones_is_named(attacked):
    """The forger continues the chain in the state, which has no signature, and the next run signs what follows."""
    forged = forge(attacked, 4, run="f0rged")
    data = (Path(f"{attacked.state}.seals") / forged.name.text()).read_bytes()
    change_state(
        attacked,
        lambda state: state["seals"]["head"].update(
            name=forged.name.text(), sequence=4, run="f0rged", sha256=digest(data), text="", stored=True, sent=4
        ),
    )
    attacked.happen(2, 12)
    attacked.run()
    result = attacked.verify()
    if attacked.key:
        what = f"The seal {forged.name.text()} has no signature, and seal 1, which is before it, is signed."
        assert (result.exit_code, what in said(result)) == (1, True), result.output


def test_an_entry_without_a_signature_in_the_signed_seal_of_its_run_is_named(attacked):
    """A run once named what it found under its own ID, so the seal alone does not prove who wrote an entry."""
    if not attacked.key:
        return
    seal = attacked.files("seals")[-1]
    signed = unpack_seal(seal.read_bytes(), seal.name)
    [*others, last] = signed.entries
    entry = Path(f"{attacked.state}.ledger") / last.name
    entry.write_bytes(pack(unpack(entry.read_bytes(), entry.name)))
    named = [*others, SealedEntry(name=last.name, sha256=digest(entry.read_bytes()))]
    seal.write_bytes(pack_seal(sign(msgspec.structs.replace(signed, entries=named), attacked.key)))
    attacked.state.rename(attacked.folder / "elsewhere")
    result = attacked.verify("--ledger", str(attacked.folder), siem=False)
    what = f"{last.name} has no signature, although SEAL_KEY was set by then."
    assert (result.exit_code, what in said(result)) == (1, True), result.output


@pytest.mark.parametrize("source", ["replay", "poll"])
def test_an_entry_that_claims_the_messages_of_seals_is_not_complete(source, attacked):
    attacked.happen(3, 10)
    entry = replace(attacked.entry_of_new_events(), run=MADE_UP, source=source, number=1)
    ids = [match[1].decode() for line in attacked.lines if (match := re.search(rb" externalId=(seal-\S+)", line))]
    lines = b"".join(message_line(number, event_id) for number, event_id in enumerate(ids[:3], 1))
    attacked.store(replace(entry, messages=Messages(1, 3, hashlib.sha256(lines).hexdigest(), ids_of_lines(lines))))
    attacked.run()
    result = attacked.verify(public_key=False)
    what = f"3 events of the ledger entry {entry.name.text()} have no message"
    assert (result.exit_code, what in said(result)) == (2, True), result.output


@pytest.mark.parametrize("source", ["replay", "poll"])
def test_an_entry_of_the_future_is_found_in_a_window_of_the_past(source, attacked):
    """An auditor verifies yesterday. The entry said that it was written in 2100, so it was in no window."""
    attacked.happen(3, 10)
    entry = replace(attacked.entry_of_new_events(), run=MADE_UP, source=source, number=1, at=4_102_444_800.0)
    attacked.store(entry)
    attacked.run()
    minute = int(attacked.stage.hand.time // 60)
    keys = [attacked.key.public] if attacked.key else []
    copy = attacked.folder / "copy"
    for kind in ("seals", "ledger"):
        shutil.copytree(f"{attacked.state}.{kind}", copy / f"cursor.{kind}")
    result = verify(Request(Window(minute - 1440, minute + 2), keys, minute + 30, None), folder_sources(copy), [], Quiet(), {})
    found = [*result.unchecked, *(fault.what for fault in result.faults)]
    assert (result.verdict, any(entry.name.text() in text for text in found)) == ("incomplete" if keys else "unchecked", True), found


class Quiet:
    """Ignores the progress."""

    def entries(self, region, done, total): ...

    def export(self, name, done, total): ...


def change_state(attacked, change):
    line, _, rest = attacked.state.read_bytes().partition(b"\n")
    state = json.loads(rest)
    change(state)
    rest = msgspec.json.encode(state) + b"\n"
    attacked.state.write_bytes(line.partition(b"=")[0] + b"=" + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest)


def test_seals_that_were_removed_before_a_cursor_that_moved_back_are_not_complete(attacked):
    assert attacked.run_cli("state", "rewind", "40d", "--yes", **attacked.changes).exit_code == 0
    attacked.run_cli("run", **attacked.changes)
    for path in attacked.files("seals")[:-1]:
        path.unlink()
    result = attacked.verify()
    text = said(result)
    assert (result.exit_code, "The seals 1 to 3 are missing: the export has their messages." in text) == (1, True), text
    messages = attacked.folder / "export.log"
    messages.write_bytes(b"".join(line + b"\n" for line in attacked.lines if b"externalId=seal-us-ashburn-1-4-" in line))
    unseen = attacked.run_cli("verify", "--from", "24h", "--ledger", str(attacked.folder), **attacked.changes)
    assert unseen.exit_code == 2, unseen.output
    assert "the seals through seal 3 do not exist, and how old they were is not known" in said(unseen)


def test_a_polled_region_without_seals_is_not_complete(attacked, tmp_path):
    [*_, newest] = attacked.files("seals")
    text = newest.read_bytes().replace(b'"polled":["us-ashburn-1"]', b'"polled":["eu-paris-1","us-ashburn-1"]')
    assert text != newest.read_bytes()
    attacked.changes["REGIONS"] = "us-ashburn-1"
    if attacked.key:
        seal = sign(msgspec.json.decode(text, type=Seal), attacked.key)
        text = pack_seal(seal)
    newest.write_bytes(text)
    attacked.state.rename(attacked.folder / "elsewhere")
    result = attacked.verify("--ledger", str(attacked.folder), siem=False)
    assert (result.exit_code, "Not checked: eu-paris-1: the seals of other regions say that it was polled" in said(result)) == (2, True)


def missing_events(attacked, **changes):
    """Events that the ledger does not have, one of which a rule filters; they are sent with `replay --missing-only`."""
    ids = attacked.stage.emit(attacked.stage.world.tenancy, 4, 9)
    result = attacked.run_cli("replay", "--from", "30m", "--to", "3m", "--missing-only", "--yes", **attacked.changes, **changes)
    assert result.exit_code == 0, result.output
    attacked.run(**changes)
    return ids


def test_an_entry_of_a_replay_is_complete_if_each_event_has_a_message(attacked):
    missing_events(attacked)
    assert attacked.verify().exit_code == 0, attacked.verify().output
    assert attacked.verify(public_key=False).exit_code == 0


def test_an_entry_of_a_replay_with_filtered_events_is_complete_if_it_is_signed(attacked):
    missing_events(attacked, RULES='{"event_filtering": {"mode": "include", "included_events": ["Nothing"]}}')
    result, unverified = attacked.verify(), attacked.verify(public_key=False)
    assert (result.exit_code, "Complete." in result.stdout) == ((0, True) if attacked.key else (2, False)), result.output
    say = "Give the public key: it is signed." if attacked.key else "SEAL_KEY, if set, signs entries; a replay sends these events again."
    assert (unverified.exit_code, say in said(unverified)) == (2, True)


def test_an_entry_with_the_signature_of_another_one_is_named(attacked):
    missing_events(attacked)
    path = attacked.files("ledger")[-1]
    if (signature := signature_of(path.read_bytes())) is None:
        return
    entry = replace(unpack(path.read_bytes(), path.name), number=7, source="replay", run=MADE_UP, unsealed={})
    line, _, rest = pack(entry).partition(b"\n")
    copied = path.read_bytes()[len(signature.signed) : len(signature.signed) + signature.length]
    attacked.store(entry).write_bytes(line + copied + b"\n" + rest)
    result = attacked.verify()
    assert (result.exit_code, f"{entry.name.text()} has a signature that is not valid." in said(result)) == (1, True), result.output
    attacked.store(entry).write_bytes(sign_entry(pack(entry), other := SealKey.generate()))
    what = f"{entry.name.text()} is signed by {other.public.fingerprint}, which is none of the public keys."
    assert what in said(attacked.verify())
