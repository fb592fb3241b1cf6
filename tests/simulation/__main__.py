"""``make simulate SEEDS=10000``: many plays on all cores, a progress bar, a table of what struck; exit code 1 if a promise broke."""

import argparse
import os
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.simulation.play import Outcome, Theatre

_CHUNK = 10


def played(seeds: range) -> tuple[list[Outcome], dict[int, str]]:
    """The outcomes of these seeds, and which of them broke what."""
    outcomes, broken = [], {}
    for seed in seeds:
        try:
            outcomes.append(Theatre(seed).play())
        except Exception as error:  # noqa: BLE001 - whatever it is, the seed is told, and all others are played
            broken[seed] = f"{type(error).__name__} {error}"
    return outcomes, broken


def main() -> int:
    """Play; print."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="?", default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed; to see one again: 1 --first SEED")
    parser.add_argument("--until-broken", action="store_true", help="stop at the first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    end = options.first + options.seeds
    chunks = [range(at, min(at + _CHUNK, end)) for at in range(options.first, end, _CHUNK)]
    faults: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    broken: dict[int, str] = {}
    console = Console()
    with ProcessPoolExecutor(options.jobs) as pool, Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("seeds", total=options.seeds)
        for chunk, (outcomes, wrong) in zip(chunks, pool.map(played, chunks), strict=True):
            for outcome in outcomes:
                faults.update(outcome.faults)
                totals.update(seeds=1, runs=outcome.runs, events=outcome.events, repeats=outcome.repeats)
            broken |= wrong
            if broken and options.until_broken:
                pool.shutdown(wait=False, cancel_futures=True)
                break
            bar.advance(task, len(chunk))
    _show(console, faults, totals, broken)
    return int(bool(broken))


def _show(console: Console, faults: Counter[str], totals: Counter[str], broken: dict[int, str]) -> None:
    table = Table(title="What struck, how often")
    table.add_column("fault")
    table.add_column("times", justify="right")
    for fault, times in sorted(faults.items()):
        table.add_row(fault, f"{times:,}")
    console.print(table)
    held = f"{totals['seeds']:,} seeds held: {totals['runs']:,} runs, {totals['events']:,} events, none lost"
    console.print(f"{held}, {totals['repeats']:,} sent again.", highlight=False)
    for seed, why in sorted(broken.items()):
        console.print(f"Seed {seed} broke: {why}", markup=False, highlight=False)
        console.print(f"  see it again: .venv/bin/python -m tests.simulation 1 --first {seed}", markup=False, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
