"""Audit's ListEvents, page by page from raw bytes, over one pooled session with the SDK's signer.

The SDK's own models would cost more per event than everything else together, and drop the fields they do not know.
https://docs.oracle.com/en-us/iaas/api/#/en/audit/20190901/AuditEvent/ListEvents
"""

import io
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import jwt
import msgspec
import oci
import requests
import tenacity
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, ReadTimeoutError

from epimetheus.clock import Clock, Deadline
from epimetheus.errors import CompartmentError, CompartmentMissing, CredentialsError, OutOfTime, PageTokenRejected
from epimetheus.model import Window, minute_text
from epimetheus.oci_client.clients import CONNECT_SECONDS, READ_SECONDS, Credentials, service_failure
from epimetheus.oci_client.http_limits import PAGE_BYTES, PAGE_SECONDS, AnswerLimit, LimitedAdapter
from epimetheus.source.decode import Events, decode_page
from epimetheus.source.page_tokens import PageTokens
from epimetheus.source.rate_limiter import RateLimiter, pause

_TRIES = 5
_CHUNK = 256 * 1024
_CODE = re.compile(r"[\w.-]{1,64}", re.ASCII)
_HOST = "https://audit.{region}.{secondLevelDomain}"
_HELP = "It is asked again by every run. The function needs `read audit-events in tenancy`; where that is granted, wait or ask Oracle."
_LIMIT_HELP = "Every run requests it again. Check what answers in place of OCI (a proxy, OCI_ENDPOINT), and the route to OCI."
_REGION_HELP = "Or the tenancy is not subscribed to this region: check REGIONS."
_RENEWAL_HELP = "Run it again. Inside OCI Functions it is the platform that puts new tokens of the resource principal in place."
Pages = Callable[[str, Window, str | None, Deadline], Iterator[tuple[Events, str | None]]]
"""``(compartment OCID, window, page token or None for the first, deadline) → the events of its pages, each with the next one's token``;
raises CompartmentError, CredentialsError, OutOfTime."""


class _Passing(Exception):
    """What another try may mend: 429, 5xx, a broken connection, a cut body, a token that ran out.

    ``wait``: what Retry-After asked for, in seconds.
    """

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _Signed(AuthBase):
    """The SDK's signer, one request at a time: renewing a principal's token is not safe between threads."""

    def __init__(self, signer: Any) -> None:
        self._signer = signer
        self._lock = threading.Lock()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        with self._lock:
            self._signer(request)
        return request

    def renewed(self, refused: requests.PreparedRequest) -> bool:
        """Whether there is a newer token than the one that ``refused`` (401) was signed with. Raises CredentialsError.

        A function's token lives 15 minutes, a run up to an hour; the SDK reads the next one only when told to. A user's key is no token.
        """
        with self._lock:
            if not hasattr(self._signer, "refresh_security_token"):
                return False
            if self._is_of(refused):
                self._refresh()
            return not self._is_of(refused)

    def _is_of(self, request: requests.PreparedRequest) -> bool:
        return f'keyId="{self._signer.api_key}"' in request.headers["authorization"]

    def _refresh(self) -> None:
        try:
            self._signer.refresh_security_token()
        except (OSError, ValueError, KeyError, jwt.PyJWTError, oci.exceptions.ClientError, oci.exceptions.ServiceError) as error:
            raise CredentialsError(f"The token we sign with could not be renewed ({type(error).__name__}).", do=_RENEWAL_HELP) from error


class AuditApi:
    """ListEvents of one region. ``requests``, ``retries`` and ``throttled`` count what was asked, again, and refused with 429.

    ``dated`` gets each answer (`epimetheus.oci_client.clients.dates`).
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        region: str,
        endpoint: str | None,
        concurrency: int,
        pacer: RateLimiter,
        clock: Clock,
        dated: Callable[[Any], None] = lambda answer: None,
    ) -> None:
        base = endpoint or oci.regions.endpoint_for("audit", service_endpoint_template=_HOST, region=region)
        self._url = f"{base.rstrip('/')}/20190901/auditEvents"
        self._session = _session(self._url)
        self._session.auth = self._signed = _Signed(credentials.signer)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, LimitedAdapter(PAGE_SECONDS, PAGE_BYTES, pool_maxsize=concurrency))
        self._session.hooks["response"].append(lambda answer, **_: dated(answer))
        self._pacer = pacer
        self._clock = clock
        self._count = threading.Lock()
        self.requests = self.retries = self.throttled = 0

    def pages(
        self, compartment: str, window: Window, page: str | None, deadline: Deadline
    ) -> Iterator[tuple[Events, str | None]]:
        """The events of all pages from ``page`` on, in order; `Pages`. Ends only where no next one is named (an empty one may name one)."""
        asked = {"compartmentId": compartment, "startTime": minute_text(window.start), "endTime": minute_text(window.end)}
        asked |= {"page": page} if page else {}
        tokens = PageTokens()
        while True:
            events, token = self._page(asked, compartment, deadline)
            yield events, token
            del events  # not in memory while the next page is read
            if token is None:
                return
            if tokens.circle(token):
                raise CompartmentError(f"ListEvents of {compartment} repeats its page token.", do=_HELP)
            asked["page"] = token

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _page(self, asked: dict[str, str], compartment: str, deadline: Deadline) -> tuple[Events, str | None]:
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Passing),
            wait=_pause,
            stop=lambda state: state.attempt_number >= _TRIES or state.upcoming_sleep >= deadline.left(),
            sleep=lambda seconds: pause(self._clock, seconds, deadline),
            before_sleep=self._again,
            retry_error_callback=lambda state: _give_up(state, compartment, deadline),
        )
        page: tuple[Events, str | None] = tries(self._ask, asked, compartment, deadline)
        return page

    def _ask(self, asked: dict[str, str], compartment: str, deadline: Deadline) -> tuple[Events, str | None]:
        self._pacer.wait(deadline)
        timeout = timeouts(deadline)
        self._counted("requests")
        try:
            with self._session.get(self._url, params=asked, timeout=timeout, stream=True, allow_redirects=False) as answer:
                body = _read(answer, deadline)
        except AnswerLimit as error:
            raise CompartmentError(f"ListEvents of {compartment} exceeded a limit: {error}.", do=_LIMIT_HELP) from error
        except (OSError, HTTPError, oci.exceptions.ClientError, oci.exceptions.ServiceError) as error:  # the SDK's: from its signer
            if isinstance(error, requests.Timeout | ReadTimeoutError) and timeout != (CONNECT_SECONDS, READ_SECONDS):
                what = f"{compartment} did not answer in the {sum(timeout):.0f} s that were left."
                raise OutOfTime(what, do="The next run asks it again.") from error
            raise _Passing(f"no whole answer ({type(error).__name__})") from error
        if answer.status_code != requests.codes.ok:
            self._refused(answer, body, compartment, resumed="page" in asked)
        self._pacer.served()
        try:
            events = decode_page(body)
        except ValueError as error:
            raise _Passing(f"a body that is no page: {error}") from error
        return events, answer.headers.get("opc-next-page") or None

    def _refused(self, answer: requests.Response, body: bytes, compartment: str, *, resumed: bool) -> NoReturn:
        code, message = _wire_error(body)
        if answer.status_code == requests.codes.too_many_requests:
            self._counted("throttled")
            self._pacer.throttled()
        if answer.status_code == requests.codes.too_many_requests or answer.status_code >= 500:
            raise _Passing(f"{answer.status_code} {code or 'without a code'}", _retry_after(answer))
        if answer.status_code == requests.codes.unauthorized and self._signed.renewed(answer.request):
            raise _Passing("401 for a token that ran out")
        request_id = answer.headers.get("opc-request-id")
        failure = service_failure(f"listing the events of {compartment}", answer.status_code, code, message, request_id, _HELP)
        if isinstance(failure, CredentialsError):
            raise CredentialsError(failure.what, do=f"{failure.do} {_REGION_HELP}")
        kind = {requests.codes.not_found: CompartmentMissing}.get(answer.status_code, CompartmentError)
        if resumed and answer.status_code == requests.codes.bad_request:
            kind = PageTokenRejected
        raise kind(failure.what, do=failure.do)

    def _again(self, state: tenacity.RetryCallState) -> None:
        self._counted("retries")

    def _counted(self, name: str) -> None:
        with self._count:
            setattr(self, name, getattr(self, name) + 1)


def _session(url: str) -> requests.Session:
    """A session that has asked the environment for proxies and certificates once: of each request that would cost a fifth."""
    session = requests.Session()
    environment = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify, session.trust_env = environment["proxies"], environment["verify"], False
    return session


def timeouts(deadline: Deadline) -> tuple[float, float]:
    """Seconds to connect in, and to wait for each part of the answer; together no more than is left. Raises OutOfTime."""
    left = deadline.clip(CONNECT_SECONDS + READ_SECONDS)
    connect = min(CONNECT_SECONDS, left / 2)
    return connect, min(READ_SECONDS, left - connect)


def _read(answer: requests.Response, deadline: Deadline) -> bytes:
    """The whole body, by what arrives: a server that drips bytes may not outlast the deadline. Raises OutOfTime."""
    body = io.BytesIO()  # is never in memory twice, as parts and their sum would be
    while part := answer.raw.read1(_CHUNK, decode_content=True):
        deadline.clip(READ_SECONDS)
        body.write(part)
    return body.getvalue()


_jitter = tenacity.wait_random_exponential(multiplier=0.5, max=8)


def _pause(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return max(_jitter(state), error.wait if isinstance(error, _Passing) else 0.0)


def _give_up(state: tenacity.RetryCallState, compartment: str, deadline: Deadline) -> NoReturn:
    error = state.outcome.exception() if state.outcome else None
    if state.attempt_number < _TRIES:
        raise OutOfTime(f"No time is left to ask for {compartment} again: {error}.", do="The next run does.") from error
    what = f"ListEvents of {compartment} failed {state.attempt_number} times in a row, the last with {error}."
    raise CompartmentError(what, do=_HELP) from error


def _retry_after(answer: requests.Response) -> float:
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0


class _WireError(msgspec.Struct):
    code: str | None = None
    message: str | None = None


def _wire_error(body: bytes) -> tuple[str, str]:
    """OCI's code and message; empty where the body is not OCI's."""
    try:
        error = msgspec.json.decode(body, type=_WireError)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", ""
    code = error.code or ""
    return code if _CODE.fullmatch(code) else "", error.message or ""
