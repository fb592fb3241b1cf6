"""Some thousand bad inputs for every way in; `make fuzz` tries a million."""

import pytest

from tests.fuzz.corpus import SEEDS
from tests.fuzz.mutate import Mutator
from tests.fuzz.targets import TARGETS

INPUTS = {"event": 500, "settings": 500, "pem": 500}


@pytest.mark.parametrize("name", TARGETS)
def test_bad_input_gets_a_clear_error_or_a_faithful_message(name):
    mutator = Mutator(SEEDS[name], 1)
    for data in [*SEEDS[name], *(mutator.fresh() for _ in range(INPUTS.get(name, 3000)))]:
        TARGETS[name](data)
