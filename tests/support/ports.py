"""Ports for receivers that are stopped and started again on the same port.

They lie below the range from which the kernel chooses ports for connections, and every pytest-xdist worker has a part of its own: nothing
else takes a port while its receiver is down.
"""

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import suppress

_FIRST = 15_000
_PER_WORKER = 1_000


def _ports() -> Iterator[int]:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = _FIRST + int(worker) % 16 * _PER_WORKER
    return itertools.cycle(range(first, first + _PER_WORKER))


_PORTS = _ports()


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens."""
    for port in itertools.islice(_PORTS, _PER_WORKER):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError(f"none of {_PER_WORKER} ports is free")
