"""A new source is one module, and one line in SOURCES: the example in CONTRIBUTING.md, registered and run like a source of its own."""

import json
from pathlib import Path

import pytest

from epimetheus.clock import Deadline
from epimetheus.config.settings import Settings
from epimetheus.observe.log import LogObserver
from epimetheus.wiring import sources
from epimetheus.wiring.regions import run_regions
from epimetheus.wiring.sources import SOURCES
from epimetheus.wiring.windowed import windowed
from epimetheus.wiring.wiring import Wiring
from tests.source.example_source import ExportedPages

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
LINE = '    "exported": windowed("exported", lambda wiring, region: ExportedPages(Path("pages") / region), prefix="exported-"),\n'


@pytest.fixture
def run(stage, tmp_path, monkeypatch):
    """Runs the function's regions with the source `exported`, which reads the folder ``tmp_path / "pages"``."""
    (tmp_path / "pages" / "us-ashburn-1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "SOURCES", {**SOURCES, **eval(f"{{{LINE}}}", {"windowed": windowed, "ExportedPages": ExportedPages, "Path": Path})})  # noqa: E501

    def run(name):
        settings = Settings.read({**stage.environment, "FORMAT": "json"}).model_copy(update={"sources": ("audit", "exported")})
        wiring = Wiring.open(settings, stage.hand.date_only, Deadline.after(stage.hand.date_only, 60))
        return run_regions(wiring, name, LogObserver(name), lambda report: None)

    return run


def export(stage, compartment, minutes_ago, *ids):
    """Writes a page of events."""
    folder = Path("pages") / "us-ashburn-1" / compartment
    folder.mkdir(exist_ok=True)
    page = folder / f"{int(stage.hand.time // 60) - minutes_ago}.json"
    events = [{"eventType": "com.example.Export", "eventId": one, "data": {"compartmentId": compartment}} for one in ids]
    page.write_text(json.dumps(events))
    return page


def test_its_events_arrive_beside_those_of_audit(stage, run):
    root = stage.world.tenancy
    ids = stage.emit(root, 2, 10)
    export(stage, root, 9, "a", "b")
    export(stage, root, 8, "c")
    audit, exported = run("r1")
    assert (audit.region, audit.forwarded, exported.region, exported.forwarded) == ("us-ashburn-1", 2, "exported-us-ashburn-1", 3)
    assert exported.api["exported"]["requests"] == 2
    assert stage.arrived() == [*ids, "a", "b", "c"]
    stage.hand.forward(60 * 20)
    export(stage, root, 5, "d")
    assert [report.forwarded for report in run("r2")] == [0, 1]
    assert stage.arrived()[-1] == "d"


def test_after_a_page_that_fails_its_compartment_is_behind_and_nothing_is_missing(stage, run):
    root, other = stage.world.tenancy, stage.world.add_compartment("other")
    export(stage, root, 9, "a")
    export(stage, other, 9, "b")
    broken = export(stage, other, 8, "c")
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-9])
    _, exported = run("r1")
    assert (exported.status, list(exported.position.behind)) == ("partial", [other])
    broken.write_bytes(whole)
    stage.hand.forward(60 * 20)
    _, exported = run("r2")
    assert (exported.status, exported.position.behind) == ("ok", {})
    assert sorted(stage.arrived()) == ["a", "b", "c"]


def test_contributing_shows_the_source_and_its_line():
    page = CONTRIBUTING.read_text("utf-8")
    assert (Path(__file__).parent / "example_source.py").read_text("utf-8") in page
    assert LINE in page


def test_the_setting_sources_accepts_every_source():
    for name in SOURCES:
        assert Settings.read({"SYSLOG_HOST": "siem", "STATE_BUCKET": "b", "SOURCES": name}).sources == (name,)
    assert set(Settings.reference("sources").accepted.partition(", or both")[0].split(", ")) == set(SOURCES)
