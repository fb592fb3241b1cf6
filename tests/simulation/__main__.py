"""``make simulate SEEDS=10000``: plays many seeds on all cores and prints the faults that occurred. Exit code 1 if a promise broke.

``--days 1000`` plays as many seeds as have so many simulated days. ``verify`` checks each of them alone: a fault that did not occur is a
false alarm, which breaks a promise. Ctrl-C ends the series, and prints the result so far.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.simulation.play import Outcome, Theatre

_CHUNK = 5


def played(seeds: Sequence[int], without: Sequence[str], until_broken: bool, push: bool) -> tuple[list[Outcome], dict[int, str]]:
    """The outcomes of these seeds, and the errors by seed. ``until_broken``: stop at the first error. ``push``: as `Theatre`."""
    outcomes, broken = [], {}
    for seed in seeds:
        try:
            outcomes.append(Theatre(seed, without, push=push).play())
        except Exception as error:  # noqa: BLE001 - reported with its seed; the others are played
            broken[seed] = f"{type(error).__name__} {error}"
            if until_broken:
                break
    return outcomes, broken


def _chunks(options: argparse.Namespace) -> list[Sequence[int]]:
    end = options.first + options.seeds
    known = [options.try_first] if options.try_first is not None else []
    return [*([known] if known else []), *(range(at, min(at + _CHUNK, end)) for at in range(options.first, end, _CHUNK))]


def _played(options: argparse.Namespace, chunks: list[Sequence[int]]) -> Iterator[tuple[list[Outcome], dict[int, str]]]:
    """The outcomes by chunk. With one job, in this process."""
    play = partial(played, without=options.without, until_broken=options.until_broken, push=options.push)
    if options.jobs == 1:
        yield from map(play, chunks)
        return
    with ProcessPoolExecutor(options.jobs) as pool:
        try:
            yield from pool.map(play, chunks)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", type=int, nargs="?", default=1000, help="number of seeds")
    parser.add_argument("--days", type=int, help="play as many seeds as have so many days, instead of a number of seeds")
    parser.add_argument("--first", type=int, default=0, help="the first seed; to replay one: 1 --first SEED")
    parser.add_argument("--try-first", type=int, help="play this seed before the others")
    parser.add_argument("--until-broken", action="store_true", help="stop at the first seed that breaks")
    parser.add_argument("--push", action="store_true", help="Connector Hub pushes the events beside the polling")
    parser.add_argument("--without", action="append", default=[], metavar="FAULT", help="exclude this fault (repeatable)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    options.seeds = options.days or options.seeds  # a seed has at least one day
    return options


def main() -> int:
    """Play the seeds and print the result."""
    options, console = _options(), Console()
    faults: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    broken = 0
    chunks = _chunks(options)
    with suppress(KeyboardInterrupt), Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("days" if options.days else "seeds", total=options.seeds)
        for outcomes, errors in _played(options, chunks):
            for outcome in outcomes:
                faults.update(outcome.faults)
                totals.update(seeds=1, runs=outcome.runs, events=outcome.events, repeats=outcome.repeats, beyond=outcome.beyond)
                totals.update(outcome.days.counts())
                if outcome.days.alarms:
                    errors[outcome.seed] = f"false alarm: {'; '.join(outcome.days.alarms)}"
            _show_broken(console, errors)
            broken += len(errors)
            if (broken and options.until_broken) or totals["days"] >= (options.days or totals["days"] + 1):
                break
            bar.update(task, completed=totals["days"] if options.days else totals["seeds"])
    _show(console, faults, totals)
    return int(bool(broken))


def _show_broken(console: Console, broken: dict[int, str]) -> None:
    for seed, error in sorted(broken.items()):
        console.print(f"Seed {seed} failed: {error}", markup=False, highlight=False)
        console.print(f"  replay it: .venv/bin/python -m tests.simulation 1 --first {seed}", markup=False, highlight=False)


def _show(console: Console, faults: Counter[str], totals: Counter[str]) -> None:
    table = Table(title="Faults")
    table.add_column("fault")
    table.add_column("times", justify="right")
    for fault, times in sorted(faults.items()):
        table.add_row(fault, f"{times:,}")
    console.print(table)
    summary = f"{totals['seeds']:,} seeds passed: {totals['runs']:,} runs, {totals['events']:,} events, none lost"
    console.print(f"{summary}, {totals['repeats']:,} sent again; {totals['beyond']:,} were listed after the overlap.", highlight=False)
    verified = f"{totals['days']:,} simulated days verified: {totals['complete']:,} complete, {totals['unchecked']:,} not checked"
    named = f"{totals['faulty']:,} with {totals['faults']:,} faults that occurred"
    why = "no run ended in them, or one was killed and left no entry"
    console.print(f"{verified} ({why}), {named}; {totals['alarms']:,} false alarms.", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
