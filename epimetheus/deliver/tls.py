"""TLS context: trust anchors (SYSLOG_CA) and client certificate (SYSLOG_CLIENT_CERT, SYSLOG_CLIENT_KEY)."""

import ssl
import tempfile

from cryptography import x509

from epimetheus.errors import ConfigError


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
    try:
        found = x509.load_pem_x509_certificates(certificates.encode("ascii", "replace"))
    except ValueError as error:
        raise ConfigError(["SYSLOG_CLIENT_CERT contains an unreadable certificate: expected PEM text"]) from error
    return min(certificate.not_valid_after_utc for certificate in found).timestamp()


def _load_trust_anchors(context: ssl.SSLContext, ca: str) -> None:
    try:
        # OpenSSL accepts only ASCII, but bundles may have comments in any language between their certificates.
        context.load_verify_locations(cadata=ca.encode("ascii", "replace").decode())
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(["SYSLOG_CA is not a readable certificate: expected PEM text"]) from error


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # OpenSSL reads a key only from a file. This one is private to this user, and is deleted before any connection.
    with tempfile.NamedTemporaryFile("w", encoding="ascii", errors="replace", prefix="epimetheus-") as pem:
        pem.write(f"{key.strip()}\n{certificate.strip()}\n")
        pem.flush()
        try:
            context.load_cert_chain(pem.name, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            expected = "expected PEM text, and the unencrypted private key of the certificate"
            raise ConfigError([f"SYSLOG_CLIENT_CERT and SYSLOG_CLIENT_KEY are not a usable pair: {expected}"]) from error


def _no_password() -> str:
    """Without a password callback, OpenSSL would prompt on the terminal and wait."""
    return ""
