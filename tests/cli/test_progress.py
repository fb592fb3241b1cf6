"""Progress: two lines per region on a terminal, one line per slice elsewhere."""

import io
import re

import pytest
from rich.console import Console

from epimetheus.cli.progress import RegionProgress, terminal_observer
from epimetheus.errors import Interrupted
from epimetheus.model import RunProgress, Window
from epimetheus.reports import Problem
from tests.support.hand import HandClock
from tests.support.reports import REFUSED, report

NOON = 29_454_480  # 2026-01-01T12:00:00Z in minutes
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def plain_console(**more):
    return Console(file=io.StringIO(), width=100, **more)


def tty_console(width=80, **more):
    return Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, legacy_windows=False, **more)


def printed(console):
    return console.file.getvalue()


def running(start, done=3, total=7, *, ended=True, fetched=0, confirmed=0):
    return RunProgress(Window(start, NOON), done, total, ended, fetched, confirmed)


@pytest.mark.parametrize(
    ("cursor", "seconds", "fetched", "position", "replayed", "counts"),
    [
        (NOON - 120, 0.5, 40, "lag 2 h 0 min", "0 of 120 minutes", "3 of 7 compartments, 40 events, 0:00 elapsed"),
        (
            NOON - 90, 30, 12_345,
            "lag 1 h 30 min, 1:30 left", "30 of 120 minutes, 1:30 left", "3 of 7 compartments, 12,345 events, 412/s, 0:30 elapsed",
        ),
        (NOON, 3725, 1, "lag 0 s, 0:00 left", "120 of 120 minutes, 0:00 left", "3 of 7 compartments, 1 event, 0/s, 1:02:05 elapsed"),
    ],
)  # fmt: skip
def test_the_lines_have_lag_time_left_events_and_rate(cursor, seconds, fetched, position, replayed, counts):
    shown = RegionProgress(1000.0, NOON - 120, running(cursor, fetched=fetched))
    assert shown.position_text(1000.0 + seconds, NOON * 60) == position
    assert shown.position_text(1000.0 + seconds, None) == replayed
    assert shown.counts_text(1000.0 + seconds) == counts


def test_minutes_grow_with_the_compartments_of_a_slice():
    """A window of an hour is one slice: without this, a replay shows 0 of 60 minutes until it is complete."""
    shown = RegionProgress(1000.0, NOON - 60, RunProgress(Window(NOON - 60, NOON), 3, 4, True, 5, 5, minutes=60))
    assert shown.position_text(1030.0, None) == "45 of 60 minutes, 0:10 left"
    backfill = RegionProgress(1000.0, NOON - 60, RunProgress(Window(NOON - 60, NOON), 3, 4, True, 5, 5))
    assert backfill.position_text(1030.0, None) == "0 of 60 minutes"
    nothing_to_read = RegionProgress(1000.0, NOON - 60, RunProgress(Window(NOON - 60, NOON), 0, 0, True, 0, 0, minutes=60))
    assert nothing_to_read.position_text(1030.0, None) == "0 of 60 minutes"


def test_results_go_to_their_own_stream_and_failures_to_that_of_the_progress():
    """Both may be one terminal: the redrawn lines are removed before a result is printed."""
    stream, hand = io.StringIO(), HandClock(NOON * 60)
    console, results = tty_console(), plain_console()
    console.file = results.file = stream
    with terminal_observer(console, results, clock=hand.clock) as observer:
        observer.progress("eu-paris-1", running(NOON - 120))
        observer.announce(report())
        text = stream.getvalue()
        observer.progress("eu-milan-1", running(NOON - 120))
    before, _, after = text.partition("eu-paris-1 ok: 9 forwarded")
    assert ("\x1b[?25h" in before, "\x1b[?25l" in after) == (True, True)  # the lines end before it, and begin again after it
    apart, failed = plain_console(), plain_console()
    with terminal_observer(failed, apart) as observer:
        observer.announce(report(region="eu-paris-1", status="failed", error=REFUSED))
        observer.announce(report(region="eu-milan-1"))
    assert (printed(failed).startswith("eu-paris-1 failed: "), printed(apart).startswith("eu-milan-1 ok: ")) == (True, True)
    assert "eu-milan-1" not in printed(failed)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_on_a_terminal_each_region_has_two_lines_that_disappear(width):
    console, hand = tty_console(width), HandClock(NOON * 60)
    with terminal_observer(console, clock=hand.clock) as observer:
        observer.progress("eu-paris-1", running(NOON - 120))
        observer.progress("eu-paris-1", running(NOON - 60))
        observer.progress("eu-milan-1", running(NOON - 30, 1, 9, fetched=5))
        lines = console.render_lines(observer.__rich__(), pad=False)
    texts = ["".join(segment.text for segment in line) for line in lines]
    assert [len(text) <= width for text in texts] == [True] * 4
    assert re.fullmatch("eu-paris-1 ━+╸? +lag 1 h 0 min, 0:00 left", texts[0])
    assert texts[1].startswith("  3 of 7 compartments, 0 events, 0:00")
    assert texts[2].endswith(" lag 30 min")
    assert texts[3].startswith("  1 of 9 compartments, 5 events, 0:00")
    assert printed(console).endswith("\x1b[2K")


def test_the_lag_falls_and_a_complete_region_is_no_longer_shown():
    console, hand = tty_console(), HandClock(NOON * 60)
    with terminal_observer(console, clock=hand.clock) as observer:
        observer.progress("eu-paris-1", running(NOON - 120))
        observer.progress("eu-paris-1", running(NOON - 60))
        assert observer.regions["eu-paris-1"].minutes == (60, 120)
        assert observer.regions["eu-paris-1"].position_text(0.0, NOON * 60).startswith("lag 1 h 0 min, ")
        observer.announce(report())
        assert (observer.regions, observer.finished) == ({}, {"eu-paris-1"})
    assert "eu-paris-1 ok: 9 forwarded" in printed(console)


@pytest.mark.parametrize("console", [plain_console(), tty_console(_environ={"TERM": "dumb"})], ids=["pipe", "dumb terminal"])
def test_elsewhere_each_slice_is_a_plain_line(console):
    hand = HandClock(NOON * 60)
    with terminal_observer(console, clock=hand.clock) as observer:
        observer.progress("eu-paris-1", running(NOON - 120, 3, 7))
        observer.progress("eu-paris-1", running(NOON - 120, 7, 7, ended=False, fetched=11))
        observer.progress("eu-paris-1", running(NOON - 120, 7, 7, fetched=12)._replace(minutes=30))
        observer.progress("eu-paris-1", running(NOON - 90, 7, 7, fetched=15))  # a backfill: the cursor stays
        observer.progress("eu-paris-1", running(NOON + 16, 7, 7, fetched=16))  # SETTLE_MINUTES is larger than in earlier runs
        observer.problem(REFUSED, "eu-[x]")
    assert printed(console).splitlines() == [
        "eu-paris-1: read a slice of 7 compartments through 2026-01-01T10:30:00Z; the run reads up to 2026-01-01T12:00:00Z; 12 events so"
        " far, lag 2 h 0 min",
        "eu-paris-1: read a slice of 7 compartments; the run reads up to 2026-01-01T12:00:00Z; 15 events so far, lag 1 h 30 min",
        "eu-paris-1: read a slice of 7 compartments; the run reads up to 2026-01-01T12:16:00Z; 16 events so far, lag 0 s",
        "eu-[x]: Nothing listens on siem:6514. Start the receiver.",
    ]


def test_a_replay_has_no_lag():
    console = plain_console()
    with terminal_observer(console, what="replay") as observer:
        observer.progress("eu-paris-1", running(NOON - 120, 7, 7, fetched=1)._replace(minutes=120))
    assert printed(console) == (
        "eu-paris-1: read a slice of 7 compartments through 2026-01-01T12:00:00Z; the replay reads up to 2026-01-01T12:00:00Z;"
        " 1 event so far\n"
    )


def test_a_comparison_with_the_ledger_counts_what_is_listed_and_what_is_missing():
    console = plain_console()
    compared = RunProgress(Window(NOON - 120, NOON), 7, 7, True, 2, 0, 120, listed=77)
    with terminal_observer(console, what="reconciliation") as observer:
        observer.progress("eu-paris-1", compared)
    assert printed(console) == (
        "eu-paris-1: read a slice of 7 compartments through 2026-01-01T12:00:00Z; the reconciliation reads up to 2026-01-01T12:00:00Z;"
        " 77 events listed, 2 missing so far\n"
    )
    shown = RegionProgress(0.0, NOON - 120, compared).counts_text(7.0)
    assert shown == "7 of 7 compartments, 77 events listed, 2 missing, 11/s, 0:07 elapsed"


def test_an_interruption_says_how_many_events_were_confirmed():
    console, problem = plain_console(), Problem(Interrupted.kind, "platform", "Interrupted by SIGINT: saved.", "The next run continues.")
    with terminal_observer(console) as observer:
        observer.progress("eu-paris-1", running(NOON - 120, fetched=1500, confirmed=1234))
        observer.problem(problem, "eu-paris-1")
        observer.problem(problem, "eu-milan-1")
    assert printed(console).splitlines() == [
        "eu-paris-1: Interrupted by SIGINT: saved. The next run continues. 1,234 events were confirmed in this run.",
        "eu-milan-1: Interrupted by SIGINT: saved. The next run continues.",
    ]
