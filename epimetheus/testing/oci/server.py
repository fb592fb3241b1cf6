"""Serves a world over HTTP, for clients in other processes."""

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
from epimetheus.testing.oci.wire import Request, Response


@dataclass(frozen=True)
class Served:
    """A world that is served at ``url``, which has no trailing slash."""

    url: str
    world: World


@contextmanager
def serve(world: World, host: str = "127.0.0.1", port: int = 0, region: str | None = None) -> Iterator[Served]:
    """Serves one region of a world over HTTP while the context is active; by default the home region."""
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
        # A client may disconnect at any time. Other exceptions are bugs of the stand-in.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Stops listening, and closes connections that are kept alive."""
        self.stopping.set()
        self.shutdown()
        for connection in list(self._open):
            _shut_down(connection)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    # Sends headers and body in one write.
    wbufsize = 1 << 16
    server: _Server

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._do
        raise AttributeError(name)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing, because the world records all requests."""

    def handle_expect_100(self) -> bool:
        """Sends 100 Continue immediately, without buffering."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _do(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, self._body(), self.server.region)
        response = backend.handle(self.server.world, request)
        if response.delay:
            self.server.stopping.wait(response.delay)
        kind = response.fault.kind if response.fault else ""
        if kind:
            self.close_connection = True
        if kind == "timeout":
            self._stall(response)
        elif kind in ("reset", "lost_response"):
            self._reset()
        else:
            self._send(response, kind)

    def _send(self, response: Response, kind: str) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(response.body[: len(response.body) // 2] if kind else response.body)
        self.wfile.flush()
        if kind == "stalled":
            self._stall(response)

    def _stall(self, response: Response) -> None:
        """Waits until the duration of the fault is over, the client disconnects, or the server stops."""
        end = time.monotonic() + (response.fault.seconds if response.fault else 0)
        while time.monotonic() < end and not self.server.stopping.wait(0.05):
            if select.select([self.connection], [], [], 0)[0]:
                return

    def _reset(self) -> None:
        # With a linger time of 0, close() sends RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        """Yields the chunks of RFC 9112, section 7.1: size in hex, data, and a last chunk of size 0. Ignores trailers."""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass


def _shut_down(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The client has closed the connection already.
        return
