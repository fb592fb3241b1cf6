"""Patterns of event names: they match whole names, ignore case, and take linear time."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.event_patterns import compile_patterns, matches


@pytest.mark.parametrize(
    ("patterns", "event_type", "event_name", "expected"),
    [
        (["com.x.Get*"], "com.x.GetThing", "GetThing", True),
        (["getthing"], "com.x.GetThing", "GetThing", True),
        (["Get"], "com.x.GetThing", "GetThing", False),
        (["com.x"], "com.x.GetThing", "GetThing", False),
        (["com?x?GetThing"], "com.x.GetThing", "GetThing", False),
        (["A", "*Thing"], "com.x.GetThing", None, True),
        (["GetThing"], "com.x.GetThing", None, False),
        (["*"], "", None, True),
        ([], "", "", False),
        (["a*b*c"], "abc", None, True),
        (["a*b*c"], "acb", None, False),
        (["a*b*b"], "ab", None, False),
        (["*\u2028*"], "x\u2028\ny", None, True),
    ],
)
def test_a_pattern_matches_the_whole_of_a_type_or_a_name(patterns, event_type, event_name, expected):
    assert matches(compile_patterns(patterns), event_type, event_name) is expected


@given(st.text("ab*", min_size=1, max_size=8), st.text("ab", max_size=10))
def test_stars_match_as_in_fnmatch(pattern, text):
    assert matches(compile_patterns([pattern]), text, None) is fnmatch.fnmatchcase(text, pattern)


def test_many_stars_take_little_time():
    assert not matches(compile_patterns(["*a" * 100 + "b"]), "a" * 10_000, None)
