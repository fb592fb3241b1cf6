"""Plays in which one thing goes wrong and all else is well, so that what must come of it can be counted in runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from epimetheus.model import Report
from tests.simulation.play import Region, Theatre, small_batches
from tests.simulation.settings import Settings
from tests.simulation.tenancy import ROOT, Place

HOUR = 3600.0


class Scene:
    """A calm theatre: the root, and compartments with the events that a scene gives them."""

    def __init__(self, **settings: object) -> None:
        self.theatre = Theatre(1, calm=True)
        self.theatre.configure(replace(Settings(), **settings))
        self.theatre.siem.relp, self.theatre.siem.answers, self.theatre.siem.mortality = False, True, 0.0
        self.theatre.receipts.form, self.theatre.receipts.hears = "cef", True
        self.stage = self.theatre.stage
        self.tenancy = self.region.tenancy
        self.tenancy.places = {ROOT: Place(None, self.stage.now - 1e6, 0.0)}
        self.tenancy.steady = True
        self.region.wire.page_size = 11

    @property
    def region(self) -> Region:
        return self.theatre.regions[0]

    def place(self, name: str, *, since: float = -1e6) -> str:
        """A compartment that was created so many seconds from now; its OCID."""
        ocid = f"ocid1.compartment.oc1..{name}"
        self.tenancy.places[ocid] = Place(ROOT, self.stage.now + since, 0.0)
        return ocid

    def happen(self, ocid: str, count: int, seconds: float) -> list[str]:
        """So many events, evenly over the last ``seconds``; their names."""
        place, step = self.tenancy.places[ocid], seconds / count
        self.tenancy.add(ocid, place, [self.stage.now - seconds + step * (number + 0.5) for number in range(count)])
        return [event.name for event in place.events[-count:]]

    def run(self, seconds: float = 60.0) -> Report:
        """One call of the function, ten minutes after the last."""
        self.stage.now += 599
        return self.at_once(seconds)

    def at_once(self, seconds: float = 60.0) -> Report:
        """One call of the function, a second after the last."""
        self.stage.dead = False
        self.stage.now += 1
        self.tenancy.grow()
        return self.theatre.call(seconds)[0]

    def missing(self, names: list[str]) -> int:
        """How many of these events have not arrived."""
        arrived = self.theatre.receipts.up_to_now()
        return sum(name not in arrived for name in names)

    def runs_until_arrived(self, names: list[str], most: int, seconds: float = 60.0) -> int:
        """How many runs it takes until all of these have arrived; ``most`` + 1 where that is not enough."""
        for count in range(1, most + 1):
            self.at_once(seconds)
            if not self.missing(names):
                return count
        return most + 1

    def end(self) -> None:
        """All is well again, and everything has arrived that the oracle knows of."""
        self.theatre.catch_up()


@contextmanager
def scene(**settings: object) -> Iterator[Scene]:
    """A `Scene`, with batches of a few messages."""
    with small_batches():
        yield Scene(**settings)
