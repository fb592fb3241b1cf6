"""The row for the CPU of an event, from the page to confirmed delivery over TLS, as a ratio to the calibration loop (`calibrate`).

All of it is measured in turns on the same machine: this function and that of the last commit, A B A B, and the calibration in each turn.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.bench import Bench, CallResult
from benchmarks.calibrate import calibrate
from benchmarks.figures import Figure
from tests.support.image import Image

_MICRO = 1e-6
_FIELD_MAP = json.dumps({
    "formats": {
        "cef": {
            "rename": {"suser": "accountName"},
            "add": {"OracleOCIAuditShape": "data.additionalDetails.shape", "cs2": "epimetheus.actor"},
            "labels": {"cs2": "actor"},
        }
    }
})  # the example of docs/formats.md


class Variant(NamedTuple):
    """Settings to measure. ``goal``: at most this ratio to the calibration, or to CEF if ``to_cef``. ``unique``: nothing repeats."""

    settings: Mapping[str, str]
    goal: float | None
    to_cef: bool = False
    unique: bool = False


VARIANTS: Mapping[str, Variant] = MappingProxyType({
    "CEF": Variant({"FORMAT": "cef"}, 7.5),
    "JSON": Variant({"FORMAT": "json"}, 9.0),
    "LEEF": Variant({"FORMAT": "leef"}, 1.3, to_cef=True),
    "CEF with FIELD_MAP": Variant({"FORMAT": "cef", "FIELD_MAP": _FIELD_MAP}, 1.3, to_cef=True),
    "OCSF": Variant({"FORMAT": "ocsf"}, 2.5, to_cef=True),
    "CEF, nothing repeats": Variant({"FORMAT": "cef"}, None, unique=True),
})
_SEEN_GOAL = 4.0


@dataclass
class _Measured:
    """The calls of a variant: of this function, of the last commit's, and those that read the same events again. CPU seconds per event."""

    calls: list[CallResult] = field(default_factory=list)
    base: list[CallResult] = field(default_factory=list)
    again: list[CallResult] = field(default_factory=list)
    base_again: list[CallResult] = field(default_factory=list)
    calibrations: list[float] = field(default_factory=list)

    @property
    def calibration(self) -> float:
        return min(self.calibrations)

    @property
    def ratio(self) -> float:
        return _least(self.calls) / self.calibration


def cpu(bench: Bench) -> list[Figure]:
    """The minimum of each, because noise only adds."""
    measured = {name: _Measured() for name in VARIANTS}
    for _ in range(bench.sizes.repeats):
        for name, variant in VARIANTS.items():
            _turn(bench, variant, measured[name])
    cef = measured["CEF"]
    seen, least = _least(cef.again) / cef.calibration, cef.calibration / _MICRO
    return [
        *[_ratio(name, variant, measured[name], cef) for name, variant in VARIANTS.items()],
        Figure("cpu", "duplicate ÷ calibration", seen, "×", _SEEN_GOAL, note="fetched again because of the overlap, not sent"),
        *_compared(bench, measured),
        Figure("cpu", "calibration: decode and send over TLS", least, "µs", note="per event; nothing else, in this process"),
        *[_absolute(name, one.calls) for name, one in measured.items()],
        Figure("cpu", "CPU per duplicate event", _least(cef.again) / _MICRO, "µs"),
    ]


def _turn(bench: Bench, variant: Variant, measured: _Measured) -> None:
    """One call of this function, and one of the last commit's."""
    templates = bench.unique_pages if variant.unique else Path(bench.api_options.templates)
    for image, calls, again in ((bench.image(), measured.calls, measured.again), _base(bench, measured)):
        if not image:
            continue
        with bench.stage(dict(variant.settings), image=image, events=bench.sizes.events, templates=str(templates)) as stage:
            measured.calibrations.append(calibrate(bench, templates, stage.receiver.port, rounds=2))
            calls.append(stage.call())
            if variant is VARIANTS["CEF"]:
                again.append(stage.call())


def _base(bench: Bench, measured: _Measured) -> tuple[Image | None, list[CallResult], list[CallResult]]:
    base = bench.base()
    return base.image if base else None, measured.base, measured.base_again


def _ratio(name: str, variant: Variant, measured: _Measured, cef: _Measured) -> Figure:
    if variant.to_cef:
        note = f"{measured.ratio:.1f} × calibration"
        return Figure("cpu", f"{name} ÷ CEF", _least(measured.calls) / _least(cef.calls), "×", variant.goal, note=note)
    return Figure("cpu", f"{name} ÷ calibration", measured.ratio, "×", variant.goal)


def _compared(bench: Bench, measured: Mapping[str, _Measured]) -> list[Figure]:
    """Each ratio to the last commit, which is 1 for the same code."""
    if not (base := bench.base()):
        return []
    figures = []
    for name, one in measured.items():
        for what, now, before in ((name, one.calls, one.base), (f"{name}, duplicate", one.again, one.base_again)):
            if before:
                goal = 1.05 if VARIANTS[name].unique else None
                figures.append(Figure("cpu", f"{what} ÷ {base.name}", _least(now) / _least(before), "×", goal))
    return figures


def _absolute(name: str, calls: list[CallResult]) -> Figure:
    call = min(calls, key=lambda call: call.cpu)
    events = call.report["fetched"]
    api, receiver = (round(cpu / events / _MICRO, 1) for cpu in (call.api_cpu, call.receiver_cpu))
    note = f"{events:,} events in {call.wall:.1f} s; the stand-in API used {api} µs, the receiver {receiver} µs per event"
    return Figure("cpu", f"CPU per event, {name}", _least(calls) / _MICRO, "µs", note=note)


def _least(calls: list[CallResult]) -> float:
    return min(call.cpu / call.report["fetched"] for call in calls)
