"""The door inside the process: `requests`, and the copy of it that the OCI SDK carries, answer from a world."""

import io
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any, Never
from urllib.parse import urlsplit

import requests
import responses
from oci._vendor import requests as vendored
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from epimetheus.testing.oci import backend, urls
from epimetheus.testing.oci.models import World
from epimetheus.testing.oci.wire import Answer, Request

_TARGETS = {"requests.adapters.HTTPAdapter.send": requests, "oci._vendor.requests.adapters.HTTPAdapter.send": vendored}
_METHODS = ("GET", "PUT", "POST", "HEAD", "DELETE", "PATCH")
_EVERYWHERE = re.compile("https?://")

_Result = tuple[int, dict[str, str], Any]


@contextmanager
def mock_oci(world: World) -> Iterator[World]:
    """While it lasts, every request by `requests` or the SDK, to whatever host, is answered by the world."""
    with ExitStack() as stack:
        for target, library in _TARGETS.items():
            mock = stack.enter_context(responses.RequestsMock(assert_all_requests_are_fired=False, target=target))
            door = _Door(world, library)
            for method in _METHODS:
                door.opened.append(mock.add_callback(method, _EVERYWHERE, callback=door.answer, content_type=None))
            door.mock = mock
        yield world


class _Door:
    """Answers the requests of one library, and fails with that library's exceptions."""

    mock: responses.RequestsMock

    def __init__(self, world: World, library: ModuleType) -> None:
        self.opened: list[responses.BaseResponse] = []
        self._world = world
        self._errors = library.exceptions

    def answer(self, prepared: Any) -> _Result:
        """The callback of `responses`: status, headers and body, or an exception of the library."""
        self._forget_calls()
        answer = backend.handle(self._world, _request(prepared, self._world.region))
        timeout = _read_timeout(prepared.req_kwargs.get("timeout"))
        self._wait(answer, timeout)
        kind = answer.trouble.kind if answer.trouble else ""
        if kind == "timeout":
            self._time_out(timeout)
        if kind in ("reset", "lost_response"):
            cause = ConnectionResetError(104, "Connection reset by peer")
            raise self._errors.ConnectionError(ProtocolError("Connection aborted.", cause))
        if kind in ("cut", "stalled"):
            return answer.status, answer.headers, _broken_body(answer, stalls=kind == "stalled")
        return answer.status, answer.headers, b"" if prepared.method == "HEAD" else answer.body

    def _wait(self, answer: Answer, timeout: float) -> None:
        if answer.delay >= timeout:
            self._time_out(timeout)
        if answer.delay:
            (self._world.sleep or time.sleep)(answer.delay)

    def _time_out(self, timeout: float) -> Never:
        if self._world.sleep is not None and timeout != float("inf"):
            self._world.sleep(timeout)
        raise self._errors.ReadTimeout(f"Read timed out. (read timeout={timeout})")

    def _forget_calls(self) -> None:
        # `responses` would keep every request and answer, and a test of memory would measure that.
        self.mock.calls.reset()
        for opened in self.opened:
            opened.calls.reset()


class _Stalling(io.RawIOBase):
    """A body that gives what it has and then times out."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._data.readinto(buffer)
        if not count:
            raise ReadTimeoutError(HTTPConnectionPool("stand-in"), "", "Read timed out.")
        return count


def _broken_body(answer: Answer, *, stalls: bool) -> bytes | io.BufferedReader:
    half = answer.body[: len(answer.body) // 2]
    return io.BufferedReader(_Stalling(half)) if stalls else half


def _read_timeout(timeout: Any) -> float:
    read = timeout[1] if isinstance(timeout, tuple) else timeout
    return float("inf") if read is None else float(read)


def _request(prepared: Any, home: str) -> Request:
    parts = urlsplit(prepared.url)
    headers = {_text(name).lower(): _text(value) for name, value in prepared.headers.items()}
    headers.setdefault("host", parts.netloc)
    region = urls.region_of(headers["host"], home)
    return Request(prepared.method, prepared.path_url, headers, _body(prepared.body), region)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, bytes | bytearray) else b"".join(body)
