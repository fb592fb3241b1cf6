"""What an event costs: CPU and memory of the function's process."""

import time

from benchmarks import rules
from benchmarks.bench import SETTLE_MINUTES, Bench, Called
from benchmarks.calibrate import calibrate
from benchmarks.figures import Figure
from epimetheus.select.rules import Rules
from epimetheus.select.tamper_watch import TamperWatch

_MB, _MICRO = 1e6, 1e-6
_GOALS = {"cef": 15.0, "json": 12.0}
_NO_RULES = (Rules(), TamperWatch(("ocid1.fnfunc.oc1.iad.ours",)))  # a function always watches over itself


def cpu(bench: Bench) -> list[Figure]:
    """Pages in, confirmed TLS out; by turns with the calibration loop, the least of each."""
    limit: list[float] = []
    again: list[Called] = []
    first: dict[str, list[Called]] = {name: [] for name in _GOALS}
    for _ in range(bench.sizes.repeats):
        for name, calls in first.items():
            with bench.stage({"FORMAT": name}, events=bench.sizes.events) as stage:
                limit.append(calibrate(bench, stage.receiver.port, rounds=2))
                calls.append(stage.call())
                if name == "cef":
                    again.append(stage.call())
    least = min(limit) / _MICRO
    figures = [_figure(name, min(calls, key=lambda call: call.cpu), least) for name, calls in first.items()]
    seen = min(call.cpu / call.report["duplicates"] for call in again) / _MICRO
    return [
        Figure("cpu", "calibration: decode, send over TLS", least, "µs", note="an event; nothing between, in this process"),
        *figures,
        Figure("cpu", "CPU an event seen before", seen, "µs", ratio=seen / least, note="fetched once more for the overlap, not sent"),
    ]


def _figure(name: str, call: Called, least: float) -> Figure:
    events = call.report["fetched"]
    taken, others = call.cpu / events / _MICRO, [round(cpu / events / _MICRO, 1) for cpu in (call.api_cpu, call.receiver_cpu)]
    note = f"{events:,} events in {call.wall:.1f} s; the stand-in API took {others[0]} µs, the receiver {others[1]} µs an event"
    return Figure("cpu", f"CPU an event, {name.upper()}", taken, "µs", _GOALS[name], ratio=taken / least, note=note)


def memory(bench: Bench) -> list[Figure]:
    """The most that the function's process ever had: after a day without a run, and with as many events all in one window."""
    sizes = bench.sizes
    some, many = (bench.once(events, sizes.places, sizes.hours)[0] for events in (sizes.some, sizes.many))
    dense = bench.once(sizes.many, sizes.places)[0]
    more = (many.peak / some.peak - 1) * 100
    over = f"spread over {sizes.hours} h, {{}} slices"
    return [
        _peak(f"{sizes.some:,} events in one call", some, 110.0, over.format(some.report["slices"])),
        _peak(f"{sizes.many:,} events in one call", many, 110.0, over.format(many.report["slices"])),
        Figure("memory", "more for the larger", more, "%", 10.0),
        _peak(f"{sizes.many:,} events in one window", dense, None, "all in one hour: every key of them is needed at once"),
    ]


def behind(bench: Bench) -> list[Figure]:
    """The most that the function's process ever had while one compartment that was refused for days is backfilled, by events it holds."""
    return [_backfilled(bench, events) for events in (bench.sizes.some, bench.sizes.many)]


def _backfilled(bench: Bench, events: int) -> Figure:
    hours = bench.sizes.behind_hours
    spread = {"minutes": hours * 60, "until": int(time.time() // 60) - SETTLE_MINUTES}
    with bench.stage({"INITIAL_LOOKBACK_HOURS": str(hours)}, events=events, compartments=2, refused=True, **spread) as stage:
        stage.call()
        stage.api.say("allow")
        calls = [stage.call()]
        while calls[-1].report["position"]["behind"]:
            calls.append(stage.call())
    slices = sum(call.report["slices"] for call in calls)
    what, note = f"{events:,} events of one compartment {hours} h behind", f"{len(calls)} calls, {slices} slices"
    return _peak(what, calls[-1], 110.0, note, "behind")


def _peak(what: str, call: Called, goal: float | None, note: str, row: str = "memory") -> Figure:
    return Figure(row, f"peak memory, {what}", call.peak / _MB, "MB", goal, note=note)


def ruled(bench: Bench) -> list[Figure]:
    """What rules cost (`benchmarks.rules`, in this process): the same pages with none, and with every kind on, by turns."""
    bodies = rules.pages()
    best = [1.0, 1.0]
    for _ in range(bench.sizes.turns):
        taken = [rules.seconds(bodies, *chosen)[0] for chosen in (_NO_RULES, rules.ALL)]
        best = [min(pair) for pair in zip(best, taken, strict=True)]
    note = f"{best[0] / _MICRO:.1f} µs an event without, {best[1] / _MICRO:.1f} µs with; decode, dedupe, CEF, framing"
    return [Figure("rules", "CPU that rules of every kind add", (best[1] / best[0] - 1) * 100, "%", 50.0, note=note)]
