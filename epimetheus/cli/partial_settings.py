"""Settings for commands that need neither a receiver nor a state."""

import os
from collections.abc import Mapping

from epimetheus.config.settings import Settings

_UNUSED = "not-needed.invalid"


def read_partial_settings(overrides: Mapping[str, str] | None = None) -> Settings:
    """The settings in the environment, with ``overrides``. Placeholders replace a missing receiver or state. Raises ConfigError."""
    environment = {key: value for key, value in os.environ.items() if value.strip()}
    placeholders = {"SYSLOG_HOST": _UNUSED}
    if "STATE_BUCKET" not in environment:
        placeholders["STATE_FILE"] = _UNUSED
    return Settings.read({**placeholders, **environment, **(overrides or {})})
