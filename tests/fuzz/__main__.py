"""``make fuzz RUNS=1000000``: bad input by the thousand for each target; exit code 1 if one was taken badly.

With atheris (``pip install atheris``; it is in no requirements file) coverage leads the way; without it, chance alone.
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

SHARES = {"event": 10, "page": 20, "state": 20, "rules": 20, "settings": 5, "body": 20, "pem": 5}
"""Of a hundred inputs: what is slow gets fewer."""
_MOST_SECONDS = 5.0
_MOST_BYTES = 20_000
_SHOWN = 300


class Tally:
    """Tries input on a target and counts; a finding is told once for each kind of error and place, with the shortest input."""

    def __init__(self, name: str) -> None:
        self.tried = 0
        self._name = name
        self._target = TARGETS[name]
        self._began = time.monotonic()
        self._findings: dict[str, tuple[str, bytes]] = {}

    def __call__(self, data: bytes) -> None:
        """Try it."""
        self.tried += 1
        began = time.process_time()
        try:
            self._target(data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self._found(_place(error), str(error), data)
        if (seconds := time.process_time() - began) > _MOST_SECONDS:
            self._found("too slow", f"{seconds:.0f} s", data)

    def _found(self, where: str, what: str, data: bytes) -> None:
        if where not in self._findings or len(data) < len(self._findings[where][1]):
            self._findings[where] = what, data

    def told(self) -> int:
        """Print; the number of findings."""
        how = "atheris" if atheris else "chance"
        seconds = time.monotonic() - self._began
        print(f"{self._name:9} {self.tried:>9,} inputs {seconds:7.1f} s  {len(self._findings)} findings ({how})", flush=True)
        for where, (what, data) in sorted(self._findings.items()):
            print(f"  {where}: {what[:_SHOWN]}\n    {data[:_SHOWN]!r}{' …' * (len(data) > _SHOWN)}", flush=True)
        return len(self._findings)


def _place(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} in {where}"


def by_chance(name: str, runs: int, seed: int) -> int:
    """The seeds, then what comes of them."""
    tally, mutator = Tally(name), Mutator(SEEDS[name], seed)
    for data in SEEDS[name][:runs]:
        tally(data)
    while tally.tried < runs:
        tally(mutator.fresh())
    return tally.told()


def by_atheris(name: str, runs: int, seed: int) -> int:
    """The same, but what found new ground is built upon. Never returns: libFuzzer ends the process, so it is ended here first."""
    tally, folder = Tally(name), Path(tempfile.mkdtemp(prefix="epimetheus-fuzz-"))
    for number, data in enumerate(SEEDS[name]):
        (folder / f"seed-{number}").write_bytes(data)

    def one(data: bytes) -> None:
        tally(data)
        if tally.tried >= runs:
            shutil.rmtree(folder)
            os._exit(min(tally.told(), 1))

    flags = [f"-seed={seed}", f"-max_len={_MOST_BYTES}", "-verbosity=0", str(folder)]
    atheris.Setup([sys.argv[0], *flags], one, custom_mutator=_mixed(Mutator(SEEDS[name], seed)))
    atheris.Fuzz()
    return 1


def _mixed(mutator: Mutator) -> Callable[[bytes, int, int], bytes]:
    def mutated(data: bytes, most: int, seed: int) -> bytes:
        if seed % 4 == 0:
            return atheris.Mutate(data, most)
        return (mutator.fresh() if seed % 4 == 1 or len(data) < 2 else mutator.changed(data))[:most]

    return mutated


def main() -> int:
    """One target here, all of them in a process each, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=[*TARGETS, "all"])
    parser.add_argument("runs", type=int, help="how many inputs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.target != "all":
        return (by_atheris if atheris else by_chance)(options.target, options.runs, options.seed)
    command = [sys.executable, "-m", "tests.fuzz", "--seed", str(options.seed)]
    codes = [subprocess.call([*command, name, str(options.runs * SHARES[name] // 100)]) for name in TARGETS]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
