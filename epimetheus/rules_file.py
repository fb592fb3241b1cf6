"""The rules file: what the Go program's ``event_filtering`` and ``statistics`` may hold, key for key.

The Go program keeps its field map in the same file; those keys are let in here and left to FIELD_MAP.
"""

import difflib
import inspect
from collections.abc import Iterable
from types import MappingProxyType
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from epimetheus.errors import ConfigError

Names = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False)]  # not strict: JSON has lists, no tuples


class _Part(BaseModel):
    """A JSON object of the file, frozen, its types as JSON has them; null stands for absent, as Go writes an empty list."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: object) -> object:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class RateLimit(_Part):
    """At most so many events of a type in an hour."""

    max_per_hour: int = Field(ge=1)
    enabled: bool = True


class UserFiltering(_Part):
    """Whose events are left out, or the only ones to be sent; users by name or OCID."""

    exclude_service_accounts: bool = False
    exclude_users: Names = ()
    include_only_users: Names = ()


class EventFiltering(_Part):
    """Which events are sent: ``mode`` says which of the two lists counts; events by type, with ``*``; limits by event type."""

    enabled: bool = True
    mode: Literal["include", "exclude"] = "exclude"
    excluded_events: Names = ()
    included_events: Names = ()
    priority_events: Names = ()
    rate_limiting: dict[str, RateLimit] = Field(default_factory=dict)
    user_filtering: UserFiltering = UserFiltering()


class Statistics(_Part):
    """What is told about the work; ``log_interval_events`` 0: nothing in between."""

    enable_detailed_logging: bool = False
    log_interval_events: int = Field(default=0, ge=0)
    track_cache_metrics: bool = False
    track_performance_metrics: bool = False


class RulesFile(_Part):
    """The whole file."""

    event_filtering: EventFiltering = EventFiltering()
    statistics: Statistics = Statistics()
    ordered_fields: object = None
    field_mappings: object = None
    lookups: object = None
    cache_invalidation_rules: object = None
    cef_vendor: object = None
    cef_product: object = None
    cef_version: object = None


_ALLOWED = MappingProxyType(
    {
        "model_type": "a JSON object",
        "dict_type": "a JSON object",
        "tuple_type": "a list of texts",
        "string_type": "a text",
        "string_unicode": "UTF-8 text",
        "string_too_short": "a text that is not empty",
        "bool_type": "true or false",
        "int_type": "a whole number",
        "greater_than_equal": "a whole number of {ge} or more",
        "literal_error": "{expected}",
    }
)


def parse_rules(key: str, text: str) -> RulesFile:
    """The rules in a JSON ``text`` that setting ``key`` stands for. Raises ConfigError with all problems, each with its path."""
    try:
        return RulesFile.model_validate_json(text)
    except ValidationError as error:
        problems = [f"{key}: {_worded(details)}" for details in error.errors(include_url=False, include_input=False)]
    raise ConfigError(problems)  # out here, so that the foreign error, which quotes the text, is not chained


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of ``names`` that looks most like ``name``."""
    return difflib.get_close_matches(name, names, n=1, cutoff=0)[0]


def _worded(details: ErrorDetails) -> str:
    """Path, and what is allowed there. No value: it may be long, and the path leads to it."""
    kind, path, context = details["type"], details["loc"], details.get("ctx", {})
    if kind == "json_invalid":
        return f"it is not JSON: {context['error']}"
    if kind == "extra_forbidden":
        return f"{_dotted(path)}: there is no such key; the nearest is {nearest(str(path[-1]), _model_at(path[:-1]).model_fields)}"
    if kind == "missing":
        return f"{_dotted(path)} is missing"
    allowed = _ALLOWED[kind].format(**context).replace("'", "")
    return f"{_dotted(path)}: allowed is {allowed}".removeprefix(": ")


def _dotted(path: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def _model_at(path: tuple[int | str, ...]) -> type[BaseModel]:
    """The model of the object at ``path``; the event names under ``rate_limiting`` are no fields, and change nothing."""
    model: type[BaseModel] = RulesFile
    for part in path:
        if field := model.model_fields.get(str(part)):
            model = next((kind for kind in (field.annotation, *get_args(field.annotation)) if _is_model(kind)), model)
    return model


def _is_model(kind: object) -> bool:
    return inspect.isclass(kind) and issubclass(kind, BaseModel)
