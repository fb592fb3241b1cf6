"""Headless Chromium (see tests/install-browser): the DOM, console messages, and a screenshot of a page."""

import shutil
import subprocess
from pathlib import Path

_OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1", "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


def missing():
    """Why Chromium cannot be used; empty if it is installed."""
    return "" if shutil.which("chromium") else "chromium is not installed; run tests/install-browser"


def open_page(page: Path, folder: Path, *options: str) -> tuple[str, list[str]]:
    """Open a file. Returns Chromium's output (the DOM with --dump-dom) and its console messages."""
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(["chromium", *_OPTIONS, profile, *options, page.as_uri()], capture_output=True, timeout=100, check=True)
    return done.stdout.decode(), [line for line in done.stderr.decode().splitlines() if "CONSOLE" in line]


def screenshot(page: Path, file: Path, folder: Path, *, dark: bool = False, height: int = 1200) -> bytes:
    """A PNG of the page, 1000 pixels wide."""
    open_page(page, folder, f"--screenshot={file}", f"--window-size=1000,{height}", *(["--force-dark-mode"] if dark else []))
    return file.read_bytes()
