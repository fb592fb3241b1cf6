"""Reading runs from OCI Logging: every line format, paging, and warnings about missing runs."""

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oci.loggingsearch import LogSearchClient

from epimetheus.cli.run_log import log_search, parse_run, read_runs, windows
from epimetheus.cli.runs_html import Frame, page
from epimetheus.cli.runs_table import exit_code, flatten
from epimetheus.clock import SYSTEM, Clock, Deadline
from epimetheus.errors import CredentialsError, SourceError
from epimetheus.oci_client.clients import ServiceFailure, make_client, sign_in
from epimetheus.testing.oci import World, mock_oci
from tests.support.reports import REFUSED, behind, covered, report
from tests.support.run_lines import failure, log_lines, search_result, with_time

NOON = 1767268800  # 2026-01-01T12:00:00Z
DAY = 86_400
PLATFORM = {"applicationId": "a", "containerId": "c", "functionId": "f", "requestId": "/1/2", "opcRequestId": "/1/2", "src": "STDERR"}


@pytest.fixture
def world(api_key):
    return World(now=lambda: NOON, api_key=api_key)


@pytest.fixture
def search_logs(world, tmp_path):
    """Read the runs of the ``days`` before NOON with the real SDK."""
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")

    def read(*scopes, days=1, seconds=60.0):
        client = make_client(LogSearchClient, credentials, region=world.region, endpoint=None, seconds=2.0)
        search = log_search(client, world.region)
        return read_runs(search, scopes or [world.tenancy], NOON - days * DAY, NOON, Deadline.after(SYSTEM, seconds))

    with mock_oci(world):
        yield read


def log_line(world, line, ago, **oracle):
    world.add_log({"data": with_time(line, NOON - ago), "oracle": oracle}, NOON - ago)


(PARTIAL,) = log_lines(report(status="partial", position=behind(2), warnings=["The listing is stale."]))


@pytest.mark.parametrize(
    "data",
    [
        {**PARTIAL, **PLATFORM},
        {"message": json.dumps(PARTIAL), **PLATFORM},
        {"message": PARTIAL, **PLATFORM},
        {**PARTIAL, "report": json.dumps(PARTIAL["report"])},
    ],
    ids=["fields", "text", "object in message", "report as text"],
)
def test_every_line_format_of_logging_is_parsed(data):
    run = parse_run({"logContent": {"data": data, "time": "2026-01-01T12:00:09Z"}})
    assert (run.run, run.region, run.status) == ("r1", "eu-paris-1", "partial")
    assert datetime.fromtimestamp(run.when, UTC).isoformat() == "2026-01-01T12:00:00+00:00"
    assert (run.forwarded, run.filtered, run.lag, run.behind, run.seconds) == (9, {"rate_limited": 1, "excluded_event": 5}, 3600, 2, 1.5)
    assert run.what == "The listing is stale. Behind: ocid1.compartment.oc1..0, since 2026-01-01T00:00:00Z: 429"
    assert run.line["report"] == PARTIAL["report"]


def test_a_failed_run_has_its_error_with_and_without_a_report():
    (line,) = log_lines(report(status="failed", error=REFUSED))
    run = parse_run(search_result(line))
    assert (run.status, run.kind, run.what, run.do) == ("failed", "receiver", "Nothing listens on siem:6514.", "Start the receiver.")
    run = parse_run(search_result(with_time(failure(), NOON)))
    assert (run.status, run.kind, run.run, run.region, run.when) == ("failed", "configuration", "f1", "", NOON)
    assert (run.what, run.do, run.forwarded, run.lag, run.behind) == ("TENANCY_OCID=x is not an OCID.", "Correct it.", None, None, None)


@pytest.mark.parametrize(
    "data",
    [
        {"message": "Received function invocation request", **PLATFORM},
        {"message": "{", **PLATFORM},
        {"message": "[" * 100_000, **PLATFORM},
        {**PARTIAL, "event": "problem"},
        {"event": "run", "message": "a run of another function", "run": "7"},
        {},
        None,
        "run",
    ],
)
def test_other_lines_are_ignored(data):
    assert parse_run({"logContent": {"data": data}}) is None
    assert parse_run(data) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"report": {"version": 9, "status": "paused", "run": "r9", "speed": 1}}, ("paused", "r9", None, {}, None, None)),
        ({"report": {}, "kind": "source"}, ("failed", "", None, {}, None, None)),
        ({"report": {"status": "ok", "forwarded": "7", "filtered": [1]}}, ("ok", "", 7, {}, None, None)),
        ({"report": {"status": "ok", "filtered": {"a": 3, "b": None, "c": True}}}, ("ok", "", None, {"a": 3}, None, None)),
        ({"report": {"forwarded": 10**400, "seconds": -1, "position": []}}, ("unknown", "", None, {}, None, None)),
        ({"report": {"forwarded": 1e308, "filtered": {"a": "NaN", "b": 2.5}}}, ("unknown", "", None, {"b": 2.5}, None, None)),
        ({"report": {"position": {"lag_seconds": 5, "behind": 4}, "run": 12}}, ("unknown", "12", None, {}, 5, 4)),
        ({"report": {"position": {"behind": {"o": None}, "behind_not_shown": 8}}}, ("unknown", "", None, {}, None, 9)),
    ],
)
def test_a_report_of_another_version_is_parsed_as_far_as_possible(fields, expected):
    run = parse_run(search_result({"event": "run", "time": "2026-01-01T12:00:00Z", **fields}))
    assert (run.status, run.run, run.forwarded, run.filtered, run.lag, run.behind) == expected


def test_reports_with_and_without_coverage_are_displayed_alike():
    warning = "The home region us-ashburn-1 is not polled."
    (new,) = log_lines(report(warnings=[warning], coverage=covered({"home_polled": False})))
    old = {**new, "report": {**{name: value for name, value in new["report"].items() if name != "coverage"}, "version": 2}}
    runs = [parse_run(search_result(with_time(line, NOON))) for line in (old, new)]
    assert [(run.status, run.what, run.lag, run.behind) for run in runs] == [("ok", warning, 120, 0)] * 2
    assert page(runs, Frame(NOON - DAY, NOON, "x")).count(warning) == 2


def test_a_time_without_a_zone_is_utc_in_every_local_zone(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert parse_run({"logContent": {"data": {**PARTIAL, "report": {"started": "2026-01-01T12:00:00"}}}}).when == NOON
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("fields", [None, 7, "", "noon", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_an_invalid_time_falls_back_to_the_next_one_or_none(fields):
    (line,) = log_lines(report(started=fields))
    assert parse_run({"logContent": {"data": {**line, "time": fields}, "time": "2026-01-01T12:00:00Z"}}).when == NOON
    assert parse_run({"logContent": {"data": {**line, "time": fields}, "time": fields}}).when is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
NAMES = ("run", "region", "status", "error", "warnings", "started", "seconds", "position", "forwarded", "filtered", "new")


@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.dictionaries(st.sampled_from(("since", "lag_seconds", "behind")), VALUES))
def test_any_report_is_displayed(fields, position):
    line = {"event": "run", "report": {"position": position, **fields}, "time": "2026-01-01T12:00:00Z", "do": fields}
    run = parse_run(search_result(line))
    assert list(flatten(run.line))
    assert exit_code([run]) in (0, 1, 2)
    page([run], Frame(NOON - DAY, NOON + DAY, "here")).encode("utf-8", "strict")


def test_every_page_of_every_window_is_read_and_runs_in_two_windows_count_once(world, search_logs):
    lines = log_lines(*(report(run=f"r{n}") for n in range(7)))
    for line, days in zip(lines, (29, 28, 20, 14, 13, 3, 1), strict=True):
        line["report"]["started"] = None
        log_line(world, line, days * DAY - 1)
    runs, warnings = search_logs(days=30)
    assert ([run.run for run in runs], warnings) == (["r0", "r1", "r2", "r3", "r4", "r5", "r6"], [])
    assert [run.when for run in runs] == sorted(run.when for run in runs)
    assert len(world.requests_for("SearchLogs")) == 2 + 1 + 1
    assert {asked.query["limit"] for asked in world.requests_for("SearchLogs")} == {"1000"}
    assert list(windows(0, 30 * DAY)) == [(16 * DAY, 30 * DAY), (2 * DAY, 16 * DAY), (0, 2 * DAY)]
    search = lambda scopes, window, page: ([search_result(lines[0])], None)  # noqa: E731 - the same line in both windows
    assert len(read_runs(search, ["c"], 0, 20 * DAY, Deadline.after(SYSTEM, 60)).runs) == 1


def test_the_query_selects_run_lines_in_both_formats(world, search_logs):
    (line,) = log_lines(report(run="fields"))
    log_line(world, line, 60)
    log_line(world, {"message": json.dumps(log_lines(report(run="text"))[0], separators=(",", ":"))}, 50)
    log_line(world, {"event": "filtered", "message": "filtered: service"}, 40)
    assert {run.run for run in search_logs().runs} == {"fields", "text"}
    assert len(world.requests_for("SearchLogs")) == 1


def test_a_denied_compartment_causes_a_warning_and_the_others_are_read(world, search_logs):
    places = [world.add_compartment(f"c{n}") for n in range(25)]
    for n, line in ((0, log_lines(report(run="first"))[0]), (24, log_lines(report(run="last"))[0])):
        log_line(world, line, 60, compartmentid=places[n])
    for hidden in (places[3], places[21]):
        world.forbid(hidden)
    runs, (warning,) = search_logs(*places)
    assert {run.run for run in runs} == {"first", "last"}
    assert warning.startswith("Log search is denied in 2 of 25 compartments (Searching the logs of ocid1.compartment.")
    assert "Allow group YOUR_GROUP to read logging-family in compartment COMPARTMENT_OF_THE_LOG" in warning


def test_a_wrong_log_path_raises_an_error_with_a_remedy(world, search_logs):
    scope = "ocid1.compartment.oc1..nowhere/group/log"
    with pytest.raises(ServiceFailure) as failed:
        search_logs(scope)
    assert failed.value.what.startswith(f"Searching the logs of {scope} in us-ashburn-1 failed: OCI returned 404 NotAuthorizedOrNotFound")
    assert "opc-request-id" in failed.value.what
    assert failed.value.do == (
        "Check --log (COMPARTMENT_OCID/LOG_GROUP_OCID/LOG_OCID), --region (the region of the function), and that a policy allows the"
        " search: Allow group YOUR_GROUP to read logging-family in compartment COMPARTMENT_OF_THE_LOG."
    )


@pytest.mark.parametrize(
    ("fault", "error", "what"),
    [
        ({"kind": "status", "status": 500, "times": None}, ServiceFailure, "500 InternalServerError"),
        ({"kind": "status", "status": 401, "times": None}, CredentialsError, "OCI rejected the request signature"),
        ({"kind": "timeout", "times": None}, SourceError, "Searching the logs of 2 compartments"),
        ({"kind": "garbage", "times": None}, SourceError, "OCI returned an unexpected response"),
    ],
)
def test_errors_other_than_missing_permissions_are_raised(world, search_logs, fault, error, what):
    world.faults.add(fault.pop("kind"), operation="SearchLogs", **fault)
    with pytest.raises(error) as failed:
        search_logs(world.tenancy, world.add_compartment("other"))
    assert what in failed.value.what


def test_a_service_failure_is_not_mistaken_for_a_denied_compartment():
    def search(scopes, window, page):
        if len(scopes) == 2:
            raise ServiceFailure("OCI refused.", do="Wait.", status=500, code="InternalServerError")
        return [], None

    with pytest.raises(ServiceFailure):
        read_runs(search, ["a", "b"], NOON - DAY, NOON, Deadline.after(SYSTEM, 60))


def test_raw_control_characters_in_an_answer_are_accepted(tmp_path, world):
    body = json.dumps({"results": [{"data": search_result({**PARTIAL, "message": "a|b"})}], "summary": {}}).replace("|", "\x01").encode()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            """Suppress the access log."""

    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.handle_request).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        client = make_client(LogSearchClient, credentials, region=world.region, endpoint=endpoint, seconds=5.0)
        runs, _ = read_runs(log_search(client, world.region), [world.tenancy], NOON - DAY, NOON, Deadline.after(SYSTEM, 60))
    assert runs[0].line["message"] == "a\x01b"


def test_a_throttled_page_is_retried(world, search_logs):
    log_line(world, log_lines(report())[0], 60)
    world.faults.add("status", status=429, operation="SearchLogs", times=1)
    assert [run.run for run in search_logs().runs] == ["r1"]


@pytest.mark.parametrize(
    ("pages", "fields"),
    [
        ([(1, "a"), (1, "b"), (1, None)], "The time limit was reached, so the oldest runs are missing."),
        ([(1000, None)], "OCI truncated its response, so older runs may be missing."),
        ([(1, "a")] * 9, "OCI truncated its response, so older runs may be missing."),
    ],
)
def test_an_incomplete_answer_causes_a_warning(pages, fields):
    """A page takes one second. The limit is 1.5 s in the first case."""
    left, now = list(pages), [0.0]

    def search(scopes, window, page):
        now[0] += 1
        count, token = left.pop(0)
        return [search_result(with_time(line, NOON + now[0])) for line in log_lines(report())] * count, token

    clock = Clock(monotonic=lambda: now[0])
    runs, (warning,) = read_runs(search, ["c"], NOON - DAY, NOON, Deadline.after(clock, 1.5 if len(pages) == 3 else 60))
    assert warning.startswith(fields)
    assert runs
