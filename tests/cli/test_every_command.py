"""Each documented exit code and JSON document of every command, played through the command line against the stand-ins."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from epimetheus.cli.exit_codes import EXIT_CODES
from epimetheus.cli.json_reports import JSON_SHAPES
from epimetheus.ledger.seal_key import SealKey
from epimetheus.model import minute_text
from tests.cli.test_app import terminal  # noqa: F401 - a fixture
from tests.cli.test_runs_table import log_run
from tests.docs.test_cli_doc import COMMANDS
from tests.support.reports import REFUSED, behind

GOOD, BAD = '{"eventType": "com.oraclecloud.ComputeApi.GetInstance", "eventId": "1", "data": {}}', '{"eventType": 7, "data": {}}'
NO, YES = "n\n", "y\n"
KEY = SealKey.generate().pem().decode()


class Scene(NamedTuple):
    """What a command finds. ``prepare``: a function of the stage and of the runner; ``answer``: to its question."""

    code: int
    words: str
    prepare: object = None
    answer: str = ""
    changes: dict = {}  # noqa: RUF012 - never changed


def ran(stage, run_cli):
    stage.emit(stage.world.tenancy, 3, 20)
    assert run_cli("run").exit_code == 0


def denied(stage, run_cli):
    stage.world.forbid(stage.world.add_compartment("other"))


def logged(**fields):
    return lambda stage, run_cli: log_run(stage, 60, **fields)


def events(*texts):
    return lambda stage, run_cli: Path("events.json").write_text("\n".join(texts))


def foreign_page(stage, run_cli):
    Path("page.html").write_text("mine")
    logged()(stage, run_cli)


def emitted(stage, run_cli):
    stage.emit(stage.world.tenancy, 3, 20)


def stopped(stage, run_cli):
    time = minute_text(int(stage.hand.time // 60) - 300)
    Path("marker.json").write_text(json.dumps({"last_event_time": time, "poll_count": 5}))


def denied_later(stage, run_cli):
    ran(stage, run_cli)
    denied(stage, run_cli)


def seal_removed(stage, run_cli):
    ran(stage, run_cli)
    next(Path(f"{stage.environment['STATE_FILE']}.seals").rglob("*.json")).unlink()


def seal_damaged(stage, run_cli):
    ran(stage, run_cli)
    next(Path(f"{stage.environment['STATE_FILE']}.seals").rglob("*.json")).write_bytes(b"{}")


def signed_by_another(stage, run_cli):
    stage.emit(stage.world.tenancy, 3, 20)
    assert run_cli("run", SEAL_KEY=SealKey.generate().pem().decode()).exit_code == 0


WINDOW = "replay --from 2h --to 5m"
RECONCILE = "reconcile --from 2h --to 5m --yes"
PORT = {"SYSLOG_PORT": "0"}
SCENES = {
    "validate": [Scene(0, "validate"), Scene(2, "validate", changes=PORT)],
    "health": [Scene(0, "health", ran), Scene(1, "health"), Scene(2, "health", changes=PORT)],
    "run": [
        Scene(0, "run"), Scene(1, "run", denied), Scene(2, "run", emitted, changes={"SYSLOG_PORT": "1"}), Scene(2, "run", changes=PORT),
    ],
    "runs": [
        Scene(0, "runs", logged()), Scene(1, "runs"), Scene(1, "runs", logged(status="partial", position=behind(3))),
        Scene(2, "runs", logged(status="failed", error=REFUSED)), Scene(2, "runs --since 3weeks"),
    ],
    "runs show": [
        Scene(0, "runs show a1", logged(run="a1")), Scene(1, "runs show a1", logged(run="a1", status="partial", position=behind(3))),
        Scene(2, "runs show a1", logged(run="a1", status="failed", error=REFUSED)), Scene(2, "runs show a1"),
    ],
    "runs html": [
        Scene(0, "runs html page.html", logged()), Scene(1, "runs html page.html"), Scene(1, "runs html page.html", foreign_page, NO),
        Scene(2, "runs html page.html", foreign_page), Scene(2, "runs html nowhere/page.html"),
    ],
    "rules preview": [Scene(0, "rules preview"), Scene(1, "rules preview", denied), Scene(2, "rules preview --file nowhere")],
    "render": [
        Scene(0, "render --file events.json", events(GOOD)), Scene(1, "render --file events.json", events(GOOD, BAD)),
        Scene(2, "render --file events.json"),
    ],
    "replay": [
        Scene(0, f"{WINDOW} --yes"), Scene(1, f"{WINDOW} --yes", denied), Scene(1, WINDOW, emitted, NO), Scene(2, WINDOW),
        Scene(2, f"{WINDOW} --yes", emitted, changes={"SYSLOG_PORT": "1"}),
    ],
    "reconcile": [
        Scene(0, RECONCILE, ran), Scene(1, RECONCILE, denied_later), Scene(2, RECONCILE),
        Scene(2, "reconcile --from 2h --to now"),
    ],
    "verify": [Scene(0, "verify --from 24h", ran), Scene(1, "verify --from 24h", seal_removed), Scene(2, "verify --from 24h")],
    "state show": [Scene(0, "state show", ran), Scene(0, "state show"), Scene(2, "state show --region all")],
    "state import": [
        Scene(0, "state import --marker marker.json --yes", stopped), Scene(1, "state import --marker marker.json", stopped, NO),
        Scene(2, "state import --marker nowhere"),
    ],
    "state rewind": [Scene(0, "state rewind 3h --yes", ran), Scene(1, "state rewind 3h", ran, NO), Scene(2, "state rewind 3h", ran)],
    "state reset": [Scene(0, "state reset --yes", ran), Scene(1, "state reset", ran, NO), Scene(2, "state reset")],
    "state adopt": [
        Scene(0, "state adopt --reason new", ran, YES, {"SYSLOG_HOST": "127.0.0.1"}),
        Scene(1, "state adopt --reason new", ran, NO, {"SYSLOG_HOST": "127.0.0.1"}), Scene(2, "state adopt --reason new"),
    ],
    "state unlock": [Scene(0, "state unlock", ran), Scene(2, "state unlock --region all")],
    "state own-address": [
        Scene(0, "state own-address 192.0.2.7 --yes", ran), Scene(1, "state own-address 192.0.2.7", ran, NO),
        Scene(2, "state own-address here"),
    ],
    "seal keygen": [Scene(0, "seal keygen --out key.pem"), Scene(2, "seal keygen --out missing/key.pem")],
    "seal public-key": [Scene(0, "seal public-key", changes={"SEAL_KEY": KEY}), Scene(2, "seal public-key")],
    "seal list": [
        Scene(0, "seal list", ran), Scene(0, "seal list"), Scene(1, "seal list", seal_damaged), Scene(2, "seal list --region all"),
    ],
    "seal show": [
        Scene(0, "seal show", ran), Scene(1, "seal show", signed_by_another, changes={"SEAL_KEY": KEY}),
        Scene(2, "seal show --sequence 5", ran), Scene(2, "seal show"),
    ],
}  # fmt: skip
ELSEWHERE = {
    ("state unlock", 1): "tests/state/test_lease.py: it needs a lease",
    ("demo", 0): "tests/deploy/test_package.py",
    ("demo", 1): "tests/cli/test_demo.py",
    ("demo", 2): "below: an unknown option",
}
CASES = [(name, scene) for name, scenes in SCENES.items() for scene in scenes]


def play(scene, terminal, tmp_path, monkeypatch, *more):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    stage, run_cli = terminal
    if scene.prepare:
        scene.prepare(stage, run_cli)
    return run_cli(*scene.words.split(), *more, answer=scene.answer, **scene.changes)


@pytest.mark.parametrize(("name", "scene"), CASES, ids=[f"{scene.code} {scene.words}" for _, scene in CASES])
def test_the_exit_code_is_the_documented_one(name, scene, terminal, tmp_path, monkeypatch):  # noqa: F811
    plain = play(scene, terminal, tmp_path, monkeypatch)
    assert plain.exit_code == scene.code, plain.output


@pytest.mark.parametrize(("name", "scene"), CASES, ids=[f"{scene.code} {scene.words}" for _, scene in CASES])
def test_json_is_one_document_with_the_documented_members(name, scene, terminal, tmp_path, monkeypatch):  # noqa: F811
    """Whatever the exit code; and none if the answer is no."""
    result = play(scene, terminal, tmp_path, monkeypatch, "--json")
    assert result.exit_code == scene.code, result.output
    stdout = result.stdout.removeprefix(f" {scene.answer}")  # the runner echoes the answer
    if scene.answer == NO:
        assert stdout == ""
        return
    document, shape = json.loads(stdout), JSON_SHAPES[name]
    if isinstance(document, dict) and "error" in document:
        assert (scene.code, sorted(document["error"])) == (2, ["do", "fault", "kind", "what"])
    elif isinstance(shape, str):
        assert isinstance(document, list)
        assert all(f"`{member}`" in shape for one in document for member in one) or name == "run"
    else:
        assert set(document) == set(shape) or (name == "state show" and document["exists"] is False)


def test_every_documented_code_is_played():
    played = {(name, scene.code) for name, scene in CASES} | set(ELSEWHERE)
    assert {(name, code) for name, codes in EXIT_CODES.items() for code in codes} == played
    assert set(SCENES) | {"demo"} == set(COMMANDS)
