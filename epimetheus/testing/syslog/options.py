"""How a receiver is set up."""

import ssl
from dataclasses import dataclass
from typing import TypedDict

from epimetheus.testing.syslog.authority import NAMES, Authority
from epimetheus.testing.syslog.frames import LONGEST, Framing


@dataclass(frozen=True)
class Options:
    """``framing``: what is a frame; ``limit``: octets of the longest message, over which it hangs up as syslog-ng does.

    ``client_certificates``: whether a client needs one. ``names``, ``expired``: what its own certificate says. ``port``: 0 takes a
    free one. ``answers_close``: False answers close_notify with FIN alone, as rsyslog's gtls driver does.
    """

    tls: bool = True
    framing: Framing = "auto"
    limit: int = LONGEST
    client_certificates: bool = False
    minimum_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    maximum_version: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED
    names: tuple[str, ...] = NAMES
    expired: bool = False
    port: int = 0
    answers_close: bool = True


class OptionNames(TypedDict, total=False):
    """What ``receive`` takes by name: the fields of Options."""

    tls: bool
    framing: Framing
    limit: int
    client_certificates: bool
    minimum_version: ssl.TLSVersion
    maximum_version: ssl.TLSVersion
    names: tuple[str, ...]
    expired: bool
    port: int
    answers_close: bool


def server_context(authority: Authority, options: Options) -> ssl.SSLContext:
    """TLS as the options have it, with a certificate made for it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = options.minimum_version
    context.maximum_version = options.maximum_version
    context.load_cert_chain(*authority.server(*options.names, expired=options.expired))
    if options.client_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca)
    return context
