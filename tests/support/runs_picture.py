"""``python -m tests.support.runs_picture``: renders docs/images/runs.png in Chromium from the sample of 48 hours."""

import tempfile
from pathlib import Path

from epimetheus.cli.runs_html import Frame, page
from tests.support.browser import screenshot
from tests.support.run_lines import END, START, sample

_FILE = Path(__file__).parents[2] / "docs" / "images" / "runs.png"

if __name__ == "__main__":
    _FILE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "runs.html"
        source.write_text(page(sample(), Frame(START, END, "epimetheus/invocations in eu-frankfurt-1")), "utf-8")
        screenshot(source, _FILE, Path(folder), height=1240)
