"""What entries and seals record of messages."""

from hashlib import sha256

import pytest

from epimetheus.ledger.messages import ids_of_lines, message_line


def test_the_line_of_a_message():
    assert message_line(12, "0b1-x.y:z_9") == b"12 0b1-x.y:z_9\n"


@pytest.mark.parametrize("event_id", ["a\nb", "a b", "é", "", "x" * 129, None])
def test_the_line_of_an_event_without_a_plain_id_has_a_hyphen(event_id):
    """A line feed or space in an ID could imitate another line."""
    assert message_line(3, event_id) == b"3 -\n"


def test_a_short_id_is_the_start_of_the_sha256_of_the_event_id():
    lines = message_line(9, "a") + message_line(10, None) + message_line(11, "b" * 128)
    ids = ids_of_lines(lines)
    assert ids.hex() == "ca978112ca1bbdca" + "0000000000000000" + sha256(b"b" * 128).hexdigest()[:16]  # printf a | sha256sum
    assert ids_of_lines(b"") == b""
