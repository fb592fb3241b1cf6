"""Limit every HTTP request to OCI: one deadline for the whole request, and a maximum size of the response.

A socket timeout limits a single ``recv``: a server that sends one byte a second never exceeds it, and neither requests nor the SDK limits
the size of a response. Here, each read and each write checks the request's `RequestBudget`, so that the status line, headers, chunk sizes,
trailers and body share one deadline and one size limit. Decoded bytes count too: 1 MB of gzip can expand to 1 GB. Redirects are not
followed.
"""

import io
import time
from collections.abc import Callable, Iterator
from functools import partial
from threading import local
from typing import Any

import urllib3
from oci._vendor import requests

from epimetheus.errors import CredentialsError
from epimetheus.oci_client.tls_contexts import TlsContexts

PAGE_BYTES = 64 << 20
"""Maximum size of a page of audit events, decoded."""
RESPONSE_BYTES = 16 << 20
"""Maximum size of any other response: Identity, Secrets, Monitoring."""
OBJECT_BYTES = 256 << 20
"""Maximum size of an object in Object Storage (the state, or a file that a setting refers to), and of a page of Logging search results."""
PAGE_SECONDS = 60.0
"""Deadline for one page of audit events, from the first byte sent to the last byte received. OCI was observed to take 12 s for a page."""

_LARGE = frozenset(("object_storage", "log_search"))  # the SDK's service names
_WRITE_BYTES = 16 << 10  # one TLS record
_READ_BUFFER_BYTES = 64 << 10
PIECE_BYTES = 64 << 10
"""Bytes of a body that are read at once: each worker has a few pieces in memory."""
_RENEWAL_HELP = "Check the endpoint and the route to it. The next run tries again."


class ResponseLimitExceeded(Exception):
    """A request exceeded its `RequestBudget`; the message names the limit.

    This is not an OSError, so that urllib3, requests and the SDK neither wrap it nor retry the request.
    """


class RequestBudget:
    """The limits of one request: ``seconds`` from now, and a response of at most ``max_bytes``, both on the wire and decoded."""

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._seconds, self._max_bytes = seconds, max_bytes
        self._ends = time.monotonic() + seconds
        self._wire = self._decoded = 0

    def end_within(self, seconds: float) -> None:
        """End in ``seconds`` at the latest: the time that the run has left."""
        self._ends = min(self._ends, time.monotonic() + seconds)

    def left(self) -> float:
        """Seconds until the deadline. Raises ResponseLimitExceeded once it has passed."""
        if (left := self._ends - time.monotonic()) > 0:
            return left
        raise self.exceeded(f"the request took longer than {self._seconds:.1f} s")

    def wire(self, count: int) -> None:
        """Count received bytes, including headers. Raises ResponseLimitExceeded."""
        self._wire += count
        self.check(self._wire)

    def decoded(self, count: int) -> None:
        """Count bytes of the decoded body. Raises ResponseLimitExceeded."""
        self._decoded += count
        self.check(self._decoded)

    def check(self, count: int) -> None:
        """Raises ResponseLimitExceeded if a response of ``count`` bytes is too long."""
        if count > self._max_bytes:
            raise self.exceeded(f"the response is longer than {self._max_bytes} bytes")

    def exceeded(self, limit: str) -> Exception:
        """The error for an exceeded ``limit``."""
        return ResponseLimitExceeded(limit)


class _TokenBudget(RequestBudget):
    """The limits of one request for a token; exceeding them is a CredentialsError, whichever request needs the token."""

    def __init__(self, seconds: float, max_bytes: int, url: str) -> None:
        super().__init__(seconds, max_bytes)
        self._host = urllib3.util.parse_url(url).netloc

    def exceeded(self, limit: str) -> Exception:
        """See `RequestBudget.exceeded`."""
        return CredentialsError(f"Renewing the principal's token from {self._host} failed: {limit}.", do=_RENEWAL_HELP)


class _Received(io.RawIOBase):
    """The bytes of one response as they arrive; each read is within the budget."""

    def __init__(self, sock: Any, raw: Any, budget: RequestBudget) -> None:
        self._sock, self._raw, self._budget = sock, raw, budget
        self._timeout = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """At most one TLS record is read, so this is called about every 8 kB: the timeout is only set when it changes, a system call."""
        left = self._budget.left()
        if self._timeout is None or left < self._timeout:
            self._timeout = left
            self._sock.settimeout(left)
        try:
            count: int = self._sock.recv_into(buffer)
        except TimeoutError:
            self._budget.left()
            raise
        self._budget.wire(count)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _within(budget: RequestBudget, sock: Any, timeout: float | None, operation: Callable[[], Any]) -> Any:
    """Run one socket operation within its own ``timeout`` and the budget. Raises ResponseLimitExceeded if the budget ends first."""
    left = budget.left()
    sock.settimeout(left if timeout is None else min(timeout, left))
    try:
        return operation()
    except TimeoutError:
        budget.left()
        raise


class _Connection:
    """A mixin for urllib3's connections: connect, send and receive share the budget of the request in ``current``."""

    current: Any
    contexts: TlsContexts

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        original: Any = self.response_class  # type: ignore[has-type]

        def response(sock: Any, *args: Any, **options: Any) -> Any:
            received = original(sock, *args, **options)
            received.fp = io.BufferedReader(_Received(sock, received.fp.detach(), self.current.budget), _READ_BUFFER_BYTES)
            return received

        self.response_class = response

    def connect(self) -> None:
        connection: Any = self
        left = self.current.budget.left()
        connection.timeout = left if connection.timeout is None else min(connection.timeout, left)
        self.contexts.share(connection)
        super().connect()  # type: ignore[misc]
        self.current.budget.left()

    def send(self, data: Any) -> None:
        connection: Any = self
        if connection.sock is None:
            connection.connect()
        send: Callable[[Any], None] = super().send  # type: ignore[misc]
        split = isinstance(data, bytes) and len(data) > _WRITE_BYTES
        for part in (data[at : at + _WRITE_BYTES] for at in range(0, len(data), _WRITE_BYTES)) if split else (data,):
            _within(self.current.budget, connection.sock, connection.timeout, partial(send, part))


class _Body:
    """A wrapper of urllib3's response that counts decoded bytes, and reads in pieces of PIECE_BYTES whatever size the caller asks for.

    A piece can take many reads of the socket. Each of them is within the budget, so a piece needs no deadline of its own, even if the
    server sends its first bytes fast and the others slowly. Reading what has arrived instead would cost a round through urllib3 per chunk.
    """

    def __init__(self, raw: Any, budget: RequestBudget) -> None:
        self._raw, self._budget = raw, budget
        declared = raw.headers.get("content-length", "")
        self._count(budget.check, int(declared) if declared.isascii() and declared.isdigit() else 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def end_within(self, seconds: float) -> None:
        """See `RequestBudget.end_within`."""
        self._budget.end_within(seconds)

    def stream(self, _: int = 0, decode_content: bool | None = None) -> Iterator[bytes]:
        """See urllib3. Raises ResponseLimitExceeded, too."""
        while part := self.read(PIECE_BYTES, decode_content):
            yield part

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """See urllib3. Raises ResponseLimitExceeded, too."""
        part: bytes = self._raw.read(amt, decode_content)
        self._count(self._budget.decoded, len(part))
        return part

    def _count(self, count: Callable[[int], None], size: int) -> None:
        try:
            count(size)
        except (ResponseLimitExceeded, CredentialsError):
            self._raw.close()
            raise


class LimitedAdapter(requests.adapters.HTTPAdapter):  # type: ignore[misc]
    """An adapter for sessions of the SDK's copy of requests: each request gets a `RequestBudget`, and no redirect is followed.

    Adapters that are given the same ``contexts`` read CA certificates once.
    """

    def __init__(self, seconds: float, max_bytes: int, *, contexts: TlsContexts | None = None, **options: Any) -> None:
        self._seconds, self._max_bytes, self._contexts = seconds, max_bytes, contexts or TlsContexts()
        self._current = local()
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """See requests."""
        super().init_poolmanager(*args, **options)
        adapter: Any = self
        adapter.poolmanager.pool_classes_by_scheme = _pools(self._current, self._contexts)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """See requests."""
        manager: Any = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = _pools(self._current, self._contexts)
        return manager

    def _budget(self, request: Any) -> RequestBudget:
        return RequestBudget(self._seconds, self._max_bytes)

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        """See requests. Raises ResponseLimitExceeded, too, here and while the body is read."""
        budget = self._current.budget = self._budget(request)
        request.headers.pop("expect", None)  # the SDK's connections wait for 100 Continue without a deadline
        response = super().send(request, *args, **options)
        response.raw = _Body(response.raw, budget)
        response.headers.pop("location", None)  # without it, a 3xx is handled like any other response
        return response


def _pools(current: Any, contexts: TlsContexts) -> dict[str, Any]:
    """urllib3's pool classes by scheme; their connections use the budget in ``current``, and share ``contexts``."""
    kinds = {
        "http": (urllib3.HTTPConnectionPool, urllib3.connection.HTTPConnection),
        "https": (urllib3.HTTPSConnectionPool, urllib3.connection.HTTPSConnection),
    }
    return {scheme: _pool(pool, connection, {"current": current, "contexts": contexts}) for scheme, (pool, connection) in kinds.items()}


def _pool(pool: Any, connection: Any, attributes: dict[str, Any]) -> Any:
    limited = type("LimitedConnection", (_Connection, connection), attributes)
    return type("LimitedPool", (pool,), {"ConnectionCls": limited})


class _TokenAdapter(LimitedAdapter):
    """An adapter for a signer's token renewals; it raises CredentialsError instead of ResponseLimitExceeded."""

    def _budget(self, request: Any) -> RequestBudget:
        return _TokenBudget(self._seconds, self._max_bytes, request.url)


def limit_client(client: Any, seconds: float, max_bytes: int | None = None, contexts: TlsContexts | None = None) -> None:
    """Limit each request of an SDK client to ``seconds``, and its responses to ``max_bytes``, by default the maximum for its service."""
    session = client.base_client.session
    max_bytes = max_bytes or (OBJECT_BYTES if client.base_client.service in _LARGE else RESPONSE_BYTES)
    adapter = LimitedAdapter(seconds, max_bytes, contexts=contexts)
    for scheme in ("https://", "http://"):  # a session that the SDK replaces is copied with its adapters
        session.mount(scheme, adapter)


def limit_signer(signer: Any, seconds: float, retry_strategy: Any) -> None:
    """Limit each token renewal request of an SDK signer to ``seconds``, and use ``retry_strategy`` for these requests."""
    for part in _parts(signer):
        if isinstance(part, requests.Session):
            for scheme in ("https://", "http://"):
                part.mount(scheme, _TokenAdapter(seconds, RESPONSE_BYTES))
        elif getattr(part, "retry_strategy", None):
            part.retry_strategy = retry_strategy


def _parts(signer: Any) -> list[Any]:
    """The signer and the SDK objects that it refers to, directly or indirectly: sessions, clients, certificate retrievers."""
    found: dict[int, Any] = {id(signer): signer}
    pending = [signer]
    while pending:
        part = pending.pop()
        if isinstance(part, requests.Session):
            continue
        for value in getattr(part, "__dict__", {}).values():
            for item in value if isinstance(value, list) else (value,):
                if type(item).__module__.startswith("oci.") and id(item) not in found:
                    found[id(item)] = item
                    pending.append(item)
    return list(found.values())
