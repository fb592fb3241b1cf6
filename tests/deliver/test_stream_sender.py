"""Delivery to the stand-in receiver over real TLS: when messages are confirmed, and the effect of each kind of failure."""

import os
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization

from epimetheus.clock import SYSTEM, Deadline
from epimetheus.deliver import Dialer, ReceiverEndpoint, StreamSender, framer, tls_context
from epimetheus.deliver.stream_sender import CONNECTION_MESSAGES, uncertain_on_error
from epimetheus.errors import ConfigError, DeliveryUncertain, OutOfTime, ReceiverError, ReceiverUntrusted
from epimetheus.testing.syslog import Authority, receive

FRAME = framer("octet-counting")
LOST = "may not have arrived"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def sender(receiver, ca=None, *, host="127.0.0.1", name="localhost", seconds=30.0, timeout=1.0, clock=SYSTEM, client=(None, None)):
    context = tls_context(ca, *client) if ca else None
    deadline = Deadline.after(clock, seconds)
    endpoint = ReceiverEndpoint(host, receiver.port, name, context, timeout)
    return StreamSender(Dialer(endpoint, deadline), confirm_delay_seconds=0.15, deadline=deadline)


def message(number):
    return b'<134>1 - host app - - [a@32473 n="%d"] %s' % (number, b"x" * 500)


def send(delivery, start, end, batch=100):
    for at in range(start, end, batch):
        numbers = range(at, min(at + batch, end))
        delivery.write(b"".join(FRAME(message(number)) for number in numbers), len(numbers))


def test_without_messages_there_is_no_connection(authority):
    with receive(authority) as receiver:
        delivery = sender(receiver, authority.ca_pem)
        delivery.finish()
        assert (delivery.connections, receiver.connections, delivery.confirmation) == (0, 0, "none")


def test_everything_arrives_in_order_over_successive_connections(authority):
    with receive(authority) as receiver:
        delivery = sender(receiver, authority.ca_pem)
        send(delivery, 0, 12_000)
        assert delivery.confirmed < 12_000
        delivery.finish()
        assert receiver.messages == [message(number) for number in range(12_000)]
        assert (delivery.sent, delivery.confirmed, delivery.confirmation) == (12_000, 12_000, "tls_close_notify")
        assert (delivery.connections, delivery.confirmations) == (5, 3)  # the probe, three that carried messages, and the one still open
        delivery.finish()
        assert delivery.connections == 5
        delivery.drop()
        assert receiver.wait_until(lambda: receiver.connections == 5, 5)
        assert receiver.problems == []


def test_a_receiver_without_close_notify_confirms_by_tcp_fin(authority):
    with receive(authority, sends_close_notify=False) as receiver:
        delivery = sender(receiver, authority.ca_pem)
        send(delivery, 0, 100)
        delivery.finish()
        assert (delivery.confirmed, delivery.confirmation) == (100, "tcp_fin")
        delivery.drop()


def test_plain_tcp_confirms_by_tcp_fin():
    with receive(None, tls=False) as receiver:
        delivery = sender(receiver)
        send(delivery, 0, 6_000)
        delivery.finish()
        assert receiver.messages == [message(number) for number in range(6_000)]
        assert (delivery.confirmed, delivery.confirmation) == (6_000, "tcp_fin")
        delivery.drop()


@pytest.mark.parametrize(
    ("kind", "tls"),
    # Over plain TCP, a connection that is closed in order (`drop`, `close_first`) cannot be distinguished from one that was read.
    [*((kind, True) for kind in ("drop", "reset", "die", "close_first", "stall")), *((kind, False) for kind in ("reset", "die", "stall"))],
)
@pytest.mark.parametrize("after", [0, 1, 4_999, 7_000])
def test_a_receiver_that_fails_in_mid_stream_confirms_no_more_than_it_has(authority, kind, after, tls):
    with receive(authority if tls else None, tls=tls) as receiver:
        receiver.faults.add(kind, after=after, times=None)
        delivery = sender(receiver, authority.ca_pem if tls else None)
        with pytest.raises((DeliveryUncertain, ReceiverError)):
            send(delivery, 0, 20_000)
        assert delivery.confirmed <= len(receiver.messages)
        assert delivery.confirmed in (0, CONNECTION_MESSAGES)
        assert delivery.confirmed <= after
        at = delivery.confirmed
        if delivery.sent > at:
            with pytest.raises(DeliveryUncertain, match="the connection was dropped after an error"):
                delivery.finish()
        receiver.faults.clear()
        receiver.stop()
        receiver.start()
        again = sender(receiver, authority.ca_pem if tls else None)
        send(again, at, 10_000)
        again.finish()
        assert {*receiver.messages} >= {message(number) for number in range(10_000)}
        again.drop()


def test_what_a_process_read_before_it_died_is_not_confirmed(authority):
    with receive(authority) as receiver:

        def stop_receiver_and_sleep(seconds):
            if receiver.messages:
                receiver.stop()
            time.sleep(seconds)

        delivery = sender(receiver, authority.ca_pem, clock=replace(SYSTEM, sleep=stop_receiver_and_sleep))
        send(delivery, 0, 100)
        with pytest.raises(DeliveryUncertain, match=f"Up to 100 messages {LOST}"):
            delivery.finish()
        assert (len(receiver.messages), delivery.confirmed, delivery.confirmation) == (100, 0, "none")


def test_a_receiver_that_sent_close_notify_once_must_always_send_it(authority):
    with receive(authority) as receiver:
        delivery = sender(receiver, authority.ca_pem)
        send(delivery, 0, 100)
        receiver.faults.add("close_without_notify")
        with pytest.raises(DeliveryUncertain, match="the receiver sent no close_notify, although it did before"):
            delivery.finish()
        assert delivery.confirmed == 0


def test_a_receiver_that_never_closes_gets_no_messages(authority):
    with receive(authority) as receiver:
        receiver.faults.add("never_closes", times=None)
        with pytest.raises(ReceiverError, match=r"Closing the connection to 127.0.0.1:\d+ failed: timed out") as caught:
            sender(receiver, authority.ca_pem, timeout=0.3).write(FRAME(message(0)), 1)
        assert "SYSLOG_TIMEOUT_SECONDS" in caught.value.do
        assert receiver.messages == []


def test_a_missing_tls_handshake_takes_no_longer_than_the_timeout(authority):
    with receive(authority) as receiver:
        receiver.faults.add("no_handshake")
        began = time.monotonic()
        with pytest.raises(ReceiverError, match=r"The TLS handshake with 127.0.0.1:\d+ failed: timed out"):
            sender(receiver, authority.ca_pem, timeout=0.3).write(b"", 1)
        assert time.monotonic() - began < 3


def test_a_receiver_that_does_not_listen(authority):
    with receive(authority) as receiver:
        receiver.stop()
        with pytest.raises(ReceiverError, match=r"Connecting to 127.0.0.1:\d+ failed: Connection refused") as caught:
            sender(receiver, authority.ca_pem).write(b"", 1)
        assert caught.value.do.startswith("Check SYSLOG_HOST and SYSLOG_PORT")


def test_an_unknown_host_name(authority):
    with receive(authority) as receiver:
        for host in ("no-such-host.invalid", "x" * 70):
            with pytest.raises(ReceiverError) as caught:
                sender(receiver, authority.ca_pem, host=host).write(b"", 1)
            assert caught.value.do.startswith("Check SYSLOG_HOST and the DNS servers")


@pytest.mark.parametrize(
    ("options", "ca", "name", "cause"),
    [
        ({}, "other", "localhost", "unable to get local issuer certificate"),
        ({}, "ours", "siem.example.com", "Hostname mismatch"),
        ({"expired": True}, "ours", "localhost", "it expired at 2001-01-01"),
        ({"names": ("elsewhere.example.com",)}, "ours", "localhost", "Hostname mismatch"),
    ],
    ids=["unknown CA", "wrong name", "expired", "another certificate"],
)
def test_an_untrusted_receiver_gets_nothing(authority, tmp_path, options, ca, name, cause):
    with receive(authority, **options) as receiver:
        delivery = sender(receiver, {"ours": authority, "other": Authority(tmp_path)}[ca].ca_pem, name=name)
        with pytest.raises(ReceiverUntrusted, match=rf"The certificate of 127\.0\.0\.1:\d+ is not trusted: .*{cause}") as caught:
            delivery.write(FRAME(message(0)), 1)
        assert {"Hostname mismatch": "subjectAltName", "it expired at 2001-01-01": "renew it"}.get(cause, "SYSLOG_CA") in caught.value.do
        assert (receiver.messages, delivery.sent) == ([], 0)
    assert receiver.connections <= 1  # that which reads the certificate for the error; it may be closed before it is counted


def test_a_port_without_tls(authority):
    with receive(None, tls=False) as receiver:
        with pytest.raises(ReceiverError) as caught:
            sender(receiver, authority.ca_pem, timeout=0.3).write(b"", 1)
        assert "The TLS handshake with" in caught.value.what


def test_tls_1_2_is_the_minimum(authority):
    context = tls_context(authority.ca_pem, None, None)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_a_connection_that_ended_while_everything_was_confirmed_is_replaced(authority):
    with receive(authority) as receiver:
        delivery = sender(receiver, authority.ca_pem)
        send(delivery, 0, 100)
        delivery.finish()
        receiver.stop()
        receiver.start()
        send(delivery, 100, 200)
        delivery.finish()
        assert receiver.messages == [message(number) for number in range(200)]
        delivery.drop()


def test_a_receiver_that_sends_data_is_an_error():
    with _talkative_server() as server, pytest.raises(ReceiverError, match="the receiver sent data, which a syslog receiver never does"):
        sender(server).write(b"x", 1)


def test_all_connections_go_to_the_address_of_the_first(authority):
    with receive(authority) as receiver:
        context = tls_context(authority.ca_pem, None, None)
        dialer = Dialer(ReceiverEndpoint("localhost", receiver.port, "localhost", context, 2.0), Deadline.after(SYSTEM, 10))
        dialer().abandon()
        assert dialer._address == ("127.0.0.1", receiver.port)


def test_after_the_deadline_nothing_waits(authority, hand):
    with receive(authority) as receiver:
        delivery = sender(receiver, authority.ca_pem, clock=hand.clock, seconds=20)
        send(delivery, 0, 100)
        hand.forward(20)
        with pytest.raises(OutOfTime):
            send(delivery, 100, 200)
        with pytest.raises(OutOfTime):
            delivery.finish()
        assert delivery.confirmed == 0
        delivery.drop()
        with pytest.raises(DeliveryUncertain, match="the connection was dropped after an error"):
            delivery.finish()


def test_a_connection_with_few_messages_is_confirmed_after_some_seconds(authority, hand):
    with receive(authority) as receiver:
        delivery = sender(receiver, authority.ca_pem, clock=hand.clock)
        send(delivery, 0, 10)
        hand.forward(3)
        send(delivery, 10, 20)
        hand.forward(1)
        send(delivery, 20, 30)
        assert delivery.confirmed == 20
        delivery.drop()


def test_client_certificates_are_presented(authority):
    identity = authority.client()
    with receive(authority, client_certificates=True) as receiver:
        delivery = sender(receiver, authority.ca_pem, client=(identity.cert.read_text(), identity.key.read_text()))
        send(delivery, 0, 10)
        delivery.finish()
        assert delivery.confirmed == 10
        delivery.drop()
        for without in ((None, None), _pair(authority.client(expired=True))):
            rejected = sender(receiver, authority.ca_pem, client=without)
            with pytest.raises(ReceiverUntrusted, match="rejected the client certificate, or requires one") as caught:
                rejected.write(FRAME(message(0)), 1)
            assert "SYSLOG_CLIENT_CERT" in caught.value.do


def test_invalid_pem_is_an_error_that_names_the_setting_and_never_shows_the_key(authority):
    one, other = authority.client(), authority.client()
    secret = one.key.read_text()
    for texts, key in (
        (("nonsense", None, None), "SYSLOG_CA"),
        (("", None, None), "SYSLOG_CA"),
        ((None, "nonsense", secret), "SYSLOG_CLIENT_CERT"),
        ((None, one.cert.read_text(), other.key.read_text()), "SYSLOG_CLIENT_KEY"),
        ((None, one.cert.read_text(), "\0"), "SYSLOG_CLIENT_KEY"),
    ):
        with pytest.raises(ConfigError) as caught:
            tls_context(*texts)
        assert key in str(caught.value)
        assert "PRIVATE" not in str(caught.value)


def test_without_a_ca_the_system_store_is_trusted(monkeypatch, authority):
    monkeypatch.setitem(os.environ, "SSL_CERT_FILE", str(authority.ca))
    with receive(authority) as receiver:
        endpoint = ReceiverEndpoint("127.0.0.1", receiver.port, "localhost", tls_context(None, None, None), 1.0)
        delivery = StreamSender(
            Dialer(endpoint, Deadline.after(SYSTEM, 10)),
            confirm_delay_seconds=0.15,
            deadline=Deadline.after(SYSTEM, 10),
        )
        send(delivery, 0, 10)
        delivery.finish()
        assert delivery.confirmed == 10
        delivery.drop()


def test_a_bundle_with_comments_in_any_language_is_trusted(authority):
    with receive(authority) as receiver:
        delivery = sender(receiver, f"# Főtanúsítvány\n{authority.ca_pem}")
        send(delivery, 0, 10)
        delivery.finish()
        assert delivery.confirmed == 10
        delivery.drop()


def test_an_encrypted_key_is_rejected_without_a_password_prompt(authority):
    identity = authority.client()
    key = serialization.load_pem_private_key(identity.key.read_bytes(), None)
    protected = serialization.BestAvailableEncryption(b"hunter2")
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protected).decode()
    with pytest.raises(ConfigError, match="SYSLOG_CLIENT_KEY: it is encrypted; remove its passphrase"):
        tls_context(None, identity.cert.read_text(), pem)


def _pair(identity):
    return identity.cert.read_text(), identity.key.read_text()


@contextmanager
def _talkative_server():
    """A server that sends a greeting."""

    class Server:
        def __init__(self):
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]

        def serve(self):
            connection, _ = self.listener.accept()
            connection.sendall(b"220 hello\r\n")
            with suppress(ConnectionResetError):
                connection.recv(1)
            connection.close()

    server = Server()
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield server
    thread.join(5)
    server.listener.close()


def test_the_number_of_unconfirmed_messages_has_a_thousands_separator():
    delivery = SimpleNamespace(sent=4000, confirmed=58, drop=lambda: None)
    with pytest.raises(DeliveryUncertain) as caught, uncertain_on_error(delivery):
        raise ReceiverError("Writing to siem:6514 failed: timed out.", do="Check it.")
    assert str(caught.value) == (
        "Writing to siem:6514 failed: timed out. Up to 3,942 messages may not have arrived. The next run sends them again. Check it."
    )
