"""What a run costs without events: compartments, the calls it makes, and what becomes of it where the API throttles."""

from benchmarks.bench import Bench, Stage
from benchmarks.figures import Figure

_ENOUGH = 5.0  # seconds to find the pace in


def compartments(bench: Bench) -> list[Figure]:
    """Wall time of a call that finds nothing, against what waiting alone takes."""
    sizes = bench.sizes
    ideal = sizes.compartments * sizes.latency / sizes.concurrency
    calls = []
    for _ in range(sizes.repeats):
        with bench.stage({"API_CONCURRENCY": str(sizes.concurrency)}, compartments=sizes.compartments, latency=sizes.latency) as stage:
            calls.append(stage.call())
    best = min(calls, key=lambda call: call.wall)
    reading = best.report["performance"]["phases"]["forward"]
    note = (
        f"{best.wall:.1f} s, ideal {ideal:.1f} s; reading alone took {reading:.1f} s ({reading / ideal:.2f} ×), CPU {best.cpu:.1f} s;"
        f" {sizes.latency * 1000:.0f} ms an answer, API_CONCURRENCY={sizes.concurrency}"
    )
    what = f"{sizes.compartments:,} compartments without events, whole call"
    return [Figure("compartments", what, best.wall / ideal, "×", 1.3, note=note)]


def idle(bench: Bench) -> list[Figure]:
    """Calls of a third run, where nothing has happened since the first; the second completes the markers. STATE_NAMESPACE is set."""
    count = bench.sizes.compartments
    with bench.stage({"STATE_NAMESPACE": bench.world.namespace}, compartments=count) as stage:
        first, _, asked = _asked_by_a_call(stage), _asked_by_a_call(stage), _asked_by_a_call(stage)
    events, listing = asked.pop("ListEvents"), asked.pop("ListCompartments", 0)
    served = f"the run before made {first['ListCompartments']}, and its listing serves; LISTING_MINUTES=15"
    others = ", ".join(f"{number} {name}" for name, number in sorted(asked.items()))
    return [
        Figure("idle", "an idle run: ListEvents for each compartment", events / count, "", 1.0, note=f"{count:,} compartments, one region"),
        Figure("idle", "an idle run: ListCompartments", listing, "", 1.0, note=served),
        Figure("idle", "an idle run: other calls", sum(asked.values()), "", note=others),
    ]


def _asked_by_a_call(stage: Stage) -> dict[str, int]:
    before = stage.api.ask("polled")
    stage.call()
    return {name: more for name, number in stage.api.ask("polled").items() if (more := number - before.get(name, 0))}


def throttling(bench: Bench) -> list[Figure]:
    """An API that answers 429 above a rate, asked by who would ask much faster."""
    sizes = bench.sizes
    settings = {"API_REQUESTS_PER_SECOND": str(sizes.polled), "API_CONCURRENCY": str(sizes.concurrency)}
    with bench.stage(settings, compartments=sizes.throttled, latency=sizes.slow, rate=sizes.rate) as stage:
        call = stage.call()
        paced = stage.api.ask("paced")
    served, wasted = sorted(paced["served"]), len(paced["throttled"])
    behind = len(call.report["position"]["behind"])
    settled = _pace(served, wasted=sorted(paced["throttled"]))
    return [
        Figure(
            "throttling", f"calls wasted, of an API that allows {sizes.rate} a second", wasted / (wasted + len(served)) * 100, "%", 5.0,
            note=f"{wasted} of {wasted + len(served):,}; API_REQUESTS_PER_SECOND={sizes.polled}",
        ),
        Figure("throttling", f"pace after {_ENOUGH:.0f} s", settled / sizes.rate * 100, "%", 80.0, least=True, note="of what is allowed"),
        Figure("throttling", "compartments given up for 429", behind, "", 0.0, note=f"the run ended {call.report['status']}"),
    ]  # fmt: skip


def _pace(served: list[float], wasted: list[float]) -> float:
    """Calls a second that were served from `_ENOUGH` on; over all the time where there is less."""
    began = min([*served, *wasted])
    late = [at for at in served if at >= began + _ENOUGH]
    chosen = late if len(late) > 1 else served
    return (len(chosen) - 1) / max(chosen[-1] - chosen[0], 1e-9)
