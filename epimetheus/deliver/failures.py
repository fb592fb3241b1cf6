"""Errors of the operating system and OpenSSL as ReceiverError: what failed, the specific cause, and what to do."""

import errno
import re
import socket
import ssl

from epimetheus.errors import ReceiverError, ReceiverUntrusted

HANDSHAKE = "The TLS handshake with"

_CLIENT_CERTIFICATE_ALERT = re.compile(r"ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)$")
_WRONG_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_UNREACHABLE = (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH)

_TRUST_HELP = "Check that SYSLOG_CA issued the receiver's certificate, and that SYSLOG_SERVER_NAME is a name in it."
_NAME_HELP = (
    "Check SYSLOG_SERVER_NAME (default: SYSLOG_HOST): the subjectAltName of the receiver's certificate must contain this name or address;"
    " a common name (CN) is not sufficient."
)
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
_CLOSED_HELP = "Check the receiver's log for this time. Unconfirmed messages are sent again."


def receiver_error(endpoint: str, step: str, error: Exception) -> ReceiverError:
    """The error to raise from ``error``, which occurred in ``step`` ("Writing to", `HANDSHAKE`) with ``endpoint`` (host:port)."""
    if isinstance(error, ssl.SSLCertVerificationError):
        help = _NAME_HELP if error.verify_code in _WRONG_NAME else _TRUST_HELP
        return ReceiverUntrusted(f"The certificate of {endpoint} is not trusted: {error.verify_message.rstrip('.')}.", do=help)
    if isinstance(error, ssl.SSLError) and _CLIENT_CERTIFICATE_ALERT.search(_reason(error)):
        return ReceiverUntrusted(f"{endpoint} rejected the client certificate, or requires one ({_reason(error)}).", do=_CLIENT_HELP)
    closed = isinstance(error, ssl.SSLEOFError | ConnectionResetError) and step == HANDSHAKE
    return ReceiverError(f"{step} {endpoint} failed: {_cause(error)}.", do=_HANDSHAKE_HELP if closed else _help(error))


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason code, empty if Python itself raised the error."""
    return getattr(error, "reason", None) or ""


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ssl.SSLEOFError):
        return "the receiver closed the connection"
    if isinstance(error, ssl.SSLError):
        return f"TLS error ({_reason(error) or 'no reason given'})"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
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
