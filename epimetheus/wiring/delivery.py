"""Builds the delivery to the receiver: TLS context, connections and senders."""

import ssl
from dataclasses import dataclass
from functools import cached_property

from epimetheus.clock import Deadline
from epimetheus.config.settings import Settings
from epimetheus.deliver import Dialer, ReceiverEndpoint, RelpSender, StreamSender, certificate_expiry, tls_context
from epimetheus.run.ports import Sender
from epimetheus.source.references import ReferenceResolver


@dataclass(frozen=True)
class DeliveryWiring:
    """Delivery to the receiver at SYSLOG_HOST. Certificates and keys are read once."""

    settings: Settings
    references: ReferenceResolver

    @cached_property
    def tls(self) -> ssl.SSLContext | None:
        """TLS context: trust anchors and client certificate. None for plain TCP. Raises ConfigError, SourceError, CredentialsError."""
        if self.settings.syslog_transport == "tcp":
            return None
        key = self.references.read("SYSLOG_CLIENT_KEY", self.settings.syslog_client_key)
        return tls_context(self.references.read("SYSLOG_CA", self.settings.syslog_ca), self.client_certificate, key)

    @cached_property
    def client_certificate(self) -> str | None:
        """SYSLOG_CLIENT_CERT, as PEM. Raises ConfigError, SourceError, CredentialsError."""
        return self.references.read("SYSLOG_CLIENT_CERT", self.settings.syslog_client_cert)

    def certificate_end(self, dialer: Dialer) -> float | None:
        """When the first certificate expires, the client's or the receiver's, in seconds since the epoch; None if there is none."""
        client = [certificate_expiry(self.client_certificate)] if self.client_certificate else []
        return min([*client, *([dialer.certificate_expiry] if dialer.certificate_expiry else [])], default=None)

    def dialer(self, deadline: Deadline) -> Dialer:
        """Opens connections to the receiver until ``deadline``."""
        settings = self.settings
        endpoint = ReceiverEndpoint(
            host=settings.syslog_host,
            port=settings.syslog_port,
            server_name=settings.syslog_server_name or settings.syslog_host,
            ssl_context=self.tls,
            timeout=settings.syslog_timeout_seconds,
            own_ca=settings.syslog_ca is not None,
        )
        return Dialer(endpoint, deadline)

    def sender(self, dialer: Dialer, deadline: Deadline) -> Sender:
        """Sends messages over connections of ``dialer``, with the confirmation of SYSLOG_TRANSPORT."""
        if self.settings.syslog_transport == "relp":
            return RelpSender(dialer)
        return StreamSender(dialer, confirm_delay_seconds=self.settings.syslog_confirm_delay_seconds, deadline=deadline)
