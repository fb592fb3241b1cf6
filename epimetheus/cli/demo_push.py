"""Act 2 of ``demo``: a connector of Connector Hub pushes events, fails for 30 hours, and returns; a run fills the gap.

The function and its services are as in the first act. Only the time is played: the events and the state are older than the demo.
"""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from epimetheus.model import count_text
from epimetheus.state.encoding import pack, unpack
from epimetheus.testing.function import Function
from epimetheus.testing.oci import World
from epimetheus.testing.oci.connector_hub import Connector
from epimetheus.testing.oci.logging_form import logging_form

TITLE = "Act 2: Connector Hub pushes events to the function, and fails for 30 hours."
SETTINGS = {"PUSH": "true", "INITIAL_LOOKBACK_HOURS": "0", "OWN_EVENTS": "forward"}
_HOUR = 3600.0
_BEGIN, _OUTAGE, _END = 31.0, 30.0, 0.5  # hours ago
_BEFORE, _MEANWHILE = 600, 6_000
_BATCH = 1_500_000  # bytes


class PushAct:
    """The act. ``show``: prints a line of the demo, ``emit``: creates events between two times in hours ago, and returns their IDs."""

    def __init__(self, world: World, bucket: str, function: Function, show: Callable[..., None], emit: Callable[..., set[str]]) -> None:
        self._world, self._bucket, self._function, self._show, self._emit = world, bucket, function, show, emit
        self._now = time.time()
        self._forwarded = 0
        self._connector = Connector(self._push, batch_bytes=_BATCH)

    def play(self) -> None:
        """Play the act."""
        self._begin()
        self._log(self._emit(_BEFORE, _BEGIN, _OUTAGE))
        self._show(f"  Before: {count_text(self._connect(), 'event is', 'events are')} pushed to the function, which forwards them.")
        self._show(f"  For 30 hours: {_MEANWHILE:,} more, none pushed. Each can be pushed for 24 hours only.")
        self._log(self._emit(_MEANWHILE, _OUTAGE, _END))
        pushed, expired = self._connect(), len(self._connector.lost)
        self._show(f"  Then: {pushed:,} are pushed. {expired:,} are too old, and are never pushed.")
        report = self._run()
        counts = f"lists everything, and sends the {report['filled']:,} not pushed"
        self._show(f"  Scheduled run ({report['status']}): {counts}.")

    def _begin(self) -> None:
        """The first run, and its state as if it had ended 31 hours ago."""
        self._run()
        name = next(name for name in self._world.objects(self._bucket) if name.endswith(".state"))
        state = unpack(self._world.objects(self._bucket)[name], name)
        began = int((self._now - _BEGIN * _HOUR) // 60) - 10
        self._world.put(self._bucket, name, pack(replace(state, through=began, began=began, reconciled={})))

    def _run(self) -> dict[str, Any]:
        answer = self._function.call()
        report: dict[str, Any] = json.loads(answer.body)[0]
        return report

    def _log(self, ids: set[str]) -> None:
        """Put these events into Logging, some seconds after they were processed."""
        found: list[tuple[float, bytes]] = []
        for ocid in [self._world.tenancy, *(one.id for one in self._world.compartments.below(self._world.tenancy, subtree=True))]:
            for row, at in self._world.audit.rows_with_times(self._world.region, ocid):
                if json.loads(row)["eventId"] in ids:
                    found.append((at + 5, logging_form(row, ocid, self._world.tenancy, at + 5)))
        for at, entry in sorted(found):
            self._connector.ingest(entry, at)

    def _connect(self) -> int:
        """The connector sends what it has, as of the time of the last event or, at the end, as of now. Returns how many were forwarded."""
        before = self._forwarded
        self._connector.run(self._now - (_OUTAGE * _HOUR if not before else 0.0), flush=True)
        return self._forwarded - before

    def _push(self, body: bytes) -> bool:
        answer = self._function.call(body)
        if answer.status == 200:
            self._forwarded += json.loads(answer.body)[0]["forwarded"]
        return answer.status == 200
