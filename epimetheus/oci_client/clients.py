"""OCI credentials, SDK clients with limits, and the translation of SDK errors.

No client uses the SDK's circuit breaker: all clients share it, so that throttling by Audit would block Object Storage.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import jwt
import oci

from epimetheus.errors import CredentialsError, EpimetheusError, SourceError
from epimetheus.oci_client.clock_offset import ClockOffset
from epimetheus.oci_client.config_file import ProfileProblem, normalized_region, read_profile
from epimetheus.oci_client.http_limits import ResponseLimitExceeded, limit_client, limit_signer
from epimetheus.oci_client.network_errors import is_network_error, network_failure
from epimetheus.oci_client.policies import with_policy
from epimetheus.oci_client.session_environment import read_environment_once
from epimetheus.oci_client.time_limit import TimedOut, run_within
from epimetheus.oci_client.tls_contexts import TlsContexts
from epimetheus.safe_text import safe_message

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
_RENEWAL_SECONDS = 10.0  # for each request of a token renewal, of which there are at most five
_TOO_MANY_REQUESTS, _SERVER_ERROR = 429, 500
_SIGN_IN_SECONDS = 60.0  # the endpoint of an instance or function returns a token in less than a second
AuthKind = Literal["resource_principal", "instance_principal", "config_file"]


@dataclass(frozen=True)
class Credentials:
    """The ``signer`` (a ``requests`` auth object), the ``tenancy`` OCID, the ``region`` of the deployment, and the SDK's ``config``.

    ``principals``: the OCIDs by which audit events identify these credentials; empty if the credentials do not contain them.
    ``contexts``: TLS contexts for all connections that use the credentials.
    """

    signer: Any = field(repr=False)
    tenancy: str
    region: str
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)  # may contain the pass phrase
    principals: tuple[str, ...] = ()
    contexts: TlsContexts = field(default_factory=TlsContexts, repr=False, compare=False)


class ServiceFailure(SourceError):
    """An OCI service returned an error. ``status``: the HTTP status; ``code``: OCI's error code, empty if there is none."""

    def __init__(self, what: str, *, do: str, status: int, code: str) -> None:
        super().__init__(what, do=do)
        self.status = status
        self.code = code


def sign_in(auth: AuthKind, config_file: str, profile: str, seconds: float = _SIGN_IN_SECONDS) -> Credentials:
    """Load the credentials that OCI_AUTH selects, within ``seconds`` (at least 1). Raises CredentialsError.

    The SDK requests a principal's token with sessions of its own, before limits can be set on them. The limits are set afterwards, because
    the SDK renews the token with these sessions in the middle of a run; a renewal that exceeds a limit is a CredentialsError.
    """
    seconds = min(_SIGN_IN_SECONDS, max(1.0, seconds))
    load = partial(_load, auth, config_file, profile)
    try:
        credentials = load() if auth == "config_file" else run_within(seconds, load, "sign in")
        limit_signer(credentials.signer, _RENEWAL_SECONDS, retry_strategy(_RENEWAL_SECONDS))
    except TimedOut:
        raise _no_credentials(auth, f"{_ENDPOINTS[auth]} did not respond within {seconds:.1f} s") from None
    except ProfileProblem as problem:
        raise _no_credentials(auth, str(problem)) from problem
    except (jwt.PyJWTError, UnicodeError, RuntimeError) as error:  # these errors quote what they read
        why = "the token cannot be read" if isinstance(error, jwt.PyJWTError) else "a file of the credentials cannot be read"
        raise _no_credentials(auth, why) from None
    except (OSError, ValueError, KeyError, oci.exceptions.ClientError, oci.exceptions.ServiceError) as error:
        raise _no_credentials(auth, _sign_in_cause(error)) from error
    if not (credentials.tenancy and credentials.region):
        raise _no_credentials(auth, "they lack a tenancy or a region")
    return credentials


def _load(auth: AuthKind, config_file: str, profile: str) -> Credentials:
    if auth == "config_file":
        return _from_config(config_file, profile)
    if auth == "instance_principal":
        signer = oci.auth.signers.InstancePrincipalsSecurityTokenSigner()
        return Credentials(signer, signer.tenancy_id, normalized_region(signer.region or ""))
    signer = oci.auth.signers.get_resource_principals_signer()
    principals = tuple(claim for claim in map(signer.get_claim, ("res_id", "sub")) if claim)
    return Credentials(signer, signer.get_claim("res_tenant"), normalized_region(signer.region or ""), principals=principals)


def _no_credentials(auth: AuthKind, why: str) -> CredentialsError:
    return CredentialsError(f"Loading the credentials for OCI_AUTH={auth} failed: {why}.", do=_SIGN_IN_HELP[auth])


_ENDPOINTS = {
    "instance_principal": "the instance's metadata service (169.254.169.254, or OCI_METADATA_BASE_URL) or OCI's auth service",
    "resource_principal": "the resource principal token endpoint (OCI_RESOURCE_PRINCIPAL_RPT_ENDPOINT) or OCI's auth service",
}
_SIGN_IN_HELP = {
    "config_file": "Check OCI_CONFIG_FILE and OCI_PROFILE, and that the profile's key_file is readable.",
    "instance_principal": "Run on an OCI compute instance, or set OCI_AUTH to another method.",
    "resource_principal": "Run inside OCI Functions, or set OCI_AUTH=config_file.",
}


def _from_config(config_file: str, profile: str) -> Credentials:
    found = read_profile(config_file, profile)
    principals = (found.user,) if found.user else ()
    return Credentials(found.signer, found.config["tenancy"], found.config["region"], found.config, principals)


class Calls:
    """Counts the responses that SDK clients receive, by service; a response that the SDK retries counts too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {}

    def record(self, service: str, status: int) -> None:
        """Count one response with this HTTP ``status``."""
        with self._lock:
            self._counts.setdefault(service, Counter()).update(
                requests=1,
                retries=int(status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR),
                throttled=int(status == _TOO_MANY_REQUESTS),
            )

    def counts(self) -> dict[str, dict[str, int]]:
        """Service → ``requests``, ``retries`` (responses that lead to a retry) and ``throttled`` (429)."""
        with self._lock:
            return {service: dict(counts) for service, counts in sorted(self._counts.items())}


def make_client(
    kind: Callable[..., Any],
    credentials: Credentials,
    *,
    region: str,
    endpoint: str | None,
    seconds: float,
    calls: Calls | None = None,
    on_response: Callable[[Any], None] | None = None,
    max_bytes: int | None = None,
) -> Any:
    """Create the SDK client ``kind`` for ``region``, or for the URL ``endpoint``. Each call ends within ``seconds``, including retries.

    The limit holds however slowly a server responds; only a name lookup is limited by the resolver's timeout instead. `http_limits` limits
    the size of responses, to ``max_bytes`` if it is given. ``calls`` counts the responses, and ``on_response`` receives each (see
    `date_hook`).
    """
    options: dict[str, Any] = {"service_endpoint": endpoint} if endpoint else {}
    client = kind(
        {**credentials.config, "region": region},
        signer=credentials.signer,
        timeout=(min(CONNECT_SECONDS, seconds / 6), min(READ_SECONDS, seconds / 2)),  # earlier attempts take at most a third
        retry_strategy=retry_strategy(seconds),
        circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
        **options,
    )
    limit_client(client, seconds * 2 / 3, max_bytes, credentials.contexts)  # the last attempt starts within the first third
    read_environment_once(client.base_client.session, client.base_client.endpoint)
    hooks = client.base_client.session.hooks["response"]
    if calls is not None:
        service = client.base_client.service
        hooks.append(lambda response, **_: calls.record(service, response.status_code))
    if on_response is not None:
        hooks.append(lambda response, **_: on_response(response))
    return client


def date_hook(offset: ClockOffset, now: Callable[[], float] = time.time) -> Callable[[Any], None]:
    """A response hook that records the ``Date`` header in ``offset``; ``now`` is the local clock.

    It takes responses of requests and of the SDK's copy of requests, and ignores those without OCI's request ID: a proxy has its own clock.
    """

    def record(response: Any) -> None:
        if "opc-request-id" in response.headers:
            ended = now()
            offset.record(response.headers.get("date"), ended - response.elapsed.total_seconds(), ended)

    return record


def retry_strategy(seconds: float) -> Any:
    """Four attempts with jittered backoff on 409, 429, 5xx and timeouts, the last within a third of ``seconds`` (see `make_client`)."""
    return oci.retry.RetryStrategyBuilder(
        max_attempts_check=True,
        max_attempts=4,
        total_elapsed_time_check=True,
        total_elapsed_time_seconds=seconds / 4,
        retry_max_wait_between_calls_seconds=min(5, seconds / 12),
        retry_base_sleep_time_seconds=0.5,
        service_error_check=True,
        service_error_retry_on_any_5xx=True,
        service_error_retry_config={429: [], 409: ["ConcurrentObjectUpdate"]},
        backoff_type=oci.retry.BACKOFF_FULL_JITTER_VALUE,
    ).get_retry_strategy()


_LIMIT_HELP = "Check for a proxy or an OCI_ENDPOINT that answers in place of OCI, and check the route to OCI. The next run tries again."


def action_failed(action: str) -> str:
    """How an error starts: ``Listing the regions failed:`` for the action ``listing the regions``."""
    return f"{action[0].upper()}{action[1:]} failed:"


@contextmanager
def oci_errors(action: str, *, do: str, policy: str = "", raising: type[EpimetheusError] = SourceError) -> Iterator[None]:
    """Translate the SDK's errors during ``action``, a phrase such as "listing the regions"; ``do`` is what the operator does.

    ``policy`` is the statement (`Policies`) that the call needs; it is added to ``do`` if OCI may have denied the call.

    Raises CredentialsError for 401, ServiceFailure for any other error response, and ``raising`` if there is no valid response.
    """
    what = action_failed(action)
    try:
        yield
    except ResponseLimitExceeded as error:
        raise raising(f"{what} {error}.", do=_LIMIT_HELP) from error
    except oci.exceptions.ServiceError as error:
        advice = with_policy(do, policy, error.status, error.code)
        raise service_failure(action, error.status, error.code, error.message, error.request_id, advice) from error
    except (oci.exceptions.ClientError, OSError) as error:  # the SDK's requests errors are OSErrors
        failure = network_failure(error)
        raise raising(f"{what} {failure.what}.", do=failure.do) from error
    except jwt.PyJWTError as error:  # after a 401, the SDK reads the principal's token again
        raise CredentialsError(f"{what} the principal's token could not be read.", do="Run it again.") from error
    except (TypeError, ValueError) as error:  # the SDK's reaction to a body that is not the service's
        raise raising(f"{what} OCI returned an unexpected response ({type(error).__name__}).", do=do) from error


def service_failure(action: str, status: int, code: str | None, message: str | None, request_id: str | None, do: str) -> EpimetheusError:
    """The error for an HTTP error response, with the details that Oracle support needs: CredentialsError for 401, else ServiceFailure."""
    code, request_id = safe_message(code or ""), safe_message(request_id or "unknown")
    details = f"{status} {code or 'without an error code'}: {safe_message(message or 'no message')} (opc-request-id {request_id})"
    if status == 401:
        return CredentialsError(
            f"{action_failed(action)} OCI rejected the request signature with {details}.",
            do="Check the key, user and clock. A session token may have expired. For a resource principal, check its dynamic group.",
        )
    return ServiceFailure(f"{action_failed(action)} OCI returned {details}.", do=do, status=status, code=code)


def _sign_in_cause(error: Exception) -> str:
    if isinstance(error, oci.exceptions.ServiceError):
        return f"OCI returned {error.status} {safe_message(error.code or 'without an error code')}: {safe_message(error.message or '')}"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{safe_message(str(error.filename))}: {error.strerror}"
    if is_network_error(error):
        return network_failure(error).what
    return safe_message(str(error)).rstrip(". ") or "the SDK gives no reason"
