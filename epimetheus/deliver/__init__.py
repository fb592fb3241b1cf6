"""Delivery to the receiver: framing, TLS, successive connections, and proof that the receiver read what was sent."""

from epimetheus.deliver.connection import Connection, Dialer, Peer
from epimetheus.deliver.delivery import Delivery
from epimetheus.deliver.framing import framer
from epimetheus.deliver.relp import RelpDelivery
from epimetheus.deliver.tls import certificate_expiry, tls_context

__all__ = ["Connection", "Delivery", "Dialer", "Peer", "RelpDelivery", "certificate_expiry", "framer", "tls_context"]
