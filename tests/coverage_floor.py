"""After a test run with ``--cov``: are the rooms that keep the promise covered, in lines and in branches? Exit code 1 where not."""

import json
import sys
import tempfile
from pathlib import Path

from coverage import Coverage

FLOOR = 95.0
ROOMS = ("run/", "source/", "state/", "deliver/", "select/")


def main() -> int:
    """Print a line for each room."""
    measured = Coverage()
    measured.load()
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        measured.json_report(outfile=file.name)
        files = json.load(file)["files"]
    low = False
    for room in ROOMS:
        rows = [row["summary"] for name, row in files.items() if Path(name).as_posix().startswith(f"epimetheus/{room}")]
        lines, branches = _share(rows, "covered_lines", "num_statements"), _share(rows, "covered_branches", "num_branches")
        bad = min(lines, branches) < FLOOR
        low = low or bad
        sys.stdout.write(f"epimetheus/{room:10} lines {lines:5.1f} %  branches {branches:5.1f} %{'  below the floor' if bad else ''}\n")
    return int(low)


def _share(rows: list[dict[str, int]], part: str, whole: str) -> float:
    return 100.0 * sum(row[part] for row in rows) / sum(row[whole] for row in rows)


if __name__ == "__main__":
    sys.exit(main())
