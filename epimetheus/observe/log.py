"""JSON lines on stderr, one object each, as OCI Logging indexes them (an application with ``line_format = "JSON"``).

{"time": RFC 3339, "level": "INFO", "event": "run" | "trouble" | "log", "message": for people, …}

OCI Logging takes no line of 1 MB: long objects and texts in it are cut (`bounded`).
"""

import json
import logging
import traceback
from collections.abc import Mapping, Sequence
from typing import TextIO

import msgspec

from epimetheus.model import Fetched, Problem, Replayed, Report, Window, minute_text, time_text
from epimetheus.observe.bounded import bounded
from epimetheus.safe_text import safe_event_text, to_visible_json

_LOG = "epimetheus"
_VERDICTS = {"healthy": logging.INFO, "degraded": logging.WARNING, "unhealthy": logging.ERROR}
_LEVELS = {"ok": logging.INFO, "skipped": logging.INFO, "partial": logging.WARNING, "failed": logging.ERROR}


class JsonLines(logging.Formatter):
    """A record as one JSON line. Characters that a terminal obeys, or that hide or reverse text, are escaped.

    Of an exception it shows type and places, never its message: that may quote what must not be logged.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its newline."""
        line: dict[str, object] = {
            "time": time_text(record.created),
            "level": record.levelname,
            "event": getattr(record, "event", "log"),
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info and record.exc_info[0]:
            line["exception"] = record.exc_info[0].__name__
            line["trace"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(record.exc_info[2])]
        text = json.dumps(bounded(line), ensure_ascii=False, separators=(",", ":"), default=str)
        return to_visible_json(text)


def log_to(stream: TextIO, level: str) -> None:
    """Let everything that is logged go to ``stream`` as JSON lines, in place of any other handler (fdk sets one for text).

    Libraries are heard from WARNING on, whatever ``level`` is: what they say below is theirs to debug, and may show headers. fdk is
    not heard at all: it would tell an error that we raise, and have told, once more.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("fn").setLevel(logging.CRITICAL)
    logging.getLogger(_LOG).setLevel(level.upper())


class LogObserver:
    """Writes down what a run is told of: a line for each thing that goes wrong, and each slice only for LOG_LEVEL=debug."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._log = logging.getLogger(_LOG)

    def problem(self, problem: Problem, region: str) -> None:
        """One line: what, and what to do."""
        fields = {"run": self._run_id, "region": region, "kind": problem.kind, "fault": problem.fault, "do": problem.do}
        self._log.warning("%s", problem.what, extra={"event": "trouble", "fields": fields})

    def filtered(self, region: str, fetched: Fetched, reason: str) -> None:
        """One line for an event: its type and id, and why."""
        event = fetched.event
        texts = {"event_type": event.event_type, "event_id": event.event_id, "event_time": event.event_time} if event else {}
        told = {key: text and safe_event_text(text) for key, text in texts.items()}
        fields = {"run": self._run_id, "region": region, "reason": reason, **told}
        self._log.info("left out: %s", reason, extra={"event": "filtered", "fields": fields})

    def counted(self, region: str, fetched: int, confirmed: int, filtered: dict[str, int]) -> None:
        """One line every so many events."""
        fields = {"run": self._run_id, "region": region, "fetched": fetched, "confirmed": confirmed, "filtered": filtered}
        self._log.info("%d events so far", fetched, extra={"event": "counted", "fields": fields})

    def progress(self, region: str, cursor: Window, done: int, works: int) -> None:
        """One line, for debugging."""
        fields = {"run": self._run_id, "region": region, "cursor": minute_text(cursor.start), "end": minute_text(cursor.end)}
        self._log.debug("%d of %d compartments", done, works, extra={"event": "progress", "fields": fields})


def log_report(report: Report) -> None:
    """The run's one line, with the whole report; of many compartments behind, those furthest behind, and how many more (`bounded`)."""
    fields = {"report": msgspec.to_builtins(report)}
    logging.getLogger(_LOG).log(_LEVELS[report.status], "%s", headline(report), extra={"event": "run", "fields": fields})


def log_replayed(replayed: Replayed) -> None:
    """One line for a replay."""
    what = f"{replayed.region} replay {replayed.status}: {replayed.forwarded} {'counted' if replayed.dry else 'sent again'}"
    fields = {"replay": msgspec.to_builtins(replayed)}
    logging.getLogger(_LOG).log(_LEVELS[replayed.status], "%s", what, extra={"event": "replay", "fields": fields})


def log_health(verdict: str, issues: Sequence[str], fields: Mapping[str, object]) -> None:
    """One line: the ``verdict`` (healthy, degraded, unhealthy) with its ``issues``, and the whole result in ``fields``."""
    what = f"{verdict}: {' '.join(issues)}" if issues else verdict
    logging.getLogger(_LOG).log(_VERDICTS[verdict], "%s", what, extra={"event": "health", "fields": {"health": fields}})


def log_failure(what: str, do: str, kind: str, run_id: str) -> None:
    """A run that failed before it had a report, or in a way nobody foresaw (then with the trace of the exception being handled)."""
    fields = {"run": run_id, "kind": kind, "do": do}
    logging.getLogger(_LOG).error("%s", what, extra={"event": "run", "fields": fields}, exc_info=kind == "unforeseen")


def headline(report: Report) -> str:
    """The report in one sentence."""
    if report.status == "failed" and report.error:
        return f"{report.region} failed: {report.error.what} {report.error.do}"
    if report.status == "skipped":
        return f"{report.region} skipped: {' '.join(report.warnings)}"
    parts = [f"{report.forwarded} forwarded", f"{report.duplicates} seen before"]
    parts += [f"{count} left out ({reason})" for reason, count in report.filtered.items()]
    if position := report.position:
        parts.append(f"through {position.through}")
        parts += [f"{len(position.behind)} of {position.polled} compartments behind"] * bool(position.behind)
    return f"{report.region} {report.status}: {', '.join(parts)}"
