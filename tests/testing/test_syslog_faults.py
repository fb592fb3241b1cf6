"""Faults of the receiver: their effect on the client in TLS and TCP, and the messages that remain."""

import socket
import ssl
import threading
import time

import pytest

from epimetheus.testing.syslog import Authority, receive
from epimetheus.testing.syslog.faults import Faults

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
ENDINGS = {7: "RST", 8: "FIN"}  # the client's socket is in CLOSE, CLOSE_WAIT


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def receiver(authority):
    with receive(authority) as receiver:
        yield receiver


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def connect(request, authority, receiver):
    context = ssl.create_default_context(cafile=authority.ca)
    context.minimum_version = context.maximum_version = request.param
    clients = []

    def connect(timeout=5):
        clients.append(socket.create_connection((receiver.host, receiver.port), timeout=timeout))
        clients[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients[-1] = context.wrap_socket(clients[-1], server_hostname="localhost", suppress_ragged_eofs=False)
        return clients[-1]

    yield connect
    # Before the clients disconnect, which may cause problems of its own.
    problems = receiver.problems
    for client in clients:
        client.close()
    assert problems == []


def frames(*numbers):
    return b"".join(b"5 <1>%02d" % number for number in numbers)


def numbers(receiver):
    return [int(message[3:]) for message in receiver.messages]


def state(client):
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def tcp_ending(client):
    """Returns how TCP ended."""
    end = time.monotonic() + 5
    while state(client) not in ENDINGS and time.monotonic() < end:
        time.sleep(0.001)
    return ENDINGS[state(client)]


def ending(client):
    """Returns how TLS and TCP ended. TCP comes first, because TLS answers a bare FIN with an alert, which causes RST."""
    tcp = tcp_ending(client)
    try:
        assert client.recv(1) == b""
    except ssl.SSLEOFError:  # Python 3.11 raises it for RST as well.
        return "nothing", tcp
    return "close_notify", tcp


def is_open(client):
    client.settimeout(0)
    try:
        client.recv(1)
    except ssl.SSLWantReadError:
        client.settimeout(5)
        return True
    except ssl.SSLEOFError:
        return False
    raise AssertionError("unexpected data")


@pytest.mark.parametrize(
    ("kind", "end"),
    [("drop", ("nothing", "FIN")), ("reset", ("nothing", "RST")), ("die", ("nothing", "RST")), ("close_first", ("close_notify", "FIN"))],
)
def test_a_fault_occurs_after_the_third_message(connect, receiver, kind, end):
    client, other = connect(), connect()
    fault = receiver.faults.add(kind, after=3)
    client.sendall(frames(1, 2))
    assert receiver.wait_for(2, 5)
    assert is_open(client)
    client.sendall(frames(3))
    assert ending(client) == end
    assert numbers(receiver) == [1, 2, 3]
    assert receiver.wait_until(lambda: receiver.running == (kind != "die"), 5)
    assert is_open(other) == receiver.running
    assert fault.hits == 1


@pytest.mark.parametrize("rest", [frames(4, 5), b"5 <1"], ids=["messages", "a piece of one"])
@pytest.mark.parametrize(
    ("kind", "end"),
    [("drop", ("nothing", "FIN")), ("reset", ("nothing", "RST")), ("die", ("nothing", "RST")), ("close_first", ("close_notify", "RST"))],
)
def test_data_after_the_third_message_is_not_read(connect, receiver, kind, end, rest):
    receiver.faults.add(kind, after=3)
    client = connect()
    client.sendall(frames(1, 2, 3) + rest)
    assert ending(client) == end
    assert numbers(receiver) == [1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "end"),
    [("drop", ("nothing", "FIN")), ("reset", ("nothing", "RST")), ("die", ("nothing", "RST")), ("close_first", ("close_notify", "FIN"))],
)
def test_a_fault_affects_an_idle_connection_at_once(connect, receiver, kind, end):
    client = connect()
    receiver.faults.add(kind)
    assert ending(client) == end


@pytest.mark.parametrize(("kind", "end"), [("drop", "FIN"), ("reset", "RST"), ("close_first", "RST"), ("die", "RST")])
def test_data_in_the_kernel_buffer_is_not_read(connect, receiver, kind, end):
    resume = threading.Event()
    receiver.on_message = lambda _: resume.wait(5)
    client, other = connect(), connect()
    other.sendall(frames(1))
    assert receiver.wait_for(1, 5)
    client.sendall(frames(2))
    receiver.faults.add(kind, times=2)
    slow = receiver.faults.add("slow", seconds=0)
    resume.set()
    assert (tcp_ending(client), tcp_ending(other)) == (end, "FIN" if kind == "close_first" else end)
    assert (numbers(receiver), slow.hits) == ([1], 0)


def test_nothing_is_read_after_the_receiver_dies(connect, receiver):
    resume = threading.Event()
    receiver.on_message = lambda _: resume.wait(5)
    clients = [connect(), connect()]
    receiver.faults.add("die", after=2)
    clients[0].sendall(frames(1))
    assert receiver.wait_for(1, 5)
    for client in clients:
        client.sendall(frames(2))
    resume.set()
    assert [tcp_ending(client) for client in clients] == ["RST", "RST"]
    assert numbers(receiver) == [1, 2]


def test_the_death_of_the_receiver_ends_a_wait(connect, receiver):
    sent = []

    def dead():
        if not sent:
            sent.append(client.sendall(frames(1)))
        return not receiver.running

    client = connect()
    receiver.faults.add("die", after=1)
    began = time.monotonic()
    assert receiver.wait_until(dead, 30)
    assert time.monotonic() - began < 15


def test_a_fault_occurs_after_the_tls_handshake(connect, receiver):
    receiver.faults.add("stall")
    assert is_open(connect())


def test_data_sent_after_a_fault_was_added_is_affected_by_it(connect, receiver):
    for number in range(20):
        client = connect()
        assert receiver.wait_until(lambda number=number: receiver.connections == number + 1, 5)
        receiver.faults.add("stall")
        client.sendall(frames(number))
    last = connect()
    last.sendall(frames(99))
    last.unwrap()
    assert numbers(receiver) == [99]


def test_close_first_looks_like_a_response_in_tls_but_not_in_tcp(connect, receiver):
    answered = threading.Event()
    receiver.on_message = lambda _: answered.wait(5)
    receiver.faults.add("close_first", after=1)
    client = connect()
    client.sendall(frames(1, 2))
    assert receiver.wait_until(lambda: receiver.messages, 5)
    client.settimeout(0)
    with pytest.raises(ssl.SSLWantReadError):
        client.unwrap()
    answered.set()
    client.settimeout(5)
    raw = client.unwrap()
    assert tcp_ending(raw) == "RST"
    assert numbers(receiver) == [1]
    raw.close()


def test_a_restarted_receiver_has_lost_the_discarded_messages(connect, receiver):
    receiver.faults.add("die", after=5, discards=2)
    one, other = connect(), connect()
    one.sendall(frames(1, 2))
    assert receiver.wait_for(2, 5)
    other.sendall(frames(3, 4, 5, 6))
    assert receiver.wait_until(lambda: not receiver.running, 5)
    assert (tcp_ending(one), tcp_ending(other)) == ("RST", "RST")
    with pytest.raises(ConnectionRefusedError):
        connect()
    assert numbers(receiver) == [1, 2, 3]
    receiver.start()
    again = connect()
    again.sendall(frames(*range(10, 20)))
    again.unwrap()
    assert numbers(receiver) == [1, 2, 3, *range(10, 20)]


def test_discarding_more_messages_than_there_are(connect, receiver):
    receiver.faults.add("close_without_notify", discards=4)
    client = connect()
    client.sendall(frames(1, 2, 3))
    with pytest.raises(ssl.SSLEOFError):
        client.unwrap()
    assert receiver.messages == []


def test_a_stalled_connection_fills_and_remains_open(connect, receiver):
    receiver.faults.add("stall", after=1)
    client = connect(timeout=0.2)
    client.sendall(frames(1, 2))
    with pytest.raises(TimeoutError):
        client.sendall(b"5 <1>03" * 10_000_000)
    assert is_open(client)
    other = connect()
    other.sendall(frames(4))
    other.unwrap()
    assert numbers(receiver) == [1, 4]


def test_a_connection_without_a_handshake(connect, receiver):
    fault = receiver.faults.add("no_handshake")
    with pytest.raises(TimeoutError, match="handshake operation timed out"):
        connect(timeout=0.1)
    connect().unwrap()
    assert (receiver.connections, fault.hits) == (1, 1)


def test_slow_reads(connect, receiver):
    fault = receiver.faults.add("slow", after=1, seconds=0.1, times=2)
    client = connect()
    began = time.monotonic()
    for number in range(4):
        client.sendall(frames(number))
        assert receiver.wait_for(number + 1, 5)
    client.unwrap()
    assert time.monotonic() - began >= 0.2
    assert (numbers(receiver), fault.hits) == ([0, 1, 2, 3], 2)


def test_a_slow_read_ends_when_the_receiver_stops(connect, receiver):
    client = connect()
    # Otherwise the message may arrive in the same read as the end of the handshake.
    assert receiver.wait_until(lambda: receiver.connections == 1, 5)
    fault = receiver.faults.add("slow", seconds=3600)
    client.sendall(frames(1))
    assert receiver.wait_until(lambda: fault.hits, 5)
    receiver.stop()
    assert tcp_ending(client) == "RST"
    assert receiver.messages == []


def test_a_close_that_is_answered_without_close_notify(connect, receiver):
    fault = receiver.faults.add("close_without_notify", after=1)
    one, other, third = connect(), connect(), connect()
    third.unwrap()
    one.sendall(frames(1))
    with pytest.raises(ssl.SSLEOFError):
        one.unwrap()
    assert tcp_ending(one) == "FIN"
    other.sendall(frames(2))
    other.unwrap()
    assert (numbers(receiver), fault.hits) == ([1, 2], 1)


def test_a_close_that_is_not_answered(connect, receiver):
    receiver.faults.add("never_closes")
    client = connect(timeout=0.1)
    client.sendall(frames(1, 2))
    with pytest.raises(TimeoutError):
        client.unwrap()
    assert receiver.wait_for(2, 5)
    assert state(client) not in ENDINGS
    connect().unwrap()


@pytest.mark.parametrize(("times", "drops"), [(2, 2), (None, 3)])
def test_a_fault_repeats_after_every_second_message(connect, receiver, times, drops):
    fault = receiver.faults.add("drop", after=2, times=times)
    for attempt in range(3):
        client = connect()
        client.sendall(frames(1, 2))
        if attempt < drops:
            assert ending(client) == ("nothing", "FIN")
        else:
            client.unwrap()
    assert fault.hits == drops
    assert numbers(receiver) == [1, 2] * 3


def test_several_faults_count_messages_independently(connect, receiver):
    receiver.faults.add("reset", after=3)
    receiver.faults.add("drop", after=1)
    one, other = connect(), connect()
    one.sendall(frames(1, 2))
    assert ending(one) == ("nothing", "FIN")
    other.sendall(frames(3, 4, 5))
    assert ending(other) == ("nothing", "RST")
    assert numbers(receiver) == [1, 3, 4]


def test_faults_can_be_removed(connect, receiver):
    first = receiver.faults.add("reset", after=1)
    second = receiver.faults.add("drop", after=1)
    receiver.faults.remove(first)
    assert list(receiver.faults) == [second]
    receiver.faults.clear()
    client = connect()
    client.sendall(frames(1))
    client.unwrap()
    assert (first.hits, second.hits) == (0, 0)


def test_an_unknown_fault_is_rejected():
    with pytest.raises(ValueError, match="Unknown fault 'earthquake': expected one of close_first, close_without_notify, die, drop, "):
        Faults(lambda: None).add("earthquake")


@pytest.mark.parametrize(("kind", "end"), [("drop", "FIN"), ("reset", "RST"), ("die", "RST"), ("close_first", "FIN")])
def test_faults_over_plain_tcp(kind, end):
    with receive(None, tls=False) as receiver, socket.create_connection((receiver.host, receiver.port), timeout=5) as client:
        receiver.faults.add(kind, after=2)
        client.sendall(frames(1, 2))
        assert tcp_ending(client) == end
        assert numbers(receiver) == [1, 2]


def test_a_fin_over_plain_tcp_that_is_not_answered():
    with receive(None, tls=False) as receiver, socket.create_connection((receiver.host, receiver.port), timeout=0.1) as client:
        receiver.faults.add("never_closes")
        client.sendall(frames(1))
        client.shutdown(socket.SHUT_WR)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert numbers(receiver) == [1]
