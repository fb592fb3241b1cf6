"""The bytes of each frame."""

import pytest

from epimetheus.deliver.framing import framer


@pytest.mark.parametrize(
    ("message", "counted", "lines"),
    [
        (b"<1>1 a", b"6 <1>1 a", b"<1>1 a\n"),
        ("é√".encode(), b"5 \xc3\xa9\xe2\x88\x9a", b"\xc3\xa9\xe2\x88\x9a\n"),
        (b"a\nb\r", b"4 a\nb\r", b"a\\nb\r\n"),
        (b"", b"0 ", b"\n"),
        (b"x" * 1000, b"1000 " + b"x" * 1000, b"x" * 1000 + b"\n"),
    ],
)
def test_a_message_in_its_frame(message, counted, lines):
    assert framer("octet-counting")(message) == counted
    assert framer("lf")(message) == lines
