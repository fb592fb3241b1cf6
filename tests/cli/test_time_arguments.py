"""Times in arguments: an error names the option as it is typed, and both forms of a time."""

import pytest

from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.time_arguments import minute_argument, replay_window
from epimetheus.model import Window

NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z
MINUTE = int(NOON // 60)
FORMS = "expected a time such as 2026-11-24T10:05:00Z, or a duration before now such as 3h"


def test_a_window_has_two_times_in_either_form():
    assert replay_window("3h", "2026-01-01T10:00:00Z", NOON) == Window(MINUTE - 180, MINUTE - 120)
    assert replay_window("2h", "0s", NOON) == Window(MINUTE - 120, MINUTE)


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        ("2h", "now", f"--to now: {FORMS}"),
        ("yesterday", "1h", f"--from yesterday: {FORMS}"),
        ("2026-01-01", "1h", "--from 2026-01-01: the time has no time zone; write it like 2026-11-24T10:05:00Z"),
        ("2h", "3h", "--from 2h is not before --to 3h; set --from to the earlier time"),
        (
            "2h", "2026-01-01T10:00:00Z",
            "--from 2h and --to 2026-01-01T10:00:00Z are both in the minute 2026-01-01T10:00:00Z; use a window of at least one whole"
            " minute: the minute of --to is not included",
        ),
        *(
            (text, "1h", f"--from {text}: the time has seconds; use a whole minute, such as 2026-01-01T10:00:00Z")
            for text in ("2026-01-01T10:00:30Z", "2026-01-01T10:00:00.5Z", "2026-01-01T11:00:59+01:00")
        ),
        ("2h", "2026-01-01T12:01:00Z", "--to 2026-01-01T12:01:00Z is in the future; the current time is 2026-01-01T12:00:00Z"),
        (
            "366d", "1h",
            "--from 366d is more than 365 days ago; OCI Audit keeps events for 365 days, so the earliest time is 2025-01-01T12:00:00Z",
        ),
    ],
)  # fmt: skip
def test_an_invalid_window_is_described_with_its_options(start, end, problem):
    with pytest.raises(ArgumentError) as caught:
        replay_window(start, end, NOON)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize("text", ["yesterday", "", "24"])
def test_an_invalid_time_is_described_without_the_words_of_python(text):
    with pytest.raises(ArgumentError) as caught:
        minute_argument(f"TIME={text}", text, NOON)
    assert caught.value.problems == (f"TIME={text}: {FORMS}",)
