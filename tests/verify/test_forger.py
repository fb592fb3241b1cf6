"""What a forger tried who can write to the bucket, but has neither SEAL_KEY nor access to the SIEM: each once ended with `Complete.`"""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest

from epimetheus.ledger.entry import KEY_BYTES, Messages, pack, unpack
from epimetheus.ledger.messages import ids_of_lines, message_line
from epimetheus.ledger.seal_key import SealKey
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

    def verify(self, *options, public_key=True):
        export = self.folder / "export.log"
        export.write_bytes(b"".join(line + b"\n" for line in self.lines))
        if public_key and self.key:
            (self.folder / "public.pem").write_text(self.key.public.pem())
            options = (*options, "--public-key", str(self.folder / "public.pem"))
        return self.run_cli("verify", "--from", "24h", "--siem", str(export), *options, **self.changes)


def claims(attacked, entry):
    """``entry`` with as many messages as it has keys, with the event IDs of messages that arrived."""
    ids = [re.search(rb" externalId=(\S+)", line)[1].decode() for line in attacked.lines if b" externalId=seal-" not in line]
    count = len(attacked.keys([entry]))
    lines = b"".join(message_line(number, event_id) for number, event_id in enumerate(ids[:count], 1))
    return replace(entry, messages=Messages(1, count, hashlib.sha256(lines).hexdigest(), ids_of_lines(lines)))


@pytest.mark.parametrize("messages", ["none", "of other events", "without an ID"])
@pytest.mark.parametrize("source", ["replay", "push", "poll", "late"])
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
        assert result.exit_code == 2, text
        assert f"3 events of the ledger entry {entry.name.text()} have no message of their own in the export" in text or (
            f"3 events of the ledger entry {entry.name.text()} have no message" in text
        )
    assert "Complete." not in attacked.verify(public_key=False).stdout
