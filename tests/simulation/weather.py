"""Faults between runs that last hours or days: outages, lost permissions, a replaced state, changed settings, clock jumps."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from epimetheus.state.encoding import pack, unpack
from tests.simulation.keeping import is_missed
from tests.simulation.marks import in_the_future, marks_of
from tests.simulation.receipts import Broken
from tests.simulation.settings import RULES, Settings
from tests.simulation.tenancy import ROOT

if TYPE_CHECKING:
    from tests.simulation.play import Region, Theatre

HOUR, DAY = 3600.0, 86_400.0
SHARE = 0.2
"""The share of plays that each fault is a part of."""


class Weather:
    """Each play has some of the faults, which occur at random."""

    def __init__(self, theatre: "Theatre") -> None:
        self.theatre = theatre
        self.stage = theatre.stage
        kinds: dict[str, Callable[[], None]] = {
            "outage longer than a day": self.outage,
            "receiver down for long": self.receiver_down,
            "all of Audit refused": self.audit_refused,
            "Identity down for long": self.identity_down,
            "inspect compartments lost": self.listing_lost,
            "state deleted": self.state_deleted,
            "state rolled back": self.state_rolled_back,
            "state in the future": self.state_in_the_future,
            "settings: compartments": self.compartments_changed,
            "settings: overlap, slice, lookback": self.times_changed,
            "settings: rules": self.rules_changed,
            "settings: reconciliation": self.reconciliation_changed,
            "rewound": self.rewound,
            "entries deleted or damaged": self.entries_lost,
            "clock jumps": self.clock_jumps,
        }
        self.own_dice = random.Random(f"SEAL_MESSAGES {theatre.seed}")
        self.messages_change = self.own_dice.random() < SHARE and self.stage.has("settings: SEAL_MESSAGES")
        dice = self.stage.dice
        self.kinds = {kind: strike for kind, strike in kinds.items() if dice.random() < SHARE and self.stage.has(kind)}
        self.stage.slowness = 6.0 if self.stage.chance("slow answers", 0.15) else 1.0
        for region in theatre.regions:
            tenancy = region.tenancy
            tenancy.steady = not theatre.settings.lookback or "settings: overlap, slice, lookback" in self.kinds
            tenancy.lateness = min(12, theatre.settings.overlap) * 60.0
            tenancy.beyond, tenancy.hiding, tenancy.refusing = (dice.random() < SHARE for _ in range(3))
            region.wire.page_size = dice.choice((10, 40, 80))
            region.wire.memory = dice.choice((None, None, 0.0, HOUR)) if self.stage.has("page token refused in a later run") else None

    def change(self) -> None:
        """Faults may occur. A slightly skewed clock is corrected."""
        self.stage.skew = self.stage.dice.uniform(-120, 120) if self.stage.chance("clock off", 0.1) else 0.0
        for kind, strike in self.kinds.items():
            if self.stage.chance(kind, 0.1):
                strike()

    def change_messages(self) -> None:
        """Turn SEAL_MESSAGES off or on. Its own random numbers leave the other faults of a seed as they are."""
        if self.messages_change and self.own_dice.random() < SHARE:
            self.stage.counted["settings: SEAL_MESSAGES"] += 1
            self.theatre.settings = replace(self.theatre.settings, seal_messages=not self.theatre.settings.seal_messages)

    def clear(self) -> None:
        """End all faults, and select all compartments."""
        theatre, self.stage.slowness = self.theatre, 1.0
        theatre.siem.stalled_until = theatre.siem.down_until = 0.0
        theatre.settings = replace(theatre.settings, seal_messages=True)
        if theatre.settings.mode != "all":
            theatre.configure(replace(theatre.settings, mode="all", ids=()))
        for region in theatre.regions:
            region.tenancy.heal()

    def any_region(self) -> "Region":
        return self.stage.dice.choice(self.theatre.regions)

    def outage(self) -> None:
        """No run for a long time."""
        self.stage.now += self.stage.dice.choice((26 * HOUR, 50 * HOUR))
        self.theatre.grow()

    def receiver_down(self) -> None:
        """Runs fail for a long time because the receiver is down."""
        self.theatre.siem.die()
        self.theatre.siem.down_until = self.stage.now + 26 * HOUR
        self._pass_time(3, 9 * HOUR)

    def audit_refused(self) -> None:
        """The policy is missing for a while."""
        tenancy = self.any_region().tenancy
        tenancy.refused_until = self.stage.now + self.stage.dice.choice((HOUR, 30 * HOUR))
        self._pass_time(3, self.stage.dice.choice((600, 9 * HOUR)))

    def identity_down(self) -> None:
        self.any_region().tenancy.identity_down_until = self.stage.now + self.stage.dice.choice((3 * HOUR, 30 * HOUR))
        self._pass_time(2, self.stage.dice.choice((600, 2 * HOUR)))

    def listing_lost(self) -> None:
        """The permission to list is lost for the rest of the play, and a compartment is created."""
        tenancy = self.any_region().tenancy
        tenancy.listing_lost = True
        tenancy.create(self.stage.now)

    def state_deleted(self) -> None:
        region = self.any_region()
        if is_missed(region.marker):
            self._replace(None, "deleted", region)

    def state_in_the_future(self) -> None:
        """The state is hours or weeks ahead; then it is repaired."""
        region = self.any_region()
        if region.shelf.data and (usable := self._versions(region)):
            by = self.stage.dice.choice((HOUR, DAY, 30 * DAY))
            ahead = int(by + self.stage.now - marks_of(usable[-1]).through) // 60 * 60
            self._replace(in_the_future(usable[-1], ahead), "in the future", region)

    def state_rolled_back(self) -> None:
        """An older version of the state is restored: later events are sent again."""
        region = self.any_region()
        if usable := self._versions(region):
            self._restore(region, self.stage.dice.choice(usable[-30:]))

    def compartments_changed(self) -> None:
        """Change COMPARTMENT_MODE and COMPARTMENT_IDS, after every compartment was polled once."""
        theatre, dice = self.theatre, self.stage.dice
        if any(ocid not in region.oracle.marks for region in theatre.regions for ocid in region.tenancy.places):
            return
        mode = dice.choice(("all", "tenancy_only", "include", "exclude"))
        some = sorted(set.intersection(*(set(region.tenancy.places) for region in theatre.regions)) - {ROOT})
        ids = tuple(dice.sample(some, min(2, len(some)))) if mode in ("include", "exclude") else ()
        if ids or mode in ("all", "tenancy_only"):
            theatre.configure(replace(theatre.settings, mode=mode, ids=ids))
            for region in theatre.regions:
                region.shelf.versions.clear()

    def times_changed(self) -> None:
        """Change times. OVERLAP_MINUTES is never below the first value, which determines which events must be read."""
        theatre, dice = self.theatre, self.stage.dice
        shortest = int(theatre.regions[0].tenancy.lateness // 60) if theatre.settings.overlap < 12 else 15
        overlap = dice.choice((shortest, 2 * shortest, 60))
        changed = replace(theatre.settings, overlap=overlap, slice=dice.choice((15, 60, 240)), lookback=dice.choice((0, 24 * 60)))
        theatre.configure(changed)

    def rules_changed(self) -> None:
        theatre = self.theatre
        theatre.configure(replace(theatre.settings, rules=self.stage.dice.choice((Settings().rules, RULES))))

    def reconciliation_changed(self) -> None:
        theatre = self.theatre
        theatre.configure(replace(theatre.settings, reconcile=self.stage.dice.choice(((), (60,), (5, 60, 1440), (60, 1440)))))

    def rewound(self) -> None:
        """The operator moves the cursor back by hours."""
        self.rewind(self.any_region(), self.stage.dice.choice((60, 5 * 60, 26 * 60)))

    def rewind(self, region: "Region", back: int) -> None:
        """Move the cursor back by ``back`` minutes, as `epimetheus state rewind` does: later events are sent again."""
        if region.shelf.data is None or region.oracle.vanished:
            return
        state = unpack(region.shelf.data, region.shelf.name)
        minute = state.through - back
        rewound = replace(state.rewound(minute, int(self.stage.now // 60)), writer="operator", serial=state.serial + 1)
        stopped = [known.read_until for known in rewound.known.values() if known.read_until is not None]
        first = min([minute, *stopped, *(behind.since for behind in rewound.behind.values())])
        region.shelf.put(pack(rewound))
        region.oracle.rewound(pack(rewound), first * 60 - HOUR)

    def entries_lost(self) -> None:
        """Some entries of the ledger are deleted or damaged behind the function's back.

        One always stays: reconciliation skips the time of an empty ledger (tests/run/test_ledger_mistakes.py).
        """
        region, dice = self.any_region(), self.stage.dice
        objects = region.ledger.objects
        names = dice.sample(sorted(objects), min(len(objects), dice.choice((1, 3))))
        for name in names if len(names) < len(objects) else names[1:]:
            region.oracle.entry_lost(objects[name])
            if dice.random() < 0.5:
                del objects[name]
            else:
                objects[name] = objects[name][:-1]

    def clock_jumps(self) -> None:
        """The clock jumps by minutes, before or during a run."""
        to = self.stage.dice.choice((-600.0, -240.0, -90.0, 90.0, 240.0, 600.0))
        if self.stage.dice.random() < 0.3:
            self.stage.jump_in, self.stage.jump_to = self.stage.dice.randrange(20), to
        else:
            self.stage.skew = to

    def _pass_time(self, runs: int, seconds: float) -> None:
        """``runs`` invocations, ``seconds`` apart, during the fault."""
        for _ in range(runs):
            self.theatre.act()
            self.stage.now += seconds
            self.theatre.grow()

    def _versions(self, region: "Region") -> list[bytes]:
        """Older states with every compartment of the newest, and without a lease."""
        if region.shelf.data is None:
            return []
        names = set(region.oracle.marks)
        some = [*region.shelf.versions, region.shelf.data]
        return [one for one in some if (marks := marks_of(one)).lease is None and names <= set(marks.read)]

    def _replace(self, data: bytes | None, why: str, region: "Region") -> None:
        """Replace the state by one that must not be used; after two invocations the operator restores the last good one."""
        usable = self._versions(region)
        if not usable:
            return
        region.shelf.put(data)
        region.oracle.replaced(data, why)
        calm, self.stage.calm, self.stage.skew = self.stage.calm, True, 0.0
        for _ in range(2):
            for report in self.theatre.call(60.0 * len(self.theatre.regions)):
                if report.region == region.name and (report.status != "failed" or not report.error.kind.startswith("state")):
                    raise Broken(f"5, 7: the state is {why}, but the run is {report.status}: {report.error}")
            self.stage.now += 600
            self.theatre.grow()
        self.stage.calm = calm
        self._restore(region, usable[-1])

    def _restore(self, region: "Region", data: bytes) -> None:
        region.shelf.put(data)
        region.oracle.replaced(data, "")
