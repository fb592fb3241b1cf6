"""docs/try-every-command.md: its commands are executed, and print what the page shows.

``python -m tests.docs.test_try_every_command_doc`` writes what they print to the page, where it differs from what the page shows, or where
the page shows only ``…``. Shorten long outputs by hand with ``…``.
"""

import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.test_cli_doc import ORDER, PROGRAM
from tests.support.transcripts import ELLIPSIS, Shell, Step, same, steps, with_outputs

DOC = Path(__file__).parents[2] / "docs" / "try-every-command.md"
PAGE = DOC.read_text("utf-8")
SERVER = "python -m epimetheus.testing "


def outputs(folder: Path) -> list[tuple[Step, list[str]]]:
    """Each command of the page, and what it prints in ``folder``; the stand-ins run in a terminal of their own."""
    with closing(Shell(folder)) as stand_ins, closing(Shell(folder)) as shell:
        return [(step, _printed(step, stand_ins, shell)) for step in steps(PAGE)]


def _printed(step: Step, stand_ins: Shell, shell: Shell) -> list[str]:
    if not step.command.startswith(SERVER):
        return shell.run(step.command)
    stand_ins.send(step.command)
    return [stand_ins.line()]


@pytest.mark.timeout(600)  # 20 commands, each in its own process, and the demo
def test_the_commands_print_what_the_page_shows(tmp_path):
    found = outputs(tmp_path)
    differences = [f"$ {step.command}\n" + "\n".join(printed) for step, printed in found if not same(step.shown, printed)]
    assert differences == [], "run: python -m tests.docs.test_try_every_command_doc, and read the difference"
    assert (tmp_path / "try" / "runs.html").read_text("utf-8").startswith("<!doctype html>")


def test_only_what_differs_each_time_may_differ():
    shown = ["us-ashburn-1 ok: 2 forwarded, through 2026-01-01T00:00:00Z", "…", "runs, …", "1.5 s"]
    assert same(shown, ["us-ashburn-1 ok: 2 forwarded, through 2026-11-24T10:05:00Z", "a", "b", "runs, 3", "27 s"])
    assert not same(shown, ["us-ashburn-1 ok: 3 forwarded, through 2026-01-01T00:00:00Z", "runs, 3", "1.5 s"])
    assert not same(shown, ["us-ashburn-1 ok: 2 forwarded, through 2026-01-01T00:00:00Z", "runs: 3", "1.5 s"])
    assert not same(shown, ["us-ashburn-1 ok: 2 forwarded, through 2026-01-01T00:00:00Z", "runs, 3", "1.5 s", "more"])


def test_the_page_shows_every_command_and_its_main_result():
    commands = [step.command.removeprefix(f"{PROGRAM} ") for step in steps(PAGE)]
    assert [name for name in ORDER if not any(f"{command} ".startswith(f"{name} ") for command in commands)] == []
    assert [name for name in commands if name.split()[0] in {one.split()[0] for one in ORDER} - {"demo"} and "--env-file" not in name] == [
        "seal keygen --out try/seal-key.pem"
    ]
    results = [line for step in steps(PAGE) if step.command == f"{PROGRAM} run --env-file try.env" for line in step.shown if "forwarded," in line]
    assert [line.partition(" forwarded")[0] for line in results] == ["us-ashburn-1 ok: 1,000", "us-ashburn-1 ok: 0"]
    assert [step.shown for step in steps(PAGE) if step.command.startswith("wc ")] == [["1003"]]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        ran = outputs(Path(temporary))
    changed = {step.line: printed for step, printed in ran if step.shown == [ELLIPSIS] or not same(step.shown, printed)}
    DOC.write_text(with_outputs(PAGE, changed), "utf-8")
