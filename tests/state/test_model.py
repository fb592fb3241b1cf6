"""The position of a compartment, a rewind, and the entries whose counts the state has."""

from epimetheus.model import HourlyCount, Window
from epimetheus.state.model import BehindCompartment, KnownCompartment, Lease, PageCursor, Reconciled, State, new_state, with_entered
from epimetheus.state.seals import SealState


def test_a_compartment_is_read_up_to_the_cursor_unless_it_is_behind():
    state = State("us-ashburn-1", 100, behind={"a": BehindCompartment(40, "404")})
    assert state.read_until("a") == 40
    assert state.read_until("b") == 100


def test_a_new_state_begins_an_epoch():
    assert new_state("us-ashburn-1", 100, 160) == State("us-ashburn-1", 100, began=100, epoch=160, first_epoch=160)


def test_a_rewind_moves_every_position_back_and_begins_an_epoch():
    state = State(
        "us-ashburn-1",
        1_000,
        behind={
            "a": BehindCompartment(400, "404", 2, PageCursor(Window(400, 460), "p"), floor=400, touched=900),
            "b": BehindCompartment(800, "404"),
            "e": BehindCompartment(500, "429", 1, PageCursor(Window(500, 601), "p")),
        },
        known={"c": KnownCompartment("c", vanished=950, read_until=900, floor=900), "d": KnownCompartment("d", read_until=300)},
        rate_limits={"t": {960: HourlyCount(1)}},
        slice_minutes=120,
        listed=990,
        began=700,
        reconciled={60: Reconciled(900, {"a": BehindCompartment(300, "429"), "b": BehindCompartment(850, "429")}), 1440: Reconciled(500)},
        entered={"r": 3},
        epoch=200,
        first_epoch=100,
        regions=("home",),
        regions_listed=980,
        lease=Lease("r", 60_000.0),
        last={"run": "r", "caught_up": True},
    )
    assert state.rewound(600, 1_010) == State(
        "us-ashburn-1",
        600,
        behind={
            "a": BehindCompartment(400, "404", 2, PageCursor(Window(400, 460), "p")),
            "e": BehindCompartment(500, "429", 1),  # its window would end after the cursor
        },
        known={"c": KnownCompartment("c", vanished=950, read_until=600), "d": KnownCompartment("d", read_until=300)},
        listed=990,
        began=600,
        reconciled={60: Reconciled(600, {"a": BehindCompartment(300, "429")}), 1440: Reconciled(500)},
        entered={"r": 3},
        epoch=1_010,
        first_epoch=100,
        seals=SealState(runs=("r",), unfinished={"r": 3}),
        regions=("home",),
        last={"run": "r", "caught_up": False},
    )


def test_two_rewinds_in_a_minute_are_two_epochs():
    once = new_state("us-ashburn-1", 1_000, 1_010).rewound(900, 1_010)
    assert (once.epoch, once.rewound(900, 1_010).epoch) == (1_011, 1_012)


def test_the_last_entries_of_the_latest_other_runs_are_kept():
    state = State("us-ashburn-1", 100, entered={"r1": 4, "r2": 1})
    assert with_entered(state.entered, "r2", 2) == {"r1": 4, "r2": 2}
    many = State("us-ashburn-1", 100, entered={f"r{number}": 1 for number in range(30)})
    assert list(with_entered(many.entered, "r30", 1)) == [f"r{number}" for number in range(10, 31)]
