"""Deployed functions: their configuration, and that of their application."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DeployedFunction:
    """A function in ``region``. The configuration that it gets is that of the application, overridden by its own."""

    id: str
    application: str
    region: str
    config: Mapping[str, str]
    application_config: Mapping[str, str]
