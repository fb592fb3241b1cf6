"""Stands for ``python -m epimetheus`` in `tests.support.warm`: passes its streams, folder, environment and signals on to a fork.

``python -I -S launcher.py SOCKET WORDS…``. It imports only what is built in, so it starts in ten milliseconds.
"""

import _socket
import marshal
import os
import signal
import sys

STREAMS = (0, 1, 2)
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def is_open(fd: int) -> bool:
    """Whether this process has the stream."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def main() -> int:
    """Returns the exit code of the fork; ends by the signal that ended the fork."""
    streams = [fd for fd in STREAMS if is_open(fd)]
    ignored = [number for number in FORWARDED if signal.getsignal(number) is signal.SIG_IGN]
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    for number in FORWARDED:
        if number not in ignored:
            signal.signal(number, lambda received, _: connection.send(bytes([received])))
    connection.connect(sys.argv[1])
    request = marshal.dumps((streams, os.getcwd(), sys.argv[2:], dict(os.environ), ignored))
    rights = b"".join(fd.to_bytes(4, sys.byteorder) for fd in streams)
    connection.sendmsg([len(request).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if streams else [])
    connection.sendall(request)
    for fd in streams:
        os.close(fd)  # the fork has them: its end must be the end of the output
    code = int.from_bytes(connection.recv(4), "big", signed=True)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    os._exit(main())
