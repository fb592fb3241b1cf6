"""Describes the network failure behind an error of requests, urllib3 or the SDK, which only quote it in the middle of a longer text."""

import ssl
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError, ProxyError, ReadTimeoutError

from epimetheus.safe_text import safe_message

NETWORK_HELP = "Check OCI_ENDPOINT, the proxy, and the route from the subnet to OCI (service gateway)."
_INTERCEPTED_HELP = "If a proxy intercepts TLS, set REQUESTS_CA_BUNDLE to a file with its CA certificate, or exempt OCI's hosts from it."


class NetworkFailure(NamedTuple):
    """``what`` failed, as the rest of a sentence, and what the operator can ``do``."""

    what: str
    do: str


def failed_connection(error: BaseException) -> str | None:
    """``connecting to HOST:PORT failed: Connection refused``; None if a connection existed."""
    causes = list(_causes(error))
    address = _pool_address(causes)
    if not (address and any(isinstance(cause, ConnectTimeoutError) for cause in causes)):
        return None
    last = causes[-1]
    if any(isinstance(cause, ProxyError) for cause in causes):
        address = f"{_proxy_address(causes) or 'the proxy'} (proxy)"
    if isinstance(last, TimeoutError | HTTPError):
        return f"connecting to {address} failed: timed out"
    return f"connecting to {address} failed: {getattr(last, 'strerror', None) or type(last).__name__}"


def is_network_error(error: BaseException) -> bool:
    """Whether an exchange over the network failed, rather than a file or a value."""
    return any(isinstance(cause, HTTPError | ConnectionError) or hasattr(cause, "request") for cause in _causes(error))


def network_failure(error: BaseException, host: str = "OCI") -> NetworkFailure:
    """What happened, by host and cause, without the text of a library. ``error`` is any error of an exchange without a valid response.

    ``host``: the name for a host that the error does not name.
    """
    if connection := failed_connection(error):
        return NetworkFailure(connection, NETWORK_HELP)
    causes = list(_causes(error))
    address = _pool_address(causes) or _request_address(causes) or host
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return NetworkFailure(f"the certificate of {address} is not trusted: {cause.verify_message.rstrip('.')}", _INTERCEPTED_HELP)
    return NetworkFailure(_cause(causes, address), NETWORK_HELP)


def _cause(causes: list[BaseException], address: str) -> str:
    kinds = " ".join(type(cause).__name__ for cause in causes)
    if "Timeout" in kinds:
        return f"{address} did not respond in time"
    if "SSLError" in kinds:
        return f"the TLS handshake with {address} failed"
    if "IncompleteRead" in kinds:
        return f"{address} sent an incomplete response"
    if any(isinstance(cause, ConnectionError | HTTPError) for cause in causes) or hasattr(causes[-1], "request"):
        return f"{address} closed the connection"
    if isinstance(causes[-1], OSError):
        return causes[-1].strerror or safe_message(str(causes[-1])).rstrip(". ") or f"the exchange with {address} failed"
    return f"the exchange with {address} failed"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, the first cause last."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _pool_address(causes: list[BaseException]) -> str:
    """The address of the pool of connections that the errors name."""
    pools: list[Any] = [cause.pool for cause in causes if isinstance(cause, MaxRetryError | ReadTimeoutError)]
    return next((_address(pool) for pool in pools if isinstance(pool, urllib3.HTTPConnectionPool)), "")


def _proxy_address(causes: list[BaseException]) -> str:
    proxies: list[Any] = [getattr(cause.pool, "proxy", None) for cause in causes if isinstance(cause, MaxRetryError)]
    return next((_address(proxy) for proxy in proxies if proxy), "")


def _address(place: Any) -> str:
    return f"{place.host}:{place.port}" if place.port else str(place.host)


def _request_address(causes: list[BaseException]) -> str:
    """The host of the request that the errors name."""
    urls = [urlsplit(str(getattr(request, "url", ""))) for cause in causes if (request := getattr(cause, "request", None))]
    return next((f"{url.hostname}:{url.port}" if url.port else str(url.hostname) for url in urls if url.hostname), "")
