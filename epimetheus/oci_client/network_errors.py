"""Finds the failed connection behind an error of requests or the SDK, which only quotes it in the middle of a longer text."""

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, MaxRetryError

NETWORK_HELP = "Check OCI_ENDPOINT, the proxy, and the route from the subnet to OCI (service gateway)."


def failed_connection(error: BaseException) -> str | None:
    """``connecting to HOST:PORT failed: Connection refused``; None if a connection existed."""
    address, is_connect = "", False
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MaxRetryError) and isinstance(cause.pool, urllib3.HTTPConnectionPool):
            address = f"{cause.pool.host}:{cause.pool.port}"
        is_connect = is_connect or isinstance(cause, ConnectTimeoutError)
        last, cause = cause, cause.__cause__ or cause.__context__
    if not (address and is_connect):
        return None
    if isinstance(last, TimeoutError | HTTPError):
        return f"connecting to {address} failed: timed out"
    return f"connecting to {address} failed: {getattr(last, 'strerror', None) or type(last).__name__}"
