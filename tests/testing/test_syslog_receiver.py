"""The receiver with valid and invalid clients, over TLS 1.2, TLS 1.3 and plain TCP."""

import socket
import ssl
import struct
import threading
import time
from contextlib import suppress

import pytest
from cryptography import x509

from epimetheus.testing.syslog import Authority, receive
from epimetheus.testing.syslog.connection import Connection
from epimetheus.testing.syslog.frames import Frames
from epimetheus.testing.syslog.options import Options, server_context
from epimetheus.testing.syslog.transport import TlsTransport

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
THREE = b"4 <1>a5 <2>bb<3>c\n"
ESTABLISHED, CLOSED = 1, 7
MESSAGES = [b"<1>a", b"<2>bb", b"<3>c"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def version(request):
    return request.param


def tcp(receiver):
    return socket.create_connection((receiver.host, receiver.port), timeout=5)


def connect(receiver, authority, version=ssl.TLSVersion.TLSv1_3, identity=None, name="localhost"):
    context = ssl.create_default_context(cafile=authority.ca)
    context.minimum_version = context.maximum_version = version
    if identity:
        context.load_cert_chain(*identity)
    return context.wrap_socket(tcp(receiver), server_hostname=name, suppress_ragged_eofs=False)


def was_reset(client):
    """Reports whether RST arrived, by the state of TCP: Python 3.11's TLS does not distinguish it from FIN."""
    end = time.monotonic() + 5
    while client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED and time.monotonic() < end:
        time.sleep(0.001)
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == CLOSED


def test_messages_arrive_and_close_notify_is_answered(authority, version):
    with receive(authority) as receiver:
        with connect(receiver, authority, version) as client:
            assert client.version() == {VERSIONS[0]: "TLSv1.2", VERSIONS[1]: "TLSv1.3"}[version]
            client.sendall(THREE)
            raw = client.unwrap()
            assert raw.recv(1) == b""
            raw.close()
        assert receiver.messages == MESSAGES
        assert (receiver.connections, receiver.problems) == (1, [])


def test_plain_tcp():
    with receive(None, tls=False) as receiver, tcp(receiver) as client:
        client.sendall(THREE)
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
        assert receiver.messages == MESSAGES
        assert (receiver.connections, receiver.problems) == (1, [])


def test_tls_requires_an_authority():
    with pytest.raises(ValueError, match=r"^TLS requires an authority: pass an Authority, or tls=False\.$"), receive(None):
        pass


def test_a_close_that_is_answered_with_fin_only(authority, version):
    with receive(authority, sends_close_notify=False) as receiver, connect(receiver, authority, version) as client:
        client.sendall(THREE)
        with pytest.raises(ssl.SSLEOFError):
            client.unwrap()
        assert receiver.messages == MESSAGES
        assert receiver.problems == []


def test_messages_of_several_connections_are_in_order_of_arrival(authority):
    received = []
    with receive(authority) as receiver:
        assert receiver.on_message is None
        receiver.on_message = received.append
        with connect(receiver, authority) as one, connect(receiver, authority) as other:
            for number, client in enumerate([one, other, one, other]):
                client.sendall(b"4 <1>%d" % number)
                assert receiver.wait_for(number + 1, 5)
            assert receiver.connections == 2
        assert receiver.messages == received == [b"<1>0", b"<1>1", b"<1>2", b"<1>3"]


def test_messages_is_a_copy(authority):
    with receive(authority) as receiver, connect(receiver, authority) as client:
        client.sendall(THREE)
        assert receiver.wait_for(3, 5)
        receiver.messages.clear()
        assert len(receiver.messages) == 3
        assert not receiver.wait_for(4, 0.01)


def test_a_wait_ends_before_on_message_returns(authority):
    recorded, waited = threading.Event(), []
    with receive(authority) as receiver, connect(receiver, authority) as client:

        def has_messages():
            if not sent:
                sent.append(client.sendall(THREE))
            return receiver.messages

        sent = []
        receiver.on_message = lambda _: waited.append(recorded.wait(5))
        assert receiver.wait_until(has_messages, 30)
        recorded.set()
        client.unwrap().close()
    assert waited == [True, True, True]


def test_a_hundred_thousand_messages(authority):
    message = b"<14>1 " + b"x" * 694
    with receive(authority) as receiver, connect(receiver, authority) as client:
        for _ in range(400):
            client.sendall((b"700 " + message) * 250)
        raw = client.unwrap()
        raw.close()
        assert len(receiver.messages) == 100_000
        assert set(receiver.messages) == {message}
        assert receiver.problems == []


@pytest.mark.parametrize(
    ("options", "data", "messages", "problem"),
    [
        ({}, b"4 <1>aGET /", [b"<1>a"], "invalid line: expected <: b'GET /'"),
        ({"framing": "octet-counting"}, b"<1>a\n", [], "invalid frame: expected a length: b'<1>a\\n'"),
        ({"framing": "lf"}, b"<1>a\n4 <1>a", [b"<1>a"], "invalid line: expected <: b'4 <1>a'"),
        ({"limit": 8}, b"4 <1>a9 <1>456789", [b"<1>a"], "invalid frame: the message is longer than 8 bytes: b'9 <1>456789'"),
    ],
)
def test_an_invalid_frame_is_reported_and_ends_the_connection(authority, options, data, messages, problem):
    with receive(authority, **options) as receiver, connect(receiver, authority) as client:
        client.sendall(data)
        with pytest.raises(ssl.SSLEOFError):
            client.recv(1)
        assert (receiver.messages, receiver.problems) == (messages, [problem])


def test_a_close_within_a_frame_is_answered_and_reported(authority):
    with receive(authority) as receiver, connect(receiver, authority) as client:
        client.sendall(b"4 <1>a4 <1>")
        raw = client.unwrap()
        assert raw.recv(1) == b""
        raw.close()
        assert receiver.messages == [b"<1>a"]
        assert receiver.problems == ["the stream ended within a frame: b'4 <1>'"]


def test_clients_that_disconnect_without_close_notify(authority):
    with receive(authority) as receiver:
        # With TLS 1.3 the client would send RST, because it has not read the session tickets.
        client = connect(receiver, authority, ssl.TLSVersion.TLSv1_2)
        assert receiver.wait_until(lambda: receiver.connections == 1, 5)
        client.close()
        assert receiver.wait_until(lambda: receiver.problems, 5)
        tcp(receiver).close()
        assert receiver.wait_until(lambda: len(receiver.problems) == 2, 5)
        assert receiver.problems == [
            "the client disconnected without close_notify",
            "the client disconnected before the TLS handshake was complete",
        ]
        assert receiver.connections == 1


def test_a_client_that_resets_the_connection(authority):
    with receive(authority) as receiver:
        with connect(receiver, authority) as client:
            assert receiver.wait_until(lambda: receiver.connections == 1, 5)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert receiver.wait_until(lambda: receiver.problems, 5)
        assert receiver.problems == ["the connection failed: Connection reset by peer"]


def test_a_client_that_resets_the_connection_during_the_handshake(authority):
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        raw, _ = listener.accept()
        with raw:
            connection = Connection(raw, TlsTransport(server_context(authority, Options())), Frames())
            assert connection.read() == []
            hello = ssl.MemoryBIO()
            with pytest.raises(ssl.SSLWantReadError):
                ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), hello, server_hostname="localhost").do_handshake()
            client.sendall(hello.read())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            assert (connection.read(), connection.problem) == ([], "")
            connection.flush()
            assert connection.problem == "the connection failed: Connection reset by peer"


def test_a_client_without_tls(authority):
    with receive(authority) as receiver, tcp(receiver) as client:
        client.sendall(b"4 <1>a<2>b\n")
        assert receiver.wait_until(lambda: receiver.problems, 5)
        assert receiver.problems == ["TLS failed: WRONG_VERSION_NUMBER"]
        assert was_reset(client)
        assert (receiver.messages, receiver.connections) == ([], 0)


def test_a_client_with_a_certificate(authority, version):
    with receive(authority, client_certificates=True) as receiver:
        with connect(receiver, authority, version, authority.client()) as client:
            client.sendall(THREE)
            client.unwrap().close()
        assert (receiver.messages, receiver.problems) == (MESSAGES, [])


@pytest.mark.parametrize("kind", ["none", "expired", "from another authority"])
def test_a_client_without_a_valid_certificate(authority, version, kind, tmp_path):
    identity, problem, alert = {
        "none": (None, "PEER_DID_NOT_RETURN_A_CERTIFICATE", "TLSV13_ALERT_CERTIFICATE_REQUIRED"),
        "expired": (
            authority.client(expired=True), "CERTIFICATE_VERIFY_FAILED (certificate has expired)", "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        ),
        "from another authority": (
            Authority(tmp_path).client(), "CERTIFICATE_VERIFY_FAILED (unable to get local issuer certificate)", "TLSV1_ALERT_UNKNOWN_CA",
        ),
    }[kind]  # fmt: skip
    if (kind, version) == ("none", ssl.TLSVersion.TLSv1_2):
        alert = "SSLV3_ALERT_HANDSHAKE_FAILURE"

    def talk():
        with connect(receiver, authority, version, identity) as client:
            with suppress(OSError):  # The connection may be closed already. The alert can still be read.
                client.sendall(THREE)
            client.recv(1)

    with receive(authority, client_certificates=True) as receiver:
        with pytest.raises(ssl.SSLError) as error:
            talk()
        assert error.value.reason == alert
        assert receiver.problems == [f"TLS failed: {problem}"]
        assert (receiver.messages, receiver.connections) == ([], 0)


def test_with_tls_1_3_the_client_receives_the_alert_after_the_handshake(authority):
    with receive(authority, client_certificates=True) as receiver:
        client = connect(receiver, authority)
        assert receiver.wait_until(lambda: receiver.problems, 5)
        with client, pytest.raises(ssl.SSLError, match="ALERT_CERTIFICATE_REQUIRED"):
            client.recv(1)


@pytest.mark.parametrize(
    ("options", "problem", "alert"),
    [
        ({"expired": True}, "certificate has expired", "SSLV3_ALERT_CERTIFICATE_EXPIRED"),
        ({"names": ("elsewhere.example",)}, "Hostname mismatch", "SSLV3_ALERT_BAD_CERTIFICATE"),
    ],
)
def test_a_receiver_with_an_invalid_certificate(authority, version, options, problem, alert):
    with receive(authority, **options) as receiver:
        with pytest.raises(ssl.SSLCertVerificationError, match=problem):
            connect(receiver, authority, version)
        assert receiver.wait_until(lambda: receiver.problems, 5)
        assert receiver.problems == [f"TLS failed: {alert}"]


def test_a_receiver_with_an_unknown_authority(authority, tmp_path):
    with receive(Authority(tmp_path)) as receiver, pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        connect(receiver, authority)


def test_names_in_the_certificate(authority):
    with receive(authority, names=("siem.example",)) as receiver, connect(receiver, authority, name="siem.example") as client:
        assert client.getpeercert()["subjectAltName"] == (("DNS", "siem.example"),)
    with receive(authority) as receiver, connect(receiver, authority, name="127.0.0.1") as client:
        assert client.getpeercert()["subjectAltName"] == (("DNS", "localhost"), ("IP Address", "127.0.0.1"))


@pytest.mark.parametrize(("bound", "version"), [("minimum_version", VERSIONS[0]), ("maximum_version", VERSIONS[1])])
def test_unsupported_tls_versions(authority, bound, version):
    other = VERSIONS[1] if version is VERSIONS[0] else VERSIONS[0]
    with receive(authority, **{bound: other}) as receiver:
        with pytest.raises(ssl.SSLError, match="ALERT_PROTOCOL_VERSION"):
            connect(receiver, authority, version)
        assert receiver.problems == ["TLS failed: UNSUPPORTED_PROTOCOL"]


def test_files_of_the_authority(tmp_path):
    authority = Authority(tmp_path / "new" / "folder")
    identities = [authority.server(), authority.client(), authority.client()]
    assert authority.ca.read_text() == authority.ca_pem
    assert [path.name for identity in identities for path in identity] == [
        "server-1.pem", "server-1.key", "client-2.pem", "client-2.key", "client-3.pem", "client-3.key",
    ]  # fmt: skip
    assert {path.stat().st_mode & 0o777 for path in authority.ca.parent.iterdir()} == {0o600}
    certificate = x509.load_pem_x509_certificate(identities[0].cert.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["localhost", "127.0.0.1"]


def test_a_receiver_restarts_on_the_same_port(authority, version):
    with receive(authority) as receiver:
        port = receiver.port
        with connect(receiver, authority, version) as client, connect(receiver, authority, version) as idle:
            client.sendall(THREE)
            assert receiver.wait_for(3, 5)
            receiver.stop()
            assert not receiver.running
            assert (was_reset(client), was_reset(idle)) == (True, True)
        with pytest.raises(ConnectionRefusedError):
            tcp(receiver)
        receiver.start()
        assert (receiver.running, receiver.port) == (True, port)
        with connect(receiver, authority, version) as client:
            client.sendall(b"4 <4>d")
            client.unwrap().close()
        assert receiver.messages == [*MESSAGES, b"<4>d"]
        assert (receiver.connections, receiver.problems) == (3, [])


def test_starting_and_stopping_twice(authority):
    with receive(authority) as receiver:
        with connect(receiver, authority) as client:
            receiver.start()
            client.sendall(THREE)
            client.unwrap().close()
        receiver.stop()
        receiver.stop()
        receiver.faults.add("reset")
        assert receiver.messages == MESSAGES


def test_the_port_is_reserved_while_the_receiver_is_stopped(authority):
    with receive(None, tls=False) as receiver:
        receiver.stop()
        with socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
            other.bind((receiver.host, receiver.port))


def test_a_given_port():
    with receive(None, tls=False) as first:
        port = first.port
    with socket.socket() as other:
        other.bind((first.host, port))
    with receive(None, tls=False, port=port) as second:
        assert second.port == port
        tcp(second).close()


def test_closing_leaves_no_thread_or_connection(authority):
    before = threading.enumerate()
    with receive(authority) as receiver, connect(receiver, authority) as client, tcp(receiver) as silent:
        assert len(threading.enumerate()) == len(before) + 1
        receiver.close()
        assert threading.enumerate() == before
        assert (was_reset(client), was_reset(silent)) == (True, True)
