"""Runs each fuzz target with some thousand inputs; `make fuzz` runs a million."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.config.settings import Settings
from epimetheus.errors import ConfigError
from epimetheus.model import HourlyCount, Window
from epimetheus.state.encoding import pack, unpack
from epimetheus.state.model import Adoption, BehindCompartment, KnownCompartment, Lease, PageCursor, Reconciled, State
from epimetheus.state.owner import ReceiverId
from tests.fuzz.corpus import SEEDS
from tests.fuzz.mutate import Mutator
from tests.fuzz.targets import TARGETS
from tests.render.helpers import body, event
from tests.support.budget import budget

RUNS = dict.fromkeys(("event", "settings", "pem"), budget(quick=150, full=2000))


@pytest.mark.parametrize("name", TARGETS)
def test_bad_input_leads_to_a_clear_error_or_a_faithful_message(name):
    mutator = Mutator(SEEDS[name], 1)
    for data in [*SEEDS[name], *(mutator.fresh() for _ in range(RUNS.get(name, budget(quick=600, full=6000))))]:
        TARGETS[name](data)


MINUTES = st.integers(-1_000_000_000, 4_223_371_679)  # from the year 68 to the last minute of 9999
# Without letters nothing is redacted as a secret. Text that is itself JSON would be encoded again.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Ll", "Lu"])).filter(lambda text: text.lstrip()[:1] not in ("{", "[", '"'))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12)
COUNT = st.integers(0, 2**60)
SECONDS = st.floats(allow_nan=False, allow_infinity=False)
CURSORS = st.none() | st.builds(PageCursor, st.builds(Window, MINUTES, MINUTES), st.text())
STATES = st.builds(
    State,
    region=st.text(),
    through=MINUTES,
    behind=st.dictionaries(st.text(), st.builds(BehindCompartment, MINUTES, st.text(), st.integers(0, 2**40), CURSORS), max_size=3),
    known=st.dictionaries(
        st.text(),
        st.builds(
            KnownCompartment,
            st.text(),
            st.none() | st.text(),
            st.booleans(),
            st.booleans(),
            vanished=st.none() | MINUTES,
            read_until=st.none() | MINUTES,
        ),
        max_size=3,
    ),
    reconciled=st.dictionaries(st.integers(1, 10_080), st.builds(Reconciled, MINUTES), max_size=3),
    entered=st.dictionaries(st.text(), COUNT, max_size=3),
    epoch=COUNT,
    first_epoch=COUNT,
    rate_limits=st.dictionaries(
        st.text(),
        st.dictionaries(MINUTES, st.builds(HourlyCount, COUNT, COUNT, COUNT, st.none() | COUNT, st.none() | COUNT), min_size=1, max_size=2),
        max_size=3,
    ),
    slice_minutes=st.integers(0, 2**40),
    lease=st.none() | st.builds(Lease, st.text(), SECONDS, SECONDS),
    tenancy=st.text(),
    receiver=st.none() | st.builds(ReceiverId, st.text(), st.text()),
    adopted=st.none() | st.builds(Adoption, SECONDS, st.text(), st.text()),
    marker_owner=st.text(),
    writer=st.text(),
    serial=st.integers(0, 2**63),
    last=st.dictionaries(st.text(), SCALARS, max_size=3),
)


@given(STATES)
def test_any_state_survives_a_round_trip(state):
    assert unpack(pack(state), "here") == state


@given(JSON)
def test_json_forwards_any_new_field_of_an_event_unchanged(value):
    raw = event(newByOracle=value)
    assert json.loads(body(raw, format="json")) == {**raw, "epimetheus": {"severity": 2}}


@given(st.dictionaries(st.sampled_from([name.upper() for name in Settings.model_fields]), st.text() | st.binary().map(os.fsdecode)))
def test_an_invalid_setting_is_reported_in_one_printable_line_whatever_else_is_set(environment):
    with pytest.raises(ConfigError) as caught:
        Settings.read(environment | {"SYSLOG_PORT": "none"})
    assert any(problem.startswith("SYSLOG_PORT=none: ") for problem in caught.value.problems)
    assert str(caught.value).isprintable()
