"""Whole messages of problems, byte for byte. ``python -m tests.render.problems.test_golden`` writes them; review each difference."""

import pytest

from epimetheus.render.formats.base import NO_ENRICHMENT, Enrichment
from tests.render.helpers import FORMATS_AND_HEADERS
from tests.render.problems.helpers import render
from tests.render.test_golden import GOLDEN

PROBLEMS = GOLDEN / "problems"
EVENTS = sorted(path.stem for path in (PROBLEMS / "events").iterdir())
ENRICHMENT = {"created": Enrichment("root/prod/billing", watched=True)}


def golden(name, form, header):
    settings = {"format": form, "header": header, "max_bytes": 8000, "run_id": "20260303T090000Z-1a2b", "started": 1772528400.0}
    enrichment = ENRICHMENT.get(name, NO_ENRICHMENT)
    return render((PROBLEMS / "events" / f"{name}.json").read_bytes(), 42, enrichment, hostname="cloud-guard", **settings).message


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
@pytest.mark.parametrize("name", EVENTS)
def test_a_message_equals_its_golden_file(name, form, header):
    assert golden(name, form, header) == (PROBLEMS / f"{name}.{form}.{header}").read_bytes()


def test_every_golden_file_is_compared():
    expected = {f"{name}.{form}.{header}" for name in EVENTS for form, header in FORMATS_AND_HEADERS}
    assert {path.name for path in PROBLEMS.iterdir() if path.is_file()} == expected
    assert len(EVENTS) == 5


if __name__ == "__main__":
    for name in EVENTS:
        for form, header in FORMATS_AND_HEADERS:
            (PROBLEMS / f"{name}.{form}.{header}").write_bytes(golden(name, form, header))
