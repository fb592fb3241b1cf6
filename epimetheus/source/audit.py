"""Audit's ListEvents, page by page from raw bytes, over one pooled session with the SDK's signer.

The SDK's own models would cost more per event than everything else together, and drop the fields they do not know.
https://docs.oracle.com/en-us/iaas/api/#/en/audit/20190901/AuditEvent/ListEvents
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import msgspec
import oci
import requests
import tenacity
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from epimetheus.clock import Clock, Deadline
from epimetheus.cloud import CONNECT_SECONDS, READ_SECONDS, Credentials, service_failure
from epimetheus.errors import CompartmentError, CompartmentMissing, CredentialsError, OutOfTime
from epimetheus.model import Fetched, Window, minute_text
from epimetheus.source.decode import decode_page
from epimetheus.source.pacer import Pacer

_TRIES = 5
_SAME_TOKEN = 3
_CHUNK = 256 * 1024
_HOST = "https://audit.{region}.{secondLevelDomain}"
_HELP = "It is asked again by every run. The function needs `read audit-events in tenancy`; where that is granted, wait or ask Oracle."
Pages = Callable[[str, Window, Deadline], Iterator[list[Fetched]]]
"""``(compartment OCID, window, deadline) → the events of its pages``; raises CompartmentError, CredentialsError, OutOfTime."""


class _Passing(Exception):
    """What another try may mend: 429, 5xx, a broken connection, a cut body. ``wait``: what Retry-After asked for, in seconds."""

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


class AuditApi:
    """ListEvents of one region. ``requests``, ``retries`` and ``throttled`` count what was asked, again, and refused with 429."""

    def __init__(
        self, credentials: Credentials, *, region: str, endpoint: str | None, concurrency: int, pacer: Pacer, clock: Clock
    ) -> None:
        base = endpoint or oci.regions.endpoint_for("audit", service_endpoint_template=_HOST, region=region)
        self._url = f"{base.rstrip('/')}/20190901/auditEvents"
        self._session = requests.Session()
        self._session.auth = _Signed(credentials.signer)
        self._session.mount("https://", HTTPAdapter(pool_maxsize=concurrency))
        self._session.mount("http://", HTTPAdapter(pool_maxsize=concurrency))
        self._pacer = pacer
        self._clock = clock
        self._count = threading.Lock()
        self.requests = self.retries = self.throttled = 0

    def pages(self, compartment: str, window: Window, deadline: Deadline) -> Iterator[list[Fetched]]:
        """The events of all pages, in order; `Pages`. Ends only where no next page is named (an empty page may name one)."""
        asked = {"compartmentId": compartment, "startTime": minute_text(window.start), "endTime": minute_text(window.end)}
        tokens: Counter[str] = Counter()
        while True:
            events, token = self._page(asked, compartment, deadline)
            yield events
            if token is None:
                return
            tokens[token] += 1
            if tokens[token] > _SAME_TOKEN:
                raise CompartmentError(f"ListEvents of {compartment} repeats its page token.", do=_HELP)
            asked["page"] = token

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def _page(self, asked: dict[str, str], compartment: str, deadline: Deadline) -> tuple[list[Fetched], str | None]:
        tries = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_Passing),
            wait=_pause,
            stop=lambda state: state.attempt_number >= _TRIES or state.upcoming_sleep >= deadline.left(),
            sleep=self._clock.sleep,
            before_sleep=self._again,
            retry_error_callback=lambda state: _give_up(state, compartment, deadline),
        )
        page: tuple[list[Fetched], str | None] = tries(self._ask, asked, compartment, deadline)
        return page

    def _ask(self, asked: dict[str, str], compartment: str, deadline: Deadline) -> tuple[list[Fetched], str | None]:
        self._pacer.wait(deadline)
        self._counted("requests")
        timeout = (deadline.clip(CONNECT_SECONDS), deadline.clip(READ_SECONDS))
        try:
            with self._session.get(self._url, params=asked, timeout=timeout, stream=True, allow_redirects=False) as answer:
                body = _read(answer, deadline)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _Passing(f"no whole answer ({type(error).__name__})") from error
        if answer.status_code != requests.codes.ok:
            self._refused(answer, body, compartment)
        self._pacer.served()
        try:
            events = decode_page(body)
        except ValueError as error:
            raise _Passing(f"a body that is no page: {error}") from error
        return events, answer.headers.get("opc-next-page") or None

    def _refused(self, answer: requests.Response, body: bytes, compartment: str) -> NoReturn:
        code, message = _wire_error(body)
        if answer.status_code == requests.codes.too_many_requests:
            self._counted("throttled")
            self._pacer.throttled()
        if answer.status_code == requests.codes.too_many_requests or answer.status_code >= 500:
            raise _Passing(f"{answer.status_code} {code}", _retry_after(answer))
        request_id = answer.headers.get("opc-request-id")
        failure = service_failure(f"listing the events of {compartment}", answer.status_code, code, message, request_id, _HELP)
        if isinstance(failure, CredentialsError):
            raise failure
        missing = answer.status_code == requests.codes.not_found
        raise (CompartmentMissing if missing else CompartmentError)(failure.what, do=failure.do)

    def _again(self, state: tenacity.RetryCallState) -> None:
        self._counted("retries")

    def _counted(self, name: str) -> None:
        with self._count:
            setattr(self, name, getattr(self, name) + 1)


def _read(answer: requests.Response, deadline: Deadline) -> bytes:
    """The whole body, by what arrives: a server that drips bytes may not outlast the deadline. Raises OutOfTime."""
    parts = []
    while part := answer.raw.read1(_CHUNK, decode_content=True):
        deadline.clip(READ_SECONDS)
        parts.append(part)
    return b"".join(parts)


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
    return float(value) if value.isdigit() else 0.0


class _WireError(msgspec.Struct):
    code: str = ""
    message: str = ""


def _wire_error(body: bytes) -> tuple[str, str]:
    try:
        error = msgspec.json.decode(body, type=_WireError)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", ""
    return error.code, error.message
