"""Bounds on every HTTP request to OCI: one deadline for the whole exchange, and a cap on what the answer may hold.

Socket timeouts bound one ``recv``: a server that sends a byte a second never meets them, and neither requests nor the SDK limits the size
of an answer. Here each read and each write checks the request's `Budget`, so that status line, headers, chunk sizes, trailers and body
share one deadline and one cap. Decoded bytes are counted as well: 1 MB of gzip can hold 1 GB. Redirects are not followed.
"""

import io
import time
from collections.abc import Callable, Iterator
from functools import partial
from threading import local
from typing import Any

import requests
import urllib3
from oci._vendor import requests as vendored

from epimetheus.errors import CredentialsError

PAGE_BYTES = 64 << 20
"""One page of audit events, decoded."""
ANSWER_BYTES = 16 << 20
"""Any other answer: Identity, Secrets, Monitoring."""
OBJECT_BYTES = 256 << 20
"""An object in Object Storage: the state, or a file that a setting refers to. Also a page of log lines, on the terminal."""
PAGE_SECONDS = 60.0
"""One page of audit events, from the first byte sent to the last byte received. One page of OCI has been seen to take 12 s."""

_LARGE = frozenset(("object_storage", "log_search"))  # the SDK's names of services
_SENT_AT_ONCE = 16 << 10  # one TLS record
_BUFFER = 64 << 10
_RENEWAL_HELP = "Check the endpoint, and the route to it. The next run tries again."


class AnswerLimit(Exception):
    """A request exceeded its `Budget`; the text says which bound.

    Not an OSError, so that urllib3, requests and the SDK neither wrap it nor send the request again.
    """


class Budget:
    """What one request may take: ``seconds`` from now on, and an answer of at most ``most`` bytes, on the wire and decoded."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds, self._most = seconds, most
        self._ends = time.monotonic() + seconds
        self._wire = self._decoded = 0

    def left(self) -> float:
        """Seconds until the deadline. Raises AnswerLimit after it."""
        if (left := self._ends - time.monotonic()) > 0:
            return left
        raise self.exceeded(f"the whole exchange took longer than {self._seconds:.1f} s")

    def wire(self, count: int) -> None:
        """Count received bytes, headers included. Raises AnswerLimit."""
        self._wire += count
        self.check(self._wire)

    def decoded(self, count: int) -> None:
        """Count bytes of the decoded body. Raises AnswerLimit."""
        self._decoded += count
        self.check(self._decoded)

    def check(self, count: int) -> None:
        """Raises AnswerLimit where an answer of ``count`` bytes is too long."""
        if count > self._most:
            raise self.exceeded(f"the answer is longer than {self._most} bytes")

    def exceeded(self, which: str) -> Exception:
        """The error for a limit that was exceeded."""
        return AnswerLimit(which)


class _TokenBudget(Budget):
    """What one request for a token may take. A limit is an error of the credentials, whatever the request was that needed the token."""

    def __init__(self, seconds: float, most: int, url: str) -> None:
        super().__init__(seconds, most)
        self._host = urllib3.util.parse_url(url).netloc

    def exceeded(self, which: str) -> Exception:
        """As of `Budget`."""
        return CredentialsError(f"The token to sign with was not renewed: asking {self._host} for it, {which}.", do=_RENEWAL_HELP)


class _Received(io.RawIOBase):
    """The bytes of one answer as they arrive, each read within the budget."""

    def __init__(self, sock: Any, raw: Any, budget: Budget) -> None:
        self._sock, self._raw, self._budget = sock, raw, budget
        self._timeout = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = _within(self._budget, self._sock, self._timeout, partial(self._raw.readinto, buffer)) or 0
        self._budget.wire(count)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _within(budget: Budget, sock: Any, timeout: float | None, step: Callable[[], Any]) -> Any:
    """Do one step on a socket within its own ``timeout`` and the budget. Raises AnswerLimit where it is the budget that ends it."""
    left = budget.left()
    sock.settimeout(left if timeout is None else min(timeout, left))
    try:
        return step()
    except TimeoutError:
        budget.left()
        raise


class _Connection:
    """A mixin for urllib3's connections: connecting, sending and receiving share the budget of the request in ``current``."""

    current: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        original: Any = self.response_class  # type: ignore[has-type]

        def response(sock: Any, *args: Any, **options: Any) -> Any:
            answer = original(sock, *args, **options)
            answer.fp = io.BufferedReader(_Received(sock, answer.fp.detach(), self.current.budget), _BUFFER)
            return answer

        self.response_class = response

    def connect(self) -> None:
        connection: Any = self
        left = self.current.budget.left()
        connection.timeout = left if connection.timeout is None else min(connection.timeout, left)
        super().connect()  # type: ignore[misc]
        self.current.budget.left()

    def send(self, data: Any) -> None:
        connection: Any = self
        if connection.sock is None:
            connection.connect()
        send: Callable[[Any], None] = super().send  # type: ignore[misc]
        whole = isinstance(data, bytes) and len(data) > _SENT_AT_ONCE
        for piece in (data[at : at + _SENT_AT_ONCE] for at in range(0, len(data), _SENT_AT_ONCE)) if whole else (data,):
            _within(self.current.budget, connection.sock, connection.timeout, partial(send, piece))


class _Body:
    """urllib3's response, with its decoded bytes counted."""

    def __init__(self, raw: Any, budget: Budget) -> None:
        self._raw, self._budget = raw, budget
        declared = raw.headers.get("content-length", "")
        self._counting(budget.check, int(declared) if declared.isascii() and declared.isdigit() else 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, *args: Any, **options: Any) -> Iterator[bytes]:
        """As urllib3's. Raises AnswerLimit, too."""
        for part in self._raw.stream(*args, **options):
            self._counting(self._budget.decoded, len(part))
            yield part

    def read1(self, *args: Any, **options: Any) -> bytes:
        """As urllib3's. Raises AnswerLimit, too."""
        part: bytes = self._raw.read1(*args, **options)
        self._counting(self._budget.decoded, len(part))
        return part

    def _counting(self, count: Callable[[int], None], size: int) -> None:
        try:
            count(size)
        except (AnswerLimit, CredentialsError):
            self._raw.close()
            raise


class _Limited:
    """A mixin for the HTTPAdapter of requests, and of the copy in the SDK: each request gets a `Budget`, and no redirect is followed."""

    def __init__(self, seconds: float, most: int, **options: Any) -> None:
        self._seconds, self._most = seconds, most
        self._current = local()
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """As requests'."""
        super().init_poolmanager(*args, **options)  # type: ignore[misc]
        adapter: Any = self
        adapter.poolmanager.pool_classes_by_scheme = _pools(self._current)

    def proxy_manager_for(self, *args: Any, **options: Any) -> Any:
        """As requests'."""
        manager: Any = super().proxy_manager_for(*args, **options)  # type: ignore[misc]
        manager.pool_classes_by_scheme = _pools(self._current)
        return manager

    def _budget(self, request: Any) -> Budget:
        return Budget(self._seconds, self._most)

    def send(self, request: Any, *args: Any, **options: Any) -> Any:
        """As requests'. Raises AnswerLimit, too, here and while the body is read."""
        budget = self._current.budget = self._budget(request)
        request.headers.pop("expect", None)  # the SDK's own connections wait for 100 Continue, without any deadline
        answer = super().send(request, *args, **options)  # type: ignore[misc]
        answer.raw = _Body(answer.raw, budget)
        answer.headers.pop("location", None)  # without it, 3xx is an answer like any other
        return answer


def _pools(current: Any) -> dict[str, Any]:
    """urllib3's pools by scheme, whose connections keep to the budget in ``current``."""
    return {
        "http": _pool(urllib3.HTTPConnectionPool, urllib3.connection.HTTPConnection, current),
        "https": _pool(urllib3.HTTPSConnectionPool, urllib3.connection.HTTPSConnection, current),
    }


def _pool(pool: Any, connection: Any, current: Any) -> Any:
    limited = type("LimitedConnection", (_Connection, connection), {"current": current})
    return type("LimitedPool", (pool,), {"ConnectionCls": limited})


class LimitedAdapter(_Limited, requests.adapters.HTTPAdapter):
    """For sessions of requests."""


class _SdkAdapter(_Limited, vendored.adapters.HTTPAdapter):  # type: ignore[misc]
    """For sessions of the SDK's own copy of requests."""


class _TokenAdapter(_SdkAdapter):
    """For those that a signer renews its token with. Raises CredentialsError in place of AnswerLimit."""

    def _budget(self, request: Any) -> Budget:
        return _TokenBudget(self._seconds, self._most, request.url)


def limit_client(client: Any, seconds: float) -> None:
    """Bound each request of one of the SDK's clients to ``seconds``, and its answers to what its service may send."""
    session = client.base_client.session
    most = OBJECT_BYTES if client.base_client.service in _LARGE else ANSWER_BYTES
    for scheme in ("https://", "http://"):  # a session that the SDK makes anew is a copy, with the same adapters
        session.mount(scheme, _SdkAdapter(seconds, most))


def limit_signer(signer: Any, seconds: float, retry_strategy: Any) -> None:
    """Bound each request with which one of the SDK's signers renews its token to ``seconds``, and use ``retry_strategy`` for them."""
    for part in _parts(signer):
        if isinstance(part, vendored.Session):
            for scheme in ("https://", "http://"):
                part.mount(scheme, _TokenAdapter(seconds, ANSWER_BYTES))
        elif getattr(part, "retry_strategy", None):
            part.retry_strategy = retry_strategy


def _parts(signer: Any) -> list[Any]:
    """The signer, and the objects of the SDK that it holds, and so on: sessions, clients, what reads certificates."""
    found: dict[int, Any] = {id(signer): signer}
    waiting = [signer]
    while waiting:
        part = waiting.pop()
        if isinstance(part, vendored.Session):
            continue
        for value in getattr(part, "__dict__", {}).values():
            for one in value if isinstance(value, list) else (value,):
                if type(one).__module__.startswith("oci.") and id(one) not in found:
                    found[id(one)] = one
                    waiting.append(one)
    return list(found.values())
