"""Plays with a single fault, to count the runs that recovery takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from epimetheus.reports import Report
from tests.simulation.play import Region, Theatre, small_batches
from tests.simulation.settings import Settings
from tests.simulation.tenancy import ROOT, Place

HOUR = 3600.0


class Scene:
    """A play without random faults: the root, and compartments with events that the scene adds."""

    def __init__(self, **settings: object) -> None:
        self.theatre = Theatre(1, calm=True)
        self.theatre.configure(replace(Settings(), **settings))
        self.theatre.siem.relp, self.theatre.siem.answers, self.theatre.siem.mortality = False, True, 0.0
        self.theatre.receipts.form, self.theatre.receipts.reads_notices = "cef", True
        self.stage = self.theatre.stage
        self.tenancy = self.region.tenancy
        self.tenancy.places = {ROOT: Place(None, self.stage.now - 1e6, 0.0)}
        self.tenancy.steady = True
        self.region.wire.page_size = 11

    @property
    def region(self) -> Region:
        return self.theatre.regions[0]

    def add_compartment(self, name: str, *, since: float = -1e6) -> str:
        """Add a compartment, created ``since`` seconds from now. Returns its OCID."""
        ocid = f"ocid1.compartment.oc1..{name}"
        self.tenancy.places[ocid] = Place(ROOT, self.stage.now + since, 0.0)
        return ocid

    def add_events(self, ocid: str, count: int, seconds: float) -> list[str]:
        """Add ``count`` events, evenly over the last ``seconds``. Returns their names."""
        place, step = self.tenancy.places[ocid], seconds / count
        self.tenancy.add(ocid, place, [self.stage.now - seconds + step * (number + 0.5) for number in range(count)])
        return [event.name for event in place.events[-count:]]

    def run(self, seconds: float = 60.0) -> Report:
        """Invoke the function, ten minutes after the last invocation."""
        self.stage.now += 599
        return self.run_now(seconds)

    def run_now(self, seconds: float = 60.0) -> Report:
        """Invoke the function, a second after the last invocation."""
        self.stage.dead = False
        self.stage.now += 1
        self.tenancy.grow()
        return self.theatre.call(seconds)[0]

    def missing(self, names: list[str]) -> int:
        """The number of these events that have not arrived."""
        arrived = self.theatre.receipts.up_to_now()
        return sum(name not in arrived for name in names)

    def runs_until_arrived(self, names: list[str], most: int, seconds: float = 60.0) -> int:
        """The number of runs until all of these events have arrived; ``most`` + 1 if more than ``most``."""
        for count in range(1, most + 1):
            self.run_now(seconds)
            if not self.missing(names):
                return count
        return most + 1

    def finish(self) -> None:
        """End all faults, catch up, and let the oracle check that everything has arrived."""
        self.theatre.catch_up()


@contextmanager
def scene(**settings: object) -> Iterator[Scene]:
    """A `Scene` with small batches."""
    with small_batches():
        yield Scene(**settings)
