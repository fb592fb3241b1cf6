"""State sessions over simulated stores, with a marker in versions of Epimetheus that have one."""

from importlib import import_module
from importlib.util import find_spec

from epimetheus.state.session import StateSession
from tests.simulation.storage import Shelf
from tests.simulation.tenancy import ROOT

HAS_MARKER = find_spec("epimetheus.state.marker") is not None


def state_session(shelf: Shelf, marker: Shelf, run_id: str, region: str) -> StateSession:
    """The session of the run ``run_id``."""
    if not HAS_MARKER:
        return StateSession(shelf, run_id, region)
    owner, markers = import_module("epimetheus.state.owner"), import_module("epimetheus.state.marker").Markers
    marker.patience = shelf.patience
    return StateSession(shelf, run_id, region, owner.Owner(ROOT, owner.receiver_id("tls", "siem", 6514, None)), markers((marker,)))


def is_missed(marker: Shelf) -> bool:
    """Whether a run would detect that the state is deleted: its marker is complete."""
    return not HAS_MARKER or (marker.data is not None and b'"complete": true' in marker.data)
