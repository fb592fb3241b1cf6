"""The row for ``verify``: a day of events, with seals, entries, and an export of syslog lines or of a SIEM's columns."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Figure
from benchmarks.helper import ROOT
from epimetheus.ledger.directory import DirectoryEntryStore
from epimetheus.model import Window, minute_text
from tests.verify.sealed_region import SealedRegion, event

_RUNS, _EVERY, _DAY = 288, 5, 24 * 60
_START = 29_931_840  # 2026-11-29T00:00Z
_ID = "00000000-0000-0000-0000-000000000000"


def verify(bench: Bench) -> list[Figure]:
    """Verifies downloaded objects and an export with the command. The columns have no sequence numbers, so event IDs are searched for."""
    count, figures = bench.sizes.many, []
    with _folder() as folder:
        names = ("export.log", "export.csv")
        _write(folder, count, names)
        for name, what in zip(names, ("syslog lines, RFC 5424", "CSV with the event ID"), strict=True):
            seconds, peak, size = _verified(folder, folder / name, count)
            note = f"288 seals, 576 entries, {size / 1e6:,.0f} MB; {seconds / count * 1e6:.1f} µs per message"
            figures.append(Figure("verify", f"verify {count:,} events, {what}: CPU", seconds, "s", 120.0, note=note))
            figures.append(Figure("verify", f"verify {count:,} events, {what}: peak memory", peak / 1e6, "MB", 300.0))
    return figures


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="epimetheus-verify-") as folder:
        yield Path(folder)


def _write(folder: Path, count: int, names: tuple[str, str]) -> None:
    """Write the objects of ``count`` events, and both exports. One rendered message is the template of all."""
    region = SealedRegion(now=_START, cursor=_START - _EVERY)
    for kind in ("seals", "ledger"):
        (folder / kind).mkdir()
    region.seals, region.entries = (DirectoryEntryStore(folder / kind / region.region) for kind in ("seals", "ledger"))
    with (folder / names[0]).open("wb") as lines, (folder / names[1]).open("w", encoding="utf-8") as rows:
        rows.write("TimeGenerated,DeviceVendor,DeviceProduct,ExtID\n")
        for number in range(_RUNS):
            run, ids = f"{number:012x}", [_event_id(number, one) for one in range(count // _RUNS + (number < count % _RUNS))]
            before, region.cursor, region.now = region.cursor, region.now, region.now + _EVERY
            half, window = len(ids) // 2, Window(before, region.cursor)
            region.unsealed += [region.entry(run, 1, 1, ids[:half], window), region.entry(run, 2, half + 1, ids[half:], window)]
            renderer = region.renderer(run)
            begin, _, rest = renderer(event(_ID), 1).message.partition(b'seq="1"')
            middle, _, end = rest.partition(_ID.encode())
            for at, event_id in enumerate(ids, 1):
                lines.write(b'%bseq="%d"%b%b%b\n' % (begin, at, middle, event_id.encode(), end))
                rows.write(f"2026-11-29T00:00:00Z,Oracle,OCI Audit,{event_id}\n")
            seal = region.seal(run, "ok", before, len(ids))
            region.lines.clear()
            region.send(seal, renderer, len(ids) + 1)
            lines.write(region.lines[0] + b"\n")


def _event_id(run: int, number: int) -> str:
    text = hashlib.blake2b(f"{run} {number}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _verified(folder: Path, export: Path, count: int) -> tuple[float, int, int]:
    """CPU seconds and peak memory of the command, and the size of the export. Raises RuntimeError unless it finds everything."""
    window = ("--from", minute_text(_START), "--to", minute_text(_START + _DAY + 1))
    command = [sys.executable, "-m", "epimetheus", "verify", *window, "--ledger", str(folder), "--siem", str(export), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        output = process.stdout.read() if process.stdout else b""
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    found = json.loads(output)["export"]
    if (found["present"], found["missing"]) != (count, 0):
        raise RuntimeError(f"verify did not find every message: {found}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, export.stat().st_size
