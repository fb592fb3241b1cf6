"""The row for a push: one batch of Connector Hub, as large as a connector should send."""

import json
import time

from benchmarks.bench import SECONDS, Bench
from benchmarks.figures import Figure
from benchmarks.process import cpu_seconds, peak_bytes, wait_until_idle
from epimetheus.testing.oci.logging_form import logging_form
from epimetheus.testing.oci.samples import Sampler

_BYTES = 5_000_000
_AGE = 90.0  # seconds from an event to its push


def push(bench: Bench) -> list[Figure]:
    """CPU and time of a push of 5 MB through the function, after a run that began the state."""
    found = []
    for number in range(bench.sizes.repeats):
        batch, events = _batch(bench, number)
        with bench.stage({"PUSH": "true", "OWN_EVENTS": "forward"}, events=0, compartments=1) as stage:
            stage.call()
            wait_until_idle(stage.pid)
            cpu, began = cpu_seconds(stage.pid), time.monotonic()
            answer = stage.function.call(batch, seconds=SECONDS)
            wall, used = time.monotonic() - began, cpu_seconds(stage.pid) - cpu
            (report,) = json.loads(answer.body)
            if report["forwarded"] != events:
                raise RuntimeError(f"{report['forwarded']} of {events} events were forwarded")
            found.append((used, wall, peak_bytes(stage.pid), events))
    used, wall, peak, events = min(found)
    note = f"{events:,} events; {wall:.2f} s, {events / wall:,.0f} events per second; peak memory {peak / 1e6:.0f} MB"
    return [Figure("push", "push of 5 MB, CEF: CPU per event", used / events * 1e6, "µs", note=note)]


def _batch(bench: Bench, number: int) -> tuple[bytes, int]:
    """A batch of 5 MB, and the number of its events."""
    tenancy, start = bench.world.tenancy, time.time() - _AGE
    sampler, entries, size = Sampler(tenancy, tenancy, "root", str(number)), [], 0
    while size < _BYTES:
        row = json.dumps(sampler.event(start), separators=(",", ":")).encode()
        entries.append(logging_form(row, tenancy, tenancy, start))
        size += len(entries[-1]) + 1
    return b"[" + b",".join(entries) + b"]", len(entries)
