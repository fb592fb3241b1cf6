"""``verify`` through the command line, on what the real runs wrote and the receiver got."""

import csv
import gzip
import json
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from epimetheus.ledger.seal_key import SealKey
from tests.cli.test_app import terminal  # noqa: F401 - a fixture

KEY = SealKey.generate()


class Day(NamedTuple):
    """``lines``: the messages that arrived. ``verify`` runs the command with them. ``objects``: folders of seals and of entries."""

    stage: object
    lines: list
    verify: object
    run: object
    state: Path

    def files(self, kind):
        """The stored seals or entries, in order."""
        return sorted(path for path in Path(f"{self.state}.{kind}").rglob("*") if path.is_file())


@pytest.fixture
def day(terminal, tmp_path):  # noqa: F811
    """Three runs: the first sends 8 events, the others 8 each."""
    stage, run_cli = terminal
    changes = {"SEAL_KEY": KEY.pem().decode(), "SEAL_MESSAGES": "true"}
    other = stage.world.add_compartment("other")
    (tmp_path / "public.pem").write_text(KEY.public.pem())

    def run(number=1):
        for place in (stage.world.tenancy, other):
            stage.emit(place, 4, 5 + number)
        assert run_cli("run", **changes).exit_code == 0

    for number in range(3):
        run(number)
    lines = list(stage.receiver.messages)

    def verify(*options, siem=True):
        if siem:
            (tmp_path / "export.log").write_bytes(b"".join(line + b"\n" for line in lines))
            options = [*options, "--siem", str(tmp_path / "export.log")]
        return run_cli("verify", "--from", "24h", *options, **changes)

    return Day(stage, lines, verify, run, Path(stage.environment["STATE_FILE"]))


def test_an_intact_day_is_complete(day, tmp_path):
    result = day.verify("--public-key", str(tmp_path / "public.pem"))
    assert result.exit_code == 0, result.output
    requested, seals, entries, hours, through, export, verdict = result.stdout.splitlines()
    assert re.fullmatch(r"Runs that ended from \d{4}-.*Z to \d{4}-.*Z, us-ashburn-1", requested)
    assert seals == f"3/3 seals valid, chain unbroken, signed by {KEY.public.fingerprint}"
    assert re.fullmatch(r"(\d)/\1 ledger entries valid", entries)
    due = r" \(\d+ not due yet\)"
    assert re.fullmatch(rf"2\d/2\d hours reconciled after 60 minutes({due})?, \d/2\d after 1440 minutes{due}", hours)
    assert through.startswith("Read through ")
    assert export == "SIEM export: 24 of 24 sealed messages present, 0 missing, 0 duplicates, 0 unsealed"
    assert verdict == "Complete."


def test_an_export_of_which_no_message_is_sealed_here_is_probably_of_another_deployment(day):
    others = [re.sub(rb'run="[0-9a-f]{12}"', b'run="0123456789ab"', line) for line in day.lines]
    day.lines[:] = [line.replace(b"externalId=", b"externalId=x") for line in others]
    result = day.verify()
    hint = "No message of the export is among the sealed ones: is it the export of this deployment, and of this time?"
    assert (result.exit_code, hint in " ".join(result.stdout.split())) == (1, True), result.stdout


def test_the_result_as_json(day):
    result = day.verify("--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["verdict"], document["faults"]) == (0, "complete", [])
    assert document["export"]["seal_messages"] == 3
    [region] = document["regions"]
    assert (region["seals"]["valid"], region["seals"]["verified"], region["audit"]) == (3, False, None)


def test_a_message_that_was_removed_is_named(day):
    gone = next(line for line in day.lines if b'seq="5"' in line)
    day.lines.remove(gone)
    run = re.search(rb'run="([^"]+)"', gone)[1].decode()
    result = day.verify()
    assert result.exit_code == 1
    *_, fault, digests, verdict = result.stdout.splitlines()
    assert fault.startswith(f"Message 5 of run {run} is missing in the export; the ledger entry ")
    assert re.fullmatch(r"  SHA-256 of the event ID begins with [0-9a-f]{16}", digests)
    assert verdict == "Incomplete: 1 fault."


def test_the_messages_of_seals_are_expected_if_they_were_to_be_sent(day, terminal):  # noqa: F811
    day.lines[:] = [line for line in day.lines if b"seal-us-ashburn-1-" not in line]
    result = day.verify()
    assert (result.exit_code, "The seals 1 to 3 are stored, but the export lacks their messages." in result.stdout) == (1, True)
    assert "The export has no messages of seals, so it does not vouch for the chain." in result.stdout


def test_without_seal_messages_for_a_while_no_message_is_missing(terminal, tmp_path):  # noqa: F811
    """SEAL_MESSAGES is read from the seals: it does not matter how it is set when the records are verified."""
    stage, run_cli = terminal
    for number, messages in enumerate(("true", "false", "false", "true")):
        stage.emit(stage.world.tenancy, 2, 6 + number)
        assert run_cli("run", SEAL_MESSAGES=messages).exit_code == 0
    export = tmp_path / "export.log"
    export.write_bytes(b"".join(line + b"\n" for line in stage.receiver.messages))
    for messages in ("true", "false"):
        result = run_cli("verify", "--from", "24h", "--siem", str(export), SEAL_MESSAGES=messages)
        assert (result.exit_code, "8 of 8 sealed messages present" in result.stdout) == (0, True), result.output


def test_an_entry_and_a_seal_that_were_removed_are_named(day):
    entry, seal = day.files("ledger")[0], day.files("seals")[1]
    entry.unlink()
    seal.unlink()
    result = day.verify()
    assert result.exit_code == 1
    assert "The seal 2 is missing: seal 3 exists." in result.stdout
    assert "chain broken" in result.stdout


def test_the_newest_seal_that_was_removed_is_known_from_the_state(day):
    day.files("seals")[-1].unlink()
    result = day.verify(siem=False)
    assert result.exit_code == 1
    assert "The seal 3 is missing: the state has the number of a later one." in result.stdout


def test_objects_in_a_folder_are_verified_without_oci_and_settings(day, tmp_path, monkeypatch):
    folder = tmp_path / "downloaded" / "epimetheus"
    shutil.copytree(f"{day.state}.seals", folder / "seals" / "us-ashburn-1")
    shutil.copytree(f"{day.state}.ledger", folder / "ledger" / "us-ashburn-1")
    monkeypatch.setenv("HOME", "/nowhere")
    for where in (folder, folder.parent):
        result = day.verify("--ledger", str(where), "--public-key", str(tmp_path / "public.pem"))
        assert result.exit_code == 0, result.output
        assert "3/3 seals valid" in result.stdout
    beside = day.verify("--ledger", str(tmp_path))
    assert (beside.exit_code, "has the seals of us-ashburn-1 more than once" in beside.stderr) == (2, True)
    shutil.rmtree(folder.parent)
    assert day.verify("--ledger", str(tmp_path)).exit_code == 0
    next(path for path in (day.files("ledger"))).unlink()
    assert day.verify("--ledger", str(tmp_path)).exit_code == 1


def test_the_state_in_a_folder_vouches_for_the_newest_seal(day, tmp_path):
    newest = day.files("seals")[-1]
    newest.unlink()
    beside = day.verify("--ledger", str(tmp_path), siem=False)
    assert (beside.exit_code, "The seal 3 is missing: the state has the number of a later one." in beside.stdout) == (1, True)
    folder = tmp_path / "downloaded" / "epimetheus"
    shutil.copytree(f"{day.state}.seals", folder / "seals" / "us-ashburn-1")
    shutil.copytree(f"{day.state}.ledger", folder / "ledger" / "us-ashburn-1")
    assert day.verify("--ledger", str(folder), siem=False).exit_code == 0
    state = folder / "us-ashburn-1.state"
    state.write_bytes(day.state.read_bytes())
    assert day.verify("--ledger", str(folder), siem=False).exit_code == 1
    state.write_bytes(day.state.read_bytes()[:-1])
    damaged = day.verify("--ledger", str(folder), siem=False)
    assert (damaged.exit_code, f"The state {state} could not be read: it is damaged." in damaged.stderr) == (2, True)


def test_the_export_of_a_siem_and_compressed_files_are_read(day, tmp_path):
    half = len(day.lines) // 2
    with (tmp_path / "splunk.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["_time", "_raw"], *([n, line.decode()] for n, line in enumerate(day.lines[:half]))])
    (tmp_path / "rest.gz").write_bytes(gzip.compress(b"\n".join(day.lines[half:])))
    result = day.verify("--siem", str(tmp_path / "splunk.csv"), "--siem", str(tmp_path / "rest.gz"), siem=False)
    assert (result.exit_code, "24 of 24 sealed messages present, 0 missing, 0 duplicates" in result.stdout) == (0, True), result.output


def test_audit_lists_the_window_again(day):
    result = day.verify("--audit")
    assert (result.exit_code, "Audit now: 24 events listed, 0 missing" in result.stdout) == (0, True), result.output
    ids = day.stage.emit(day.stage.world.tenancy, 2, 90)
    result = day.verify("--audit")
    assert (result.exit_code, "Audit now: 26 events listed, 2 missing" in result.stdout) == (1, True), result.output
    for event_id in ids:
        assert f"The event {event_id} (com.oraclecloud." in result.stdout
    assert len(day.stage.receiver.messages) == len(day.lines)


def test_audit_names_the_event_of_a_missing_message(day):
    gone = next(line for line in day.lines if b'seq="5"' in line)
    day.lines.remove(gone)
    event_id = gone.partition(b" externalId=")[2].partition(b" ")[0].decode()
    result = day.verify("--audit")
    *_, fault, named, verdict = result.stdout.splitlines()
    assert (result.exit_code, named, verdict) == (1, f"  Event ID {event_id}", "Incomplete: 1 fault.")
    [fault] = json.loads(day.verify("--audit", "--json").stdout)["faults"]
    assert (fault["event_ids"], len(fault["id_digests"])) == ([event_id], 1)


def test_objects_in_buckets_are_read_through_the_sdk(terminal, tmp_path):  # noqa: F811
    stage, run_cli = terminal
    changes = {"STATE_FILE": "", "STATE_BUCKET": "state", "LEDGER_BUCKET": "ledger", "SEAL_MESSAGES": "true"}
    for name in ("state", "ledger"):
        stage.world.bucket(name)
    for number in range(2):
        stage.emit(stage.world.tenancy, 4, 5 + number)
        assert run_cli("run", **changes).exit_code == 0
    export = tmp_path / "export.log"
    export.write_bytes(b"".join(line + b"\n" for line in stage.receiver.messages))
    result = run_cli("verify", "--from", "24h", "--siem", str(export), **changes)
    assert result.exit_code == 0, result.output
    assert "2/2 seals valid, chain unbroken, not signed" in result.stdout
    assert "8 of 8 sealed messages present, 0 missing" in result.stdout
    objects = stage.world.bucket("ledger").objects
    for name in [name for name in objects if "/seals/" in name or "/ledger/" in name]:
        kept = objects.pop(name)
        result = run_cli("verify", "--from", "24h", **changes)
        kind, _, rest = name.partition("epimetheus/")[2].partition("/us-ashburn-1/")
        number = int(rest.split("/")[3][:10]) if kind == "seals" else 0
        words = f"The seal {number} is missing: " if kind == "seals" else f"The ledger entry {rest} is missing: "
        assert (result.exit_code, words in result.stdout) == (1, True), result.output
        objects[name] = kept


def test_a_replay_sends_duplicates_which_are_no_faults(day, terminal):  # noqa: F811
    _, run_cli = terminal
    assert run_cli("replay", "--from", "2h", "--to", "1m", "--yes").exit_code == 0
    day.lines[:] = day.stage.receiver.messages
    result = day.verify()
    assert result.exit_code == 0, result.output
    assert "24 duplicates" in result.stdout


@pytest.mark.parametrize("words", [("reconcile",), ("replay", "--missing-only")])
def test_what_was_sent_of_an_old_window_is_sealed_by_the_next_run(words, day, terminal):  # noqa: F811
    _, run_cli = terminal
    for days in (5, 3):
        day.stage.emit(day.stage.world.tenancy, 4, days * 1440)
    assert run_cli(*words, "--from", "6d", "--to", "2d", "--yes").exit_code == 0
    day.lines[:] = day.stage.receiver.messages
    before = day.verify()
    assert (before.exit_code, "not named by a seal yet." in before.stdout, "8 unsealed" in before.stdout) == (0, True, True), before.output
    day.run(4)
    day.lines[:] = day.stage.receiver.messages
    result = day.verify()
    assert (result.exit_code, "not named by a seal yet" in result.stdout) == (0, False), result.output
    assert "40 of 40 sealed messages present, 0 missing, 0 duplicates, 0 unsealed" in result.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--siem", "/nowhere.log"), "The export /nowhere.log could not be read: No such file or directory."),
        (("--public-key", "/nowhere.pem"), "--public-key /nowhere.pem: the file could not be read: No such file or directory"),
        (("--public-key", "/dev/null"), "--public-key /dev/null"),
        (("--ledger", "/nowhere"), "The folder /nowhere could not be read: it is not a folder."),
        (("--ledger", "/var/empty-folder"), "it is not a folder"),
        (("--ledger", "/", "--audit"), "--audit with --ledger: "),
        (("--to", "2025-01-01T00:00:00Z"), "set --from to the earlier time"),
    ],
)
def test_what_cannot_be_read_is_an_error(options, words, terminal):  # noqa: F811
    _, run_cli = terminal
    result = run_cli("verify", "--from", "24h", *options)
    assert (result.exit_code, words in result.stderr) == (2, True), result.output


def test_a_deployment_without_seals_could_not_be_checked(terminal):  # noqa: F811
    _, run_cli = terminal
    result = run_cli("verify", "--from", "24h")
    assert result.exit_code == 2
    assert "Not checked: us-ashburn-1: there are no seals in " in result.stdout
    assert result.stdout.splitlines()[-1] == "No fault was found, but a part could not be checked."


def test_a_wrong_public_key_is_said_and_the_entries_are_still_counted(day, tmp_path):
    (tmp_path / "other.pem").write_text(SealKey.generate().public.pem())
    result = day.verify("--public-key", str(tmp_path / "other.pem"))
    _, seals, entries, *_ = result.stdout.splitlines()
    assert seals == f"0/3 seals valid, chain unbroken, signatures by {KEY.public.fingerprint} are not accepted"
    assert re.fullmatch(r"0/[3-9] ledger entries valid", entries)
    assert "24 of 24 sealed messages present, 0 missing, 0 duplicates, 0 unsealed" in result.stdout
    assert "not named by a seal yet" not in result.stdout


def test_a_missing_entry_is_said_where_its_messages_are_not_counted(day):
    day.files("ledger")[0].unlink()
    result = day.verify()
    assert "Not among the sealed messages: those of 1 ledger entry that is missing or altered" in result.stdout


def test_a_record_that_cannot_be_read_is_an_error_about_the_copy(day, tmp_path):
    folder = tmp_path / "downloaded"
    shutil.copytree(f"{day.state}.seals", folder / "seals" / "us-ashburn-1")
    shutil.copytree(f"{day.state}.ledger", folder / "ledger" / "us-ashburn-1")
    entry = next(path for path in (folder / "ledger").rglob("*") if path.is_file())
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    result = day.verify("--ledger", str(folder))
    message = " ".join(result.stderr.split())
    assert result.exit_code == 2
    assert f"The ledger entry {entry} could not be read: Too many levels of symbolic links." in message
    assert "Allow your user to read the folder and all files in it, or download the records again." in message


@pytest.mark.parametrize("part", ["seals", "ledger"])
def test_a_folder_with_a_part_of_the_records_is_an_error(part, day, tmp_path):
    folder = tmp_path / "downloaded"
    shutil.copytree(f"{day.state}.{part}", folder / part / "us-ashburn-1")
    result = day.verify("--ledger", str(folder / part))
    assert (result.exit_code, f"The folder {folder / part} has only a part of the records." in " ".join(result.stderr.split())) == (2, True)


def test_seals_are_listed_although_one_is_damaged_and_one_is_missing(day, terminal):  # noqa: F811
    _, run_cli = terminal
    day.run(4)
    first, second, *_ = day.files("seals")
    second.unlink()
    first.write_bytes(b"x")
    result = run_cli("seal", "list", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, [one["seal"]["sequence"] for one in document["seals"]]) == (1, [3, 4])
    damaged, missing = document["problems"]
    assert (f"The seal {first}" in damaged, missing) == (True, "Seal 2 is missing.")
    result = run_cli("seal", "list")
    assert (result.exit_code, "Seal 2 is missing. Check the seals with `epimetheus verify`." in result.stderr) == (1, True)


def test_show_fails_for_a_signature_of_another_key(day, terminal):  # noqa: F811
    _, run_cli = terminal
    assert run_cli("seal", "show", SEAL_KEY=KEY.pem().decode()).exit_code == 0
    result = run_cli("seal", "show", SEAL_KEY=SealKey.generate().pem().decode())
    assert (result.exit_code, "not made by the key in SEAL_KEY or --public-key, or not valid" in result.stdout) == (1, True)


def test_show_checks_the_signature_with_a_public_key(day, terminal, tmp_path):  # noqa: F811
    _, run_cli = terminal
    (tmp_path / "other.pem").write_text(SealKey.generate().public.pem())
    none = run_cli("seal", "show")
    assert (none.exit_code, "not checked: SEAL_KEY is not set, and --public-key is not given" in none.stdout) == (0, True)
    files = {"public": tmp_path / "public.pem", "other": tmp_path / "other.pem"}
    for given, code, word in (("public", 0, "; valid"), ("other", 1, "; not made by the key in SEAL_KEY or --public-key")):
        result = run_cli("seal", "show", "--public-key", str(files[given]))
        assert (result.exit_code, word in result.stdout) == (code, True), result.output
    assert run_cli("seal", "show", *(word for path in files.values() for word in ("--public-key", str(path)))).exit_code == 0
    wrong = run_cli("seal", "show", "--public-key", "/dev/null")
    assert (wrong.exit_code, "--public-key /dev/null" in wrong.stderr) == (2, True)
    day.stage.emit(day.stage.world.tenancy, 1, 12)
    assert run_cli("run", SEAL_MESSAGES="true").exit_code == 0
    unsigned = run_cli("seal", "show", "--public-key", str(files["public"]))
    assert (unsigned.exit_code, re.search(r"signature\W+none", unsigned.stdout) is not None) == (1, True), unsigned.stdout


def test_times_with_seconds_and_windows_that_are_too_old_are_errors_about_the_request(day):
    seconds = day.verify("--from", "2026-11-24T10:00:30Z")
    assert seconds.exit_code == 2
    assert "--from 2026-11-24T10:00:30Z: the time has seconds; use a whole minute, such as 2026-11-24T10:00:00Z" in seconds.stderr
    old = day.verify("--audit", "--from", "40d")
    assert old.exit_code == 2
    message = " ".join(old.stderr.split())
    assert re.search(r"Events cannot be compared with OCI Audit: \S+Z is more than 35 days ago, and the ledger keeps entries for", message)
    assert (" or later, or verify without --audit." in message, "replay" in message, "reconcil" in message) == (True, False, False)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"{", b"{,", "it is not JSON, or was truncated"),
        (b'"behind":0', b'"behind":-1', "its member behind is not valid"),
        (b'"behind":0,', b"", "it lacks the member behind"),
        (b'"behind":0,', b'"behind":0,"xx":1,', "it has an unknown member"),
    ],
)
def test_why_a_seal_is_damaged_is_said_in_our_words(old, new, why, day):
    path = day.files("seals")[0]
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    assert f" is damaged: {why}." in " ".join(day.verify().stdout.split())


def test_a_public_key_of_another_kind_is_an_error_about_the_file(terminal, tmp_path):  # noqa: F811
    _, run_cli = terminal
    key = rsa.generate_private_key(65537, 2048).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "rsa.pem").write_bytes(key)
    result = run_cli("verify", "--from", "24h", "--public-key", str(tmp_path / "rsa.pem"))
    message = " ".join(result.stderr.split())
    assert (result.exit_code, "the key is not an Ed25519 key" in message, "keygen" in message) == (2, True, False)
    assert "Give the file with the public key, as `epimetheus seal public-key` prints it where SEAL_KEY is set." in message
