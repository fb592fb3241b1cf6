"""Rows for the memory of events in the function's process, and for the CPU of rules."""

from benchmarks import rules
from benchmarks.bench import Bench, CallResult, spread_over
from benchmarks.figures import Figure
from epimetheus.select.rules import Rules
from epimetheus.select.tamper_watch import TamperWatch

_MB, _MICRO = 1e6, 1e-6
_PEAK_GOAL = 100.0
_NO_RULES = (Rules(), TamperWatch(("ocid1.fnfunc.oc1.iad.ours",)))  # A function always protects itself.


def memory(bench: Bench) -> list[Figure]:
    """Peak memory of the function's process: after a day without a run, and with the same number of events in one window."""
    sizes = bench.sizes
    some, many = (bench.cached_call(events, sizes.places, sizes.hours)[0] for events in (sizes.some, sizes.many))
    dense = bench.cached_call(sizes.many, sizes.places)[0]
    more = (many.peak / some.peak - 1) * 100
    over = f"spread over {sizes.hours} h, {{}} slices"
    return [
        _peak(f"{sizes.some:,} events in one call", some, _PEAK_GOAL, over.format(some.report["slices"])),
        _peak(f"{sizes.many:,} events in one call", many, _PEAK_GOAL, over.format(many.report["slices"])),
        Figure("memory", f"increase from {sizes.some:,} to {sizes.many:,} events", more, "%", 10.0),
        _peak(f"{sizes.many:,} events in one window", dense, None, "all in one hour, so all keys are in memory"),
    ]


def behind(bench: Bench) -> list[Figure]:
    """Peak memory of the function's process while it backfills a compartment that was unreadable for days."""
    return [_backfilled(bench, events) for events in (bench.sizes.some, bench.sizes.many)]


def _backfilled(bench: Bench, events: int) -> Figure:
    hours = bench.sizes.behind_hours
    with bench.stage({"INITIAL_LOOKBACK_HOURS": str(hours)}, events=events, compartments=2, refused=True, **spread_over(hours)) as stage:
        stage.call()
        stage.api.send("allow")
        calls = [stage.call()]
        while calls[-1].report["position"]["behind"]:
            calls.append(stage.call())
    slices = sum(call.report["slices"] for call in calls)
    what, note = f"{events:,} events of one compartment {hours} h behind", f"{len(calls)} calls, {slices} slices"
    return _peak(what, calls[-1], _PEAK_GOAL, note, "behind")


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
