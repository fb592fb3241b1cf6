"""Answers requests in process: replaces the transport of `requests`, and of the copy of it in the OCI SDK."""

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

from epimetheus.testing.oci import backend, routes
from epimetheus.testing.oci.models import World
from epimetheus.testing.oci.wire import Request, Response

_TARGETS = {"requests.adapters.HTTPAdapter.send": requests, "oci._vendor.requests.adapters.HTTPAdapter.send": vendored}
_METHODS = ("GET", "PUT", "POST", "HEAD", "DELETE", "PATCH")
_ANY_URL = re.compile("https?://")

_Result = tuple[int, dict[str, str], Any]


@contextmanager
def mock_oci(world: World) -> Iterator[World]:
    """Answers all requests of `requests` and the SDK, to any host, from the world while the context is active."""
    with ExitStack() as stack:
        for target, library in _TARGETS.items():
            mock = stack.enter_context(responses.RequestsMock(assert_all_requests_are_fired=False, target=target))
            transport = _Transport(world, library)
            for method in _METHODS:
                transport.callbacks.append(mock.add_callback(method, _ANY_URL, callback=transport.respond, content_type=None))
            transport.mock = mock
        yield world


class _Transport:
    """Answers the requests of one library, and raises the exceptions of that library."""

    mock: responses.RequestsMock

    def __init__(self, world: World, library: ModuleType) -> None:
        self.callbacks: list[responses.BaseResponse] = []
        self._world = world
        self._errors = library.exceptions

    def respond(self, prepared: Any) -> _Result:
        """Callback of `responses`: returns status, headers and body, or raises an exception of the library."""
        self._clear_calls()
        response = backend.handle(self._world, _request(prepared, self._world.region))
        timeout = _read_timeout(prepared.req_kwargs.get("timeout"))
        self._wait(response, timeout)
        kind = response.fault.kind if response.fault else ""
        if kind == "timeout":
            self._raise_timeout(timeout)
        if kind in ("reset", "lost_response"):
            cause = ConnectionResetError(104, "Connection reset by peer")
            raise self._errors.ConnectionError(ProtocolError("Connection aborted.", cause))
        if kind in ("cut", "stalled"):
            return response.status, response.headers, _broken_body(response, stalled=kind == "stalled")
        return response.status, response.headers, b"" if prepared.method == "HEAD" else response.body

    def _wait(self, response: Response, timeout: float) -> None:
        if response.delay >= timeout:
            self._raise_timeout(timeout)
        if response.delay:
            (self._world.sleep or time.sleep)(response.delay)

    def _raise_timeout(self, timeout: float) -> Never:
        if self._world.sleep is not None and timeout != float("inf"):
            self._world.sleep(timeout)
        raise self._errors.ReadTimeout(f"Read timed out. (read timeout={timeout})")

    def _clear_calls(self) -> None:
        # `responses` stores every request and response, which would distort memory measurements.
        self.mock.calls.reset()
        for callback in self.callbacks:
            callback.calls.reset()


class _StalledBody(io.RawIOBase):
    """A body that returns its data and then times out."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._data.readinto(buffer)
        if not count:
            raise ReadTimeoutError(HTTPConnectionPool("stand-in"), "", "Read timed out.")
        return count


def _broken_body(response: Response, *, stalled: bool) -> bytes | io.BufferedReader:
    half = response.body[: len(response.body) // 2]
    return io.BufferedReader(_StalledBody(half)) if stalled else half


def _read_timeout(timeout: Any) -> float:
    read = timeout[1] if isinstance(timeout, tuple) else timeout
    return float("inf") if read is None else float(read)


def _request(prepared: Any, home: str) -> Request:
    parts = urlsplit(prepared.url)
    headers = {_text(name).lower(): _text(value) for name, value in prepared.headers.items()}
    headers.setdefault("host", parts.netloc)
    region = routes.region_of(headers["host"], home)
    return Request(prepared.method, prepared.path_url, headers, _body(prepared.body), region)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, bytes | bytearray) else b"".join(body)
