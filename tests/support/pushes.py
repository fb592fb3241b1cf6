"""Batches of Connector Hub for the events of a stand-in OCI."""

import json
from datetime import datetime

from epimetheus.testing.oci import World
from epimetheus.testing.oci.logging_form import logging_form

INGESTED_SECONDS = 5.0


def entries(world: World, ids: list[str], *, region: str | None = None, after: float = INGESTED_SECONDS) -> list[bytes]:
    """Returns the events with these IDs in Logging's form, which arrived ``after`` seconds after their event time."""
    rows = {}
    for ocid in [*places(world)]:
        for row in world.audit.rows(region or world.region, ocid):
            event = json.loads(row)
            rows[event["eventId"]] = logging_form(row, ocid, world.tenancy, seconds(event["eventTime"]) + after)
    return [rows[one] for one in ids]


def places(world: World) -> list[str]:
    """Returns the OCIDs of all compartments."""
    return [world.tenancy, *(one.id for one in world.compartments.below(world.tenancy, subtree=True))]


def seconds(text: str) -> float:
    """Returns an RFC 3339 time as seconds since the epoch."""
    return datetime.fromisoformat(text).timestamp()


def batch(entries: list[bytes]) -> bytes:
    """Returns the body of a push."""
    return b"[" + b",".join(entries) + b"]"
