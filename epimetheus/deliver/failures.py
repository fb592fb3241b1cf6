"""Errors of the operating system and OpenSSL as ReceiverError: what failed, the specific cause, and what to do."""

import errno
import re
import socket
import ssl

from epimetheus.errors import ReceiverError, ReceiverUntrusted

HANDSHAKE = "The TLS handshake with"
TLS_ANSWER = "the receiver answered with TLS"

_CLIENT_CERTIFICATE_ALERT = re.compile(r"ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)$")
_NO_TLS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
_UNREACHABLE = (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH)

_CLIENT_HELP = (
    "Check SYSLOG_CLIENT_CERT and SYSLOG_CLIENT_KEY: the certificate must not be expired, and the receiver must trust its issuer."
)
_TLS_HELP = "Check that SYSLOG_PORT is the receiver's TLS port, and that the receiver supports TLS 1.2 or later."
_HANDSHAKE_HELP = "Check the receiver's log: it may require SYSLOG_CLIENT_CERT, reject it, or not support TLS on this port."
_DNS_HELP = "Check SYSLOG_HOST and the DNS servers of the subnet."
_UNREACHABLE_HELP = (
    "Check SYSLOG_HOST and SYSLOG_PORT, the route table and security lists of the subnet, and that the receiver is running."
)
_TIMEOUT_HELP = "Check that the receiver keeps up. SYSLOG_TIMEOUT_SECONDS limits each step."
_CLOSED_HELP = "Check the receiver's log for this time."
_PERHAPS_PLAIN_HELP = "If SYSLOG_PORT is a port without TLS, use the receiver's TLS port, or set SYSLOG_TRANSPORT=tcp."
_PERHAPS_TLS_HELP = "If SYSLOG_PORT is a TLS port, set SYSLOG_TRANSPORT=tls."
_PLAIN_ON_TLS_HELP = "SYSLOG_PORT is a TLS port: set SYSLOG_TRANSPORT=tls."


def receiver_error(endpoint: str, step: str, error: Exception, *, tls: bool = True) -> ReceiverError:
    """The error to raise from ``error``, which occurred in ``step`` ("Writing to", `HANDSHAKE`) with ``endpoint`` (host:port).

    ``tls``: the connection uses TLS. `untrusted_error` describes a certificate that is not trusted.
    """
    if isinstance(error, ssl.SSLError) and _CLIENT_CERTIFICATE_ALERT.search(_reason(error)):
        return ReceiverUntrusted(f"{endpoint} rejected the client certificate, or requires one ({_reason(error)}).", do=_CLIENT_HELP)
    what = f"{step} {endpoint} failed: {_cause(error)}."
    if step == HANDSHAKE:
        return ReceiverError(what, do=_handshake_help(error))
    help = _help(error)
    if not tls and help == _CLOSED_HELP:
        help = _PLAIN_ON_TLS_HELP if TLS_ANSWER in what else f"{help} {_PERHAPS_TLS_HELP}"
    return ReceiverError(what, do=help)


def _handshake_help(error: Exception) -> str:
    """A port without TLS closes the connection, does not respond, or responds with something that is not TLS."""
    if isinstance(error, TimeoutError):
        return f"{_PERHAPS_PLAIN_HELP} {_TIMEOUT_HELP}"
    if isinstance(error, ssl.SSLEOFError | ConnectionResetError):
        return f"{_HANDSHAKE_HELP} {_PERHAPS_PLAIN_HELP}"
    if isinstance(error, ssl.SSLError) and _reason(error) in _NO_TLS:
        return _PERHAPS_PLAIN_HELP
    return _help(error)


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason code, empty if Python itself raised the error."""
    return getattr(error, "reason", None) or ""


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ssl.SSLEOFError):
        return "the receiver closed the connection"
    if isinstance(error, ssl.SSLError) and _reason(error) in _NO_TLS:
        return f"the receiver answered without TLS ({_reason(error)})"
    if isinstance(error, ssl.SSLError):
        return f"TLS error ({_reason(error) or 'no reason given'})"
    if isinstance(error, OSError):
        return error.strerror or "the connection is closed"
    return str(error)


def _help(error: Exception) -> str:
    if isinstance(error, socket.gaierror | ValueError) and not isinstance(error, ssl.SSLError):
        return _DNS_HELP
    if isinstance(error, TimeoutError):
        return _TIMEOUT_HELP
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return _UNREACHABLE_HELP
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return _TLS_HELP
    return _CLOSED_HELP
