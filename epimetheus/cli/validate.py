"""``validate``: checks the whole configuration in one pass, without using the network."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from cryptography import x509

from epimetheus.cli import display
from epimetheus.cli.console import print_json, terminal_console
from epimetheus.cli.rules_review import rules_warnings
from epimetheus.cli.settings_source import SettingsSource, reads_settings
from epimetheus.config.field_map import read_field_map
from epimetheus.config.setting_checks import shown, size_problems
from epimetheus.config.settings import SETTING_NAMES, Settings
from epimetheus.deliver import tls_context
from epimetheus.errors import ConfigError
from epimetheus.files import is_regular_or_absent
from epimetheus.model import count_text, time_text
from epimetheus.pem import check_pair, full_days_left, read_certificates, read_ed25519_key, read_private_key
from epimetheus.render.renderer import FORMATS
from epimetheus.source.local_references import read_file

LEAST_DAYS = 30
"""A certificate that expires in fewer days is a warning."""

_DAY = 86_400
_PEM = ("SYSLOG_CA", "SYSLOG_CLIENT_CERT", "SYSLOG_CLIENT_KEY", "SEAL_KEY")
_JSON = ("RULES", "FIELD_MAP")
_CREDENTIALS = ("OCI_AUTH", "OCI_CONFIG_FILE", "OCI_PROFILE")


@dataclass
class Findings:
    """What was found. ``settings`` is None if a setting is invalid; ``texts`` has the text of PEM settings and files.

    ``remote``: settings whose value is stored in OCI, and not checked.
    """

    settings: Settings | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    remote: list[str] = field(default_factory=list)

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Record the problems of a ConfigError instead of raising it, each once."""
        try:
            yield
        except ConfigError as error:
            self.problems += [problem for problem in error.problems if problem not in self.problems]


@reads_settings
def validate(
    source: SettingsSource,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings and the settings in effect as JSON on stdout.")] = False,
) -> None:
    """Check settings, certificates, rules, and field map without using the network.

    Shows the settings in effect, or every error at once.
    """
    with display.errors_explained(as_json=as_json):
        loaded = source.load()
    found = find_problems(loaded.environment, loaded.read, time.time())
    if not (source.tfvars or loaded.environment.get("STATE_FILE")):  # Terraform stores long values elsewhere; a function has no STATE_FILE
        known = {name: value for name, value in loaded.environment.items() if name in SETTING_NAMES}
        found.warnings += [f"Too large for a function: {problem}." for problem in size_problems(known)]
    if as_json:
        settings = display.effective_settings(found.settings, found.texts, found.remote) if found.settings else None
        lists = {"problems": found.problems, "warnings": found.warnings, "not_checked": found.remote}
        print_json({"version": 1, "valid": not found.problems, **lists, "settings": settings})
        raise typer.Exit(2 if found.problems else 0)
    if found.settings and not found.problems:
        display.show_settings(terminal_console(), found.settings, found.texts, found.remote, found.warnings)
        return
    display.show_problems(terminal_console(stderr=True), ConfigError(found.problems), found.warnings)
    raise typer.Exit(2)


def find_problems(environment: Mapping[str, str], read: Callable[[], Settings], now: float) -> Findings:
    """Check everything in ``environment``, also if a setting is invalid. ``read``: reads it. ``now``: seconds since the epoch."""
    found = Findings()
    with found.collect():
        found.settings = read()
    given = {key: value for key in (*_PEM, *_JSON, *_CREDENTIALS, "STATE_FILE", "FORMAT") if (value := environment.get(key, "").strip())}
    for key in (*_PEM, *_JSON):
        if key in given:
            _read_text(found, key, given[key])
    _check_pem(found, now)
    _check_documents(found, given.get("FORMAT", "").lower())
    _check_local_files(found, given, now)
    if found.settings:
        found.warnings = [*found.settings.warnings, *found.warnings]
    return found


def _read_text(found: Findings, key: str, value: str) -> None:
    """Read the text of a setting: that of its file, or the value itself."""
    if value.startswith(("vault:", "object:")):
        found.remote.append(key)
    elif value.startswith("file:"):
        with found.collect():
            found.texts[key] = read_file(key, value)
    elif value.startswith("{") if key in _JSON else "-----BEGIN" in value:  # anything else is reported with the settings
        found.texts[key] = value


def _check_pem(found: Findings, now: float) -> None:
    certificates: dict[str, list[x509.Certificate]] = {}
    private_key = ""
    for key in _PEM:
        with found.collect():
            if key == "SEAL_KEY" and key in found.texts:
                read_ed25519_key(key, found.texts[key])
            elif key in found.texts and key != "SYSLOG_CLIENT_KEY":
                certificates[key] = read_certificates(key, found.texts[key])
            elif key in found.texts:
                private_key = read_private_key(key, found.texts[key])
    with found.collect():
        if "SYSLOG_CLIENT_CERT" in certificates and private_key:
            check_pair(certificates["SYSLOG_CLIENT_CERT"], private_key)
            tls_context(None, found.texts["SYSLOG_CLIENT_CERT"], private_key)
    with found.collect():
        if "SYSLOG_CA" in certificates:
            tls_context(found.texts["SYSLOG_CA"], None, None)
    _check_client_dates(found, certificates.get("SYSLOG_CLIENT_CERT", []), now)
    _check_ca_dates(found, certificates.get("SYSLOG_CA", []), now)


def _check_client_dates(found: Findings, certificates: list[x509.Certificate], now: float) -> None:
    for each in certificates:
        name = f"SYSLOG_CLIENT_CERT: the certificate {_subject(each)}"
        begin, end = each.not_valid_before_utc.timestamp(), each.not_valid_after_utc.timestamp()
        if end <= now:
            found.problems.append(f"{name} expired at {time_text(end)}; renew it")
        elif begin > now:
            found.problems.append(f"{name} is not valid before {time_text(begin)}; check the clock, or use a certificate that is valid now")
        elif end < now + LEAST_DAYS * _DAY:
            found.warnings.append(f"{name} expires in {count_text(full_days_left(end, now), 'day')}, at {time_text(end)}: renew it.")


def _check_ca_dates(found: Findings, certificates: list[x509.Certificate], now: float) -> None:
    """A bundle may contain expired certificates, but not only such."""
    ends = sorted(each.not_valid_after_utc.timestamp() for each in certificates)
    if not ends:
        return
    expired = sum(end <= now for end in ends)
    if expired == len(ends):
        which = f"the certificate {_subject(certificates[0])} expired" if expired == 1 else "every certificate has expired, the last one"
        found.problems.append(f"SYSLOG_CA: {which} at {time_text(ends[-1])}; use the receiver's current CA certificate")
    elif ends[-1] < now + LEAST_DAYS * _DAY:
        days = count_text(full_days_left(ends[-1], now), "day")
        found.warnings.append(f"SYSLOG_CA: the certificate that is valid longest expires in {days}, at {time_text(ends[-1])}.")
    elif expired:
        found.warnings.append(f"SYSLOG_CA: {expired} of {len(ends)} certificates expired, the first at {time_text(ends[0])}.")


def _check_documents(found: Findings, format: str) -> None:
    with found.collect():
        if text := found.texts.get("RULES"):
            found.warnings += rules_warnings("RULES", text)
    with found.collect():
        if text := found.texts.get("FIELD_MAP"):
            found.warnings += read_field_map("FIELD_MAP", text, format if format in FORMATS else "cef")[1]


def _check_local_files(found: Findings, given: Mapping[str, str], now: float) -> None:
    """Check the folder of STATE_FILE, and the OCI profile if a setting selects one: the settings of a function name none."""
    if path := given.get("STATE_FILE"):
        folder = Path(path).parent
        if not folder.is_dir():
            found.problems.append(f"{shown('STATE_FILE', path)}: its folder does not exist; create it, or use a file in an existing folder")
        elif not is_regular_or_absent(path):
            found.problems.append(f"{shown('STATE_FILE', path)}: it is a folder, a pipe or a device; use a file in an existing folder")
        elif not os.access(folder, os.W_OK):
            found.problems.append(f"{shown('STATE_FILE', path)}: its folder is not writable; use a file in a writable folder")
    if given.get("OCI_AUTH", "config_file").lower() == "config_file" and any(key in given for key in _CREDENTIALS):
        from epimetheus.oci_client.config_file import ProfileProblem, read_profile  # noqa: PLC0415 - imports the OCI SDK

        try:
            read_profile(given.get("OCI_CONFIG_FILE", "~/.oci/config"), given.get("OCI_PROFILE", "DEFAULT"), now)
        except ProfileProblem as problem:
            found.problems.append(f"OCI_CONFIG_FILE: {problem}")


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()[:100] or "without a subject"
