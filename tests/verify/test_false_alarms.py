"""What once looked like a fault and was none, through the command ``verify`` with downloaded records."""

import json
import re
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from epimetheus.cli import verify as verify_command
from epimetheus.cli.app import app
from epimetheus.clock import Clock
from epimetheus.model import minute_text, parse_minute
from tests.verify.sealed_region import SealedRegion

DAY = 24 * 60
NOW = parse_minute("2026-11-30T15:00:00Z")
MIDNIGHT = NOW // DAY * DAY
"""The last one."""
SESSION = "a-request-of-exactly-forty-characters-xy"  # as an event ID


@pytest.fixture(autouse=True)
def at_now(monkeypatch):
    """The command runs at NOW, however late after the collection of the tests, and not soon after midnight."""
    monkeypatch.setattr(verify_command, "SYSTEM", Clock(now=lambda: NOW * 60.0))


def region_at(minute, **settings):
    """A region whose first run is at ``minute``."""
    return SealedRegion(now=minute, cursor=minute - 5, **settings)


def verified(folder, regions, *options, start=None, end=None, lines=None):
    """What the command says of the records of ``regions`` and, unless ``lines`` is empty, of an export: exit code, faults, and the rest."""
    for region in regions:
        for kind, store in (("seals", region.seals), ("ledger", region.entries)):
            for name, data in store.objects.items():
                path = folder / kind / region.region / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    window = ["--from", minute_text(NOW - DAY if start is None else start)]
    window += ["--to", minute_text(end)] if end else []
    lines = [line for region in regions for line in region.lines] if lines is None else lines
    if lines:
        (folder / "export").write_bytes(b"".join(line + b"\n" for line in lines))
        window += ["--siem", str(folder / "export")]
    result = CliRunner().invoke(app, ["verify", *window, "--ledger", str(folder), "--json", *options], catch_exceptions=False)
    document = json.loads(result.stdout)
    faults = [fault["what"] for fault in document["faults"]]
    return SimpleNamespace(code=result.exit_code, faults=faults, unchecked=document["unchecked"], **document["export"] or {})


@pytest.fixture
def recent():
    """A region with some runs in the last hour."""
    region = region_at(NOW - 40)
    region.run("run-a", ["a1", "a2"])
    return region


@pytest.mark.parametrize("header", ["rfc5424", "rfc3164"])
def test_an_event_id_of_exactly_the_length_of_external_id_is_whole(header, tmp_path):
    region = region_at(NOW - 40, header=header)
    region.run("run-a", ["a1", SESSION])
    region.run("run-b", ["b1"])
    result = verified(tmp_path, [region])
    assert (result.code, result.faults, result.unchecked, result.present) == (0, [], [], 3)


def test_an_event_id_of_that_length_is_whole_in_a_column(tmp_path):
    region = region_at(NOW - 40)
    region.run("run-a", ["a1", SESSION], send=False)
    rows = [b"DeviceProduct,ExtID,FlexString1,FlexString1Label", b"OCI Audit,a1,,", b"OCI Audit,%b,," % SESSION.encode()]
    result = verified(tmp_path, [region], lines=rows)
    assert (result.code, result.faults, result.unchecked, result.present) == (0, [], [], 2)


@pytest.mark.parametrize("end", [MIDNIGHT - DAY, MIDNIGHT], ids=["the day before", "the day after"])
def test_a_clock_that_goes_back_over_midnight_breaks_no_chain(end, tmp_path):
    region = region_at(MIDNIGHT - DAY - 25)
    for number in range(12):  # seals of 23:40, …, 23:55, 00:03, 23:58, 00:05, …
        region.skew = 8 if number == 3 else -4 if number == 4 else 0
        region.run(f"run-{number}", [f"event-{number}"])
    region.now = MIDNIGHT + 5
    region.run("run-z")
    result = verified(tmp_path, [region], start=end - DAY, end=end)
    assert (result.code, result.faults, result.unchecked) == (0, [], [])
    days = [seal.name.day for seal in region.chain]
    assert days != sorted(days)


def test_a_clock_that_goes_back_by_days_breaks_no_chain(tmp_path):
    region = region_at(MIDNIGHT)
    for number, skew in enumerate([-3 * DAY, 0, -3 * DAY, 0, 0]):
        region.skew = skew
        region.run(f"run-{number}", [f"event-{number}"])
    result = verified(tmp_path, [region], start=MIDNIGHT, end=MIDNIGHT + 20)
    assert (result.code, result.faults, result.unchecked) == (0, [], [])


def test_entries_older_than_the_ledger_days_of_their_seals_are_not_missing(tmp_path):
    region = region_at(NOW - 12 * DAY, ledger_days=10)
    region.run("run-a", ["a1"])
    region.entries.objects.clear()
    region.now = NOW - 30
    region.run("run-b")
    result = verified(tmp_path, [region], start=NOW - 13 * DAY, lines=[])
    assert (result.code, result.faults) == (2, [])
    assert result.unchecked == ["eu-frankfurt-1: 1 ledger entry no longer exists; entries are kept for 10 days."]


def test_an_entry_that_should_be_kept_is_missing(tmp_path):
    region = region_at(NOW - 6 * DAY, ledger_days=10)
    region.run("run-a", ["a1"])
    region.entries.objects.clear()
    region.now = NOW - 30
    region.run("run-b")
    result = verified(tmp_path, [region], start=NOW - 13 * DAY, lines=[])
    assert (result.code, [re.sub("entry .* is", "entry … is", what) for what in result.faults]) == (
        1,
        ["The ledger entry … is missing: seal 1 names it."],
    )


def test_messages_of_seals_that_are_sent_hours_after_the_window_are_not_missing(tmp_path):
    """The receiver is down at the end of the window, and for three hours more."""
    region = region_at(MIDNIGHT - 40)
    region.run("run-a", ["a1"])
    for run in "bcd":
        region.run(f"run-{run}", send=False)
    exported = len(region.lines)
    region.now = MIDNIGHT + 3 * 60
    region.cursor = MIDNIGHT - 40
    region.run("run-e", ["e1"])
    for number in (1, 2, 3):
        region.send(region.chain[number], region.renderer("run-e"), number + 1)
    region.sent = 5
    region.run("run-f")
    result = verified(tmp_path, [region], start=MIDNIGHT - DAY, end=MIDNIGHT, lines=region.lines[:exported])
    assert (result.code, result.faults, result.unchecked) == (0, [], [])
    result = verified(tmp_path, [region], start=MIDNIGHT - DAY, lines=region.lines[:exported])
    assert (result.code, result.faults[0]) == (1, "The seals 2 to 5 are stored, but the export lacks their messages.")


def test_seals_that_were_not_to_be_sent_lack_no_message(tmp_path, recent):
    recent.run("run-b", send=False)
    recent.run("run-c", send=False, messages=False)  # and so the message of the one before it is given up
    recent.run("run-d", ["d1"])
    result = verified(tmp_path, [recent])
    assert (result.code, result.faults, result.unchecked) == (0, [], [])
    lines = [line for line in recent.lines if b"seal-eu-frankfurt-1-1-" not in line]
    result = verified(tmp_path, [recent], lines=lines)
    assert result.faults == ["The seal 1 is stored, but the export lacks its message."]


@pytest.mark.parametrize("hostname", ["us-ashburn-1", "eu-frankfurt-1", "forwarder"])
@pytest.mark.parametrize("known", [1, 2], ids=["records of one region", "records of both"])
def test_regions_whose_messages_have_the_same_host_name_are_told_apart(hostname, known, tmp_path):
    both = ["eu-frankfurt-1", "us-ashburn-1"]
    regions = [region_at(NOW - 40, region=name, polled=both, prefix=name[:2], hostname=hostname) for name in both]
    for region in regions:
        region.run("run-a", ["1", None, "2"], ["3"])
        region.run("run-b", ["4"])
    regions[1].run("run-c", ["5", "6", None])
    regions[0].run("run-c", ["7"])
    lines = [line for region in regions for line in region.lines]
    result = verified(tmp_path, regions[:known], lines=lines)
    assert (result.code, result.faults) == (0 if known == len(both) else 2, [])  # not checked: the region without records
    assert known == 1 or (result.duplicates, result.unsealed) == (0, 0)
    removed = next(line for line in regions[0].lines if b"eu4" in line)
    result = verified(tmp_path, regions[:known], lines=[line for line in lines if line != removed])
    assert [what[: len("Message 1 of run run-b is missing")] for what in result.faults] == ["Message 1 of run run-b is missing"]


LOG_LINE = b"Nov 30 06:00:00 host app: time,message,user"


@pytest.mark.parametrize("form", ["cef", "json", "leef", "ocsf"])
@pytest.mark.parametrize("first", [LOG_LINE, b"message", b"message,user", b"raw;log", b'log,"a'], ids=str)
def test_a_log_whose_first_line_looks_like_a_header_is_read(first, form, tmp_path):
    region = region_at(NOW - 40, format=form)
    region.run("run-a", ["a1", None, "a2"])
    other = b'Nov 30 06:00:00 host app: a,"quote that is not closed, b'
    result = verified(tmp_path, [region], lines=[first, other, *region.lines])
    assert (result.code, result.faults, result.unchecked, result.present) == (0, [], [], 3)


@pytest.mark.parametrize(
    "before", [[b""], [b"", b"  "], [b"sep=,"], [b"# exported by someone"], [b'"Report of 2026-11-30"', b""]], ids=str
)
def test_a_header_after_other_lines_is_found(before, tmp_path, recent):
    rows = [b'"2026-11-30T06:00:00Z","%b"' % line.replace(b'"', b'""') for line in recent.lines]
    result = verified(tmp_path, [recent], lines=[*before, b'"Time","_raw"', *rows])
    assert (result.code, result.faults, result.unchecked, result.present) == (0, [], [], 2)


def test_messages_of_an_entry_that_is_sealed_a_day_later_belong_to_the_day_of_the_entry(tmp_path):
    """The run was killed, and the next one, which writes its seal, ends two days later."""
    region = region_at(MIDNIGHT - 2 * DAY - 40)
    region.run("run-a", ["a1"])
    region.run("run-b", ["b1", "b2"], status="killed")
    first_day = len(region.lines)
    region.now = MIDNIGHT - 20
    region.seal("run-b", "killed", region.cursor, 0)
    region.run("run-c")
    region.send(region.chain[1], region.renderer("run-c"), 2)
    region.sent = 3
    region.now = MIDNIGHT + 1
    region.run("run-d")
    late = verified(tmp_path, [region], start=MIDNIGHT - DAY, end=MIDNIGHT, lines=region.lines[first_day:])
    assert (late.code, late.faults, late.sealed) == (0, [], 0)
    window = {"start": MIDNIGHT - 3 * DAY, "end": MIDNIGHT - 2 * DAY}
    result = verified(tmp_path, [region], **window, lines=region.lines[:first_day])
    assert (result.code, result.faults, result.present) == (0, [], 3)
    result = verified(tmp_path, [region], **window, lines=region.lines[: first_day - 1])
    assert [what[: len("Message 2 of run run-b is missing")] for what in result.faults] == ["Message 2 of run run-b is missing"]


def test_a_clock_that_was_at_zero_breaks_no_chain(tmp_path):
    region = region_at(MIDNIGHT)
    for number, skew in enumerate([0, -MIDNIGHT, 0]):
        region.skew = skew
        region.run(f"run-{number}", [f"event-{number}"])
    result = verified(tmp_path, [region], start=MIDNIGHT, end=MIDNIGHT + 10)
    assert (result.code, result.faults, result.unchecked) == (0, [], [])
