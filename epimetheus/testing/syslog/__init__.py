"""A syslog receiver for tests, over TLS or plain TCP: strict about its input, and with faults on request.

``with receive(Authority(folder)) as receiver:`` listens on loopback. ``receiver.messages`` contains the messages, ``receiver.problems``
protocol violations of the clients; ``receiver.faults`` makes it fail. `parse_message` parses a message of RFC 5424.
The receiver imports no other part of Epimetheus, so that it cannot share its mistakes.
"""

from epimetheus.testing.syslog.authority import Authority, Identity
from epimetheus.testing.syslog.message import Message, parse_message
from epimetheus.testing.syslog.receiver import Receiver, receive

__all__ = ["Authority", "Identity", "Message", "Receiver", "parse_message", "receive"]
