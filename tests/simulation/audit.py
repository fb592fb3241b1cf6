"""A simulated ListEvents transport for `requests`: responses, errors, timeouts and invalid bodies."""

import io
from bisect import bisect_left
from collections import defaultdict
from email.utils import formatdate
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl

from oci._vendor import requests
from oci._vendor.requests.adapters import BaseAdapter
from urllib3.exceptions import ReadTimeoutError
from urllib3.response import HTTPResponse

from epimetheus.model import parse_minute
from tests.simulation.tenancy import Place, Tenancy

_minute = lru_cache(4096)(parse_minute)


class _Raw(HTTPResponse):
    """As the response of the real adapter."""

    def end_within(self, seconds: float) -> None:
        """See `RequestBudget.end_within`. No time passes while a body is read."""


class RequestedWindow(NamedTuple):
    """A window whose first page was served to the run that began at ``began``. Times are in seconds."""

    began: float
    start: int
    end: int


class Wire(BaseAdapter):
    """Audit of one region, over all runs. ``windows``: requested windows by compartment.

    ``page_size``: the most events of a page. ``memory``: seconds that a page token is valid; None: forever; 0: in its own run only.
    ``outcomes``: HTTP statuses of this run, by compartment. ``refused``: by compartment, the last 404 (while not all of Audit was refused)
    and how many seconds 404s have lasted; one interval counts an hour at most.
    """

    def __init__(self, tenancy: Tenancy) -> None:
        super().__init__()
        self.tenancy = tenancy
        self.page_size = 20
        self.memory: float | None = None
        self.began = 0.0
        self.tokens: dict[str, tuple[str, tuple[float, str], float, float]] = {}
        self.windows: defaultdict[str, list[RequestedWindow]] = defaultdict(list)
        self.outcomes: defaultdict[str, set[int]] = defaultdict(set)
        self.refused: dict[str, tuple[float, float]] = {}

    def run_begins(self) -> None:
        """A new run begins: reset what is counted by run."""
        self.began = self.tenancy.stage.now
        self.outcomes = defaultdict(set)
        for ocid, windows in self.windows.items():
            self.windows[ocid] = windows[-60:]

    def close(self) -> None:
        """Do nothing: no connection is open."""

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        stage, query = self.tenancy.stage, dict(parse_qsl(request.url.partition("?")[2]))
        ocid = query["compartmentId"]
        place = self.tenancy.places[ocid]
        stage.step(0.2)
        self._raise_fault(place, timeout)
        refusal = self._refused(request, place)
        answer = self._page(request, ocid, place, query) if refusal is None else refusal  # an error response is falsy in requests
        self.outcomes[ocid].add(answer.status_code)
        self._note_refusal(ocid, answer.status_code)
        answer.headers["date"] = formatdate(stage.now, usegmt=True)
        return answer

    def _note_refusal(self, ocid: str, status: int) -> None:
        now = self.tenancy.stage.now
        if status != 404:
            self.refused.pop(ocid, None)
        elif now >= self.tenancy.refused_until:
            last, seconds = self.refused.get(ocid, (now, 0.0))
            self.refused[ocid] = (now, seconds + min(now - last, 3600.0))

    def _refused(self, request, place: Place):
        stage = self.tenancy.stage
        if self.tenancy.is_refused(place):
            return _answer(request, 404, b'{"code":"NotAuthorizedOrNotFound","message":"no"}')
        if place.bad == "429" or stage.chance("Audit 429", 0.03):
            return _answer(request, 429, b'{"code":"TooManyRequests","message":"slow down"}')
        if place.bad == "500" or stage.chance("Audit 500", 0.03):
            return _answer(request, 500, b'{"code":"InternalServerError","message":"oh"}')
        if place.bad == "garbage" or stage.chance("Audit garbage", 0.01):
            return _answer(request, 200, b"<html>")
        return None

    def _raise_fault(self, place: Place, timeout: tuple[float, float]) -> None:
        stage = self.tenancy.stage
        if place.bad == "timeout" or stage.chance("Audit timeout", 0.01):
            stage.sleep(timeout[1])
            raise requests.ReadTimeout("no answer")
        if stage.chance("Audit reset", 0.01):
            raise requests.ConnectionError("reset")

    def _page(self, request, ocid: str, place: Place, query):
        """One page. A token is valid for its compartment and window only."""
        stage = self.tenancy.stage
        start, end = _minute(query["startTime"]) * 60, _minute(query["endTime"]) * 60
        scope = f"{ocid} {start} {end}"
        position = (float(start), "")
        if token := query.get("page"):
            if not self._serves(token, scope):
                return _answer(request, 400, b'{"code":"InvalidParameter","message":"The page token is not valid."}')
            position = self.tokens[token][1]
        else:
            self.windows[ocid].append(RequestedWindow(self.began, start, end))
        if stage.chance("empty page with a token", 0.03):
            return _answer(request, 200, b"[]", token=self._token(scope, position))
        at, size = bisect_left(place.events, position, key=_position), stage.dice.randrange(2, self.page_size)
        found = []
        for event in _from(place.events, at):
            if event.processed >= end or len(found) > size:
                break
            if event.listed <= stage.now:
                found.append(event)
        rows = found[:size]
        more = self._token(scope, (rows[-1].processed, rows[-1].name + "~")) if len(found) > size else None
        body = b"[" + b",".join([event.raw for event in [*rows, *rows[:1] * stage.chance("event listed twice", 0.05)]]) + b"]"
        if stage.chance("Audit body cut", 0.01):
            body = body[: len(body) // 2]
        return _answer(request, 200, body, token=more, stalls=stage.chance("Audit body stalls", 0.005))

    def _serves(self, token: str, scope: str) -> bool:
        of, _, made, began = self.tokens.get(token, ("", (0.0, ""), 0.0, 0.0))
        old = began != self.began and self.memory is not None and self.tenancy.stage.now - made >= self.memory
        if old:
            self.tenancy.stage.counted["page token refused in a later run"] += 1
        return of == scope and not old

    def _token(self, scope: str, position) -> str:
        token = f"t{len(self.tokens)}"
        self.tokens[token] = (scope, position, self.tenancy.stage.now, self.began)
        return token


def _position(event) -> tuple[float, str]:
    return event.processed, event.name


def _from(events, at: int):
    while at < len(events):
        yield events[at]
        at += 1


class _Stalls(io.BytesIO):
    def read1(self, size=-1):
        return super().read1(size) or self.read()

    def read(self, size=-1):
        data = super().read(size)
        if not data:
            raise ReadTimeoutError(None, "", "Read timed out.")
        return data


def _answer(request, status: int, body: bytes, token: str | None = None, stalls: bool = False) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    answer.request = request
    if token:
        answer.headers["opc-next-page"] = token
    answer.raw = _Raw(_Stalls(body) if stalls else io.BytesIO(body), status=status, preload_content=False, request_method="GET")
    return answer
