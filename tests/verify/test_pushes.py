"""``verify`` on events of which Connector Hub pushed a part and runs polled the rest."""

import json
import re
from pathlib import Path

import pytest

from epimetheus.ledger.entry import unpack
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.support.pushes import batch, entries, places
from tests.verify.independent_reader import event_key, keys_of

PUSH = {"PUSH": "true", "OWN_EVENTS": "forward", "SETTLE_MINUTES": "2"}


class Mixed:
    """A deployment with pushes. ``lines``: the messages that arrived, as `verify` gets them."""

    def __init__(self, stage, run_cli, folder):
        self.stage, self.run_cli, self.folder = stage, run_cli, folder
        self.ledger = Path(f"{stage.environment['STATE_FILE']}.ledger")
        self.other = stage.world.add_compartment("other")

    def emit(self, count=4, seed=1):
        return [one for place in (self.stage.world.tenancy, self.other) for one in self.stage.emit(place, count, 8, seed=seed)]

    def push(self, ids):
        (pushed,) = self.stage.call(batch(entries(self.stage.world, ids)), **PUSH)
        return pushed

    def run(self):
        result = self.run_cli("run", **PUSH)
        assert result.exit_code == 0, result.output

    def pushed_entries(self):
        found = [path for path in self.ledger.rglob("*-push") if path.is_file()]
        return [path for path in found if unpack(path.read_bytes(), "here").messages]

    def verify(self, *options, without=()):
        export = self.folder / "export.log"
        export.write_bytes(b"".join(line + b"\n" for line in self.stage.receiver.messages if line not in without))
        return self.run_cli("verify", "--from", "24h", "--siem", str(export), *options, **PUSH)


@pytest.fixture
def mixed(terminal, tmp_path):  # noqa: F811
    mixed = Mixed(*terminal, tmp_path)
    mixed.run()
    return mixed


def test_pushed_and_polled_events_are_complete(mixed):
    ids = mixed.emit()
    assert mixed.push(ids[::2]).forwarded == 4
    mixed.run()
    result = mixed.verify("--audit", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["verdict"], document["faults"]) == (0, "complete", [])
    [region] = document["regions"]
    assert (region["entries"]["unsealed"], region["audit"]["missing"]) == (0, 0)
    assert (document["export"]["sealed"], document["export"]["present"], document["export"]["unsealed"]) == (8, 8, 0)
    assert len(mixed.pushed_entries()) == 1


def test_a_pushed_message_that_was_removed_is_named(mixed):
    ids = mixed.emit()
    run = mixed.push(ids[::2]).run
    mixed.run()
    gone = next(line for line in mixed.stage.receiver.messages if f'run="{run}" seq="3"'.encode() in line)
    result = mixed.verify(without=[gone])
    assert result.exit_code == 1
    assert f"Message 3 of run {run} is missing in the export; the ledger entry " in result.stdout
    assert result.stdout.splitlines()[-1] == "Incomplete: 1 fault."


def test_an_entry_of_a_push_that_was_removed_is_named(mixed):
    mixed.push(mixed.emit())
    mixed.run()
    (entry,) = mixed.pushed_entries()
    entry.unlink()
    result = mixed.verify()
    assert result.exit_code == 1
    assert f"The ledger entry {entry.relative_to(mixed.ledger)} is missing: seal 2 names it." in result.stdout


def test_a_push_waits_for_the_seal_of_the_next_run(mixed):
    ids = mixed.emit()
    mixed.push(ids[:4])
    mixed.run()
    mixed.push(ids[:2])
    mixed.push(mixed.emit(1, seed=2))
    result = mixed.verify()
    assert result.exit_code == 0, result.output
    assert re.search(r"^SIEM export: 8 of 8 sealed messages present, 0 missing, 0 duplicates, 2 unsealed", result.stdout, re.MULTILINE)
    assert "not named by a seal yet" in result.stdout
    mixed.run()
    result = mixed.verify()
    assert "10 of 10 sealed messages present, 0 missing, 0 duplicates, 0 unsealed" in result.stdout
    assert result.stdout.splitlines()[-1] == "Complete."


def test_the_keys_are_those_that_the_page_of_the_formats_specifies(mixed):
    ids = mixed.emit()
    mixed.push(ids[::2])
    mixed.run()
    world = mixed.stage.world
    listed = [(place, json.loads(row)) for place in places(world) for row in world.audit.rows(world.region, place)]
    expected = {event_key(place, event) for place, event in listed if event["eventId"] in ids}
    stored = [path.read_bytes() for path in mixed.ledger.rglob("*") if path.is_file()]
    assert (len(expected), set().union(*map(keys_of, stored))) == (8, expected)
    assert len(mixed.pushed_entries()) == 1
    logged = json.loads(entries(world, ids[:1])[0])
    assert event_key(logged["oracle"]["compartmentid"], logged) in expected
