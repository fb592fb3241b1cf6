"""RELP delivery over real TLS to a scripted server: only what the server acknowledged is confirmed."""

import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from epimetheus import __version__
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.deliver import Connection, Dialer, ReceiverEndpoint, framer, tls_context
from epimetheus.deliver.relp_sender import MAX_PENDING, RelpSender
from epimetheus.errors import DeliveryUncertain, OutOfTime, ReceiverError, ReceiverUntrusted
from epimetheus.testing.syslog import Authority

OFFERS = b"200 OK\nrelp_version=0\nrelp_software=scripted\ncommands=syslog"
OPEN_HELP = "Check that SYSLOG_PORT is the receiver's RELP port, and check SYSLOG_CLIENT_CERT"


@dataclass
class Server:
    """A scripted server. ``received``: per connection, the frames ``(number, command, data)``; ``acknowledged``: messages."""

    port: int
    received: list = field(default_factory=list)
    acknowledged: list = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def messages(self):
        return [data for frames in self.received for _, command, data in frames if command == b"syslog"]


class Client:
    """The server's end of one connection."""

    def __init__(self, raw, server):
        self.raw, self.server, self.stream = raw, server, raw.makefile("rb")
        self.frames = []
        server.received.append(self.frames)

    def read_frame(self):
        """Read the next frame; its number. Raises EOFError at the end of the stream."""
        number, command, length = self._word(), self._word(), b""
        while (octet := self.stream.read(1)).isdigit():
            length += octet
        data = self.stream.read(int(length))
        if data:
            octet = self.stream.read(1)
        if octet != b"\n":
            raise EOFError
        self.frames.append((int(number), command, data))
        return int(number)

    def respond(self, number, status=b"200 OK"):
        _, command, data = self.frames[number - 1]
        if command == b"syslog" and status.startswith(b"200"):
            self.server.acknowledged.append(data)
        self.raw.sendall(b"%d rsp %d %b\n" % (number, len(status), status))

    def accept_open(self):
        self.respond(self.read_frame(), OFFERS)

    def acknowledge(self, count):
        for _ in range(count):
            self.respond(self.read_frame())

    def close(self):
        self.stream.close()
        self.raw.close()

    def _word(self):
        word = b""
        while (octet := self.stream.read(1)) != b" ":
            if not octet:
                raise EOFError
            word += octet
        return word


@contextmanager
def serving(authority, *scripts, client_certificates=False, tls=True):
    """Runs each script on the next connection, which ends with the script."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server())
    if client_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])

        def run():
            for script in scripts:
                with suppress(OSError, EOFError):  # the client closed the connection
                    accepted, _ = listener.accept()
                    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    with context.wrap_socket(accepted, server_side=True) if tls else accepted as raw:
                        script(Client(raw, server))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            assert not thread.is_alive()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def sender(server, ca, *, seconds=30.0, timeout=2.0, clock=SYSTEM, client=(None, None)):
    context = tls_context(ca, *client) if ca else None
    return RelpSender(Dialer(ReceiverEndpoint("127.0.0.1", server.port, "localhost", context, timeout), Deadline.after(clock, seconds)))


def message(number):
    return b'<134>1 - host app - - [a@32473 n="%d"] 5 rsp 6 200 OK\n%s' % (number, b"x" * 500)


def send(delivery, start, end, batch=100):
    for at in range(start, end, batch):
        numbers = range(at, min(at + batch, end))
        delivery.write(b"".join(framer("octet-counting")(message(number)) for number in numbers), len(numbers))


def acknowledge_everything(client):
    client.accept_open()
    while True:
        client.respond(client.read_frame())


def test_without_messages_there_is_no_connection(authority):
    with serving(authority) as server:
        delivery = sender(server, authority.ca_pem)
        delivery.finish()
        delivery.drop()
        assert (delivery.connections, delivery.confirmed, delivery.confirmation, server.received) == (0, 0, "none", [])


@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "plain TCP"])
def test_everything_is_acknowledged_in_order_over_one_connection(authority, tls):
    with serving(authority, acknowledge_everything, tls=tls) as server:
        delivery = sender(server, authority.ca_pem if tls else None)
        send(delivery, 0, 3 * MAX_PENDING)
        assert delivery.confirmed >= MAX_PENDING
        delivery.finish()
        assert (delivery.sent, delivery.confirmed, delivery.confirmation) == (3 * MAX_PENDING, 3 * MAX_PENDING, "relp_ack")
        assert (delivery.connections, delivery.confirmations) == (1, 3 * MAX_PENDING)
        delivery.finish()
        delivery.drop()
    (frames,) = server.received
    assert frames[0] == (1, b"open", b"relp_version=0\nrelp_software=epimetheus,%b\ncommands=syslog" % __version__.encode())
    assert frames[1:-1] == [(n + 2, b"syslog", message(n)) for n in range(3 * MAX_PENDING)]
    assert frames[-1] == (3 * MAX_PENDING + 2, b"close", b"")


def test_writing_waits_for_acknowledgements_beyond_the_window(authority):
    def acknowledge_late(client):
        client.accept_open()
        numbers = [client.read_frame() for _ in range(MAX_PENDING + 100)]
        client.raw.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.read_frame()
        client.raw.settimeout(None)
        client.stream = client.raw.makefile("rb")
        for number in numbers:
            client.respond(number)
        client.acknowledge(500)

    with serving(authority, acknowledge_late) as server:
        delivery = sender(server, authority.ca_pem)
        send(delivery, 0, MAX_PENDING + 600)
        delivery.finish()
        assert delivery.confirmed == MAX_PENDING + 600
        assert server.messages == [message(n) for n in range(MAX_PENDING + 600)]


def test_acknowledgements_out_of_order_confirm_up_to_the_first_gap(authority):
    def backwards(client):
        client.accept_open()
        for number in [client.read_frame() for _ in range(100)][::-1]:
            client.respond(number)

    def with_a_gap(client):
        client.accept_open()
        for number in [client.read_frame() for _ in range(100)]:
            if number != 42:
                client.respond(number)
        client.server.over.wait(10)

    with serving(authority, backwards, with_a_gap) as server:
        delivery = sender(server, authority.ca_pem)
        send(delivery, 0, 100)
        delivery.finish()
        assert delivery.confirmed == 100
        delivery = sender(server, authority.ca_pem, timeout=0.3)
        send(delivery, 0, 100)
        with pytest.raises(DeliveryUncertain, match=r"failed: timed out\. Up to 60 messages may not have arrived"):
            delivery.finish()
        assert (delivery.confirmed, delivery.confirmations) == (40, 99)


def send_bytes(data):
    return lambda client: client.raw.sendall(data)


def reset(client):
    client.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def send_close_notify(client):
    client.raw.settimeout(0)
    with suppress(OSError):
        client.raw.unwrap()


FAILURES = {
    "rejects": (send_bytes(b"52 rsp 14 500 \x1b[31mfull\n\n"), r"The receiver rejected a RELP transaction: 500 \?\[31mfull\."),
    "closes the session": (send_bytes(b"0 serverclose 0\n"), "The receiver closed the RELP session."),
    "sends FIN": (lambda client: client.raw.shutdown(socket.SHUT_WR), "the receiver closed the connection"),
    "sends close_notify": (send_close_notify, "the receiver closed the connection"),
    "sends invalid bytes": (send_bytes(b"\0\0\0"), r'violated the RELP protocol: it sent "\?\?\?"'),
    "sends a command": (send_bytes(b"53 syslog 2 hi\n"), "violated the RELP protocol: it sent the command syslog"),
    "acknowledges an unknown transaction": (send_bytes(b"7777 rsp 6 200 OK\n"), "it acknowledged transaction 7777, which is not pending"),
    "acknowledges twice": (send_bytes(b"51 rsp 6 200 OK\n"), "it acknowledged transaction 51, which is not pending"),
    "stops responding": (lambda client: None, "failed: timed out"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_after_a_failure_acknowledged_messages_are_confirmed_and_the_rest_are_uncertain(authority, name):
    fail, cause = FAILURES[name]

    def script(client):
        client.accept_open()
        client.acknowledge(50)
        fail(client)
        client.server.over.wait(10)

    with serving(authority, script, acknowledge_everything) as server:
        delivery = sender(server, authority.ca_pem, timeout=0.3)
        with pytest.raises(DeliveryUncertain, match=cause) as caught:
            send_all(delivery, 300)
        assert (delivery.confirmed, delivery.confirmation) == (50, "relp_ack")
        assert caught.value.what.endswith(f"Up to {delivery.sent - 50} messages may not have arrived.")
        assert caught.value.do.startswith("The next run sends them again. Check")
        for attempt in (delivery.finish, lambda: send(delivery, 300, 301)):
            with pytest.raises(DeliveryUncertain, match="the connection was dropped after an error"):
                attempt()
        assert (delivery.connections, delivery.confirmed) == (1, 50)


def send_all(delivery, end):
    send(delivery, 0, end)
    delivery.finish()


@pytest.mark.parametrize("die", [reset, Client.close], ids=["reset", "closed"])
@pytest.mark.parametrize("after", [0, 1, 2_345])
def test_a_server_that_dies_in_mid_stream_confirms_no_more_than_it_acknowledged(authority, after, die):
    def script(client):
        client.accept_open()
        client.acknowledge(after)
        die(client)

    with serving(authority, script, acknowledge_everything) as server:
        delivery = sender(server, authority.ca_pem)
        with pytest.raises((DeliveryUncertain, ReceiverError)):
            send_all(delivery, 20_000)
        assert server.acknowledged[: delivery.confirmed] == [message(n) for n in range(delivery.confirmed)]
        again = sender(server, authority.ca_pem)
        at = delivery.confirmed
        send(again, at, 4_000)
        again.finish()
        assert again.confirmed == 4_000 - at
        assert {*server.acknowledged} == {message(n) for n in range(4_000)}
        again.drop()


def test_full_socket_buffers_do_not_deadlock(authority):
    def respond_at_length(client):
        client.raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client.accept_open()
        while True:
            client.respond(client.read_frame(), b"200 OK" + b" thank you" * 200)

    with serving(authority, respond_at_length) as server:
        delivery = sender(server, authority.ca_pem)
        send(delivery, 0, 20_000, batch=20_000)
        delivery.finish()
        assert delivery.confirmed == 20_000
        delivery.drop()


def test_what_arrived_before_a_reset_is_received_even_if_a_write_detects_the_reset():
    class ResetOnSend(socket.socket):
        def send(self, data):
            accepted.sendall(b"2 rsp 6 200 OK\n")
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()
            return super().send(data)

    with socket.create_server(("127.0.0.1", 0)) as listener, ResetOnSend() as connected:
        connected.connect(listener.getsockname())
        accepted, _ = listener.accept()
        endpoint = ReceiverEndpoint("127.0.0.1", 1, "", None, 1.0)
        received = Connection(connected, endpoint, Deadline.after(SYSTEM, 5)).exchange(b"3 syslog 1 x\n")
        assert next(received) == b"2 rsp 6 200 OK\n"
        with pytest.raises(ReceiverError, match=r"Writing to 127.0.0.1:1 failed"):
            next(received)


def test_messages_that_wait_for_the_window_when_the_server_closes_are_uncertain(authority):
    written, acknowledged = threading.Event(), threading.Event()

    def script(client):
        client.accept_open()
        numbers = [client.read_frame() for _ in range(MAX_PENDING + 1)]
        written.wait(10)
        client.raw.sendall(b"".join(b"%d rsp 6 200 OK\n" % number for number in numbers) + b"0 serverclose 0\n")
        acknowledged.set()

    with serving(authority, script) as server:
        delivery = sender(server, authority.ca_pem)
        send(delivery, 0, MAX_PENDING + 1, batch=MAX_PENDING + 1)
        written.set()
        assert acknowledged.wait(10)
        with pytest.raises(DeliveryUncertain, match=r"The receiver closed the RELP session. Up to 10 messages"):
            send(delivery, MAX_PENDING + 1, MAX_PENDING + 11)
        assert (delivery.sent, delivery.confirmed) == (MAX_PENDING + 11, MAX_PENDING + 1)


def test_a_server_that_stops_reading_is_an_error_within_the_timeout(authority):
    def stop_reading(client):
        client.accept_open()
        client.acknowledge(10)
        client.server.over.wait(20)

    with serving(authority, stop_reading) as server:
        delivery = sender(server, authority.ca_pem, timeout=0.3)
        with pytest.raises(DeliveryUncertain, match=r"Writing to 127.0.0.1:\d+ failed: timed out\. Up to 19,9\d\d messages"):
            send(delivery, 0, 20_000, batch=20_000)
        assert delivery.confirmed <= 10


@pytest.mark.parametrize(
    ("respond", "cause"),
    [
        (send_bytes(b"220 mail.example.com ESMTP\r\n"), r'violated the RELP protocol: it sent "220 mail\.example\.com ESMTP\?\?"'),
        (send_bytes(b"1 rsp 44 500 required command not supported by client\n"), "rejected a RELP transaction: 500 required command not"),
        (send_bytes(b"1 rsp 21 200 OK\nrelp_version=0\n"), "it does not offer the syslog command"),
        (send_bytes(b"2 rsp 6 200 OK\n"), "it acknowledged transaction 2, which is not pending"),
        (send_bytes(b"1 rsp %d %b\n2 rsp 6 200 OK\n" % (len(OFFERS), OFFERS)), "it acknowledged transaction 2, which is not pending"),
        (send_bytes(b"0 serverclose 0\n"), "The receiver closed the RELP session"),
        (send_bytes(b"1 open 14 relp_version=0\n"), "it sent the command open"),
        (lambda client: client.read_frame() and client.close(), "the receiver closed the connection"),
        (lambda client: client.server.over.wait(10), r"Waiting for a response from 127.0.0.1:\d+ failed: timed out"),
    ],
)
def test_a_server_that_rejects_open_gets_no_messages(authority, respond, cause):
    def script(client):
        respond(client)
        client.server.over.wait(10)

    with serving(authority, script) as server:
        delivery = sender(server, authority.ca_pem, timeout=0.3)
        with pytest.raises(ReceiverError, match=cause) as caught:
            send(delivery, 0, 1)
        assert caught.value.do.startswith(OPEN_HELP)
        assert (delivery.sent, delivery.confirmed, server.messages) == (0, 0, [])


ENDS = {
    "serverclose": send_bytes(b"0 serverclose 0\n"),
    "reset": reset,
    "closed": Client.close,
    "close_notify": send_close_notify,
    "invalid bytes": send_bytes(b"what?"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_connection_that_ended_while_everything_was_confirmed_is_replaced(authority, end):
    idle, ended = threading.Event(), threading.Event()

    def script(client):
        client.accept_open()
        client.acknowledge(100)
        idle.wait(10)
        ENDS[end](client)
        ended.set()

    with serving(authority, script, acknowledge_everything) as server:
        delivery = sender(server, authority.ca_pem)
        send_all(delivery, 100)
        idle.set()
        assert ended.wait(5)
        send(delivery, 100, 200)
        delivery.finish()
        assert (delivery.connections, delivery.sent, delivery.confirmed) == (2, 200, 200)
        assert [frames[1] for frames in server.received] == [(2, b"syslog", message(0)), (2, b"syslog", message(100))]
        delivery.drop()


@pytest.mark.parametrize("end", [b"0 serverclose 0\n", b"what?"])
def test_a_connection_that_ends_with_the_last_acknowledgement_is_replaced_without_loss(authority, end):
    ended = threading.Event()

    def script(client):
        client.accept_open()
        numbers = [client.read_frame() for _ in range(100)]
        client.raw.sendall(b"".join(b"%d rsp 6 200 OK\n" % number for number in numbers) + end)
        ended.set()

    with serving(authority, script, acknowledge_everything) as server:
        delivery = sender(server, authority.ca_pem)
        send_all(delivery, 100)
        assert (delivery.sent, delivery.confirmed) == (100, 100)
        assert ended.wait(5)
        send(delivery, 100, 200)
        delivery.finish()
        assert (delivery.connections, delivery.sent, delivery.confirmed) == (2, 200, 200)
        assert server.messages == [message(n) for n in range(200)]
        delivery.drop()


def test_after_the_deadline_nothing_waits_and_nothing_is_written(authority, hand):
    def never_respond(client):
        client.accept_open()
        with suppress(EOFError):
            while True:
                client.read_frame()

    with serving(authority, never_respond) as server:
        delivery = sender(server, authority.ca_pem, clock=hand.clock, seconds=20)
        send(delivery, 0, 100)
        hand.forward(20)
        for step in (lambda: send(delivery, 100, 200), delivery.finish):
            with pytest.raises(OutOfTime):
                step()
        delivery.drop()
        assert delivery.confirmed == 0
    assert server.messages == [message(n) for n in range(100)]
    assert server.received[0][-1][1] == b"syslog"


def test_client_certificates_are_presented_and_rejected_before_anything_is_sent(authority):
    identity, expired = authority.client(), authority.client(expired=True)
    with serving(authority, acknowledge_everything, acknowledge_everything, acknowledge_everything, client_certificates=True) as server:
        delivery = sender(server, authority.ca_pem, client=_pair(identity))
        send_all(delivery, 10)
        delivery.drop()
        for without in ((None, None), _pair(expired)):
            rejected = sender(server, authority.ca_pem, client=without)
            with pytest.raises(ReceiverUntrusted, match="rejected the client certificate, or requires one") as caught:
                send(rejected, 0, 1)
            assert caught.value.do.startswith("Check SYSLOG_CLIENT_CERT")
            assert rejected.sent == 0
        assert server.messages == [message(n) for n in range(10)]


def test_an_untrusted_receiver_gets_nothing(authority, tmp_path):
    with serving(authority, acknowledge_everything) as server:
        with pytest.raises(ReceiverUntrusted, match="unable to get local issuer certificate"):
            send(sender(server, Authority(tmp_path).ca_pem), 0, 1)
        assert server.received == []


def _pair(identity):
    return identity.cert.read_text(), identity.key.read_text()
