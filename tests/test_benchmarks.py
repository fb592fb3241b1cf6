"""Every benchmark produces its figures, with sizes that take seconds. Measured values are not asserted."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks import compare, pages, report, rows_cpu, sample_pages
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Results, table
from benchmarks.growth import line
from benchmarks.sizes import Sizes
from tests.support.budget import profile

pytestmark = pytest.mark.timeout(600)  # the fixture measures every row
TINY = Sizes(
    events=130,
    page=20,
    places=3,
    repeats=1,
    turns=1,
    some=50,
    many=130,
    compartments=4,
    latency=0.001,
    busy_pages=4,
    busy_page=5,
    listed=12,
    keys=1000,
    rate=40,
    slow=0.001,
    throttled=60,
    rule_pages=1,
    growth_events=(50, 130),
    growth_compartments=(4, 12),
)
ROOT = Path(__file__).parents[1]
BASE = "HEAD" if profile() == "full" else None


@pytest.fixture(scope="session")
def results(laid_out):
    return program.measure([*program.ROWS, program.GROWTH], TINY, lambda _: None, laid_out, BASE)


def figure(results, what):
    return next(one for one in results.figures if one.what == what)


def test_every_goal_has_its_figure(results):
    goals = {one.what: (one.goal, one.unit) for one in results.figures if one.goal is not None}
    assert goals == {
        "CEF \u00f7 calibration": (7.5, "\u00d7"),
        "JSON \u00f7 calibration": (9, "\u00d7"),
        "LEEF \u00f7 CEF": (1.3, "\u00d7"),
        "CEF with FIELD_MAP \u00f7 CEF": (1.3, "\u00d7"),
        "OCSF \u00f7 CEF": (2.5, "\u00d7"),
        "duplicate \u00f7 calibration": (4, "\u00d7"),
        **({"CEF, nothing repeats \u00f7 HEAD": (1.05, "\u00d7")} if BASE else {}),
        "peak memory, 50 events in one call": (100, "MB"),
        "peak memory, 130 events in one call": (100, "MB"),
        "increase from 50 to 130 events": (10, "%"),
        "peak memory, 50 events of one compartment 168 h behind": (100, "MB"),
        "peak memory, 130 events of one compartment 168 h behind": (100, "MB"),
        "CPU added by rules of every kind": (50, "%"),
        "4 compartments without events: duration of a call \u00f7 ideal": (1.3, "\u00d7"),
        "12 compartments: CPU of one listing": (1, "s"),
        "12 compartments: state size": (2, "MB"),
        "start with 1,000 keys in 16 entries, CPU": (1.5, "s"),
        "commit with these keys in memory \u00f7 without, CPU": (1.2, "\u00d7"),
        "verify 130 events, syslog lines, RFC 5424: CPU": (120, "s"),
        "verify 130 events, syslog lines, RFC 5424: peak memory": (300, "MB"),
        "verify 130 events, CSV with the event ID: CPU": (120, "s"),
        "verify 130 events, CSV with the event ID: peak memory": (300, "MB"),
        "cold start until the first request \u00f7 import fdk": (3, "\u00d7"),
        "packages and code in the image": (90, "MB"),
        "one busy compartment \u00f7 3 compartments, read at the same time": (1.5, "\u00d7"),
        "idle run: ListEvents per compartment": (1, ""),
        "idle run: ListCompartments": (1, ""),
        "throttled calls, API limit 40 per second": (5, "%"),
        "call rate after 5 s": (80, "%"),
        "compartments behind because of 429": (0, ""),
    }
    assert {one.row for one in results.figures} == {*program.ROWS, program.GROWTH}
    compared = {one.what for one in results.figures if one.what.endswith(" \u00f7 HEAD")}
    assert ({f"{name} \u00f7 HEAD" for name in (*rows_cpu.VARIANTS, "CEF, duplicate")} if BASE else set()) == compared


def test_figures_that_do_not_depend_on_the_machine(results):
    assert figure(results, "idle run: ListEvents per compartment").value == 1
    assert figure(results, "idle run: ListCompartments").value == 0
    assert figure(results, "idle run: ListCompartments").note == "the first run made 1, and its listing is reused; LISTING_MINUTES=15"
    calls = "1 GetObject, 2 ListObjects, 1 ListRegionSubscriptions, 1 PostMetricData, 4 PutObject"
    assert figure(results, "idle run: other calls").note == calls
    assert [count for count, _, _ in results.growth["compartments"]] == [4, 12]


def test_the_receiver_gets_every_event_and_the_api_lists_each_once(laid_out):
    more_pages_than_there_are_templates = Sizes(page=2, places=3)
    with Bench.open(more_pages_than_there_are_templates, laid_out) as bench, bench.stage(events=130) as stage:
        first, again = stage.call().report, stage.call().report
        assert stage.receiver.request("counts")["messages"] == 130 + 2  # and the seal of each run
        assert stage.api.request("calls")["ListEvents"] == 2 * 66
    assert (first["status"], first["forwarded"], first["duplicates"], first["malformed"]) == ("ok", 130, 0, 0)
    assert (again["status"], again["forwarded"], again["duplicates"]) == ("ok", 0, 130)


def test_where_nothing_repeats_each_event_has_values_of_its_own(tmp_path):
    """Also in another page of the same template. Times never repeat, so that nothing is quick because it was sent before."""
    for repeats in (True, False):
        path = tmp_path / f"pages-{repeats}"
        sample_pages.write(path, "ocid1.tenancy.oc1..t", 3, repeats=repeats)
        template = pages.read(path)[0]
        events = [event for number, day in ((0, 0), (3, 1)) for event in json.loads(template.page(number, 0, 3, day))]
        assert len({event["eventId"] for event in events}) == 6
        assert [event["eventTime"][:10] for event in events] == ["2026-01-01"] * 3 + ["2026-01-02"] * 3
        assert all(pages.MARK.decode() not in json.dumps(event) for event in events)
        identities = {json.dumps(event["data"]["identity"]) for event in events}
        assert (len(identities) == 6) is not repeats


def test_the_windows_of_a_backlog_contain_every_event_once(laid_out):
    with Bench.open(Sizes(page=7, places=3), laid_out) as bench:
        spread, _ = bench.cached_call(130, 3, hours=24)
        dense, _ = bench.cached_call(130, 3)
    for one in (spread.report, dense.report):
        assert (one["status"], one["fetched"], one["forwarded"], one["duplicates"]) == ("ok", 130, 130, 0)
    assert (spread.report["slices"], dense.report["slices"]) == (6, 1)


def test_the_page_and_its_plots_are_generated_from_the_figures(results, tmp_path):
    write_and_read = tmp_path / "bench.json"
    results.write(write_and_read)
    assert Results.read(write_and_read) == results
    report.write(results, tmp_path, lambda _: None)
    for_operators = (tmp_path / "docs" / "scale.md").read_text("utf-8")
    with_results = (tmp_path / "benchmarks" / "README.md").read_text("utf-8")
    assert "\n".join(table([one for one in results.figures if one.row != "growth"])) in with_results
    assert re.findall(r"[{}]|\bnan\b|\binf\b", for_operators + with_results) == []
    assert re.findall(r"\b(?:fails|missed)\b", for_operators) == []
    for picture in ("growth-events.svg", "growth-compartments.svg"):
        assert f"(images/{picture})" in for_operators
        drawn = ET.parse(tmp_path / "docs" / "images" / picture).getroot()
        assert len(drawn.findall("{http://www.w3.org/2000/svg}circle")) == 4


def test_the_page_for_operators_differs_from_its_template_in_figures_only():
    template = (ROOT / "benchmarks" / "templates" / "scale.md").read_text("utf-8")
    text = ".+?".join(re.escape(part) for part in re.split(r"\{[^}]+\}", template))
    assert re.fullmatch(text, (ROOT / "docs" / "scale.md").read_text("utf-8"), re.DOTALL), "edit both, or run make bench"


def test_the_table_shows_goals_and_whether_they_are_met():
    figures = [
        Figure("a", "at most", 15.2, "µs", 15.0),
        Figure("a", "just so", 15.0, "µs", 15.0),
        Figure("a", "at least", 80.0, "%", 80.0, least=True),
        Figure("a", "too little", 79.9, "%", 80.0, least=True),
        Figure("a", "no goal", 12345.6, "MB", note="so it is"),
    ]
    assert [[cell.strip() for cell in row.strip("|").split("|")] for row in table(figures)[2:]] == [
        ["at most", "≤ 15 µs", "15.2 µs", "missed", ""],
        ["just so", "≤ 15 µs", "15 µs", "met", ""],
        ["at least", "≥ 80 %", "80 %", "met", ""],
        ["too little", "≥ 80 %", "79.9 %", "missed", ""],
        ["no goal", "", "12,346 MB", "", "so it is"],
    ]


def test_two_results_are_compared():
    before = Results("then", {"cpu": "slow"}, {}, [Figure("a", "both", 20.0, "µs", 15.0), Figure("a", "vanished", 1.0, "s")])
    after = Results("now", {"cpu": "fast"}, {}, [Figure("a", "both", 15.0, "µs", 15.0), Figure("a", "new", 2.0, "s")])
    assert [line.split() for line in compare.compared(before, after)] == [
        ["before:", "then", "after:", "now"],
        ["Different", "cpu:", "slow", "before,", "fast", "after."],
        [],
        ["what", "goal", "before", "after", "change"],
        ["both", "≤", "15", "µs", "20", "µs", "15", "µs", "-25.0", "%"],
        ["vanished", "1", "s", "-"],
        ["new", "-", "2", "s"],
    ]


def test_a_line_is_fitted_exactly_to_points_on_it():
    fitted = line([10.0, 100.0, 10_000.0], [25.0, 205.0, 20_005.0])
    assert (fitted.base, fitted.each) == (pytest.approx(5), pytest.approx(2))


def test_the_environment_changes_sizes():
    sizes = Sizes.read({"BENCH_EVENTS": "7", "BENCH_LATENCY": "0.5", "BENCH_GROWTH_EVENTS": "1,10"})
    assert (sizes.events, sizes.latency, sizes.growth_events, sizes.page) == (7, 0.5, (1, 10), 1000)


def test_unknown_rows_and_missing_files_are_reported(capsys):
    assert program.main(["speed"]) == 2
    assert capsys.readouterr().err.startswith("Unknown row speed: expected cpu, memory, ")
    assert compare.main(["/nowhere"]) == 2
    assert report.main(["/nowhere"]) == 2
