"""The HTML page of runs: its content, its rendering in a real browser (light and dark), and untrusted log lines."""

import os
import re
import socket
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from epimetheus.cli.run_log import parse_run
from epimetheus.cli.runs_html import Frame, page
from epimetheus.cli.svg_plot import Axis, plot, span, unit_of, value_ticks
from tests.support.browser import missing, open_page, screenshot
from tests.support.reports import REFUSED, report
from tests.support.run_lines import END, START, failure, log_lines, sample, sample_reports, search_result, with_time

ROOT = Path(__file__).parents[2]
HOUR = 3600
FRAME = Frame(START, END, "ocid1.compartment.oc1..security/epimetheus/invocations in eu-frankfurt-1")
TITLES = ["Status of runs", "Events forwarded", "Lag", "Compartments behind", "Events filtered, by reason", "Duration of runs"]
in_browser = pytest.mark.skipif(bool(missing()) and "CI" not in os.environ, reason=missing() or "installed")


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
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)


def runs(*reports):
    return [parse_run(search_result(with_time(line, START + HOUR))) for line in log_lines(*reports)]


def hostile(text):
    error = replace(REFUSED, what=text)
    one = report(run=text, region=text, status="failed", error=error, filtered={text: 3}, started="2026-01-02T12:00:00Z")
    return page(runs(one), Frame(START, END, text, (text,)))


def test_the_page_has_plots_with_units_and_a_table_of_every_run():
    text = page(sample(), FRAME)
    outline = Outline(text)
    assert re.findall(r"<h2>(.*?)</h2>", text) == TITLES
    assert (outline.tags.count("svg"), outline.tags.count("tr")) == (6, 1 + 576)
    units = re.findall(r'<text class="unit" x="4" y="11">(.*?)</text>', text)
    assert units == ["events per 30 min", "min, maximum per 30 min", "compartments", "events per 30 min", "s, maximum per 30 min"]
    shown = " ".join(outline.texts)
    assert "2026-01-01 12:00 to 2026-01-03 12:00 UTC, ocid1.compartment.oc1..security/epimetheus/invocations" in shown
    assert "15 failed, 42 partial" in shown
    assert "Nothing listens on siem.example.com:6514. Start the receiver, or open the port." in shown
    assert "Behind: ocid1.compartment.oc1..app0, since 2026-01-02T17:05:00Z: 404 NotAuthorizedOrNotFound" in shown


def test_the_totals_match_the_runs():
    reports = [one for _, one in sample_reports()]
    text = page(sample(), FRAME)
    for region in ("eu-frankfurt-1", "us-ashburn-1"):
        assert f"{region} {sum(one.forwarded for one in reports if one.region == region):,}</li>" in text
    for reason in ("excluded_event", "own_polling", "service", "rate_limited"):
        assert f"{reason} {sum(one.filtered.get(reason, 0) for one in reports):,}</li>" in text


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_a_page_is_written_for_any_number_of_runs(count):
    known = sample()
    many = [known[n * len(known) // count] for n in range(count)]
    text = page(many, FRAME)
    outline = Outline(text)
    assert (outline.tags.count("svg"), outline.tags.count("tr")) == (6, count + 1 if count else 0)
    assert len(text) < 2_000_000
    assert ("No runs found." in text, text.count("no data") == 5) == (count == 0, count == 0)


def test_a_call_without_a_region_has_its_own_row_and_no_plot():
    text = page([parse_run(search_result(with_time(failure(), START + HOUR)))], FRAME)
    assert ">no region</text>" in text
    assert text.count("no data") == 5
    assert "TENANCY_OCID=x is not an OCID. Correct it." in text


def test_regions_and_reasons_beyond_the_colors_are_combined():
    times = {"started": "2026-01-02T12:00:00Z", "forwarded": 2}
    text = page(runs(*(report(region=f"r{n}", filtered={f"why{n}": 9 - n}, **times) for n in range(8))), FRAME)
    assert re.findall(r'<li><i class="s5"></i>(.*?)</li>', text) == ["3 more 6", "3 more ", "3 more ", "3 more 9", "3 more "]


def test_log_content_is_escaped_and_nothing_is_fetched():
    text = hostile("\"'><img src=http://127.0.0.1/x onerror=alert(1)><script>alert(1)</script></style><style>@import 'x'\x1b\u202e")
    outline = Outline(text)
    assert {"img", "script"}.isdisjoint(outline.tags)
    assert outline.tags.count("style") == 1
    names = {name for name, _ in outline.attributes}
    assert names.isdisjoint({"src", "href", "style", "onerror", "xlink:href", "action"})
    assert "http" not in text.replace("http-equiv", "").replace("http://127.0.0.1/x onerror", "")
    assert "url(" not in text
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in outline.attributes
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
    drawn = plot(axis, {"r": [1, 1, 1, None, 1, *[None] * 12, 1, 1, 1]}, size=(464, 180), unit="s", bars=False)
    (path,) = re.findall(r' d="(.*?)"', drawn)
    assert (path.count("M"), path.count("L")) == (2, 5)


def test_bars_are_stacked():
    axis = Axis(0, 120, 60)
    drawn = plot(axis, {"a": [1, None], "b": [3, 4]}, size=(166, 148), unit="n", bars=True)
    bars = re.findall(r'<rect class="(s\d)" x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', drawn)
    assert bars == [("s0", "52.0", "99.0", "25.0"), ("s1", "52.0", "24.0", "75.0"), ("s1", "102.0", "24.0", "100.0")]


@in_browser
def test_a_browser_renders_light_and_dark_without_console_messages(tmp_path):
    file = tmp_path / "runs.html"
    file.write_text(page(sample(), FRAME), "utf-8")
    dom, console = open_page(file, tmp_path, "--dump-dom")
    assert console == []
    assert "<title>Epimetheus runs</title>" in dom
    assert (dom.count("<svg"), dom.count("<tr>"), dom.count("<figure")) == (6, 577, 6)
    light, dark = (screenshot(file, tmp_path / f"{dark}.png", tmp_path, dark=dark) for dark in (False, True))
    assert (background(light), background(dark)) == ((245, 246, 248), (18, 22, 28))
    assert (len(light) > 80_000, len(dark) > 80_000) == (True, True)


@in_browser
def test_html_in_a_log_line_stays_text_in_a_browser(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/x"
        taken = f"<img src={url}><link rel=stylesheet href={url}><script>document.title='taken'</script>"
        file = tmp_path / "runs.html"
        file.write_text(hostile(f"\"'></td></style>{taken}"), "utf-8")
        dom, console = open_page(file, tmp_path, "--dump-dom")
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert console == []
    assert "<title>Epimetheus runs</title>" in dom
    assert (dom.count("<svg"), dom.count("<img"), dom.count("<script"), dom.count("<link")) == (6, 0, 0, 0)


def test_the_screenshot_in_the_docs_is_small():
    png = (ROOT / "docs" / "images" / "runs.png").read_bytes()
    assert (int.from_bytes(png[16:20]), len(png) < 150_000) == (1000, True)


def background(png):
    """The color of the top left pixel of an 8-bit RGB PNG. No filter changes the first pixel."""
    assert (png[24], png[25]) == (8, 2)
    at = png.index(b"IDAT")
    return tuple(zlib.decompressobj().decompress(png[at + 4 : at + 4 + int.from_bytes(png[at - 4 : at])], 4)[1:])
