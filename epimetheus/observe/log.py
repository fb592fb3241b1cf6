"""Writes log lines to stderr as JSON objects, which OCI Logging indexes (an application with ``line_format = "JSON"``).

{"time": RFC 3339, "level": "INFO", "event": "run" | "problem" | "log", "message": a sentence, …}

OCI Logging limits a line to 1 MB, so long objects and texts are truncated (`bounded`).
"""

import json
import logging
import traceback
from collections.abc import Mapping, Sequence
from typing import TextIO

import msgspec

from epimetheus.model import Fetched, RunProgress, count_text, minute_text, time_text
from epimetheus.observe.bounded import bounded
from epimetheus.reports import Problem, Pushed, Replayed, Report
from epimetheus.safe_text import safe_event_text, to_visible_json

_LOG = "epimetheus"
_VERDICTS = {"healthy": logging.INFO, "degraded": logging.WARNING, "unhealthy": logging.ERROR}
_LEVELS = {"ok": logging.INFO, "skipped": logging.INFO, "partial": logging.WARNING, "failed": logging.ERROR}


class JsonLines(logging.Formatter):
    """Formats a record as one JSON line. Control characters and characters that hide or reverse text are escaped.

    An exception is logged with its type and stack, but without its message, which may quote secrets.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line without its newline."""
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
    """Send all log records to ``stream`` as JSON lines. Replaces all other handlers, such as the text handler of fdk.

    Libraries log from WARNING up, whatever ``level`` is: their lower levels may include HTTP headers. Records of fdk are dropped, because
    it logs every error that the function raises again.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name, threshold in ((None, "WARNING"), ("fn", "CRITICAL"), (_LOG, level.upper())):
        logger = logging.getLogger(name)
        if logging.getLevelName(logger.level) != threshold:  # setting a level takes a millisecond: the SDK has hundreds of loggers
            logger.setLevel(threshold)


class LogObserver:
    """Logs problems during a run and, with LOG_LEVEL=debug, the progress of each slice."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._log = logging.getLogger(_LOG)

    def problem(self, problem: Problem, region: str) -> None:
        """Log a problem and its remedy."""
        fields = {"run": self._run_id, "region": region, "kind": problem.kind, "fault": problem.fault, "do": problem.do}
        self._log.warning("%s", problem.what, extra={"event": "problem", "fields": fields})

    def filtered(self, region: str, fetched: Fetched, reason: str) -> None:
        """Log type and ID of a filtered event, and the reason."""
        event = fetched.event
        texts = {"event_type": event.event_type, "event_id": event.event_id, "event_time": event.event_time} if event else {}
        identity = {key: text and safe_event_text(text) for key, text in texts.items()}
        fields = {"run": self._run_id, "region": region, "reason": reason, **identity}
        self._log.info("filtered: %s", reason, extra={"event": "filtered", "fields": fields})

    def counted(self, region: str, fetched: int, confirmed: int, filtered: dict[str, int]) -> None:
        """Log the counts so far."""
        fields = {"run": self._run_id, "region": region, "fetched": fetched, "confirmed": confirmed, "filtered": filtered}
        self._log.info("%s fetched", count_text(fetched, "event"), extra={"event": "counted", "fields": fields})

    def progress(self, region: str, progress: RunProgress) -> None:
        """Log at the debug level that another compartment of a slice was read."""
        if progress.ended:
            cursor, total = progress.cursor, count_text(progress.total, "compartment")
            fields = {"run": self._run_id, "region": region, "cursor": minute_text(cursor.start), "end": minute_text(cursor.end)}
            self._log.debug("%d of %s", progress.done, total, extra={"event": "progress", "fields": fields})


def log_report(report: Report) -> None:
    """Log the report of a run as one line. A long list of compartments behind is truncated (`bounded`)."""
    fields = {"report": msgspec.to_builtins(report)}
    logging.getLogger(_LOG).log(_LEVELS[report.status], "%s", headline(report), extra={"event": "run", "fields": fields})


def log_replayed(replayed: Replayed) -> None:
    """Log the result of a replay or a reconciliation as one line."""
    events = count_text(replayed.forwarded, "missing event" if replayed.missing_only else "event")
    done = "counted" if replayed.dry else "sent" if replayed.missing_only else "sent again"
    what = f"{replayed.region} {replayed.action} {replayed.status}: {events} {done}"
    fields = {"replay": msgspec.to_builtins(replayed)}
    logging.getLogger(_LOG).log(_LEVELS[replayed.status], "%s", what, extra={"event": "replay", "fields": fields})


def log_pushed(pushed: Pushed) -> None:
    """Log the result of a push as one line."""
    counts = f"{count_text(pushed.forwarded, 'event')} forwarded, {duplicates_dropped(pushed.duplicates)}"
    what = f"{pushed.region} push {pushed.status}: {f'{pushed.error.what} {pushed.error.do}' if pushed.error else counts}"
    fields = {"push": msgspec.to_builtins(pushed)}
    logging.getLogger(_LOG).log(_LEVELS[pushed.status], "%s", what, extra={"event": "push", "fields": fields})


def log_health(verdict: str, issues: Sequence[str], fields: Mapping[str, object]) -> None:
    """Log a health check as one line: ``verdict`` (healthy, degraded, unhealthy), ``issues``, and the whole result in ``fields``."""
    what = f"{verdict}: {' '.join(issues)}" if issues else verdict
    logging.getLogger(_LOG).log(_VERDICTS[verdict], "%s", what, extra={"event": "health", "fields": {"health": fields}})


def log_failure(what: str, do: str, kind: str, run_id: str) -> None:
    """Log a call that failed without a report. The kind ``internal`` adds the stack of the exception being handled."""
    fields = {"run": run_id, "kind": kind, "do": do}
    logging.getLogger(_LOG).error("%s", what, extra={"event": "run", "fields": fields}, exc_info=kind == "internal")


def duplicates_dropped(count: int) -> str:
    """``1,234 duplicates dropped``: events that were sent before. An event that arrives twice at the receiver is not counted here."""
    return f"{count_text(count, 'duplicate')} dropped"


def headline(report: Report) -> str:
    """A one-line summary of the report."""
    if report.status == "failed" and report.error:
        return f"{report.region} failed: {report.error.what} {report.error.do}"
    if report.status == "skipped":
        return f"{report.region} skipped: {' '.join(report.warnings)}"
    parts = [f"{report.forwarded:,} forwarded", duplicates_dropped(report.duplicates)]
    if report.filtered:
        counts = {"rate-limited" if reason == "rate_limited" else reason: count for reason, count in report.filtered.items()}
        parts.append(f"{sum(counts.values()):,} filtered ({', '.join(f'{count:,} {reason}' for reason, count in counts.items())})")
    if report.late:
        parts.append(f"{report.late:,} listed late")
    if report.truncated:
        parts.append(f"{report.truncated:,} truncated")
    if (problems := report.problems) and problems.waiting:
        parts.append(f"{count_text(problems.waiting, 'problem')} waiting")
    if position := report.position:
        parts.append(f"through {position.through}")
        parts += [f"{len(position.behind):,} of {count_text(position.polled, 'compartment')} behind"] * bool(position.behind)
    return f"{report.region} {report.status}: {', '.join(parts)}"
