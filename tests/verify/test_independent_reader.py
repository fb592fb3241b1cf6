"""docs/ledger-format.md is a specification: a reader written from it alone agrees with ``verify`` on what is intact and on each change."""

import random
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from epimetheus.errors import LedgerDamaged
from epimetheus.ledger.entry import pack, unpack
from epimetheus.ledger.head import Head
from epimetheus.ledger.seal import PreviousSeal, Seal
from epimetheus.ledger.seal import pack as pack_seal
from epimetheus.ledger.seal_key import SealKey
from epimetheus.verify.export_records import ExportRecords
from epimetheus.verify.folder import folder_sources
from epimetheus.verify.verify import Request, verify
from tests.support.budget import budget
from tests.verify import independent_reader
from tests.verify.sealed_region import DAY, Quiet, event, usual

PAGE = (Path(__file__).parents[2] / "docs" / "ledger-format.md").read_text("utf-8")
KEY, OTHER = SealKey.generate(), SealKey.generate()
FORMS = [(form, header) for form in ("cef", "json", "leef", "ocsf") for header in ("rfc5424", "rfc3164")]


def seal_name(region, number):
    return region.chain[number - 1].name.text()


def entry_name(region, part="run-d-0002"):
    return next(name for name in region.entries.objects if part in name)


def line_of(region, words):
    return next(at for at, line in enumerate(region.lines) if re.search(words, line))


def remove_line(words):
    return lambda region: region.lines.pop(line_of(region, words))


def change_line(words, old, new):
    def change(region):
        at = line_of(region, words)
        region.lines[at] = region.lines[at].replace(old, new)

    return change


def empty_line(words):
    """Cut a message after its structured data; without a header that has it, nothing is left of the message."""

    def change(region):
        at = line_of(region, words)
        region.lines[at] = re.sub(rb"(?:(seq=\S+\]).*|(?<=epimetheus: ).*)", rb"\1 nothing to see here", region.lines[at])

    return change


def remove_seal(number):
    return lambda region: region.seals.objects.pop(seal_name(region, number), None)


def change_seal(number, **members):
    def change(region):
        seal = msgspec.structs.replace(region.chain[number - 1], **members)
        region.seals.objects[seal.name.text()] = pack_seal(seal)

    return change


def damage_seal(number):
    def change(region):
        name = seal_name(region, number)
        region.seals.objects[name] = region.seals.objects.get(name, b"{").replace(b",", b", ", 1)

    return change


def exchange(objects, one, other):
    def change(region):
        stored, first, second = getattr(region, objects).objects, one(region), other(region)
        stored[first], stored[second] = stored[second], stored[first]

    return change


def change_entry(change):
    def changed(region):
        name = entry_name(region)
        data = change(unpack(region.entries.objects[name], name))
        region.entries.objects[data.name.text()] = pack(data)

    return changed


def copy_entry(region):
    name = entry_name(region)
    region.entries.objects[name.replace("-0002-", "-0007-")] = region.entries.objects[name]


def forge_line(region):
    region.lines.append(region.renderer("run-d")(event("forged"), 2).message)


def forge_newest(region):
    previous = PreviousSeal(sequence=5, sha256=region.digest())
    change_seal(5, sequence=6, run="run-f", previous=previous, entries=[])(region)


def killed_again(region):
    region.run("run-k", ["k1", None], status="killed")
    region.send(region.seal("run-k", "killed", region.cursor, 0), region.renderer("run-l"), 1)


def replayed(region):
    region.lines += [line for line in region.lines if b"run-d" in line or b"d2" in line]
    region.lines.reverse()


def messages_off(region):
    region.run("run-s", ["s1"], send=False)
    region.run("run-t", messages=False)
    region.run("run-u", ["u1"])


def move_cursor(by):
    def change(region):
        region.cursor, region.now = region.cursor + by, region.now + max(by, 0)
        name = "forward" if by > 0 else "back"
        region.run(f"run-{name}", [f"{name}-1"])

    return change


def huge_number(region):
    change_seal(5, sequence=9_999_999_999, run="run-f", previous=PreviousSeal(sequence=9_999_999_998, sha256=region.digest()))(region)


def unsigned(region):
    """A run whose seal has no signature, and one that has."""
    key, region.key = region.key, None
    region.run("run-u", ["u1"])
    region.key = key
    region.run("run-v", ["v1"])


CHANGES = {
    "nothing": lambda region: None,
    "a killed run": killed_again,
    "messages repeated, in reverse": replayed,
    "message removed": remove_line(rb'\bd2[" ^]'),
    "first message removed": remove_line(rb'\ba1[" ^]'),
    "event id altered": change_line(rb'\bd3[" ^]', b"d3", b"x3"),
    "message emptied": empty_line(rb'\bd2[" ^]'),
    "number altered": change_line(rb'\bd3[" ^]', b'seq="3"', b'seq="2"'),
    "message forged": forge_line,
    "message of a seal removed": remove_line(rb"seal-eu-frankfurt-1-2-"),
    "message of a seal altered": change_line(rb"seal-eu-frankfurt-1-2-", b"frankfurt-1-2-", b"frankfurt-1-4-"),
    "message of a later seal forged": change_line(rb"seal-eu-frankfurt-1-2-", b"frankfurt-1-2-", b"frankfurt-1-9-"),
    "seal removed": remove_seal(3),
    "two seals removed": lambda region: (remove_seal(2)(region), remove_seal(3)(region)),
    "newest seal removed": remove_seal(5),
    "seal altered": change_seal(2, product_version="9.9.9"),
    "oldest seal altered": change_seal(1, behind=7),
    "newest seal altered": change_seal(5, product_version="9.9.9"),
    "seal not canonical": damage_seal(4),
    "seal forged": change_seal(3, run="run-f"),
    "seals exchanged": exchange("seals", lambda region: seal_name(region, 2), lambda region: seal_name(region, 3)),
    "seal added": forge_newest,
    "entry removed from its seal": lambda region: change_seal(4, entries=region.chain[3].entries[:1])(region),
    "entry removed": lambda region: region.entries.objects.pop(entry_name(region)),
    "entry of a killed run removed": lambda region: region.entries.objects.pop(entry_name(region, "run-c")),
    "entry damaged": lambda region: region.entries.objects.update({entry_name(region): region.entries.objects[entry_name(region)][:-1]}),
    "entry altered": change_entry(lambda entry: replace(entry, polled=9)),
    "entry added": change_entry(lambda entry: replace(entry, number=8)),
    "entry of a replay added": change_entry(lambda entry: replace(entry, run="replayed", source="replay")),
    "entry copied": copy_entry,
    "entries exchanged": exchange("entries", entry_name, lambda region: entry_name(region, "run-a-0001")),
    "minutes not read": move_cursor(9),
    "cursor moved back": move_cursor(-9),
    "seal with a huge number added": huge_number,
    "seal without a signature": unsigned,
    "entry of a run that is not known added": change_entry(lambda entry: replace(entry, run="made-up")),
    "entry of another writer with the ID of a run added": change_entry(lambda entry: replace(entry, source="push", number=9)),
    "seals not sent for a while": messages_off,
}  # fmt: skip


def numbers(fault):
    first, last = fault.messages or fault.seals
    return range(first, last + 1)


def found_by_the_package(folder, keys):
    request = Request(DAY, keys, DAY.end + 30 * 24 * 60, 365)  # long after, so that the oldest seal may have had predecessors
    faults = verify(request, folder_sources(folder), [ExportRecords(folder / "export.log")], Quiet(), {}).faults
    found = set()
    for fault in faults:
        if fault.kind in ("message_missing", "message_altered"):
            found |= {("message", fault.run, number) for number in numbers(fault)}
        elif fault.kind.startswith("entry_"):
            found.add(("entry", fault.object.split("/", 2)[2]))
        elif fault.kind.startswith("seal_message_"):
            found |= {("seal message", number) for number in numbers(fault)}
        elif fault.kind == "cursor_gap":
            found.add(("gap", fault.seals[0]))
        elif fault.kind == "seal_missing" and fault.count >= 999:
            found.add(("seals", *fault.seals))
        elif fault.kind != "not_read":
            found |= {("seal", number) for number in numbers(fault)}
    return found


def save(region, folder):
    """Store the seals and entries as they are in a bucket."""
    for kind, store in (("seals", region.seals), ("ledger", region.entries)):
        for name, data in store.objects.items():
            path = folder / kind / region.region / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def compared(region, folder, keys=()):
    """What both find, which must be the same."""
    save(region, folder)
    (folder / "export.log").write_bytes(b"".join(line + b"\n" for line in region.lines))
    ours = found_by_the_package(folder, keys)
    theirs = independent_reader.verify(folder, region.lines, [key.pem() for key in keys])
    assert ours == theirs
    return ours


@pytest.mark.parametrize("hostname", [None, "us-ashburn-1", "forwarder"])
@pytest.mark.parametrize("removed", ["", rb"seal-us-ashburn-1-2-", rb"\bus.*d2\b"], ids=str)
def test_both_tell_regions_apart(hostname, removed, tmp_path):
    both = ["eu-frankfurt-1", "us-ashburn-1"]
    one, other = (usual(region=region, polled=both, prefix=f"{region[:2]}-", hostname=hostname) for region in both)
    lines = [line for line in one.lines + other.lines if not removed or not re.search(removed, line)]
    for region in (one, other):
        region.lines = lines
    save(other, tmp_path)
    assert (compared(one, tmp_path) == set()) == (not removed)


RIGHT = ("nothing", "a killed run", "messages repeated, in reverse", "cursor moved back", "seals not sent for a while")
UNSIGNED = ("entry of a replay added", "seal without a signature", "entry of a run that is not known added")


@pytest.mark.parametrize("change", CHANGES)
def test_both_find_the_same_in_cef(change, tmp_path):
    region = usual()
    CHANGES[change](region)
    found = compared(region, tmp_path)
    assert (found == set()) == (change in (*RIGHT, *UNSIGNED, "seal added"))  # without the state and signatures, nothing contradicts it


@pytest.mark.parametrize(("form", "header"), FORMS)
def test_both_find_the_same_in_every_format(form, header, tmp_path):
    for number, change in enumerate(CHANGES):
        region = usual(format=form, header=header)
        CHANGES[change](region)
        compared(region, tmp_path / str(number))


@pytest.mark.parametrize("change", CHANGES)
def test_both_find_the_same_in_signed_seals(change, tmp_path):
    region = usual(key=KEY)
    CHANGES[change](region)
    if change in (*RIGHT, *UNSIGNED):
        region.key = OTHER
        region.run("run-o", ["o1"])
    found = compared(region, tmp_path, [KEY.public, OTHER.public])
    assert (found == set()) == (change in RIGHT)


@pytest.mark.parametrize("seed", range(budget(quick=8, full=100)))
def test_both_find_the_same_after_several_changes(seed, tmp_path):
    dice = random.Random(seed)
    region = usual(format=dice.choice(("cef", "json")), header=dice.choice(("rfc5424", "rfc3164")))
    for change in dice.sample(sorted(CHANGES), 2):
        try:
            CHANGES[change](region)
        except (StopIteration, KeyError, ValueError, LedgerDamaged):  # what it changes is gone, or was changed already
            continue
    compared(region, tmp_path)


def first_column(heading):
    """The names in the first column of the table after a text."""
    table = PAGE.partition(heading)[2].partition("\n\n")[2].partition("\n\n")[0]
    return {name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}


def test_the_page_has_every_member_of_a_seal_and_of_an_entry():
    assert first_column("It has exactly these members") == {field.name for field in msgspec.structs.fields(Seal)}
    assert first_column("KEYS and IDS follow the NUL byte") == {field.name for field in msgspec.structs.fields(Head)}


def test_the_reader_uses_nothing_of_the_package():
    source = Path(independent_reader.__file__).read_text("utf-8")
    assert re.findall(r"^(?:from|import) (?:epimetheus|tests)", source, re.MULTILINE) == []
