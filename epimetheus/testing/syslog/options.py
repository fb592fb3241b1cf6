"""Options of a receiver."""

import ssl
from dataclasses import dataclass
from typing import TypedDict

from epimetheus.testing.syslog.authority import NAMES, Authority
from epimetheus.testing.syslog.frames import MAX_MESSAGE_BYTES, Framing


@dataclass(frozen=True)
class Options:
    """Options of ``receive``.

    ``limit``: maximum size of a message in bytes; a longer one ends the connection, as in syslog-ng. ``client_certificates``: require a
    client certificate. ``names``, ``expired``: of the receiver's certificate. ``port``: 0 selects a free port. ``sends_close_notify``: if
    False, the client's close_notify is answered with FIN only, as rsyslog's gtls driver does.
    """

    tls: bool = True
    framing: Framing = "auto"
    limit: int = MAX_MESSAGE_BYTES
    client_certificates: bool = False
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    maximum_version: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    names: tuple[str, ...] = NAMES
    expired: bool = False
    port: int = 0
    sends_close_notify: bool = True


class OptionNames(TypedDict, total=False):
    """Keyword arguments of ``receive``: fields of Options."""

    tls: bool
    framing: Framing
    limit: int
    client_certificates: bool
    minimum_version: ssl.TLSVersion
    maximum_version: ssl.TLSVersion
    names: tuple[str, ...]
    expired: bool
    port: int
    sends_close_notify: bool


def server_context(authority: Authority, options: Options) -> ssl.SSLContext:
    """Returns a TLS context for the options, with a new certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = options.minimum_version
    context.maximum_version = options.maximum_version
    context.load_cert_chain(*authority.server(*options.names, expired=options.expired))
    if options.client_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca)
    return context
