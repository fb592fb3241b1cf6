"""Rows for runs that wait for responses: compartments without events, API calls, throttling, and one busy compartment."""

import time

from benchmarks.bench import SETTLE_MINUTES, Bench, Stage
from benchmarks.figures import Figure

_ADAPTATION_SECONDS = 5.0  # for the run to adapt its call rate
_OVERLAP_MINUTES = 60


def compartments(bench: Bench) -> list[Figure]:
    """Duration of a call without events, relative to the latency of its responses."""
    sizes = bench.sizes
    ideal = sizes.compartments * sizes.latency / sizes.concurrency
    calls = []
    for _ in range(sizes.repeats):
        with bench.stage({"API_CONCURRENCY": str(sizes.concurrency)}, compartments=sizes.compartments, latency=sizes.latency) as stage:
            calls.append(stage.call())
    best = min(calls, key=lambda call: call.wall)
    reading = best.report["performance"]["phases"]["forward"]
    note = (
        f"{best.wall:.1f} s, ideal {ideal:.1f} s; reading took {reading:.1f} s ({reading / ideal:.2f} ×), CPU {best.cpu:.1f} s;"
        f" {sizes.latency * 1000:.0f} ms per response, API_CONCURRENCY={sizes.concurrency}"
    )
    what = f"{sizes.compartments:,} compartments without events: duration of a call ÷ ideal"
    return [Figure("compartments", what, best.wall / ideal, "×", 1.3, note=note)]


def idle(bench: Bench) -> list[Figure]:
    """API calls of an idle run: the third, because the second completes the markers. STATE_NAMESPACE is set."""
    count = bench.sizes.compartments
    with bench.stage({"STATE_NAMESPACE": bench.world.namespace}, compartments=count) as stage:
        first, _, calls = _api_calls(stage), _api_calls(stage), _api_calls(stage)
    events, listing = calls.pop("ListEvents"), calls.pop("ListCompartments", 0)
    reused = f"the first run made {first['ListCompartments']}, and its listing is reused; LISTING_MINUTES=15"
    others = ", ".join(f"{number} {name}" for name, number in sorted(calls.items()))
    return [
        Figure("idle", "idle run: ListEvents per compartment", events / count, "", 1.0, note=f"{count:,} compartments, one region"),
        Figure("idle", "idle run: ListCompartments", listing, "", 1.0, note=reused),
        Figure("idle", "idle run: other calls", sum(calls.values()), "", note=others),
    ]


def _api_calls(stage: Stage) -> dict[str, int]:
    before = stage.api.request("calls")
    stage.call()
    return {name: more for name, number in stage.api.request("calls").items() if (more := number - before.get(name, 0))}


def throttling(bench: Bench) -> list[Figure]:
    """An API that returns 429 above its rate limit, and a run that is configured to call it much faster."""
    sizes = bench.sizes
    settings = {"API_REQUESTS_PER_SECOND": str(sizes.request_rate), "API_CONCURRENCY": str(sizes.concurrency)}
    with bench.stage(settings, compartments=sizes.throttled, latency=sizes.slow, rate=sizes.rate) as stage:
        call = stage.call()
        times = stage.api.request("call_times")
    served, throttled = sorted(times["served"]), sorted(times["throttled"])
    behind = len(call.report["position"]["behind"])
    total = len(throttled) + len(served)
    rate = _call_rate(served, throttled)
    return [
        Figure(
            "throttling", f"throttled calls, API limit {sizes.rate} per second", len(throttled) / total * 100, "%", 5.0,
            note=f"{len(throttled)} of {total:,}; API_REQUESTS_PER_SECOND={sizes.request_rate}",
        ),
        Figure(
            "throttling", f"call rate after {_ADAPTATION_SECONDS:.0f} s", rate / sizes.rate * 100, "%", 80.0, least=True,
            note="of the API limit",
        ),
        Figure("throttling", "compartments behind because of 429", behind, "", 0.0, note=f"status of the run: {call.report['status']}"),
    ]  # fmt: skip


def busy(bench: Bench) -> list[Figure]:
    """Time to read an hour with many pages: of one compartment, divided and not divided, and of many, relative to the last."""
    sizes = bench.sizes
    spread = _reading_seconds(bench, sizes.places, "8")
    figures = []
    for what, concurrency in (("read at the same time", "8"), ("read one page after the other", "1")):
        seconds = _reading_seconds(bench, 1, concurrency)
        note = (
            f"{seconds:.1f} s, {spread:.1f} s if spread; {sizes.busy_pages} pages, {sizes.latency * 1000:.0f} ms each;"
            f" API_CONCURRENCY={concurrency}"
        )
        goal, name = 1.5 if concurrency == "8" else None, f"one busy compartment ÷ {sizes.places} compartments, {what}"
        figures.append(Figure("busy", name, seconds / spread, "×", goal, note=note))
    return figures


def _reading_seconds(bench: Bench, compartments: int, concurrency: str) -> float:
    """The forward step of a run that reads its overlap again: the run before it has measured the page rate. Minimum of the repeats."""
    sizes, minutes = bench.sizes, 2 * _OVERLAP_MINUTES
    events = 2 * sizes.busy_pages * sizes.busy_page
    spread = {"minutes": minutes, "until": int(time.time() // 60) - SETTLE_MINUTES, "page": sizes.busy_page}
    settings = {"API_CONCURRENCY": concurrency, "OVERLAP_MINUTES": str(_OVERLAP_MINUTES)}
    with bench.stage(settings, events=events, compartments=compartments, latency=sizes.latency, **spread) as stage:
        stage.call()
        return min(stage.call().report["performance"]["phases"]["forward"] for _ in range(sizes.repeats))


def _call_rate(served: list[float], throttled: list[float]) -> float:
    """Returns the served calls per second after `_ADAPTATION_SECONDS`, or over all calls if the run is shorter."""
    began = min([*served, *throttled])
    late = [at for at in served if at >= began + _ADAPTATION_SECONDS]
    chosen = late if len(late) > 1 else served
    return (len(chosen) - 1) / max(chosen[-1] - chosen[0], 1e-9)
