"""Entries and a seal for tests."""

from dataclasses import replace

from epimetheus.ledger.entry import Entry
from epimetheus.ledger.messages import Messages
from epimetheus.ledger.seal import (
    MessagesOfSeals,
    PreviousSeal,
    Seal,
    SealCounts,
    SealedCompartments,
    SealedCoverage,
    SealedEntry,
    SealedMessages,
    SealedRegions,
    SealPosition,
)
from epimetheus.model import Window

ROOT, DEV, OPS = "ocid1.tenancy.oc1..r", "ocid1.compartment.oc1..d", "ocid1.compartment.oc1..o"
USUAL = Window(29_933_640, 29_933_685)  # 2026-11-30T06:00Z to 06:45Z
EARLIER = Window(29_933_340, 29_933_400)  # 2026-11-30T01:00Z to 02:00Z


def key(number):
    """A dedupe key; keys sort by number."""
    return number.to_bytes(16, "big")


IDS = b"".join(bytes([number]) * 8 for number in (17, 18, 0, 20))

ENTRY = Entry(
    tenancy=ROOT,
    state="oci://audit-state@namespace/epimetheus/eu-frankfurt-1.state",
    region="eu-frankfurt-1",
    run="ab12cd34ef56",
    number=1,
    source="poll",
    epoch=29_401_234,
    at=1_796_021_160.5,
    keys={(ROOT, USUAL): key(2) + key(1), (OPS, USUAL): key(7), (DEV, USUAL): b"", (OPS, EARLIER): key(9), (DEV, EARLIER): key(4)},
    polled=3,
    polled_sha256="ab" * 32,
    messages=Messages(1, 4, "cd" * 32, IDS),
)
IN_ORDER = replace(ENTRY, keys={**ENTRY.keys, (ROOT, USUAL): key(1) + key(2)})
"""ENTRY as it is read."""


def appended(ledger, entry):
    """Writes ``entry``, and returns its name."""
    ledger.append(entry)
    return entry.name


SEAL = Seal(
    version=1,
    product_version="0.1.0",
    tenancy=ROOT,
    region="eu-frankfurt-1",
    sequence=123,
    run="ab12cd34ef56",
    status="partial",
    time="2026-11-30T06:47:04Z",
    position=SealPosition(before="2026-11-30T06:00:00Z", after="2026-11-30T06:45:00Z"),
    counts=SealCounts(fetched=7, forwarded=4, duplicates=1, filtered={"rate_limited": 2}, malformed=0, late=1, unconfirmed=0),
    messages=SealedMessages(count=5, sha256="cd" * 32),
    entries=[SealedEntry(name=ENTRY.name.text(), sha256="ef" * 32)],
    coverage=SealedCoverage(
        regions=SealedRegions(
            subscribed=["eu-frankfurt-1", "us-ashburn-1"], polled=["eu-frankfurt-1"], excluded=["us-ashburn-1"], uncovered=[]
        ),
        home_polled=True,
        compartments=SealedCompartments(existing=3, polled=3, excluded=0, unreadable=1, unlisted=0),
    ),
    reconciled={"60": "2026-11-30T05:00:00Z", "1440": "2026-11-29T06:00:00Z"},
    behind=1,
    rules_sha256="12" * 32,
    field_map_sha256=None,
    unsealed_runs=[],
    seal_messages=MessagesOfSeals(enabled=True, confirmed=121),
    ledger_days=35,
    hostname=None,
    previous=PreviousSeal(sequence=122, sha256="34" * 32),
    signature=None,
)
