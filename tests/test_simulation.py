"""Plays of some days, with every fault there is; and proof that they can fail: each promise of DESIGN.md broken by one line is caught."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.simulation.play import Theatre

ROOT = Path(__file__).parents[1]
CHUNK = 20


@pytest.mark.parametrize("first", range(0, 200, CHUNK))
def test_no_promise_breaks(first):
    for seed in range(first, first + CHUNK):
        try:
            Theatre(seed).play()
        except Exception as error:
            raise AssertionError(f"see it again: python -m tests.simulation 1 --first {seed}") from error


def test_a_seed_plays_the_same_play_twice():
    assert Theatre(7).play() == Theatre(7).play()


class Mutation(NamedTuple):
    """One line of the package changed so that it breaks a promise."""

    promise: str
    file: str
    line: str
    broken: str


PAGES = "pages(work.compartment, work.window, work.page, deadline)"
MUTATIONS = [
    Mutation("1: who can not be read is passed over", "plan.py", "        if ocid in failed:", "        if failed.get(ocid) == NO_TIME:"),
    Mutation("1: no overlap", "plan.py", "state.through - (0 if ocid in fresh else overlap), until)", "state.through, until)"),
    Mutation("1: the second page is the last", "source/audit.py", "            if token is None:", "            if token is None or page:"),
    Mutation("1: what came before the page is left", "run.py", "update(() if arrival.work.page else {ocid})", "add(ocid)"),
    Mutation("1: new is only what is new now", "plan.py", "min(now, state.listed or now) - lookback", "now - lookback"),
    Mutation("1: one listing serves for ever", "plan.py", "state.listed if listing.refused else now if", "now if"),
    Mutation("2: settled is not waited for", "deliver/delivery.py", "monotonic() - self._settle_seconds\n", "monotonic() + 1\n"),
    Mutation("2: moved before confirmed", "run.py", "finish()\n        self.slice_seconds", "settle()\n        self.slice_seconds"),
    Mutation("2: written is confirmed", "deliver/delivery.py", "link.write(data)\n", "link.write(data); self.confirmed = self.sent\n"),
    Mutation("3: nothing is remembered", "forward.py", "self._seen.remember(minute, some)", "pass"),
    Mutation("3: keys go too early", "plan.py", "behind.since - overlap for", "behind.since + 60 for"),
    Mutation("3: another's state is written over", "state/keeper.py", "if there != etag and not ours:", "if False:"),
    Mutation("4: the sum is what it should be", "report.py", "return self.forwarded + ", "return self.fetched or "),
    Mutation("4: one more than the limit", "select/quotas.py", "if passed >= most:", "if passed > most:"),
    Mutation("4: limits are not remembered", "forward.py", "            self._selection.quotas.settle(spent)", "            pass"),
    Mutation("4: nobody is told", "notices.py", 'if not kind.startswith(OWN)]', 'if False]'),
    Mutation("4: told, and not written down", "run.py", "        self.quotas.tell(held)", "        pass"),
    Mutation("5: more time than there is", "run.py", "deadline.earlier(commit_reserve(deadline.left()))", "deadline.earlier(-600)"),
    Mutation("6: pages are collected", "source/fetch.py", f" in {PAGES}:", f" in [*{PAGES}]:"),
    Mutation("7: malformed is sent as it is", "render/__init__.py", "self._redactor.json(raw).text()", "raw.decode('utf-8', 'replace')"),
    Mutation("8: a failed run looks well", "run.py", 'return self.told("failed", error)', 'return self.told("ok")'),
]


@pytest.mark.timeout(900)  # some take hundreds of seeds to show
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.promise)
def test_a_broken_promise_is_caught(mutation, tmp_path):
    shutil.copytree(ROOT / "epimetheus", tmp_path / "epimetheus")
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    file = tmp_path / "epimetheus" / mutation.file
    text = file.read_text("utf-8")
    assert text.count(mutation.line) == 1, "the line that this mutation is for has changed"
    file.write_text(text.replace(mutation.line, mutation.broken), "utf-8")
    command = [sys.executable, "-m", "tests.simulation", "300", "--jobs", "1", "--until-broken"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "broke: Broken" in done.stdout, done.stdout
