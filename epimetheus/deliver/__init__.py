"""To the receiver: frames, TLS, one connection after the other, and the proof that what went over them was read."""

from epimetheus.deliver.connection import Connection, Dialer, Peer
from epimetheus.deliver.delivery import Delivery
from epimetheus.deliver.framing import framer
from epimetheus.deliver.relp import RelpDelivery
from epimetheus.deliver.tls import certificate_end, tls_context

__all__ = ["Connection", "Delivery", "Dialer", "Peer", "RelpDelivery", "certificate_end", "framer", "tls_context"]
