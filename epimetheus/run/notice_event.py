"""The form of a notice, which is that of an audit event, so every format can render it.

``eventType`` is ``epimetheus.HeldBack``, ``epimetheus.OwnPolling``, ``epimetheus.Seal`` or ``epimetheus.Probe``, ``data.message`` is a
sentence, and ``data.additionalDetails`` contains the figures.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from epimetheus.model import Fetched, time_text
from epimetheus.source.decode import decode_event


class NoticeSource(NamedTuple):
    """The source of a notice. ``now``: seconds since the epoch."""

    run: str
    region: str
    tenancy: str
    now: float


def notice_event(source: NoticeSource, name: str, message: str, details: Mapping[str, object], *, event_id: str = "") -> Fetched:
    """The notice ``epimetheus.<name>``."""
    data = {
        "eventName": name,
        "compartmentId": source.tenancy,
        "identity": {"principalName": "epimetheus", "tenantId": source.tenancy},
        "message": message,
        "additionalDetails": {"run": source.run, "region": source.region, **details},
    }
    event = {
        "eventType": f"epimetheus.{name}",
        "cloudEventsVersion": "0.1",
        "eventTypeVersion": "2.0",
        "source": "epimetheus",
        "eventTime": time_text(source.now),
        **({"eventId": event_id} if event_id else {}),
        "data": data,
    }
    return decode_event(msgspec.json.encode(event))
