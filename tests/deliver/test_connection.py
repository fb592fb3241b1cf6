"""The strict close: TCP states and errors that prove nothing, and other systems, which expose less than Linux."""

import socket
import ssl
import struct

import pytest

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.deliver import connection as module
from epimetheus.deliver.connection import Connection, Dialer, ReceiverEndpoint
from epimetheus.deliver.failures import receiver_error
from epimetheus.deliver.tls import tls_context
from epimetheus.errors import ReceiverError, ReceiverUntrusted
from epimetheus.testing.syslog import Authority, receive

ESTABLISHED, CLOSE = 1, 7


class ScriptedSocket(socket.socket):
    """A real socket that reports the TCP state and pending error that a test sets."""

    state = CLOSE
    pending = 0

    def getsockopt(self, level, option, *size):
        return bytes([self.state]) if option == socket.TCP_INFO and level == socket.IPPROTO_TCP else self.pending


@pytest.fixture
def pair():
    """Our end and the receiver's end, which has sent its FIN."""
    ours, theirs = socket.socketpair()
    scripted = ScriptedSocket(fileno=ours.detach())
    theirs.shutdown(socket.SHUT_WR)
    yield scripted, theirs
    scripted.close()
    theirs.close()


def closing(scripted, hand=None, timeout=5.0):
    deadline = hand.deadline(60) if hand else Deadline.after(SYSTEM, 60)
    connection = Connection(scripted, ReceiverEndpoint("siem", 6514, "siem", None, timeout), deadline)
    connection.check_alive = lambda: None  # it would find the FIN that arrived before our close
    return connection.close


def test_a_fin_that_is_never_acknowledged_is_no_proof(pair, hand):
    scripted, _ = pair
    scripted.state = ESTABLISHED
    with pytest.raises(ReceiverError, match="Closing the connection to siem:6514 failed: timed out"):
        closing(scripted, hand)()
    assert 5 <= sum(hand.slept) < 6


def test_a_pending_error_is_no_proof(pair):
    scripted, _ = pair
    scripted.pending = 104
    with pytest.raises(ReceiverError, match="failed: a socket error was pending"):
        closing(scripted)()


def test_unacknowledged_bytes_are_no_proof(pair):
    scripted, _ = pair
    scripted.send(b"x" * 100)
    with pytest.raises(ReceiverError, match="failed: the receiver did not acknowledge all data"):
        closing(scripted)()


def test_a_fin_with_everything_acknowledged_is_proof(pair):
    scripted, _ = pair
    assert closing(scripted)() is False


def test_a_receiver_that_does_not_wait_for_our_fin_is_no_proof(tmp_path):
    class Ended(ssl.SSLSocket):
        def getsockopt(self, level, option, *size):
            return bytes([CLOSE]) if option == socket.TCP_INFO and level == socket.IPPROTO_TCP else super().getsockopt(level, option, *size)

    authority = Authority(tmp_path)
    with receive(authority) as receiver:
        context = tls_context(authority.ca_pem, None, None)
        context.sslsocket_class = Ended
        connection = Dialer(ReceiverEndpoint("127.0.0.1", receiver.port, "localhost", context, 5.0), Deadline.after(SYSTEM, 10))()
        with pytest.raises(ReceiverError, match="failed: the receiver did not wait for the end of the data"):
            connection.close()
        connection.abandon()


@pytest.mark.parametrize("tls", [True, False])
def test_without_linux_a_clean_end_is_proof_enough(tmp_path, monkeypatch, tls):
    monkeypatch.setattr(module, "_LINUX", False)
    authority = Authority(tmp_path)
    with receive(authority if tls else None, tls=tls) as receiver:
        context = tls_context(authority.ca_pem, None, None) if tls else None
        connection = Dialer(ReceiverEndpoint("127.0.0.1", receiver.port, "localhost", context, 5.0), Deadline.after(SYSTEM, 10))()
        connection.write(b"5 <1>1 ")
        assert connection.close() is tls
        assert receiver.messages == [b"<1>1 "]


def test_a_reset_during_the_close_is_no_proof():
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = Dialer(ReceiverEndpoint("127.0.0.1", server.getsockname()[1], "", None, 5.0), Deadline.after(SYSTEM, 10))()
        theirs, _ = server.accept()
        connection.write(b"unread")
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        with pytest.raises(ReceiverError, match="Connection reset by peer"):
            connection.close()
        connection.abandon()


@pytest.mark.parametrize(
    ("error", "kind", "what", "do"),
    [
        (TimeoutError(), ReceiverError, "timed out", "keeps up"),
        (ConnectionRefusedError(111, "Connection refused"), ReceiverError, "Connection refused", "SYSLOG_HOST and SYSLOG_PORT"),
        (OSError(101, "Network is unreachable"), ReceiverError, "Network is unreachable", "the route table and security lists"),
        (OSError(113, "No route to host"), ReceiverError, "No route to host", "the route table and security lists"),
        (BrokenPipeError(), ReceiverError, "the connection is closed", "Check the receiver's log"),
        (socket.gaierror(-2, "Name or service not known"), ReceiverError, "Name or service not known", "DNS servers"),
        (UnicodeError("label too long"), ReceiverError, "label too long", "DNS servers"),
        (ssl.SSLEOFError(8, "EOF occurred"), ReceiverError, "the receiver closed the connection", "Check the receiver's log"),
        (ssl.SSLError(1, "odd"), ReceiverError, "TLS error (no reason given)", "TLS port"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_system_errors_become_receiver_errors(error, kind, what, do):
    translated = receiver_error("siem:6514", "Writing to", error)
    assert type(translated) is kind
    assert translated.what == f"Writing to siem:6514 failed: {what}."
    assert do in translated.do


def test_an_alert_about_the_client_certificate_names_its_setting():
    error = ssl.SSLError(1, "alert")
    error.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    translated = receiver_error("siem:6514", "Checking the connection to", error)
    assert type(translated) is ReceiverUntrusted
    assert translated.what == "siem:6514 rejected the client certificate, or requires one (TLSV13_ALERT_CERTIFICATE_REQUIRED)."
    assert "SYSLOG_CLIENT_CERT" in translated.do
