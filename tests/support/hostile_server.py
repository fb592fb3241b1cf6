"""A hostile HTTP server: slow, endless and oversized responses, and gzip bombs."""

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from epimetheus.testing.syslog import Identity

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nopc-request-id: x\r\n"
_MEBIBYTE = b" " * (1 << 20)
_GIBIBYTE = gzip.compress(_MEBIBYTE * 16) * 64  # 64 members, 1 GiB in all


def _drip(sock: socket.socket, data: bytes) -> None:
    for at in range(len(data)):
        sock.sendall(data[at : at + 1])
        time.sleep(0.05)


def drips_status(sock: socket.socket) -> None:
    _drip(sock, b"HTTP/1.1 200 " + b"O" * 100_000)


def drips_headers(sock: socket.socket) -> None:
    sock.sendall(_OK)
    _drip(sock, b"X-A: b\r\n" * 10_000)


def drips_body(sock: socket.socket) -> None:
    sock.sendall(_OK + b"Content-Length: 100000\r\n\r\n")
    _drip(sock, b"[" + b" " * 99_998 + b"]")


def drips_after_a_fast_start(sock: socket.socket) -> None:
    sock.sendall(_OK + b"Content-Length: 2000000\r\n\r\n[" + _MEBIBYTE)
    _drip(sock, b" " * 900_000)


def drips_chunks_after_a_fast_start(sock: socket.socket) -> None:
    sock.sendall(_OK + b"Transfer-Encoding: chunked\r\n\r\n100000\r\n" + _MEBIBYTE + b"\r\n")
    _drip(sock, b"1\r\n \r\n" * 100_000)


def drips_gzip_after_a_fast_start(sock: socket.socket) -> None:
    sock.sendall(_OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(_MEBIBYTE))
    _drip(sock, _GIBIBYTE[:10_000])


def sends_tiny_chunks_forever(sock: socket.socket) -> None:
    """At full speed: what takes the time is reading them."""
    sock.sendall(_OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        sock.sendall(b"1\r\n \r\n" * 10_000)


def continues_forever(sock: socket.socket) -> None:
    while True:
        sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def reads_nothing(sock: socket.socket) -> None:
    time.sleep(60)


def endless_headers(sock: socket.socket) -> None:
    sock.sendall(_OK)
    while True:
        sock.sendall(b"X-A: " + b"b" * 60_000 + b"\r\n")


def endless_chunks(sock: socket.socket) -> None:
    sock.sendall(_OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        sock.sendall(b"100000\r\n" + _MEBIBYTE + b"\r\n")


def endless_chunk_size(sock: socket.socket) -> None:
    sock.sendall(_OK + b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        sock.sendall(b"0" * 65_536)


def endless_body(sock: socket.socket) -> None:
    sock.sendall(_OK + b"Connection: close\r\n\r\n")
    while True:
        sock.sendall(_MEBIBYTE)


def announces_terabytes(sock: socket.socket) -> None:
    sock.sendall(_OK + b"Content-Length: 1099511627776\r\n\r\n")
    time.sleep(60)


def gzip_bomb(sock: socket.socket) -> None:
    sock.sendall(_OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_GIBIBYTE) + _GIBIBYTE)


def gzip_bomb_in_an_error(sock: socket.socket) -> None:
    head = _OK.replace(b"200 OK", b"404 Not Found")
    sock.sendall(head + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_GIBIBYTE) + _GIBIBYTE)


def redirects(sock: socket.socket) -> None:
    sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/elsewhere\r\nContent-Length: 0\r\n\r\n")


LATE = (drips_body, drips_after_a_fast_start, drips_chunks_after_a_fast_start, drips_gzip_after_a_fast_start, sends_tiny_chunks_forever)
"""The status and the headers arrive at once, and the body does not end."""
SLOW = (drips_status, drips_headers, continues_forever, reads_nothing, *LATE)
LONG = (endless_chunks, endless_chunk_size, endless_body, announces_terabytes, gzip_bomb, gzip_bomb_in_an_error)


def never_handshakes(sock: socket.socket) -> None:
    """For an https URL: no TLS handshake."""
    time.sleep(60)


def tunnel(sock: socket.socket) -> None:
    """A correct https proxy: CONNECT leads to the requested port on the loopback interface."""
    port = int(_read_head(sock).split()[1].rpartition(b":")[2])
    with socket.create_connection(("127.0.0.1", port)) as upstream:
        sock.sendall(b"HTTP/1.1 200 Connection established\r\nX-A: b\r\n\r\n")
        threading.Thread(target=_pump, args=(upstream, sock), daemon=True).start()
        _pump(sock, upstream)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def _read_head(sock: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        if not (part := sock.recv(65_536)):
            raise ConnectionError
        head += part
    return head


_READS_REQUEST_ITSELF = (reads_nothing, never_handshakes, tunnel)


@contextmanager
def hostile(respond: Callable[[socket.socket], None], tls: Identity | None = None) -> Iterator[str]:
    """The URL of a server that reads the head of each request, unless ``respond`` does, and calls ``respond``."""
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls:
        context.load_cert_chain(*tls)

    def serve(sock: socket.socket) -> None:
        with suppress(OSError):
            if tls and respond is not never_handshakes:
                sock = context.wrap_socket(sock, server_side=True)
            if respond not in _READS_REQUEST_ITSELF:
                _read_head(sock)
            respond(sock)
            sock.shutdown(socket.SHUT_WR)
        sock.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
