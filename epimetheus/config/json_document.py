"""A JSON file of the user's, read into a pydantic model: every mistake at once, each with its line and its path."""

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from epimetheus.config.json_positions import Path, dotted, doubles, lines_of
from epimetheus.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


class Finding(NamedTuple):
    """Something to say about what stands at ``path``: what is allowed there, or what it comes to."""

    path: Path
    text: str


def _without_nulls(data: object) -> object:
    return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class Section(BaseModel):
    """A JSON object of the file, frozen, its types as JSON has them; null stands for absent, as Go writes an empty list."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @model_validator(mode="before")
    @classmethod
    def _as_if_absent(cls, data: object) -> object:
        return _without_nulls(data)


WITHOUT_NULLS = BeforeValidator(_without_nulls)
"""For an object whose keys the user chooses."""

LIST = Field(strict=False)
"""For a tuple: JSON has lists only."""

MOST = 100
"""Remarks on one file. More are not read, and their number tells enough."""

_ALLOWED = MappingProxyType(
    {
        "model_type": "a JSON object",
        "dict_type": "a JSON object",
        "tuple_type": "a list of texts",
        "string_type": "a text",
        "string_unicode": "UTF-8 text",
        "bool_type": "true or false",
        "int_type": "a whole number",
        "greater_than_equal": "a whole number of {ge} or more",
        "literal_error": "{expected}",
    }
)
_PLACE = re.compile(r"(?P<what>.*) at line (?P<line>\d+) column (?P<column>\d+)", re.DOTALL)
_NAME = 100  # of a longer one, the beginning tells what it is nearest to


def matching(pattern: str, allowed: str) -> AfterValidator:
    """A text is a mistake where ``pattern`` does not match all of it; ``allowed`` says to people what does."""
    compiled = re.compile(pattern)
    return checked(lambda text: compiled.fullmatch(text) is not None, allowed)


def checked(right: Callable[[Any], bool], allowed: str) -> AfterValidator:
    """A value is a mistake where ``right`` does not say so."""

    def check(value: Any) -> Any:
        if right(value):
            return value
        raise PydanticCustomError("not_allowed", "{allowed}", {"allowed": allowed})

    return AfterValidator(check)


def read(model: type[M], key: str, text: str) -> M:
    """``text``, which setting ``key`` stands for, as a ``model``. Raises ConfigError with all mistakes, as `told` words them."""
    text = text.removeprefix("\ufeff")
    made, found = None, []
    try:
        made = model.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    # The errors are raised out here, so that the foreign one, which may quote the text, is not chained.
    if found and found[0]["type"] == "json_invalid":
        raise ConfigError([_not_json(key, text, found[0]["ctx"]["error"])])
    twice = (Finding(path, "this key stands twice") for path in doubles(text))
    problems = messages(key, text, chain((_remark(model, details) for details in found), twice))
    if made is None or problems:
        raise ConfigError(problems)
    return made


def messages(key: str, text: str, remarks: Iterable[Finding]) -> tuple[str, ...]:
    """Remarks on the text of ``key``, by line: ``RULES line 7, event_filtering.mode: …``; of more than MOST, the first."""
    first = list(islice(remarks, MOST + 1))
    lines = lines_of(text, [remark.path for remark in first])
    said = [
        f"{key} line {lines[path]}{', ' if path else ''}{dotted(path)}: {what}"
        for path, what in sorted(first[:MOST], key=lambda remark: lines[remark.path])
    ]
    return (*said, f"{key}: there are more than these {MOST}") if len(first) > MOST else tuple(said)


def closest_name(name: str, names: Iterable[str]) -> str:
    """The one of ``names`` that looks most like ``name``."""
    return difflib.get_close_matches(name[:_NAME], names, n=1, cutoff=0)[0]


def _not_json(key: str, text: str, error: str) -> str:
    """Pydantic counts bytes, people characters."""
    if not (place := _PLACE.fullmatch(error)):
        return f"{key}: it is not JSON: {error}"
    what = place["what"].replace("recursion limit exceeded", "nested too deep")
    before = "".join(text.split("\n")[int(place["line"]) - 1 :][:1]).encode()[: int(place["column"])]
    return f"{key} line {place['line']}, column {len(before.decode(errors='ignore'))}: it is not JSON: {what}"


def _remark(model: type[BaseModel], details: ErrorDetails) -> Finding:
    """What is allowed. No value: it may be long, and the path leads to it."""
    kind, path = details["type"], details["loc"]
    if kind == "extra_forbidden":
        return Finding(path, f"there is no such key; the nearest is {closest_name(str(path[-1]), _members(_model_at(model, path[:-1])))}")
    if kind == "missing":
        return Finding(path, "it is missing")
    allowed = _ALLOWED[kind].format(**details.get("ctx", {})).replace("'", "") if kind in _ALLOWED else details["msg"]
    return Finding(path[:-1], f"allowed as a key is {allowed}") if path[-1:] == ("[key]",) else Finding(path, f"allowed is {allowed}")


def _members(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The model of the object at ``path``; keys that the user chooses are no fields, and change nothing."""
    for part in path:
        if field := _members(model).get(str(part)):
            model = next((kind for kind in (field.annotation, *get_args(field.annotation)) if _is_model(kind)), model)
    return model


def _is_model(kind: object) -> bool:
    return inspect.isclass(kind) and issubclass(kind, BaseModel)
