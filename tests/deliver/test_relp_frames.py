"""RELP byte for byte: encoding, decoding of arbitrary pieces, and pending transactions."""

from itertools import pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.deliver.framing import framer
from epimetheus.deliver.relp_frames import (
    MAX_DATA_BYTES,
    MAX_NUMBER,
    Frame,
    FrameReader,
    PendingTransactions,
    encode_frame,
    offers_syslog,
    split_messages,
)
from epimetheus.errors import ReceiverError

OFFERS = b"200 OK\nrelp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog"
STREAM = b"1 rsp 93 %b\n2 rsp 6 200 OK\n4 rsp 20 500 no\nroom 1 rsp 0\n\n3 rsp 0\n999999999 rsp 3 200\n0 serverclose 0\n" % OFFERS
FRAMES = [
    Frame(1, b"rsp", OFFERS),
    Frame(2, b"rsp", b"200 OK"),
    Frame(4, b"rsp", b"500 no\nroom 1 rsp 0\n"),
    Frame(3, b"rsp"),
    Frame(999_999_999, b"rsp", b"200"),
    Frame(0, b"serverclose"),
]


@pytest.mark.parametrize(
    ("number", "command", "data", "expected"),
    [
        (1, b"open", b"relp_version=0\ncommands=syslog", b"1 open 30 relp_version=0\ncommands=syslog\n"),
        (2, b"syslog", b"<134>1 - h a - - - x", b"2 syslog 20 <134>1 - h a - - - x\n"),
        (999_999_999, b"syslog", "é\n".encode(), b"999999999 syslog 3 \xc3\xa9\n\n"),
        (3, b"syslog", b"", b"3 syslog 0\n"),
        (4, b"close", b"", b"4 close 0\n"),
    ],
)
def test_encode_frame(number, command, data, expected):
    assert encode_frame(number, command, data) == expected


@given(st.lists(st.binary(max_size=40)))
def test_split_messages_is_the_inverse_of_octet_counting(messages):
    assert list(split_messages(b"".join(map(framer("octet-counting"), messages)))) == messages


@given(st.lists(st.integers(0, len(STREAM)), max_size=12), st.integers(0, len(STREAM)))
def test_any_split_of_the_stream_yields_the_same_frames(cuts, end):
    places = [0, *sorted(cut for cut in cuts if cut < end), end]
    reader, whole = FrameReader(), list(FrameReader().feed(STREAM[:end]))
    assert [found for a, b in pairwise(places) for found in reader.feed(STREAM[a:b])] == whole
    assert whole + list(reader.feed(STREAM[end:])) == FRAMES


def test_byte_by_byte_each_frame_is_yielded_with_its_last_byte():
    reader, ends = FrameReader(), []
    for at in range(len(STREAM)):
        ends += [(at + 1, found) for found in reader.feed(STREAM[at : at + 1])]
    assert [found for _, found in ends] == FRAMES
    assert b"".join(encode_frame(*found) for found in FRAMES) == STREAM
    assert [end for end, _ in ends] == [len(b"".join(encode_frame(*found) for found in FRAMES[: n + 1])) for n in range(len(FRAMES))]


@pytest.mark.parametrize(
    ("invalid", "quoted"),
    [
        (b"220 smtp.example.com ESMTP\r\n", "220 smtp.example.com ESMTP??"),
        (b"HTTP/1.1 400 Bad Request\r\n", "HTTP/1.1 400 Bad Request??"),
        (b"\x15\x03\x01\x00\x02", "?????"),
        (b" 1 rsp 0\n", " 1 rsp 0?"),
        (b"-1 rsp 0\n", "-1 rsp 0?"),
        (b"1 rsp 0 \n", "1 rsp 0 ?"),
        (b"1 rsp 0\r\n", "1 rsp 0??"),
        (b"1 rsp 6 200 OKAY\n", "1 rsp 6 200 OKAY?"),
        (b"1 rsp 06 200 OK\n", "1 rsp 06 200 OK?"),
        (b"1  rsp 0\n", "1  rsp 0?"),
        (b"1 rsp -1\n", "1 rsp -1?"),
        (b"1 r5p 0\n", "1 r5p 0?"),
        (b"1234567890", "1234567890"),
        (b"1 " + b"x" * 33, "1 " + "x" * 33),
        (b"1 rsp 1234567890", "1 rsp 1234567890"),
        (b"1 rsp %d " % (MAX_DATA_BYTES + 1), "1 rsp 131073 "),
        (b"\xff" * 200, "?" * 80),
    ],
)
def test_invalid_bytes_are_an_error_that_quotes_them_after_the_frames_before_them(invalid, quoted):
    frames = FrameReader().feed(b"2 rsp 6 200 OK\n" + invalid)
    assert next(frames) == Frame(2, b"rsp", b"200 OK")
    with pytest.raises(ReceiverError) as caught:
        next(frames)
    assert caught.value.what == f'The receiver violated the RELP protocol: it sent "{quoted}".'
    assert caught.value.do.startswith("Check that SYSLOG_PORT is the receiver's RELP port")


@pytest.mark.parametrize(("start", "endless"), [(b"", b"1"), (b"1 ", b"x"), (b"1 rsp ", b"1"), (b"1 rsp 131072 ", b"x")])
def test_an_endless_field_is_an_error_before_it_fills_memory(start, endless):
    reader = FrameReader()
    assert list(reader.feed(start)) == []
    fed = (list(reader.feed(piece)) for piece in repeat(endless, MAX_DATA_BYTES + 1))
    with pytest.raises(ReceiverError):
        list(fed)


@given(st.binary(max_size=60))
def test_any_bytes_are_frames_or_an_error_however_they_are_split(data):
    def read(pieces):
        reader, found = FrameReader(), []
        try:
            for piece in pieces:
                for one in reader.feed(piece):
                    found.append(one)
        except ReceiverError:
            return found, "error"
        return found, "more"

    assert read([data]) == read([data[at : at + 1] for at in range(len(data))])


@pytest.mark.parametrize(
    ("data", "accepted", "status"),
    [
        (b"200 OK", True, "200 OK"),
        (b"200", True, "200"),
        (b"200\nrelp_version=0", True, "200"),
        (b"2000 OK", False, "2000 OK"),
        (b"500 disk \x1b[31mfull\r\nmore", False, "500 disk ?[31mfull?"),
        (b"500 " + b"x" * 100, False, "500 " + "x" * 76),
        (b"", False, "no status"),
    ],
)
def test_the_status_of_a_response(data, accepted, status):
    response = Frame(2, b"rsp", data)
    assert (response.accepted, response.status) == (accepted, status)


@pytest.mark.parametrize(
    ("data", "sufficient"),
    [
        (OFFERS, True),
        (b"200 OK\ncommands=eventlog,syslog\nrelp_version=1\n", True),
        (b"200 OK\nrelp_version=0", False),
        (b"200 OK\nrelp_version=0\ncommands=eventlog", False),
        (b"200 OK\ncommands=syslog", False),
        (b"200 OK", False),
    ],
)
def test_what_a_server_must_offer(data, sufficient):
    assert offers_syslog(data) is sufficient


@given(st.data(), st.sampled_from([1, 2, MAX_NUMBER - 3, MAX_NUMBER]), st.integers(1, 12))
def test_responses_count_once_all_before_them_arrived_in_any_order(data, first, count):
    pending = PendingTransactions(first)
    numbers = [pending.begin() for _ in range(count)]
    assert numbers == [(first - 1 + n) % MAX_NUMBER + 1 for n in range(count)]
    seen, answered = set(), 0
    for number in data.draw(st.permutations(numbers)):
        seen.add(number)
        answered += pending.acknowledge(number)
        assert answered == next((at for at, each in enumerate(numbers) if each not in seen), count)
        assert pending.count == count - answered
    assert answered == count


def test_numbers_wrap_from_999_999_999_to_1():
    pending = PendingTransactions(999_999_998)
    assert [pending.begin() for _ in range(4)] == [999_999_998, 999_999_999, 1, 2]
    assert [pending.acknowledge(number) for number in (1, 999_999_998, 999_999_999, 2)] == [0, 1, 2, 1]
    assert pending.begin() == 3


@pytest.mark.parametrize("number", [0, 1, 5, 999_999_999, 2, 4])
def test_a_response_that_is_not_pending_is_an_error(number):
    pending = PendingTransactions(2)
    assert [pending.begin() for _ in range(3)] == [2, 3, 4]
    pending.acknowledge(4)
    pending.acknowledge(2)
    with pytest.raises(ReceiverError, match=f"it acknowledged transaction {number}, which is not pending"):
        pending.acknowledge(number)
    assert pending.acknowledge(3) == 2


def test_number_0_does_not_mean_the_highest_number():
    pending = PendingTransactions(MAX_NUMBER)
    assert pending.begin() == MAX_NUMBER
    with pytest.raises(ReceiverError, match="it acknowledged transaction 0, which is not pending"):
        pending.acknowledge(0)


def test_data_longer_than_relp_allows_is_an_error():
    assert encode_frame(1, b"syslog", b"x" * 131_072) == b"1 syslog 131072 " + b"x" * 131_072 + b"\n"
    with pytest.raises(ReceiverError, match=r"A message of 131073 bytes cannot be sent: RELP allows 131072\.") as caught:
        encode_frame(1, b"syslog", b"x" * 131_073)
    assert caught.value.do == "Set SYSLOG_MAX_BYTES to 131072 or less."


@pytest.mark.parametrize("quoted", ["password=Hunter2", "Authorization: Bearer Hunter2Hunter2", "https://u:Hunter2@host/Hunter2"])
def test_secrets_that_a_receiver_quotes_are_masked(quoted):
    assert "Hunter2" not in Frame(2, b"rsp", b"500 rejected: " + quoted.encode()).status
    assert Frame(2, b"rsp", b"500 rejected: " + quoted.encode()).status.startswith("500 rejected: ")
    with pytest.raises(ReceiverError) as caught:
        list(FrameReader().feed(b"<13>rejected: " + quoted.encode()))
    assert "Hunter2" not in str(caught.value)
