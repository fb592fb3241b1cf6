"""Regressions found by attacks and operator mistakes, through the real function or command."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest

from epimetheus.clock import Clock
from epimetheus.errors import ConfigError
from epimetheus.function.invoke import RunFailed
from epimetheus.ledger.entry import unpack as unpack_entry
from epimetheus.model import parse_minute
from epimetheus.source import audit
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.model import KnownCompartment
from tests.cli.test_app import terminal  # noqa: F401
from tests.support.harness import keys_in, staged

SHORT = {"INITIAL_LOOKBACK_HOURS": "1"}
HOUR = 3600


def tolerant(stage, **more):
    try:
        return stage.run(**more)
    except RunFailed:
        return None


@pytest.mark.parametrize("root", ["forbidden", "hangs"])
def test_unreadable_compartments_at_the_cursor_do_not_stop_backfill(stage, root):
    other = stage.world.add_compartment("other")
    stage.run(**SHORT)
    ids = stage.emit(other, 5, 0)
    stage.world.forbid(other)
    stage.hand.forward(600)
    assert stage.run(**SHORT).status == "partial"
    stage.world.allow(other)
    if root == "forbidden":
        stage.world.forbid(stage.world.tenancy)
    else:
        stage.world.faults.add("delay", operation="ListEvents", compartment=stage.world.tenancy, seconds=30, times=None)
    for _ in range(2):
        stage.hand.forward(600)
        tolerant(stage, seconds=8.0, clock=stage.hand.clock, **SHORT)
    assert stage.arrived() == ids


def test_a_refused_deleted_compartment_does_not_stop_backfill_of_another(stage):
    a, b = stage.world.add_compartment("a"), stage.world.add_compartment("b")
    chosen = {"COMPARTMENT_MODE": "include", "COMPARTMENT_IDS": f"{a},{b}", **SHORT}
    stage.run(**chosen)
    stage.world.forbid(a)
    stage.hand.forward(600)
    stage.run(**chosen)
    stage.world.allow(a)
    stage.world.delete(b)
    stage.world.forbid(b)
    ids = []
    for _ in range(8):
        ids += stage.emit(a, 2, 0)
        stage.hand.forward(HOUR)
        report = tolerant(stage, **chosen)
    assert stage.arrived() == ids
    assert report.status in ("ok", "partial")


@pytest.mark.parametrize("mode", ["all", "tenancy_only"])
@pytest.mark.parametrize("ahead", [240, 86_400])
def test_the_clock_is_checked_with_a_state_file(stage, tmp_path, mode, ahead):
    settings = {"STATE_FILE": str(tmp_path / "cursor"), "STATE_BUCKET": "", "COMPARTMENT_MODE": mode, "LISTING_MINUTES": "15", **SHORT}
    wrong_clock = Clock(now=lambda: stage.hand.time + ahead, monotonic=time.monotonic, sleep=time.sleep)
    for _ in range(2):
        stage.hand.forward(300)
        report = tolerant(stage, clock=wrong_clock, **settings)
        if ahead > 300:
            assert report is None  # ClockError
        else:
            assert parse_minute(report.position.through) * 60 <= stage.hand.time - 120


@pytest.mark.parametrize("where", ["behind", "at the cursor"])
def test_a_burst_after_quiet_hours_is_not_read_in_one_window(stage, monkeypatch, where):
    monkeypatch.setattr("epimetheus.run.plan.FEW_EVENTS", 30)
    monkeypatch.setattr("epimetheus.run.plan.MANY_EVENTS", 60)
    monkeypatch.setattr("epimetheus.run.slice_reader.MANY_EVENTS", 60)
    bursty = stage.world.add_compartment("bursty")
    stage.run(**SHORT)
    if where == "behind":
        stage.world.forbid(bursty)
    stage.hand.forward(48 * HOUR)
    ids = stage.emit(bursty, 3000, 16 * 60, 15 * 60)  # three or four per minute, after 32 hours without events
    if where == "behind":
        stage.run(**SHORT)
        stage.world.allow(bursty)
    kept, hook = [], stage.world.put_hook

    def record(write):
        if write.name.endswith(".state"):
            hook(write)
        elif "/ledger/" in write.name:
            kept.append(keys_in(unpack_entry(write.data, "")))

    stage.world.put_hook = record
    sizes = [stage.run(**SHORT).caches["dedupe"].size for _ in range(3)]
    assert sorted(stage.arrived()) == sorted(ids)
    assert max(kept) <= 500
    assert max(sizes) <= 500


@pytest.mark.parametrize("status", [403, 404, 410, 500])
def test_a_stored_page_token_is_dropped_after_any_error(tmp_path, api_key, monkeypatch, status):
    real, old, new = audit._session, set(), set()

    def answered(answer, **_):
        page = parse_qs(urlparse(answer.request.url).query).get("page", [None])[0]
        new.add(answer.headers.get("opc-next-page"))
        if page in old:
            answer.status_code = status

    def session(url):
        made = real(url)
        made.hooks["response"].append(answered)
        return made

    monkeypatch.setattr(audit, "_session", session)
    monkeypatch.setattr(audit, "_jitter", lambda state: 0.01)
    with staged(tmp_path, api_key, page_size=20) as stage:
        ids = stage.emit(stage.world.tenancy, 1200, 62, 60)
        stage.world.faults.add("delay", operation="ListEvents", times=None, seconds=0.1)
        for _ in range(7):
            tolerant(stage, seconds=6.0, clock=stage.hand.clock, SYSLOG_CONFIRM_DELAY_SECONDS="0.15", **SHORT)
            stage.world.expire_tokens()  # the next run gets new tokens
            old |= new - {None}
            new.clear()
        assert set(stage.arrived()) == set(ids)


def test_an_adopted_state_polls_no_compartment_of_the_other_tenancy(terminal):  # noqa: F811
    stage, type_in = terminal
    type_in("run", **SHORT)
    path, other = Path(stage.environment["STATE_FILE"]), "ocid1.tenancy.oc1..aaaother"
    known = {other: KnownCompartment("root", None, True), "ocid1.compartment.oc1..aaax": KnownCompartment("x", other, True)}
    path.write_bytes(pack(replace(unpack(path.read_bytes(), ""), known=known, tenancy=other)))
    assert type_in("state", "adopt", "--reason", "moved", "--yes").exit_code == 0
    ids = stage.emit(stage.world.tenancy, 5, 30)
    done = type_in("run")
    assert (done.exit_code, stage.arrived()) == (0, ids)


def test_a_slow_identity_leaves_time_to_read_with_the_last_listing(tmp_path, api_key):
    with staged(tmp_path, api_key, page_size=2) as stage:
        for number in range(60):
            stage.world.add_compartment(f"c{number}")
        stage.run(**SHORT)
        ids = stage.emit(stage.world.tenancy, 5, 0)
        stage.hand.forward(600)
        stage.world.faults.add("delay", operation="ListCompartments", times=None, seconds=0.3)
        report = tolerant(stage, seconds=8.0, clock=stage.hand.clock)
        assert report is not None
        assert (report.listing_stale, stage.arrived()) == (True, ids)


def test_a_run_without_time_to_read_anything_is_not_ok(tmp_path, api_key):
    with staged(tmp_path, api_key, page_size=1) as stage:
        for number in range(9):
            stage.world.add_compartment(f"c{number}")
        stage.run(**SHORT)
        stage.emit(stage.world.tenancy, 5, 0)
        stage.hand.forward(600)
        stage.world.faults.add("delay", operation="ListCompartments", times=None, seconds=0.27)
        report = tolerant(stage, seconds=5.0, clock=stage.hand.clock)
        assert report is None or report.slices > 0 or report.status != "ok"


@pytest.mark.parametrize("words", [("rewind", "2026-01-01T00:00:00Z"), ("reset",)])
def test_a_typo_in_region_or_prefix_creates_no_state(terminal, words):  # noqa: F811
    stage, type_in = terminal
    type_in("run")
    assert type_in("state", *words, "--yes", "--region", "us-ashburn1").exit_code == 2
    bucket = {"STATE_FILE": "", "STATE_BUCKET": "audit-state"}
    type_in("run", **bucket)
    done = type_in("state", *words, STATE_PREFIX="epimethus/", answer="n\n", **bucket)
    assert done.exit_code != 0
    assert "epimethus/us-ashburn-1.state" not in stage.world.objects("audit-state")


def test_a_deleted_compartment_whose_first_page_can_be_read_is_not_given_up(stage):
    deleted = stage.world.add_compartment("deleted")
    stage.run(**SHORT)
    ids = stage.emit(deleted, 300, 0, 30)
    stage.world.delete(deleted)
    for _ in range(10):
        stage.hand.forward(HOUR)
        fault = stage.world.faults.add("status", status=404, operation="ListEvents", compartment=deleted, times=None, after=1)
        report = stage.run()
        stage.world.faults.remove(fault)
        assert report.given_up == 0
    while stage.run().status != "ok":
        stage.hand.forward(60)
    assert set(stage.arrived()) == set(ids)


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_a_rewind_without_a_state_reads_from_the_given_time(terminal, how):  # noqa: F811
    stage, type_in = terminal
    stage.emit(stage.world.tenancy, 5, 600)
    new = stage.emit(stage.world.tenancy, 3, 30)
    type_in("run")
    path = Path(stage.environment["STATE_FILE"])
    path.unlink() if how == "missing" else path.write_bytes(path.read_bytes()[:-20])
    hour = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:00Z")
    type_in("state", "rewind", hour, "--force", "--yes")
    before = len(stage.arrived())
    type_in("run")
    assert stage.arrived()[before:] == new


def test_the_lease_is_renewed_while_compartments_are_listed(stage):
    for number in range(50):
        stage.world.add_compartment(f"c{number}")
    stage.run(**SHORT)
    stage.hand.forward(900)
    stage.world.faults.add("subtree_refused", times=None)
    stage.world.faults.add("delay", operation="ListCompartments", times=None, seconds=9)
    began, live = stage.hand.time, []

    def sleep(seconds):
        stage.hand.sleep(seconds)
        live.append(stage.state().lease.is_live(stage.hand.time))

    stage.world.sleep = sleep
    stage.run(seconds=3600)
    assert stage.hand.time - began > 400
    assert all(live)


def test_a_lease_written_with_a_slow_clock_is_live(stage):
    stage.run()
    leases, hook = [], stage.world.put_hook

    def record(write):
        if write.name.endswith(".state"):
            hook(write)
            leases.append(unpack(write.data, "").lease)

    stage.world.put_hook = record
    slow_clock = Clock(now=lambda: stage.hand.time - 240, monotonic=time.monotonic, sleep=time.sleep)
    stage.run(clock=slow_clock)
    assert leases[0].is_live(stage.hand.time + 30)


@pytest.mark.parametrize("typo", [{"SYSLOG_PORT": "1"}, {"TENANCY_OCID": "ocid1.tenancy.oc1..aaaatypo"}])
def test_a_first_run_that_confirmed_nothing_does_not_bind_the_state(stage, typo):
    ids = stage.emit(stage.world.tenancy, 3, 20)
    with pytest.raises(RunFailed):
        stage.call(**typo)
    assert stage.run().status == "ok"
    assert stage.arrived() == ids


def test_listing_minutes_may_not_exceed_listing_max_age_minutes(stage):
    with pytest.raises(ConfigError, match="LISTING_MINUTES"):
        stage.call(LISTING_MINUTES="240")


def test_ctrl_c_after_the_state_file_is_replaced_is_not_a_state_error(stage, tmp_path, monkeypatch):
    settings = {"STATE_FILE": str(tmp_path / "cursor"), "STATE_BUCKET": ""}
    stage.run(**settings)
    real, calls = os.replace, []

    def replaced(*names):
        real(*names)
        calls.append(names)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replaced)
    with pytest.raises(KeyboardInterrupt):
        stage.run(**settings)


def test_minutes_that_are_not_a_number_are_rejected(terminal):  # noqa: F811
    assert terminal[1]("run", "--timeout", "nan").exit_code == 2
