"""Whom we trust and who we are: the TLS context for SYSLOG_CA, SYSLOG_CLIENT_CERT and SYSLOG_CLIENT_KEY."""

import ssl
import tempfile

from cryptography import x509

from epimetheus.errors import ConfigError

_PEM = "allowed is PEM text"


def tls_context(ca: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """TLS 1.2 or better, the receiver always verified: against ``ca`` (PEM; None: the system's store), and by name.

    The name must be in the certificate's subjectAltName (RFC 9525 2): a common name alone is not enough.

    ``certificate`` (PEM, with its chain) and ``key`` (PEM, not encrypted) are shown to a receiver that asks for them. Raises ConfigError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False
    if ca is None:
        context.load_default_certs()
    else:
        _trust(context, ca)
    if certificate is not None and key is not None:
        _identify(context, certificate, key)
    return context


def certificate_end(certificates: str) -> float:
    """When the first of these (PEM) is over, in seconds since the epoch. Raises ConfigError."""
    try:
        found = x509.load_pem_x509_certificates(certificates.encode("ascii", "replace"))
    except ValueError as error:
        raise ConfigError([f"SYSLOG_CLIENT_CERT holds a certificate that can not be read; {_PEM}"]) from error
    return min(one.not_valid_after_utc for one in found).timestamp()


def _trust(context: ssl.SSLContext, ca: str) -> None:
    try:
        # Bundles have comments in any language between their certificates; OpenSSL wants ASCII.
        context.load_verify_locations(cadata=ca.encode("ascii", "replace").decode())
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError([f"SYSLOG_CA is no certificate that can be read; {_PEM}"]) from error


def _identify(context: ssl.SSLContext, certificate: str, key: str) -> None:
    # OpenSSL reads a key from a file only; this one is ours alone, and gone before anything is sent.
    with tempfile.NamedTemporaryFile("w", encoding="ascii", errors="replace", prefix="epimetheus-") as pem:
        pem.write(f"{key.strip()}\n{certificate.strip()}\n")
        pem.flush()
        try:
            context.load_cert_chain(pem.name, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            problem = f"SYSLOG_CLIENT_CERT and SYSLOG_CLIENT_KEY are no pair that can be used; {_PEM}, the key its own and not encrypted"
            raise ConfigError([problem]) from error


def _no_password() -> str:
    """Without this OpenSSL would ask the terminal, and wait."""
    return ""
