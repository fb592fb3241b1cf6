"""A simulated tenancy: compartments are created, moved and deleted, events are listed late or twice; and its Identity service."""

from collections.abc import Collection
from dataclasses import dataclass, field

from epimetheus.errors import SourceError
from epimetheus.model import Compartment
from epimetheus.oci_client.clients import ServiceFailure
from tests.simulation.chance import Stage
from tests.simulation.events import Event, key_of, make_event

ROOT = "ocid1.tenancy.oc1..root"
MOST_AT_ONCE = 40
"""The most events of one compartment between two runs, except in bursts: a long outage must not make a play long."""
BURST = 120
REFUSED_FOR = (40 * 60.0, 8 * 3600.0, 30 * 3600.0)


@dataclass
class Place:
    """The actual state of a compartment. Times are in seconds."""

    parent: str | None
    created: float
    rate: float
    name: str = "a"
    events: list[Event] = field(default_factory=list)
    state: str = "ACTIVE"
    listed: bool = True
    forbidden: bool = False
    bad: str | None = None
    refused_until: float = 0.0
    back_at: float | None = None
    deleted_at: float | None = None


class Tenancy:
    """The compartments and events of one region; `grow` advances it.

    ``steady``: each listing is complete. ``mark``: prefix of event names. ``lateness``: the most seconds that an event is listed late,
    unless ``beyond`` is set (the fault of events listed after the overlap).
    """

    def __init__(self, stage: Stage, mark: str, events: dict[str, Event]) -> None:
        self.stage = stage
        self.mark = mark
        self.by_name = events
        self.by_key: dict[bytes, str] = {}
        self.places = {ROOT: Place(None, stage.now - 1e6, 2.0)}
        self.patience = 8.0
        self.steady = False
        self.lateness = 12 * 60.0
        self.beyond = False
        self.changing = self.all_selected = True
        self.busy = stage.dice.choice((0.3, 0.3, 0.6, 1.0))
        self.hiding = self.refusing = False
        self.identity_down_until = self.refused_until = 0.0
        self.listing_lost = False
        self.listed_at = stage.now
        self.kept: Collection[str] = ()
        self.grown_to = stage.now - 3 * 3600
        for _ in range(stage.dice.randrange(1, 5)):
            self.create(stage.now - 1e6)

    def create(self, created: float) -> str:
        """Create a compartment. Returns its OCID."""
        dice, ocid = self.stage.dice, f"ocid1.compartment.oc1..c{len(self.places)}"
        self.places[ocid] = Place(dice.choice(self.parents()), created, dice.choice((0.0, 0.2, 1.0, 3.0)))
        return ocid

    def parents(self, child: str = "") -> list[str]:
        """The compartments that ``child`` may be moved into: active and not below it."""
        return sorted(ocid for ocid, place in self.places.items() if place.state == "ACTIVE" and child not in self.lineage(ocid))

    def lineage(self, ocid: str) -> list[str]:
        """A compartment and its ancestors."""
        parent = self.places[ocid].parent
        return [ocid, *(self.lineage(parent) if parent else [])]

    def is_refused(self, place: Place) -> bool:
        """Whether Audit responds 404 for it."""
        return place.forbidden or self.stage.now < max(self.refused_until, place.refused_until)

    def grow(self) -> None:
        """Add the events since the last call, and sometimes change compartments."""
        stage, start, end = self.stage, self.grown_to, self.stage.now
        self.grown_to = end
        if not stage.calm and self.changing:
            self.change()
        for ocid, place in self.places.items():
            if place.back_at is not None and end >= place.back_at:
                place.listed, place.back_at = True, None
            if place.state == "ACTIVE":
                self.add_random_events(ocid, place, max(start, place.created), end)

    def add_random_events(self, ocid: str, place: Place, start: float, end: float) -> None:
        """Add random events of one compartment between these times."""
        stage, dice = self.stage, self.stage.dice
        count = min(MOST_AT_ONCE, int((end - start) / 600 * place.rate * self.busy * dice.random() * 2)) if end > start else 0
        if count and stage.chance("burst", 0.02):
            count = BURST
        self.add(ocid, place, sorted(start + dice.random() * (end - start) for _ in range(count)))

    def add(self, ocid: str, place: Place, moments: Collection[float]) -> None:
        """Add events at these times, which are in order and after all existing events."""
        for processed in moments:
            event = make_event(self.stage, f"e{self.mark}{len(self.by_name)}", ocid, processed, self.late())
            place.events.append(event)
            self.by_name[event.name] = event
            self.by_key[key_of(ocid, event.raw)] = event.name

    def late(self) -> tuple[float, bool]:
        """The seconds from processing to listing of an event, and whether it must be read with OVERLAP_MINUTES."""
        stage = self.stage
        if self.beyond and stage.chance("event listed beyond the overlap", 0.02):
            return stage.dice.choice((3, 20)) * 3600 * stage.dice.random(), False
        if stage.chance("event listed late", 0.1):
            return self.lateness * stage.dice.random(), True
        return stage.dice.random() * 60, True

    def change(self) -> None:
        """Create, move, rename, delete or hide compartments, change permissions, or make some unreadable for a while."""
        stage, dice = self.stage, self.stage.dice
        others = sorted(set(self.places) - {ROOT})
        if stage.chance("compartment created", 0.1) and len(others) < 9:
            self.create(self.grown_to - dice.random() * 300)
        if others:
            ocid = dice.choice(others)
            self.change_one(ocid, self.places[ocid])
        for one in self.places.values():
            if dice.random() < 0.3:
                one.forbidden, one.bad = False, None

    def change_one(self, ocid: str, place: Place) -> None:
        stage, dice = self.stage, self.stage.dice
        if place.state == "ACTIVE" and stage.chance("compartment moved", 0.1):
            place.parent = dice.choice(self.parents(ocid))
        if stage.chance("compartment renamed", 0.1):
            place.name += "a"
        may = (self.all_selected and place.back_at is None) or stage.has("compartment deleted while not polled")
        empty = may and place.state == "ACTIVE" and all(one.parent != ocid for one in self.places.values())  # as OCI requires
        if empty and stage.chance("compartment deleted", 0.08 if self.refusing else 0.04):
            self.delete(place)
        elif empty and stage.chance("compartment vanished", 0.02):
            self.delete(place)
            place.listed = False
        elif empty and self.hiding and ocid in self.kept and stage.chance("compartment left out of listings", 0.3):
            place.listed, place.back_at = False, stage.now + dice.choice((3600, 12 * 3600, 40 * 3600))
        if stage.has("deleted compartment refused") or place.state == "ACTIVE":
            self.refuse(place)
        if stage.chance("compartment unreadable", 0.05):
            place.bad = dice.choice(("429", "500", "garbage", "timeout"))

    def refuse(self, place: Place) -> None:
        stage = self.stage
        if stage.chance("permission lost", 0.05):
            place.forbidden = True
        if self.refusing and place.state == "DELETED" and stage.chance("deleted compartment refused", 0.4):
            place.refused_until = stage.now + stage.dice.choice(REFUSED_FOR)

    def delete(self, place: Place) -> None:
        place.state, place.deleted_at = "DELETED", self.stage.now
        if not self.stage.has("deleted compartment refused"):
            place.forbidden = False

    def heal(self) -> None:
        """End every fault of a compartment, and list hidden ones again."""
        self.identity_down_until = self.refused_until = 0.0
        self.listing_lost = False
        for place in self.places.values():
            place.forbidden, place.bad, place.refused_until = False, None, 0.0
            place.listed, place.back_at = place.listed or place.back_at is not None, None

    def list_page(self, parent: str, subtree: bool, page: str | None) -> tuple[list[Compartment], str | None]:
        """`ListPage`: Identity."""
        stage = self.stage
        stage.step(0.05)
        self.identity_trouble(subtree)
        rows = [
            Compartment(ocid, place.name, place.parent, int(place.created // 60), place.state == "DELETED")
            for ocid, place in self.places.items()
            if place.listed and place.parent and (subtree or place.parent == parent)
        ]
        if not self.steady and stage.chance("listing reordered", 0.1):  # between pages, so a compartment may be missing
            rows.reverse()
        if rows and stage.chance("listing repeats", 0.1):
            rows.append(rows[0])
        start = int(page or 0)
        more = start + 4 < len(rows)
        if not more:
            self.listed_at = stage.now
        return rows[start : start + 4], str(start + 4) if more else None

    def identity_trouble(self, subtree: bool) -> None:
        stage = self.stage
        if self.listing_lost:
            raise ServiceFailure("Listing failed: OCI returned 404.", do="", status=404, code="NotAuthorizedOrNotFound")
        if stage.now < self.identity_down_until or stage.chance("Identity 500", 0.03):
            raise ServiceFailure("Listing failed: OCI returned 500.", do="", status=500, code="InternalServerError")
        if stage.chance("Identity timeout", 0.02):
            stage.sleep(self.patience)
            raise SourceError("Listing failed: no response from OCI.", do="")
        if subtree and stage.chance("subtree refused", 0.05):
            raise ServiceFailure("Listing failed: OCI returned 404.", do="", status=404, code="NotAuthorizedOrNotFound")
