"""Who we are in OCI, the SDK's clients made with it, and its errors in our words: for every stage that talks to OCI.

Each client goes without the SDK's circuit breaker: it is shared by all clients, and Audit's throttling would shut Object Storage.
"""

import configparser
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
from epimetheus.oci_client.http_limits import AnswerLimit, limit_client, limit_signer
from epimetheus.oci_client.time_limit import TimedOut, run_within
from epimetheus.safe_text import safe_message

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
_RENEWAL_SECONDS = 10.0  # each of the requests (five at most) with which a token is renewed
_TOO_MANY, _FAILED = 429, 500
_SIGN_IN_SECONDS = 60.0  # a token from the instance's or function's own endpoint takes less than a second
AuthKind = Literal["resource_principal", "instance_principal", "config_file"]


@dataclass(frozen=True)
class Credentials:
    """What signs our requests (a ``requests`` auth object), the tenancy's OCID, the region we are in, and what the SDK wants to know.

    ``principals``: the OCIDs that audit events may name us by; none where the credentials do not tell.
    """

    signer: Any = field(repr=False)
    tenancy: str
    region: str
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)  # holds the pass phrase, where there is one
    principals: tuple[str, ...] = ()


class ServiceFailure(SourceError):
    """An OCI service said no. ``status``: its HTTP status, 0 where no answer came; ``code``: OCI's error code."""

    def __init__(self, what: str, *, do: str, status: int, code: str) -> None:
        super().__init__(what, do=do)
        self.status = status
        self.code = code


def sign_in(auth: AuthKind, config_file: str, profile: str, seconds: float = _SIGN_IN_SECONDS) -> Credentials:
    """The credentials that OCI_AUTH names, within ``seconds``, but at least one. Raises CredentialsError.

    The SDK asks an endpoint for the token of a principal with sessions of its own, before any limit can be set on them. Afterwards they are
    limited, since it renews the token with them in the middle of a run: a renewal that exceeds a limit is a CredentialsError.
    """
    seconds = min(_SIGN_IN_SECONDS, max(1.0, seconds))
    signing_in = partial(_signed_in, auth, config_file, profile)
    try:
        credentials = signing_in() if auth == "config_file" else run_within(seconds, signing_in, "sign in")
        limit_signer(credentials.signer, _RENEWAL_SECONDS, retries(_RENEWAL_SECONDS))
    except TimedOut:
        raise _no_credentials(auth, f"{_ENDPOINTS[auth]} did not answer within {seconds:.1f} s") from None
    except (configparser.Error, jwt.PyJWTError, UnicodeError, RuntimeError) as error:
        raise _no_credentials(auth, type(error).__name__) from None  # these quote what they read
    except (OSError, ValueError, KeyError, oci.exceptions.ClientError, oci.exceptions.ServiceError) as error:
        raise _no_credentials(auth, _words(error)) from error
    if not (credentials.tenancy and credentials.region):
        raise _no_credentials(auth, "they name no tenancy, or no region")
    return credentials


def _signed_in(auth: AuthKind, config_file: str, profile: str) -> Credentials:
    if auth == "config_file":
        return _from_config(config_file, profile)
    if auth == "instance_principal":
        signer = oci.auth.signers.InstancePrincipalsSecurityTokenSigner()
        return Credentials(signer, signer.tenancy_id, signer.region)
    signer = oci.auth.signers.get_resource_principals_signer()
    principals = tuple(claim for claim in map(signer.get_claim, ("res_id", "sub")) if claim)
    return Credentials(signer, signer.get_claim("res_tenant"), signer.region, principals=principals)


def _no_credentials(auth: AuthKind, why: str) -> CredentialsError:
    return CredentialsError(f"OCI_AUTH={auth} gave no credentials: {why}.", do=_SIGN_IN_HELP[auth])


_ENDPOINTS = {
    "instance_principal": "the instance's metadata service (169.254.169.254, or OCI_METADATA_BASE_URL) or OCI's auth service",
    "resource_principal": "the endpoint of the resource principal's token (OCI_RESOURCE_PRINCIPAL_RPT_ENDPOINT) or OCI's auth service",
}
_SIGN_IN_HELP = {
    "config_file": "Check OCI_CONFIG_FILE and OCI_PROFILE, and that key_file in it can be read.",
    "instance_principal": "Run on an OCI compute instance, or set OCI_AUTH.",
    "resource_principal": "Run inside OCI Functions, or set OCI_AUTH=config_file.",
}


def _from_config(config_file: str, profile: str) -> Credentials:
    config = oci.config.from_file(config_file, profile)
    oci.config.validate_config(config)
    key = (config.get("key_file"), config.get("pass_phrase"), config.get("key_content"))
    signer = oci.signer.Signer(config["tenancy"], config["user"], config["fingerprint"], *key)
    return Credentials(signer, config["tenancy"], config["region"], config, (config["user"],))


class Calls:
    """What services of OCI were asked through the SDK's clients: every answer counts, also those that the SDK then asks again for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {}

    def answered(self, service: str, status: int) -> None:
        """One answer."""
        with self._lock:
            self._counts.setdefault(service, Counter()).update(
                requests=1, retries=int(status == _TOO_MANY or status >= _FAILED), throttled=int(status == _TOO_MANY)
            )

    def told(self) -> dict[str, dict[str, int]]:
        """Service → ``requests``, ``retries`` (answers that are asked for again) and ``throttled`` (429)."""
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
    dated: Callable[[Any], None] | None = None,
) -> Any:
    """A client of the SDK for ``region``, or for the one URL ``endpoint``; each call of it, retries included, ends within ``seconds``.

    That holds for whatever a server sends, and however slowly; only a name lookup has its own timeout, the resolver's. The size of
    answers is limited (`http_limits`), they are counted in ``calls``, and ``dated`` gets each (see `dates`).
    """
    options: dict[str, Any] = {"service_endpoint": endpoint} if endpoint else {}
    client = kind(
        {**credentials.config, "region": region},
        signer=credentials.signer,
        timeout=(min(CONNECT_SECONDS, seconds / 6), min(READ_SECONDS, seconds / 2)),  # after a third of it at most, for earlier tries
        retry_strategy=retries(seconds),
        circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
        **options,
    )
    limit_client(client, seconds * 2 / 3)  # for the last try, which begins by a third at the latest
    hooks = client.base_client.session.hooks["response"]
    if calls is not None:
        service = client.base_client.service
        hooks.append(lambda answer, **_: calls.answered(service, answer.status_code))
    if dated is not None:
        hooks.append(lambda answer, **_: dated(answer))
    return client


def dates(offset: ClockOffset, now: Callable[[], float] = time.time) -> Callable[[Any], None]:
    """What notes the ``Date`` of an answer (of requests, or of the SDK's copy) in ``offset``; ``now`` is our clock.

    Only an answer with OCI's request id counts: a proxy on the way has a clock of its own.
    """

    def note(answer: Any) -> None:
        if "opc-request-id" in answer.headers:
            ended = now()
            offset.note(answer.headers.get("date"), ended - answer.elapsed.total_seconds(), ended)

    return note


def retries(seconds: float) -> Any:
    """Four tries with jittered backoff on 409, 429, 5xx and timeouts, the last begun by a third of ``seconds`` (see `make_client`)."""
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


_LIMIT_HELP = "Check what answers in place of OCI (a proxy, OCI_ENDPOINT), and the route to OCI. The next run tries again."


@contextmanager
def oci_errors(doing: str, *, do: str, raising: type[EpimetheusError] = SourceError) -> Iterator[None]:
    """Translate what the SDK raises while ``doing``: 401 is CredentialsError, another answer ServiceFailure, none at all ``raising``."""
    try:
        yield
    except AnswerLimit as error:
        raise raising(f"OCI's answer exceeded a limit while {doing}: {error}.", do=_LIMIT_HELP) from error
    except oci.exceptions.ServiceError as error:
        raise service_failure(doing, error.status, error.code, error.message, error.request_id, do) from error
    except (oci.exceptions.ClientError, OSError) as error:  # the SDK's requests errors are OSErrors
        raise raising(f"OCI gave no answer while {doing}: {_words(error)}.", do=do) from error
    except jwt.PyJWTError as error:  # after a 401 the SDK reads the principal's token again
        raise CredentialsError(f"The token to sign with could not be read while {doing}.", do="Run it again.") from error
    except (TypeError, ValueError) as error:  # what the SDK says to a body that is none of the service's
        raise raising(f"OCI's answer was not understood while {doing} ({type(error).__name__}).", do=do) from error


def service_failure(doing: str, status: int, code: str | None, message: str | None, request_id: str | None, do: str) -> EpimetheusError:
    """The error for an answer that is not the one asked for, in words that OCI's support can use."""
    code, request_id = safe_message(code or ""), safe_message(request_id or "unknown")
    said = f"{status} {code or 'without a code'}: {safe_message(message or 'no message')} (opc-request-id {request_id})"
    if status == 401:
        return CredentialsError(
            f"OCI did not accept our signature while {doing}: {said}.",
            do="Check the key, user and clock; for a resource principal, its dynamic group.",
        )
    return ServiceFailure(f"OCI refused while {doing}: {said}.", do=do, status=status, code=code)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {safe_message(str(error)).rstrip('.') or 'no details'}"
