"""``verify`` reads the files of real rsyslog and syslog-ng processes, in their usual formats, for every format and header of messages."""

import os
import re

import pytest

from epimetheus.testing.syslog import Authority
from epimetheus.verify.export_records import ExportRecords
from tests.deliver.test_real_receivers import delivery
from tests.support.receivers import missing, real_receiver
from tests.verify.sealed_region import usual

pytestmark = pytest.mark.skipif(bool(missing()) and "CI" not in os.environ, reason=missing() or "installed")

FILES = [
    ("rsyslog ossl", "RSYSLOG_TraditionalFileFormat", ("rfc5424", "rfc3164"), False),
    ("rsyslog ossl", "RSYSLOG_FileFormat", ("rfc5424", "rfc3164"), False),
    ("rsyslog ossl", "RSYSLOG_SyslogProtocol23Format", ("rfc5424", "rfc3164"), True),
    ("rsyslog ossl", "", ("rfc5424", "rfc3164"), True),
    ("syslog-ng syslog", "default", ("rfc5424",), False),
    ("syslog-ng syslog", "", ("rfc5424",), True),
    ("syslog-ng network", "default", ("rfc3164",), False),
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(("kind", "file_format", "headers", "keeps_numbers"), FILES)
def test_the_files_of_real_receivers_are_complete_and_a_removed_line_is_named(
    kind, file_format, headers, keeps_numbers, tmp_path, authority
):
    with real_receiver(kind, tmp_path / "receiver", authority, file_format=file_format) as receiver:
        for form, header in [(form, header) for form in ("cef", "json", "leef", "ocsf") for header in headers]:
            region, before = usual(format=form, header=header), len(receiver.lines())
            sender = delivery(receiver)
            frames = [b"%d %b" % (len(line), line) if receiver.framing == "octet-counting" else line + b"\n" for line in region.lines]
            sender.write(b"".join(frames), len(frames))
            sender.finish()
            sender.drop()
            lines = [line.encode() for line in receiver.lines()[before:]]
            result = region.verify(_export(tmp_path, lines))
            assert (result.verdict, result.faults) == ("complete", []), lines[:2]
            numbered = keeps_numbers and header == "rfc5424"
            assert (result.export.present, result.export.unmatchable) == ((11, 0) if numbered else (10, 1))
            kept = [line for line in lines if not re.search(rb"\bd3\b", line)]
            [fault] = region.verify(_export(tmp_path, kept)).faults
            assert (len(kept), fault.kind, fault.run, fault.messages) == (len(lines) - 1, "message_missing", "run-d", (3, 3))


def _export(folder, lines):
    (folder / "export.log").write_bytes(b"".join(line + b"\n" for line in lines))
    return ExportRecords(folder / "export.log")
