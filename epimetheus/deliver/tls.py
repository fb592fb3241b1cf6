"""TLS context: trust anchors (SYSLOG_CA) and client certificate (SYSLOG_CLIENT_CERT, SYSLOG_CLIENT_KEY)."""

import ssl
import tempfile

from epimetheus.errors import ConfigError
from epimetheus.pem import certificates_text, check_pair, read_certificates, read_private_key


def tls_context(ca: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """A client context for TLS 1.2 or later that always verifies the receiver's certificate and name.

    ``ca``: trust anchors (PEM), None for the system's store. The name must be in the certificate's subjectAltName (RFC 9525 2); a common
    name is not sufficient. ``certificate`` (PEM, with its chain) and ``key`` (PEM, unencrypted) are presented to a receiver that requests
    a client certificate. Raises ConfigError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    if ca is None:
        context.load_default_certs()
    else:
        _load_trust_anchors(context, ca)
    if certificate is not None and key is not None:
        _load_client_certificate(context, certificate, key)
    return context


def certificate_expiry(certificates: str) -> float:
    """When the first of ``certificates`` (PEM) expires, in seconds since the epoch. Raises ConfigError."""
    found = read_certificates("SYSLOG_CLIENT_CERT", certificates)
    return min(certificate.not_valid_after_utc for certificate in found).timestamp()


def _load_trust_anchors(context: ssl.SSLContext, ca: str) -> None:
    text = certificates_text(read_certificates("SYSLOG_CA", ca))
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError([f"SYSLOG_CA: OpenSSL rejects the certificates ({_reason(error)})"]) from error


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    certificates, private_key = read_certificates("SYSLOG_CLIENT_CERT", certificate), read_private_key("SYSLOG_CLIENT_KEY", key)
    check_pair(certificates, private_key)
    try:
        _load_pair(context, private_key + certificates_text(certificates))
    except ssl.SSLError as error:
        raise ConfigError([f"SYSLOG_CLIENT_CERT and SYSLOG_CLIENT_KEY: OpenSSL rejects the pair ({_reason(error)})"]) from error
    except OSError as error:
        what = f"SYSLOG_CLIENT_KEY: OpenSSL needs a temporary file, which cannot be written: {error.strerror}"
        raise ConfigError([f"{what}; free space on the disk, or set TMPDIR to another folder"]) from error


def _load_pair(context: ssl.SSLContext, text: str) -> None:
    # OpenSSL reads a key only from a file. This one is private to this user, and is deleted before any connection.
    with tempfile.NamedTemporaryFile("w", encoding="ascii", prefix="epimetheus-") as pem:
        pem.write(text)
        pem.flush()
        context.load_cert_chain(pem.name, password=_no_password)


def _reason(error: Exception) -> str:
    """OpenSSL's reason code, such as EE_KEY_TOO_SMALL."""
    return getattr(error, "reason", None) or "no reason given"


def _no_password() -> str:
    """Without a password callback, OpenSSL would prompt on the terminal and wait."""
    return ""
