"""Reads the log lines of runs from OCI Logging, including lines of older and newer versions.

A search covers a compartment, a log group, or a log (``search "COMPARTMENT/LOG_GROUP/LOG"``). The documentation does not say whether a
compartment includes its children, so a search of the tenancy names every compartment:
https://docs.oracle.com/en-us/iaas/Content/Logging/Reference/query_language_specification.htm ("Log Streams"). ``logContent.data`` has the
fields of a line if the application has ``line_format = "JSON"``, otherwise its text in ``message``:
https://docs.oracle.com/en-us/iaas/Content/Logging/Reference/details_for_functions.htm
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from oci.loggingsearch.models import SearchLogsDetails

from epimetheus.clock import Deadline
from epimetheus.errors import EpimetheusError
from epimetheus.model import count_text
from epimetheus.oci_client.clients import ServiceFailure, oci_errors
from epimetheus.source.page_tokens import PageTokens

_DAY = 86_400
_MAX_WINDOW = 14 * _DAY  # the limit of one search
_MAX_ROWS = 1000  # the limit of one page: https://github.com/oracle/oci-cli/issues/443
_MAX_SCOPES = 20  # compartments per query
_FILTER = """where data.event = 'run' or data.message = '*"event":"run"*' | sort by datetime desc"""
_DENIED = (400, 403, 404)
_HELP = (
    "Check --log (COMPARTMENT_OCID/LOG_GROUP_OCID/LOG_OCID), --region (the region of the function), and that a policy allows the search:"
    " Allow group YOUR_GROUP to read logging-family in compartment COMPARTMENT_OF_THE_LOG."
)
_NUMBER_LIMIT = 1e15  # sums of smaller numbers stay finite
_YEARS = (946_684_800, 4_102_444_800)  # 2000 to 2100; other times cannot be displayed

Search = Callable[[Sequence[str], tuple[int, int], str | None], tuple[list[Any], str | None]]
"""``(scopes, (start, end) in seconds since the epoch, page token) → (results, next page token)``. Raises as `oci_errors`."""


@dataclass(frozen=True)
class LoggedRun:
    """One run in one region, or a call that failed before it had one (``region`` is empty).

    ``when``: the start of the run, or the time of its ``line``, in seconds since the epoch. ``what`` is the error of a failed run, with the
    remedy in ``do``; for other runs ``what`` has remarks. ``forwarded`` and ``filtered`` (by reason) count events, ``behind`` counts
    compartments. ``late`` counts events that reconciliation found. ``lag``, ``reconcile_lag`` (the greatest of all passes) and ``seconds``
    (the duration) are in seconds. A value that is not in the line is None.
    """

    line: Mapping[str, Any]
    when: float | None
    run: str
    region: str
    status: str
    kind: str
    what: str
    do: str
    forwarded: float | None
    filtered: Mapping[str, float]
    late: float | None
    lag: float | None
    reconcile_lag: float | None
    behind: float | None
    seconds: float | None


class RunHistory(NamedTuple):
    """Runs, oldest first, and warnings about runs that may be missing, one sentence each."""

    runs: list[LoggedRun]
    warnings: list[str]


def read_runs(search: Search, scopes: Sequence[str], start: int, end: int, deadline: Deadline) -> RunHistory:
    """The runs logged in ``[start, end)``, seconds since the epoch, in any of the ``scopes`` (see `Search`).

    A scope without access causes a warning. Raises ServiceFailure if no scope is accessible; CredentialsError; SourceError.
    """
    reader = _Reader(search, deadline)
    runs: dict[object, LoggedRun] = {}
    for window in windows(start, end):
        for at in range(0, len(scopes), _MAX_SCOPES):
            for run in filter(None, map(parse_run, reader.results(scopes[at : at + _MAX_SCOPES], window))):
                # Adjacent windows share a boundary, and the IDs of Logging are not unique: https://github.com/oracle/skills/issues/89
                runs[run.run, run.region, run.when, _text(run.line.get("time"))] = run
    if reader.denied and len(reader.denied) == len(scopes):
        raise next(iter(reader.denied.values()))
    return RunHistory(sorted(runs.values(), key=lambda run: run.when or 0), reader.warnings(len(scopes)))


def windows(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Split ``[start, end)`` into windows that one search may cover, latest first."""
    while start < end:
        yield max(start, end - _MAX_WINDOW), end
        end -= _MAX_WINDOW


def log_search(client: Any, region: str) -> Search:
    """A `Search` that uses an ``oci.loggingsearch.LogSearchClient``."""

    def search(scopes: Sequence[str], window: tuple[int, int], page: str | None) -> tuple[list[Any], str | None]:
        start, end = (datetime.fromtimestamp(at, UTC) for at in window)
        query = "search " + ", ".join(f'"{scope}"' for scope in scopes) + " | " + _FILTER
        details = SearchLogsDetails(time_start=start, time_end=end, search_query=query, is_return_field_info=False)
        where = scopes[0] if len(scopes) == 1 else f"{len(scopes)} compartments"
        with oci_errors(f"searching the logs of {where} in {region}", do=_HELP):
            response = client.search_logs(details, limit=_MAX_ROWS, allow_control_chars=True, **({"page": page} if page else {}))
        results = getattr(response.data, "results", None) or ()
        return [getattr(result, "data", None) for result in results], response.next_page

    return search


@dataclass
class _Reader:
    """Searches windows and records why results may be missing: ``denied`` scopes, the time limit, or a truncated response."""

    search: Search
    deadline: Deadline
    denied: dict[str, EpimetheusError] = field(default_factory=dict)
    timed_out: bool = False
    truncated: bool = False

    def results(self, scopes: Sequence[str], window: tuple[int, int]) -> Iterator[Any]:
        """The results in ``window``. If the scopes are denied together, each half is searched on its own."""
        scopes = [scope for scope in scopes if scope not in self.denied]
        try:
            yield from self._pages(scopes, window) if scopes else ()
        except ServiceFailure as error:
            if error.status not in _DENIED:
                raise
            if len(scopes) == 1:
                self.denied[scopes[0]] = error
                return
            half = len(scopes) // 2
            yield from self.results(scopes[:half], window)
            yield from self.results(scopes[half:], window)

    def _pages(self, scopes: Sequence[str], window: tuple[int, int]) -> Iterator[Any]:
        page, tokens = None, PageTokens()
        while True:
            if self.deadline.left() <= 0:
                self.timed_out = True
                return
            results, page = self.search(scopes, window, page)
            yield from results
            if not page or tokens.repeats(page):
                self.truncated = self.truncated or bool(page) or len(results) >= _MAX_ROWS
                return

    def warnings(self, scopes: int) -> list[str]:
        """The reasons why runs may be missing."""
        first_denial = next(iter(self.denied.values()), "")
        texts = [
            f"Log search is denied in {len(self.denied)} of {count_text(scopes, 'compartment')} ({first_denial})",
            "The time limit was reached, so the oldest runs are missing. Raise --timeout, shorten --since, or set --log.",
            "OCI truncated its response, so older runs may be missing. Shorten --since, or set --log.",
        ]
        return [text for text, applies in zip(texts, (self.denied, self.timed_out, self.truncated), strict=True) if applies]


def parse_run(result: Any) -> LoggedRun | None:
    """The run in a search result; None if the result is another line."""
    content = _object(_object(result).get("logContent"))
    line = _line(_object(content.get("data")))
    if line is None:
        return None
    report = _object(line.get("report"))
    position, error = _object(report.get("position")), _object(report.get("error"))
    failed = not report
    return LoggedRun(
        line=line,
        when=next(filter(None, map(_time, (report.get("started"), line.get("time"), content.get("time")))), None),
        run=_text(report.get("run") or line.get("run")),
        region=_text(report.get("region")),
        status="failed" if failed else _text(report.get("status")) or "unknown",
        kind=_text(error.get("kind") or line.get("kind")),
        what=_text(error.get("what")) or (_text(line.get("message")) if failed else " ".join(_remarks(report, position))),
        do=_text(error.get("do") or line.get("do")),
        forwarded=_number(report.get("forwarded")),
        filtered={str(reason): count for reason, value in _object(report.get("filtered")).items() if (count := _number(value)) is not None},
        late=_number(report.get("late")),
        lag=_number(position.get("lag_seconds")),
        reconcile_lag=_reconcile_lag(report),
        behind=_behind(position),
        seconds=_number(report.get("seconds")),
    )


def _line(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The line of a run in a log record. Lines of other functions may also have the event ``run``, but neither report nor kind."""
    for line in (data, _object(data.get("message"))):
        if line.get("event") == "run" and ("report" in line or "kind" in line):
            return {**line, "report": _object(line["report"])} if "report" in line else line
    return None


def _remarks(report: Mapping[str, Any], position: Mapping[str, Any]) -> Iterator[str]:
    """The warnings, and one compartment that is behind (the reason is usually the same for all)."""
    warnings = report.get("warnings")
    yield from map(_text, warnings if isinstance(warnings, list) else [])
    for ocid, behind in list(_object(position.get("behind")).items())[:1]:
        yield f"Behind: {ocid}, since {_text(_object(behind).get('since'))}: {_text(_object(behind).get('reason'))}"


def _reconcile_lag(report: Mapping[str, Any]) -> float | None:
    lags = (_number(_object(one).get("lag_seconds")) for one in _object(report.get("reconciliation")).values())
    return max((lag for lag in lags if lag is not None), default=None)


def _behind(position: Mapping[str, Any]) -> float | None:
    named = position.get("behind")
    return len(named) + (_number(position.get("behind_not_shown")) or 0) if isinstance(named, dict) else _number(named)


def _object(value: Any) -> Mapping[str, Any]:
    """``value`` as an object, also from JSON text; empty if it is something else."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < _NUMBER_LIMIT else None  # None for NaN, too


def _time(value: Any) -> float | None:
    try:
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else datetime.min
        moment = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return moment if _YEARS[0] <= moment < _YEARS[1] else None
