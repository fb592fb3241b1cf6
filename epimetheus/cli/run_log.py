"""The run lines read back from OCI Logging, as they were logged: by this version, an older or a newer one.

What is searched is a compartment, a log group in it, or one log (``search "COMPARTMENT/LOG_GROUP/LOG"``); that a compartment stands for
those below it, too, is said nowhere, so that without a log every compartment of the tree is named:
https://docs.oracle.com/en-us/iaas/Content/Logging/Reference/query_language_specification.htm ("Log Streams"). A line stands in
``logContent.data``: its fields, where the application has ``line_format = "JSON"``, else its text, in ``message``:
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
from epimetheus.oci_client.clients import ServiceFailure, oci_errors
from epimetheus.source.page_tokens import PageTokens

_DAY = 86_400
_WINDOW = 14 * _DAY  # no search may span more
_MOST_ROWS = 1000  # nor a page hold more: https://github.com/oracle/oci-cli/issues/443
_STREAMS = 20  # compartments in one query
_WHERE = """where data.event = 'run' or data.message = '*"event":"run"*' | sort by datetime desc"""
_REFUSED = (400, 403, 404)
_HELP = (
    "Check --log (COMPARTMENT_OCID/LOG_GROUP_OCID/LOG_OCID), --region (where the function is), and that a policy says:"
    " Allow group YOURS to read logging-family in compartment THAT_OF_THE_LOG."
)
_TOO_MUCH = 1e15  # of anything: sums of less stay finite
_YEARS = (946_684_800, 4_102_444_800)  # 2000 to 2100: what else a line calls its time can not be shown

Search = Callable[[Sequence[str], tuple[int, int], str | None], tuple[list[Any], str | None]]
"""``(scopes, (start, end) in seconds since the epoch, page token) → (results, next page token)``; raises as `oci_errors` does."""


@dataclass(frozen=True)
class LoggedRun:
    """One run over one region, or a call that failed before it had any (``region`` is empty), as far as its ``line`` tells.

    ``when``: its start, or else the time of its line, in seconds since the epoch. ``what`` happened and what to ``do`` stand with a failed
    one, ``what`` holds remarks with others. ``forwarded`` and ``filtered`` (by reason) count events, ``behind`` compartments; ``lag`` and
    ``seconds`` (its duration) are in seconds. None is what the line does not tell.
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
    lag: float | None
    behind: float | None
    seconds: float | None


class Found(NamedTuple):
    """Runs, oldest first, and what may be missing among them, each one sentence."""

    runs: list[LoggedRun]
    warnings: list[str]


def read_runs(search: Search, scopes: Sequence[str], start: int, end: int, deadline: Deadline) -> Found:
    """The runs logged in ``[start, end)``, seconds since the epoch, in any of the ``scopes`` (see `Search`).

    A scope that is refused is told, and the others go on. Raises ServiceFailure where all are refused, CredentialsError, SourceError.
    """
    reading = _Reading(search, deadline)
    runs: dict[object, LoggedRun] = {}
    for window in windows(start, end):
        for at in range(0, len(scopes), _STREAMS):
            for run in filter(None, map(understood, reading.results(scopes[at : at + _STREAMS], window))):
                # Windows touch, and Logging's own ids are not unique: https://github.com/oracle/skills/issues/89
                runs[run.run, run.region, run.when, _text(run.line.get("time"))] = run
    if reading.refused and len(reading.refused) == len(scopes):
        raise next(iter(reading.refused.values()))
    return Found(sorted(runs.values(), key=lambda run: run.when or 0), reading.told(len(scopes)))


def windows(start: int, end: int) -> Iterator[tuple[int, int]]:
    """``[start, end)`` in parts that a search may span, the last one first."""
    while start < end:
        yield max(start, end - _WINDOW), end
        end -= _WINDOW


def searcher(client: Any, region: str) -> Search:
    """Asks an ``oci.loggingsearch.LogSearchClient``."""

    def search(scopes: Sequence[str], window: tuple[int, int], page: str | None) -> tuple[list[Any], str | None]:
        start, end = (datetime.fromtimestamp(at, UTC) for at in window)
        query = "search " + ", ".join(f'"{scope}"' for scope in scopes) + " | " + _WHERE
        details = SearchLogsDetails(time_start=start, time_end=end, search_query=query, is_return_field_info=False)
        where = scopes[0] if len(scopes) == 1 else f"{len(scopes)} compartments"
        with oci_errors(f"searching the logs of {where} in {region}", do=_HELP):
            answer = client.search_logs(details, limit=_MOST_ROWS, allow_control_chars=True, **({"page": page} if page else {}))
        results = getattr(answer.data, "results", None) or ()
        return [getattr(result, "data", None) for result in results], answer.next_page

    return search


@dataclass
class _Reading:
    """What one reading has met: who was refused, and why not all was read."""

    search: Search
    deadline: Deadline
    refused: dict[str, EpimetheusError] = field(default_factory=dict)
    late: bool = False
    cut: bool = False

    def results(self, scopes: Sequence[str], window: tuple[int, int]) -> Iterator[Any]:
        """What is found there; where the scopes are refused together, each half of them alone."""
        scopes = [scope for scope in scopes if scope not in self.refused]
        try:
            yield from self._pages(scopes, window) if scopes else ()
        except ServiceFailure as error:
            if error.status not in _REFUSED:
                raise
            if len(scopes) == 1:
                self.refused[scopes[0]] = error
                return
            half = len(scopes) // 2
            yield from self.results(scopes[:half], window)
            yield from self.results(scopes[half:], window)

    def _pages(self, scopes: Sequence[str], window: tuple[int, int]) -> Iterator[Any]:
        page, tokens = None, PageTokens()
        while True:
            if self.deadline.left() <= 0:
                self.late = True
                return
            results, page = self.search(scopes, window, page)
            yield from results
            if not page or tokens.repeats(page):
                self.cut = self.cut or bool(page) or len(results) >= _MOST_ROWS
                return

    def told(self, scopes: int) -> list[str]:
        told = [
            f"{len(self.refused)} of {scopes} compartments do not show their logs ({next(iter(self.refused.values()), '')})",
            "The time was over before everything was read: the oldest runs are missing. Use --minutes, a shorter --since, or --log.",
            "OCI cut its answer short: older runs may be missing. Use a shorter --since, or --log.",
        ]
        return [line for line, true in zip(told, (self.refused, self.late, self.cut), strict=True) if true]


def understood(result: Any) -> LoggedRun | None:
    """The run that a result of the search tells of; None where it is another line."""
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
        filtered={str(reason): count for reason, told in _object(report.get("filtered")).items() if (count := _number(told)) is not None},
        lag=_number(position.get("lag_seconds")),
        behind=_behind(position),
        seconds=_number(report.get("seconds")),
    )


def _line(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Our line in what Logging keeps of it; other functions may speak of a run as well, but have neither report nor kind."""
    for line in (data, _object(data.get("message"))):
        if line.get("event") == "run" and ("report" in line or "kind" in line):
            return {**line, "report": _object(line["report"])} if "report" in line else line
    return None


def _remarks(report: Mapping[str, Any], position: Mapping[str, Any]) -> Iterator[str]:
    """The warnings, and who is behind: one of them, for the reason is mostly the same."""
    warnings = report.get("warnings")
    yield from map(_text, warnings if isinstance(warnings, list) else [])
    for ocid, behind in list(_object(position.get("behind")).items())[:1]:
        yield f"Behind: {ocid}, since {_text(_object(behind).get('since'))}: {_text(_object(behind).get('why'))}"


def _behind(position: Mapping[str, Any]) -> float | None:
    named = position.get("behind")
    return len(named) + (_number(position.get("behind_not_shown")) or 0) if isinstance(named, dict) else _number(named)


def _object(value: Any) -> Mapping[str, Any]:
    """An object, also one that came as its JSON text; empty where it is none."""
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
    return number if 0 <= number < _TOO_MUCH else None  # which NaN is not


def _time(value: Any) -> float | None:
    try:
        told = datetime.fromisoformat(value) if isinstance(value, str) else datetime.min
        moment = (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return moment if _YEARS[0] <= moment < _YEARS[1] else None
