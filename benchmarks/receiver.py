"""A syslog receiver in a process of its own, which reads, counts, and closes strictly: TLS, octet counting (RFC 5425 4.3), nothing kept."""

import json
import socketserver
import ssl
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from benchmarks.helper import Voice

_PIECE = 1 << 18


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

    def told(self) -> dict[str, int]:
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
        """Nothing: an orderly end is the handler's."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        wrap = self.server.context.wrap_socket
        # a client that hung up is none of ours to tell; what it sent is counted
        with suppress(OSError), wrap(self.request, server_side=True, suppress_ragged_eofs=False) as tls:
            self._read(tls)

    def _read(self, tls: ssl.SSLSocket) -> None:
        counts, rest, piece = self.server.counts, b"", bytearray(_PIECE)
        counts.add(connections=1)
        while size := tls.recv_into(piece):
            messages, rest = _counted(rest + piece[:size])
            counts.add(messages=messages, size=size)
        tls.unwrap().close()


def _counted(data: bytes) -> tuple[int, bytes]:
    """How many whole frames there are, and what is left of the next."""
    at = count = 0
    while (blank := data.find(b" ", at, at + 12)) > 0:
        end = blank + 1 + int(data[at:blank])
        if end > len(data):
            break
        at = end
        count += 1
    return count, data[at:]


def main() -> None:
    """``told``: ``cert`` and ``key``, PEM files."""
    told, counts = json.loads(sys.argv[1]), _Counts()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(told["cert"], told["key"])
    server = _Server(context, counts)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    voice = Voice()
    voice.say({"port": server.server_address[1]})
    voice.answer({"told": counts.told})


if __name__ == "__main__":
    main()
