"""Verification of seals, entries and exports: nothing is reported of what is right, and each change is named."""

import re
from dataclasses import replace

import msgspec
import pytest

from epimetheus.ledger.entry import pack, unpack
from epimetheus.ledger.seal import PreviousSeal
from epimetheus.ledger.seal import pack as pack_seal
from epimetheus.ledger.seal_key import SealKey
from epimetheus.model import Window
from epimetheus.verify.export_records import ExportRecords
from epimetheus.verify.model import ReconciledResult
from epimetheus.verify.verify import Request, verify
from tests.verify.sealed_region import DAY, START, Quiet, SealedRegion, event, usual

HEADERS = [(form, header) for form in ("cef", "json", "leef", "ocsf") for header in ("rfc5424", "rfc3164")]
KEY, OTHER = SealKey.generate(), SealKey.generate()


@pytest.fixture
def export(tmp_path):
    def write(lines):
        (tmp_path / "export.log").write_bytes(b"".join(line + b"\n" for line in lines))
        return ExportRecords(tmp_path / "export.log")

    return write


def kinds(result):
    return [fault.kind for fault in result.faults]


def test_seals_and_entries_without_an_export_are_complete():
    result = usual().verify()
    assert (result.verdict, result.faults, result.unchecked, result.export) == ("complete", [], [], None)
    [region] = result.regions
    assert (region.seals.checked, region.seals.valid, region.seals.first, region.seals.last) == (5, 5, 1, 5)
    assert (region.entries.checked, region.entries.valid, region.entries.unsealed) == (7, 7, 0)
    assert region.late == 1
    assert region.warnings == [
        "Read from 2026-11-30T05:55:00Z on, where seal 1, the first one, begins, not before.",
        "Read through 2026-11-30T06:20:00Z; the next runs read the rest of the window.",
    ]


@pytest.mark.parametrize(("form", "header"), HEADERS)
def test_an_export_in_any_order_is_complete(form, header, export):
    region = usual(format=form, header=header)
    result = region.verify(export([*reversed(region.lines), region.lines[0], b"another program"]))
    assert result.verdict == "complete", result.faults
    export = result.export
    assert (export.sealed, export.missing, export.duplicates, export.other_lines) == (11, 0, 1, 1)
    assert (export.present, export.unmatchable) == ((11, 0) if header == "rfc5424" else (10, 1))
    assert export.seal_messages == 5


@pytest.mark.parametrize(("form", "header"), HEADERS)
@pytest.mark.parametrize("event_id", ["a1", "c2", "d4"])
def test_a_message_that_was_removed_is_named(form, header, event_id, export):
    region = usual(format=form, header=header)
    kept = [line for line in region.lines if not re.search(rf'\b{event_id}[" ^]'.encode(), line)]
    assert len(kept) == len(region.lines) - 1
    result = region.verify(export(kept))
    [fault] = result.faults
    number = {"a1": 1, "c2": 2, "d4": 4}[event_id]
    run = f"run-{event_id[0]}"
    assert (fault.kind, fault.run, fault.messages, fault.count) == ("message_missing", run, (number, number), 1)
    assert fault.what.startswith(f"Message {number} of run {run} is missing in the export; the ledger entry 2026/11/30/")
    assert (result.verdict, result.export.missing, result.export.present + result.export.unmatchable) == ("incomplete", 1, 10)


@pytest.mark.parametrize("form", ["cef", "json", "leef", "ocsf"])
def test_a_message_whose_event_id_was_altered_is_named(form, export):
    region = usual(format=form)
    result = region.verify(export([re.sub(rb"\bd3\b", b"x9", line) for line in region.lines]))
    [fault] = result.faults
    assert (fault.kind, fault.run, fault.messages, fault.event_ids) == ("message_altered", "run-d", (3, 3), ["x9"])
    assert (result.export.missing, result.export.present) == (1, 10)


def test_messages_that_were_exchanged_are_named(export):
    region = usual()
    lines = [line.replace(b'seq="2"', b'seq="X"').replace(b'seq="3"', b'seq="2"').replace(b'seq="X"', b'seq="3"') for line in region.lines]
    lines = [new if b"run-d" in new else old for new, old in zip(lines, region.lines, strict=True)]
    result = region.verify(export(lines))
    assert [(fault.kind, fault.messages) for fault in result.faults] == [("message_altered", (3, 3)), ("message_altered", (2, 2))]


def test_a_forged_message_with_a_sealed_number_is_named_and_others_are_unsealed(export):
    region = usual()
    forged = region.renderer("run-d")(event("forged"), 2).message
    foreign = region.renderer("run-x")(event("other"), 1).message
    result = region.verify(export([*region.lines, forged, foreign]))
    assert [(fault.kind, fault.event_ids) for fault in result.faults] == [("message_altered", ["forged"])]
    assert (result.export.missing, result.export.unsealed) == (0, 1)


def entry_names(region):
    return [entry.name for seal in region.chain for entry in seal.entries]


def test_an_entry_that_was_removed_is_named_with_the_messages_that_it_recorded(export):
    region = usual()
    name = next(name for name in entry_names(region) if "run-d-0002" in name)
    del region.entries.objects[name]
    [fault] = region.verify(export(region.lines)).faults
    assert (fault.kind, fault.run, fault.seals, fault.messages) == ("entry_missing", "run-d", (4, 4), (2, 3))
    assert fault.object == f"ledger/eu-frankfurt-1/{name}"
    assert fault.what == f"The ledger entry {name} is missing: seal 4 names it."


def test_an_entry_that_was_altered_is_named():
    region = usual()
    name = next(name for name in entry_names(region) if "run-d-0002" in name)
    region.entries.objects[name] = region.entries.objects[name][:-1] + b"x"
    [fault] = region.verify().faults
    assert (fault.kind, fault.object, fault.seals) == ("entry_altered", f"ledger/eu-frankfurt-1/{name}", (4, 4))


def test_an_entry_that_was_forged_with_a_correct_checksum_is_named():
    region = usual()
    name = next(name for name in entry_names(region) if "run-d-0002" in name)
    entry = unpack(region.entries.objects[name], name)
    region.entries.objects[name] = pack(replace(entry, polled=9))
    [fault] = region.verify().faults
    assert (fault.kind, fault.object) == ("entry_altered", f"ledger/eu-frankfurt-1/{name}")
    assert "it is an entry, but not the one that was written" in fault.what


def test_entries_that_were_exchanged_are_both_named():
    region = usual()
    one, other = (next(name for name in entry_names(region) if part in name) for part in ("run-d-0001", "run-d-0002"))
    objects = region.entries.objects
    objects[one], objects[other] = objects[other], objects[one]
    faults = region.verify().faults
    assert [(fault.kind, fault.object.rpartition("/")[2]) for fault in faults] == [
        ("entry_altered", one.rpartition("/")[2]),
        ("entry_altered", other.rpartition("/")[2]),
    ]
    assert f"its content is that of the entry {other}" in faults[0].what


def test_a_copy_of_an_entry_and_an_additional_entry_of_a_finished_run_are_named():
    region = usual()
    name = next(name for name in entry_names(region) if "run-d-0002" in name)
    copy = name.replace("-0002-", "-0009-")
    region.entries.objects[copy] = region.entries.objects[name]
    entry = unpack(region.entries.objects[name], name)
    added = replace(entry, number=8)
    region.entries.objects[added.name.text()] = pack(added)
    faults = region.verify().faults
    assert [(fault.kind, fault.object.rpartition("/")[2]) for fault in faults] == [
        ("entry_unnamed", added.name.text().rpartition("/")[2]),
        ("entry_altered", copy.rpartition("/")[2]),
    ]


def test_an_entry_of_a_replay_that_no_seal_names_yet_is_no_fault():
    region = usual()
    region.entry("replayed", 1, 1, ["r1"], Window(region.now - 5, region.now), "replay")
    result = region.verify()
    assert (result.verdict, result.regions[0].entries.unsealed) == ("complete", 1)
    assert result.regions[0].warnings[2:] == ["1 ledger entry not named by a seal yet."]


def seal_objects(region):
    return sorted(region.seals.objects)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_a_seal_that_was_altered_is_named(number):
    region = usual()
    name = seal_objects(region)[number - 1]
    region.seals.objects[name] = region.seals.objects[name].replace(b'"malformed":0', b'"malformed":1')
    [fault] = region.verify().faults
    assert (fault.kind, fault.object, fault.seals) == ("seal_altered", f"seals/eu-frankfurt-1/{name}", (number, number))
    witness = "the state" if number == 5 else f"seal {number + 1}"
    assert f", but {witness} has {region.digest(number - 1)}." in fault.what


@pytest.mark.parametrize("number", [2, 3, 4, 5])
def test_a_seal_that_was_removed_is_named(number, export):
    region = usual()
    del region.seals.objects[seal_objects(region)[number - 1]]
    result = region.verify(export(region.lines))
    [fault] = result.faults
    assert (fault.kind, fault.seals) == ("seal_missing", (number, number))
    why = "the state has the number of a later one" if number == 5 else f"seal {number + 1} exists"
    assert fault.what == f"The seal {number} is missing: {why}."
    assert (result.regions[0].seals.checked, result.regions[0].seals.valid) == (5, 4)


def test_the_first_seals_that_were_removed_are_named_unless_they_are_old_enough_to_be_deleted():
    region = usual()
    for name in seal_objects(region)[:2]:
        del region.seals.objects[name]
    [fault] = region.verify().faults
    assert (fault.kind, fault.seals) == ("seal_missing", (2, 2))
    assert fault.what == "The seal 2 is missing: seal 3 names it, and it is too recent to have been deleted."
    request = Request(DAY, (), START + 34 * 24 * 60 + 30, 35)
    assert kinds(verify(request, [region.source()], [], Quiet(), {})) == ["not_read"]


def test_the_newest_seals_that_were_removed_are_known_from_the_export(export):
    region = usual()
    for name in seal_objects(region)[3:]:
        del region.seals.objects[name]
    [fault] = region.verify(export(region.lines), head=False).faults
    assert (fault.kind, fault.seals) == ("seal_missing", (4, 5))
    assert fault.what == "The seals 4 to 5 are missing: the export has their messages."
    assert [fault.seals for fault in region.verify().faults] == [(4, 5)]


def test_all_seals_removed_are_known_from_the_state():
    region = usual()
    region.seals.objects.clear()
    assert [(fault.kind, fault.seals) for fault in region.verify().faults] == [("seal_missing", (1, 5))]
    result = region.verify(head=False)
    assert (result.verdict, result.faults) == ("unchecked", [])


def test_seals_that_were_exchanged_are_both_named():
    region = usual()
    one, other = seal_objects(region)[1:3]
    objects = region.seals.objects
    objects[one], objects[other] = objects[other], objects[one]
    faults = region.verify().faults
    assert [(fault.kind, fault.seals) for fault in faults] == [("seal_damaged", (2, 2)), ("seal_damaged", (3, 3))]
    assert faults[0].what == f"The seal {one} is damaged: its content is that of the seal {other}."


def test_a_copy_of_a_seal_and_a_forged_seal_with_the_same_number_are_named():
    region = usual()
    name = seal_objects(region)[2]
    region.seals.objects[name.replace("run-c", "run-0")] = region.seals.objects[name]
    forged = msgspec.structs.replace(region.chain[3], run="run-f")
    region.seals.objects[forged.name.text()] = pack_seal(forged)
    faults = region.verify().faults
    assert [(fault.kind, fault.run) for fault in faults] == [("seal_damaged", "run-0"), ("seal_extra", "run-f")]


def test_a_forged_seal_after_the_newest_is_named():
    region = usual()
    previous = PreviousSeal(sequence=5, sha256=region.digest())
    forged = msgspec.structs.replace(region.chain[4], sequence=6, run="run-f", previous=previous, entries=[])
    region.seals.objects[forged.name.text()] = pack_seal(forged)
    [fault] = region.verify().faults
    assert (fault.kind, fault.run) == ("seal_extra", "run-f")
    assert fault.what == f"The seal {forged.name.text()} is not part of the chain: the newest one that the state knows is 5."


def test_a_seal_that_the_state_knows_and_is_not_stored_yet_is_no_fault(export):
    region = usual()
    del region.seals.objects[seal_objects(region)[4]]
    region.stored, region.sent = False, 4
    lines = [line for line in region.lines if b"-5-" not in line]
    assert region.verify(export(lines)).verdict == "complete"


def test_every_seal_rewritten_with_a_new_chain_is_known_from_the_export_and_the_state(export):
    region, forged = usual(), usual()
    del forged.entries.objects[forged.chain[3].entries[1].name]
    rewritten = SealedRegion()
    for seal in forged.chain:
        previous = PreviousSeal(sequence=seal.sequence - 1, sha256=rewritten.digest()) if seal.previous else None
        entries = [entry for entry in seal.entries if "run-d-0002" not in entry.name]
        rewritten.chain.append(msgspec.structs.replace(seal, previous=previous, entries=entries))
    forged.seals.objects = {seal.name.text(): pack_seal(seal) for seal in rewritten.chain}
    assert [(fault.kind, fault.seals) for fault in forged.verify().faults] == [("seal_altered", (5, 5))]
    faults = forged.verify(export(region.lines), head=False).faults
    assert [(fault.kind, fault.seals) for fault in faults] == [("seal_message_differs", (4, 4)), ("seal_message_differs", (5, 5))]


def test_signatures_are_verified_with_every_key_of_a_rotation():
    region = usual(key=KEY)
    region.key = OTHER
    region.run("run-f", ["f1"])
    result = region.verify(keys=[KEY.public, OTHER.public])
    assert (result.verdict, result.regions[0].seals.verified) == ("complete", True)
    assert result.regions[0].seals.signed_by == sorted([KEY.public.fingerprint, OTHER.public.fingerprint])
    faults = region.verify(keys=[KEY.public]).faults
    assert [(fault.kind, fault.seals) for fault in faults] == [("seal_signature", (6, 6))]
    assert f"is signed by {OTHER.public.fingerprint}, which is none of the public keys." in faults[0].what


def test_a_forged_signature_is_not_valid_and_a_missing_one_is_named():
    region = usual(key=KEY)
    name, seal = seal_objects(region)[4], region.chain[4]
    signature = msgspec.structs.replace(seal.signature, value=region.chain[3].signature.value)
    region.chain[4] = msgspec.structs.replace(seal, signature=signature)
    region.seals.objects[name] = pack_seal(region.chain[4])
    [fault] = region.verify(keys=[KEY.public]).faults
    assert (fault.kind, fault.what) == ("seal_signature", f"The signature of the seal {name} is not valid.")
    region.chain[4] = msgspec.structs.replace(seal, signature=None)
    region.seals.objects[name] = pack_seal(region.chain[4])
    [fault] = region.verify(keys=[KEY.public]).faults
    assert fault.what == f"The seal {name} has no signature, and no later one that is signed vouches for it."


def test_seals_from_before_the_first_key_are_vouched_for_by_those_after_it():
    region = usual()
    region.key = KEY
    region.run("run-f", ["f1"])
    result = region.verify(keys=[KEY.public])
    assert (result.verdict, result.regions[0].seals.unsigned) == ("unchecked", 5)
    assert result.unchecked[0] == (
        "eu-frankfurt-1: seals 1 to 5 have no signature, and neither has a seal before."
        " If SEAL_KEY was set later, say when with --signed-since."
    )
    assert region.verify(keys=[KEY.public], signed_since=region.now).verdict == "complete"
    faults = region.verify(keys=[KEY.public], signed_since=START + 10).faults
    assert [(fault.kind, fault.seals) for fault in faults] == [("seal_signature", (number, number)) for number in (2, 3, 4, 5)]
    assert faults[0].what.endswith(" has no signature, and it is not from before the time of --signed-since.")


def test_seals_without_a_signature_after_a_signed_one_are_named():
    region = usual(key=KEY)
    region.key = None
    region.run("run-f", ["f1"])
    region.run("run-g", ["g1"])
    assert [fault.seals for fault in region.verify(keys=[KEY.public]).faults] == [(6, 6), (7, 7)]
    region.key = KEY
    region.run("run-h", ["h1"])
    result = region.verify(keys=[KEY.public])
    assert [(fault.kind, fault.seals) for fault in result.faults] == [("seal_signature", (6, 6)), ("seal_signature", (7, 7))]
    assert result.faults[0].what.endswith(" has no signature, and seal 1, which is before it, is signed.")
    assert [fault.seals for fault in region.verify(keys=[KEY.public], signed_since=region.now - 2).faults] == [(6, 6), (7, 7)]


@pytest.mark.parametrize(("form", "header"), HEADERS)
def test_the_message_of_a_seal_that_was_removed_or_altered_is_named(form, header, export):
    region = usual(format=form, header=header)
    lines = [line for line in region.lines if b"seal-eu-frankfurt-1-2-" not in line]
    [fault] = region.verify(export(lines)).faults
    assert (fault.kind, fault.what) == ("seal_message_missing", "The seal 2 is stored, but the export lacks its message.")
    other = region.digest(3)[:16].encode()
    altered = [line.replace(other, other[::-1]) for line in region.lines]
    [fault] = region.verify(export(altered)).faults
    assert (fault.kind, fault.seals) == ("seal_message_differs", (4, 4))
    assert fault.what.endswith(f"with the SHA-256 {other[::-1].decode()}…; that of the stored seal is {region.digest(3)}.")


def test_the_message_of_the_newest_seal_is_expected_if_the_state_says_that_it_was_sent(export):
    region = usual()
    lines = [line for line in region.lines if b"seal-eu-frankfurt-1-5-" not in line]
    assert kinds(region.verify(export(lines))) == ["seal_message_missing"]
    region.sent = 4
    assert region.verify(export(lines)).verdict == "complete"


def test_minutes_that_no_run_read_are_named():
    region = usual()
    region.cursor += 30
    region.now += 30
    region.run("run-f", ["f1"])
    [fault] = region.verify().faults
    assert (fault.kind, fault.seals) == ("cursor_gap", (6, 6))
    assert fault.what.startswith("30 minutes were not read, from 2026-11-30T06:20:00Z to 2026-11-30T06:50:00Z: the cursor was moved")


def test_a_cursor_that_was_moved_back_and_forward_again_is_no_fault():
    region = usual()
    cursor = region.cursor
    region.cursor -= 15
    region.seal("run-f", "failed", region.cursor, 0)
    region.cursor = cursor
    region.run("run-g", ["g1"])
    assert region.verify().verdict == "complete"


def test_a_window_that_is_not_read_to_its_end_and_compartments_behind_are_named():
    region = usual()
    region.now += 90
    [fault] = region.verify().faults
    assert (fault.kind, fault.what) == (
        "not_read",
        "The window is not read to its end: the cursor of the newest seal, 5, is at 2026-11-30T06:20:00Z.",
    )
    region = usual()
    region.chain[4] = msgspec.structs.replace(region.chain[4], behind=2)
    region.seals.objects[seal_objects(region)[4]] = pack_seal(region.chain[4])
    assert [fault.what for fault in region.verify().faults] == ["2 compartments are behind in the newest seal, 5."]


def test_only_the_runs_of_the_window_are_checked(export):
    region = usual()
    region.entries.objects.pop(region.chain[0].entries[0].name)
    window = Window(START + 6, START + 21)  # seals 2 to 4
    result = region.verify(export(region.lines), window=window)
    assert (result.verdict, result.regions[0].seals.first, result.regions[0].seals.last) == ("complete", 2, 4)
    assert result.export.unsealed == 4 + 1
    del region.seals.objects[seal_objects(region)[1]]
    assert [(fault.kind, fault.seals) for fault in region.verify(window=window).faults] == [("seal_missing", (2, 2))]


def test_entries_that_are_no_longer_kept_are_not_checked():
    region = usual()
    region.entries.objects.clear()
    request = Request(Window(START, START + 26), (), region.now + 36 * 24 * 60, 35)
    region.cursor = request.now
    result = verify(request, [region.source()], [], Quiet(), {})
    assert [fault.kind for fault in result.faults] == ["not_read"]
    assert result.unchecked == ["eu-frankfurt-1: 7 ledger entries no longer exist; entries are kept for 35 days."]


def test_hours_that_reconciliation_listed_again_are_counted():
    region = usual()
    region.run("run-f", ["f1"])
    region.now = START + 120
    region.run("run-g", ["g1"])
    result = region.verify(window=Window(START - 180, START + 125))  # read from five minutes before START on
    assert result.regions[0].reconciliation == {"60": ReconciledResult(3, 1, 1)}


@pytest.mark.parametrize(("form", "header"), [("cef", "rfc5424"), ("json", "rfc3164")])
def test_regions_share_runs_and_an_export(form, header, export):
    """One call of the function reads all regions: its ID, and its sequence numbers, are those of a run in each."""
    both = ["eu-frankfurt-1", "us-ashburn-1"]
    one, other = (usual(format=form, header=header, region=region, polled=both, prefix=f"{region[:2]}-") for region in both)
    request = Request(DAY._replace(end=one.now + 1), (), one.now, 35)

    def check(lines, *regions):
        return verify(request, [region.source() for region in regions], [export(lines)], Quiet(), {})

    lines = [line for pair in zip(one.lines, other.lines, strict=True) for line in pair]
    result = check(lines, one, other)
    unsealed = 0 if header == "rfc5424" else 2  # messages without an event ID and a number
    assert (result.verdict, result.export.sealed, result.export.unsealed) == ("complete", 22, unsealed), result.faults
    alone = check(lines, one)
    assert (alone.verdict, alone.faults) == ("unchecked", [])
    assert alone.unchecked == ["us-ashburn-1: the seals of other regions say that it was polled, and it has no seals there."]
    [fault] = check([line for line in lines if b"us-d3" not in line], one, other).faults
    assert (fault.kind, fault.region, fault.run, fault.messages) == ("message_missing", "us-ashburn-1", "run-d", (3, 3))



def test_an_entry_that_two_seals_name_is_checked_once(export):
    """A restored state has forgotten that its entries are sealed."""
    region = usual()
    region.unsealed += region.chain[3].entries
    region.run("run-f", ["f1"])
    result = region.verify(export(region.lines))
    assert (result.verdict, result.export.sealed, result.regions[0].entries.checked) == ("complete", 12, 8)
    del region.entries.objects[region.chain[3].entries[1].name]
    [fault] = region.verify().faults
    assert (fault.kind, fault.seals) == ("entry_missing", (4, 4))
