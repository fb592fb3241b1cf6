"""Plays of some days, with every fault there is; and proof that they can fail: each promise of DESIGN.md broken by one line is caught."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.simulation.play import Theatre
from tests.support.budget import budget

ROOT = Path(__file__).parents[1]
CHUNK = 10
SEEDS = budget(quick=60, full=400)
NOT_YET: tuple[str, ...] = ()
"""Faults that the product does not survive yet."""


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_promise_breaks(first):
    for seed in range(first, first + CHUNK):
        try:
            Theatre(seed, NOT_YET).play()
        except Exception as error:
            raise AssertionError(f"see it again: python -m tests.simulation 1 --first {seed}") from error


def test_a_seed_plays_the_same_play_twice():
    seed = next(seed for seed in range(7, 50) if not Theatre(seed).settings.concurrency)
    assert Theatre(seed, NOT_YET).play() == Theatre(seed, NOT_YET).play()


class Mutation(NamedTuple):
    """One line of the package changed so that it breaks a promise."""

    promise: str
    file: str
    line: str
    broken: str


PAGES = "pages(work.compartment, work.window, work.page, deadline)"
ACKNOWLEDGED = "self._under_way.answered(answer.number)"
START = "_start(state.through, state.floor, 0 if ocid in fresh else overlap)"
MUTATIONS = [
    Mutation("1: an unreadable compartment is passed over", "run/plan.py", "        if outcome.why:\n", "        if outcome.why == NO_TIME:\n"),
    Mutation("1: no overlap", "run/plan.py", START, "state.through"),
    Mutation("1: the second page is the last", "source/audit.py", "            if token is None:", "            if token is None or page:"),
    Mutation(
        "1: what came before the page is left", "run/slice_reader.py",
        "update(() if work.page else {work.compartment})",
        "add(work.compartment)",
    ),
    Mutation("1: one listing serves for ever", "run/known_compartments.py", "0 <= now - state.listed < minutes", "state.listed > 0"),
    Mutation(
        "1: what returns begins anew", "run/known_compartments.py",
        "        return before.read\n",
        "        return max(before.read, horizon)\n",
    ),
    Mutation("1: a refused deleted compartment is given up at once", "run/plan.py", "GIVE_UP_MINUTES = 6 * 60", "GIVE_UP_MINUTES = 0"),
    Mutation(
        "1: a deselected compartment loses its mark", "run/known_compartments.py",
        "read=state.mark(ocid), floor=behind",
        "read=now, floor=behind",
    ),
    Mutation("1: a missing state is a fresh start", "state/session.py", "if marker and marker[0].complete:", "if False:"),
    Mutation("1: a state in the future is used", "state/checks.py", "if minute * 60 <= now + CLOCK_TOLERANCE_SECONDS:", "if True:"),
    Mutation("2: settled is not waited for", "deliver/delivery.py", "monotonic() - self._settle_seconds\n", "monotonic() + 1\n"),
    Mutation("2: moved before confirmed", "run/run.py", "self.forwarder.finish()\n        seconds", "self.forwarder.settle()\n        seconds"),
    Mutation("2: written is confirmed", "deliver/delivery.py", "link.write(data)\n", "link.write(data); self.confirmed = self.sent\n"),
    Mutation(
        "2: RELP: sent is acknowledged", "deliver/relp.py",
        f"self.confirmed += {ACKNOWLEDGED}",
        f"{ACKNOWLEDGED}; self.confirmed = self.sent",
    ),
    Mutation("3: nothing is remembered", "run/forward.py", "self._seen.remember(minute, some)", "pass"),
    Mutation("3: keys go too early", "run/plan.py", "behind.since - overlap for ocid", "behind.since + 60 for ocid"),
    Mutation("3: a longer overlap repeats", "run/plan.py", "if not state.overlap or overlap <= state.overlap:", "if True:"),
    Mutation("3: another's state is written over", "state/session.py", "if there != etag and not ours:", "if False:"),
    Mutation("4: the sum is what it should be", "run/tally.py", "return self.forwarded + ", "return self.fetched or "),
    Mutation("4: one more than the limit", "select/rate_limits.py", "if passed >= most:", "if passed > most:"),
    Mutation("4: limits are not remembered", "run/forward.py", "self._selection.quotas.settle(one)", "pass"),
    Mutation("4: no notice", "run/notices.py", "if not kind.startswith(OWN)]", "if False]"),
    Mutation("4: a notice that is not recorded", "run/run.py", "        self.quotas.tell(held)", "        pass"),
    Mutation("5: more time than there is", "run/run.py", "deadline.earlier(commit_reserve(deadline.left()))", "deadline.earlier(-600)"),
    Mutation("1: the clock is believed", "oci_client/clock_offset.py", "return by_oci(now, offset), warning", "return now, warning"),
    Mutation("5: a lease of hours", "state/model.py", "LEASE_SECONDS = 300.0", "LEASE_SECONDS = 30_000.0"),
    Mutation("5: an interrupt keeps the lease", "run/lease.py", "parts.keeper.release()", "None"),
    Mutation("6: pages are collected", "source/fetch.py", f" in {PAGES}:", f" in [*{PAGES}]:"),
    Mutation(
        "7: malformed is sent as it is", "render/renderer.py",
        "EVENT_SECONDS)\n            text = beginning(raw, most, self._redactor)",
        "EVENT_SECONDS)\n            text = raw.decode()",
    ),
    Mutation("8: a failed run looks well", "run/run.py", 'return self.told("failed", error)', 'return self.told("ok")'),
    Mutation("8: an old listing is ok", "run/discovery.py", "if age > options.listing_max_age:", "if False:"),
    Mutation("8: giving up is not reported", "run/run.py", "*given_up_warning(self.given_up)", "*[]"),
]
SHOWN_BY: dict[str, int | str] = {
    "1: an unreadable compartment is passed over": 1,
    "1: no overlap": 3,
    "1: the second page is the last": 3,
    "1: what came before the page is left": "test_what_is_listed_late_before_the_page_that_a_window_is_read_on_from_arrives()",
    "1: one listing serves for ever": 1,
    "1: what returns begins anew": 8,
    "1: a refused deleted compartment is given up at once":
        "test_a_deleted_compartment_that_is_refused_is_given_up_after_six_hours_and_not_before(40, 0)",
    "1: a deselected compartment loses its mark": "test_a_compartment_that_is_behind_and_excluded_for_one_run_is_read_on()",
    "1: a missing state is a fresh start": 6,
    "1: a state in the future is used": 2,
    "2: settled is not waited for": 12,
    "2: moved before confirmed": 0,
    "2: written is confirmed": 0,
    "2: RELP: sent is acknowledged": 7,
    "3: nothing is remembered": 0,
    "3: keys go too early": 3,
    "3: a longer overlap repeats": "test_a_longer_overlap_repeats_nothing()",
    "3: another's state is written over": 60,
    "4: the sum is what it should be": 1,
    "4: one more than the limit": 1,
    "4: limits are not remembered": 1,
    "4: no notice": 1,
    "4: a notice that is not recorded": 1,
    "5: more time than there is": 1,
    "1: the clock is believed": "test_a_clock_that_is_minutes_off_loses_nothing_and_is_reported(240.0)",
    "5: a lease of hours": "test_a_killed_run_of_an_hour_blocks_others_for_five_minutes_at_most()",
    "5: an interrupt keeps the lease": 1,
    "6: pages are collected": 1,
    "7: malformed is sent as it is": 1,
    "8: a failed run looks well": 0,
    "8: an old listing is ok": 1,
    "8: giving up is not reported":
        "test_a_deleted_compartment_that_is_refused_is_given_up_after_six_hours_and_not_before(600, 20)",
}
"""Promise → a seed that shows it is broken, or a scene."""


@pytest.mark.timeout(900)  # where the known seed no longer shows it, many are tried
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.promise)
def test_a_broken_promise_is_caught(mutation, tmp_path):
    shutil.copytree(ROOT / "epimetheus", tmp_path / "epimetheus")
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    file = tmp_path / "epimetheus" / mutation.file
    text = file.read_text("utf-8")
    assert text.count(mutation.line) == 1, "the line that this mutation is for has changed"
    file.write_text(text.replace(mutation.line, mutation.broken), "utf-8")
    shows = SHOWN_BY[mutation.promise]
    if isinstance(shows, str):
        command = ["-c", f"from tests.run.test_fault_costs import *; {shows}"]
    else:
        command = ["-m", "tests.simulation", "300", "--jobs", "1", "--until-broken", "--try-first", str(shows)]
        command += [word for fault in NOT_YET for word in ("--without", fault)]
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search("broke: Broken|AssertionError|receipts.Broken", done.stdout + done.stderr), done.stdout + done.stderr


def test_each_mutation_has_something_that_shows_it():
    assert list(SHOWN_BY) == [mutation.promise for mutation in MUTATIONS]
