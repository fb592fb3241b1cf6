"""Reads a JSON file into a pydantic model, and reports every problem at once, with its line and path."""

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

from epimetheus.config.json_positions import Path, dotted, duplicate_keys, lines_of
from epimetheus.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


class Finding(NamedTuple):
    """A problem or warning about the value at ``path``."""

    path: Path
    text: str


_COMMENT = "_comment"


def _is_comment(key: object) -> bool:
    return isinstance(key, str) and key.startswith(_COMMENT)


def _members_with_meaning(data: object) -> object:
    if not isinstance(data, dict):
        return data
    return {key: value for key, value in data.items() if value is not None and not _is_comment(key)}


class Section(BaseModel):
    """A frozen JSON object with strict JSON types; null means absent, because Go writes an empty list as null.

    Keys that begin with ``_comment`` are ignored.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)  # most deployments have no such file

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls_and_comments(cls, data: object) -> object:
        return _members_with_meaning(data)


ARBITRARY_KEYS = BeforeValidator(_members_with_meaning)
"""For an object with arbitrary keys: drops members that are null, and comments."""

LIST = Field(strict=False)
"""For a tuple: accepts a JSON array."""

MAX_FINDINGS = 100
"""Findings listed for one file; the others are not evaluated."""

_EXPECTED = MappingProxyType(
    {
        "model_type": "a JSON object",
        "dict_type": "a JSON object",
        "tuple_type": "an array of strings",
        "string_type": "a string",
        "string_unicode": "UTF-8 text",
        "bool_type": "true or false",
        "int_type": "an integer",
        "greater_than_equal": "an integer of at least {ge}",
        "literal_error": "{expected}",
    }
)
_POSITION = re.compile(r"(?P<what>.*) at line (?P<line>\d+) column (?P<column>\d+)", re.DOTALL)
_MAX_COMPARED = 100  # characters of an unknown name; a longer one would make the comparison slow


def matching(pattern: str, expected: str) -> AfterValidator:
    """Rejects a string that ``pattern`` does not match as a whole; ``expected`` describes what matches."""
    compiled = re.compile(pattern)
    return checked(lambda text: compiled.fullmatch(text) is not None, expected)


def checked(is_valid: Callable[[Any], bool], expected: str) -> AfterValidator:
    """Rejects a value for which ``is_valid`` is false; ``expected`` describes valid values."""

    def check(value: Any) -> Any:
        if is_valid(value):
            return value
        raise invalid(expected)

    return AfterValidator(check)


def invalid(expected: str) -> PydanticCustomError:
    """The error of a validator, which `read` reports as "expected …"."""
    return PydanticCustomError("invalid", "{expected}", {"expected": expected})


def read(model: type[M], key: str, text: str) -> M:
    """Parse ``text``, the value of setting ``key``. Raises ConfigError with all problems, formatted by `messages`."""
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise ConfigError([f"{key}: it is empty; expected a JSON object"])
    parsed, errors = None, []
    try:
        parsed = model.model_validate_json(text)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    # Raised outside of the except block: pydantic's error may quote the text, and must not be chained.
    if errors and errors[0]["type"] == "json_invalid":
        raise ConfigError([_invalid_json(key, text, errors[0]["ctx"]["error"])])
    duplicates = (Finding(path, "duplicate key") for path in duplicate_keys(text) if not any(map(_is_comment, path)))
    problems = messages(key, text, chain((_finding(model, details) for details in errors), duplicates))
    if parsed is None or problems:
        raise ConfigError(problems)
    return parsed


def messages(key: str, text: str, findings: Iterable[Finding]) -> tuple[str, ...]:
    """The first MAX_FINDINGS findings about the text of ``key``, by line: ``RULES line 7, event_filtering.mode: …``."""
    first = list(islice(findings, MAX_FINDINGS + 1))
    lines = lines_of(text, [finding.path for finding in first])
    formatted = [
        f"{key} line {lines[path]}{', ' if path else ''}{dotted(path)}: {what}"
        for path, what in sorted(first[:MAX_FINDINGS], key=lambda finding: lines[finding.path])
    ]
    more = [f"{key}: only the first {MAX_FINDINGS} findings are listed"] if len(first) > MAX_FINDINGS else []
    return (*formatted, *more)


def suggestion(name: str, names: Iterable[str]) -> str:
    """``. Did you mean …?`` with the one of ``names`` that is similar to ``name``; empty if none is."""
    close = difflib.get_close_matches(name[:_MAX_COMPARED], names, n=1)
    return f". Did you mean {close[0]}?" if close else ""


def _invalid_json(key: str, text: str, error: str) -> str:
    """The position in characters; pydantic counts bytes."""
    if not (position := _POSITION.fullmatch(error)):
        return f"{key}: invalid JSON: {error}"
    what = position["what"].replace("recursion limit exceeded", "nested too deeply")
    before = "".join(text.split("\n")[int(position["line"]) - 1 :][:1]).encode()[: int(position["column"])]
    return f"{key} line {position['line']}, column {len(before.decode(errors='ignore'))}: invalid JSON: {what}"


def _finding(model: type[BaseModel], details: ErrorDetails) -> Finding:
    """What is expected. The value is not shown: it may be long, and the path identifies it."""
    kind, path = details["type"], details["loc"]
    if kind == "extra_forbidden":
        names = _members(_model_at(model, path[:-1]))
        hint = suggestion(str(path[-1]), names) or f"; expected one of {', '.join(names)}"
        return Finding(path, f"unknown key{hint}")
    if kind == "missing":
        return Finding(path, "this key is required")
    expected = _EXPECTED[kind].format(**details.get("ctx", {})).replace("'", "") if kind in _EXPECTED else details["msg"]
    return Finding(path[:-1], f"invalid key: expected {expected}") if path[-1:] == ("[key]",) else Finding(path, f"expected {expected}")


def _members(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The model of the object at ``path``; arbitrary keys are not fields, and do not change the model."""
    for part in path:
        if field := _members(model).get(str(part)):
            model = next((kind for kind in (field.annotation, *get_args(field.annotation)) if _is_model(kind)), model)
    return model


def _is_model(kind: object) -> bool:
    return inspect.isclass(kind) and issubclass(kind, BaseModel)
