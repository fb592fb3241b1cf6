"""Hints for rejected values: what a person probably meant. A hint never quotes the value, which may be a secret."""

import re
from collections.abc import Callable
from types import MappingProxyType

from epimetheus.errors import ConfigError
from epimetheus.pem import looks_like_base64_pem, read_certificates, read_ed25519_key, read_private_key

_READERS = MappingProxyType[str, Callable[[str, str], object]]({
    "SYSLOG_CA": read_certificates,
    "SYSLOG_CLIENT_CERT": read_certificates,
    "SYSLOG_CLIENT_KEY": read_private_key,
    "SEAL_KEY": read_ed25519_key,
})
_MAX_PATH = 300
_PATH = re.compile(
    r"@?(?:/|\.\.?/|~/?|[A-Za-z]:[\\/])[^\n\r]*|[^\n\r{}]{1,200}\.(?:pem|crt|cer|cert|key|der|p12|pfx|json|txt)", re.IGNORECASE | re.ASCII
)
_FILE_PREFIX = re.compile(r"file\s*[:=]", re.IGNORECASE | re.ASCII)
_QUOTED = re.compile(r"([\"']).*\1", re.DOTALL)


def pem_problem(key: str, value: str) -> str | None:
    """What is wrong with PEM text in the setting ``key``; None if nothing is, or if it is another setting or no PEM text."""
    if "-----BEGIN" not in value or not (read := _READERS.get(key)):
        return None
    try:
        read(key, value)
    except ConfigError as error:
        return error.problems[0]
    return None


def value_hint(key: str, value: str, *, may_refer: bool) -> str:
    """How to write a rejected value, beginning with a semicolon; empty if it is not clear. ``may_refer``: ``file:PATH`` is accepted."""
    if _QUOTED.fullmatch(value):
        return "; remove the quotes around the value"
    hint = ""
    if may_refer and looks_like_base64_pem(value):
        hint = "the value is PEM text that is also encoded in Base64, so decode it"
    elif may_refer and value.startswith("ocid1.vaultsecret."):
        hint = f"to read a secret, put vault: before its OCID: {key}=vault:OCID"
    elif may_refer and _FILE_PREFIX.match(value) and not value.startswith("file:"):
        hint = f"write the prefix as file: in lower case: {key}=file:PATH"
    elif may_refer and len(value) <= _MAX_PATH and _PATH.fullmatch(value):
        hint = f"to read a file, put file: before its path: {key}=file:PATH"
    return f"; {hint}" if hint else ""
