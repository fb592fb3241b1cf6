"""Output limits: log lines under 1 MB, answers of at most 1 MB, and counts of what was cut."""

import json
import logging

import msgspec
import pytest

from epimetheus.errors import SourceError
from epimetheus.health.model import HealthReport, ReportedCheck
from epimetheus.observe.bounded import MAX_BYTES, bounded, response_body
from epimetheus.observe.log import JsonLines, headline
from epimetheus.observe.metrics import OptionalMetrics, measures
from epimetheus.reports import BehindNow, Position, Problem, Replayed
from epimetheus.run.report import position
from epimetheus.state.model import BehindCompartment, State
from tests.support.reports import report

COUNT = 15_000
WHY = "Listing the events failed: OCI returned 404 NotAuthorizedOrNotFound: " + "w" * 600


def far_behind(count=COUNT):
    marks = {f"ocid1.compartment.oc1..{n:060d}": BehindNow(f"2026-01-01T{n // 60 % 24:02d}:00:00Z", WHY, 3) for n in range(count)}
    return Position("2026-01-01T11:00:00Z", "2026-01-01T11:58:00Z", 3600, False, 1, count, count, 0, marks)


def replayed(unread):
    return Replayed(
        run="r1", region="r", dry=False, status="partial", error=None, window=["a", "b"], through="b", compartments=1, fetched=0,
        forwarded=0, duplicates=0, filtered={}, unread=unread,
    )  # fmt: skip


def test_an_answer_lists_100_compartments_behind_and_counts_the_rest():
    whole = report(status="partial", position=far_behind())
    assert len(msgspec.json.encode([whole])) > 6_000_000
    data = response_body([whole])
    (output,) = json.loads(data)
    assert len(data) < 100_000
    assert list(output["position"]["behind"]) == [f"ocid1.compartment.oc1..{n:060d}" for n in range(100)]
    assert output["position"]["behind_not_shown"] == 14_900
    assert "15,000 of 15,000 compartments behind" in headline(whole)
    assert measures(whole, OptionalMetrics())["compartments_behind"] == 15_000.0
    assert json.loads(response_body([report(position=far_behind(100))]))[0]["position"].get("behind_not_shown") is None


def test_the_compartments_furthest_behind_come_first():
    behind = {ocid: BehindCompartment(since, "429") for ocid, since in (("a", 30), ("b", 10), ("c", 20), ("d", 10))}
    assert list(position(State("r", 60, behind=behind), 60, 60, 3600.0, 60).behind) == ["b", "d", "c", "a"]


@pytest.mark.parametrize(("count", "members"), [(2, 100), (10, 100), (40, 25), (600, 20), (3000, 20)])
def test_an_answer_with_many_reports_is_bounded_and_has_the_latest(count, members):
    reports = [report(run=f"r{n}", status="partial", position=far_behind(300)) for n in range(count)]
    data = response_body(reports)
    output = json.loads(data)
    assert len(data) <= MAX_BYTES
    assert [one["run"] for one in output] == [f"r{n}" for n in range(count)][-len(output) :]
    assert len(output) == count or len(data) > MAX_BYTES - 20_000
    assert {len(one["position"]["behind"]) for one in output} == {members}
    assert {len(one["position"]["behind"]) + one["position"]["behind_not_shown"] for one in output} == {300}


def test_answers_to_replays_and_health_checks_are_bounded():
    (output,) = json.loads(response_body([replayed({f"ocid{n}": WHY for n in range(COUNT)})]))
    assert (len(output["unread"]), output["unread_not_shown"]) == (100, 14_900)
    check = ReportedCheck("behind", "r", "degraded", 0.1, "x" * 5_000_000, "")
    diagnosis = HealthReport(run="r1", verdict="degraded", started="s", seconds=1.0, issues=["y"] * 500, checks=[check] * 120)
    output = json.loads(response_body(diagnosis))
    assert output["checks"][0]["what"] == "x" * 2000 + "… (4998000 more characters)"
    assert (len(output["checks"]), len(output["issues"]), output["issues"][-1]) == (120, 101, "400 more are not shown")
    assert response_body([]) == b"[]"


@pytest.mark.parametrize(
    "fields",
    [
        {"report": msgspec.to_builtins(report(position=far_behind(), warnings=["w" * 3_000_000, *["v"] * 5000]))},
        {"replay": msgspec.to_builtins(replayed({f"ocid{n}": WHY for n in range(COUNT)}))},
        {"event_type": "t" * 4_000_000, "event_id": "\U0001f600" * 1_000_000},
        {"do": SourceError("x" * 2_000_000, do="y").what},
        {"error": msgspec.to_builtins(Problem("k", "f", "w" * 2_000_000, "d"))},
    ],
    ids=["report", "replay", "filtered", "problem", "error"],
)
def test_no_log_line_reaches_a_megabyte(fields):
    record = logging.LogRecord("epimetheus", logging.INFO, "", 0, "%s", ("m" * 2_000_000,), None)
    record.event, record.fields = "run", fields
    line = JsonLines().format(record)
    assert len(line.encode()) < MAX_BYTES
    assert json.loads(line)["event"] == "run"


def test_short_values_are_unchanged():
    whole = msgspec.to_builtins(report(position=far_behind(100)))
    assert bounded(whole) == whole
