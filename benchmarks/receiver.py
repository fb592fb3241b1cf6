"""A syslog receiver in its own process that counts messages and closes in order: TLS, octet counting (RFC 5425 4.3). Stores nothing."""

import json
import socketserver
import ssl
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from benchmarks.helper import Responder

_READ_BYTES = 1 << 18


@dataclass
class _Counts:
    messages: int = 0
    bytes: int = 0
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *, messages: int = 0, size: int = 0, connections: int = 0) -> None:
        with self.lock:
            self.messages += messages
            self.bytes += size
            self.connections += connections

    def snapshot(self) -> dict[str, int]:
        with self.lock:
            return {"messages": self.messages, "bytes": self.bytes, "connections": self.connections}


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, context: ssl.SSLContext, counts: _Counts) -> None:
        self.context = context
        self.counts = counts
        super().__init__(("127.0.0.1", 0), _Handler)

    def shutdown_request(self, request: Any) -> None:
        """Does nothing: the handler closes the connection."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        wrap = self.server.context.wrap_socket
        # Clients may disconnect at any time. Their messages are counted.
        with suppress(OSError), wrap(self.request, server_side=True, suppress_ragged_eofs=False) as tls:
            self._read(tls)

    def _read(self, tls: ssl.SSLSocket) -> None:
        counts, rest, buffer = self.server.counts, b"", bytearray(_READ_BYTES)
        counts.add(connections=1)
        while size := tls.recv_into(buffer):
            messages, rest = _count_frames(rest + buffer[:size])
            counts.add(messages=messages, size=size)
        tls.unwrap().close()


def _count_frames(data: bytes) -> tuple[int, bytes]:
    """Returns the number of complete frames, and the incomplete rest."""
    at = count = 0
    while (space := data.find(b" ", at, at + 12)) > 0:
        end = space + 1 + int(data[at:space])
        if end > len(data):
            break
        at = end
        count += 1
    return count, data[at:]


def main() -> None:
    """Serves with the options in the first argument: ``cert`` and ``key``, PEM files."""
    options, counts = json.loads(sys.argv[1]), _Counts()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options["cert"], options["key"])
    server = _Server(context, counts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    responder = Responder()
    responder.send({"port": server.server_address[1]})
    responder.run({"counts": counts.snapshot})


if __name__ == "__main__":
    main()
