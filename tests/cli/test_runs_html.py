"""The HTML page of runs: its content, its colors, and untrusted log lines. test_runs_html_browser.py opens it in a browser."""

import dataclasses
import itertools
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from epimetheus.cli.run_log import parse_run
from epimetheus.cli.runs_html import Frame, page
from epimetheus.cli.runs_script import SCRIPT
from epimetheus.cli.runs_style import DARK, LIGHT
from epimetheus.cli.svg_plot import Axis, plot, span, unit_of, value_ticks
from epimetheus.reports import ReconciledNow
from tests.support.reports import REFUSED, report
from tests.support.run_lines import END, START, failure, log_lines, sample, sample_reports, search_result, with_time

ROOT = Path(__file__).parents[2]
HOUR = 3600
FRAME = Frame(START, END, "ocid1.compartment.oc1..security/epimetheus/invocations in eu-frankfurt-1")
TITLES = [
    "Status of runs", "Events forwarded", "Lag", "Late events", "Reconciliation lag", "Compartments behind", "Duration of runs",
    "Events filtered, by reason",
]  # fmt: skip


class Outline(HTMLParser):
    """The tags, attributes, and texts of a page. Fails on wrongly nested tags."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)


def luminance(color):
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def linear(color):
    """Linear sRGB of ``#rrggbb``, each from 0 to 1."""
    channels = [int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]


def contrast(one, other):
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def oklab(color):
    """The color in Oklab, in which distances are perceptual: https://www.w3.org/TR/css-color-4/#ok-lab"""
    red, green, blue = linear(color)
    cone = [
        0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue,
        0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue,
        0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue,
    ]
    long, medium, short = (value ** (1 / 3) for value in cone)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def runs(*reports):
    return [parse_run(search_result(with_time(line, START + HOUR))) for line in log_lines(*reports)]


def hostile(text):
    error = replace(REFUSED, what=text)
    one = report(run=text, region=text, status="failed", error=error, filtered={text: 3}, started="2026-01-02T12:00:00Z")
    return page(runs(one), Frame(START, END, text, (text,)))


def test_the_page_has_plots_with_units_and_a_table_of_every_run():
    text = page(sample(gaps=True), FRAME)
    outline = Outline(text)
    assert re.findall(r"<h2>(.*?)</h2>", text) == TITLES
    assert (outline.tags.count("svg"), outline.tags.count("tr")) == (16, 1 + 558)
    units = re.findall(r'<text class="unit" x="4" y="11">(.*?)</text>', text)
    assert units == [
        "events per 30 min", "events per 60 min", "h, maximum per 30 min", "h, maximum per 60 min",
        "events per 30 min", "events per 60 min", "h, maximum per 30 min", "h, maximum per 60 min",
        "compartments", "compartments", "s, maximum per 30 min", "s, maximum per 60 min",
    ]  # fmt: skip
    shown = " ".join(outline.texts)
    assert "2026-01-01 12:00 to 2026-01-03 12:00 UTC, ocid1.compartment.oc1..security/epimetheus/invocations" in "".join(outline.texts)
    assert "15 failed, 42 partial, 12 skipped" in shown
    assert "Nothing listens on siem.example.com:6514. Start the receiver, or open the port." in shown
    assert "Behind: ocid1.compartment.oc1..app0, since 2026-01-02T17:05:00Z: 404 NotAuthorizedOrNotFound" in shown


def test_the_totals_match_the_runs():
    reports = [one for _, one in sample_reports(gaps=True)]
    text = page(sample(gaps=True), FRAME)
    for region in ("eu-frankfurt-1", "us-ashburn-1"):
        assert f"{region} {sum(one.forwarded for one in reports if one.region == region):,}</li>" in text
    for reason in ("excluded_event", "own_polling", "service", "rate_limited"):
        assert f">{reason}</tspan> {sum(one.filtered.get(reason, 0) for one in reports):,}, at most " in text


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_a_page_is_written_for_any_number_of_runs(count):
    known = sample(gaps=True)
    many = [known[n * len(known) // count] for n in range(count)]
    text = page(many, FRAME)
    outline = Outline(text)
    assert (outline.tags.count("svg"), outline.tags.count("tr")) == (16, count + 1 if count else 0)
    assert len(text) < 2_500_000
    assert ("No runs found." in text, text.count("no data") == 14) == (count == 0, count == 0)


def test_a_call_without_a_region_has_its_own_row_and_no_plot():
    text = page([parse_run(search_result(with_time(failure(), START + HOUR)))], FRAME)
    assert ">no region</text>" in text
    assert text.count("no data") == 14
    assert "TENANCY_OCID=x is not an OCID. Correct it." in text


def test_regions_and_reasons_beyond_the_colors_are_combined():
    times = {"started": "2026-01-02T12:00:00Z", "forwarded": 2}
    text = page(runs(*(report(region=f"r{n}", filtered={f"why{n}": 9 - n}, **times) for n in range(8))), FRAME)
    assert re.findall(r'<li><i class="s5"></i>(.*?)</li>', text) == ["3 more 6", *["3 more "] * 5]
    assert text.count('<tspan class="day">3 more</tspan> 9, at most 9 per 30 min</text>') == 1


def test_a_region_has_the_same_color_in_every_figure():
    """The first region has a value in one figure only."""
    early = {"started": "2026-01-02T12:00:00Z"}
    lines = log_lines(report(region="eu-a-1", **early), report(region="us-b-1", **early))
    lines[0]["report"] = {name: lines[0]["report"][name] for name in ("run", "region", "status", "started", "seconds")}
    text = page([parse_run(search_result(line)) for line in lines], FRAME)
    legends = re.findall(r'<i class="(s\d)"></i>([\w-]+)', text)
    assert legends == [("s0", "eu-a-1"), ("s1", "us-b-1")] * 6
    assert re.findall(r'<path class="line (t\d)".*?<title>(.*?)</title>', text) == [
        *[("t1", "us-b-1")] * 2, *[("t0", "eu-a-1"), ("t1", "us-b-1")] * 2,
    ]  # fmt: skip


def test_skipped_and_no_run_differ_in_the_strip_and_its_legend():
    text = page(sample(gaps=True), FRAME)
    cells = re.findall(r'<rect class="(\w+)" [^>]*height="([\d.]+)"><title data-t="\d+">(.*?) UTC: us-ashburn-1: (.*?)</title>', text)
    shown = {(name, height, status) for name, height, _, status in cells}
    assert shown == {("ok", "10.0", "ok"), ("skipped", "5.0", "skipped"), ("partial", "14.0", "partial"), ("none", "10.0", "no run")}
    assert ("none", "10.0", "2 Jan 01:30", "no run") in cells
    assert ("skipped", "5.0", "2 Jan 04:00", "skipped") in cells
    legend = re.findall(r'<i class="(\w+)"></i>(.*?)</li>', text)[:5]
    assert legend == [("ok", "ok"), ("skipped", "skipped"), ("partial", "partial"), ("failed", "failed"), ("none", "no run")]


def test_a_bucket_is_not_shorter_than_the_time_between_two_runs():
    some = [run for run in sample() if run.region == "eu-frankfurt-1"][:48]
    text = page([dataclasses.replace(run, when=START + n * HOUR + 300) for n, run in enumerate(some)], FRAME)
    assert "per 30 min" not in text
    assert ": no run</title>" not in text


def test_a_long_table_is_bounded():
    """The document has 500 rows; the rest is in a template, and the file has at most 20,000."""
    known = sample(gaps=True)
    text = page([known[n % len(known)] for n in range(20_500)], FRAME)
    table, older = text.split('<template id="older">')
    assert (table.count("<tr>"), older.count("<tr>")) == (1 + 500, 19_500)
    assert "The newest 500 of 20,000 runs; JavaScript is required to show the others." in table
    assert "The table contains the newest 20,000 of 20,500 runs; the plots contain all." in table
    assert len(text) < 12_000_000


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_every_color_of_text_and_marks_has_a_contrast_of_at_least_4_5(colors):
    marks = set(colors) - {"ground", "paper", "warning", "line"}
    pairs = [*itertools.product(marks, ["paper"]), ("ink", "ground"), ("soft", "ground"), ("ink", "warning")]
    assert {pair: contrast(colors[pair[0]], colors[pair[1]]) for pair in pairs if contrast(colors[pair[0]], colors[pair[1]]) < 4.5} == {}


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_no_two_meanings_have_a_similar_color(colors):
    meanings = set(colors) - {"ground", "paper", "warning", "line", "ink", "soft"}
    near = {pair for pair in itertools.combinations(sorted(meanings), 2) if math.dist(*(oklab(colors[name]) for name in pair)) < 0.09}
    assert near == set()


def test_the_contrast_is_that_of_wcag():
    assert (contrast("#000000", "#ffffff"), round(contrast("#767676", "#ffffff"), 2)) == (21.0, 4.54)


def test_log_content_is_escaped_and_nothing_is_fetched():
    text = hostile("\"'><img src=http://127.0.0.1/x onerror=alert(1)><script>alert(1)</script></style><style>@import 'x'\x1b\u202e")
    outline = Outline(text)
    assert "img" not in outline.tags
    assert (outline.tags.count("style"), outline.tags.count("script")) == (1, 1)
    assert f"<script>{SCRIPT}</script>" in text
    names = {name for name, _ in outline.attributes}
    assert names.isdisjoint({"src", "href", "style", "onerror", "xlink:href", "action"})
    assert "http" not in text.replace("http-equiv", "").replace("http://127.0.0.1/x ", "")
    assert "url(" not in text
    (policy,) = [value for name, value in outline.attributes if name == "content" and "default-src" in value]
    assert re.sub(r"sha256-[\w+/]{43}=", "HASH", policy) == (
        "default-src 'none'; style-src 'HASH'; script-src 'HASH'; base-uri 'none'; form-action 'none'"
    )
    assert re.findall(r'<b class="(.*?)">', text) == ["failed", "failed"]
    assert ("\x1b" in text, "\u202e" in text) == (False, False)


@pytest.mark.parametrize(
    ("start", "end", "max_buckets", "width", "count"),
    [
        (START, END, 100, 1800, 96),
        (START, END, 60, HOUR, 48),
        (START + 1, START + 90, 60, 60, 2),
        (START, START + 366 * 86_400, 100, 7 * 86_400, 53),
        (START, START + 9000 * 86_400, 100, 7 * 86_400, 1286),
    ],
)
def test_an_axis_has_round_buckets(start, end, max_buckets, width, count):
    axis = Axis.over(start, end, max_buckets)
    assert (axis.width, len(axis), axis.start <= start, axis.end >= end, axis.start % width) == (width, count, True, True, 0)


def test_merge_combines_the_values_of_each_bucket():
    axis = Axis(0, 180, 60)
    assert axis.merge([(0, 1), (59.9, 2), (120, 5), (180, 9), (-1, 9), (None, 9), (130, None)], sum) == [3, None, 5]


@pytest.mark.parametrize(
    ("top", "whole", "ticks"),
    [
        (0, True, [0, 1]),
        (0, False, [0, 0.5]),
        (1, True, [0, 1]),
        (3, True, [0, 1, 2, 3]),
        (11_996, True, [0, 5000, 10_000, 15_000]),
        (9.8, False, [0, 5, 10]),
        (5e-324, False, [0, 0.5]),
        (0.04, False, [0, 0.01, 0.02, 0.03, 0.04]),
        (1e18, True, [0, 5e17, 1e18]),
    ],
)
def test_value_ticks_are_round_and_cover_the_maximum(top, whole, ticks):
    assert value_ticks(top, whole=whole) == ticks


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, ""), (0, "0 s"), (1.54, "1.5 s"), (179, "179 s"), (180, "3 min"), (11_000, "3.1 h"), (1e7, "116 d")]
)
def test_a_span_has_a_suitable_unit(seconds, expected):
    assert span(seconds) == expected
    assert seconds is None or expected.endswith(unit_of(seconds)[0])


def test_a_line_breaks_where_runs_are_missing():
    axis = Axis(0, 1200, 60)
    drawn = plot(axis, {"r": [1, 1, 1, None, 1, *[None] * 12, 1, 1, 1]}, size=(464, 180), unit="s", bars=False, title="t")
    (path,) = re.findall(r' d="(.*?)"', drawn)
    assert (path.count("M"), path.count("L")) == (2, 5)


def test_bars_are_stacked():
    axis = Axis(0, 120, 60)
    drawn = plot(axis, {"a": [1, None], "b": [3, 4]}, size=(166, 148), unit="n", bars=True, title="t")
    bars = re.findall(r'<rect class="(s\d)" x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', drawn)
    assert bars == [("s0", "52.0", "99.0", "25.0"), ("s1", "52.0", "24.0", "75.0"), ("s1", "102.0", "24.0", "100.0")]


@pytest.mark.parametrize("name", ["runs.png", "runs-dark.png", "runs-420.png", "runs-420-dark.png"])
def test_a_screenshot_in_the_docs_is_small(name):
    png = (ROOT / "docs" / "images" / name).read_bytes()
    width = 420 if "420" in name else 1280
    assert (int.from_bytes(png[16:20]), len(png) < 200_000) == (width, True)


def test_late_events_and_the_reconciliation_lag_are_shown():
    passes = {"60": ReconciledNow("2026-01-02T11:00:00Z", 0, 0), "1440": ReconciledNow("2026-01-01T00:00:00Z", 2 * HOUR, 1)}
    text = page(runs(report(late=7, reconciliation=passes, started="2026-01-02T12:00:00Z")), FRAME)
    assert '<td data-v="7">7</td>' in text
    late, lag = (text.partition(f"<h2>{title}</h2>")[2].partition("</figure>")[0] for title in ("Late events", "Reconciliation lag"))
    assert "UTC: 7 eu-paris-1<" in late
    assert "min, maximum per 30 min" in lag
    assert "no data" not in late + lag
