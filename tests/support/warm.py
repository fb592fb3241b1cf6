"""The command line without the time of its imports: in the quick profile, ``python -m epimetheus`` is a fork of a process that has them.

A start of the command takes 0.4 s of CPU for imports, and the tests start it some two hundred times. The fork gets its own streams, folder,
environment and signals (`tests.support.launcher`). With TEST_PROFILE=full, each command is a new interpreter, as it is for a user.
"""

import atexit
import contextlib
import gc
import importlib
import io
import marshal
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.budget import profile

ROOT = Path(__file__).parents[2]
LAUNCHER = Path(__file__).with_name("launcher.py")


def command_words(*words: str) -> list[str]:
    """What starts ``python -m epimetheus WORDS``. Not for tests of Python's own variables and options."""
    if profile() == "full":
        return [sys.executable, "-m", "epimetheus", *words]
    return [sys.executable, "-I", "-S", str(LAUNCHER), _server(), *words]


@cache
def _server() -> str:
    """Start the process that has imported everything. Returns the path of its socket."""
    path = f"{tempfile.mkdtemp(prefix='warm-')}/socket"
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.support.warm", path]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()  # it listens
    atexit.register(_stop, process, Path(path).parent)
    return path


def _stop(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    process.terminate()
    process.wait()
    for file in (folder / "socket", folder):
        with contextlib.suppress(OSError):
            file.rmdir() if file == folder else file.unlink()


def _serve(path: str) -> None:
    """Fork a keeper for each connection, which forks the command."""
    for module in pkgutil.walk_packages([str(ROOT / "epimetheus")], "epimetheus."):
        if module.name != "epimetheus.__main__" and not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print(flush=True)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _keep(connection)
            connection.close()
            with contextlib.suppress(ChildProcessError):  # collects earlier keepers, and their CPU
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _keep(connection: socket.socket) -> None:
    """Start the command of a launcher, forward its signals, and return the exit code. If the launcher is killed, so is the command."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    head, rights, _, _ = socket.recv_fds(connection, 4, 3)
    size, request = int.from_bytes(head, "big"), b""
    while len(request) < size:
        request += connection.recv(size - len(request))
    child = os.fork()
    if child == 0:
        connection.close()
        _run(rights, *marshal.loads(request))
    for fd in rights:
        os.close(fd)
    ended = os.pidfd_open(child)
    while True:
        ready, _, _ = select.select([ended, connection], [], [])
        if ended in ready:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            with contextlib.suppress(OSError):
                connection.send(code.to_bytes(4, "big", signed=True))
            os._exit(0)
        received = connection.recv(1)
        os.kill(child, received[0] if received else signal.SIGKILL)


def _run(rights: list[int], streams: list[int], folder: str, words: list[str], environment: dict[str, str], ignored: list[int]) -> None:
    """Become the command."""
    os.closerange(0, 3)
    for fd, stream in zip(rights, streams, strict=True):
        os.dup2(fd, stream)
        os.close(fd)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        default: Any = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if number in ignored else default)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None
    sys.stdin, sys.stdout, sys.stderr = (_stream(fd) if fd in streams else None for fd in (0, 1, 2))  # type: ignore[assignment]
    sys.argv = ["epimetheus", *words]
    os._exit(_exit_code())


def _stream(fd: int) -> Any:
    """A stream as Python opens it for UTF-8."""
    errors = "backslashreplace" if fd == 2 else "strict"
    buffered = fd == 0 or "PYTHONUNBUFFERED" not in os.environ
    raw = open(fd, "wb" if fd else "rb", -1 if buffered else 0, closefd=False)  # noqa: SIM115 - open as long as the process
    line_buffering = buffered and (fd == 2 or os.isatty(fd))
    return io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=line_buffering, write_through=not buffered)


def _exit_code() -> int:
    code: Any = 0
    try:
        runpy.run_module("epimetheus", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            code = code or 120  # as the interpreter does
    return code if isinstance(code, int) else int(code is not None)


if __name__ == "__main__":
    _serve(sys.argv[1])
