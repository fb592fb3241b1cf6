"""The standard streams of a command: a terminal whose encoding lacks characters."""

import subprocess
import sys

import pytest

from tests.support.command import ROOT

PROGRAM = r"""
import sys
from epimetheus.cli.console import print_line, print_message, print_row, terminal_console
from epimetheus.cli.output import DroppingStream
sys.stdout, sys.stderr = DroppingStream(sys.stdout), DroppingStream(sys.stderr)
print_row(terminal_console(), ["prod-\u6f22"])
print_line(terminal_console(stderr=True), "prod-\u6f22")
print_message(terminal_console(), "prod-\u6f22".encode())
sys.stdout.flush()
"""


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_characters_that_the_encoding_lacks_are_escaped_but_not_those_of_a_message(encoding):
    variables = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=variables, cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"prod-\\u6f22\n")
    assert done.stdout == b"prod-\\u6f22\nprod-\xe6\xbc\xa2\n"
