"""``state import``: a state that continues where the Go program stopped, read from its marker file."""

import json
import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import count

import pytest
from typer.testing import CliRunner

from epimetheus.cli.app import app
from epimetheus.model import minute_text, parse_minute
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.model import Lease
from tests.cli.test_app import terminal  # noqa: F401 - a fixture

REGION = "us-ashburn-1"
LOST = "There is no state in"


def go_time(moment, offset=0):
    """A time as Go writes it: with nanoseconds, and the offset of the host's time zone in minutes."""
    local = moment.astimezone(timezone(timedelta(minutes=offset))).isoformat(timespec="seconds")
    return f"{local[:19]}.987654321{local[19:]}".replace("+00:00", "Z")


def marker(time, polls=1234, **members):
    return json.dumps({"last_event_time": time, "last_event_id": "tcom.x|id1", "poll_count": polls, **members}, indent=2)


@pytest.fixture
def go(terminal, tmp_path):  # noqa: F811
    """The stage, a function that imports a marker, and the time where the Go program stopped, 5 h ago."""
    stage, run_cli = terminal
    stopped = datetime.now(UTC) - timedelta(hours=5)

    def imported(text, *options, **given):
        path = tmp_path / "marker.json"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return run_cli("state", "import", "--marker", str(path), *options, **given)

    return stage, run_cli, imported, stopped


def cursor(run_cli):
    return parse_minute(json.loads(run_cli("state", "show", "--json").stdout)["through"])


def minute(moment):
    return int(moment.timestamp() // 60)


def test_the_next_run_continues_an_hour_before_the_marker(go):
    stage, run_cli, imported, stopped = go
    age = int((stage.hand.time - stopped.timestamp()) // 60)
    sent = stage.emit(stage.world.tenancy, 5, age + 55), stage.emit(stage.world.tenancy, 5, age - 20)
    before = stage.emit(stage.world.tenancy, 5, age + 90)
    result = imported(marker(go_time(stopped)), "--yes")
    first, cursor_text = (minute_text(minute(stopped) - back) for back in (75, 60))
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.sub(r"\S*/", "", result.stdout).splitlines() == [
        f"marker.json: the Go program finished poll 1,234 at {stopped:%Y-%m-%dT%H:%M:%S}.987Z.",
        f"cursor: the next run reads from {first}, OVERLAP_MINUTES=15 before the cursor, {cursor_text}.",
    ]
    assert cursor(run_cli) == minute(stopped) - 60
    assert run_cli("run").exit_code == 0
    assert set(stage.arrived()) == {*sent[0], *sent[1]}
    assert not {*before} & set(stage.arrived())


@pytest.mark.parametrize("offset", [0, 60, -570, 765])
def test_any_time_zone_is_read(go, offset):
    _, run_cli, imported, stopped = go
    assert imported(marker(go_time(stopped, offset)), "--yes").exit_code == 0
    assert cursor(run_cli) == minute(stopped) - 60


@pytest.mark.parametrize(("margin", "minutes"), [("0s", 0), ("90s", 2), ("2h30m", 150), ("1d", 1440)])
def test_the_margin_before_the_marker_can_be_set(go, margin, minutes):
    _, run_cli, imported, stopped = go
    assert imported(marker(go_time(stopped)), "--yes", "--margin", margin).exit_code == 0
    assert cursor(run_cli) == minute(stopped) - minutes


def test_the_marker_of_the_newest_version_has_a_time_for_each_region(go):
    _, run_cli, imported, stopped = go
    earlier = stopped - timedelta(hours=9)
    regions = {"eu-frankfurt-1": {"last_event_time": go_time(stopped), "last_event_id": ""}, REGION: {"last_event_time": go_time(earlier)}}
    assert imported(marker(go_time(stopped), region_markers=regions), "--yes").exit_code == 0
    assert cursor(run_cli) == minute(earlier) - 60
    del regions[REGION]
    result = imported(marker(go_time(stopped), region_markers=regions), "--yes", "--replace")
    assert (result.exit_code, result.stderr.splitlines()) == (
        2,
        [
            f"--marker {result.stderr.split()[1]} has no marker of region {REGION}: it has eu-frankfurt-1",
            "Correct the command and run it again.",
        ],
    )
    other = imported(marker(go_time(stopped), region_markers=regions), "--yes", "--region", "eu-frankfurt-1")
    assert (other.exit_code, "cursor.eu-frankfurt-1: the next run reads" in other.stdout) == (0, True)


def test_a_dry_run_checks_everything_and_writes_nothing(go, tmp_path):
    _, run_cli, imported, stopped = go
    result = imported(marker(go_time(stopped)), "--dry-run")
    assert (result.exit_code, "cursor: not imported (--dry-run): the next run would read from" in result.stdout) == (0, True)
    report = json.loads(imported(marker(go_time(stopped)), "--dry-run", "--json").stdout)
    assert (report["changed"], report["dry"], report["polls"], parse_minute(report["through"])) == (
        False, True, 1234, minute(stopped) - 60
    )  # fmt: skip
    assert not list(tmp_path.glob("cursor*"))
    assert run_cli("run").exit_code == 0
    again = imported(marker(go_time(stopped)), "--dry-run")
    assert (again.exit_code, "there is a state already" in again.stderr) == (2, True)


def test_the_result_as_json(go):
    _, _, imported, stopped = go
    report = json.loads(imported(marker(go_time(stopped)), "--yes", "--json").stdout)
    assert report["location"].endswith("/cursor")
    assert {key: report[key] for key in ("region", "changed", "dry", "through", "stopped", "polls")} == {
        "region": REGION, "changed": True, "dry": False, "through": minute_text(minute(stopped) - 60),
        "stopped": f"{stopped:%Y-%m-%dT%H:%M:%S}.987Z", "polls": 1234,
    }  # fmt: skip


def test_without_yes_it_asks_and_a_script_must_confirm(go, tmp_path):
    _, _, imported, stopped = go
    result = imported(marker(go_time(stopped)))
    assert (result.exit_code, "Add --yes to confirm." in result.stderr) == (2, True)
    first = minute_text(minute(stopped) - 75)
    result = imported(marker(go_time(stopped)), answer="n\n")
    assert (result.exit_code, f"Events processed before {first} are not sent. Create the state?" in result.stdout) == (1, True)
    assert not (tmp_path / "cursor").exists()
    assert imported(marker(go_time(stopped)), answer="y\n").exit_code == 0


def test_an_existing_state_is_replaced_only_on_demand(go, tmp_path):
    stage, run_cli, imported, stopped = go
    stage.emit(stage.world.tenancy, 3, 20)
    assert run_cli("run").exit_code == 0
    before, was = (tmp_path / "cursor").read_bytes(), minute_text(cursor(run_cli))
    result = imported(marker(go_time(stopped)), "--yes")
    assert (result.exit_code, (tmp_path / "cursor").read_bytes()) == (2, before)
    assert f"cursor: there is a state already, with the cursor at {was}.\nImport a marker before the first run. " in result.stderr
    asked = imported(marker(go_time(stopped)), "--replace", answer="n\n")
    assert (asked.exit_code, f"Replace the state, whose cursor is at {was}?" in asked.stdout) == (1, True)
    assert imported(marker(go_time(stopped)), "--replace", "--yes").exit_code == 0
    assert cursor(run_cli) == minute(stopped) - 60


def test_a_state_that_was_lost_is_replaced_only_on_demand(go, tmp_path):
    stage, run_cli, imported, stopped = go
    stage.emit(stage.world.tenancy, 3, 20)
    assert [run_cli("run").exit_code for _ in range(3)] == [0, 0, 0]
    (tmp_path / "cursor").unlink()
    result = imported(marker(go_time(stopped)), "--yes")
    assert (result.exit_code, result.stderr.startswith(LOST), (tmp_path / "cursor").exists()) == (2, True, False)
    assert imported(marker(go_time(stopped)), "--yes", "--replace").exit_code == 0
    assert cursor(run_cli) == minute(stopped) - 60


def test_a_state_that_a_run_has_leased_is_not_replaced(go, tmp_path):
    _, run_cli, imported, stopped = go
    assert run_cli("run").exit_code == 0
    state = unpack((tmp_path / "cursor").read_bytes(), "")
    (tmp_path / "cursor").write_bytes(pack(replace(state, lease=Lease("another", datetime.now(UTC).timestamp() + 200))))
    result = imported(marker(go_time(stopped)), "--yes", "--replace")
    assert (result.exit_code, "run another holds the lease until" in result.stderr) == (2, True)


def test_a_damaged_state_is_not_replaced(go, tmp_path):
    _, _, imported, stopped = go
    (tmp_path / "cursor").write_text("important notes\n")
    result = imported(marker(go_time(stopped)), "--yes", "--replace")
    assert (result.exit_code, "cursor is damaged: " in result.stderr) == (2, True)
    assert (tmp_path / "cursor").read_text() == "important notes\n"


NOW = datetime.now(UTC)
PAST = go_time(NOW - timedelta(hours=5))
RFC3339 = "expected a time with its zone, such as 2026-11-24T10:05:00.123456789+01:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ": it is empty; expected a JSON object"),
        (" \n", ": it is empty; expected a JSON object"),
        ("last_event_time: 2026", " line 1, column 1: invalid JSON: expected value"),
        ("[]", " line 1: expected a JSON object"),
        ("null", " line 1: expected a JSON object"),
        ("{}", ": it has neither last_event_time nor poll_count; use the marker of the Go program"),
        ('{"field_mappings": {"a": "b"}, "cef_vendor": "x"}', ": it has neither last_event_time nor poll_count; use the marker of the Go"),
        ('{"poll_count": 3}', " line 1, last_event_time: this key is required"),
        ('{"last_event_time": "' + PAST + '"}', " line 1, poll_count: this key is required"),
        (marker(5), " line 2, last_event_time: expected a string"),
        (marker(""), f" line 2, last_event_time: {RFC3339}"),
        (marker("3h"), f" line 2, last_event_time: {RFC3339}"),
        (marker("2026-11-24"), f" line 2, last_event_time: {RFC3339}"),
        (marker("2026-11-24T10:05:00"), f" line 2, last_event_time: {RFC3339}"),
        (marker("2026-02-30T10:05:00Z"), f" line 2, last_event_time: {RFC3339}"),
        (marker("2026-11-24T10:05:00+99:99"), f" line 2, last_event_time: {RFC3339}"),
        (marker("9999-12-31T23:59:59-23:59"), f" line 2, last_event_time: {RFC3339}"),
        (marker("2026-11-24T10:05:00Z" * 10_000), f" line 2, last_event_time: {RFC3339}"),
        (marker(PAST, polls="1234"), " line 4, poll_count: expected an integer"),
        (marker(PAST, polls=-1), " line 4, poll_count: expected an integer from 0 to 9223372036854775807"),
        (marker(PAST, polls=10**30), " line 4, poll_count: expected an integer"),
        (marker(PAST, region_markers=[]), " line 5, region_markers: expected a JSON object"),
        (marker(PAST, region_markers={REGION: {}}), f" line 6, region_markers.{REGION}.last_event_time: this key is required"),
        (marker(PAST, cursor=1), " line 5, cursor: unknown key; expected one of last_event_time, last_event_id, poll_count, region_"),
        (marker(PAST).replace("last_event_id", "poll_count").replace('"tcom.x|id1"', "1"), " line 4, poll_count: duplicate key"),
        (b"\xff\xfe{\x00", ": the file could not be read: it is not text"),
        (b" " * 1_048_577, ": the file has more than 1,048,576 bytes, and a marker has a few hundred; use the marker of the Go program"),
        (marker("0001-01-01T00:00:00Z", polls=5), ": the Go program has not finished a poll with it; start without it"),
        (marker(PAST, polls=0), ": the Go program has not finished a poll with it; start without it"),
        (
            marker(PAST, region_markers={REGION: {"last_event_time": "0001-01-01T00:00:00Z", "last_event_id": ""}}),
            ": the Go program has not finished a poll with it; start without it",
        ),
        (marker("2020-01-01T00:00:00Z"), " begins more than 365 days ago, at 2019-12-31T23:00:00Z; OCI Audit no longer has these events"),
    ],
    ids=map(str, count()),  # texts have the time of the start, and each process of a parallel run must have the same names
)  # fmt: skip
def test_an_unusable_marker_is_an_error_that_names_what_is_wrong(go, tmp_path, text, expected):
    _, _, imported, _ = go
    result = imported(text, "--yes")
    first = re.sub(r"--marker \S*/marker\.json", "--marker", result.stderr.splitlines()[0])
    assert (result.exit_code, first[: len(expected) + 8], len(first) < 300) == (2, f"--marker{expected}", True)
    assert not (tmp_path / "cursor").exists()
    assert "Traceback" not in result.output


def test_a_file_of_another_kind_is_one_error(go):
    _, _, imported, _ = go
    result = imported('{"formats": {}, "lookups": {}, "cef_vendor": "x", "cef_product": "y"}', "--yes")
    assert (result.exit_code, len(result.stderr.splitlines()), "unknown key" in result.stderr) == (2, 2, False), result.stderr


def test_cloud_guard_has_no_cursor(go):
    _, _, imported, stopped = go
    result = imported(marker(go_time(stopped)), "--yes", "--region", "cloud-guard")
    expected = "--region cloud-guard: Cloud Guard has no cursor; its first poll sends every problem of the last 180 days"
    assert (result.exit_code, result.stderr.splitlines()[0]) == (2, expected)


def test_a_time_in_the_future_is_an_error(go):
    _, _, imported, _ = go
    time = datetime.now(UTC) + timedelta(hours=2)
    result = imported(marker(go_time(time)), "--yes", "--margin", "1d")
    assert result.exit_code == 2
    assert f"is in the future: {time:%Y-%m-%dT%H:%M:%S}.987Z; the current time is " in result.stderr
    assert "Check the clock of the Go program's host" in result.stderr


def test_files_that_cannot_be_read_are_errors(go, tmp_path):
    _, run_cli, _, _ = go
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        ("nowhere.json", "No such file or directory"), (tmp_path, "Is a directory"), (tmp_path / "pipe", "it is a pipe to which nothing"),
        ("/dev/zero", "the file has more than"),
    ):  # fmt: skip
        result = run_cli("state", "import", "--marker", str(path), "--yes")
        assert (result.exit_code, reason in result.stderr, "Traceback" not in result.output) == (2, True, True)


@pytest.mark.parametrize("margin", ["-1h", "1 h", "x", "", "366d"])
def test_an_invalid_margin_is_an_error(go, margin):
    _, _, imported, stopped = go
    result = imported(marker(go_time(stopped)), "--yes", f"--margin={margin}")
    assert (result.exit_code, f"--margin {margin}: expected a duration from 0s to 365d, such as 1h" in result.stderr) == (2, True)


def test_text_from_the_marker_is_shown_safely(go):
    _, _, imported, stopped = go
    regions = {f"\x1b[31m{number}" + "x" * 5000: {"last_event_time": go_time(stopped)} for number in range(50)}
    result = imported(marker(go_time(stopped), region_markers=regions), "--yes")
    assert (result.exit_code, "\x1b" in result.stderr, len(result.stderr) < 2000) == (2, False, True)


def test_the_help_says_what_the_margin_is_for():
    shown = CliRunner().invoke(app, ["state", "import", "--help"], env={"COLUMNS": "80"}).stdout
    assert "…" not in shown
    assert "--margin" in shown
