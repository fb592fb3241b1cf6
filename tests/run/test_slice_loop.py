"""What a run reads next, with the time that is left."""

from types import SimpleNamespace

import pytest

from epimetheus.run.slice_loop import _next_slice
from epimetheus.run.slice_reader import LEAST_SECONDS
from epimetheus.state.model import BehindCompartment, KnownCompartment, State


@pytest.mark.parametrize(("left", "seconds"), [(60.0, 20.0), (30.0, 15.0), (2.5, 1.25), (2.0, 2.0), (1.2, 1.2)])
def test_a_backfill_slice_has_time_to_start_a_task(left, seconds):
    """Half of the last two seconds is too little: the slice would read nothing, take no time, and be planned again."""
    known = {"a": KnownCompartment("a", polled=True), "b": KnownCompartment("b", polled=True)}
    ctx = SimpleNamespace(
        options=SimpleNamespace(slice_minutes=60, overlap_minutes=15),
        progress=SimpleNamespace(excluded={}, fresh=set(), slice_seconds=0.0),
        state=State("region", 1_000, behind={"b": BehindCompartment(900, "404")}, known=known),
        time=SimpleNamespace(minute=1_100, end=1_098),
        budget=SimpleNamespace(work_seconds=60.0),
    )
    current = _next_slice(ctx, left, prefer_backfill=True)
    assert (current.backfill, current.seconds) == (True, seconds)
    assert current.seconds > LEAST_SECONDS
