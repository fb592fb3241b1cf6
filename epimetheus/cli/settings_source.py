"""Where a command's settings come from: the environment, ``--env-file``, ``--tfvars`` and ``--function``, in this order of precedence."""

import inspect
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from epimetheus.cli.arguments import ArgumentError
from epimetheus.cli.console import print_line, terminal_console
from epimetheus.cli.env_file import read_env_file
from epimetheus.cli.tfvars import CREATED_KEY, TfvarsSettings, read_tfvars
from epimetheus.clock import SYSTEM, Deadline
from epimetheus.config.choices import MAY_BE_EMPTY
from epimetheus.config.setting_checks import PREFIX, similar_setting, unknown_settings
from epimetheus.config.settings import SETTING_NAMES, Settings
from epimetheus.config.value_types import ocid
from epimetheus.errors import ConfigError
from epimetheus.safe_text import HIDDEN, safe_value

if TYPE_CHECKING:  # the OCI SDK takes long to import, and only some commands use it
    from epimetheus.cli.deployed_function import DeployedSettings
    from epimetheus.wiring.wiring import Wiring

_Read = TypeVar("_Read")

_PANEL = "Settings"
EnvFile = Annotated[
    Path | None, typer.Option("--env-file", metavar="FILE", rich_help_panel=_PANEL, help="Read settings from a file with NAME=value lines.")
]
Tfvars = Annotated[
    Path | None, typer.Option("--tfvars", metavar="FILE", rich_help_panel=_PANEL, help="Read settings from a Terraform variable file.")
]
Function = Annotated[
    str | None,
    typer.Option("--function", metavar="OCID", rich_help_panel=_PANEL, help="Read the settings of a deployed function from OCI."),
]
SOURCE_OPTIONS: Mapping[str, Any] = {"env_file": EnvFile, "tfvars": Tfvars, "function": Function}

_FUNCTION_OCID = re.compile(ocid("fnfunc"), re.ASCII)
_PRINCIPAL = "OCI_RESOURCE_PRINCIPAL_VERSION"  # selects the default of OCI_AUTH
_UNUSED = "not-needed.invalid"
_KEY_UNKNOWN = "with create_vault, only the deployed function knows the secret; use --function OCID, or set SYSLOG_CLIENT_KEY here"


@dataclass(frozen=True)
class LoadedSettings:
    """``environment``: the settings, and misspelled names in it. ``region``: of the deployment; empty means that of the credentials.

    ``problems``: errors in the sources, which `read` reports together with those in the values. ``incomplete``: a source could not be
    read, so settings that seem to be missing may be in it.
    """

    environment: Mapping[str, str]
    region: str = ""
    problems: tuple[str, ...] = ()
    incomplete: bool = False

    def read(self, overrides: Mapping[str, str] | None = None) -> Settings:
        """The settings, with ``overrides``. Raises ConfigError with all problems."""
        problems = list(self.problems)
        given = {**(self._placeholders() if self.incomplete else {}), **self.environment, **(overrides or {})}
        try:
            settings = Settings.read(given, limit_size=False)
        except ConfigError as error:
            problems += error.problems
        if problems:
            raise ConfigError(problems)
        return settings

    def read_partial(self, overrides: Mapping[str, str] | None = None) -> Settings:
        """The settings for a command that needs neither receiver nor state: placeholders replace missing ones. Raises ConfigError."""
        return self.read({**self._placeholders(), **(overrides or {})})

    def read_to_send(self) -> Settings:
        """The settings for a command that connects to the receiver. Raises ConfigError, also if they are known to the function only."""
        settings = self.read()
        if settings.syslog_client_key == CREATED_KEY:
            raise ConfigError([f"SYSLOG_CLIENT_KEY: {_KEY_UNKNOWN}"])
        return settings

    def _placeholders(self) -> dict[str, str]:
        """Values for required settings that are missing."""
        placeholders = {} if self.environment.get("SYSLOG_HOST", "").strip() else {"SYSLOG_HOST": _UNUSED}
        if not any(self.environment.get(key, "").strip() for key in ("STATE_BUCKET", "STATE_FILE")):
            placeholders["STATE_FILE"] = _UNUSED
        return placeholders

    def open(self, settings: Settings, seconds: float) -> "Wiring":
        """Sign in, for the region of the deployment; everything ends within ``seconds``. Raises CredentialsError."""
        from epimetheus.wiring.wiring import Wiring  # noqa: PLC0415 - imports the OCI SDK

        return Wiring.open(settings, SYSTEM, Deadline.after(SYSTEM, seconds), region=self.region)


@dataclass(frozen=True)
class SettingsSource:
    """The options of one command, and the environment of the process."""

    environ: Mapping[str, str]
    env_file: Path | None = None
    tfvars: Path | None = None
    function: str | None = None

    def options(self) -> list[str]:
        """The options that select these sources, for a command that a message suggests."""
        given = (("--env-file", self.env_file), ("--tfvars", self.tfvars), ("--function", self.function))
        return [word for name, value in given if value is not None for word in (name, str(value))]

    def load(self) -> LoadedSettings:
        """Read the sources. Prints to stderr what the environment replaces, and which variables in it may be misspelled.

        Errors in a file are reported by `LoadedSettings.read`, with those in the values of the other sources.

        Raises ConfigError, CredentialsError, SourceError.
        """
        own, ignored = _own_variables(self.environ)
        problems: list[str] = []
        file = _collected(problems, lambda: read_env_file(self.env_file) if self.env_file else {})
        read = _collected(problems, lambda: read_tfvars(self.tfvars) if self.tfvars else TfvarsSettings({}, ""))
        if problems and self.function is not None:  # the credentials may be in the source that cannot be read
            raise ConfigError(problems)
        incomplete = file is None or read is None
        file, (variables, region, notes, more_problems) = file or {}, read or TfvarsSettings({}, "")
        problems += [*more_problems, *(f"{self.env_file}: {problem}" for problem in unknown_settings(file, SETTING_NAMES))]
        local = _merged(own, file, variables)
        deployed: Mapping[str, str] = {}
        if self.function is not None:
            deployed, region, more = self._deployed(local)
            notes += more
            problems += [f"--function: {problem}" for problem in unknown_settings(deployed, SETTING_NAMES)]
        merged = _merged(local, deployed)
        _print_notes(own, _merged(file, variables, deployed), [*ignored, *notes])
        used = {name: value for name, value in merged.items() if name in own or name in SETTING_NAMES}
        return LoadedSettings(used, region, tuple(problems), incomplete)

    def _deployed(self, local: Mapping[str, str]) -> "DeployedSettings":
        if not _FUNCTION_OCID.fullmatch(self.function or ""):
            raise ArgumentError(f"--function {safe_value(self.function or '') or HIDDEN}: expected the OCID of a function (ocid1.fnfunc…)")
        from epimetheus.cli.deployed_function import read_function  # noqa: PLC0415 - imports the OCI SDK

        credentials = {name: value for name, value in local.items() if name.startswith("OCI_")}
        return read_function(self.function or "", LoadedSettings(credentials).read_partial())


def reads_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options in SOURCE_OPTIONS, in place of its parameter ``source``, a `SettingsSource`."""

    @wraps(command)
    def with_options(*args: Any, env_file: Path | None, tfvars: Path | None, function: str | None, **options: Any) -> None:
        command(*args, source=SettingsSource(os.environ, env_file, tfvars, function), **options)

    signature = inspect.signature(command)
    parameters = [parameter for name, parameter in signature.parameters.items() if name != "source"]
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters += [inspect.Parameter(name, keyword, default=None, annotation=kind) for name, kind in SOURCE_OPTIONS.items()]
    visible: Any = with_options  # typer reads these two attributes
    visible.__signature__ = signature.replace(parameters=parameters)
    visible.__annotations__ = {name: kind for name, kind in command.__annotations__.items() if name != "source"} | dict(SOURCE_OPTIONS)
    return with_options


def _collected(problems: list[str], read: Callable[[], _Read]) -> _Read | None:
    """What ``read`` returns; None if it raises ConfigError, the problems of which are added to ``problems``."""
    try:
        return read()
    except ConfigError as error:
        problems += error.problems
        return None


def _merged(*layers: Mapping[str, str]) -> dict[str, str]:
    """The layers, the first of which takes precedence. An empty value is not set, except where it has a meaning."""
    merged: dict[str, str] = {}
    for layer in reversed(layers):
        merged |= {name: value for name, value in layer.items() if value.strip() or name in MAY_BE_EMPTY}
    return merged


def _own_variables(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The variables that are settings, or that can only be misspelled settings; and notes on others that may be.

    Other programs have variables such as REGION and LOGLEVEL: a name of one word is never reported.
    """
    own, notes = {}, []
    for name, value in environ.items():
        if name in SETTING_NAMES or name == _PRINCIPAL:
            own[name] = value
        elif meant := similar_setting(name, SETTING_NAMES):
            if name.upper().startswith(PREFIX):
                own[name] = value
            elif "_" in name.strip("_"):
                notes.append(f"Ignored {safe_value(name) or HIDDEN} in the environment: it is not a setting. Did you mean {meant}?")
    return own, notes


def _print_notes(own: Mapping[str, str], others: Mapping[str, str], notes: list[str]) -> None:
    replaced = sorted(name for name, value in own.items() if value.strip() and others.get(name, value).strip() != value.strip())
    if replaced:
        notes = [*notes, f"The environment overrides {', '.join(replaced)}."]
    console = terminal_console(stderr=True)
    for note in notes:
        print_line(console, note, "yellow")
