"""docs/migrate.md: its commands are executed with a field map and a marker of the Go program, and print what the page shows.

``python -m tests.docs.test_migrate_doc`` prints what they print.
"""

import json
import re
import shutil
import tempfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from epimetheus.config.field_map import read_field_map
from epimetheus.config.settings import SETTING_NAMES
from tests.support.transcripts import ROOT, Shell, Step, same, steps

PAGE = (ROOT / "docs" / "migrate.md").read_text("utf-8")
GO_FILE = ROOT / "tests" / "data" / "go_program" / "field_map_2.json"


def outputs(folder: Path) -> list[tuple[Step, list[str]]]:
    """Each command of the page, and what it prints in ``folder``, with the settings of stand-ins in prod.env."""
    shutil.copy(GO_FILE, folder / "oci-field-map.json")
    stopped = datetime.now(UTC) - timedelta(hours=5)
    marker = {"last_event_time": stopped.isoformat(), "last_event_id": "", "poll_count": 288}
    (folder / "oci_audit_marker.json").write_text(json.dumps(marker))
    with closing(Shell(folder)) as stand_ins, closing(Shell(folder)) as shell:
        stand_ins.send("python -m epimetheus.testing --receiver --folder stand-ins --env-file prod.env")
        stand_ins.line()
        return [(step, shell.run(step.command)) for step in steps(PAGE)]


@pytest.mark.timeout(300)  # ten commands, each in its own process
def test_the_commands_print_what_the_page_shows(tmp_path):
    found = outputs(tmp_path)
    differences = [f"$ {step.command}\n" + "\n".join(printed) for step, printed in found if not same(step.shown, printed)]
    assert differences == [], "compare with: python -m tests.docs.test_migrate_doc"
    imported = [printed for step, printed in found if "state import" in step.command]
    assert len(imported) == 3
    *_, back = imported
    through = json.loads((tmp_path / "state.json").read_text())["through"]
    assert f"before the cursor, {through}." in back[-1]  # the Go program would continue exactly there


def test_the_page_names_existing_settings_and_shows_a_real_warning():
    names = set(re.findall(r"`([A-Z]+_[A-Z_]+|RULES|REGIONS|FORMAT)[=`]", PAGE))
    assert names <= set(SETTING_NAMES)
    _, warnings = read_field_map("FIELD_MAP", GO_FILE.read_text("utf-8"))
    assert [line for line in re.findall(r"^ +(FIELD_MAP line .*)$", PAGE, re.MULTILINE) if line not in warnings] == []


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        for ran, lines in outputs(Path(temporary)):
            print(f"    $ {ran.command}", *(f"    {line}" for line in lines), sep="\n")
