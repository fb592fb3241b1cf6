"""Checks of settings beyond single values: unknown names, total size, the JSON in RULES and FIELD_MAP, and combinations."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from epimetheus.config import value_types
from epimetheus.config.field_map import read_field_map
from epimetheus.config.field_names import DATA_MEMBERS, EVENT_MEMBERS, EVENT_PATHS
from epimetheus.config.rules_file import read_rules
from epimetheus.config.value_hints import pem_problem, value_hint
from epimetheus.errors import ConfigError
from epimetheus.pem import read_ed25519_key
from epimetheus.render.renderer import MIN_BYTES
from epimetheus.safe_text import HIDDEN, safe_name, safe_value

MAX_BYTES = 4096
"""Maximum size of a function's configuration, keys and values together (OCI Functions)."""
RELP_BYTES = 128 * 1024
"""Maximum size of a RELP frame's data (librelp, doc/relp.md)."""
PREFIX = "SYSLOG_"
"""Start of names that no other program uses."""
MAX_LISTING_MINUTES = 1440
"""Maximum of LISTING_MINUTES."""

_PEM_KEY = re.compile(r"-----BEGIN\s*PRIVATE\s*KEY-----")
_REFERENCES = ("file:", "vault:", "object:")
_LONG_TEXTS = frozenset(("SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "SEAL_KEY", "RULES", "FIELD_MAP"))
_NAMES = frozenset(("SYSLOG_HOST", "SYSLOG_SERVER_NAME", "STATE_BUCKET", "STATE_NAMESPACE", "LEDGER_BUCKET"))
_TLS_ONLY = ("SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "SYSLOG_SERVER_NAME")


def shown(key: str, value: str) -> str:
    """``KEY=value``; the key alone if the value may be secret or is a long text."""
    safe = safe_name if key in _NAMES else safe_value
    clean = None if key in _LONG_TEXTS and not value.startswith(_REFERENCES) else safe(value)
    return key if clean is None else f"{key}={clean}"


def unknown_settings(environment: Mapping[str, str], keys: Collection[str]) -> Iterator[str]:
    """Variables that look like a misspelled setting. All others belong to other programs (PATH, OCI_CLI_PROFILE) and are ignored."""
    for key in environment:
        if key in keys:
            continue
        name = f"Unknown setting {safe_value(key) or HIDDEN}."
        if meant := similar_setting(key, keys):
            yield f"{name} Did you mean {meant}?"
        elif key.upper().startswith(PREFIX):
            yield f"{name} Remove it: no setting has a similar name"


def similar_setting(name: str, keys: Collection[str]) -> str | None:
    """The key that an unknown name probably stands for."""
    squashed = {key.replace("_", ""): key for key in keys}
    return squashed.get(re.sub(r"\W|_", "", name.upper())) or _similar(name.upper(), keys)


def _similar(key: str, keys: Collection[str]) -> str | None:
    """The setting that ``key`` is a few typing errors away from."""
    if key.startswith(PREFIX):
        endings = [known.removeprefix(PREFIX) for known in keys if known.startswith(PREFIX)]
        return next((PREFIX + ending for ending in get_close_matches(key.removeprefix(PREFIX), endings, n=1)), None)
    close = get_close_matches(key, keys, n=3, cutoff=0.8)
    return next((near for near in close if near[0] == key[0] and abs(len(near) - len(key)) <= 2), None)


def pass_warnings(passes: Iterable[int], overlap: int) -> Iterator[str]:
    """The passes of RECONCILE_AFTER that find nothing, because every run reads their windows again anyway. Ages are in minutes."""
    for after in passes:
        if after <= overlap:
            what = f"RECONCILE_AFTER={after} is not greater than OVERLAP_MINUTES={overlap}"
            yield f"{what}: every run reads these windows again anyway. Remove {after}, or lower OVERLAP_MINUTES."


def redact_warnings(paths: Iterable[str]) -> Iterator[str]:
    """The paths of REDACT that select nothing, because no event has their first member, or their member of ``data``."""
    for path in paths:
        first, _, rest = path.partition(".")
        second = rest.partition(".")[0]
        if first not in {*EVENT_MEMBERS, "*"}:
            unknown, meant = first, EVENT_PATHS.get(first) or _close(first, EVENT_MEMBERS)
        elif first == "data" and second not in {*DATA_MEMBERS, "", "*"}:
            unknown, meant = f"data.{second}", (near := _close(second, DATA_MEMBERS)) and f"data.{near}"
        else:
            continue
        yield f"{shown('REDACT', path)}: audit events have no {safe_value(unknown) or HIDDEN}.{f' Did you mean {meant}?' if meant else ''}"


def _close(name: str, names: Collection[str]) -> str | None:
    lowered = {known.lower(): known for known in names}
    return next((lowered[near] for near in get_close_matches(name.lower(), lowered, n=1, cutoff=0.75)), None)


def field_problem(details: ErrorDetails, given: Mapping[str, str], accepted: str) -> str:
    """An error of pydantic about a field as a sentence: setting, value (of a list, the wrong item), and what is ``accepted``."""
    key = str(details["loc"][0]).upper()
    if key not in given:
        return f"{key} is required: set it to {accepted}"
    value = str(details["input"]) if len(details["loc"]) > 1 else given[key]
    if problem := pem_problem(key, value):
        return problem
    return f"{shown(key, value)}: expected {accepted}{value_hint(key, value, may_refer='file:PATH' in accepted)}"


def size_problems(known: Mapping[str, str]) -> Iterator[str]:
    """Whether the settings fit into a function's configuration."""
    sizes = {key: len(f"{key}{value}".encode("utf-8", "surrogateescape")) for key, value in known.items()}
    if (total := sum(sizes.values())) > MAX_BYTES:
        largest = ", ".join(f"{key} ({sizes[key]})" for key in sorted(sizes, key=lambda key: -sizes[key])[:3])
        yield (
            f"All keys and values together take {total} bytes: the limit is {MAX_BYTES}; the largest are {largest}; "
            "store PEM text and rules elsewhere and refer to them with file:, vault: or object:"
        )


def text_problems(given: Mapping[str, str]) -> Iterator[str]:
    """Problems inside RULES and FIELD_MAP, if they are JSON text, and inside SEAL_KEY, if it is PEM text."""
    readers: tuple[tuple[str, Callable[[str, str], object]], ...] = (
        ("RULES", read_rules),
        ("FIELD_MAP", read_field_map),
        ("SEAL_KEY", read_ed25519_key),
    )
    for key, read in readers:
        if (text := given.get(key, "")).startswith("{") or _PEM_KEY.search(text):
            try:
                read(key, text)
            except ConfigError as error:
                yield from error.problems


def combination_problems(given: Mapping[str, str]) -> Iterator[str]:
    """Settings that contradict or require each other."""
    yield from _state_problems(given)
    yield from _tls_problems(given)
    yield from _relp_problems(given)
    listing, oldest = (given.get(key, "") for key in ("LISTING_MINUTES", "LISTING_MAX_AGE_MINUTES"))
    if listing.isdecimal() and int(oldest if oldest.isdecimal() else 60) < int(listing) <= MAX_LISTING_MINUTES:
        yield f"LISTING_MINUTES={listing} is greater than LISTING_MAX_AGE_MINUTES={oldest or 60}: expected at most that value"
    regions, ids = value_types.split(given.get("REGIONS", "").lower()), given.get("COMPARTMENT_IDS")
    if "all" in regions and len(regions) > 1:
        yield f"{shown('REGIONS', given['REGIONS'])}: expected either all or regions"
    mode = given.get("COMPARTMENT_MODE", "all")
    if mode in ("include", "exclude") and ids is None:
        yield f"COMPARTMENT_IDS is required for COMPARTMENT_MODE={mode}: set it to compartment OCIDs, comma-separated"
    if mode in ("all", "tenancy_only") and ids is not None:
        yield f"COMPARTMENT_IDS is not used with COMPARTMENT_MODE={mode}: remove it, or set COMPARTMENT_MODE to include or exclude"


def _state_problems(given: Mapping[str, str]) -> Iterator[str]:
    if "STATE_BUCKET" in given and "STATE_FILE" in given:
        yield "STATE_BUCKET and STATE_FILE are both set: remove one of them"
    if "LEDGER_BUCKET" in given and "STATE_FILE" in given:
        yield "LEDGER_BUCKET is not used with STATE_FILE: remove it; the ledger and the seals are in folders beside the file"
    if "STATE_BUCKET" not in given and "STATE_FILE" not in given:
        yield "STATE_BUCKET is required unless STATE_FILE is set: set it to a bucket name without its namespace"
    if "STATE_FILE" in given and given["OCI_AUTH"] == "resource_principal":
        yield f"{shown('STATE_FILE', given['STATE_FILE'])}: a function has no persistent disk; set STATE_BUCKET instead"
    if "STATE_BUCKET" not in given:
        for key in sorted(_LONG_TEXTS):
            if given.get(key, "").startswith("object:"):
                yield f"{shown(key, given[key])}: objects are read from STATE_BUCKET, which is not set; set it, or use file:PATH"


def _tls_problems(given: Mapping[str, str]) -> Iterator[str]:
    pair = ("SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY")
    for one, other in (pair, pair[::-1]):
        if one in given and other not in given:
            yield f"{one} is set and {other} is not: set both or neither"
    if given.get("SYSLOG_TRANSPORT") == "tcp":
        for key in _TLS_ONLY:
            if key in given:
                yield f"{key} is not used with SYSLOG_TRANSPORT=tcp: remove it, or set SYSLOG_TRANSPORT to tls or relp"


def _relp_problems(given: Mapping[str, str]) -> Iterator[str]:
    if given.get("SYSLOG_TRANSPORT") != "relp":
        return
    if "SYSLOG_FRAMING" in given:
        yield "SYSLOG_FRAMING is not used with SYSLOG_TRANSPORT=relp: remove it, or set SYSLOG_TRANSPORT to tls or tcp"
    size = given.get("SYSLOG_MAX_BYTES", "8000")
    try:
        fits = 0 < float(size) <= RELP_BYTES
    except ValueError:  # already reported
        return
    if not fits:
        yield (
            f"{shown('SYSLOG_MAX_BYTES', size)}: SYSLOG_TRANSPORT=relp limits messages to {RELP_BYTES} bytes;"
            f" expected an integer from {MIN_BYTES} to {RELP_BYTES}"
        )
