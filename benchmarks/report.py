"""``python -m benchmarks.report``: writes benchmarks/README.md, docs/scale.md and its plots from build/bench.json."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import growth, plot
from benchmarks.figures import FILE, Figure, Results, shown, table
from benchmarks.helper import ROOT
from epimetheus.run.plan import FEW_EVENTS

_TEMPLATES = Path(__file__).with_name("templates")
_PAGES_WRITTEN = ("docs/scale.md", "benchmarks/README.md")
_INTERVAL, _OVERLAP, _USABLE, _CONCURRENCY, _RATE, _PLACES = 900.0, 900.0, 770.0, 8, 20.0, 100
_MEMORY = 256e6  # Terraform's memory_in_mbs
_LATENCIES, _PAGES, _MANY = (0.05, 0.2, 1.0, 5.0, 12.0), (100, 1_000, 10_000), (100, 1_000, 10_000)


class Costs:
    """CPU seconds per new event (``new``), duplicate event (``seen``), call (``base``) and polled compartment (``place``)."""

    def __init__(self, results: Results) -> None:
        of = {one.what: one.value for one in results.figures}
        self.new, self.seen = of["CPU per event, CEF"] * 1e-6, of["CPU per duplicate event"] * 1e-6
        numbers = [float(number) for number, _, _ in results.growth["compartments"]]
        self.base, self.place = growth.line(numbers, [cpu for _, cpu, _ in results.growth["compartments"]])
        many = results.sizes["many"]
        self.backlog, self.window = (of[f"peak memory, {many:,} events in one {where}"] * 1e6 for where in ("call", "window"))
        self.key = max(1.0, (self.window - self.backlog) / many)  # bytes that an event costs for as long as its key is needed

    def keeps_up(self, latency: float, page: int) -> float:
        """Returns the rate of new events that runs every `_INTERVAL` can forward, of `_PLACES` compartments or of one of them."""
        by_api = (_USABLE / _call(latency, _CONCURRENCY) - _PLACES) * page / (_INTERVAL + _OVERLAP)
        by_cpu = (_USABLE - self.base - _PLACES * self.place) / (_INTERVAL * self.new + _OVERLAP * self.seen)
        return max(0.0, min(by_api, by_cpu))


def page(results: Results, name: str) -> str:
    """The page of this ``name``, ``scale.md`` (for operators) or ``README.md`` (results and goals), from its template."""
    costs, machine = Costs(results), results.machine
    return (_TEMPLATES / name).read_text("utf-8").format(
        made=results.made,
        **{name: machine[name] for name in ("cpu", "cores", "python", "openssl")},
        load=f"Load at the start {_loads(machine['load'])}, at the end {_loads(machine.get('load_after', []))}.",
        table="\n".join(table(_but(results.figures, "growth"))),
        page=results.sizes["page"],
        repeats=results.sizes["repeats"],
        growth="\n".join(_growth(one) for one in results.figures if one.row == "growth"),
        interval=round(_INTERVAL / 60),
        overlap=round(_OVERLAP / 60),
        usable=round(_USABLE),
        again=shown(costs.seen * 1e6, "µs"),
        new=shown(costs.new * 1e6, "µs"),
        fixed=shown(costs.base, "s"),
        compartment=shown(costs.place * 1e3, "ms"),
        format="CEF",
        core=1 / costs.new,
        places=_PLACES,
        keeps_up=_keeps_up(costs),
        waits=_waits(costs),
        memory=_memory(costs, results.sizes),
        hours=results.sizes["hours"],
    )


def _growth(one: Figure) -> str:
    what = one.what.removeprefix("growth: ")
    return f"- {what[0].upper()}{what[1:]}: {shown(one.value, one.unit)}; {one.note}."


def _keeps_up(costs: Costs) -> str:
    rows = [["latency of a response", *[f"pages of {size:,}" for size in _PAGES]]]
    for latency in _LATENCIES:
        cells = [costs.keeps_up(latency, size) for size in _PAGES]
        rows.append([f"{latency:g} s", *[f"{cell:,.0f}" for cell in cells]])
    return _markdown(rows)


def _waits(costs: Costs) -> str:
    rows = [["latency of a response", *[f"{count:,} compartments" for count in _MANY]]]
    for latency in _LATENCIES[:3]:
        times = [max(count * _call(latency, _CONCURRENCY), costs.base + count * costs.place) for count in _MANY]
        rows.append([f"{latency:g} s", *[f"{time:,.0f} s" + (" (too long)" if time > _USABLE else "") for time in times]])
    return _markdown(rows)


def _memory(costs: Costs, sizes: Mapping[str, Any]) -> str:
    backlog, window = (f"{peak / 1e6:.0f} MB" for peak in (costs.backlog, costs.window))
    most = max(0.0, _MEMORY - costs.backlog) / costs.key
    return (
        f"A backlog of {sizes['many']:,} events over {sizes['hours']} hours takes {backlog}: slices grow only while they contain few\n"
        f"events ({FEW_EVENTS:,}), and only the keys of two slices are in memory. In a single slice, the same number of\n"
        f"events takes {window}, {costs.key:.0f} bytes per event. Therefore 256 MB (`memory_in_mbs`) are sufficient for\n"
        f"{most:,.0f} events within `SLICE_MINUTES`. In the ledger, an event takes 24 bytes."
    )


def _call(latency: float, concurrency: int) -> float:
    """Seconds from one call to the next."""
    return max(latency / concurrency, 1 / _RATE)


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|---" + "|--:" * (len(rows[0]) - 1) + "|")
    return "\n".join(lines)


def _but(figures: Sequence[Figure], row: str) -> list[Figure]:
    return [one for one in figures if one.row != row]


def _loads(loads: Sequence[float]) -> str:
    return f"{loads[0]:.1f}" if loads else "unknown"


def write(results: Results, root: Path, say: Callable[[str], object]) -> None:
    """Write the pages and the plots below ``root``, the repository; ``say`` receives a line for each page."""
    images = root / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    for what, points in results.growth.items():
        (images / f"growth-{what}.svg").write_text(plot.growth(points, what), "utf-8")
    for target in _PAGES_WRITTEN:
        path = root / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(results, path.name), "utf-8")
        say(f"{target}: {results.made}\n")


def main(arguments: Sequence[str]) -> int:
    """Write the pages from a file of results, build/bench.json by default; 2 if it is missing, or lacks a row that a page needs."""
    path = Path(arguments[0]) if arguments else FILE
    if not path.is_file():
        sys.stderr.write(f"{path} does not exist. Run `make bench` to write it.\n")
        return 2
    results = Results.read(path)
    if missing := {"cpu", "memory", "growth"} - {one.row for one in results.figures}:
        sys.stderr.write(f"{path} has no {' and '.join(sorted(missing))}. Run `make bench` to measure everything.\n")
        return 2
    write(results, ROOT, sys.stdout.write)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
