"""Reads a profile of the OCI configuration file as people write it: quoted values, comments after values, a byte order mark, region keys.

The SDK's own reader passes quotes and comments on to OCI as part of the value, and reports errors as names of Python exceptions.
https://docs.oracle.com/en-us/iaas/Content/API/Concepts/sdkconfig.htm
"""

import configparser
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import jwt
import oci

from epimetheus.files import read_bounded
from epimetheus.pem import binary_form, private_key_text
from epimetheus.safe_text import HIDDEN, safe_value

_DEFAULT_FILE, _FORMER_DEFAULT_FILE = "~/.oci/config", "~/.oraclebmc/config"
_REGION = re.compile(r"[a-z]+(?:-[a-z]+)+-\d+", re.ASCII)
_FINGERPRINT = re.compile(r"(?:[0-9a-f]{2}:){15}[0-9a-f]{2}", re.ASCII)
_QUOTES = "\"'\u201c\u201d\u2018\u2019"
_COMMENT = re.compile(r"[#;].*")
_COMMENT_AFTER_SPACE = re.compile(r"\s[#;].*")
_EXPECTED = {
    "tenancy": ("a tenancy OCID", oci.config.PATTERNS["tenancy"]),
    "user": ("a user OCID", oci.config.PATTERNS["user"]),
    "fingerprint": ("16 pairs of hexadecimal digits, separated by colons", _FINGERPRINT),
}
_MAX_PATH = 200
_MAX_BYTES = 1 << 20  # of the configuration file, a private key, or a token
_REGION_EXPECTED = "a region identifier such as eu-frankfurt-1"
_RENEW = "sign in again with `oci session authenticate`, or refresh the token before it expires with `oci session refresh`"


class ProfileProblem(Exception):
    """What is wrong with the file or the profile: the rest of a sentence that begins with "… failed:". It contains no secret."""


@dataclass(frozen=True)
class Profile:
    """A profile: the ``signer``, the SDK's ``config``, and the OCID of the ``user``, empty if the session token does not contain it."""

    signer: Any = field(repr=False)
    config: Mapping[str, Any] = field(repr=False)
    user: str


def read_profile(config_file: str, name: str, now: float | None = None) -> Profile:
    """The profile ``name`` of ``config_file``. ``now``: seconds since the epoch. Raises ProfileProblem."""
    path = _location(config_file)
    where = f"profile {safe_value(name)} of {_shown(str(path))}"
    raw = _section(path, name)
    if "delegation_token_file" in raw:
        raise ProfileProblem(f"{where} has a delegation token (Cloud Shell), which is not supported; use an API key or a session token")
    values = {key: _identifier(raw[key]) for key in ("tenancy", "user", "fingerprint") if key in raw}
    values["fingerprint"] = values.get("fingerprint", "").lower()
    token_file = raw.get("security_token_file")
    required = ("tenancy",) if token_file else ("tenancy", "user", "fingerprint")
    problems = [problem for key in required if (problem := _problem(key, values.get(key, "")))]
    if not raw.get("key_file"):
        problems.append("key_file is missing")
    region = normalized_region(raw.get("region") or os.environ.get("OCI_REGION", ""))
    if problem := _region_problem(region):
        problems.append(problem)
    if problems:
        raise ProfileProblem(f"{where}: {'; '.join(problems)}")
    config = {**oci.config.DEFAULT_CONFIG, **values, "region": region, "key_file": _path(raw["key_file"])}
    if token_file:
        private_key = _with_private_key(oci.signer.load_private_key, where, raw)
        token, user = _session_token(where, token_file, time.time() if now is None else now)
        return Profile(oci.auth.signers.SecurityTokenSigner(token, private_key), config, user)

    def api_key_signer(key: bytes, pass_phrase: bytes | None) -> Any:
        return oci.signer.Signer(values["tenancy"], values["user"], values["fingerprint"], None, pass_phrase, key)

    return Profile(_with_private_key(api_key_signer, where, raw), config, values["user"])


def normalized_region(text: str) -> str:
    """The region identifier for an identifier or a region key, in any letter case: ``IAD`` becomes ``us-ashburn-1``."""
    region: str = oci.regions.get_region_from_short_name(_identifier(text))
    return region


def _location(config_file: str) -> Path:
    path, former = Path(os.path.expanduser(config_file)), Path(os.path.expanduser(_FORMER_DEFAULT_FILE))  # Path's own raises RuntimeError
    return former if config_file == _DEFAULT_FILE and not path.exists() and former.is_file() else path


def _section(path: Path, name: str) -> Mapping[str, str]:
    """The lines of a profile, with those of DEFAULT for what it does not set."""
    parser = configparser.ConfigParser(interpolation=None)
    problem = ""
    try:
        parser.read_string(_text(str(path), "Create it with `oci setup config`, or set OCI_CONFIG_FILE"))
    except configparser.Error as error:
        problem = _syntax_problem(error)
    if problem:  # not chained: the original error quotes the line
        raise ProfileProblem(f"{_shown(str(path))}: {problem}")
    if name not in parser:
        found = ", ".join(filter(None, map(safe_value, ["DEFAULT", *parser.sections()][:10])))
        raise ProfileProblem(f"{_shown(str(path))} has no profile {safe_value(name)}; its profiles are {found}")
    return parser[name]


def _syntax_problem(error: configparser.Error) -> str:
    """The place and the kind of a syntax error, without the text of the line."""
    line = getattr(error, "lineno", None)
    if isinstance(error, configparser.MissingSectionHeaderError):
        return f"line {line} comes before any profile; begin the file with a line such as [DEFAULT]"
    if isinstance(error, configparser.DuplicateSectionError):
        return f"line {line} begins a profile that already exists; keep one of them"
    if isinstance(error, configparser.DuplicateOptionError):
        return f"line {line} sets a name that the profile already sets; remove one of the lines"
    errors = getattr(error, "errors", None)
    return f"line {errors[0][0] if errors else line} is not of the form NAME=VALUE"


def _text(path: str, remedy: str) -> str:
    """The text of a file, without a byte order mark. Raises ProfileProblem."""
    try:
        data = read_bounded(path, _MAX_BYTES)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it cannot be read"
        raise ProfileProblem(f"{_shown(path)}: {why}. {remedy}") from error
    if len(data) > _MAX_BYTES:
        raise ProfileProblem(f"{_shown(path)} has more than {_MAX_BYTES:,} bytes. {remedy}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    # Raised outside of the except block: the original error includes everything that was read.
    raise ProfileProblem(f"{_shown(path)} is not UTF-8 text, but {binary_form(data) or 'binary'}")


def _identifier(text: str) -> str:
    """A value without a comment after it and without quotes; identifiers contain neither."""
    return _COMMENT.sub("", text.strip("\ufeff ")).strip().strip(_QUOTES).strip()


def _path(text: str) -> str:
    """A path without quotes, and without a comment unless a file has that name."""
    whole = os.path.expanduser(text.strip().strip(_QUOTES))
    if os.path.exists(whole):
        return whole
    return os.path.expanduser(_COMMENT_AFTER_SPACE.sub("", text).strip().strip(_QUOTES))


def _problem(key: str, value: str) -> str | None:
    if not value:
        return f"{key} is missing"
    expected, pattern = _EXPECTED[key]
    return None if pattern.match(value) else f"{key} is malformed, expected {expected}"


def _region_problem(region: str) -> str | None:
    if not region:
        return "region is missing"
    if _REGION.fullmatch(region):
        return None
    close = get_close_matches(region, oci.regions.REGIONS, n=1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    return f"region={safe_value(region)}: expected {_REGION_EXPECTED}{meant}"


def _with_private_key(load: Callable[[bytes, bytes | None], Any], where: str, raw: Mapping[str, str]) -> Any:
    """What ``load`` returns for the text of the private key and its passphrase. Raises ProfileProblem.

    The SDK loads the key once: it checks it, which takes 30 ms of CPU for 2,048 bits, and 200 ms for 4,096.
    """
    path, pass_phrase = _path(raw["key_file"]), raw.get("pass_phrase")
    text, secret = _text(path, f"Correct key_file in {where}"), pass_phrase.encode() if pass_phrase else None
    key, encrypted = private_key_text(text)
    problem = ""
    try:
        return load(key.encode("ascii", "replace"), secret)
    except oci.exceptions.MissingPrivateKeyPassphrase:
        problem = "is encrypted; set pass_phrase in the profile"
    except (oci.exceptions.InvalidPrivateKey, ValueError, TypeError) as error:
        problem = "is not a private key in PEM"
        if "PUBLIC KEY" in text or "public key was provided" in str(error):
            problem = "is a public key; use the private key that belongs to it"
        elif encrypted:
            problem = "cannot be decrypted with the pass_phrase of the profile"
    # not chained: the original error may quote the key
    raise ProfileProblem(f"{where}: key_file={_shown(path)} {problem}")


def _session_token(where: str, token_file: str, now: float) -> tuple[str, str]:
    """The token in ``token_file`` and the OCID of its user. Raises ProfileProblem."""
    path = _path(token_file)
    token = _text(path, f"For {where}, {_RENEW}").strip()
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        expires, user = float(claims["exp"]), str(claims.get("sub") or "")
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        claims, expires, user = {}, 0.0, ""
    if not claims:  # not chained: the original error may quote the token
        raise ProfileProblem(f"{where}: security_token_file={_shown(path)} contains no session token; {_RENEW}")
    if expires <= now:
        raise ProfileProblem(f"{where}: the session token expired at {_utc(expires)}; {_RENEW}")
    return token, user if user.startswith("ocid1.") else ""


def _shown(path: str) -> str:
    return safe_value(path, _MAX_PATH) or HIDDEN


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
