"""``verify`` and the state commands with Cloud Guard: its runs have a chain of seals of their own, and it is verified like any other."""

import json
import shutil
from pathlib import Path

import pytest

from epimetheus.run import problems as run_problems
from epimetheus.wiring import cloud_guard
from tests.cli.test_app import terminal  # noqa: F401 - a fixture

CHANGES = {"SOURCES": "audit,cloud_guard", "CLOUD_GUARD_MINUTES": "1", "SEAL_MESSAGES": "true"}


@pytest.fixture(params=["cef", "json", "leef", "ocsf"])
def guarded(request, terminal, tmp_path):  # noqa: F811
    """A run with four events and four problems. Returns `verify` and the messages."""
    stage, run_cli = terminal
    changes = {**CHANGES, "FORMAT": request.param}
    stage.emit(stage.world.tenancy, 4, 5)
    problems = [stage.world.cloud_guard.add(stage.world.tenancy, at=stage.hand.time - 7200) for _ in range(4)]
    stage.world.cloud_guard.resolve(problems[0])
    done = run_cli("run", **changes)
    assert done.exit_code == 0, done.output
    lines = list(stage.receiver.messages)

    def verify(lines):
        (tmp_path / "export.log").write_bytes(b"".join(line + b"\n" for line in lines))
        return run_cli("verify", "--from", "24h", "--json", "--siem", str(tmp_path / "export.log"), **changes)

    return verify, lines


def test_problems_are_verified_like_events(guarded):
    verify, lines = guarded
    result = verify(lines)
    document = json.loads(result.stdout)
    assert (result.exit_code, document["verdict"], document["faults"]) == (0, "complete", []), result.output
    assert [region["region"] for region in document["regions"]] == ["us-ashburn-1", "cloud-guard"]
    assert document["export"]["sealed"] == document["export"]["present"] == 8


def test_settings_without_a_source_say_which_one_they_lack(terminal):  # noqa: F811
    stage, run_cli = terminal
    stage.emit(stage.world.tenancy, 4, 5)
    stage.world.cloud_guard.add(stage.world.tenancy, at=stage.hand.time - 7200)
    assert run_cli("run", **CHANGES).exit_code == 0
    result = run_cli("verify", "--from", "24h", "--json", **{**CHANGES, "SOURCES": "audit"})
    assert (result.exit_code, json.loads(result.stdout)["unchecked"]) == (2, [
        "cloud-guard: the seals of other regions say that it was polled, and SOURCES of these settings does not include cloud_guard."
        " Set SOURCES as in the deployment, or use --function."
    ])  # fmt: skip


def test_a_removed_problem_is_named(guarded):
    verify, lines = guarded
    problem = next(line for line in lines if b" problem [" in line)
    result = verify([line for line in lines if line is not problem])
    (fault,) = json.loads(result.stdout)["faults"]
    assert (result.exit_code, fault["kind"], fault["region"]) == (1, "message_missing", "cloud-guard")


def test_the_state_of_cloud_guard_can_be_shown_and_rewound(terminal):  # noqa: F811
    stage, run_cli = terminal
    stage.world.cloud_guard.add(stage.world.tenancy, at=stage.hand.time - 7200)
    changes = {"SOURCES": "cloud_guard", "CLOUD_GUARD_MINUTES": "15"}
    assert run_cli("run", **changes).exit_code == 0
    again = run_cli("run", **changes)
    assert (again.exit_code, again.stdout) == (0, "")
    assert again.stderr.endswith("Nothing is due: Cloud Guard is polled every 15 minutes (CLOUD_GUARD_MINUTES).\n")
    assert json.loads(run_cli("run", "--json", **changes).stdout) == []
    shown = run_cli("state", "show", "--region", "cloud-guard", **changes)
    assert (shown.exit_code, "cloud-guard" in shown.stdout) == (0, True), shown.output
    for number, words in enumerate((("rewind", "2h"), ("rewind", "15m"), ("reset",)), 2):
        rewound = run_cli("state", *words, "--region", "cloud-guard", "--yes", **changes)
        expected = "/cursor.cloud-guard: the next poll sends every problem of the last 180 days again.\n"
        assert (rewound.exit_code, rewound.stdout.endswith(expected)) == (0, True), rewound.output
        assert run_cli("run", **changes).exit_code == 0
        assert len(stage.receiver.messages) == number


@pytest.mark.parametrize("words", [("rewind", "2h"), ("rewind", "0m"), ("reset",)])
def test_what_a_rewind_of_cloud_guard_asks(terminal, words):  # noqa: F811
    """No problem is before the time of a rewind: each is sent again, whatever that time is."""
    stage, run_cli = terminal
    stage.world.cloud_guard.add(stage.world.tenancy, at=stage.hand.time - 7200)
    assert run_cli("run", SOURCES="cloud_guard").exit_code == 0
    asked = run_cli("state", *words, "--region", "cloud-guard", answer="n\n", SOURCES="cloud_guard")
    question = "Every problem of the last 180 days is sent again without a mark. Continue? [y/N]: n"
    assert (asked.exit_code, question in asked.stdout) == (1, True), asked.output


def test_keys_that_are_entered_again_are_no_events(terminal, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(run_problems, "REFRESH_MINUTES", -1)
    monkeypatch.setattr(cloud_guard.CloudGuardStream, "is_due", lambda stream: True)
    stage, run_cli = terminal
    for _ in range(5):
        stage.world.cloud_guard.add(stage.world.tenancy, at=stage.hand.time - 7200)
    changes = {"SOURCES": "cloud_guard", "SEAL_MESSAGES": "true"}
    for _ in range(4):
        assert run_cli("run", **changes).exit_code == 0
    (tmp_path / "export.log").write_bytes(b"".join(line + b"\n" for line in stage.receiver.messages))
    result = run_cli("verify", "--from", "24h", "--siem", str(tmp_path / "export.log"), **changes)
    assert "Complete." in result.stdout, result.stdout
    ledger = Path(f"{stage.environment['STATE_FILE']}.cloud-guard.ledger")
    assert len([path for path in ledger.rglob("*-cloud_guard") if path.is_file()]) >= 5  # three runs entered the keys again


def test_problems_alone_are_complete(terminal, tmp_path):  # noqa: F811
    stage, run_cli = terminal
    stage.world.cloud_guard.add(stage.world.tenancy, at=stage.hand.time - 7200)
    changes = {"SOURCES": "cloud_guard", "SEAL_MESSAGES": "true"}
    assert run_cli("run", **changes).exit_code == 0
    (tmp_path / "export.log").write_bytes(b"".join(line + b"\n" for line in stage.receiver.messages))
    result = run_cli("verify", "--from", "24h", "--siem", str(tmp_path / "export.log"), **changes)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Complete."), result.stdout


def test_the_removal_of_the_whole_chain_of_problems_is_noticed(guarded, terminal, tmp_path):  # noqa: F811
    stage, run_cli = terminal
    folder = tmp_path / "copy"
    for kind in ("seals", "ledger"):
        shutil.copytree(f"{stage.environment['STATE_FILE']}.{kind}", folder / f"cursor.{kind}")
    _, lines = guarded
    (tmp_path / "export.log").write_bytes(b"".join(line + b"\n" for line in lines if b" cloud-guard " not in line))
    result = run_cli("verify", "--from", "24h", "--ledger", str(folder), "--siem", str(tmp_path / "export.log"))
    assert (result.exit_code, "cloud-guard: the seals of other regions say that it was polled" in result.stdout) == (2, True), result.stdout


def test_replay_from_a_terminal_sends_problems_too(guarded, terminal):  # noqa: F811
    _, run_cli = terminal
    result = run_cli("replay", "--from", "3h", "--to", "1m", "--yes", **{**CHANGES, "SEAL_MESSAGES": "false"})
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if " replay ok: " in line]
    assert [line.partition(" ")[0] for line in lines] == ["us-ashburn-1", "cloud-guard"], result.stdout
    assert "4" in lines[1].partition(": ")[2], lines
