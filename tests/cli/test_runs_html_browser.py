"""The HTML page of runs in Chromium: layout, contrast, filter, sort, local time, untrusted log lines, and a long table."""

import dataclasses
import os
import socket
import zlib

import pytest
from msgspec.structs import replace

from epimetheus.cli.run_log import parse_run
from epimetheus.cli.runs_html import Frame, page
from tests.support.browser import Browser, missing
from tests.support.reports import REFUSED, report
from tests.support.run_lines import END, START, log_lines, sample, search_result

pytestmark = pytest.mark.skipif(bool(missing()) and "CI" not in os.environ, reason=missing() or "installed")

FRAME = Frame(START, END, "ocid1.compartment.oc1..security/epimetheus/invocations in eu-frankfurt-1", ("Log search is denied.",))
COUNT = "document.querySelector('#count').textContent"
CONTRASTS = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const channels = color => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const luminance = color => channels(color).slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const background = e => { while (e && channels(getComputedStyle(e).backgroundColor)[3] === 0) e = e.parentElement;
    return e ? getComputedStyle(e).backgroundColor : 'white'; };
  const found = {};
  const texts = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const e = texts.currentNode.parentElement;
    if (!e.getClientRects().length || !texts.currentNode.data.trim()) continue;
    const [a, b] = [luminance(getComputedStyle(e)[e.ownerSVGElement ? 'fill' : 'color']), luminance(background(e))];
    found[e.tagName + '.' + (e.className.baseVal ?? e.className)] = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  }
  return found;
})()"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="module")
def sample_page(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "runs.html"
    file.write_text(page(sample(gaps=True), FRAME), "utf-8")
    return file


def column(chromium, number, rows=5):
    """The text of the first rows in a column."""
    return chromium.value(f"[...document.querySelectorAll('tbody tr')].slice(0, {rows}).map(row => row.cells[{number}].innerText)")


def visible(chromium, selector):
    """The number of visible elements that match."""
    return chromium.value(f"[...document.querySelectorAll('{selector}')].filter(e => e.getClientRects().length).length")


def first_pixel(png):
    """The color of the top left pixel of an 8-bit RGB PNG. No filter changes the first pixel."""
    assert (png[24], png[25]) == (8, 2)
    at = png.index(b"IDAT")
    return tuple(zlib.decompressobj().decompress(png[at + 4 : at + 4 + int.from_bytes(png[at - 4 : at])], 4)[1:])


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [420, 1280])
def test_the_page_fits_the_screen_and_every_text_is_legible(chromium, sample_page, width, dark):
    chromium.open(sample_page, width=width, dark=dark)
    assert (chromium.console, chromium.requests) == ([], [sample_page.as_uri()])
    assert chromium.value("[document.title, document.documentElement.scrollWidth]") == ["Epimetheus runs", width]
    assert chromium.value("document.querySelector('#scroll').scrollWidth <= document.querySelector('#scroll').clientWidth") is True
    assert (visible(chromium, ".wide > svg"), visible(chromium, ".narrow > svg")) == ((8, 0) if width == 1280 else (0, 8))
    assert first_pixel(chromium.screenshot()) == ((18, 22, 28) if dark else (245, 246, 248))
    contrasts = chromium.value(CONTRASTS)
    assert {"B.ok", "B.partial", "B.failed", "B.skipped", "text.unit", "text.zone", "P.warning", "BUTTON."} <= set(contrasts)
    assert {name: ratio for name, ratio in contrasts.items() if ratio < 4.5} == {}
    sizes = chromium.value(
        "[...document.querySelectorAll('svg text')].filter(e => e.getClientRects().length).map(e => 11 * e.getScreenCTM().a)"
    )
    assert min(sizes) >= 9


def test_the_filter_finds_text_in_any_column(chromium, sample_page):
    chromium.open(sample_page)
    assert chromium.value(COUNT) == "558 of 558 runs, 500 shown"
    chromium.type("#filter", "LEASE")
    assert chromium.value(COUNT) == "12 of 558 runs"
    assert (set(column(chromium, 1, 20)), set(column(chromium, 2, 20))) == ({"skipped"}, {"us-ashburn-1"})
    chromium.type("#filter", "nothing has this")
    assert (chromium.value(COUNT), column(chromium, 0)) == ("0 of 558 runs", [])
    chromium.type("#filter", "")
    assert chromium.value(COUNT) == "558 of 558 runs, 500 shown"


def test_failed_only_shows_failed_runs_and_combines_with_the_filter(chromium, sample_page):
    chromium.open(sample_page)
    chromium.click("#failed")
    assert chromium.value(COUNT) == "15 of 558 runs"
    assert set(column(chromium, 1, 20)) == {"failed"}
    chromium.type("#filter", "2026-01-02 10:")
    assert chromium.value(COUNT) == "3 of 558 runs"
    chromium.click("#failed")
    assert chromium.value(COUNT) == "12 of 558 runs"


def test_one_run_is_counted_as_one(chromium, tmp_path):
    file = tmp_path / "runs.html"
    file.write_text(page(sample()[:1], FRAME), "utf-8")
    chromium.open(file)
    assert chromium.value(COUNT) == "1 of 1 run"


def test_a_failed_run_that_the_document_did_not_contain_is_found(chromium, tmp_path):
    known = [run for run in sample(gaps=True) if run.status == "ok"]
    old = dataclasses.replace(known[0], status="failed", run="oldest")
    file = tmp_path / "runs.html"
    file.write_text(page([old, *known, *known], FRAME), "utf-8")
    chromium.open(file)
    chromium.click("#failed")
    assert (column(chromium, 9), chromium.value(COUNT)) == (["oldest"], "1 of 979 runs")


def test_a_heading_sorts_by_value_and_missing_values_are_last(chromium, tmp_path):
    known = sample(gaps=True)[:6]
    lags = [125.0, 10800.0, None, 3.0, 90000.0, None]
    file = tmp_path / "runs.html"
    file.write_text(page([dataclasses.replace(run, lag=lag) for run, lag in zip(known, lags, strict=True)], FRAME), "utf-8")
    chromium.open(file)
    assert chromium.value("document.querySelector('th[aria-sort]').textContent") == "Started (UTC)"
    chromium.click("th button", 6)
    assert column(chromium, 6, 6) == ["25 h", "3 h", "125 s", "3 s", "", ""]
    assert chromium.value("document.querySelectorAll('th')[6].getAttribute('aria-sort')") == "descending"
    chromium.click("th button", 6)
    assert column(chromium, 6, 6) == ["3 s", "125 s", "3 h", "25 h", "", ""]
    assert chromium.value("[...document.querySelectorAll('th[aria-sort]')].map(e => [e.textContent, e.ariaSort])") == [["Lag", "ascending"]]
    chromium.click("th button", 0)
    assert [text[11:] for text in column(chromium, 0, 6)] == ["12:25:00"] * 2 + ["12:15:00"] * 2 + ["12:05:00"] * 2


def test_status_sorts_by_severity(chromium, sample_page):
    chromium.open(sample_page, width=420)
    chromium.click("th button", 1)
    assert column(chromium, 1, 58)[14:16] + column(chromium, 1, 58)[-2:] == ["failed", "partial", "partial", "skipped"]


def test_the_local_time_switch_changes_every_time_and_back(chromium, sample_page):
    chromium.open(sample_page, zone="America/New_York")
    shown = """[document.querySelector('header p').innerText.slice(0, 57), document.querySelector('th').innerText,
      document.querySelector('tbody time').innerText, document.querySelector('.tiles time').innerText,
      document.querySelector('.wide rect title').textContent,
      [...document.querySelectorAll('figure:nth-of-type(2) .wide text[data-t]')].slice(0, 3).map(e => e.textContent + '|' + e.classList),
      [...new Set([...document.querySelectorAll('.zone')].map(e => e.textContent))]]"""
    before = chromium.value(shown)
    assert before == [
        "2026-01-01 12:00 to 2026-01-03 12:00 UTC, ocid1.compartme", "Started (UTC)",
        "2026-01-03 11:55:00", "2026-01-03 11:55", "1 Jan 12:00 UTC: eu-frankfurt-1: ok", ["18:00|", "2 Jan|day", "06:00|"], ["UTC"],
    ]  # fmt: skip
    chromium.click("#local")
    assert chromium.value(shown) == [
        "2026-01-01 07:00 to 2026-01-03 07:00 America/New_York, oc", "Started (local)",
        "2026-01-03 06:55:00", "2026-01-03 06:55", "1 Jan 07:00 local: eu-frankfurt-1: ok",
        ["13:00|", "1 Jan 19:00|day", "01:00|"], ["local"],
    ]  # fmt: skip
    chromium.type("#filter", "2026-01-01 07:05")  # the oldest runs, which the document does not contain at first
    assert column(chromium, 0) == ["2026-01-01 07:05:00"] * 2
    chromium.type("#filter", "")
    chromium.click("#local")
    assert chromium.value(shown) == before


def test_local_midnight_starts_a_day_on_the_time_axis(chromium, sample_page):
    chromium.open(sample_page, zone="Asia/Karachi")
    chromium.click("#local")
    ticks = "[...document.querySelectorAll('figure:nth-of-type(2) .wide text[data-t]')].map(e => e.textContent)"
    assert chromium.value(ticks)[:3] == ["23:00", "2 Jan 05:00", "11:00"]
    chromium.open(sample_page, zone="Asia/Dubai")
    chromium.click("#local")
    assert chromium.value("document.documentElement.scrollWidth") == 1280


def test_the_page_is_complete_without_scripts(chromium, sample_page):
    chromium.open(sample_page, width=420, scripts=False)
    assert (visible(chromium, "tbody tr"), visible(chromium, ".narrow > svg")) == (500, 8)
    assert (visible(chromium, "input"), visible(chromium, "button")) == (0, 0)
    assert chromium.value(COUNT) == "The newest 500 of 558 runs; JavaScript is required to show the others."
    assert column(chromium, 0, 1) == ["2026-01-03 11:55:00"]


def test_html_in_a_log_line_stays_text_in_every_view(chromium, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/x"
        image = f"<img src={url} onerror=\"document.title='taken'\">"
        attack = f"\"'></td></template></style></script>{image}<script>document.title='taken'</script>"
        error = replace(REFUSED, what=attack)
        made = report(run=attack, region=attack, error=error, filtered={attack: 3}, started="2026-01-02T12:00:00Z")
        (line,) = log_lines(made)
        line["report"]["status"] = attack
        runs = [parse_run(search_result(line))] * 600
        file = tmp_path / "runs.html"
        file.write_text(page(runs, Frame(START, END, attack, (attack,))), "utf-8")
        chromium.open(file, width=420)
        chromium.click("#local")
        chromium.click("th button", 2)
        chromium.type("#filter", "onerror=")
        chromium.click("#more")
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert chromium.value(COUNT) == "600 of 600 runs"
    assert chromium.value("[document.title, document.images.length, document.scripts.length]") == ["Epimetheus runs", 0, 1]
    assert chromium.value("document.documentElement.scrollWidth") == 420
    assert chromium.requests == [file.as_uri()]
    assert chromium.console == []


def test_the_policy_blocks_a_script_a_style_and_a_request_even_in_the_page(chromium, tmp_path):
    text = page(sample(gaps=True)[:2], FRAME)
    image = "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>"
    added = f"<script>document.title = 'taken'</script><style>h1 {{ color: red }}</style>{image}"
    file = tmp_path / "runs.html"
    file.write_text(text.replace("</main>", f"{added}</main>"), "utf-8")
    chromium.open(file)
    assert chromium.value("document.title") == "Epimetheus runs"
    assert chromium.value("getComputedStyle(document.querySelector('h1')).color") == "rgb(28, 36, 48)"
    assert len([line for line in chromium.console if "Content Security Policy" in line]) == 3


def test_a_table_of_10000_runs_has_at_most_500_rows_in_the_document(chromium, tmp_path):
    known = sample(gaps=True)
    file = tmp_path / "runs.html"
    file.write_text(page([known[n % len(known)] for n in range(10_000)], FRAME), "utf-8")
    chromium.open(file)
    assert (chromium.value(COUNT), visible(chromium, "tbody tr")) == ("10,000 of 10,000 runs, 500 shown", 500)
    assert chromium.value("document.querySelectorAll('*').length") < 12_000
    chromium.click("#more")
    assert (chromium.value(COUNT), visible(chromium, "tbody tr")) == ("10,000 of 10,000 runs, 1,000 shown", 1000)
    chromium.click("#failed")
    assert visible(chromium, "tbody tr") == 270
    chromium.click("#failed")
    chromium.click("th button", 3)
    assert visible(chromium, "tbody tr") == 500
