"""The window of a busy compartment is divided into sub-windows: plans with literal values, and runs of the real function."""

import threading
from collections import Counter
from dataclasses import replace
from urllib.parse import parse_qs, urlparse

import pytest

from epimetheus.model import Window
from epimetheus.run.plan import NO_TIME, OVERSIZED, REJECTED, TaskOutcome, apply_progress, next_window_minutes, shortest_window
from epimetheus.run.sub_windows import divide_all, join
from epimetheus.source import audit
from epimetheus.source.fetch import FetchTask
from epimetheus.state.model import BehindCompartment, KnownCompartment, PageCursor, State

NOW, HOUR = 1000, 3600
WHOLE = FetchTask("a", Window(885, 960))
PARTS = [FetchTask("a", Window(*bounds)) for bounds in ((885, 910), (910, 935), (935, 960))]
READ = TaskOutcome(events=100, pages=9)


@pytest.fixture
def state():
    known = {name: KnownCompartment(name, "root", polled=True, page_rate=rate) for name, rate in (("a", 20), ("b", 0))}
    return State("region", 900, known=known)


def applied(state, task, outcome):
    return apply_progress(state, [task], {"a": outcome}, now=NOW, length=60, overlap=15, readable=True, quick=False)


@pytest.mark.parametrize(
    ("window", "rate", "pages", "bounds"),
    [
        ((900, 960), 32, 8, [(900, 915), (915, 930), (930, 945), (945, 960)]),
        ((900, 960), 16, 8, [(900, 930), (930, 960)]),
        ((900, 960), 15, 8, [(900, 960)]),
        ((900, 930), 16, 8, [(900, 930)]),
        ((900, 907), 240, 8, [(900, 902), (902, 904), (904, 907)]),
        ((900, 903), 9000, 8, [(900, 901), (901, 902), (902, 903)]),
        ((900, 901), 9000, 8, [(900, 901)]),
        ((900, 960), 9000, 0, [(900, 960)]),
        ((900, 960), 0, 8, [(900, 960)]),
    ],
    ids=["four", "two", "too few pages", "too short", "unequal", "single minutes", "a minute", "not divided", "unknown"],
)
def test_a_window_is_divided_at_minutes_by_its_pages(window, rate, pages, bounds):
    (parts,) = divide_all([FetchTask("a", Window(*window))], {"a": rate}, least_pages=pages, workers=8)
    assert [tuple(part.window) for part in parts] == bounds


def test_a_window_in_progress_is_not_divided():
    task = FetchTask("a", Window(900, 960), "token")
    assert divide_all([task], {"a": 9000}, least_pages=8, workers=8) == [[task]]


@pytest.mark.parametrize(
    ("rates", "workers", "parts"),
    [
        ([320], 8, [32]),
        ([640], 8, [32]),
        ([640], 2, [8]),
        ([640, 64], 8, [29, 2]),
        ([640, 640, 1], 8, [16, 16, 1]),
        ([16] * 40, 8, [1] * 40),
        ([9000] * 40, 8, [1] * 40),
    ],
    ids=["eight pages each", "twenty each", "two workers", "one larger", "two large", "many small", "many large"],
)
def test_windows_are_divided_as_far_as_all_workers_need_it(rates, workers, parts):
    names = [f"c{number}" for number in range(len(rates))]
    tasks = [FetchTask(name, Window(900, 960)) for name in names]
    divided = divide_all(tasks, dict(zip(names, rates, strict=True)), least_pages=8, workers=workers)
    assert [len(those) for those in divided] == parts


FAILED = TaskOutcome("404", not_found=True)
CONTINUES = TaskOutcome(NO_TIME, "t", events=5, pages=1)


@pytest.mark.parametrize(
    ("found", "joined"),
    [
        ([READ, READ, READ], TaskOutcome(events=300, pages=27)),
        ([READ, None, READ], TaskOutcome(NO_TIME, sub_window=Window(910, 935))),
        ([READ, READ, CONTINUES], CONTINUES._replace(sub_window=Window(935, 960))),
        ([READ, FAILED, TaskOutcome("500")], TaskOutcome("404", sub_window=Window(910, 935))),
        ([FAILED, READ, READ], TaskOutcome("404", not_found=True, sub_window=Window(885, 910))),
        ([None, FAILED, None], TaskOutcome(NO_TIME, sub_window=Window(885, 910))),
    ],
    ids=["all read", "one not started", "one in progress", "404 after a part was read", "404", "the first not started"],
)
def test_the_outcome_is_that_of_the_first_incomplete_sub_window(found, joined):
    outcomes = {part: outcome for part, outcome in zip(PARTS, found, strict=True) if outcome}
    assert join(PARTS, outcomes) == joined


def test_the_outcome_of_an_undivided_window_is_unchanged():
    assert join([WHOLE], {WHOLE: FAILED}) == FAILED
    assert join([WHOLE._replace(page="t")], {}) == TaskOutcome(NO_TIME, "t")


@pytest.mark.parametrize(
    ("outcome", "behind"),
    [
        (TaskOutcome(NO_TIME, sub_window=Window(935, 960)), BehindCompartment(935, NO_TIME, touched=960)),
        (
            TaskOutcome(NO_TIME, "t", events=7, sub_window=Window(910, 935)),
            BehindCompartment(910, NO_TIME, page_cursor=PageCursor(Window(910, 935), "t", 7), touched=960),
        ),
        (
            TaskOutcome(NO_TIME, "t", events=7, sub_window=Window(885, 910)),
            BehindCompartment(900, NO_TIME, page_cursor=PageCursor(Window(885, 910), "t", 7), touched=960),
        ),
        (TaskOutcome("500", "t", events=7, sub_window=Window(910, 935)), BehindCompartment(910, "500", 1, window_minutes=30, touched=960)),
        (
            TaskOutcome("400", "t", rejected=True, events=7, sub_window=Window(910, 935)),
            BehindCompartment(910, REJECTED, window_minutes=30, tokens_expire=True, touched=960),
        ),
        (
            TaskOutcome(OVERSIZED, "t", oversized=True, events=7, sub_window=Window(910, 935)),
            BehindCompartment(910, OVERSIZED, window_minutes=7, touched=960),
        ),
    ],
    ids=["not started", "in progress", "in progress across the cursor", "failed", "rejected", "oversized"],
)
def test_a_compartment_falls_behind_from_its_first_incomplete_sub_window(state, outcome, behind):
    after = applied(state, WHOLE, outcome)
    assert (after.through, after.behind) == (960, {"a": behind})
    assert after.known["a"].page_rate == (0 if outcome.sub_window.start < 900 and not outcome.page else 20)


def test_sub_windows_of_the_overlap_alone_advance_nothing_and_the_next_window_is_not_divided(state):
    outcome = TaskOutcome(NO_TIME, "t", events=7, sub_window=Window(885, 890))
    after = applied(state, WHOLE, outcome)
    assert (after.through, after.behind, after.known["a"].page_rate) == (900, {}, 0)
    behind = replace(state, behind={"a": BehindCompartment(895, "x")})
    after = applied(behind, FetchTask("a", Window(880, 900)), outcome)
    assert (after.behind, after.known["a"].page_rate) == ({"a": BehindCompartment(895, NO_TIME)}, 0)


def test_a_compartment_behind_advances_to_its_first_incomplete_sub_window(state):
    behind = replace(state, behind={"a": BehindCompartment(700, "x")})
    after = applied(behind, FetchTask("a", Window(685, 760)), TaskOutcome(NO_TIME, sub_window=Window(735, 750)))
    assert after.behind == {"a": BehindCompartment(735, NO_TIME)}


def test_the_page_rate_is_that_of_the_last_window_read_to_its_end(state):
    assert applied(state, WHOLE, TaskOutcome(pages=40)).known["a"].page_rate == 32
    assert applied(state, WHOLE, TaskOutcome(NO_TIME, "t", pages=90)).known["a"].page_rate == 20
    assert applied(state, WHOLE._replace(page="t"), TaskOutcome(pages=1)).known["a"].page_rate == 20
    assert applied(state, WHOLE, TaskOutcome()).known["a"].page_rate == 0


def test_windows_are_not_shortened_for_their_events_below_a_quarter_of_a_slice():
    assert [shortest_window(minutes) for minutes in (60, 5, 2, 1)] == [15, 1, 1, 1]
    assert [next_window_minutes(n, 100_001, may_grow=True, shortest=15) for n in (60, 20, 15, 7)] == [30, 15, 15, 7]



class Together:
    """Takes the place of a delay: a request waits until ``parties`` requests wait. ``most``: that waited at the same time."""

    def __init__(self, parties):
        self.parties, self.waiting, self.most, self.condition = parties, 0, 0, threading.Condition()

    def __call__(self, _seconds):
        with self.condition:
            self.waiting += 1
            self.most = max(self.most, self.waiting)
            self.condition.notify_all()
            if not self.condition.wait_for(lambda: self.most >= self.parties, 2):
                self.parties = 0  # so that a failure takes no longer
            self.waiting -= 1


BUSY = {"RECONCILE_AFTER": "", "COMPARTMENT_MODE": "tenancy_only", "REGIONS": "us-ashburn-1", "INITIAL_LOOKBACK_HOURS": "1"}
WINDOWS = [("12:43", "13:01"), ("13:01", "13:20"), ("13:20", "13:39"), ("13:39", "13:58")]


@pytest.fixture
def busy(stage):
    """Two hours of 2,000 events in 40 pages each, of which a run has read the first."""
    stage.ids = stage.emit(stage.world.tenancy, 4000, 2, 120)
    stage.hand.forward(HOUR)
    assert stage.run(**BUSY).status == "ok"
    assert stage.state().known[stage.world.tenancy].page_rate == 31
    stage.hand.forward(HOUR)
    stage.world.requests.clear()
    return stage


def first_requests(stage):
    """The window of each request without a page token."""
    queries = [one.query for one in stage.world.requests if one.operation == "ListEvents" and "page" not in one.query]
    return sorted((query["startTime"][11:16], query["endTime"][11:16]) for query in queries)


def arrived_once(stage):
    counts = Counter(stage.arrived())
    return set(counts) == set(stage.ids[: len(counts)]) and max(counts.values()) == 1


def test_the_sub_windows_of_one_busy_compartment_are_requested_at_the_same_time(busy):
    together = busy.world.sleep = Together(4)
    busy.world.faults.add("delay", operation="ListEvents", times=None, seconds=1.0)
    report = busy.run(**BUSY)
    assert together.most == 4
    assert set(WINDOWS) <= set(first_requests(busy))  # reconciliation may list other windows
    assert (report.status, report.forwarded, report.duplicates) == ("ok", 2000, 500)
    assert arrived_once(busy)


def test_with_one_worker_a_window_is_not_divided(busy):
    assert busy.run(API_CONCURRENCY="1", **BUSY).status == "ok"
    assert ("12:43", "13:58") in first_requests(busy)


@pytest.mark.parametrize(("refused", "since"), [("13:20", "13:20"), ("13:01", "13:01"), ("12:43", "12:58")])
def test_a_sub_window_that_cannot_be_read_is_read_later_and_nothing_is_sent_twice(busy, monkeypatch, refused, since):
    real = audit._session
    failing = True

    def answered(answer, **_):
        query = parse_qs(urlparse(answer.request.url).query)
        if failing and query["startTime"][0][11:16] == refused:
            answer.status_code = 403

    def session(url):
        made = real(url)
        made.hooks["response"].append(answered)
        return made

    monkeypatch.setattr(audit, "_session", session)
    report = busy.run(**BUSY)
    (behind,) = report.position.behind.values()
    assert (report.status, behind.since[11:16], len(report.warnings)) == ("partial", since, 0)
    assert busy.state().behind[busy.world.tenancy].touched * 60 == busy.hand.time - 120
    failing = False
    assert busy.run(**BUSY).status == "ok"
    assert arrived_once(busy)
    assert len(busy.arrived()) == len([at for at in busy.processed[busy.world.tenancy].values() if at < busy.hand.time - 120])


def test_a_compartment_with_very_many_events_within_the_overlap_catches_up(stage, monkeypatch):
    for module in ("plan", "slice_reader"):
        monkeypatch.setattr(f"epimetheus.run.{module}.MANY_EVENTS", 60)
    monkeypatch.setattr("epimetheus.run.plan.FEW_EVENTS", 30)
    stage.run(**BUSY)
    stage.ids = stage.emit(stage.world.tenancy, 3000, 0, 60)  # 50 a minute
    for _ in range(2):
        stage.hand.forward(900)
        report = stage.run(seconds=20.0, **BUSY)
        assert (report.status, report.position.caught_up) == ("ok", True)
    assert arrived_once(stage)
