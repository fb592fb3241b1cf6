"""Explains why the receiver's certificate is not trusted: when it expired, which names it has, who issued it.

OpenSSL reports only a code, and Python 3.11 drops the certificate of a failed handshake. So the certificate is read over a second
connection, which sends nothing and is closed at once.
"""

import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime

from cryptography import x509

from epimetheus.clock import Deadline
from epimetheus.errors import ReceiverUntrusted
from epimetheus.model import time_text
from epimetheus.safe_text import safe_message

_NOT_YET_VALID, _EXPIRED = 9, 10  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
_UNKNOWN_ISSUER = (2, 18, 19, 20, 21)  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, …_SELF_SIGNED_CERT, …_UNABLE_TO_VERIFY_LEAF_SIGNATURE
_WRONG_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_MAX_NAMES = 8

_TRUST_HELP = "Check that SYSLOG_CA issued the receiver's certificate, and that SYSLOG_SERVER_NAME is a name in it."
_NO_CA = "SYSLOG_CA is not set, so the system's trust store was used."
_NO_CA_HELP = "Set SYSLOG_CA to the certificate of the authority that issued the receiver's certificate."
_NAME_HELP = (
    "Check SYSLOG_SERVER_NAME (default: SYSLOG_HOST): the subjectAltName of the receiver's certificate must contain this name or address;"
    " a common name (CN) is not sufficient."
)
_EXPIRED_HELP = "Have the operator of the receiver renew it."
_NOT_YET_HELP = "Check the clock of this machine, then the receiver's certificate."


def presented_certificate(address: tuple[str, int], server_name: str, deadline: Deadline) -> x509.Certificate | None:
    """The certificate that the server at ``address`` presents, without checking it.

    None if it presents none before ``deadline``, or one that cannot be decoded.
    It is only described in an error, and never used to trust the server: the connection carries no data.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with suppress(OSError, ValueError, x509.InvalidVersion), socket.create_connection(address, deadline.left()) as plain:
        plain.settimeout(deadline.left())
        with context.wrap_socket(plain, server_hostname=server_name) as secured:
            return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    return None


def untrusted_error(
    endpoint: str, error: ssl.SSLCertVerificationError, certificate: x509.Certificate | None, *, own_ca: bool
) -> ReceiverUntrusted:
    """The error for the receiver ``endpoint`` (host:port), whose ``certificate`` is not trusted. ``own_ca``: SYSLOG_CA is set."""
    code, facts, help = error.verify_code, error.verify_message.rstrip("."), _TRUST_HELP
    if code == _EXPIRED:
        help = _EXPIRED_HELP
        if certificate and _has_ended(certificate):
            facts = f"it expired at {time_text(certificate.not_valid_after_utc.timestamp())}"
        elif certificate:
            facts = f"a certificate in its chain or in SYSLOG_CA has expired; its issuer is {_issuer(certificate)}"
    elif code == _NOT_YET_VALID:
        help = _NOT_YET_HELP
        if certificate:
            facts = f"it is not valid before {time_text(certificate.not_valid_before_utc.timestamp())}"
    elif code in _WRONG_NAME:
        help = _NAME_HELP
        facts += f". {_names(certificate)}" if certificate else ""
    elif code in _UNKNOWN_ISSUER:
        facts += f". Its issuer is {_issuer(certificate)}" if certificate else ""
        if not own_ca:
            facts, help = f"{facts}. {_NO_CA.rstrip('.')}", _NO_CA_HELP
    return ReceiverUntrusted(f"The certificate of {endpoint} is not trusted: {facts}.", do=help)


def _has_ended(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc <= datetime.now(UTC)


def _issuer(certificate: x509.Certificate) -> str:
    try:
        return safe_message(certificate.issuer.rfc4514_string()) or "not named"
    except ValueError:  # not a valid name: the certificate is that of an unknown server
        return "unreadable"


def _names(certificate: x509.Certificate) -> str:
    """The names in the subjectAltName, which alone count."""
    try:
        subject = safe_message(certificate.subject.rfc4514_string()) or "empty"
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return f"It has no name in a subjectAltName; its subject is {subject}"
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return "Its names cannot be read"
    found = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    more = f" and {len(found) - _MAX_NAMES} more" if len(found) > _MAX_NAMES else ""
    return f"Its names are {safe_message(', '.join(found[:_MAX_NAMES]))}{more}" if found else f"It has no name; its subject is {subject}"
