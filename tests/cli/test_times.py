"""Times and durations on the command line."""

import pytest

from epimetheus.cli.times import Duration, absolute_time, parse_duration, parse_since, since_text
from epimetheus.errors import ConfigError
from tests.docs.test_cli_doc import COMMANDS
from tests.support.command import run_command

NOW = 1_795_910_400.0  # 2026-11-29T00:00:00Z
VALID = {"SYSLOG_HOST": "siem", "STATE_FILE": "state"}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("24h", 86_400), ("7d", 604_800), ("1h30m", 5400), ("1d2h3m4s", 93_784), ("0s", 0)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "1.5h", "-1h", "1h 30m", "30m1h", "1w", "h", "nan", "1H", "٣h", "12345678s"])
def test_other_texts_are_no_durations(text):
    assert parse_duration(text) is None


def test_a_duration_is_written_as_people_write_it():
    assert [str(Duration(seconds)) for seconds in (0, 60, 90, 3600, 5400, 86_400)] == ["0s", "1m", "1m30s", "1h", "1h30m", "1d"]


@pytest.mark.parametrize(
    ("since", "seconds"),
    [("24h", 86_400), ("1m", 60), ("365d", 31_536_000), ("2026-11-28T23:00:00Z", 3600), ("2026-11-29T00:30:00+01:00", 1800)],
)
def test_since_is_a_duration_or_a_time(since, seconds):
    assert parse_since(since, NOW) == seconds


@pytest.mark.parametrize("since", ["366d", "59s", "2026-11-29T00:00:01Z", "2025-11-28T00:00:00Z", "2026-11-28T23:00:00", "2026-11-28", "x"])
def test_since_outside_the_retention_period_or_without_a_zone_is_an_error(since):
    with pytest.raises(ConfigError) as failed:
        parse_since(since, NOW)
    assert failed.value.problems == (
        f"--since {since}: expected a duration before now from 1m to 365d, such as 24h, or a time in this period, such as"
        " 2026-11-24T10:00:00Z",
    )


def test_the_period_in_a_sentence():
    assert [since_text(text) for text in ("24h", "2026-11-24T10:00:00Z")] == ["in the last 24h", "since 2026-11-24T10:00:00Z"]


def test_a_duration_is_a_time_before_now():
    assert absolute_time("1h30m", NOW) == "2026-11-28T22:30:00Z"
    assert absolute_time("9999999d", NOW) == "1970-01-01T00:00:00Z"
    assert absolute_time("2026-11-24T10:00:00Z", NOW) == "2026-11-24T10:00:00Z"


@pytest.mark.parametrize("text", ["90", "1s", "2d", "nan", "1.5h"])
def test_a_timeout_that_is_not_accepted_is_explained(tmp_path, text):
    done = run_command("run", "--timeout", text, environment=VALID, folder=tmp_path)
    assert done.returncode == 2
    assert f"Invalid value for '--timeout': {text}: expected a duration from 5s to 1d, such as 90s." in done.stderr


def test_every_command_with_a_time_limit_writes_it_as_a_duration():
    options = {name: {option for one in command.params for option in one.opts} for name, command in COMMANDS.items()}
    assert {name for name, found in options.items() if "--timeout" in found} >= {"health", "run", "replay", "runs", "rules preview"}
    assert {name for name, found in options.items() if "--minutes" in found} == set()
