"""The calibration loop: decodes the same pages into the fields that a run uses, and sends the same bytes over TLS, nothing else."""

import socket
import ssl
import time
from pathlib import Path

import msgspec

from benchmarks.bench import Bench
from benchmarks.pages import read
from epimetheus.model import AuditEvent

_WRITE_BYTES = 128 * 1024
_decode = msgspec.json.Decoder(list[AuditEvent]).decode


def calibrate(bench: Bench, templates: Path, port: int, rounds: int) -> float:
    """Returns the CPU seconds per event in this process. ``templates``: the pages. ``port``: of the receiver."""
    bodies = [template.body for template in read(templates)] * rounds
    context = ssl.create_default_context(cafile=str(bench.authority.ca))
    with socket.create_connection(("localhost", port)) as raw, context.wrap_socket(raw, server_hostname="localhost") as tls:
        began, events = time.process_time(), 0
        for body in bodies:
            events += len(_decode(body))
            frame = memoryview(b"%d %b" % (len(body), body))
            for at in range(0, len(frame), _WRITE_BYTES):
                tls.sendall(frame[at : at + _WRITE_BYTES])
        used = time.process_time() - began
        tls.unwrap()
    return used / events
