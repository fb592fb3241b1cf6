"""Counts in texts agree with their nouns: ``1 event``, ``2 events``."""

import ast
import re
from pathlib import Path

import pytest

from epimetheus.model import count_text, plural

PACKAGE = Path(__file__).parents[1] / "epimetheus"
COUNTED = r"(?:attempt|check|compartment|day|duplicate|event|key|message|metric|region|request|run|time|trie)s"
NOUN = re.compile(rf"^ (?:[a-z-]+ )?{COUNTED}\b")
TEMPLATE = re.compile(rf"(?:%d|\{{\w*(?::,)?\}}) (?:[a-z-]+ )?{COUNTED}\b")
NEVER_ONE = {
    "region": "a name, not a count",
    "len(played.compartments)": "the world of the demo does not change",
    "len(demo.expected)": "the world of the demo does not change",
    "len(scopes)": "a single scope is shown by its name",
    "len(ids)": "a single ID is not ambiguous",
}


def uncounted(source):
    """Texts in Python ``source`` with a value before a plural noun, unless the value is a constant or in NEVER_ONE."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and TEMPLATE.search(node.value):
            yield node.value
        for value, after in zip(node.values, node.values[1:], strict=False) if isinstance(node, ast.JoinedStr) else ():
            if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant) and NOUN.search(after.value):
                shown = ast.unparse(value.value)
                if not shown.isupper() and not shown.startswith("plural(") and shown not in NEVER_ONE:
                    yield f"{{{shown}}}{after.value}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_text_has_a_plural_noun_after_a_count_that_may_be_one(path):
    assert list(uncounted(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        'f"{n} events"',
        'f"{len(x):,} deleted compartments"',
        '"%d of %d runs"',
        '"{count:,} attempts".format(count=n)',
        'f"{a} of {b} checks"',
    ],
)
def test_such_a_text_is_found(source):
    assert len(list(uncounted(source))) == 1


@pytest.mark.parametrize(
    "source", ["f\"{count_text(n, 'event')} sent\"", 'f"{LIMIT} events"', 'f"{region} forwards"', 'f"{len(ids)} runs"']
)
def test_other_texts_are_not(source):
    assert list(uncounted(source)) == []


def test_counts_and_their_nouns():
    assert [count_text(count, "event") for count in (0, 1, 2, 12_345)] == ["0 events", "1 event", "2 events", "12,345 events"]
    assert [count_text(count, "event was", "events were") for count in (1, 2)] == ["1 event was", "2 events were"]
    assert [plural(count, "it", "them") for count in (0, 1, 2)] == ["them", "it", "them"]
