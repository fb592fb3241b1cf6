"""Delivery to the receiver: framing, TLS, successive connections, and proof that the receiver read what was sent."""

from epimetheus.deliver.connection import Connection, Dialer, ReceiverEndpoint
from epimetheus.deliver.framing import framer
from epimetheus.deliver.relp_sender import RelpSender
from epimetheus.deliver.stream_sender import StreamSender
from epimetheus.deliver.tls import certificate_expiry, tls_context

__all__ = ["Connection", "Dialer", "ReceiverEndpoint", "RelpSender", "StreamSender", "certificate_expiry", "framer", "tls_context"]
