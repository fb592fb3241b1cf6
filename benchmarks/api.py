"""A minimal stand-in for OCI in its own process: prepared responses, no signature verification, almost no state.

Supports the calls of a run: ListCompartments (the whole tree), ListRegionSubscriptions (one region), ListEvents, GetNamespace,
conditional reads and writes of objects, ListObjects (in one page), PostMetricData. Other requests return 404. It can be slow or throttle.
"""

import json
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from benchmarks import pages
from benchmarks.helper import Responder
from benchmarks.https_server import HttpsServer, Response
from epimetheus.model import parse_minute

_COMPARTMENTS_PER_PAGE = 1_000
_REGIONS = b'[{"regionKey":"IAD","regionName":"us-ashburn-1","status":"READY","isHomeRegion":true}]'
_ROUTES = {
    ("GET", "compartments"): "ListCompartments",
    ("GET", "regionSubscriptions"): "ListRegionSubscriptions",
    ("GET", "auditEvents"): "ListEvents",
    ("GET", "n"): "GetNamespace",
    ("POST", "metrics"): "PostMetricData",
    ("GET", "objects"): "ListObjects",
    ("GET", "o"): "GetObject",
    ("PUT", "o"): "PutObject",
}


@dataclass(frozen=True)
class ApiOptions:
    """Behavior of the API.

    ``templates``: the file with the pages (`benchmarks.pages`). ``cert`` and ``key``: PEM files. ``page``: events per page.
    ``latency``: seconds per response. ``rate``: limit of ListEvents per second (0: none). ``waits``: requests wait for the command
    ``release``. ``refused``: all events are in one compartment, which returns 404 until the command ``allow``.
    ``minutes``: length of the period over which the events are spread evenly, up to the minute ``until`` since the epoch; 0: every window
    contains all events.
    """

    templates: str
    cert: str
    key: str
    page: int
    tenancy: str
    compartments: int
    events: int = 0
    latency: float = 0.0
    rate: int = 0
    waits: bool = False
    minutes: int = 0
    until: int = 0
    refused: bool = False


def compartment(number: int) -> str:
    """Returns the OCID of a compartment."""
    return f"ocid1.compartment.oc1..{number:060d}"


@dataclass
class _TokenBucket:
    """Limits requests per second, with a burst of one second."""

    rate: int
    tokens: float
    at: float
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        with self.lock:
            now = time.monotonic()
            self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
            self.at = now
            self.tokens -= (allowed := self.tokens >= 1)
            return allowed


class Api:
    """The responses, and counts of calls. ``served`` and ``throttled``: times of ListEvents calls in monotonic seconds."""

    def __init__(self, options: ApiOptions, responder: Responder) -> None:
        self.options = options
        self.calls: Counter[str] = Counter()
        self.served: list[float] = []
        self.throttled: list[float] = []
        self.released = threading.Event()
        self._responder = responder
        self._lock = threading.Lock()
        self._bucket = _TokenBucket(options.rate, options.rate, time.monotonic())
        self._numbers = {options.tenancy: 0, **{compartment(number): number for number in range(1, options.compartments)}}
        self._templates = pages.read(Path(options.templates)) if options.events else []
        self._listing = _listing(options)
        self._objects: dict[str, tuple[bytes, str]] = {}
        self.refused = options.refused
        self._writes = 0

    def respond(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        """Returns status, headers and body."""
        url = urlsplit(target)
        operation = _ROUTES.get((method, _name(url.path)), "unknown")
        self._count(operation)
        time.sleep(self.options.latency)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        match operation:
            case "ListEvents":
                return self._events(query)
            case "ListCompartments":
                return self._compartments(query)
            case "ListRegionSubscriptions":
                return 200, {}, _REGIONS
            case "GetNamespace":
                return 200, {}, b'"bench"'
            case "GetObject":
                return self._read(unquote(url.path))
            case "ListObjects":
                return self._list(unquote(url.path), query)
            case "PutObject":
                return self._write(unquote(url.path), headers, body)
            case "PostMetricData":
                return 200, {}, b'{"failedMetricsCount":0,"failedMetrics":[]}'
        return 404, {}, b'{"code":"NotFound","message":"not supported"}'

    def state(self) -> dict[str, int]:
        """Returns the size of the state."""
        return {"bytes": sum(len(data) for path, (data, _) in self._objects.items() if path.endswith(".state"))}

    def allow(self) -> None:
        """Stops refusing the compartment."""
        self.refused = False

    def _count(self, operation: str) -> None:
        with self._lock:
            first = not self.calls
            self.calls[operation] += 1
        if self.options.waits:
            if first:
                self._responder.send({"first_call": operation})
            self.released.wait()

    def _events(self, query: dict[str, str]) -> Response:
        if self.options.rate and not self._bucket.take():
            self.throttled.append(time.monotonic())
            return 429, {}, b'{"code":"TooManyRequests","message":"too many"}'
        self.served.append(time.monotonic())
        number = self._numbers[query["compartmentId"]]
        if self.options.refused:
            events = self.options.events if number == 1 else 0
            if self.refused and number == 1:
                return 404, {}, b'{"code":"NotAuthorizedOrNotFound","message":"refused"}'
        else:
            share, rest = divmod(self.options.events, self.options.compartments)
            events = share + (number < rest)
        first, last = self._within(events, query["startTime"], query["endTime"])
        first = int(query.get("page", first))
        if first >= last:
            return 200, {}, b"[]"
        page, at = divmod(first, self.options.page)
        end = min(last, (page + 1) * self.options.page)
        template = self._templates[(number + page) % len(self._templates)]
        day = number * 97 + page // len(self._templates)  # times do not repeat when the templates do
        return 200, {"opc-next-page": str(end)} if end < last else {}, template.page((number << 28) + first, at, end - first, day)

    def _within(self, events: int, start: str, end: str) -> tuple[int, int]:
        """Returns the range of events in a window. Each event is in one minute only."""
        if not self.options.minutes:
            return 0, events
        earliest = self.options.until - self.options.minutes
        first, last = (-(-(parse_minute(at) - earliest) * events // self.options.minutes) for at in (start, end))
        return max(0, first), min(events, last)

    def _compartments(self, query: dict[str, str]) -> Response:
        page = int(query.get("page", 0))
        headers = {"opc-next-page": str(page + 1)} if page + 1 < len(self._listing) else {}
        return 200, headers, self._listing[page]

    def _read(self, path: str) -> Response:
        if path not in self._objects:
            return 404, {}, b'{"code":"ObjectNotFound","message":"does not exist"}'
        data, etag = self._objects[path]
        return 200, {"etag": etag}, data

    def _list(self, path: str, query: dict[str, str]) -> Response:
        with self._lock:
            names = sorted(one.removeprefix(f"{path}/") for one in self._objects)
        start, end = query["start"], query["end"]
        found = [{"name": name} for name in names if name.startswith(query["prefix"]) and start <= name < end]
        return 200, {}, json.dumps({"objects": found, "prefixes": []}).encode()

    def _write(self, path: str, headers: dict[str, str], body: bytes) -> Response:
        with self._lock:
            current = self._objects[path][1] if path in self._objects else None
            if headers.get("if-match", current) != current or (current and headers.get("if-none-match") == "*"):
                return 412, {}, b'{"code":"IfMatchFailed","message":"the ETag differs"}'
            self._writes += 1
            self._objects[path] = (body, f"e{self._writes}")
            return 200, {"etag": f"e{self._writes}"}, b""


def _name(path: str) -> str:
    parts = path.strip("/").split("/")
    if len(parts) > 4 and parts[4] == "o":
        return "o" if len(parts) > 5 else "objects"
    return parts[-1]


def _listing(options: ApiOptions) -> list[bytes]:
    items: list[dict[str, object]] = [
        {
            "id": compartment(number),
            "compartmentId": options.tenancy if number < 10 else compartment(number // 10),
            "name": f"compartment-{number}",
            "description": "one of many",
            "timeCreated": "2020-01-01T00:00:00.000Z",
            "lifecycleState": "ACTIVE",
            "inactiveStatus": None,
            "freeformTags": {},
            "definedTags": {},
        }
        for number in range(1, options.compartments)
    ]
    starts = range(0, max(1, len(items)), _COMPARTMENTS_PER_PAGE)
    return [json.dumps(items[start : start + _COMPARTMENTS_PER_PAGE]).encode() for start in starts]


def main() -> None:
    """Serves with the options in the first argument, and answers commands on standard input."""
    responder = Responder()
    api = Api(ApiOptions(**json.loads(sys.argv[1])), responder)
    server = HttpsServer(api.respond, api.options.cert, api.options.key)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    responder.send({"port": server.server_address[1]})
    responder.run({
        "calls": lambda: dict(api.calls),
        "state": api.state,
        "call_times": lambda: {"served": api.served, "throttled": api.throttled},
        "release": api.released.set,
        "allow": api.allow,
    })


if __name__ == "__main__":
    main()
