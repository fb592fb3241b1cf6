"""Verifies seals, entries and syslog lines as docs/ledger-format.md specifies them. It uses no code of Epimetheus, so that a mistake in the
package and one in its documentation do not go unnoticed.

    python tests/verify/independent_reader.py FOLDER EXPORT        FOLDER has seals/REGION/ and ledger/REGION/
"""

import base64
import hashlib
import json
import math
import re
import sys
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MEMBERS = {
    "version", "product_version", "tenancy", "region", "sequence", "run", "status", "time", "position", "counts", "messages", "entries",
    "coverage", "reconciled", "behind", "rules_sha256", "field_map_sha256", "unsealed_runs", "previous", "signature",
    "seal_messages", "ledger_days", "hostname",
}  # fmt: skip
ORIGIN = re.compile(rb'(?:(\S+) \S+ \S+ (?:audit|malformed|notice) )?\[epimetheus@32473 run="([^"]+)" seq="(\d+)"')
PLAIN = re.compile(r"[A-Za-z0-9._:-]{1,128}")
RUNS = ("poll", "backfill", "late", "cloud_guard")
SEAL_ID = re.compile(r"seal-(.+)-(\d+)-([0-9a-f]{16})")
FIRST = re.compile(rb"(EPIMETHEUS-LEDGER 1 sha256=([0-9a-f]{64}))(?: key=(\S{50}) signature=(\S{88}))?\n")
PARTS = {
    "identity": "principalName principalId authType callerName callerId tenantId ipAddress credentials userAgent consoleSessionId",
    "request": "id path action parameters",
    "response": "status responseTime message payload",
    "stateChange": "previous current",
}


def seconds(text):
    return datetime.fromisoformat(text).timestamp()


def digest(data):
    return hashlib.sha256(data).hexdigest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def read_seals(folder):
    """Sequence number → (digest, seal or None if it is damaged)."""
    found = {}
    for path in sorted(folder.rglob("*.json")):
        data, seal = path.read_bytes(), None
        sequence, run = int(path.name[:10]), path.name[11:-5]
        try:
            read = json.loads(data)
            named = (read["sequence"], read["run"], read["time"][:10].split("-"), read["region"])
            if canonical(read) == data and set(read) == MEMBERS and named == (sequence, run, list(path.parts[-4:-1]), folder.name):
                seal = read
        except (ValueError, KeyError, TypeError):
            pass
        found.setdefault(sequence, []).append((digest(data), seal))
    return found


def is_signed(seal, keys):
    found = seal["signature"]
    return bool(found) and is_by(keys.get(found["key"]), found["value"], canonical({name: seal[name] for name in MEMBERS - {"signature"}}))


def is_by(key, value, signed):
    try:
        return bool(key) and key.verify(base64.b64decode(value), signed) is None
    except InvalidSignature:
        return False


def check_chain(seals, keys, faults):
    """The seals that are valid, by number. Without a state, the newest one is trusted."""
    valid, expected, above = {}, None, None
    signed = [sequence for sequence, stored in seals.items() if any(seal and is_signed(seal, keys) for _, seal in stored)]
    for sequence, stored in sorted(seals.items(), reverse=True):
        if above and above > sequence + 1:
            few = above - sequence < 1000  # a forged name may have any number
            faults |= {("seal", number) for number in range(sequence + 1, above)} if few else {("seals", sequence + 1, above - 1)}
            expected = None
        above = sequence
        intact = [one for one in stored if one[1] and expected in (None, one[0])]
        chosen = max(intact, key=lambda one: is_signed(one[1], keys)) if intact else None
        if chosen is None or len(stored) > 1:
            faults.add(("seal", sequence))
        expected = None
        if chosen:
            is_led_to = chosen[1]["signature"] is None and sequence < max(signed, default=0)
            if not keys or is_signed(chosen[1], keys) or (is_led_to and sequence < min(signed)):
                valid[sequence] = chosen
            else:
                faults.add(("seal", sequence))
                if not is_led_to:
                    continue
            expected = (chosen[1]["previous"] or {"sha256": None})["sha256"]
    read = ""
    for sequence, (_, seal) in sorted(valid.items()):
        excused = seal["status"] == "killed" or seal["unsealed_runs"] or sequence - 1 not in valid
        if seal["position"]["before"] > read and not excused:
            faults.add(("gap", sequence))
        read = max(read, seal["position"]["after"])
    return valid


def read_entry(data, region, name):
    """The head and the IDs of an entry, or None."""
    first = FIRST.match(data)
    if not first or digest(data[first.end() :]).encode() != first[2]:
        return None
    head, _, packed = data[first.end() :].partition(b"\n\0")
    head = json.loads(head)
    window = [re.sub(r"[-:]|00(?=Z)", "", head["window"][part]) for part in ("end", "start")]
    named = "-".join([*window, f"{head['epoch']:08d}", head["run"], f"{head['number']:04d}", head["source"]])
    messages = head["messages"]
    size = 8 * (messages["last"] - messages["first"] + 1) if messages else 0
    ids = packed[len(packed) - size :]
    whole = not messages or (len(ids) == size and digest(ids) == messages["ids_sha256"])
    return (head, ids) if whole and head["region"] == region and name.rpartition("/")[2] == named else None


def is_genuine(head, data, seal, keys, signed_from):
    """Whether an unsigned seal of its own run names an entry, or it is signed, or from before the first signature."""
    is_own = seal and seal["run"] == head["run"] and seal["status"] != "killed" and head["source"] in RUNS
    first, end = FIRST.match(data), seconds(head["window"]["end"])
    is_signed_run = is_own and bool(seal["signature"])
    if not keys or (is_own and not is_signed_run):
        return True
    if first[3]:
        return is_by(keys.get(first[3].decode()), first[4], first[1])
    return not is_signed_run and (head["at"] if head["at"] > end - 3600 else end) < signed_from


def said(event):
    """What an event says. Numbers with an exponent, which no event has, are not in the specified form."""
    event = event.get("logContent", event)
    data = event["data"]
    values = {name: data.get(name) for name in ("eventName", "eventGroupingId", "resourceId", "additionalDetails")}
    for part, names in PARTS.items():
        if data.get(part) is not None:
            values[part] = {name: data[part][name] for name in names.split() if data[part].get(name) is not None}
    time, message = event.get("eventTime", event.get("time")), data.get("message")
    if message and any(f"{data.get('eventName')} {result}" in message for result in ("succeeded", "failed")):
        message = None
    kind = event.get("eventType", event.get("type"))
    present = {name: value for name, value in values.items() if value is not None}
    return canonical([event.get("eventId", event.get("id")), kind, seconds(time), present, message])


def event_key(compartment, event):
    return hashlib.blake2b(compartment.encode(), digest_size=4).digest() + hashlib.blake2b(said(event), digest_size=12).digest()


def keys_of(data):
    """The keys of an entry."""
    head, _, packed = data.partition(b"\n")[2].partition(b"\n\0")
    messages = json.loads(head)["messages"]
    size = len(packed) - (8 * (messages["last"] - messages["first"] + 1) if messages else 0)
    return {packed[at : at + 16] for at in range(0, size, 16)}


def check_entries(folder, seals, valid, keys, faults):
    """(run, number) → the 8 bytes of the ID, of all messages of the entries that are intact."""
    recorded, signed_from = {}, min([seconds(seal["time"]) for _, seal in valid.values() if is_signed(seal, keys)], default=math.inf)
    for seal in [one for stored in seals.values() for _, one in stored if one]:
        is_valid = (valid.get(seal["sequence"]) or (0, 0))[1] is seal
        for sealed in seal["entries"]:
            path = folder / sealed["name"]
            data = path.read_bytes() if path.exists() else b""
            entry = read_entry(data, folder.name, sealed["name"]) if digest(data) == sealed["sha256"] else None
            if is_valid and not (entry and is_genuine(entry[0], data, seal, keys, signed_from)):
                faults.add(("entry", sealed["name"]))
            if entry and entry[0]["messages"]:
                first = entry[0]["messages"]["first"]
                recorded |= {(entry[0]["run"], first + at // 8): entry[1][at : at + 8] for at in range(0, len(entry[1]), 8)}
    named = {sealed["name"] for stored in seals.values() for _, seal in stored if seal for sealed in seal["entries"]}
    finished = {seal["run"] for _, seal in valid.values() if seal["status"] != "killed"}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_file() and name not in named:
            data = path.read_bytes()
            entry = read_entry(data, folder.name, name)
            if entry is None or entry[0]["run"] in finished or not is_genuine(entry[0], data, None, keys, signed_from):
                faults.add(("entry", name))
    return recorded


def event_id(body):
    """The event ID in the body of a message, or `-`."""
    found = ""
    if body.startswith("{"):
        try:
            event = json.loads(body)
            found = event["metadata"].get("uid") if "class_uid" in event else event.get("eventId") or event.get("id")
        except ValueError:
            pass
    elif body.startswith("CEF:"):
        pairs = dict(re.findall(r"(?:^| )(\w+)=(.*?)(?= \w+=|$)", body.split("|", 7)[-1]))
        found = pairs.get("flexString1") if pairs.get("flexString1Label") == "eventId" else pairs.get("externalId")
    elif body.startswith("LEEF:"):
        found = dict(pair.split("=", 1) for pair in body.split("|", 6)[-1].split("^") if "=" in pair).get("eventId")
    return found if isinstance(found, str) and PLAIN.fullmatch(found) else "-"


def messages_of(lines):
    """(run and number, or None; event ID; host name) of each message in the export."""
    for line in lines:
        body = re.search(rb'CEF:0\|Oracle\|OCI Audit|LEEF:2\.0\|Oracle\|OCI Audit|\{"', line)
        found = ORIGIN.search(line, 0, body.start() if body else len(line))
        if body or found:
            name = event_id(line[body.start() :].decode("utf-8", "replace")) if body else "-"
            yield (found[2].decode(), int(found[3])) if found else None, name, (found[1] or b"").decode() if found else ""


def of_region(messages, region, valid, recorded):
    """The messages that can be of the region, with their number only if it is that of an entry of the region."""
    hosts = {}
    for _, seal in valid.values():
        for name in {region, *seal["coverage"]["regions"]["polled"]}:
            hosts.setdefault(seal["hostname"] or name, set()).add(name)
    everywhere = {name for names in hosts.values() for name in names} or {region}
    for key, name, host in messages:
        regions = hosts.get(host, everywhere)
        if region in regions:
            is_other = name != "-" and recorded.get(key) not in (digest_of(name), bytes(8))
            yield (None if is_other and len(regions) > 1 else key), name


def digest_of(name):
    return bytes(8) if name == "-" else hashlib.sha256(name.encode()).digest()[:8]


def check_messages(messages, recorded, faults):
    """What the export lacks, or has with another ID."""
    extra = Counter()
    present, altered, all_numbered = set(), set(), all(key for key, _ in messages)
    with_ids = {key[0] for key, name in messages if key and name != "-" and not SEAL_ID.fullmatch(name)}
    for key, name in messages:
        wanted = digest_of(name)
        if key in recorded:
            if recorded[key] == wanted or (name == "-" and key[0] not in with_ids):
                present.add(key)
            elif name != "-":
                altered.add(key)
        elif name != "-":
            extra[wanted] += 1
    numbered = {key[0] for key, _ in messages if key in recorded}
    for key, one in recorded.items():
        if key not in present and extra[one]:
            extra[one] -= 1
            present.add(key)
    alive = {recorded[key] for key in present} - {bytes(8)}
    faults |= {("message", *key) for key in altered}
    for key, one in recorded.items():
        is_alive = one in alive and not all_numbered and key[0] not in numbered
        if key not in present and not is_alive and (all_numbered or one != bytes(8)):
            faults.add(("message", *key))


def check_notices(messages, region, valid, recorded, faults):
    """The messages of seals, which must be those of the stored seals. The export is of a time after all seals."""
    notices = [SEAL_ID.fullmatch(name) for _, name in messages]
    sent = [(int(seal[2]), seal[3]) for seal in notices if seal and seal[1] == region]
    present = {number for number, digits in sent if number in valid and valid[number][0].startswith(digits)}
    unnumbered = {} if any(key for key, _ in messages) else present  # without a run, the others may be of another deployment
    for number, digits in sent:
        if number > max(valid, default=0):
            faults.add(("seal", number))
        elif number in valid and number not in unnumbered and not valid[number][0].startswith(digits):
            faults.add(("seal message", number))
    known = {number for number, _ in sent}
    confirmed = [seal["seal_messages"]["confirmed"] for _, seal in valid.values()]
    through = max([*(number for number in known if number in valid), *confirmed], default=0)
    off = [(seal, number) for number, (_, seal) in valid.items() if not seal["seal_messages"]["enabled"]]
    off += [(valid[one][1], other - 1) for one, other in pairwise(sorted(valid)) if other > one + 1]  # unknown: some are missing
    known |= {number for number in valid if any(seal["seal_messages"]["confirmed"] < number <= end for seal, end in off)}
    ids = {number: digest_of(f"seal-{region}-{number}-{sha256[:16]}") for number, (sha256, _) in valid.items()}
    entered = {*recorded.values()}  # a message that an entry has is among those of entries
    if any(name != "-" for _, name in messages) or not messages:
        faults |= {("seal message", number) for number in {*valid} - known if number <= through and ids[number] not in entered}


def verify(folder, lines, keys=()):
    """The faults, as a set of tuples."""
    faults, known = set(), {}
    for pem in keys:
        key = load_pem_public_key(pem.encode())
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        known["SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")] = key
    for seals_of in sorted((folder / "seals").iterdir()):
        seals = read_seals(seals_of)
        valid = check_chain(seals, known, faults)
        recorded = check_entries(folder / "ledger" / seals_of.name, seals, valid, known, faults)
        if lines is not None:
            messages = list(of_region(messages_of(lines), seals_of.name, valid, recorded))
            check_messages(messages, recorded, faults)
            check_notices(messages, seals_of.name, valid, recorded, faults)
    return faults


if __name__ == "__main__":
    with Path(sys.argv[2]).open("rb") as export:
        for fault in sorted(verify(Path(sys.argv[1]), [line.rstrip(b"\n") for line in export]), key=str):
            print(*fault)
