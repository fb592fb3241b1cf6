"""``python -m benchmarks [ROW …]``: measures the rows, all by default, prints a table, and writes the results to build/bench.json.

``BENCH_EVENTS=20000 python -m benchmarks cpu`` changes a size (`benchmarks.sizes`), and BENCH_BASE the commit that the row ``cpu`` is
compared with (`benchmarks.base`). The machine can be busy, so the figures are CPU time, and the minimum of several runs, because noise only
adds. A missed goal is shown in the table and is not an error.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

from benchmarks import growth, rows_calls, rows_cpu, rows_events, rows_once, rows_push, rows_verify
from benchmarks.base import last_commit
from benchmarks.bench import Bench
from benchmarks.figures import FILE, Figure, Results, machine, now, table
from benchmarks.sizes import Sizes
from tests.support.image import Image

ROWS: Mapping[str, Callable[[Bench], list[Figure]]] = MappingProxyType({
    "cpu": rows_cpu.cpu,
    "memory": rows_events.memory,
    "behind": rows_events.behind,
    "rules": rows_events.ruled,
    "push": rows_push.push,
    "compartments": rows_calls.compartments,
    "discovery": rows_once.discovery,
    "ledger": rows_once.ledger,
    "verify": rows_verify.verify,
    "cold": rows_once.cold,
    "image": rows_once.image,
    "busy": rows_calls.busy,
    "idle": rows_calls.idle,
    "throttling": rows_calls.throttling,
})
GROWTH = "growth"


def measure(
    rows: Sequence[str],
    sizes: Sizes,
    report_progress: Callable[[str], object],
    image: Image | None = None,
    commit: str | None = None,
) -> Results:
    """Measures the rows one after the other. ``report_progress`` receives a line for each. ``image`` and ``commit``: see `Bench.open`."""
    results = Results(now(), machine(), asdict(sizes))
    with Bench.open(sizes, image, commit) as bench:
        for row in rows:
            began = time.monotonic()
            if row == GROWTH:
                results.growth = {"events": growth.events(bench), "compartments": growth.compartments(bench)}
                found = [*growth.figures("event", results.growth["events"]), *growth.figures("compartment", results.growth["compartments"])]
            else:
                found = ROWS[row](bench)
            results.figures += found
            report_progress(f"{row}: {time.monotonic() - began:.1f} s\n")
    results.machine["load_after"] = machine()["load"]
    return results


def main(arguments: Sequence[str]) -> int:
    """Measures, prints and stores the rows. Returns 2 for an unknown row."""
    rows = list(arguments) or [*ROWS, GROWTH]
    if unknown := [row for row in rows if row not in (*ROWS, GROWTH)]:
        sys.stderr.write(f"Unknown row {', '.join(unknown)}: expected {', '.join(ROWS)} or {GROWTH}.\n")
        return 2
    results = measure(rows, Sizes.read(os.environ), sys.stderr.write, commit=last_commit())
    path = Path(os.environ.get("BENCH_FILE", FILE))
    results.write(path)
    sys.stdout.write("\n".join([*table(results.figures), "", f"{results.made}; written to {path}", ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
