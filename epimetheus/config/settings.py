"""Settings: the one reader of configuration. Keys are environment variables; every mistake is found before any work, all at once."""

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from epimetheus.config import value_types as form
from epimetheus.config.field_map import read_field_map
from epimetheus.config.json_document import closest_name
from epimetheus.config.rules_file import read_rules
from epimetheus.errors import ConfigError
from epimetheus.render import MIN_BYTES
from epimetheus.render.syslog import FACILITIES
from epimetheus.safe_text import HIDDEN, safe_name, safe_value

MAX_BYTES = 4096
"""What the configuration of a function may hold, keys and values together (OCI Functions)."""
RELP_BYTES = 128 * 1024
"""What a RELP frame may hold (librelp, doc/relp.md)."""


_LONGEST_LISTING = 1440
_PLAIN_TCP = "SYSLOG_TRANSPORT=tcp is plain TCP: events can be read and forged on the way; use tls."

_POINTERS = ("file:", "vault:", "object:")
_TEXTS = frozenset(("SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "RULES", "FIELD_MAP"))
_NAMES = frozenset(("SYSLOG_HOST", "SYSLOG_SERVER_NAME", "STATE_BUCKET", "STATE_NAMESPACE"))
_TLS_ONLY = ("SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "SYSLOG_SERVER_NAME")


class Settings(BaseModel):
    """Every key of the configuration, lower-cased, with its default and what is allowed; None or ``()`` where nothing is set.

    Texts that only point elsewhere (``file:``, ``vault:``, ``object:``) are checked for their form, and read by `Material`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", regex_engine="python-re", hide_input_in_errors=True)

    syslog_host: str = form.text(..., form.ADDRESS, "a host name or an IP address, without port")
    syslog_port: int = form.whole(6514, 1, 65535)
    syslog_transport: Literal["tls", "relp", "tcp"] = "tls"
    syslog_settle_seconds: float = form.number(0.2, 0.15, 10)
    syslog_ca: str | None = form.pem("CERTIFICATE", "certificates")
    syslog_client_cert: str | None = form.pem("CERTIFICATE", "certificates")
    syslog_client_key: str | None = form.pem("(?:RSA |EC )?PRIVATE KEY", "a private key without a passphrase")
    syslog_server_name: str | None = form.text(None, form.ADDRESS, "a host name or an IP address")
    syslog_framing: Literal["octet-counting", "lf"] = "octet-counting"
    syslog_header: Literal["rfc5424", "rfc3164"] = "rfc5424"
    syslog_facility: str = form.text("local0", "|".join(FACILITIES), f"one of {', '.join(FACILITIES)}")
    syslog_app_name: str = form.text("epimetheus", r"[!-~]{1,48}", "up to 48 printable ASCII characters without blanks")
    syslog_hostname: str | None = form.text(None, r"[!-~]{1,255}", "up to 255 printable ASCII characters without blanks")
    syslog_max_bytes: Annotated[int, AfterValidator(form.fits_a_message)] = Field(
        default=8000, ge=0, description=f"0 (no limit), or a whole number of {MIN_BYTES} or more"
    )
    syslog_timeout_seconds: float = form.number(10.0, 1, 120)
    format: Literal["cef", "json", "leef", "ocsf"] = "cef"

    state_bucket: str | None = form.text(None, r"[\w.-]{1,256}", "a bucket's name, without its namespace")
    state_namespace: str | None = form.text(None, r"[\w-]{1,128}", "an Object Storage namespace")
    state_prefix: str = form.text("epimetheus/", form.OBJECT_NAME, "the beginning of an object's name, not a slash")
    state_file: str | None = form.text(None, r"[^\x00]+", "a file's path")

    tenancy_ocid: str | None = form.text(None, form.ocid("tenancy"), "the OCID of a tenancy")
    regions: Annotated[tuple[form.Region, ...], form.Split] = form.name_list("all, or region identifiers like eu-frankfurt-1")
    compartment_mode: Literal["all", "tenancy_only", "include", "exclude"] = "all"
    compartment_ids: Annotated[tuple[form.Compartment, ...], form.Split] = form.name_list("OCIDs of compartments")
    listing_minutes: int = form.whole(15, 0, _LONGEST_LISTING)
    listing_max_age_minutes: int = form.whole(60, 1, 10080)
    initial_lookback_hours: int = form.whole(24, 0, 8760)
    overlap_minutes: int = form.whole(15, 0, 1440)
    settle_minutes: int = form.whole(2, 0, 60)
    slice_minutes: int = form.whole(60, 1, 10080)
    api_concurrency: int = form.whole(8, 1, 64)
    api_requests_per_second: float = Field(default=20.0, gt=0, le=10000, description="a number above 0, up to 10000")

    rules: str | None = form.text(None, form.JSON_OR_POINTER, "a JSON object, file:PATH or object:NAME")
    field_map: str | None = form.text(None, form.JSON_OR_POINTER, "a JSON object, file:PATH or object:NAME")
    own_events: Literal["summarise", "forward"] = "summarise"
    tamper_watch: Annotated[tuple[form.Resource, ...], form.Split] = form.name_list("OCIDs")
    redact: Annotated[tuple[form.JsonPath, ...], form.Split] = form.name_list("paths like data.identity.ipAddress")
    run_message: form.Truth = Field(default=False, description="true or false")

    metrics_namespace: str | None = form.text(
        "epimetheus", r"(?!oci_|oracle_)[A-Za-z]\w{0,255}", "empty, or letters, digits and _, a letter first, not oci_ or oracle_"
    )
    metrics_compartment_ocid: str | None = form.text(None, form.ocid("compartment|tenancy"), "the OCID of a compartment")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    oci_auth: Literal["resource_principal", "instance_principal", "config_file"] = "config_file"
    oci_config_file: str = form.text("~/.oci/config", r"[^\x00]+", "a file's path")
    oci_profile: str = form.text("DEFAULT", r"[^\[\]\n]+", "the name of a profile in OCI_CONFIG_FILE")
    oci_endpoint: Annotated[str | None, AfterValidator(lambda url: url and url.rstrip("/"))] = form.text(
        None, r"https?://[^\s/?#@]+(?:/[^\s?#@]*)?", "an http or https URL without user, query and fragment"
    )

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in a process's environment, whatever else it holds. Raises ConfigError with all problems."""
        ours = {key: environment[key] for key in _KEYS if key in environment}
        given = {key: value.strip() for key, value in ours.items() if value.strip() or key == "METRICS_NAMESPACE"}
        given.setdefault("OCI_AUTH", "resource_principal" if "OCI_RESOURCE_PRINCIPAL_VERSION" in environment else "config_file")
        problems = [*_misspelt(environment), *_too_much(ours)]
        try:
            settings = cls.model_validate({key.lower(): value or None for key, value in given.items()})
        except ValidationError as error:
            problems += [_worded(details, given) for details in error.errors(include_url=False)]
        problems += [*_inside(given), *_together(given)]
        if problems:
            raise ConfigError(problems)  # chained to nothing: pydantic's error holds the values
        return settings

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every run should say about these settings."""
        return (_PLAIN_TCP,) if self.syslog_transport == "tcp" else ()


_KEYS = tuple(name.upper() for name in Settings.model_fields)
_SQUASHED = {key.replace("_", ""): key for key in _KEYS}


def _misspelt(environment: Mapping[str, str]) -> Iterator[str]:
    """Keys that are nearly ours. Most variables are somebody else's (PATH, OCI_CLI_PROFILE), and are let pass."""
    for key in environment:
        if key not in _KEYS and (meant := _meant(key)):
            yield f"{safe_value(key) or HIDDEN}: there is no such key; the nearest is {meant}"


def _meant(key: str) -> str | None:
    """Which of our keys this may be meant for: the same letters and digits, the same beginning, or a few typing errors away."""
    upper = key.upper()
    if same := _SQUASHED.get(re.sub(r"\W|_", "", upper)):
        return same
    if upper.startswith("SYSLOG_"):
        return closest_name(upper, _KEYS)
    close = get_close_matches(upper, _KEYS, n=3, cutoff=0.8)
    return next((near for near in close if near[0] == upper[0] and abs(len(near) - len(upper)) <= 2), None)


def _too_much(ours: Mapping[str, str]) -> Iterator[str]:
    sizes = {key: len(f"{key}{value}".encode("utf-8", "surrogateescape")) for key, value in ours.items()}
    if (total := sum(sizes.values())) > MAX_BYTES:
        largest = ", ".join(f"{key} ({sizes[key]})" for key in sorted(sizes, key=lambda key: -sizes[key])[:3])
        yield (
            f"All keys and values together take {total} bytes: allowed are {MAX_BYTES}; the largest are {largest}; "
            "put PEM texts and rules elsewhere, and point there with file:, vault: or object:"
        )


def _inside(given: Mapping[str, str]) -> Iterator[str]:
    """What is wrong inside of RULES and FIELD_MAP, where they are JSON texts."""
    readers: tuple[tuple[str, Callable[[str, str], object]], ...] = (("RULES", read_rules), ("FIELD_MAP", read_field_map))
    for key, read in readers:
        if (text := given.get(key, "")).startswith("{"):
            try:
                read(key, text)
            except ConfigError as error:
                yield from error.problems


def _together(given: Mapping[str, str]) -> Iterator[str]:
    """What is wrong between keys."""
    yield from _state_together(given)
    yield from _tls_together(given)
    yield from _relp_together(given)
    listing, oldest = (given.get(key, "") for key in ("LISTING_MINUTES", "LISTING_MAX_AGE_MINUTES"))
    if listing.isdecimal() and int(oldest if oldest.isdecimal() else 60) < int(listing) <= _LONGEST_LISTING:
        yield f"LISTING_MINUTES={listing} is more than LISTING_MAX_AGE_MINUTES={oldest or 60}: allowed is at most as much"
    regions, ids = form.split(given.get("REGIONS", "")), given.get("COMPARTMENT_IDS")
    if "all" in regions and len(regions) > 1:
        yield f"{_named('REGIONS', given['REGIONS'])}: allowed is all, or regions, not both"
    mode = given.get("COMPARTMENT_MODE", "all")
    if mode in ("include", "exclude") and ids is None:
        yield f"COMPARTMENT_IDS is not set: COMPARTMENT_MODE={mode} needs OCIDs of compartments, comma-separated"
    if mode in ("all", "tenancy_only") and ids is not None:
        yield f"COMPARTMENT_IDS is set and COMPARTMENT_MODE is {mode}: allowed is with include or exclude only"


def _state_together(given: Mapping[str, str]) -> Iterator[str]:
    if "STATE_BUCKET" in given and "STATE_FILE" in given:
        yield "STATE_BUCKET and STATE_FILE are both set: allowed is one of them"
    if "STATE_BUCKET" not in given and "STATE_FILE" not in given:
        yield "STATE_BUCKET is not set: allowed is a bucket's name, or STATE_FILE in its place on a terminal"
    if "STATE_FILE" in given and given["OCI_AUTH"] == "resource_principal":
        yield f"{_named('STATE_FILE', given['STATE_FILE'])}: a function has no disk that lasts; allowed is STATE_BUCKET"
    if "STATE_BUCKET" not in given:
        for key in sorted(_TEXTS):
            if given.get(key, "").startswith("object:"):
                yield f"{_named(key, given[key])}: objects are read from STATE_BUCKET, which is not set"


def _tls_together(given: Mapping[str, str]) -> Iterator[str]:
    pair = ("SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY")
    for one, other in (pair, pair[::-1]):
        if one in given and other not in given:
            yield f"{one} is set and {other} is not: allowed is both or neither"
    if given.get("SYSLOG_TRANSPORT") == "tcp":
        for key in _TLS_ONLY:
            if key in given:
                yield f"{key} is set and SYSLOG_TRANSPORT is tcp: allowed is with tls and relp only"


def _relp_together(given: Mapping[str, str]) -> Iterator[str]:
    if given.get("SYSLOG_TRANSPORT") != "relp":
        return
    if "SYSLOG_FRAMING" in given:
        yield "SYSLOG_FRAMING is set and SYSLOG_TRANSPORT is relp, which has frames of its own: allowed is with tls and tcp only"
    size = given.get("SYSLOG_MAX_BYTES", "8000")
    try:
        fits = 0 < float(size) <= RELP_BYTES
    except ValueError:  # found already
        return
    if not fits:
        yield (
            f"{_named('SYSLOG_MAX_BYTES', size)}: SYSLOG_TRANSPORT=relp sends no message longer than {RELP_BYTES} bytes;"
            f" allowed is an integer from {MIN_BYTES} to {RELP_BYTES}"
        )


def _worded(details: ErrorDetails, given: Mapping[str, str]) -> str:
    """An error of a field in our words: key, value (the wrong one, of a list), and what is allowed."""
    name = str(details["loc"][0])
    key, field = name.upper(), Settings.model_fields[name]
    allowed = field.description or " or ".join(get_args(field.annotation))
    if key not in given:
        return f"{key} is not set: allowed is {allowed}"
    value = str(details["input"]) if len(details["loc"]) > 1 else given[key]
    return f"{_named(key, value)}: allowed is {allowed}"


def _named(key: str, value: str) -> str:
    """``KEY=value``; the key alone where the value may be secret, or a whole text."""
    shown = safe_name if key in _NAMES else safe_value
    clean = None if key in _TEXTS and not value.startswith(_POINTERS) else shown(value)
    return key if clean is None else f"{key}={clean}"
