"""Read audit events with ListEvents, one page at a time as raw bytes, over one pooled session with the SDK's signer.

The SDK's models are not used: they cost more per event than all other steps together, and drop fields they do not know. The session is
of the SDK's copy of requests: the package itself would be imported, and take memory, in addition.
https://docs.oracle.com/en-us/iaas/api/#/en/audit/20190901/AuditEvent/ListEvents
"""

import io
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn
from urllib.parse import urlsplit

import jwt
import msgspec
import oci
import tenacity
from oci._vendor import requests
from urllib3.exceptions import HTTPError, ReadTimeoutError

from epimetheus.clock import Clock, Deadline
from epimetheus.errors import CompartmentError, CompartmentMissing, CredentialsError, OutOfTime, PageTokenRejected
from epimetheus.model import Window, minute_text
from epimetheus.oci_client.clients import CONNECT_SECONDS, READ_SECONDS, Credentials, service_failure
from epimetheus.oci_client.http_limits import PAGE_BYTES, PAGE_SECONDS, PIECE_BYTES, LimitedAdapter, ResponseLimitExceeded
from epimetheus.oci_client.network_errors import is_network_error, network_failure
from epimetheus.oci_client.policies import Policies, with_policy
from epimetheus.oci_client.session_environment import read_environment_once
from epimetheus.source.decode import Events, decode_page
from epimetheus.source.page_room import PageReader, PageRoom
from epimetheus.source.page_tokens import PageTokens
from epimetheus.source.rate_limiter import RateLimiter, pause

_MAX_ATTEMPTS = 5
_CODE = re.compile(r"[\w.-]{1,64}", re.ASCII)
_HOST = "https://audit.{region}.{secondLevelDomain}"
_HELP = "Every run tries again. If this persists, contact Oracle support."
_LIMIT_HELP = "Every run tries again. Check for a proxy or an OCI_ENDPOINT that answers in place of OCI, and check the route to OCI."
_REGION_HELP = "Or the tenancy is not subscribed to this region: check REGIONS."
_RENEWAL_HELP = "Run it again. Inside OCI Functions, the platform provides new resource principal tokens."
Pages = Callable[[str, Window, str | None, Deadline], Iterator[tuple[Events, str | None]]]
"""``(compartment OCID, window, page token or None, deadline) → (events, next page token or None) of each page``.

Raises CompartmentError, CredentialsError, OutOfTime.
"""


class _Retryable(Exception):
    """An error that a retry may fix: 429, 5xx, a broken connection, a truncated body, an expired token.

    ``wait``: the response's Retry-After, in seconds. ``help``: what the operator does if it persists.
    """

    def __init__(self, reason: str, wait: float = 0.0, help: str = _HELP) -> None:
        super().__init__(reason)
        self.wait = wait
        self.help = help


class _Signer(requests.auth.AuthBase):  # type: ignore[misc]
    """The SDK's signer, used by one thread at a time: the SDK's renewal of a principal's token is not thread-safe."""

    def __init__(self, signer: Any) -> None:
        self._signer = signer
        self._lock = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        with self._lock:
            self._signer(request)
        return request

    def renew_after(self, rejected: requests.PreparedRequest) -> bool:
        """Renew the token if ``rejected`` (401) was signed with the current one; True if the token differs now. Raises CredentialsError.

        A function's token is valid for 15 minutes and a run takes up to an hour; the SDK reads the next token only on request. A user's
        API key does not expire.
        """
        with self._lock:
            if not hasattr(self._signer, "refresh_security_token"):
                return False
            if self._signed(rejected):
                self._refresh()
            return not self._signed(rejected)

    def _signed(self, request: requests.PreparedRequest) -> bool:
        return f'keyId="{self._signer.api_key}"' in request.headers["authorization"]

    def _refresh(self) -> None:
        try:
            self._signer.refresh_security_token()
        except (OSError, ValueError, KeyError, jwt.PyJWTError, oci.exceptions.ClientError, oci.exceptions.ServiceError) as error:
            cause = f": {network_failure(error).what}" if is_network_error(error) else ""
            raise CredentialsError(f"Renewing the principal's token failed{cause}.", do=_RENEWAL_HELP) from error


class AuditApi:
    """ListEvents in one region. Counts ``requests``, ``retries``, and ``throttled`` responses (429). ``room``: of its pages in memory.

    ``on_response`` receives each response; see `epimetheus.oci_client.clients.date_hook`. ``policies``: for errors.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        region: str,
        endpoint: str | None,
        concurrency: int,
        rate_limiter: RateLimiter,
        clock: Clock,
        on_response: Callable[[Any], None] = lambda response: None,
        policies: Policies | None = None,
    ) -> None:
        base = endpoint or oci.regions.endpoint_for("audit", service_endpoint_template=_HOST, region=region)
        self._url = f"{base.rstrip('/')}/20190901/auditEvents"
        self._host = urlsplit(base).netloc.rpartition("@")[2]
        self._session = _session(self._url)
        self._session.auth = self._signer = _Signer(credentials.signer)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, LimitedAdapter(PAGE_SECONDS, PAGE_BYTES, contexts=credentials.contexts, pool_maxsize=concurrency))
        self._session.hooks["response"].append(lambda response, **_: on_response(response))
        self.room = PageRoom()
        self._rate_limiter = rate_limiter
        self._clock = clock
        self._policy = (policies or Policies()).audit_events
        self._counts_lock = threading.Lock()
        self.requests = self.retries = self.throttled = 0

    def pages(
        self, compartment: str, window: Window, page: str | None, deadline: Deadline
    ) -> Iterator[tuple[Events, str | None]]:
        """Yield pages in order, starting at the token ``page``; see `Pages`.

        Ends only at a page that names no next page: an empty page may name one.
        """
        query = {"compartmentId": compartment, "startTime": minute_text(window.start), "endTime": minute_text(window.end)}
        query |= {"page": page} if page else {}
        tokens = PageTokens()
        while True:
            events, token = self._page(query, compartment, deadline)
            yield events, token
            del events  # frees the page before the next one is read
            if token is None:
                return
            if tokens.repeats(token):
                what = f"Listing the events of {compartment} failed: OCI keeps returning the same page token."
                raise CompartmentError(what, do=_HELP)
            query["page"] = token

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _page(self, query: dict[str, str], compartment: str, deadline: Deadline) -> tuple[Events, str | None]:
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Retryable),
            wait=_backoff,
            stop=lambda state: state.attempt_number >= _MAX_ATTEMPTS or state.upcoming_sleep >= deadline.left(),
            sleep=lambda seconds: pause(self._clock, seconds, deadline),
            before_sleep=lambda _: self._count("retries"),
            retry_error_callback=lambda state: _give_up(state, compartment),
        )
        page: tuple[Events, str | None] = retrying(self._request, query, compartment, deadline)
        return page

    def _request(self, query: dict[str, str], compartment: str, deadline: Deadline) -> tuple[Events, str | None]:
        with self.room.reader(deadline) as reader:
            events, token = self._request_page(query, compartment, deadline, reader)
            reader.complete(events)
            return events, token

    def _request_page(
        self, query: dict[str, str], compartment: str, deadline: Deadline, reader: PageReader
    ) -> tuple[Events, str | None]:
        self._rate_limiter.wait(deadline)
        timeout = timeouts(deadline)
        self._count("requests")
        try:
            with self._session.get(self._url, params=query, timeout=timeout, stream=True, allow_redirects=False) as response:
                body = _read(response, deadline, reader)
        except ResponseLimitExceeded as error:
            deadline.clip(PAGE_SECONDS)
            raise CompartmentError(f"Listing the events of {compartment} failed: {error}.", do=_LIMIT_HELP) from error
        except (OSError, HTTPError, oci.exceptions.ClientError, oci.exceptions.ServiceError) as error:  # the SDK's signer raises the latter
            if isinstance(error, requests.Timeout | ReadTimeoutError) and timeout != (CONNECT_SECONDS, READ_SECONDS):
                what = f"Listing the events of {compartment} failed: no response within the {sum(timeout):.0f} s left in this run."
                raise OutOfTime(what, do="The next run tries again.") from error
            failure = network_failure(error, self._host)
            raise _Retryable(failure.what, help=failure.do) from error
        if response.status_code != requests.codes.ok:
            self._raise_for(response, body, compartment, resumed="page" in query)
        self._rate_limiter.served()
        try:
            events = decode_page(body)
        except ValueError as error:
            raise _Retryable(f"invalid response: {error}") from error
        return events, response.headers.get("opc-next-page") or None

    def _raise_for(self, response: requests.Response, body: bytes, compartment: str, *, resumed: bool) -> NoReturn:
        """Raise the error for a response other than 200. ``resumed``: the request had a page token."""
        status = response.status_code
        code, message = _error_fields(body)
        if status == requests.codes.too_many_requests:
            self._count("throttled")
            self._rate_limiter.throttled()
        if status == requests.codes.too_many_requests or status >= 500:
            raise _Retryable(f"{status} {code or 'without an error code'}", _retry_after(response))
        if status == requests.codes.unauthorized and self._signer.renew_after(response.request):
            raise _Retryable("401 for an expired token")
        request_id = response.headers.get("opc-request-id")
        advice = with_policy(_HELP, self._policy, status, code)
        failure = service_failure(f"listing the events of {compartment}", status, code, message, request_id, advice)
        if isinstance(failure, CredentialsError):
            raise CredentialsError(failure.what, do=f"{failure.do} {_REGION_HELP}")
        kind = {requests.codes.not_found: CompartmentMissing}.get(status, CompartmentError)
        if resumed and status == requests.codes.bad_request:
            kind = PageTokenRejected
        raise kind(failure.what, do=failure.do)

    def _count(self, name: str) -> None:
        with self._counts_lock:
            setattr(self, name, getattr(self, name) + 1)


def _session(url: str) -> requests.Session:
    session = requests.Session()
    read_environment_once(session, url)
    return session


def timeouts(deadline: Deadline) -> tuple[float, float]:
    """Connect and read timeouts in seconds; together no longer than the time left. Raises OutOfTime."""
    left = deadline.clip(CONNECT_SECONDS + READ_SECONDS)
    connect = min(CONNECT_SECONDS, left / 2)
    return connect, min(READ_SECONDS, left - connect)


def _read(response: requests.Response, deadline: Deadline, reader: PageReader) -> bytes:
    """The whole body, at the latest at the deadline. Raises OutOfTime, or ResponseLimitExceeded."""
    raw: Any = response.raw
    raw.end_within(deadline.clip(PAGE_SECONDS))
    body = io.BytesIO()  # joining a list of parts would hold the body in memory twice
    while part := raw.read(PIECE_BYTES, decode_content=True):
        deadline.clip(PAGE_SECONDS)
        body.write(part)
        reader.add(len(part))
    return body.getvalue()


_jitter = tenacity.wait_random_exponential(multiplier=0.5, max=8)


def _backoff(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return max(_jitter(state), error.wait if isinstance(error, _Retryable) else 0.0)


def _give_up(state: tenacity.RetryCallState, compartment: str) -> NoReturn:
    error = state.outcome.exception() if state.outcome else None
    if state.attempt_number < _MAX_ATTEMPTS:
        what = f"Listing the events of {compartment} failed: no time is left to retry after {error}."
        raise OutOfTime(what, do="The next run tries again.") from error
    what = f"Listing the events of {compartment} failed after {_MAX_ATTEMPTS} attempts: {error}."
    raise CompartmentError(what, do=error.help if isinstance(error, _Retryable) else _HELP) from error


def _retry_after(response: requests.Response) -> float:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0


class _ErrorBody(msgspec.Struct):
    code: str | None = None
    message: str | None = None


def _error_fields(body: bytes) -> tuple[str, str]:
    """OCI's error code and message; empty if the body is not an OCI error."""
    try:
        error = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", ""
    code = error.code or ""
    return code if _CODE.fullmatch(code) else "", error.message or ""
