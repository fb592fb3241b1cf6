"""Settings: reads and checks the whole configuration from environment variables, and reports every problem at once."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, ValidationError

from epimetheus.config import value_types
from epimetheus.config.choices import MAY_BE_EMPTY, lower_case_choice
from epimetheus.config.setting_checks import (
    MAX_LISTING_MINUTES,
    combination_problems,
    field_problem,
    pass_warnings,
    redact_warnings,
    size_problems,
    text_problems,
    unknown_settings,
)
from epimetheus.config.setting_reference import SettingReference, listed, setting_reference
from epimetheus.config.source_settings import SourceSettings
from epimetheus.config.value_types import Group
from epimetheus.errors import ConfigError
from epimetheus.render.renderer import FORMATS, MIN_BYTES
from epimetheus.render.syslog import FACILITIES

_PLAIN_TCP = "SYSLOG_TRANSPORT=tcp sends events unencrypted: they can be read and altered in transit. Use tls or relp."

_RECEIVER = Group("Receiver")
_FORMAT = Group("Format")
_STATE = Group("State")
_CREDENTIALS = Group("Credentials and regions")
_COMPARTMENTS = Group("Compartments")
_READING = Group("Reading")
_RULES = Group("Rules and redaction")
_METRICS = Group("Metrics and logs")


class Settings(SourceSettings):
    """Every setting, its name in lower case; None or ``()`` if it is not set and has no default.

    References (``file:``, ``vault:``, ``object:``) are checked for their form here, and read by `ReferenceResolver`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", regex_engine="python-re", hide_input_in_errors=True)

    syslog_host: str = _RECEIVER.string(
        ..., value_types.ADDRESS, "a host name or an IP address, without a port", "Host name or IP address of the syslog receiver."
    )
    syslog_port: int = _RECEIVER.integer(6514, 1, 65535, "TCP port of the receiver.")
    syslog_transport: Literal["tls", "relp", "tcp"] = _RECEIVER.choice(
        "tls",
        "Protocol: syslog over TLS, RELP over TLS (the receiver acknowledges every message), or syslog over unencrypted TCP.",
    )
    syslog_confirm_delay_seconds: float = _RECEIVER.number(
        0.2,
        0.15,
        10,
        "Seconds that the receiver must stay up after it reads a batch before the batch counts as delivered. Not used with `relp`.",
    )
    syslog_ca: str | None = _RECEIVER.pem(
        "CERTIFICATE", "PEM certificates", "CA certificates that verify the receiver's certificate.", unset="the system trust store"
    )
    syslog_client_cert: str | None = _RECEIVER.pem(
        "CERTIFICATE", "PEM certificates", "Client certificate, with any intermediate certificates, for mutual TLS."
    )
    syslog_client_key: str | None = _RECEIVER.pem(
        "(?:RSA |EC )?PRIVATE KEY", "a PEM private key without a passphrase", "Private key of `SYSLOG_CLIENT_CERT`."
    )
    syslog_server_name: str | None = _RECEIVER.string(
        None,
        value_types.ADDRESS,
        "a host name or an IP address",
        "Name that the receiver's certificate must contain, if it differs from `SYSLOG_HOST`.",
        unset="SYSLOG_HOST",
    )
    syslog_framing: Literal["octet-counting", "lf"] = _RECEIVER.choice(
        "octet-counting",
        "How messages are separated in the stream (RFC 6587): by a byte count before each message, or by a line feed after it. "
        "Not used with `relp`.",
    )
    syslog_header: Literal["rfc5424", "rfc3164"] = _FORMAT.choice(
        "rfc5424", "Syslog header: RFC 5424, or the older BSD format of RFC 3164."
    )
    syslog_facility: str = _FORMAT.string(
        "local0", "|".join(FACILITIES), f"one of {', '.join(FACILITIES)}", "Syslog facility of every message."
    )
    syslog_app_name: str = _FORMAT.string(
        "epimetheus",
        r"[!-~]{1,48}",
        "up to 48 printable ASCII characters without spaces",
        "Application name in the syslog header: APP-NAME (RFC 5424) or TAG (RFC 3164).",
    )
    syslog_hostname: str | None = _FORMAT.string(
        None,
        r"[!-~]{1,255}",
        "up to 255 printable ASCII characters without spaces",
        "Host name in the syslog header.",
        unset="the region that the event comes from",
    )
    syslog_max_bytes: Annotated[int, AfterValidator(value_types.check_message_size)] = _FORMAT.field(
        8000,
        f"0 (no limit), or an integer of at least {MIN_BYTES}",
        "Maximum size of a message in bytes, header and body; a longer message is truncated and marked. With `relp`, from 480 to 131072.",
        ge=0,
    )
    syslog_timeout_seconds: float = _RECEIVER.number(
        10.0, 1, 120, "Timeout in seconds for each of connect, TLS handshake, write and confirmation."
    )
    format: str = _FORMAT.string("cef", "|".join(FORMATS), listed(tuple(FORMATS)), "Format of the message body.")
    ocsf_classes: Literal["auto", "api"] = _FORMAT.choice(
        "auto",
        "Classes of the events if `FORMAT` is `ocsf`: `auto` sends sign-ons as Authentication, changes of users, passwords and MFA as "
        "Account Change, changes of groups as Group Management, and the rest as API Activity; `api` sends everything as API Activity.",
    )

    state_bucket: str | None = _STATE.string(
        None,
        r"[\w.-]{1,256}",
        "a bucket name without its namespace",
        "Object Storage bucket for the state and for the objects that `object:NAME` refers to.",
        unset="required unless STATE_FILE is set",
    )
    state_namespace: str | None = _STATE.string(
        None, r"[\w-]{1,128}", "an Object Storage namespace", "Object Storage namespace of the buckets.", unset="the tenancy's namespace"
    )
    state_prefix: str = _STATE.string(
        "epimetheus/",
        value_types.OBJECT_NAME,
        "the start of an object name, not beginning with a slash",
        "Start of the names of the objects of the state, the ledger and the seals. "
        "Deployments that share a bucket need different prefixes.",
    )
    state_file: str | None = _STATE.string(
        None,
        r"[^\x00]+",
        "a file path",
        "Local file that stores the state instead of `STATE_BUCKET`. The ledger and the seals are in folders beside it, with `.ledger` and "
        "`.seals` added to the name. Not available in a function.",
    )
    ledger_bucket: str | None = _STATE.string(
        None,
        r"[\w.-]{1,256}",
        "a bucket name without its namespace",
        "Object Storage bucket for the ledger and the seals.",
        unset="STATE_BUCKET",
    )
    ledger_days: int = _STATE.integer(
        35, 9, 400, "Days for which the entries of the ledger are kept. In a bucket, a lifecycle rule deletes them."
    )
    seal_key: str | None = _STATE.pem(
        "PRIVATE KEY",
        "an Ed25519 private key as PEM without a passphrase",
        "Private key that signs the seals and the ledger entries, from `epimetheus seal keygen`."
        " If not set, seals form a chain but have no signature.",
    )
    seal_messages: value_types.Boolean = _STATE.boolean(True, "If true, each run sends the receiver a message that contains its seal.")

    tenancy_ocid: str | None = _CREDENTIALS.string(
        None, value_types.ocid("tenancy"), "a tenancy OCID", "Tenancy whose events are forwarded.", unset="the tenancy of the credentials"
    )
    regions: Annotated[tuple[value_types.Region, ...], value_types.Split, value_types.Distinct] = _CREDENTIALS.names(
        "all, or region identifiers or keys like eu-frankfurt-1 or fra",
        "Regions whose events are forwarded; `all` stands for every region that the tenancy subscribes to.",
        default=("all",),
    )
    compartment_mode: Literal["all", "tenancy_only", "include", "exclude"] = _COMPARTMENTS.choice(
        "all",
        "Compartments whose events are forwarded: all, only the root compartment (`tenancy_only`), "
        "only `COMPARTMENT_IDS` and their descendants (`include`), or all others (`exclude`).",
    )
    compartment_ids: Annotated[tuple[value_types.Compartment, ...], value_types.Split] = _COMPARTMENTS.names(
        "compartment OCIDs", "Compartments for `COMPARTMENT_MODE`. Required for `include` and `exclude`, otherwise not accepted."
    )
    listing_minutes: int = _COMPARTMENTS.integer(
        15,
        0,
        MAX_LISTING_MINUTES,
        "Minutes for which a listing of the compartments is reused, at most `LISTING_MAX_AGE_MINUTES`. With 0, every run lists them.",
    )
    listing_max_age_minutes: int = _COMPARTMENTS.integer(
        60,
        1,
        10080,
        "Age in minutes above which a listing of compartments or regions makes runs partial, because new ones may be missing.",
    )
    initial_lookback_hours: int = _READING.integer(
        24, 0, 8760, "How many hours back the first run reads, in addition to `OVERLAP_MINUTES` and `SETTLE_MINUTES`."
    )
    overlap_minutes: int = _READING.integer(
        15, 0, 1440, "Minutes before the cursor that every run reads again, to find events that OCI lists late. Duplicates are dropped."
    )
    settle_minutes: int = _READING.integer(
        2, 0, 60, "Minutes before now at which a run stops reading. Newer events may not be listed yet or, with `PUSH`, not be pushed yet.",
        unset="2; 20 with PUSH=true",
    )  # fmt: skip
    reconcile_after: value_types.Passes = _READING.field(
        (60, 1440),
        "empty, or up to 4 different integers from 5 to 10080, comma-separated",
        "Ages in minutes at which closed windows are listed again, to find events that OCI listed after they were read. "
        "Windows are as long as the age, but at least an hour and at most a day: with 5, an event is found after 5 to 65 minutes. "
        "Each age is one more pass over all events; empty means none.",
        unset="60,1440",
    )
    slice_minutes: int = _READING.integer(
        60, 1, 10080, "Minimum length in minutes of the time window that a run reads, sends and confirms in one step."
    )
    api_concurrency: int = _READING.integer(8, 1, 64, "Maximum number of concurrent requests to the Audit API.")
    api_requests_per_second: float = _READING.field(
        20.0, "a number greater than 0, up to 10000", "Maximum rate of requests to the Audit API, per second.", gt=0, le=10000
    )

    rules: str | None = _RULES.json("Rules that filter events, limit their rate and set their severity; see docs/rules.md.")
    field_map: str | None = _FORMAT.json("Custom field names, additional fields and field order for each format; see docs/formats.md.")
    own_events: Literal["summarize", "forward"] = _RULES.choice(
        "summarize",
        "How to treat the events that Epimetheus's own polling creates: send one summary for each run, or forward them like other events.",
    )
    tamper_watch: Annotated[tuple[value_types.Resource, ...], value_types.Split] = _RULES.names(
        "OCIDs", "Resources to protect: an event that names one bypasses every rule, is marked, and has a severity of at least 9."
    )
    redact: Annotated[tuple[value_types.JsonPath, ...], value_types.Split] = _RULES.names(
        "paths like data.identity.ipAddress",
        "Event fields to redact in addition to credentials, which are always redacted; `*` matches any key or index.",
    )

    metrics_namespace: str | None = _METRICS.string(
        "epimetheus",
        r"(?!oci_|oracle_)[A-Za-z]\w{0,255}",
        "empty, or a letter followed by letters, digits and _, not starting with oci_ or oracle_",
        "OCI Monitoring namespace of the metrics. If empty, no metrics are posted.",
    )
    metrics_compartment_ocid: str | None = _METRICS.string(
        None,
        value_types.ocid("compartment|tenancy"),
        "a compartment OCID",
        "Compartment that the metrics are posted to.",
        unset="the tenancy",
    )
    log_level: Literal["debug", "info", "warning", "error"] = _METRICS.choice("info", "Minimum level of the log lines to write.")
    oci_auth: Literal["resource_principal", "instance_principal", "config_file"] = _CREDENTIALS.choice(
        "config_file", "Source of the OCI credentials.", unset="resource_principal in a function, otherwise config_file"
    )
    oci_config_file: str = _CREDENTIALS.string("~/.oci/config", r"[^\x00]+", "a file path", "OCI configuration file of `config_file`.")
    oci_profile: str = _CREDENTIALS.string("DEFAULT", r"[^\[\]\n]+", "a profile name in OCI_CONFIG_FILE", "Profile in `OCI_CONFIG_FILE`.")
    oci_endpoint: Annotated[str | None, AfterValidator(lambda url: url and url.rstrip("/"))] = _CREDENTIALS.string(
        None,
        r"(?:https://[^\s/?#@]+|http://(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?)(?:/[^\s?#@]*)?",
        "an https URL without user information, query or fragment (http only for this machine, such as http://127.0.0.1:8080)",
        "Base URL that replaces the endpoints of every OCI service, for tests and private gateways.",
    )

    @classmethod
    def read(cls, environment: Mapping[str, str], *, limit_size: bool = True) -> "Settings":
        """The settings in a process's environment; unrelated variables are ignored. Raises ConfigError with all problems.

        ``limit_size``: whether the settings must fit into a function's configuration.
        """
        known = {key: environment[key] for key in SETTING_NAMES if key in environment}
        given = {key: _given(key, value) for key, value in known.items() if value.strip() or key in MAY_BE_EMPTY}
        if given.get("PUSH") == "true":
            given.setdefault("SETTLE_MINUTES", "20")  # longer than a push takes, with one retry
        given.setdefault("OCI_AUTH", "resource_principal" if "OCI_RESOURCE_PRINCIPAL_VERSION" in environment else "config_file")
        problems = [*unknown_settings(environment, SETTING_NAMES), *(size_problems(known) if limit_size else ())]
        try:
            settings = cls.model_validate({key.lower(): value or None for key, value in given.items()})
        except ValidationError as error:
            found = [(details, cls.reference(str(details["loc"][0])).accepted) for details in error.errors(include_url=False)]
            problems += [field_problem(details, given, accepted) for details, accepted in found]
        problems += [*text_problems(given), *combination_problems(given)]
        if problems:
            raise ConfigError(problems)  # not chained: pydantic's error contains the values
        return settings

    @classmethod
    def reference(cls, name: str) -> SettingReference:
        """What the documentation says about the setting ``name``."""
        return setting_reference(cls.model_fields[name])

    @property
    def all_regions(self) -> bool:
        """Whether every subscribed region is read (REGIONS=all)."""
        return self.regions == ("all",)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What every run reports about these settings."""
        plain = (_PLAIN_TCP,) if self.syslog_transport == "tcp" else ()
        return (*plain, *redact_warnings(self.redact), *pass_warnings(self.reconcile_after, self.overlap_minutes))


SETTING_NAMES = tuple(name.upper() for name in Settings.model_fields)
"""Every setting, as it is written in the environment."""


def _given(key: str, value: str) -> str:
    return lower_case_choice(key, Settings.model_fields[key.lower()].annotation, value.strip())
