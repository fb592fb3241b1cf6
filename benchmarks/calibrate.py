"""The limit to compare with: the same pages decoded into the fields that are used, the same bytes sent over TLS, and nothing between."""

import socket
import ssl
import time
from pathlib import Path

import msgspec

from benchmarks.bench import Bench
from benchmarks.pages import read
from epimetheus.model import AuditEvent

_PIECE = 128 * 1024
_decode = msgspec.json.Decoder(list[AuditEvent]).decode


def calibrate(bench: Bench, port: int, rounds: int) -> float:
    """CPU seconds an event, in this process; ``port``: the receiver's."""
    bodies = [template.body for template in read(Path(bench.told.templates), bench.told.page)] * rounds
    context = ssl.create_default_context(cafile=str(bench.authority.ca))
    with socket.create_connection(("localhost", port)) as raw, context.wrap_socket(raw, server_hostname="localhost") as tls:
        began, events = time.process_time(), 0
        for body in bodies:
            events += len(_decode(body))
            frame = memoryview(b"%d %b" % (len(body), body))
            for at in range(0, len(frame), _PIECE):
                tls.sendall(frame[at : at + _PIECE])
        taken = time.process_time() - began
        tls.unwrap()
    return taken / events
