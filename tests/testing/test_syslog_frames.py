"""Framing of complete and incomplete messages, byte by byte and in any pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.testing.syslog.frames import Frames

STREAMS = [
    pytest.param("octet-counting", b"3 <1>4 <2>a", [b"<1>", b"<2>a"], id="counted"),
    pytest.param("octet-counting", b"5 a\n b\n10 0123456789", [b"a\n b\n", b"0123456789"], id="counted, any content"),
    pytest.param("lf", b"<1>a\n<2>b \r\n", [b"<1>a", b"<2>b \r"], id="lines"),
    pytest.param("lf", b"\n<1>a\n\n\n<2>b\n", [b"<1>a", b"<2>b"], id="lines, some empty"),
    pytest.param("auto", b"4 <1>a<2>b\n4 <3>c\n<4>d\n", [b"<1>a", b"<2>b", b"<3>c", b"<4>d"], id="both"),
]


def whole(stream):
    return [stream]


def byte_by_byte(stream):
    return [stream[at : at + 1] for at in range(len(stream))]


def read(frames, pieces):
    return [message for piece in pieces for message in frames.feed(piece)]


@pytest.mark.parametrize("cut", [whole, byte_by_byte])
@pytest.mark.parametrize(("framing", "stream", "messages"), STREAMS)
def test_messages_do_not_depend_on_the_pieces_of_the_stream(framing, stream, messages, cut):
    frames = Frames(framing)
    assert read(frames, cut(stream)) == messages
    frames.end()
    assert (frames.incomplete, frames.problem) == (False, "")


@pytest.mark.parametrize("cut", [whole, byte_by_byte])
@pytest.mark.parametrize(("framing", "rest", "end"), [("octet-counting", b"4 <5>", b"e"), ("lf", b"<5>e", b"\n"), ("auto", b"4", b" <5>e")])
def test_an_incomplete_frame_waits_for_its_end(framing, rest, end, cut):
    first = b"<1>a\n" if framing == "lf" else b"4 <1>a"
    frames = Frames(framing)
    assert read(frames, cut(first + rest)) == [b"<1>a"]
    assert frames.incomplete
    assert frames.feed(end) == [b"<5>e"]
    assert not frames.incomplete


@pytest.mark.parametrize(
    ("framing", "stream", "messages", "problem"),
    [
        ("octet-counting", b"1 a<1>b", [b"a"], "invalid frame: expected a length: b'<1>b'"),
        ("octet-counting", b"03 abc", [], "invalid frame: expected a length: b'03 abc'"),
        ("octet-counting", b"0 ", [], "invalid frame: expected a length: b'0 '"),
        ("octet-counting", b"1 a\n1 b", [b"a"], "invalid frame: expected a length: b'\\n1 b'"),
        ("octet-counting", b"3\n<1>", [], "invalid frame: expected a space after the length: b'3\\n<1>'"),
        ("octet-counting", b"3  <1>", [b" <1"], "invalid frame: expected a length: b'>'"),
        ("octet-counting", b"21 " + b"a" * 21, [], "invalid frame: the message is longer than 20 bytes: b'21 aaaaaaaaaaaaaaaaaaaaa'"),
        ("octet-counting", b"100", [], "invalid frame: the message is longer than 20 bytes: b'100'"),
        ("lf", b"<1>a\nb\n", [b"<1>a"], "invalid line: expected <: b'b\\n'"),
        ("lf", b"4 <1>a", [], "invalid line: expected <: b'4 <1>a'"),
        ("lf", b"<1>" + b"a" * 18 + b"\n", [], "invalid line: the message is longer than 20 bytes: b'<1>aaaaaaaaaaaaaaaaaa\\n'"),
        ("auto", b"GET / HTTP/1.1\r\n", [], "invalid line: expected <: b'GET / HTTP/1.1\\r\\n'"),
        ("auto", b"0 ", [], "invalid frame: expected a length: b'0 '"),
    ],
)
def test_an_invalid_frame_is_reported_and_ends_the_stream(framing, stream, messages, problem):
    frames = Frames(framing, limit=20)
    assert frames.feed(stream) == messages
    assert frames.problem == problem
    assert frames.feed(b"4 <1>a<2>b\n") == []
    in_pieces = Frames(framing, limit=20)
    assert read(in_pieces, byte_by_byte(stream)) == messages
    assert in_pieces.problem.partition(": b")[0] == problem.partition(": b")[0]


@pytest.mark.parametrize(("framing", "longest"), [("octet-counting", b"20 " + b"a" * 20), ("lf", b"<" + b"a" * 19 + b"\n")])
def test_messages_of_the_maximum_size(framing, longest):
    frames = Frames(framing, limit=20)
    assert [len(message) for message in read(frames, byte_by_byte(longest * 2))] == [20, 20]
    assert frames.problem == ""


@pytest.mark.parametrize(("framing", "stream"), [("octet-counting", b"5 <1>a"), ("octet-counting", b"5"), ("lf", b"<1>a")])
def test_a_stream_that_ends_within_a_frame(framing, stream):
    frames = Frames(framing)
    assert frames.feed(stream) == []
    frames.end()
    assert frames.problem == f"the stream ended within a frame: {stream!r}"


@given(messages=st.lists(st.binary(min_size=1)), sizes=st.lists(st.integers(1, 9), min_size=1))
def test_octet_counting_of_any_messages_in_any_pieces(messages, sizes):
    stream = b"".join(b"%d %b" % (len(message), message) for message in messages)
    pieces = []
    while stream:
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(stream[:size])
        stream = stream[size:]
    assert read(Frames("octet-counting"), pieces) == messages
