"""The door over HTTP: the same world for a real process to talk to, on real sockets."""

import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from epimetheus.testing.oci import backend
from epimetheus.testing.oci.models import World
from epimetheus.testing.oci.wire import Answer, Request


@dataclass(frozen=True)
class Served:
    """A world that is being served: ``url`` has no slash at the end."""

    url: str
    world: World


@contextmanager
def serve(world: World, host: str = "127.0.0.1", port: int = 0, region: str | None = None) -> Iterator[Served]:
    """Serve a world over HTTP while it lasts; one endpoint is one region, the home region if not told otherwise."""
    server = _Server((host, port), world, region or world.region)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="stand-in OCI", daemon=True)
    thread.start()
    try:
        yield Served(f"http://{host}:{server.server_port}", world)
    finally:
        server.stop()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], world: World, region: str) -> None:
        self.world = world
        self.region = region
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that went away is none of ours to tell; anything else is a mistake in here, and is shown.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stop listening, and hang up on those who keep their connection alive."""
        self.stopping.set()
        self.shutdown()
        for connection in list(self._open):
            _hang_up(connection)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Head and body leave in one write.
    wbufsize = 1 << 16
    server: _Server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._do
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the world keeps the log."""

    def handle_expect_100(self) -> bool:
        """Tell the client to go on, at once."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _do(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body(), self.server.region)
        answer = backend.handle(self.server.world, request)
        if answer.delay:
            self.server.stopping.wait(answer.delay)
        kind = answer.trouble.kind if answer.trouble else ""
        if kind:
            self.close_connection = True
        if kind == "timeout":
            self._stay_silent(answer)
        elif kind in ("reset", "lost_response"):
            self._reset()
        else:
            self._send(answer, kind)

    def _send(self, answer: Answer, kind: str) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(answer.body[: len(answer.body) // 2] if kind else answer.body)
        self.wfile.flush()
        if kind == "stalled":
            self._stay_silent(answer)

    def _stay_silent(self, answer: Answer) -> None:
        """Until the fault's time is over, the client has hung up, or the server stops."""
        end = time.monotonic() + (answer.trouble.seconds if answer.trouble else 0)
        while time.monotonic() < end and not self.server.stopping.wait(0.05):
            if select.select([self.connection], [], [], 0)[0]:
                return

    def _reset(self) -> None:
        # Closing with linger on and no time to linger sends RST in place of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        """RFC 9112, section 7.1: size in hex, data, and a last chunk of size 0 with trailers that nobody needs."""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # It is gone already: what was wanted.
        return
