"""``python -m epimetheus``. A signal ends the command with exit code 128 plus its number; failing output streams do not end it."""

import signal
import sys
from typing import TextIO, cast

from epimetheus.cli.app import app
from epimetheus.cli.output import DroppingStream
from epimetheus.signals import Signaled, raise_on_signals


def main() -> None:
    """Run the command line."""
    sys.stdout, sys.stderr = (cast(TextIO, DroppingStream(stream)) for stream in (sys.stdout, sys.stderr))
    try:
        with raise_on_signals(signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            app()
    except Signaled as signaled:
        sys.stderr.write(f"Interrupted by {signaled.name}.\n")
        sys.exit(signaled.exit_code)


if __name__ == "__main__":
    main()
