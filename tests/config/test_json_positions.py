"""Positions in JSON text: the lines of paths, and duplicate keys."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.config.json_positions import dotted, duplicate_keys, lines_of
from tests.support.budget import budget

TEXT = """{
  "a": {"b": [1,
              {"c": "}]{[,:\\"",
               "d": []}, [],
              [2]
  ]},

  "\\u00e9": null, "e":
     {},
  "a b": [{"c": 1}, "x
"]
}
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("a",), 2),
        (("a", "b"), 2),
        (("a", "b", 0), 2),
        (("a", "b", 1), 3),
        (("a", "b", 1, "c"), 3),
        (("a", "b", 1, "d"), 4),
        (("a", "b", 2), 4),
        (("a", "b", 3, 0), 5),
        (("é",), 8),
        (("e",), 8),
        (("a b", 0, "c"), 10),
        (("a b", 1), 10),
        (("a", "b", 1, "nowhere", "at", "all"), 3),
        (("a", "b", 7), 2),
        (("a", "0"), 2),
        (("nowhere",), 1),
    ],
)
def test_the_line_of_a_path_is_its_own_or_that_of_its_nearest_parent(path, line):
    assert lines_of(TEXT, [path]) == {path: line}
    assert lines_of(TEXT.replace("\n", "\r\n"), [path, ("e",)]) == {path: line, ("e",): 8}


def test_the_line_of_a_duplicate_key_is_that_of_its_last_occurrence():
    assert lines_of('{"a":\n1,\n"a": 2}', [("a",)]) == {("a",): 3}


@pytest.mark.parametrize("text", ["", "5", '"a\nb"', "[]", "{}", "]", "}{", "\ufeff{}", '"', ",,:"])
def test_texts_without_members_have_no_duplicate_keys(text):
    assert lines_of(text, [("a", 0)]) == {("a", 0): 1}
    assert list(duplicate_keys(text)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 1}, "a", "a"]}', []),
        ('{"a": 1, "a": 1}', [("a",)]),
        ('{"a": 1, "\\u0061": {}, "a": []}', [("a",), ("a",)]),
        ('[{"a": {"x": 1, "y": {"z": 1}, "x": 2, "y": {"z": 1}}}]', [(0, "a", "x"), (0, "a", "y")]),
        ('{"a": {"x": 1}, "a": {"x": 1}}', [("a",)]),
        ('{"": 1, "": 2, "a": "a", ":": "a", "\\":": 1}', [("",)]),
    ],
)
def test_duplicate_keys_in_one_object_are_found(text, expected):
    assert list(duplicate_keys(text)) == expected


TREES = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
)


def paths(tree, path=()):
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for part, child in items:
        yield (*path, part)
        yield from paths(child, (*path, part))


@given(TREES, st.booleans())
def test_every_path_of_any_tree_has_its_own_line(tree, escaped):
    text = json.dumps(tree, indent=0, ensure_ascii=escaped)
    found = list(paths(tree))
    lines = lines_of(text, found)
    for path, line in lines.items():
        assert text.split("\n")[line - 1].startswith(json.dumps(path[-1], ensure_ascii=escaped) if isinstance(path[-1], str) else "")
    assert [lines[path] for path in found] == sorted(set(lines.values()))
    assert list(duplicate_keys(text)) == []


SIZE = budget(quick=250_000, full=1_000_000)


@pytest.mark.parametrize(
    "text",
    [
        "[" * SIZE, '{"a":' * (SIZE // 5), '"' + '\\"' * (SIZE // 2), "[" + '"' * SIZE,
        '{"a":1,' * (SIZE // 7), "[1," * (SIZE // 3), " " * SIZE,
    ],
    ids=["lists", "objects", "escapes", "quotes", "members", "items", "spaces"],
)
def test_up_to_a_million_characters_take_at_most_seconds(text):
    began = time.process_time()
    lines_of(text, [("a", "a", "b"), (0, 0, 0)])
    sum(1 for _ in duplicate_keys(text))
    assert time.process_time() - began < 15


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), ""),
        (("a",), "a"),
        (("a", 0, "b c", 12), "a[0].b c[12]"),
        ((3,), "[3]"),
        (("a\x1b\n\udcff", "é"), "a?….é"),
        (("x" * 80, "y" * 81), f"{'x' * 80}.{'y' * 80}…"),
    ],
)
def test_a_path_is_formatted_printable_and_short(path, expected):
    assert dotted(path) == expected


@pytest.mark.parametrize("text", ["{\\ud800: 1}", '{"a": 1, \\x: 2, \\x: 3}', '{"\\', "{\\"])
def test_invalid_json_raises_nothing(text):
    list(duplicate_keys(text))
    lines_of(text, [("a",), ("b", 1)])
