"""Delivery over RELP, over real TLS, to a server that does as its script says: nothing is confirmed that was not acknowledged."""

import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from epimetheus import __version__
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.deliver import Connection, Dialer, Peer, framer, tls_context
from epimetheus.deliver.relp import WINDOW, RelpDelivery
from epimetheus.errors import DeliveryUncertain, OutOfTime, ReceiverError, ReceiverUntrusted
from epimetheus.testing.syslog import Authority

OFFERS = b"200 OK\nrelp_version=0\nrelp_software=scripted\ncommands=syslog"
OPEN_HELP = "Check that SYSLOG_PORT is the receiver's port for RELP"


@dataclass
class Server:
    """What a scripted server was sent, ``(number, command, data)``, connection by connection, and which messages it acknowledged."""

    port: int
    heard: list = field(default_factory=list)
    acknowledged: list = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def messages(self):
        return [data for frames in self.heard for _, command, data in frames if command == b"syslog"]


class Client:
    """A server's end of one connection; ``hear`` reads a frame of `server`'s next, and raises EOFError where there is none."""

    def __init__(self, raw, server):
        self.raw, self.server, self.stream = raw, server, raw.makefile("rb")
        self.frames = []
        server.heard.append(self.frames)

    def hear(self):
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

    def answer(self, number, words=b"200 OK"):
        _, command, data = self.frames[number - 1]
        if command == b"syslog" and words.startswith(b"200"):
            self.server.acknowledged.append(data)
        self.raw.sendall(b"%d rsp %d %b\n" % (number, len(words), words))

    def greet(self):
        self.answer(self.hear(), OFFERS)

    def serve(self, count):
        for _ in range(count):
            self.answer(self.hear())

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
    """Each connection goes to the next script; its end is the connection's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server())
    if client_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.ca)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(listener.getsockname()[1])

        def run():
            for script in scripts:
                with suppress(OSError, EOFError):  # the client has gone
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
    return RelpDelivery(Dialer(Peer("127.0.0.1", server.port, "localhost", context, timeout), Deadline.after(clock, seconds)))


def message(number):
    return b'<134>1 - host app - - [a@32473 n="%d"] 5 rsp 6 200 OK\n%s' % (number, b"x" * 500)


def send(delivery, start, end, batch=100):
    for at in range(start, end, batch):
        numbers = range(at, min(at + batch, end))
        delivery.write(b"".join(framer("octet-counting")(message(number)) for number in numbers), len(numbers))


def all_day(client):
    client.greet()
    while True:
        client.answer(client.hear())


def test_nothing_sent_is_nothing_connected(authority):
    with serving(authority) as server:
        delivery = sender(server, authority.ca_pem)
        delivery.finish()
        delivery.drop()
        assert (delivery.connections, delivery.confirmed, delivery.confirmation, server.heard) == (0, 0, "none", [])


@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "plain TCP"])
def test_everything_is_acknowledged_in_order_over_one_connection(authority, tls):
    with serving(authority, all_day, tls=tls) as server:
        delivery = sender(server, authority.ca_pem if tls else None)
        send(delivery, 0, 3 * WINDOW)
        assert delivery.confirmed >= WINDOW
        delivery.finish()
        assert (delivery.sent, delivery.confirmed, delivery.confirmation) == (3 * WINDOW, 3 * WINDOW, "relp_ack")
        assert (delivery.connections, delivery.confirmations) == (1, 3 * WINDOW)
        delivery.finish()
        delivery.drop()
    (frames,) = server.heard
    assert frames[0] == (1, b"open", b"relp_version=0\nrelp_software=epimetheus,%b\ncommands=syslog" % __version__.encode())
    assert frames[1:-1] == [(n + 2, b"syslog", message(n)) for n in range(3 * WINDOW)]
    assert frames[-1] == (3 * WINDOW + 2, b"close", b"")


def test_a_window_of_messages_waits_for_acknowledgements_and_no_more(authority):
    def late(client):
        client.greet()
        numbers = [client.hear() for _ in range(WINDOW + 100)]
        client.raw.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.hear()
        client.raw.settimeout(None)
        client.stream = client.raw.makefile("rb")
        for number in numbers:
            client.answer(number)
        client.serve(500)

    with serving(authority, late) as server:
        delivery = sender(server, authority.ca_pem)
        send(delivery, 0, WINDOW + 600)
        delivery.finish()
        assert delivery.confirmed == WINDOW + 600
        assert server.messages == [message(n) for n in range(WINDOW + 600)]


def test_acknowledgements_out_of_order_confirm_once_there_is_no_gap(authority):
    def backwards(client):
        client.greet()
        for number in [client.hear() for _ in range(100)][::-1]:
            client.answer(number)

    def with_a_gap(client):
        client.greet()
        for number in [client.hear() for _ in range(100)]:
            if number != 42:
                client.answer(number)
        client.server.over.wait(10)

    with serving(authority, backwards, with_a_gap) as server:
        delivery = sender(server, authority.ca_pem)
        send(delivery, 0, 100)
        delivery.finish()
        assert delivery.confirmed == 100
        delivery = sender(server, authority.ca_pem, timeout=0.3)
        send(delivery, 0, 100)
        with pytest.raises(DeliveryUncertain, match=r"no answer in time\. Up to 60 messages may not have arrived"):
            delivery.finish()
        assert (delivery.confirmed, delivery.confirmations) == (40, 99)


def say(words):
    return lambda client: client.raw.sendall(words)


def reset(client):
    client.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def close_notify(client):
    client.raw.settimeout(0)
    with suppress(OSError):
        client.raw.unwrap()


FAILURES = {
    "refuses": (say(b"52 rsp 14 500 \x1b[31mfull\n\n"), r"The receiver refused what it was sent: 500 \?\[31mfull\."),
    "closes": (say(b"0 serverclose 0\n"), "The receiver closed the connection."),
    "closes its end": (lambda client: client.raw.shutdown(socket.SHUT_WR), "(it hung up|it closed the connection)"),
    "says goodbye": (close_notify, "it closed the connection"),
    "talks nonsense": (say(b"\0\0\0"), r'does not speak RELP: it said "\?\?\?"'),
    "commands": (say(b"53 syslog 2 hi\n"), "does not speak RELP: it said syslog"),
    "answers what was not asked": (say(b"7777 rsp 6 200 OK\n"), "does not speak RELP: it answered 7777"),
    "answers twice": (say(b"51 rsp 6 200 OK\n"), "does not speak RELP: it answered 51"),
    "falls silent": (lambda client: None, "no answer in time"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_after_a_failure_what_was_acknowledged_is_confirmed_and_the_rest_uncertain(authority, name):
    fail, words = FAILURES[name]

    def script(client):
        client.greet()
        client.serve(50)
        fail(client)
        client.server.over.wait(10)

    with serving(authority, script, all_day) as server:
        delivery = sender(server, authority.ca_pem, timeout=0.3)
        with pytest.raises(DeliveryUncertain, match=words) as caught:
            send_all(delivery, 300)
        assert (delivery.confirmed, delivery.confirmation) == (50, "relp_ack")
        assert caught.value.what.endswith(f"Up to {delivery.sent - 50} messages may not have arrived.")
        assert caught.value.do.startswith("They are sent again by the next run. Check")
        for further in (delivery.finish, lambda: send(delivery, 300, 301)):
            with pytest.raises(DeliveryUncertain, match="was given up before"):
                further()
        assert (delivery.connections, delivery.confirmed) == (1, 50)


def send_all(delivery, end):
    send(delivery, 0, end)
    delivery.finish()


@pytest.mark.parametrize("die", [reset, Client.close], ids=["reset", "closed"])
@pytest.mark.parametrize("after", [0, 1, 2_345])
def test_a_server_that_dies_in_mid_stream_confirms_no_more_than_it_acknowledged(authority, after, die):
    def script(client):
        client.greet()
        client.serve(after)
        die(client)

    with serving(authority, script, all_day) as server:
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


def test_neither_side_waits_for_the_other_with_full_sockets(authority):
    def talkative(client):
        client.raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client.greet()
        while True:
            client.answer(client.hear(), b"200 OK" + b" thank you" * 200)

    with serving(authority, talkative) as server:
        delivery = sender(server, authority.ca_pem)
        send(delivery, 0, 20_000, batch=20_000)
        delivery.finish()
        assert delivery.confirmed == 20_000
        delivery.drop()


def test_what_was_said_before_a_reset_is_heard_though_writing_found_out_first():
    class Choreographed(socket.socket):
        def send(self, data):
            accepted.sendall(b"2 rsp 6 200 OK\n")
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            accepted.close()
            return super().send(data)

    with socket.create_server(("127.0.0.1", 0)) as listener, Choreographed() as connected:
        connected.connect(listener.getsockname())
        accepted, _ = listener.accept()
        said = Connection(connected, Peer("127.0.0.1", 1, "", None, 1.0), Deadline.after(SYSTEM, 5)).exchange(b"3 syslog 1 x\n")
        assert next(said) == b"2 rsp 6 200 OK\n"
        with pytest.raises(ReceiverError, match=r"Failed while writing to"):
            next(said)


def test_what_waits_for_the_window_when_the_server_closes_is_uncertain_even_if_all_before_it_was_acknowledged(authority):
    written, answered = threading.Event(), threading.Event()

    def script(client):
        client.greet()
        numbers = [client.hear() for _ in range(WINDOW + 1)]
        written.wait(10)
        client.raw.sendall(b"".join(b"%d rsp 6 200 OK\n" % number for number in numbers) + b"0 serverclose 0\n")
        answered.set()

    with serving(authority, script) as server:
        delivery = sender(server, authority.ca_pem)
        send(delivery, 0, WINDOW + 1, batch=WINDOW + 1)
        written.set()
        assert answered.wait(10)
        with pytest.raises(DeliveryUncertain, match=r"The receiver closed the connection. Up to 10 messages"):
            send(delivery, WINDOW + 1, WINDOW + 11)
        assert (delivery.sent, delivery.confirmed) == (WINDOW + 11, WINDOW + 1)


def test_a_server_that_stops_reading_is_given_up_in_time(authority):
    def deaf(client):
        client.greet()
        client.serve(10)
        client.server.over.wait(20)

    with serving(authority, deaf) as server:
        delivery = sender(server, authority.ca_pem, timeout=0.3)
        with pytest.raises(DeliveryUncertain, match=r"Failed while writing to 127.0.0.1:\d+: no answer in time\. Up to 199\d\d messages"):
            send(delivery, 0, 20_000, batch=20_000)
        assert delivery.confirmed <= 10


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (say(b"220 mail.example.com ESMTP\r\n"), r'does not speak RELP: it said "220 mail\.example\.com ESMTP\?\?"'),
        (say(b"1 rsp 44 500 required command not supported by client\n"), "refused what it was sent: 500 required command not supported"),
        (say(b"1 rsp 21 200 OK\nrelp_version=0\n"), "does not offer to take syslog messages"),
        (say(b"2 rsp 6 200 OK\n"), "it answered 2, which waits for no answer"),
        (say(b"1 rsp %d %b\n2 rsp 6 200 OK\n" % (len(OFFERS), OFFERS)), "it answered 2, which waits for no answer"),
        (say(b"0 serverclose 0\n"), "closed the connection"),
        (say(b"1 open 14 relp_version=0\n"), "it said open"),
        (lambda client: client.hear() and client.close(), "it hung up"),
        (lambda client: client.server.over.wait(10), "waiting for 127.0.0.1:.*: no answer in time"),
    ],
)
def test_a_server_that_does_not_open_is_sent_nothing(authority, answer, words):
    def script(client):
        answer(client)
        client.server.over.wait(10)

    with serving(authority, script) as server:
        delivery = sender(server, authority.ca_pem, timeout=0.3)
        with pytest.raises(ReceiverError, match=words) as caught:
            send(delivery, 0, 1)
        assert caught.value.do.startswith(OPEN_HELP)
        assert (delivery.sent, delivery.confirmed, server.messages) == (0, 0, [])


ENDS = {
    "serverclose": say(b"0 serverclose 0\n"),
    "reset": reset,
    "closed": Client.close,
    "said goodbye": close_notify,
    "nonsense": say(b"what?"),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_connection_that_ended_idle_with_nothing_at_stake_is_replaced(authority, end):
    idle, ended = threading.Event(), threading.Event()

    def script(client):
        client.greet()
        client.serve(100)
        idle.wait(10)
        ENDS[end](client)
        ended.set()

    with serving(authority, script, all_day) as server:
        delivery = sender(server, authority.ca_pem)
        send_all(delivery, 100)
        idle.set()
        assert ended.wait(5)
        send(delivery, 100, 200)
        delivery.finish()
        assert (delivery.connections, delivery.sent, delivery.confirmed) == (2, 200, 200)
        assert [frames[1] for frames in server.heard] == [(2, b"syslog", message(0)), (2, b"syslog", message(100))]
        delivery.drop()


@pytest.mark.parametrize("end", [b"0 serverclose 0\n", b"what?"])
def test_a_connection_that_ends_with_the_last_acknowledgement_has_lost_nothing(authority, end):
    ended = threading.Event()

    def script(client):
        client.greet()
        numbers = [client.hear() for _ in range(100)]
        client.raw.sendall(b"".join(b"%d rsp 6 200 OK\n" % number for number in numbers) + end)
        ended.set()

    with serving(authority, script, all_day) as server:
        delivery = sender(server, authority.ca_pem)
        send_all(delivery, 100)
        assert (delivery.sent, delivery.confirmed) == (100, 100)
        assert ended.wait(5)
        send(delivery, 100, 200)
        delivery.finish()
        assert (delivery.connections, delivery.sent, delivery.confirmed) == (2, 200, 200)
        assert server.messages == [message(n) for n in range(200)]
        delivery.drop()


def test_once_time_is_up_nothing_waits_and_nothing_is_written(authority, hand):
    def silent(client):
        client.greet()
        with suppress(EOFError):
            while True:
                client.hear()

    with serving(authority, silent) as server:
        delivery = sender(server, authority.ca_pem, clock=hand.clock, seconds=20)
        send(delivery, 0, 100)
        hand.forward(20)
        for late in (lambda: send(delivery, 100, 200), delivery.finish):
            with pytest.raises(OutOfTime):
                late()
        delivery.drop()
        assert delivery.confirmed == 0
    assert server.messages == [message(n) for n in range(100)]
    assert server.heard[0][-1][1] == b"syslog"


def test_client_certificates_are_shown_and_refused_before_anything_is_sent(authority):
    identity, expired = authority.client(), authority.client(expired=True)
    with serving(authority, all_day, all_day, all_day, client_certificates=True) as server:
        delivery = sender(server, authority.ca_pem, client=_pair(identity))
        send_all(delivery, 10)
        delivery.drop()
        for without in ((None, None), _pair(expired)):
            refused = sender(server, authority.ca_pem, client=without)
            with pytest.raises(ReceiverUntrusted, match="refused our certificate, or the lack of one") as caught:
                send(refused, 0, 1)
            assert caught.value.do.startswith("Check SYSLOG_CLIENT_CERT")
            assert refused.sent == 0
        assert server.messages == [message(n) for n in range(10)]


def test_a_receiver_that_can_not_prove_who_it_is_gets_nothing(authority, tmp_path):
    with serving(authority, all_day) as server:
        with pytest.raises(ReceiverUntrusted, match="unable to get local issuer certificate"):
            send(sender(server, Authority(tmp_path).ca_pem), 0, 1)
        assert server.heard == []


def _pair(identity):
    return identity.cert.read_text(), identity.key.read_text()
