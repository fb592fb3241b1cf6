"""Runs the fuzz targets: ``make fuzz RUNS=1000000``. The exit code is 1 if there are findings.

With atheris (``pip install atheris``; not in any requirements file) the input is guided by coverage; without it, it is random.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

with atheris.instrument_imports(include=["epimetheus"]) if atheris else nullcontext():
    from tests.fuzz.targets import TARGETS

from tests.fuzz.corpus import SEEDS
from tests.fuzz.mutate import Mutator

SHARES = {"event": 10, "page": 10, "event_file": 10, "state": 10, "rules": 15, "settings": 5, "body": 15, "pem": 5, "variables": 5}
SHARES |= {"entry": 10, "seal": 5, "problem": 10, "batch": 10, "export": 5, "marker": 5}
"""Percentages of all inputs; slow targets get fewer."""
_MAX_SECONDS = 5.0
_MAX_BYTES = 20_000
_MAX_PRINTED = 300


class Tally:
    """Runs a target and counts inputs; keeps the shortest input per finding, that is, per error type and location."""

    def __init__(self, name: str) -> None:
        self.inputs = 0
        self._name = name
        self._target = TARGETS[name]
        self._started = time.monotonic()
        self._findings: dict[str, tuple[str, bytes]] = {}

    def __call__(self, data: bytes) -> None:
        """Runs the target with ``data``."""
        self.inputs += 1
        started = time.process_time()
        try:
            self._target(data)
        except Exception as error:  # noqa: BLE001 - any exception is a finding
            self._add_finding(_location(error), str(error), data)
        if (seconds := time.process_time() - started) > _MAX_SECONDS:
            self._add_finding("too slow", f"{seconds:.0f} s", data)

    def _add_finding(self, location: str, problem: str, data: bytes) -> None:
        if location not in self._findings or len(data) < len(self._findings[location][1]):
            self._findings[location] = problem, data

    def report(self) -> int:
        """Prints the findings and returns their number."""
        method = "atheris" if atheris else "random"
        seconds = time.monotonic() - self._started
        print(f"{self._name:9} {self.inputs:>9,} inputs {seconds:7.1f} s  {len(self._findings)} findings ({method})", flush=True)
        for location, (problem, data) in sorted(self._findings.items()):
            ellipsis = " …" * (len(data) > _MAX_PRINTED)
            print(f"  {location}: {problem[:_MAX_PRINTED]}\n    {data[:_MAX_PRINTED]!r}{ellipsis}", flush=True)
        return len(self._findings)


def _location(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    location = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} in {location}"


def run_random(name: str, runs: int, seed: int) -> int:
    """Runs the seeds, then random mutations of them."""
    tally, mutator = Tally(name), Mutator(SEEDS[name], seed)
    for data in SEEDS[name][:runs]:
        tally(data)
    while tally.inputs < runs:
        tally(mutator.fresh())
    return tally.report()


def run_atheris(name: str, runs: int, seed: int) -> int:
    """Runs the seeds, then mutations guided by coverage. Ends the process because libFuzzer never returns."""
    tally, folder = Tally(name), Path(tempfile.mkdtemp(prefix="epimetheus-fuzz-"))
    for number, data in enumerate(SEEDS[name]):
        (folder / f"seed-{number}").write_bytes(data)

    def run_one(data: bytes) -> None:
        tally(data)
        if tally.inputs >= runs:
            shutil.rmtree(folder)
            os._exit(min(tally.report(), 1))

    flags = [f"-seed={seed}", f"-max_len={_MAX_BYTES}", "-verbosity=0", str(folder)]
    atheris.Setup([sys.argv[0], *flags], run_one, custom_mutator=_mixed_mutator(Mutator(SEEDS[name], seed)))
    atheris.Fuzz()
    return 1


def _mixed_mutator(mutator: Mutator) -> Callable[[bytes, int, int], bytes]:
    def mutate(data: bytes, max_length: int, seed: int) -> bytes:
        if seed % 4 == 0:
            return atheris.Mutate(data, max_length)
        return (mutator.fresh() if seed % 4 == 1 or len(data) < 2 else mutator.mutated(data))[:max_length]

    return mutate


def main() -> int:
    """Runs one target in this process, or all of them in one process each."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("runs", type=int, help="the number of inputs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.target != "all":
        return (run_atheris if atheris else run_random)(options.target, options.runs, options.seed)
    command = [sys.executable, "-m", "tests.fuzz", "--seed", str(options.seed)]
    codes = [subprocess.call([*command, name, str(options.runs * SHARES[name] // 100)]) for name in TARGETS]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
