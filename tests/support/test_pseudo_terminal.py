"""The exit code of a command that closes its terminal before it ends."""

import sys

from tests.support.pseudo_terminal import PseudoTerminal

CLOSES_FIRST = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
os.closerange(0, 3)
os._exit(9 if signal.sigtimedwait([signal.SIGHUP], 0.2) else 3)
"""


def test_the_terminal_stays_open_until_the_command_has_an_exit_code():
    terminal = PseudoTerminal([sys.executable, "-I", "-S", "-c", CLOSES_FIRST], {}, 80, cwd="/")
    assert terminal.finish() == 3
