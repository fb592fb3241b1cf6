"""Entries for tests."""

from dataclasses import replace

from epimetheus.ledger.entry import Entry, Messages
from epimetheus.model import Window

ROOT, DEV, OPS = "ocid1.tenancy.oc1..r", "ocid1.compartment.oc1..d", "ocid1.compartment.oc1..o"
USUAL = Window(29_933_640, 29_933_685)  # 2026-11-30T06:00Z to 06:45Z
EARLIER = Window(29_933_340, 29_933_400)  # 2026-11-30T01:00Z to 02:00Z


def key(number):
    """A dedupe key; keys sort by number."""
    return number.to_bytes(16, "big")


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
    messages=Messages(1, 4, "cd" * 32),
)
IN_ORDER = replace(ENTRY, keys={**ENTRY.keys, (ROOT, USUAL): key(1) + key(2)})
"""ENTRY as it is read."""
