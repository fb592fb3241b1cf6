"""Forwards a batch of Connector Hub, with the state and the ledger of the region that the function is in."""

from collections.abc import Callable
from contextlib import closing

from epimetheus.errors import RequestError
from epimetheus.observe import metrics
from epimetheus.reports import Pushed
from epimetheus.run.ports import RunObserver, SealOptions
from epimetheus.run.push import push
from epimetheus.select.push_selection import PushSelection
from epimetheus.source.connector_hub import read_batch
from epimetheus.wiring.regions import metrics_seconds, publish_measures
from epimetheus.wiring.run_options import run_options
from epimetheus.wiring.wiring import Wiring


def push_batch(
    wiring: Wiring, run_id: str, observer: RunObserver, announce: Callable[[Pushed], None], body: bytes
) -> Pushed:
    """Forward the batch ``body``, announce the result, and post its metrics. Raises RequestError, and the errors of `Wiring.prepare`."""
    settings, region = wiring.settings, wiring.credentials.region
    if not settings.push:
        raise RequestError(
            "The request was rejected: it is a batch of Connector Hub, and PUSH is false.",
            do="Set PUSH=true for this function and for the scheduled one.",
        )
    batch = read_batch(body)
    wiring.prepare(seals=False)
    reserve = metrics_seconds(wiring.deadline.left())
    deadline = wiring.deadline.earlier(reserve)
    rules, actors = wiring.selection.rules_file[0], wiring.rendering.includes_actor
    options = run_options(settings, region, wiring.tenancy, rules, (region,), SealOptions(), actors=actors)  # runs seal what it enters
    with closing(wiring.oci.audit(region)) as audit:
        ports = wiring.ports(region, run_id, deadline, observer, audit)
        selection = PushSelection(ports.rules, ports.tamper_watch, summarize_own=settings.own_events == "summarize")
        pushed = push(options, ports, selection, run_id, deadline, batch)
    announce(pushed)
    publish_measures(wiring, pushed, metrics.push_measures(pushed), reserve)
    return pushed
