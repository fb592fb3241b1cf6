"""A stand-in for OCI in a process of its own that costs next to nothing: answers made beforehand, no signature checked, no state but one.

It knows what a run asks: ListCompartments (the whole tree), ListEvents (every window holds the same, or its share), GetNamespace, one
object with its conditions, PostMetricData. Anything else is 404. Slow or throttling when told to be.
"""

import json
import socketserver
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks import pages
from benchmarks.helper import Voice
from epimetheus.model import parse_minute

Answer = tuple[int, dict[str, str], bytes | bytearray]
_LISTED = 1_000
_ROUTES = {
    ("GET", "compartments"): "ListCompartments",
    ("GET", "auditEvents"): "ListEvents",
    ("GET", "n"): "GetNamespace",
    ("POST", "metrics"): "PostMetricData",
    ("GET", "o"): "GetObject",
    ("PUT", "o"): "PutObject",
}


@dataclass(frozen=True)
class Told:
    """How it should be. ``page`` events a page, ``latency`` in seconds, ``rate`` of ListEvents a second (0: any); ``waits``: for a word.

    ``refused``: all events are in one compartment, which is refused until the word ``allow``.
    ``minutes``: the events lie evenly over so many, the last of them ``until`` (since the epoch); 0: every window holds them all.
    """

    templates: str
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
    """The OCID of a compartment."""
    return f"ocid1.compartment.oc1..{number:060d}"


@dataclass
class _Bucket:
    """Requests a second: of the tokens that drop into it, it holds those of one second."""

    rate: int
    tokens: float
    at: float
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        with self.lock:
            now = time.monotonic()
            self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
            self.at = now
            self.tokens -= (taken := self.tokens >= 1)
            return taken


class Api:
    """The answers, and who asked. ``throttled`` and ``served`` are the times (monotonic seconds) of ListEvents."""

    def __init__(self, told: Told, voice: Voice) -> None:
        self.told = told
        self.polled: Counter[str] = Counter()
        self.served: list[float] = []
        self.throttled: list[float] = []
        self.released = threading.Event()
        self._voice = voice
        self._lock = threading.Lock()
        self._bucket = _Bucket(told.rate, told.rate, time.monotonic())
        self._numbers = {told.tenancy: 0, **{compartment(number): number for number in range(1, told.compartments)}}
        self._templates = pages.read(Path(told.templates), told.page) if told.events else []
        self._listing = _listing(told)
        self._objects: dict[str, tuple[bytes, str]] = {}
        self.refused = told.refused
        self._writes = 0

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """What is sent."""
        url = urlsplit(target)
        operation = _ROUTES.get((method, _name(url.path)), "unknown")
        self._note(operation)
        time.sleep(self.told.latency)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        match operation:
            case "ListEvents":
                return self._events(query)
            case "ListCompartments":
                return self._compartments(query)
            case "GetNamespace":
                return 200, {}, b'"bench"'
            case "GetObject":
                return self._read(url.path)
            case "PutObject":
                return self._write(url.path, headers, body)
            case "PostMetricData":
                return 200, {}, b'{"failedMetricsCount":0,"failedMetrics":[]}'
        return 404, {}, b'{"code":"NotFound","message":"not known here"}'

    def state(self) -> dict[str, int]:
        """Bytes of the state."""
        return {"bytes": sum(len(data) for path, (data, _) in self._objects.items() if path.endswith(".state"))}

    def allow(self) -> None:
        """Refuse no compartment any more."""
        self.refused = False

    def _note(self, operation: str) -> None:
        with self._lock:
            first = not self.polled
            self.polled[operation] += 1
        if self.told.waits:
            if first:
                self._voice.say({"polled": operation})
            self.released.wait()

    def _events(self, query: dict[str, str]) -> Answer:
        if self.told.rate and not self._bucket.take():
            self.throttled.append(time.monotonic())
            return 429, {}, b'{"code":"TooManyRequests","message":"too many"}'
        self.served.append(time.monotonic())
        number = self._numbers[query["compartmentId"]]
        if self.told.refused:
            events = self.told.events if number == 1 else 0
            if self.refused and number == 1:
                return 404, {}, b'{"code":"NotAuthorizedOrNotFound","message":"refused"}'
        else:
            share, rest = divmod(self.told.events, self.told.compartments)
            events = share + (number < rest)
        first, last = self._within(events, query["startTime"], query["endTime"])
        first = int(query.get("page", first))
        if first >= last:
            return 200, {}, b"[]"
        page, at = divmod(first, self.told.page)
        end = min(last, (page + 1) * self.told.page)
        template = self._templates[(number + page) % len(self._templates)]
        return 200, {"opc-next-page": str(end)} if end < last else {}, template.page((number << 28) + first, at, end - first)

    def _within(self, events: int, start: str, end: str) -> tuple[int, int]:
        """Which of so many events a window has, from one up to but not another: each event lies in one minute only."""
        if not self.told.minutes:
            return 0, events
        earliest = self.told.until - self.told.minutes
        first, last = (-(-(parse_minute(at) - earliest) * events // self.told.minutes) for at in (start, end))
        return max(0, first), min(events, last)

    def _compartments(self, query: dict[str, str]) -> Answer:
        page = int(query.get("page", 0))
        onward = {"opc-next-page": str(page + 1)} if page + 1 < len(self._listing) else {}
        return 200, onward, self._listing[page]

    def _read(self, path: str) -> Answer:
        if path not in self._objects:
            return 404, {}, b'{"code":"ObjectNotFound","message":"there is none"}'
        data, etag = self._objects[path]
        return 200, {"etag": etag}, data

    def _write(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        with self._lock:
            there = self._objects[path][1] if path in self._objects else None
            if headers.get("if-match", there) != there or (there and headers.get("if-none-match") == "*"):
                return 412, {}, b'{"code":"IfMatchFailed","message":"it is another"}'
            self._writes += 1
            self._objects[path] = (body, f"e{self._writes}")
            return 200, {"etag": f"e{self._writes}"}, b""


def _name(path: str) -> str:
    parts = path.strip("/").split("/")
    return "o" if len(parts) > 4 and parts[4] == "o" else parts[-1]


def _listing(told: Told) -> list[bytes]:
    items: list[dict[str, object]] = [
        {
            "id": compartment(number),
            "compartmentId": told.tenancy if number < 10 else compartment(number // 10),
            "name": f"compartment-{number}",
            "description": "one of many",
            "timeCreated": "2020-01-01T00:00:00.000Z",
            "lifecycleState": "ACTIVE",
            "inactiveStatus": None,
            "freeformTags": {},
            "definedTags": {},
        }
        for number in range(1, told.compartments)
    ]
    return [json.dumps(items[at : at + _LISTED]).encode() for at in range(0, max(1, len(items)), _LISTED)]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, api: Api) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        try:
            while line := self.rfile.readline():
                self._one(line)
        except ConnectionError:
            return  # a client that hung up is none of ours to tell

    def _one(self, line: bytes) -> None:
        method, target, _ = line.decode("ascii").split()
        headers = {}
        while (header := self.rfile.readline().strip()):
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if "expect" in headers:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(headers.get("content-length", 0)))
        status, more, answer = self.server.api.answer(method, target, headers, body)
        told = {"Content-Type": "application/json", "Content-Length": str(len(answer)), "opc-request-id": "bench", **more}
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        self.wfile.write(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode())
        self.wfile.write(answer)


def main() -> None:
    """Serve as it is told."""
    voice = Voice()
    api = Api(Told(**json.loads(sys.argv[1])), voice)
    server = _Server(api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    voice.say({"port": server.server_address[1]})
    voice.answer({
        "polled": lambda: dict(api.polled),
        "state": api.state,
        "paced": lambda: {"served": api.served, "throttled": api.throttled},
        "release": api.released.set,
        "allow": api.allow,
    })


if __name__ == "__main__":
    main()
