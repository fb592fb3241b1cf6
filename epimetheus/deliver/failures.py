"""What the system and OpenSSL raise, in our words: what happened to the receiver, and whose fault it is."""

import errno
import re
import socket
import ssl

from epimetheus.errors import ReceiverError, ReceiverUntrusted

_OUR_CERTIFICATE = re.compile(r"ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)$")
_WRONG_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_NOT_REACHED = (errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH)
_TRUST_HELP = "Check SYSLOG_CA (who signed the receiver's certificate) and SYSLOG_SERVER_NAME (the name in it)."
_NAMED_HELP = (
    "Check SYSLOG_SERVER_NAME (SYSLOG_HOST by default): that name or address must be in the subjectAltName of the receiver's certificate;"
    " a common name (CN) alone is not accepted."
)
_CLIENT_HELP = "Check SYSLOG_CLIENT_CERT and SYSLOG_CLIENT_KEY: not expired, and signed by who the receiver trusts."
_TLS_HELP = "Check that SYSLOG_PORT is the receiver's port for TLS, and that it offers TLS 1.2 or better."
_NAME_HELP = "Check SYSLOG_HOST, and the name servers of the subnet."
_REACH_HELP = "Check SYSLOG_HOST and SYSLOG_PORT, the subnet's route and security lists, and that the receiver runs."
_SLOW_HELP = "Check that the receiver keeps up; SYSLOG_TIMEOUT_SECONDS says how long each step may take."
_GONE_HELP = "Check the receiver's own log around this time; what it did not confirm is sent again."
AGREEING = "agreeing on TLS with"
_HANDSHAKE_HELP = "Check its log: it may want SYSLOG_CLIENT_CERT, or another one, or not speak TLS on this port."


def receiver_error(peer: str, doing: str, error: Exception) -> ReceiverError:
    """The error for ``error``, met while ``doing`` something with ``peer``; to be chained to it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        help = _NAMED_HELP if error.verify_code in _WRONG_NAME else _TRUST_HELP
        return ReceiverUntrusted(f"The certificate of {peer} is not trusted: {error.verify_message.rstrip('.')}.", do=help)
    if isinstance(error, ssl.SSLError) and _OUR_CERTIFICATE.search(_reason(error)):
        return ReceiverUntrusted(f"{peer} refused our certificate, or the lack of one ({_reason(error)}).", do=_CLIENT_HELP)
    hung_up = isinstance(error, ssl.SSLEOFError | ConnectionResetError) and doing == AGREEING
    return ReceiverError(f"Failed while {doing} {peer}: {_words(error)}.", do=_HANDSHAKE_HELP if hung_up else _help(error))


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's own; there is none where Python itself raised the error."""
    return getattr(error, "reason", None) or ""


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLEOFError):
        return "it hung up"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({_reason(error) or 'no reason given'})"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)


def _help(error: Exception) -> str:
    if isinstance(error, socket.gaierror | ValueError) and not isinstance(error, ssl.SSLError):
        return _NAME_HELP
    if isinstance(error, TimeoutError):
        return _SLOW_HELP
    if isinstance(error, OSError) and error.errno in _NOT_REACHED:
        return _REACH_HELP
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return _TLS_HELP
    return _GONE_HELP
