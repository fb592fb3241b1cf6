"""``python -m tests.support.runs_picture``: renders docs/images/runs*.png in Chromium from the sample of 48 hours."""

import tempfile
from pathlib import Path

from epimetheus.cli.runs_html import Frame, page
from tests.support.browser import Browser
from tests.support.run_lines import END, START, sample

_FOLDER = Path(__file__).parents[2] / "docs" / "images"
_SIZES = {"runs": (1280, 1360), "runs-420": (420, 1620)}

if __name__ == "__main__":
    _FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Browser(Path(folder)) as browser:
        source = Path(folder) / "runs.html"
        source.write_text(page(sample(gaps=True), Frame(START, END, "epimetheus/invocations in eu-frankfurt-1")), "utf-8")
        for name, (width, height) in _SIZES.items():
            for dark in (False, True):
                browser.open(source, width=width, height=height, dark=dark)
                (_FOLDER / f"{name}{'-dark' if dark else ''}.png").write_bytes(browser.screenshot())
