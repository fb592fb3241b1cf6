"""Finds the events of missing messages in OCI Audit: a ledger entry has only digests of their IDs."""

from contextlib import closing, suppress

import msgspec

from epimetheus.errors import EpimetheusError, LedgerDamaged
from epimetheus.ledger.entry import EntryName, Place
from epimetheus.source.fetch import FetchTask, Page, fetch
from epimetheus.verify.model import Fault, Verification
from epimetheus.verify.sealed_messages import event_key, key_text
from epimetheus.wiring.wiring import Wiring

_MOST_ENTRIES = 100
"""Maximum number of entries whose windows are listed again."""


def identify(wiring: Wiring, result: Verification) -> Verification:
    """``result`` with the event IDs of missing messages, as far as Audit lists their events now. An error only leaves IDs out.

    Only the windows and compartments of the entries concerned are listed.
    """
    missing = [fault for fault in result.faults if fault.kind == "message_missing"]
    found: dict[str, dict[str, str]] = {}
    for region in sorted({fault.region for fault in missing}):
        here = [fault for fault in missing if fault.region == region]
        with suppress(EpimetheusError):
            found[region] = _found(wiring, region, here)
    return msgspec.structs.replace(result, faults=[_with_ids(fault, found.get(fault.region, {})) for fault in result.faults])


def _with_ids(fault: Fault, found: dict[str, str]) -> Fault:
    ids = [found[digest] for digest in fault.id_digests if digest in found]
    return msgspec.structs.replace(fault, event_ids=ids) if ids and fault.kind == "message_missing" else fault


def _found(wiring: Wiring, region: str, faults: list[Fault]) -> dict[str, str]:
    """Digest → event ID. Raises EpimetheusError."""
    wanted = {digest for fault in faults for digest in fault.id_digests} - {"-"}
    tasks = [FetchTask(ocid, window) for ocid, window in _places(wiring, region, faults)]
    found: dict[str, str] = {}
    concurrency = wiring.settings.api_concurrency
    with (
        closing(wiring.oci.audit(region)) as audit,
        closing(fetch(tasks, audit.pages, concurrency=concurrency, deadline=wiring.deadline)) as results,
    ):
        for one in results:
            for fetched in one.events if isinstance(one, Page) else ():
                event_id = fetched.event.event_id if fetched.event else None
                if event_id and (digest := key_text(event_key(event_id.encode("utf-8", "replace")))) in wanted:
                    found[digest] = event_id
    return found


def _places(wiring: Wiring, region: str, faults: list[Fault]) -> list[Place]:
    """The compartments with events in the entries of ``faults``, and their windows."""
    ledger = wiring.ledger.ledger(region, wiring.deadline)
    places: set[Place] = set()
    for name in sorted({fault.object.split("/", 2)[2] for fault in faults})[:_MOST_ENTRIES]:
        parsed = EntryName.parse(name)
        try:
            entry = ledger.read(parsed) if parsed else None
        except LedgerDamaged:
            continue
        places |= {place for place, keys in entry.keys.items() if keys} if entry else set()
    return sorted(places)
