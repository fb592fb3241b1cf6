"""A syslog receiver for tests, over TLS or plain TCP: strict about what it reads, and able to fail when told to.

``with receive(Authority(folder)) as receiver:`` listens on loopback; ``receiver.messages`` is what arrived, ``receiver.problems`` what
was wrong with it, and ``receiver.faults`` what is to go wrong. `parse_message` takes a message of RFC 5424 apart.
It imports nothing else of this package, so that it can not share its mistakes.
"""

from epimetheus.testing.syslog.authority import Authority, Identity
from epimetheus.testing.syslog.message import Message, parse_message
from epimetheus.testing.syslog.receiver import Receiver, receive

__all__ = ["Authority", "Identity", "Message", "Receiver", "parse_message", "receive"]
