"""Why a receiver cannot be used: each row is a receiver as it is, and what the error says. Real TLS, real sockets."""

import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.deliver import Dialer, ReceiverEndpoint, StreamSender, framer, tls_context
from epimetheus.deliver.untrusted import presented_certificate
from epimetheus.errors import DeliveryUncertain, ReceiverError, ReceiverUntrusted
from epimetheus.testing.syslog import Authority, Identity, receive


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def dial(port, context, *, own_ca=True, host="localhost", timeout=2.0):
    return Dialer(ReceiverEndpoint(host, port, host, context, timeout, own_ca), Deadline.after(SYSTEM, 10))


def error_of(port, context, **options):
    with pytest.raises(ReceiverError) as caught:
        dial(port, context, **options)()
    return caught.value


@contextmanager
def server(folder, issuer, **dates):
    """A TLS server with a certificate with these dates; its port."""
    issued = issuer.issue_cert("localhost", **dates)
    issued.private_key_pem.write_to_path(folder / "key.pem")
    (folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    own = Authority(folder / "own")
    own.server = lambda *names, expired=False: Identity(folder / "cert.pem", folder / "key.pem")
    with receive(own) as receiver:
        yield receiver.port


def test_an_expired_certificate_is_reported_with_its_date(authority):
    with receive(authority, expired=True) as receiver:
        error = error_of(receiver.port, tls_context(authority.ca.read_text(), None, None))
    assert type(error) is ReceiverUntrusted
    assert error.what == f"The certificate of localhost:{receiver.port} is not trusted: it expired at 2001-01-01T00:00:00.000Z."
    assert error.do == "Have the operator of the receiver renew it."


def test_a_certificate_that_is_not_valid_yet_is_reported_with_its_date(tmp_path):
    issuer = trustme.CA()
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    with server(tmp_path, issuer, not_before=begin, not_after=begin + timedelta(days=9)) as port:
        error = error_of(port, tls_context(issuer.cert_pem.bytes().decode(), None, None))
    assert error.what.endswith(f"is not trusted: it is not valid before {begin:%Y-%m-%dT%H:%M:%S}.000Z.")
    assert error.do == "Check the clock of this machine, then the receiver's certificate."


@pytest.mark.parametrize("own_ca", [True, False])
def test_an_unknown_issuer_is_named_and_so_is_a_missing_syslog_ca(tmp_path, own_ca):
    issuer, stranger = trustme.CA(organization_name="Example Corp"), trustme.CA()
    context = tls_context(stranger.cert_pem.bytes().decode() if own_ca else None, None, None)
    with server(tmp_path, issuer) as port:
        error = error_of(port, context, own_ca=own_ca)
    assert ". Its issuer is " in error.what
    assert "O=Example Corp" in error.what
    assert ("SYSLOG_CA is not set, so the system's trust store was used." in error.what) is not own_ca
    assert error.do == (
        "Check that SYSLOG_CA issued the receiver's certificate, and that SYSLOG_SERVER_NAME is a name in it."
        if own_ca
        else "Set SYSLOG_CA to the certificate of the authority that issued the receiver's certificate."
    )


@pytest.mark.parametrize("version", [2, 4, 128])
def test_a_certificate_with_an_invalid_version_is_not_trusted(tmp_path, version):
    issuer = trustme.CA()
    issued = issuer.issue_cert("localhost")
    der = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    changed = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01" + bytes([version - 1]), 1)  # X.509 counts from 0
    issued.cert_chain_pems[:] = [trustme.Blob(ssl.DER_cert_to_PEM_cert(changed).encode())]
    issuer.issue_cert = lambda *names, **dates: issued
    with server(tmp_path, issuer) as port:
        error = error_of(port, tls_context(trustme.CA().cert_pem.bytes().decode(), None, None))
    assert type(error) is ReceiverUntrusted
    assert error.what.startswith(f"The certificate of localhost:{port} is not trusted: ")


def test_the_certificate_is_read_without_sending_anything(authority):
    with receive(authority) as receiver:
        found = presented_certificate(("127.0.0.1", receiver.port), "localhost", Deadline.after(SYSTEM, 2.0))
        assert receiver.messages == []
    assert found.not_valid_after_utc > datetime.now(UTC)
    assert presented_certificate(("127.0.0.1", receiver.port), "localhost", Deadline.after(SYSTEM, 2.0)) is None


PLAIN = "If SYSLOG_PORT is a port without TLS, use the receiver's TLS port, or set SYSLOG_TRANSPORT=tcp."


def test_tls_on_a_port_without_tls_that_does_not_respond(authority):
    with receive(None, tls=False) as receiver:
        receiver.faults.add("no_handshake", times=None)
        error = error_of(receiver.port, tls_context(authority.ca.read_text(), None, None), timeout=0.3)
    assert error.what == f"The TLS handshake with localhost:{receiver.port} failed: timed out."
    assert error.do.startswith(PLAIN)


@contextmanager
def greeting(data):
    """A server without TLS that sends ``data`` to a client and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                connection.sendall(data)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the receiver answered without TLS ("),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the receiver answered without TLS ("),
    ],
)
def test_tls_on_a_port_without_tls_that_responds(authority, data, cause):
    with greeting(data) as port:
        error = error_of(port, tls_context(authority.ca.read_text(), None, None), host="127.0.0.1")
    assert cause in error.what
    assert error.do == PLAIN


def _send(sender, message):
    sender.write(message, 1)
    sender.finish()


def test_tcp_on_a_tls_port_is_reported_once_something_is_sent(authority):
    with receive(authority) as receiver:
        deadline = Deadline.after(SYSTEM, 10)
        sender = StreamSender(dial(receiver.port, None), confirm_delay_seconds=0.15, deadline=deadline)
        message = framer("octet-counting")(b"<134>1 - - - - - - test")
        with pytest.raises(DeliveryUncertain) as caught:
            _send(sender, message)
    assert "set SYSLOG_TRANSPORT=tls." in caught.value.do
