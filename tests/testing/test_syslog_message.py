"""Parsing of RFC 5424 messages: the examples of section 6.5, and violations of the grammar."""

import pytest

from epimetheus.testing.syslog import parse_message

BOM = b"\xef\xbb\xbf"


def test_the_rfcs_example_without_structured_data():
    body = BOM + b"'su root' failed for lonvick on /dev/pts/8"
    assert parse_message(b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - " + body) == (
        34, 4, 2, "2003-10-11T22:14:15.003Z", "mymachine.example.com", "su", "-", "ID47", {}, body,
    )  # fmt: skip


def test_the_rfcs_example_with_structured_data_and_no_message():
    message = parse_message(
        b"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
        b'[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"][examplePriority@32473 class="high"]'
    )
    assert (message.facility, message.severity, message.body) == (20, 5, b"")
    assert message.structured == {
        "exampleSDID@32473": {"iut": "3", "eventSource": "Application", "eventID": "1011"},
        "examplePriority@32473": {"class": "high"},
    }


def test_the_rfcs_example_with_a_time_offset():
    message = parse_message(b"<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.")
    assert (message.timestamp, message.hostname, message.procid) == ("2003-08-24T05:14:15.000003-07:00", "192.0.2.1", "8710")
    assert message.body == b"%% It's time to make the do-nuts."


def test_fields_that_may_be_empty():
    assert parse_message(b"<0>1 - - - - - -") == (0, 0, 0, "-", "-", "-", "-", "-", {}, b"")
    assert parse_message(b"<191>1 - - - - - [a] ") == (191, 23, 7, "-", "-", "-", "-", "-", {"a": {}}, b"")


def test_escapes_and_utf_8_in_a_parameter():
    message = parse_message('<1>1 - - - - - [a b="\\"\\\\\\]=[ \u00e9" c=""] [x'.encode())
    assert message.structured == {"a": {"b": '"\\]=[ \u00e9', "c": ""}}
    assert message.body == b"[x"


def test_a_body_without_a_bom_may_contain_any_bytes():
    assert parse_message(b"<1>1 - - - - - -  \xff\x00\n").body == b" \xff\x00\n"


def test_fields_of_the_maximum_length():
    message = parse_message(b"<1>1 - %b %b %b %b -" % (b"h" * 255, b"a" * 48, b"p" * 128, b"m" * 32))
    assert [len(field) for field in message[4:8]] == [255, 48, 128, 32]


@pytest.mark.parametrize(
    "text", ["2024-02-29T23:59:59Z", "2026-01-01T00:00:00.123456+14:00", "2026-12-31T12:00:00.1-00:00"]
)  # fmt: skip
def test_valid_timestamps(text):
    assert parse_message(f"<1>1 {text} - - - - -".encode()).timestamp == text


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01t00:00:00Z", "2026-01-01T00:00:00z", "2026-01-01T00:00:00", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:60Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567Z", "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+0100", "26-01-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-01T00:00:00Z\n", "\u0662026-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_invalid_timestamps(text):
    with pytest.raises(ValueError, match=r"^TIMESTAMP (is not a valid date|does not match RFC 5424, section 6\.2\.3): "):
        parse_message(f"<1>1 {text} - - - - -".encode())


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"", "PRI is not <0> to <191>: b''"),
        (b"1 - - - - - -", "PRI is not <0> to <191>: b'1 - - - - - -'"),
        (b"<>1 - - - - - -", "PRI is not"),
        (b"<01>1 - - - - - -", "PRI is not"),
        (b"<192>1 - - - - - -", "PRI is not"),
        (b" <1>1 - - - - - -", "PRI is not"),
        (b"<1>2 - - - - - -", "VERSION is not 1: b'2'"),
        (b"<1> - - - - - - -", "VERSION is not 1: b''"),
        (b"<1>1 - - - - -", "the message ends before its STRUCTURED-DATA: b'<1>1 - - - - -'"),
        (b"<1>1 -  - - - -", "HOSTNAME is not 1 to 255 printable ASCII characters: b''"),
        (b"<1>1 - h\xc3\xa9 - - - -", "HOSTNAME is not 1 to 255 printable ASCII characters: b'h\\xc3\\xa9'"),
        (b"<1>1 - %b - - - -" % (b"h" * 256), "HOSTNAME is not"),
        (b"<1>1 - - %b - - -" % (b"a" * 49), "APP-NAME is not 1 to 48"),
        (b"<1>1 - - - %b - -" % (b"p" * 129), "PROCID is not 1 to 128"),
        (b"<1>1 - - - - %b -" % (b"m" * 33), "MSGID is not 1 to 32"),
        (b"<1>1 - - - - m\x7f -", "MSGID is not"),
        (b"<1>1 - - - - - ", "STRUCTURED-DATA does not match RFC 5424, section 6.3: b''"),
        (b"<1>1 - - - - - text", "STRUCTURED-DATA does not match RFC 5424, section 6.3: b'text'"),
        (b"<1>1 - - - - - -text", "STRUCTURED-DATA does not match RFC 5424, section 6.3: b'text'"),
        (b"<1>1 - - - - - []", "STRUCTURED-DATA does not match"),
        (b"<1>1 - - - - - [a]-", "STRUCTURED-DATA does not match RFC 5424, section 6.3: b'-'"),
        (b"<1>1 - - - - - [a][b", "STRUCTURED-DATA does not match RFC 5424, section 6.3: b'[b'"),
        (b"<1>1 - - - - - [a=b]", "STRUCTURED-DATA does not match"),
        (b"<1>1 - - - - - [%b]" % (b"a" * 33), "STRUCTURED-DATA does not match"),
        (b"<1>1 - - - - - [a  b=\"\"]", "STRUCTURED-DATA does not match"),
        (b"<1>1 - - - - - [a b=c]", "STRUCTURED-DATA does not match"),
        (b"<1>1 - - - - - [a b=\"]\"]", "STRUCTURED-DATA does not match"),
        (b"<1>1 - - - - - [a b=\"\\n\"]", "STRUCTURED-DATA does not match"),
        (b"<1>1 - - - - - [a b=\"\\\"]", "STRUCTURED-DATA does not match"),
        (b"<1>1 - - - - - [a b=\"\xff\"]", "a b is not UTF-8: b'\\xff'"),
        (b"<1>1 - - - - - [a][a]", "STRUCTURED-DATA repeats a"),
        (b"<1>1 - - - - - [a b=\"\" b=\"\"]", "a repeats b"),
        (b"<1>1 - - - - - - %b\xff" % BOM, "MSG with a BOM is not UTF-8: b'\\xef\\xbb\\xbf\\xff'"),
    ],
)  # fmt: skip
def test_violations_of_the_grammar(message, problem):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is compared below
        parse_message(message)
    assert str(error.value).startswith(problem)
