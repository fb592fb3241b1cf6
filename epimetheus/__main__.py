"""``python -m epimetheus``. A signal ends the command with exit code 128 plus its number; failing output streams do not end it."""

import signal
import sys
from typing import TextIO, cast

_PYTHON = (3, 11)  # this module itself must remain valid for Python 3.8, so that it can report a version that is too old
_PACKAGES_MISSING = "The command line needs its packages: run `pipx install .`, or `make setup` and `. .venv/bin/activate`.\n"


def main() -> None:
    """Run the command line. A Python that is too old, or a missing package, ends it with exit code 2."""
    if sys.version_info < _PYTHON:
        sys.stderr.write(f"Epimetheus needs Python {_PYTHON[0]}.{_PYTHON[1]} or newer; this is {sys.version.split()[0]}.\n")
        sys.exit(2)
    try:
        _run()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "epimetheus":
            raise
        sys.stderr.write(_PACKAGES_MISSING)
        sys.exit(2)


def _run() -> None:
    from epimetheus.cli.app import app  # noqa: PLC0415 - a missing package is reported
    from epimetheus.cli.output import DroppingStream  # noqa: PLC0415 - not valid for an old Python
    from epimetheus.cli.usage_errors import run_app  # noqa: PLC0415 - not valid for an old Python
    from epimetheus.signals import Signaled, raise_on_signals  # noqa: PLC0415 - not valid for an old Python

    output = DroppingStream(sys.stdout)
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, DroppingStream(sys.stderr))
    try:
        with raise_on_signals(signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            run_app(app)
    except Signaled as signaled:
        sys.stderr.write(f"Interrupted by {signaled.name}.\n")
        sys.exit(signaled.exit_code)
    finally:
        output.flush()
        if output.failure:
            sys.stderr.write(f"Writing the output failed: {output.failure}. The output is incomplete.\n")


if __name__ == "__main__":
    main()
