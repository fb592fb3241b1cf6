"""Whole messages, byte for byte. Rules in SIEMs depend on them: change them only on purpose.

``python -m tests.render.test_golden`` writes them. Review each difference, and name it in CHANGELOG.md.
"""

from pathlib import Path

import pytest

from epimetheus.render.formats.base import NO_ENRICHMENT, Enrichment
from epimetheus.render.renderer import Renderer
from tests.render.helpers import FORMATS_AND_HEADERS, SETTINGS, fetched

GOLDEN = Path(__file__).parent.parent / "golden"
EVENTS = sorted(path.stem for path in (GOLDEN / "events").iterdir())
ENRICHMENT = {"watched": Enrichment("root/security/siem", "person", watched=True)}


def golden(name, form, header):
    """The message of a golden event; ``notice`` is rendered as a notice."""
    settings = {"max_bytes": 8000, "run_id": "20260303T090000Z-1a2b", "started": 1772528400.0}
    renderer = Renderer(**{**SETTINGS, **settings, "format": form, "header": header})
    event = fetched((GOLDEN / "events" / f"{name}.json").read_bytes())
    return renderer.render_notice(event, 42) if name == "notice" else renderer(event, 42, ENRICHMENT.get(name, NO_ENRICHMENT))


@pytest.mark.parametrize(("form", "header"), FORMATS_AND_HEADERS)
@pytest.mark.parametrize("name", EVENTS)
def test_a_message_equals_its_golden_file(name, form, header):
    assert golden(name, form, header).message == (GOLDEN / f"{name}.{form}.{header}").read_bytes()


def test_every_golden_file_is_compared():
    expected = {f"{name}.{form}.{header}" for name in EVENTS for form, header in FORMATS_AND_HEADERS}
    assert {path.name for path in GOLDEN.iterdir() if path.is_file()} == expected
    assert len(EVENTS) == 15


if __name__ == "__main__":
    for name in EVENTS:
        for form, header in FORMATS_AND_HEADERS:
            (GOLDEN / f"{name}.{form}.{header}").write_bytes(golden(name, form, header).message)
