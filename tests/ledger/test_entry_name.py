"""The names of entries: literal, ordered by the end of the window, and parsed strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epimetheus.ledger.entry import EntryName
from epimetheus.model import Window
from tests.ledger.samples import ENTRY

TEXT = "2026/11/30/20261130T0645Z-20261130T0600Z-29401234-ab12cd34ef56-0001-poll"
NAME = EntryName(Window(29_933_640, 29_933_685), 29_401_234, "ab12cd34ef56", 1, "poll")
NAMES = st.builds(
    lambda start, length, *rest: EntryName(Window(start, start + length), *rest),
    st.integers(0, 4_000_000_000),
    st.integers(1, 11_520),
    st.integers(0, 99_999_999),
    st.from_regex("[0-9a-f]{12}|terminal-[0-9a-f]{8}", fullmatch=True),
    st.integers(0, 999_999_999),
    st.sampled_from(["poll", "backfill", "late", "push", "replay", "cloud_guard", "reconcile"]),
)


def test_a_name_states_the_window_the_epoch_the_run_the_number_and_the_source():
    assert NAME.text() == TEXT
    assert EntryName.parse(TEXT) == NAME


def test_the_name_of_an_entry_has_the_union_of_its_windows():
    assert ENTRY.name.text() == TEXT.replace("20261130T0600Z", "20261130T0100Z")


@given(NAMES)
def test_every_name_is_parsed_as_written(name):
    assert EntryName.parse(name.text()) == name


@given(NAMES, NAMES)
def test_names_sort_by_the_end_then_the_start_of_the_window(one, other):
    keys = [(name.window.end, name.window.start) for name in (one, other)]
    if keys[0] != keys[1]:
        assert (one.text() < other.text()) == (keys[0] < keys[1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026/11/30/",
        TEXT + "\n",
        "\n" + TEXT,
        TEXT + ".json",
        TEXT.replace("/30/", "/29/", 1),
        TEXT.replace("0645Z", "0645", 1),
        TEXT.replace("20261130T0645Z", "20261130T2465Z"),
        TEXT.replace("2026/11/30/20261130", "2026/02/30/20260230"),
        TEXT.replace("2026/11/30/2026", "0000/11/30/0000"),
        TEXT.replace("20261130T0600Z", "20261130T0645Z"),
        TEXT.replace("20261130T0600Z", "20261130T0700Z"),
        TEXT.replace("20261130T0600Z", "19691231T2359Z"),
        TEXT.replace("29401234", "9401234"),
        TEXT.replace("29401234", "٢٩٤٠١٢٣٤"),
        TEXT.replace("ab12cd34ef56", ""),
        TEXT.replace("ab12cd34ef56", "ab/12"),
        TEXT.replace("ab12cd34ef56", "a" * 65),
        TEXT.replace("0001", "1"),
        TEXT.replace("0001", "00001"),
        TEXT.replace("-poll", "-pull"),
    ],
)
def test_another_object_is_not_an_entry(text):
    assert EntryName.parse(text) is None
