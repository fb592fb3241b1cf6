"""The row for a push: one batch of Connector Hub, as large as a connector should send, after others in the same minute."""

import json
import time

from benchmarks.bench import SECONDS, Bench
from benchmarks.figures import Figure
from benchmarks.process import cpu_seconds, peak_bytes, wait_until_idle
from epimetheus.testing.oci.logging_form import logging_form
from epimetheus.testing.oci.samples import Sampler

_BYTES = 5_000_000
_AGE = 30.0  # seconds from an event to its push
_EARLIER = 10  # pushes in the minute before, whose entries the push reads


def push(bench: Bench) -> list[Figure]:
    """CPU and time of a push of 5 MB through the function, after a run that began the state, and ten small pushes."""
    found = []
    for number in range(bench.sizes.repeats):
        batch, events = _batch(bench, str(number))
        with bench.stage({"PUSH": "true", "OWN_EVENTS": "forward"}, events=0, compartments=1) as stage:
            stage.call()
            for earlier in range(_EARLIER):
                stage.function.call(_batch(bench, f"earlier {earlier}", size=1)[0], seconds=SECONDS)
            wait_until_idle(stage.pid)
            cpu, began = cpu_seconds(stage.pid), time.monotonic()
            answer = stage.function.call(batch, seconds=SECONDS)
            wall, used = time.monotonic() - began, cpu_seconds(stage.pid) - cpu
            (report,) = json.loads(answer.body)
            if report["forwarded"] != events:
                raise RuntimeError(f"{report['forwarded']} of {events} events were forwarded")
            requests = report["api"]["object_storage"]["requests"]
            found.append((used, wall, peak_bytes(stage.pid), events, requests))
    used, wall, peak, events, requests = min(found)
    note = f"{events:,} events; {wall:.2f} s, {events / wall:,.0f} events per second; peak memory {peak / 1e6:.0f} MB; {requests} requests"
    return [Figure("push", "push of 5 MB, CEF: CPU per event", used / events * 1e6, "µs", note=note)]


def _batch(bench: Bench, seed: str, size: int = _BYTES) -> tuple[bytes, int]:
    """A batch of ``size`` bytes, and the number of its events."""
    tenancy, start = bench.world.tenancy, time.time() - _AGE
    sampler, entries, so_far = Sampler(tenancy, tenancy, "root", seed), list[bytes](), 0
    while so_far < size:
        row = json.dumps(sampler.event(start), separators=(",", ":")).encode()
        entries.append(logging_form(row, tenancy, tenancy, start))
        so_far += len(entries[-1]) + 1
    return b"[" + b",".join(entries) + b"]", len(entries)
