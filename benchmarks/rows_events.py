"""Rows for the CPU and memory of events in the function's process."""

import time

from benchmarks import rules
from benchmarks.bench import SETTLE_MINUTES, Bench, CallResult
from benchmarks.calibrate import calibrate
from benchmarks.figures import Figure
from epimetheus.select.rules import Rules
from epimetheus.select.tamper_watch import TamperWatch

_MB, _MICRO = 1e6, 1e-6
_GOALS = {"cef": 15.0, "json": 12.0}
_NO_RULES = (Rules(), TamperWatch(("ocid1.fnfunc.oc1.iad.ours",)))  # A function always protects itself.


def cpu(bench: Bench) -> list[Figure]:
    """CPU from pages to confirmed delivery over TLS, in turns with the calibration loop; the minimum of each."""
    calibrations: list[float] = []
    repeated: list[CallResult] = []
    first: dict[str, list[CallResult]] = {name: [] for name in _GOALS}
    for _ in range(bench.sizes.repeats):
        for name, calls in first.items():
            with bench.stage({"FORMAT": name}, events=bench.sizes.events) as stage:
                calibrations.append(calibrate(bench, stage.receiver.port, rounds=2))
                calls.append(stage.call())
                if name == "cef":
                    repeated.append(stage.call())
    least = min(calibrations) / _MICRO
    figures = [_figure(name, min(calls, key=lambda call: call.cpu), least) for name, calls in first.items()]
    seen = min(call.cpu / call.report["duplicates"] for call in repeated) / _MICRO
    return [
        Figure("cpu", "calibration: decode and send over TLS", least, "µs", note="per event; nothing else, in this process"),
        *figures,
        Figure("cpu", "CPU per duplicate event", seen, "µs", ratio=seen / least, note="fetched again because of the overlap, not sent"),
    ]


def _figure(name: str, call: CallResult, least: float) -> Figure:
    events = call.report["fetched"]
    used, others = call.cpu / events / _MICRO, [round(cpu / events / _MICRO, 1) for cpu in (call.api_cpu, call.receiver_cpu)]
    note = f"{events:,} events in {call.wall:.1f} s; the stand-in API used {others[0]} µs, the receiver {others[1]} µs per event"
    return Figure("cpu", f"CPU per event, {name.upper()}", used, "µs", _GOALS[name], ratio=used / least, note=note)


def memory(bench: Bench) -> list[Figure]:
    """Peak memory of the function's process: after a day without a run, and with the same number of events in one window."""
    sizes = bench.sizes
    some, many = (bench.cached_call(events, sizes.places, sizes.hours)[0] for events in (sizes.some, sizes.many))
    dense = bench.cached_call(sizes.many, sizes.places)[0]
    more = (many.peak / some.peak - 1) * 100
    over = f"spread over {sizes.hours} h, {{}} slices"
    return [
        _peak(f"{sizes.some:,} events in one call", some, 110.0, over.format(some.report["slices"])),
        _peak(f"{sizes.many:,} events in one call", many, 110.0, over.format(many.report["slices"])),
        Figure("memory", f"increase from {sizes.some:,} to {sizes.many:,} events", more, "%", 10.0),
        _peak(f"{sizes.many:,} events in one window", dense, None, "all in one hour, so all keys are in memory"),
    ]


def behind(bench: Bench) -> list[Figure]:
    """Peak memory of the function's process while it backfills a compartment that was unreadable for days."""
    return [_backfilled(bench, events) for events in (bench.sizes.some, bench.sizes.many)]


def _backfilled(bench: Bench, events: int) -> Figure:
    hours = bench.sizes.behind_hours
    spread = {"minutes": hours * 60, "until": int(time.time() // 60) - SETTLE_MINUTES}
    with bench.stage({"INITIAL_LOOKBACK_HOURS": str(hours)}, events=events, compartments=2, refused=True, **spread) as stage:
        stage.call()
        stage.api.send("allow")
        calls = [stage.call()]
        while calls[-1].report["position"]["behind"]:
            calls.append(stage.call())
    slices = sum(call.report["slices"] for call in calls)
    what, note = f"{events:,} events of one compartment {hours} h behind", f"{len(calls)} calls, {slices} slices"
    return _peak(what, calls[-1], 110.0, note, "behind")


def _peak(what: str, call: CallResult, goal: float | None, note: str, row: str = "memory") -> Figure:
    return Figure(row, f"peak memory, {what}", call.peak / _MB, "MB", goal, note=note)


def ruled(bench: Bench) -> list[Figure]:
    """CPU of rules (`benchmarks.rules`, in this process): the same pages without rules and with rules of every kind, in turns."""
    bodies = rules.pages(bench.sizes.rule_pages)
    best = [1.0, 1.0]
    for _ in range(bench.sizes.turns):
        used = [rules.seconds(bodies, *selected)[0] for selected in (_NO_RULES, rules.ALL)]
        best = [min(pair) for pair in zip(best, used, strict=True)]
    note = f"{best[0] / _MICRO:.1f} µs per event without, {best[1] / _MICRO:.1f} µs with; decode, dedupe, CEF, framing"
    return [Figure("rules", "CPU added by rules of every kind", (best[1] / best[0] - 1) * 100, "%", 50.0, note=note)]
