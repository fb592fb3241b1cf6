"""The position of a compartment."""

from epimetheus.state.model import BehindCompartment, State


def test_a_compartment_is_read_up_to_the_cursor_unless_it_is_behind():
    state = State("us-ashburn-1", 100, behind={"a": BehindCompartment(40, "404")})
    assert state.read_until("a") == 40
    assert state.read_until("b") == 100
