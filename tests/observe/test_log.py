"""Log lines: one complete JSON object each, without secrets."""

import importlib
import io
import json
import logging
from collections.abc import Iterator

import fdk.log
import pytest

from epimetheus.model import RunProgress, Window
from epimetheus.observe.log import JsonLines, LogObserver, headline, log_failure, log_report, log_to
from epimetheus.reports import Problem
from epimetheus.source.decode import decode_event
from tests.support.reports import REFUSED, behind, report

NOON_UTC = 1_767_268_800.0
PROGRESS = RunProgress(Window(29454480, 29454540), 3, 8, ended=True, fetched=12, confirmed=10)


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("epimetheus")
    handlers, level, our_level = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(our_level)


def lines_of(act, level="info") -> list[dict]:
    stream = io.StringIO()
    log_to(stream, level)
    act()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def leak():
    raise ValueError("password hide") from KeyError("hide")


def failing(kind):
    try:
        leak()
    except ValueError:
        log_failure("It failed.", "Fix it.", kind, "r1")


def test_a_record_is_one_json_line():
    record = logging.LogRecord("epimetheus", logging.WARNING, "", 0, "%s of %d", ('"ü"\n', 2), None)
    record.created = NOON_UTC
    record.event, record.fields = "problem", {"run": "r1", "do": "Wait."}
    assert JsonLines().format(record) == (
        '{"time":"2026-01-01T12:00:00.000Z","level":"WARNING","event":"problem","message":"\\"ü\\"\\n of 2","run":"r1","do":"Wait."}'
    )


def test_a_record_of_a_library_is_one_json_line():
    (line,) = lines_of(lambda: logging.getLogger("urllib3").warning("retrying %s", "x"))
    assert (line["level"], line["event"], line["message"]) == ("WARNING", "log", "retrying x")


def test_text_that_is_not_utf_8_is_still_logged():
    (line,) = lines_of(lambda: LogObserver("r1").problem(Problem("compartment", "OCI", "OCI said \ud800.", "Wait \udcff."), "eu-paris-1"))
    assert (line["message"], line["do"]) == ("OCI said ?.", "Wait ?.")


def test_an_exception_is_logged_with_type_and_stack_only():
    stream = io.StringIO()
    log_to(stream, "info")
    failing("internal")
    assert "hide" not in stream.getvalue()
    line = json.loads(stream.getvalue())
    assert line["exception"] == "ValueError"
    places = [(failing.__code__.co_firstlineno + 2, "failing"), (leak.__code__.co_firstlineno + 1, "leak")]
    assert line["trace"] == [f"{__file__}:{number} {name}" for number, name in places]
    assert (line["level"], line["event"], line["message"]) == ("ERROR", "run", "It failed.")
    assert (line["run"], line["kind"], line["do"]) == ("r1", "internal", "Fix it.")


def test_an_expected_failure_has_no_stack():
    (line,) = lines_of(lambda: failing("state"))
    del line["time"]
    assert line == {"level": "ERROR", "event": "run", "message": "It failed.", "run": "r1", "kind": "state", "do": "Fix it."}


def test_the_handler_of_fdk_is_replaced_on_every_call(capsys):
    importlib.reload(fdk.log)
    first, second = io.StringIO(), io.StringIO()
    log_to(first, "info")
    log_to(second, "info")
    log_report(report())
    fdk.log.get_logger().warning("from fdk")
    logging.getLogger("oci").info("Authorization: hide")
    assert first.getvalue() == capsys.readouterr().err == ""
    assert [json.loads(line)["event"] for line in second.getvalue().splitlines()] == ["run", "log"]


@pytest.mark.parametrize(("level", "expected"), [("debug", 3), ("info", 2), ("warning", 1), ("error", 0)])
def test_the_level_filters_own_lines(level, expected):
    def log_all():
        observer = LogObserver("r1")
        observer.progress("eu-paris-1", PROGRESS)
        log_report(report())
        observer.problem(REFUSED, "eu-paris-1")

    assert len(lines_of(log_all, level)) == expected


def test_a_problem_is_logged_with_its_remedy():
    (line,) = lines_of(lambda: LogObserver("r1").problem(REFUSED, "eu-paris-1"))
    del line["time"]
    assert line == {
        "level": "WARNING",
        "event": "problem",
        "message": "Nothing listens on siem:6514.",
        "run": "r1",
        "region": "eu-paris-1",
        "kind": "receiver",
        "fault": "receiver",
        "do": "Start the receiver.",
    }


def test_progress_is_logged_at_the_debug_level():
    (line,) = lines_of(lambda: LogObserver("r1").progress("eu-paris-1", PROGRESS), "debug")
    assert lines_of(lambda: LogObserver("r1").progress("eu-paris-1", PROGRESS._replace(ended=False)), "debug") == []
    del line["time"]
    assert line == {
        "level": "DEBUG",
        "event": "progress",
        "message": "3 of 8 compartments",
        "run": "r1",
        "region": "eu-paris-1",
        "cursor": "2026-01-01T12:00:00Z",
        "end": "2026-01-01T13:00:00Z",
    }


def test_a_run_is_one_line_with_the_complete_report():
    (line,) = lines_of(lambda: log_report(report()))
    del line["time"]
    assert line == {
        "level": "INFO",
        "event": "run",
        "message": (
            "eu-paris-1 ok: 9 forwarded, 4 duplicates dropped, 6 filtered (1 rate-limited, 5 excluded_event), 3 truncated,"
            " through 2026-01-01T11:58:00Z"
        ),
        "report": {
            "version": 3,
            "run": "r1",
            "region": "eu-paris-1",
            "status": "ok",
            "error": None,
            "warnings": [],
            "started": "2026-01-01T12:00:00.000Z",
            "seconds": 1.5,
            "position": {
                "since": "2026-01-01T11:00:00Z",
                "through": "2026-01-01T11:58:00Z",
                "lag_seconds": 120,
                "caught_up": True,
                "slices_left": 0,
                "known": 9,
                "polled": 8,
                "vanished": 1,
                "behind": {},
            },
            "coverage": {
                "regions": {
                    "all": True,
                    "listed": "2026-01-01T12:00:00Z",
                    "subscribed": ["us-ashburn-1", "eu-paris-1"],
                    "polled": ["us-ashburn-1", "eu-paris-1"],
                    "excluded": [],
                    "uncovered": [],
                    "home": "us-ashburn-1",
                    "home_polled": True,
                },
                "compartments": {"existing": 8, "polled": 8, "excluded": 0, "unreadable": [], "unlisted": []},
            },
            "slices": 1,
            "fetched": 19,
            "forwarded": 9,
            "unconfirmed": 0,
            "duplicates": 4,
            "filtered": {"rate_limited": 1, "excluded_event": 5},
            "malformed": 2,
            "truncated": 3,
            "abridged": 0,
            "redacted": 2,
            "notices": 1,
            "bytes": 900,
            "api": {"audit": {"requests": 8, "retries": 6, "throttled": 1}, "identity": {"requests": 1, "retries": 0, "throttled": 0}},
            "receiver": {"connections": 2, "confirmations": 1, "confirmation": "tls_close_notify"},
            "relisted": 0,
            "late": 0,
            "latest_seconds": 0,
            "pushed": 0,
            "filled": 0,
            "reconciliation": {},
            "listing_stale": False,
            "listing_age_seconds": 0,
            "given_up": 0,
            "seal": None,
            "problems": None,
            "first_start": False,
            "state_writes": 2,
            "certificate_days": None,
            "caches": {"dedupe": {"hits": 4, "misses": 15, "size": 100}, "names": {"hits": 8, "misses": 2, "size": 2}},
            "performance": {"events_per_second": 12.5, "phases": {"forward": 1.2}},
        },
    }


@pytest.mark.parametrize(("status", "level"), [("ok", "INFO"), ("skipped", "INFO"), ("partial", "WARNING"), ("failed", "ERROR")])
def test_the_level_of_a_run_follows_its_status(status, level):
    (line,) = lines_of(lambda: log_report(report(status=status)))
    assert line["level"] == level


def test_many_compartments_behind_fit_into_one_line():
    (line,) = lines_of(lambda: log_report(report(status="partial", position=behind(1200))))
    position = line["report"]["position"]
    assert (len(position["behind"]), position["behind_not_shown"]) == (100, 1100)
    assert max(one["since"] for one in position["behind"].values()) == "2026-01-01T01:39:00Z"
    assert "1,200 of 5,000 compartments behind" in line["message"]
    (line,) = lines_of(lambda: log_report(report(status="partial", position=behind(100))))
    assert len(line["report"]["position"]["behind"]) == 100
    assert "behind_not_shown" not in line["report"]["position"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"filtered": {}}, "eu-paris-1 ok: 9 forwarded, 4 duplicates dropped, 3 truncated, through 2026-01-01T11:58:00Z"),
        ({"filtered": {}, "position": None}, "eu-paris-1 ok: 9 forwarded, 4 duplicates dropped, 3 truncated"),
        (
            {"status": "partial", "filtered": {}, "position": behind(2)},
            "eu-paris-1 partial: 9 forwarded, 4 duplicates dropped, 3 truncated, through 2026-01-01T11:58:00Z,"
            " 2 of 5,000 compartments behind",
        ),
        ({"status": "failed", "error": REFUSED}, "eu-paris-1 failed: Nothing listens on siem:6514. Start the receiver."),
        ({"status": "skipped", "warnings": ["Run r0 holds the lease."]}, "eu-paris-1 skipped: Run r0 holds the lease."),
    ],
)
def test_the_headline_summarizes_the_report(changes, expected):
    assert headline(report(**changes)) == expected


def test_filtered_events_and_counts_are_logged():
    event = decode_event(b'{"eventType":"com.x.Get","eventId":"e1","eventTime":"2026-01-01T00:00:00Z","data":{}}')
    observer = LogObserver("r1")

    def act():
        observer.filtered("eu-paris-1", event, "excluded_event")
        observer.filtered("eu-paris-1", decode_event(b"[]"), "excluded_event")
        observer.counted("eu-paris-1", 200, 150, {"service": 20})

    lines = [{key: value for key, value in line.items() if key != "time"} for line in lines_of(act)]
    common = {"level": "INFO", "run": "r1", "region": "eu-paris-1"}
    filtered = {"event": "filtered", "message": "filtered: excluded_event", **common, "reason": "excluded_event"}
    named = {"event_type": "com.x.Get", "event_id": "e1", "event_time": "2026-01-01T00:00:00Z"}
    counts = {"fetched": 200, "confirmed": 150, "filtered": {"service": 20}}
    assert lines == [filtered | named, filtered, {"event": "counted", "message": "200 events fetched", **common, **counts}]
