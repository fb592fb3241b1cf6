"""--env-file: what people write into such files."""

from pathlib import Path

import pytest

from epimetheus.cli.env_file import read_env_file
from epimetheus.errors import ConfigError

PEM = "-----BEGIN CERTIFICATE-----\nMIIB+/=\n-----END CERTIFICATE-----\n"


def read(folder: Path, text: str | bytes) -> dict[str, str]:
    path = folder / "prod.env"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_env_file(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SYSLOG_HOST=siem\n", {"SYSLOG_HOST": "siem"}),
        ("SYSLOG_HOST=siem", {"SYSLOG_HOST": "siem"}),
        ("# comment\n\nexport SYSLOG_HOST = siem # the SIEM\n", {"SYSLOG_HOST": "siem"}),
        ('SYSLOG_HOST="siem"\nSTATE_PREFIX=\'a b#c\'\n', {"SYSLOG_HOST": "siem", "STATE_PREFIX": "a b#c"}),
        ("STATE_PREFIX=a#b\n", {"STATE_PREFIX": "a#b"}),
        ("SYSLOG_HOST=siem\r\nSYSLOG_PORT=6515\r\n", {"SYSLOG_HOST": "siem", "SYSLOG_PORT": "6515"}),
        (f'SYSLOG_CA="{PEM}"\nFORMAT=cef\n', {"SYSLOG_CA": PEM, "FORMAT": "cef"}),
        (f"SYSLOG_CA='{PEM}'\n", {"SYSLOG_CA": PEM}),
        ('SYSLOG_CA="a\\nb"\n', {"SYSLOG_CA": "a\nb"}),
        ("METRICS_NAMESPACE=\n", {"METRICS_NAMESPACE": ""}),
        ("STATE_PREFIX=$HOME/${USER}\n", {"STATE_PREFIX": "$HOME/${USER}"}),
        ('RULES={"event_filtering": {"mode": "all"}}\n', {"RULES": '{"event_filtering": {"mode": "all"}}'}),
        (b"\xef\xbb\xbfSYSLOG_HOST=siem\n", {"SYSLOG_HOST": "siem"}),
        ("SYSLOG_HOST=siem\n".encode("utf-16"), {"SYSLOG_HOST": "siem"}),
        ("", {}),
    ],
)
def test_a_file_is_read_as_people_write_it(tmp_path, text, expected):
    assert read(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [("FORMAT=cef\nhunter2secret\n", 2), ("\n\n# x\nFORMAT='cef\nSYSLOG_PORT=1\n", 4), (f"SYSLOG_CA={PEM}", 2), ("=hunter2secret\n", 1)],
)
def test_a_line_that_is_no_setting_is_named_but_not_quoted(tmp_path, text, line):
    with pytest.raises(ConfigError) as failed:
        read(tmp_path, text)
    assert failed.value.problems == (
        f"{tmp_path}/prod.env line {line}: expected NAME=value, with a value of several lines in double quotes",
    )


def test_a_name_that_is_set_twice_is_an_error_that_names_both_lines(tmp_path):
    with pytest.raises(ConfigError) as failed:
        read(tmp_path, f'FORMAT=cef\nSYSLOG_CA="{PEM}"\n\n# later\nexport FORMAT=json\nSYSLOG_CA=\nFORMAT=leef\n')
    assert failed.value.problems == (
        f"{tmp_path}/prod.env line 8: FORMAT is set twice, first in line 1; keep one of them",
        f"{tmp_path}/prod.env line 9: SYSLOG_CA is set twice, first in line 2; keep one of them",
        f"{tmp_path}/prod.env line 10: FORMAT is set twice, first in line 1; keep one of them",
    )


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"--env-file .*absent\.env: No such file or directory; use the path of a readable file"):
        read_env_file(tmp_path / "absent.env")
    with pytest.raises(ConfigError, match=r"--env-file .*: Is a directory; use"):
        read_env_file(tmp_path)
    with pytest.raises(ConfigError, match="the file is not UTF-8; save it as UTF-8 text"):
        read(tmp_path, b"FORMAT=\xff\xe9hunter2\n")
    with pytest.raises(ConfigError, match="the file is larger than 65,536 bytes"):
        read(tmp_path, b"#" * (1 << 16) + b"\n")


def test_a_file_that_takes_quadratic_time_is_an_error(tmp_path):
    with pytest.raises(ConfigError) as failed:
        read(tmp_path, "FORMAT=cef\nREDACT=hunter2" + " " * 60_000 + "x\n")
    assert failed.value.problems == (f"{tmp_path}/prod.env line 2: expected fewer than 1,000 spaces in a row",)
    assert read(tmp_path, f"REDACT=a{' ' * 999}\n\n") == {"REDACT": "a"}
