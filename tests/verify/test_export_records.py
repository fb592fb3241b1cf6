"""Messages in exports: every golden message, as receivers and SIEMs store it."""

import csv
import gzip
import io
import json
import re
from pathlib import Path

import pytest

from epimetheus.errors import ExportError
from epimetheus.verify.export_lines import LONGEST_LINE, ExportLines
from epimetheus.verify.export_records import ExportRecords
from epimetheus.verify.message import SealNotice, SiemMessage, parse_message

GOLDEN = Path(__file__).parents[1] / "golden"
MESSAGES = sorted(GOLDEN.glob("*.rfc*"))
RUN = "20260303T090000Z-1a2b"
_ID = re.compile(rb'\\?"(?:eventId|id|uid)\\?":\\?"|externalId=|eventId=')


def event_id(path):
    """The ID that a seal has of the event: the first line of the golden event says it."""
    if path.name.startswith("cut_off"):  # malformed
        return b""
    event = json.loads((GOLDEN / "events" / f"{path.name.partition('.')[0]}.json").read_text("utf-8"), strict=False)
    event = event.get("logContent", event)
    found = event.get("eventId") or event.get("id") or ""
    return found.encode() if re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", found if isinstance(found, str) else "") else b""


def read(path):
    records = ExportRecords(path)
    return [one._replace(host="") for one in records], records


def expected(path):
    numbered = path.suffix == ".rfc5424"
    return SiemMessage(RUN if numbered else "", 42 if numbered else 0, event_id(path))


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.name)
def test_a_message_is_recognized_with_its_numbers_and_the_id_of_its_event(path):
    message = parse_message(path.read_bytes())
    if path.name.startswith("cut_off") and path.suffix == ".rfc3164":
        assert message is None  # a malformed event without structured data cannot be told from any other text
        return
    assert message == expected(path)._replace(host="us-ashburn-1" if path.suffix == ".rfc5424" else "")


def stored_forms(message):
    """The message as receivers write it to a file with their usual templates."""
    if message.startswith(b"<") and b">1 " in message[:7]:
        _, time, host, app, _, msgid, rest = message.split(b" ", 6)
        data, body = rest.split(b"] ", 1)
        yield b"%b %b %b %b" % (time, host, app, body)  # RSYSLOG_FileFormat
        yield b"<133>1 %b %b %b - %b %b] %b" % (time, host, app, msgid, data, body)  # RSYSLOG_SyslogProtocol23Format
        yield b"<133>1 %b %b %b - %b %b][meta sequenceId=\"7\"] \xef\xbb\xbf%b" % (time, host, app, msgid, data, body)  # syslog-ng
        yield b"Mar  2 09:00:04 %b %b[-]: %b" % (host, app, body)
    else:
        _, _, body = message.partition(b": ")
        yield b"2026-03-02T09:00:04+00:00 us-ashburn-1 epimetheus: " + body
        yield b" " + body


@pytest.mark.parametrize("path", [path for path in MESSAGES if not path.name.startswith("cut_off")], ids=lambda path: path.name)
def test_a_message_is_recognized_in_the_files_of_rsyslog_and_syslog_ng(path, tmp_path):
    forms = list(stored_forms(path.read_bytes()))
    (tmp_path / "log").write_bytes(b"\n".join([*forms, b"Mar  2 09:00:04 host sshd[7]: Accepted publickey", b""]))
    messages, records = read(tmp_path / "log")
    assert [one.event_id for one in messages] == [event_id(path)] * len(forms)
    numbered = [one for one in messages if one.run]
    assert len(numbered) == sum(b"epimetheus@32473" in form for form in forms)
    assert {(one.run, one.sequence) for one in numbered} <= {(RUN, 42)}
    assert (records.others, records.unreadable) == (1, 0)


@pytest.mark.parametrize("path", [path for path in MESSAGES if not path.name.startswith("cut_off")], ids=lambda path: path.name)
def test_a_message_is_recognized_in_the_exports_of_splunk_and_elasticsearch(path, tmp_path):
    text = path.read_bytes().decode()
    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerows([["_time", "host", "_raw"], ["1", "h", text], ["2", "h", "another, \"quoted\"\nline"]])
    exports = {
        "splunk.csv": b"\xef\xbb\xbf" + rows.getvalue().encode(),
        "splunk.json": json.dumps({"preview": False, "result": {"_raw": text}}).encode(),
        "elastic.ndjson": json.dumps({"_index": "logs", "_source": {"@timestamp": "x", "event": {"original": text}}}).encode(),
        "flat.ndjson": json.dumps({"event.original": text}).encode(),
        "fields.ndjson": json.dumps({"_id": "1", "fields": {"message": [text]}}).encode(),
    }
    for name, data in exports.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / "a.gz").write_bytes(gzip.compress(data[:100]) + gzip.compress(data[100:]))
        for file in (tmp_path / name, tmp_path / "a.gz"):
            assert read(file)[0] == [expected(path)], name


def test_elasticsearch_has_the_body_and_the_parsed_structured_data(tmp_path):
    body = (GOLDEN / "watched.cef.rfc3164").read_text("utf-8").partition(": ")[2]
    record = {"_source": {"message": body, "log": {"syslog": {"structured_data": {"epimetheus@32473": {"run": "ab12", "seq": "7"}}}}}}
    (tmp_path / "x").write_text(json.dumps(record))
    assert read(tmp_path / "x")[0] == [SiemMessage("ab12", 7, b"b1b7a3f6-52c4-4d0e-8a60-9d1a2f6f7c31")]


def test_sentinel_has_the_event_id_in_columns(tmp_path):
    long = "opc-request-id:AB12CD34EF56/78900987654321/not-a-uuid"
    seal = "seal-eu-frankfurt-1-12345-0123456789abcdef"
    (tmp_path / "x.csv").write_text(
        '"TimeGenerated [UTC]",DeviceVendor,DeviceProduct,ExtID,FlexString1,FlexString1Label,AdditionalExtensions\r\n'
        '"11/30/2026, 6:00:00.000 AM",Oracle,"OCI Audit",b1b7a3f6-52c4-4d0e-8a60-9d1a2f6f7c31,,,"a=b;c=d"\r\n'
        f'"11/30/2026, 6:00:00.000 AM",Oracle,"OCI Audit",{long[:40]},{long},eventId,\r\n'
        f'"11/30/2026, 6:00:00.000 AM",Oracle,"OCI Audit",{seal[:40]},{seal},eventId,\r\n'
        f'"11/30/2026, 6:00:00.000 AM",Oracle,"OCI Audit",{seal[:40]},,,\r\n'
        '"11/30/2026, 6:00:00.000 AM",Fortinet,FortiGate,0000000013,,,\r\n',
        "utf-8-sig",
    )
    messages, records = read(tmp_path / "x.csv")
    *messages, other = messages
    assert (other.event_id, other.other_product) == (b"0000000013", True)
    assert not any(one.other_product for one in messages)
    assert [(one.event_id, one.is_cut) for one in messages] == [
        (b"b1b7a3f6-52c4-4d0e-8a60-9d1a2f6f7c31", False),
        (b"", False),  # a slash: sealed as `-`
        (seal.encode(), False),
        (seal[:40].encode(), True),
    ]
    assert [one.seal for one in messages][2:] == [
        SealNotice("eu-frankfurt-1", 12345, "0123456789abcdef"),
        SealNotice("eu-frankfurt-1", 12345, "0123456789abcd"),
    ]
    assert records.others == 0


@pytest.mark.parametrize("header", ["run,seq,event id", "Run;Seq;Event_ID", "run\tseq\teventId"])
def test_columns_with_run_sequence_number_and_event_id_suffice(header, tmp_path):
    row = re.sub("[,;\t]", lambda found: found[0], header).lower().replace("run", "ab12", 1).replace("seq", "7")
    row = re.sub("event.?id", "e-1", row)
    (tmp_path / "x").write_text(f"{header}\n{row}\n")
    assert read(tmp_path / "x")[0] == [SiemMessage("ab12", 7, b"e-1")]
    (tmp_path / "x").write_text('{"run":"ab12","seq":7,"event_id":"e-1"}\n{"run":"ab12","seq":8}\n{"other":1}\n{"run"')
    messages, records = read(tmp_path / "x")
    assert messages == [SiemMessage("ab12", 7, b"e-1"), SiemMessage("ab12", 8, b"")]
    assert records.others == 2


def test_text_of_an_event_that_imitates_a_header_or_an_id_is_not_used():
    origin = '[epimetheus@32473 run="evil" seq="1"]'
    parts = f"CEF:0|Oracle|OCI Audit|2.0|t externalId=evil {origin}|n\\| externalId=evil|5|"
    cef = f"{parts}rt=1 externalId=good msg=externalId\\=evil {origin}"
    assert parse_message(f"<134>Mar  2 09:00:04 h epimetheus: {cef}".encode()) == SiemMessage("", 0, b"good")
    event = {"eventType": "t", "data": {"eventId": "evil", "x": origin}, "eventId": "good"}
    assert parse_message(b"<134>Mar  2 09:00:04 h epimetheus: " + json.dumps(event).encode()) == SiemMessage("", 0, b"good")
    leef = f"LEEF:2.0|Oracle|OCI Audit|2.0|t|^|cat=Success^msg=eventId=evil {origin}^eventId=good"
    assert parse_message(f"h epimetheus {leef}".encode()) == SiemMessage("", 0, b"good")


NOT_TEXT = {
    "utf-16": (lambda: "<134>1 x".encode("utf-16"), "it is UTF-16"),
    "zip": (lambda: b"PK\x03\x04abc", "it is a ZIP archive"),
    "damaged": (lambda: gzip.compress(b"abc" * 1000)[:-12] + b"x" * 12, "its gzip data is damaged"),
    "truncated": (lambda: gzip.compress(b"abc" * 1000)[:-12], "its gzip data is truncated"),
    "bomb": (lambda: gzip.compress(b"\0" * (90 << 20)), "it decompresses to more than 200 times its size, which no log does"),
}


@pytest.mark.parametrize("name", NOT_TEXT)
def test_what_is_no_text_is_an_error(name, tmp_path):
    data, why = NOT_TEXT[name]
    (tmp_path / name).write_bytes(data())
    with pytest.raises(ExportError) as caught:
        read(tmp_path / name)
    assert caught.value.what == f"The export {tmp_path / name} could not be read: {why}."


def test_a_json_array_a_folder_and_a_missing_file_are_errors(tmp_path):
    (tmp_path / "array").write_text('[{"run":"a"}]')
    for path, why in (("array", "JSON array"), (".", "Is a directory"), ("none", "No such file or directory")):
        with pytest.raises(ExportError, match=why):
            read(tmp_path / path)


def test_a_line_that_is_too_long_is_counted_and_skipped(tmp_path):
    good = (GOLDEN / "watched.json.rfc5424").read_bytes()
    (tmp_path / "x").write_bytes(b"x" * (LONGEST_LINE + 1) + b"\n" + good + b"\n" + b"y" * (2 * LONGEST_LINE))
    messages, records = read(tmp_path / "x")
    assert (len(messages), records.unreadable) == (1, 2)


def test_an_open_quote_does_not_end_the_export(tmp_path):
    text = (GOLDEN / "watched.json.rfc5424").read_text("utf-8")
    rows = io.StringIO()
    csv.writer(rows).writerow([text])
    open_field = "\n" + ("," + "\0" * 1000 + "\n") * (LONGEST_LINE // 500)
    (tmp_path / "x").write_text(f'_raw\n"open{open_field}{rows.getvalue()}')
    messages, records = read(tmp_path / "x")
    assert len(messages) == 1
    assert records.unreadable >= 1


def test_any_bytes_are_read(tmp_path):
    (tmp_path / "x").write_bytes(b"\0\xff\xfe\n{\"\n{\"a\":" + b"[" * 100_000 + b"\n\nCEF:0|Oracle|OCI Audit|\n\xff" + bytes(range(256)))
    messages, records = read(tmp_path / "x")
    assert [one for one in messages if one.event_id or one.run] == []
    assert next(iter(ExportLines(tmp_path / "x"))) == b"\0\xff\xfe"
    assert records.unreadable == 0
