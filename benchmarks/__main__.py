"""``python -m benchmarks [ROW …]``: measure, print the table, write it to build/bench.json; without a ROW all of them.

The sizes are those of issue 7; ``BENCH_EVENTS=20000 python -m benchmarks cpu`` changes one (`benchmarks.sizes`). The machine may be busy:
CPU counts, not time, and the least of several turns, for noise only ever adds. A goal that is not met is shown, and no error.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

from benchmarks import growth, rows_calls, rows_events, rows_once
from benchmarks.bench import Bench
from benchmarks.figures import FILE, Figure, Results, machine, now, table
from benchmarks.sizes import Sizes

ROWS: Mapping[str, Callable[[Bench], list[Figure]]] = MappingProxyType({
    "cpu": rows_events.cpu,
    "memory": rows_events.memory,
    "behind": rows_events.behind,
    "rules": rows_events.ruled,
    "compartments": rows_calls.compartments,
    "discovery": rows_once.discovery,
    "state": rows_once.state,
    "cold": rows_once.cold,
    "image": rows_once.image,
    "idle": rows_calls.idle,
    "throttling": rows_calls.throttling,
})
GROWTH = "growth"


def measure(rows: Sequence[str], sizes: Sizes, say: Callable[[str], object]) -> Results:
    """Measure these rows, one after the other; ``say`` is told of each."""
    results = Results(now(), machine(), asdict(sizes))
    with Bench.open(sizes) as bench:
        for row in rows:
            began = time.monotonic()
            if row == GROWTH:
                results.growth = {"events": growth.events(bench), "compartments": growth.compartments(bench)}
                found = [*growth.figures("event", results.growth["events"]), *growth.figures("compartment", results.growth["compartments"])]
            else:
                found = ROWS[row](bench)
            results.figures += found
            say(f"{row}: {time.monotonic() - began:.1f} s\n")
    results.machine["load_after"] = machine()["load"]
    return results


def main(arguments: Sequence[str]) -> int:
    """Measure; print; keep. 2 for a row there is not."""
    rows = list(arguments) or [*ROWS, GROWTH]
    if unknown := [row for row in rows if row not in (*ROWS, GROWTH)]:
        sys.stderr.write(f"{', '.join(unknown)}: there are {', '.join(ROWS)} and {GROWTH}\n")
        return 2
    results = measure(rows, Sizes.read(os.environ), sys.stderr.write)
    path = Path(os.environ.get("BENCH_FILE", FILE))
    results.write(path)
    sys.stdout.write("\n".join([*table(results.figures), "", f"{results.made}; kept in {path}", ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
