"""The strict close where the kernel's own word is not what it should be; and without Linux, where it says less."""

import socket
import ssl
import struct

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.deliver import connection as module
from epimetheus.deliver.connection import Connection, Dialer, Peer
from epimetheus.deliver.failures import receiver_error
from epimetheus.deliver.tls import tls_context
from epimetheus.errors import ReceiverError, ReceiverUntrusted
from epimetheus.testing.syslog import Authority, receive

ESTABLISHED, CLOSE = 1, 7


class Told(socket.socket):
    """A real socket whose kernel says what it is told to say."""

    state = CLOSE
    pending = 0

    def getsockopt(self, level, option, *size):
        return bytes([self.state]) if option == socket.TCP_INFO and level == socket.IPPROTO_TCP else self.pending


@pytest.fixture
def pair():
    """Our end, and the receiver's, which has said its FIN."""
    ours, theirs = socket.socketpair()
    told = Told(fileno=ours.detach())
    theirs.shutdown(socket.SHUT_WR)
    yield told, theirs
    told.close()
    theirs.close()


def closing(told, hand=None, timeout=5.0):
    deadline = hand.deadline(60) if hand else Deadline.after(SYSTEM, 60)
    link = Connection(told, Peer("siem", 6514, "siem", None, timeout), deadline)
    link.look = lambda: None  # the FIN is there before we close, which a look would find
    return link.close


def test_a_fin_that_is_never_acknowledged_is_no_proof(pair, hand):
    told, _ = pair
    told.state = ESTABLISHED
    with pytest.raises(ReceiverError, match="closing the connection to siem:6514: no answer in time"):
        closing(told, hand)()
    assert 5 <= sum(hand.slept) < 6


def test_a_pending_error_is_no_proof(pair):
    told, _ = pair
    told.pending = 104
    with pytest.raises(ReceiverError, match="an error was pending"):
        closing(told)()


def test_bytes_that_were_not_taken_are_no_proof(pair):
    told, _ = pair
    told.send(b"x" * 100)
    with pytest.raises(ReceiverError, match="it did not take everything"):
        closing(told)()


def test_all_of_it_is_proof(pair):
    told, _ = pair
    assert closing(told)() is False


def test_a_receiver_that_is_gone_before_our_end_is_no_proof(tmp_path):
    class Gone(ssl.SSLSocket):
        def getsockopt(self, level, option, *size):
            return bytes([CLOSE]) if option == socket.TCP_INFO and level == socket.IPPROTO_TCP else super().getsockopt(level, option, *size)

    authority = Authority(tmp_path)
    with receive(authority) as receiver:
        context = tls_context(authority.ca_pem, None, None)
        context.sslsocket_class = Gone
        link = Dialer(Peer("127.0.0.1", receiver.port, "localhost", context, 5.0), Deadline.after(SYSTEM, 10))()
        with pytest.raises(ReceiverError, match="it did not wait for our end"):
            link.close()
        link.abandon()


@pytest.mark.parametrize("tls", [True, False])
def test_without_linux_a_clean_end_has_to_do(tmp_path, monkeypatch, tls):
    monkeypatch.setattr(module, "_LINUX", False)
    authority = Authority(tmp_path)
    with receive(authority if tls else None, tls=tls) as receiver:
        context = tls_context(authority.ca_pem, None, None) if tls else None
        link = Dialer(Peer("127.0.0.1", receiver.port, "localhost", context, 5.0), Deadline.after(SYSTEM, 10))()
        link.write(b"5 <1>1 ")
        assert link.close() is tls
        assert receiver.messages == [b"<1>1 "]


def test_a_reset_at_the_end_is_no_proof():
    with socket.create_server(("127.0.0.1", 0)) as server:
        link = Dialer(Peer("127.0.0.1", server.getsockname()[1], "", None, 5.0), Deadline.after(SYSTEM, 10))()
        theirs, _ = server.accept()
        link.write(b"unread")
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        with pytest.raises(ReceiverError, match="Connection reset by peer"):
            link.close()
        link.abandon()


@pytest.mark.parametrize(
    ("error", "kind", "what", "do"),
    [
        (TimeoutError(), ReceiverError, "no answer in time", "keeps up"),
        (ConnectionRefusedError(111, "Connection refused"), ReceiverError, "Connection refused", "SYSLOG_HOST and SYSLOG_PORT"),
        (OSError(101, "Network is unreachable"), ReceiverError, "Network is unreachable", "route and security lists"),
        (OSError(113, "No route to host"), ReceiverError, "No route to host", "route and security lists"),
        (BrokenPipeError(), ReceiverError, "BrokenPipeError", "Check the receiver's own log"),
        (socket.gaierror(-2, "Name or service not known"), ReceiverError, "Name or service not known", "name servers"),
        (UnicodeError("label too long"), ReceiverError, "label too long", "name servers"),
        (ssl.SSLEOFError(8, "EOF occurred"), ReceiverError, "it hung up", "Check the receiver's own log"),
        (ssl.SSLError(1, "odd"), ReceiverError, "TLS failed (no reason given)", "port for TLS"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_foreign_errors_in_our_words(error, kind, what, do):
    told = receiver_error("siem:6514", "writing to", error)
    assert type(told) is kind
    assert told.what == f"Failed while writing to siem:6514: {what}."
    assert do in told.do


def test_an_alert_about_our_certificate_is_ours_to_mend():
    error = ssl.SSLError(1, "alert")
    error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    told = receiver_error("siem:6514", "checking", error)
    assert type(told) is ReceiverUntrusted
    assert "SYSLOG_CLIENT_CERT" in told.do
