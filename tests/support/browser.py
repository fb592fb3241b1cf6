"""Chromium without a window, as tests/install-browser installs it: a page of ours as it stands there, and a picture of it."""

import shutil
import subprocess
from pathlib import Path

_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1", "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


def missing():
    """What is not installed, in words; empty where it is."""
    return "" if shutil.which("chromium") else "not installed: chromium; tests/install-browser does it"


def look(page: Path, folder: Path, *words: str) -> tuple[str, list[str]]:
    """Open a file; what Chromium writes (its DOM, with --dump-dom), and what its console says."""
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(["chromium", *_QUIET, profile, *words, page.as_uri()], capture_output=True, timeout=100, check=True)
    return done.stdout.decode(), [line for line in done.stderr.decode().splitlines() if "CONSOLE" in line]


def picture(page: Path, file: Path, folder: Path, *, dark: bool = False, height: int = 1200) -> bytes:
    """A PNG of the page, 1000 pixels wide."""
    look(page, folder, f"--screenshot={file}", f"--window-size=1000,{height}", *(["--force-dark-mode"] if dark else []))
    return file.read_bytes()
