"""What an auditor tried: each of these changes, windows and files once gave the verdict complete, or faults that were not there."""

import re
from dataclasses import replace
from hashlib import sha256

import msgspec
import pytest

from epimetheus.ledger.entry import pack, unpack
from epimetheus.ledger.seal import PreviousSeal, SealedEntry
from epimetheus.ledger.seal import pack as pack_seal
from epimetheus.ledger.seal_key import SealKey
from epimetheus.model import Window
from epimetheus.verify.export_records import ExportRecords
from epimetheus.verify.folder import folder_sources
from epimetheus.verify.message_faults import message_faults
from epimetheus.verify.model import AuditResult, ReconciledResult
from epimetheus.verify.sealed_messages import SealedMessages
from epimetheus.verify.verify import Audited, Request, verify
from tests.verify.sealed_region import DAY, START, Quiet, usual

KEY, OTHER = SealKey.generate(), SealKey.generate()
FORMS = ("cef", "json", "leef", "ocsf")


@pytest.fixture
def export(tmp_path):
    def write(lines):
        (tmp_path / "export.log").write_bytes(b"".join(line + b"\n" for line in lines))
        return ExportRecords(tmp_path / "export.log")

    return write


def emptied(lines, pattern):
    """The lines; those that match have nothing after their structured data."""
    return [re.sub(rb"(seq=\S+\]).*", rb"\1 nothing to see here", line) if re.search(pattern, line) else line for line in lines]


def save(region, folder):
    """Store the seals and entries as they are in a bucket."""
    for kind, store in (("seals", region.seals), ("ledger", region.entries)):
        for name, data in store.objects.items():
            path = folder / kind / region.region / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_a_message_without_its_event_id_is_named(form, export):
    region = usual(format=form)
    result = region.verify(export(emptied(region.lines, rb'\bd[23][" ^]')))
    [fault, *more] = result.faults
    assert (fault.kind, fault.run, fault.messages, fault.count) == ("message_altered", "run-d", (2, 3), 2)
    name = region.chain[3].entries[1].name
    assert fault.what == (
        "Messages 2 to 3 of run run-d were altered: the export has them without their event IDs, which the ledger entry"
        f" {name} records."
    )
    assert (more, result.verdict, result.export.missing, result.export.present) == ([], "incomplete", 2, 9)


def test_runs_without_any_event_id_are_matched_by_number_and_not_complete(export):
    region = usual()
    result = region.verify(export(emptied(region.lines, b"(?<!seal-)run-")), head=False)
    assert (result.verdict, result.faults, result.export.present) == ("unchecked", [], 11)
    of_killed, matched = result.unchecked
    assert "2 events of the ledger entry" in of_killed
    assert matched == "10 messages of the export do not have the whole event ID, and were matched by number only."


def test_messages_with_the_number_of_none_are_counted(export):
    region = usual()
    lines = [line.replace(b'seq="3"', b'seq="99999"') if b"d3" in line else line for line in region.lines]
    result = region.verify(export(lines))
    assert (result.verdict, result.export.present, result.export.other_number) == ("complete", 11, 1)
    assert region.verify(export(region.lines)).export.other_number == 0


def test_a_window_in_which_no_run_ended_could_not_be_checked(export):
    region = usual()
    window = Window(DAY.start - 20 * 1440, DAY.start - 10 * 1440)
    result = region.verify(export(region.lines), window=window)
    assert (result.verdict, result.faults) == ("unchecked", [])
    assert result.unchecked == [
        "eu-frankfurt-1: no run ended in the window, so nothing of it was checked. Choose another --from or --to."
    ]
    assert result.regions[0].reconciliation == {}


def test_what_was_before_the_first_seal_does_not_count_as_read_or_reconciled():
    region = usual()
    result = region.verify(window=Window(START - 40 * 1440, DAY.end))
    assert (result.verdict, result.regions[0].reconciliation) == ("complete", {"60": ReconciledResult(1, 0, 0)})
    assert result.regions[0].warnings[0] == "Read from 2026-11-30T05:55:00Z on, where seal 1, the first one, begins, not before."


def test_what_was_before_the_oldest_seal_that_is_kept_could_not_be_checked():
    region = usual()
    for name in sorted(region.seals.objects)[:2]:
        del region.seals.objects[name]
    request = Request(DAY, (), START + 34 * 24 * 60 + 30, 35)
    result = verify(request, [region.source()], [], Quiet(), {})
    assert result.unchecked == [
        "eu-frankfurt-1: 2026-11-30T00:00:00Z to 2026-11-30T06:10:00Z: the seals before seal 3 no longer exist."
    ]


def forged_newest(region):
    previous = PreviousSeal(sequence=5, sha256=region.digest())
    forged = msgspec.structs.replace(region.chain[4], sequence=6, run="run-f", previous=previous, entries=[])
    region.seals.objects[forged.name.text()] = pack_seal(forged)


def state_text(region):
    """The state as it is stored."""
    rest = msgspec.json.encode({"seals": {"head": msgspec.to_builtins(region.head())}}) + b"\n"
    return b"EPIMETHEUS-STATE 2 sha256=" + sha256(rest).hexdigest().encode() + b"\n" + rest


@pytest.mark.parametrize("has_state", [True, False])
def test_a_forged_newest_seal_in_a_folder_is_doubted(has_state, tmp_path, export):
    region = usual()
    forged_newest(region)
    folder = save(region, tmp_path / "records")
    if has_state:
        (folder / "eu-frankfurt-1.state").write_bytes(state_text(region))
    result = verify(Request(DAY, (), region.now, 35), folder_sources(folder), [export(region.lines)], Quiet(), {})
    if has_state:
        assert (result.verdict, result.faults) == ("unchecked", [])
        assert result.unchecked == [
            "eu-frankfurt-1: nothing vouches for seal 6: the state knows 5 as the newest one, and the export does not have its message."
            " Download the records and the export again."
        ]
    else:
        words = "The export does not have the message of seal 6, the newest one, and nothing else vouches for it."
        assert (result.verdict, words in result.regions[0].warnings) == ("complete", True)


def test_the_message_of_the_newest_seal_is_expected_if_the_state_in_a_folder_says_that_it_was_sent(tmp_path, export):
    region = usual()
    folder = save(region, tmp_path / "records")
    (folder / "eu-frankfurt-1.state").write_bytes(state_text(region))

    def check(pattern):
        lines = [line for line in region.lines if not re.search(pattern, line)]
        result = verify(Request(DAY, (), region.now, 35), folder_sources(folder), [export(lines)], Quiet(), {})
        return [(fault.kind, fault.seals) for fault in result.faults]

    assert check(rb"seal-eu-frankfurt-1-5-") == [("seal_message_missing", (5, 5))]
    assert check(rb"seal-eu-frankfurt-1-") == [("seal_message_missing", (1, 5))]


@pytest.mark.parametrize(
    "content",
    [b"time,user\n1,root\n", b"3f0c\n3f0d\n", b"root:x:0:0:root:/root:/bin/sh\n", b'{"user":"root"}\n'],
    ids=["csv", "ids", "passwd", "json"],
)
def test_a_file_without_a_message_could_not_be_checked(content, tmp_path):
    path = tmp_path / "wrong.csv"
    path.write_bytes(content)
    result = usual().verify(ExportRecords(path))
    assert (result.verdict, result.faults, result.export) == ("unchecked", [], None)
    lines = content.count(b"\n")
    assert result.unchecked == [
        f"{lines} line{'s' if lines > 1 else ''} of {path}: none has a message of Epimetheus."
        " --siem reads syslog lines as a receiver stores them, CSV"
        " with a header, and JSON lines, with the whole message (such as _raw or message),"
        " with event_id (or ExtID), or with run and seq."
    ]


def test_an_empty_file_could_not_be_checked(export):
    region = usual()
    result = region.verify(export([]))
    assert (result.verdict, result.faults, result.export) == ("unchecked", [], None)


def test_seals_signed_by_an_unknown_key_leave_their_entries_and_messages_known(export):
    region = usual(key=KEY)
    result = region.verify(export(region.lines), keys=[OTHER.public])
    [checked] = result.regions
    assert {fault.kind for fault in result.faults} == {"seal_signature"}
    assert (checked.seals.checked, checked.seals.valid) == (5, 0)
    assert (checked.seals.signed_by, checked.seals.rejected_keys) == ([], [KEY.public.fingerprint])
    assert (checked.entries.checked, checked.entries.valid, checked.entries.untrusted, checked.entries.unsealed) == (7, 0, 7, 0)
    assert (result.export.sealed, result.export.present, result.export.unsealed) == (11, 11, 0)


def test_a_missing_message_that_the_export_has_under_another_number_is_said(export):
    region = usual()
    lines = [line for line in region.lines if b"d4" not in line]
    lines = [re.sub(rb"\be1\b", b"d4", line) for line in lines]
    missing, altered = region.verify(export(lines)).faults
    assert (missing.kind, altered.kind, missing.messages) == ("message_missing", "message_altered", (4, 4))
    assert missing.what.endswith(" has it. The export has it as message 1 of run run-e.")


def test_the_message_of_a_seal_in_an_entry_is_said():

    messages = SealedMessages()
    messages.add("fra", "a", 1, "entry", sha256(b"seal-fra-3-" + b"ab" * 8).digest()[:8])
    [fault] = message_faults(messages, messages.outcome(), {"fra": {3: "ab" * 32}})
    assert fault.what == "Message 1 of run a is missing in the export; the ledger entry entry has it. It is the message of seal 3."


def killed_after(region, *windows):
    """A run that was killed is to have read half an hour; its entries have ``windows``, in minutes of it."""
    start = region.cursor
    region.cursor, region.now = start + 30, region.now + 30
    for number, (first, last) in enumerate(windows, 1):
        region.unsealed.append(region.entry("run-k", number, number, [f"k{number}"], Window(start + first, start + last)))
    region.seal("run-k", "killed", region.cursor, 0)
    region.run("run-m", ["m1"])


@pytest.mark.parametrize("key", [None, KEY])
def test_minutes_that_a_killed_run_is_to_have_read_are_shown_by_its_entries(key):
    keys = [key.public] if key else []
    region = usual(key=key)
    killed_after(region, (-5, 20), (15, 30))
    assert region.verify(keys=keys).verdict == "complete"
    region = usual(key=key)
    killed_after(region, (5, 20))
    result = region.verify(keys=keys)
    assert (result.verdict, result.faults) == ("unchecked", [])
    assert result.unchecked == [
        "eu-frankfurt-1: 15 minutes from 2026-11-30T06:20:00Z to 2026-11-30T06:50:00Z before seal 6: the run run-k ended without a seal of"
        " its own, and no entry shows that it read them. Wait for reconciliation, or compare them with OCI: --audit."
    ]
    region = usual(key=key)
    killed_after(region)
    request = Request(DAY._replace(end=region.now + 1), keys, region.now, 35)
    audits = {region.region: Audited(AuditResult(9, 0), [], [], DAY)}
    assert verify(request, [region.source()], [], Quiet(), {}).verdict == "unchecked"
    assert verify(request, [region.source()], [], Quiet(), audits).verdict == "complete"


@pytest.mark.parametrize(("at_first", "later", "verdict"), [(0, 60, "complete"), (0, 20, "unchecked"), (40, 60, "unchecked")])
def test_minutes_that_reconciliation_lists_again_are_read(at_first, later, verdict):
    """A mark that was moved with the cursor shows nothing."""
    region = usual()
    start = region.cursor
    region.cursor, region.now = start + 30, region.now + 30
    region.reconciled = start + at_first
    region.seal("run-k", "killed", region.cursor, 0)
    region.reconciled = start + later
    region.run("run-m", ["m1"])
    assert region.verify().verdict == verdict


def test_entries_with_more_events_than_the_seal_of_their_run_counts_are_named():
    region = usual()
    counts = msgspec.structs.replace(region.chain[4].counts, forwarded=0)
    region.chain[4] = msgspec.structs.replace(region.chain[4], counts=counts)
    region.seals.objects[region.chain[4].name.text()] = pack_seal(region.chain[4])
    [fault] = region.verify().faults
    assert (fault.kind, fault.run, fault.count) == ("entry_altered", "run-e", 1)
    assert fault.what == "The ledger entries of run run-e have 1 event, but seal 5 counts 0 as forwarded and filtered."


@pytest.mark.parametrize("at", [0.0, 9e12])
def test_an_entry_is_found_whatever_it_says_of_its_time(at):
    region = usual()
    sealed = region.entry("made-up", 1, 1, ["r1"], Window(region.now - 5, region.now))
    entry = unpack(region.entries.objects.pop(sealed.name), sealed.name)
    region.entries.objects[sealed.name] = pack(replace(entry, at=at, messages=None))
    result = region.verify()
    assert result.verdict == "unchecked"
    assert result.unchecked[0].startswith(f"eu-frankfurt-1: 1 event of the ledger entry {sealed.name} has no message, and nothing but")


@pytest.mark.parametrize("key", [None, KEY])
def test_an_entry_whose_window_ends_after_all_others_is_found(key):
    region = usual(key=key)
    sealed = region.entry("made-up", 1, 1, ["r1"], Window(region.now - 5, region.now + 5000))
    entry = unpack(region.entries.objects.pop(sealed.name), sealed.name)
    region.entries.objects[sealed.name] = pack(replace(entry, messages=None))
    result = region.verify(keys=[key.public] if key else [])
    assert result.verdict == ("incomplete" if key else "unchecked")
    assert [fault.kind for fault in result.faults] == (["entry_signature"] if key else [])


@pytest.mark.parametrize("key", [None, KEY])
def test_an_entry_of_another_writer_with_the_id_of_the_run_that_names_it_is_not_of_this_run(key):
    region = usual(key=key)
    sealed = region.entry("run-f", 9, 1, ["r1"], Window(region.now - 5, region.now), "replay")
    entry = unpack(region.entries.objects.pop(sealed.name), sealed.name)
    data = pack(replace(entry, messages=None))
    region.entries.objects[sealed.name] = data
    region.unsealed.append(SealedEntry(name=sealed.name, sha256=sha256(data).hexdigest()))
    region.run("run-f", ["f1"])
    result = region.verify(keys=[key.public] if key else [])
    assert result.verdict == ("incomplete" if key else "unchecked")
    assert [fault.kind for fault in result.faults] == (["entry_signature"] if key else [])


def test_an_entry_added_to_an_earlier_finished_run_is_named():
    region = usual()
    name = region.chain[0].entries[0].name
    entry = unpack(region.entries.objects[name], name)
    added = replace(entry, number=9, at=region.now * 60.0 - 1)
    region.entries.objects[added.name.text()] = pack(added)
    found = [fault.object for fault in region.verify(window=Window(DAY.start, START + 6)).faults]
    assert found == [f"ledger/eu-frankfurt-1/{added.name.text()}"]
