"""The settings that select what is read, and how often."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator

from epimetheus.config import value_types
from epimetheus.config.value_types import Group

_READING = Group("Reading")
_LowerCase = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)


class SourceSettings(BaseModel):
    """The part of `epimetheus.config.settings.Settings` about sources."""

    sources: Annotated[
        tuple[Literal["audit", "cloud_guard"], ...], value_types.Split, _LowerCase, value_types.Distinct
    ] = _READING.names(
        "audit, cloud_guard, or both",
        "What is forwarded: `audit` stands for audit events, `cloud_guard` for the problems of Cloud Guard.",
        default=("audit",),
    )
    cloud_guard_minutes: int = _READING.integer(
        15,
        1,
        30,
        "Minimum number of minutes between two polls of Cloud Guard. A poll lists all problems, and forwards those that have changed.",
    )
    push: value_types.Boolean = _READING.boolean(
        False,
        "If true, Connector Hub pushes events to a second function, which accepts batches, and runs send only what was not pushed.",
    )
