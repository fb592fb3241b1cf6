"""Resolves the field names that FIELD_MAP requests for one format: which requests are granted, rejected, or replace a default field."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from epimetheus.config.field_names import event_path
from epimetheus.config.json_document import Finding
from epimetheus.config.json_positions import Path, dotted
from epimetheus.render.custom_fields import Fields

_SECTIONS = "formats"


class FieldRequest(NamedTuple):
    """A request to send the value at event path ``source`` as ``name``; ``location`` is its path in FIELD_MAP.

    ``source`` is None if no event has the field, and empty if it is unknown. ``default``: the name that the value has by default.
    """

    location: Path
    default: str | None
    source: str | None
    name: str


class RequestedFields(NamedTuple):
    """The section of FIELD_MAP for one format."""

    rename: Mapping[str, str]
    add: Mapping[str, str]
    omit: Sequence[str]
    order: Sequence[str]


class DefaultFields(NamedTuple):
    """The fields of a format. ``sources``: default name → event path of its value, as far as default names are known.

    ``default_name`` gives the default name that a user's name stands for, or None; ``conflict`` why a request cannot be granted, or None.
    ``record``: what has these fields.
    """

    format: str
    sources: Mapping[str, str] = MappingProxyType({})
    default_name: Callable[[str], str | None] = str
    record: str = "event"
    conflict: Callable[[FieldRequest], str | None] = lambda request: None


class ResolvedFields(NamedTuple):
    """``granted``: name → its request. ``problems`` are errors; ``warnings`` say what cannot be done, and what happens instead."""

    fields: Fields
    granted: Mapping[str, FieldRequest]
    problems: Sequence[Finding]
    warnings: Sequence[Finding]


def resolve_fields(defaults: DefaultFields, requested: RequestedFields, more: Sequence[FieldRequest] = ()) -> ResolvedFields:
    """The requests of a section, and then of ``more`` those that the section leaves open: the first one gets a name, others a warning."""
    granted: dict[str, FieldRequest] = {}
    moved: set[str | None] = set()
    problems: list[Finding] = []
    rejected: list[tuple[FieldRequest, str]] = []
    for request in (*_requests(defaults, requested), *[each for each in more if each.default not in requested.rename]):
        first = granted.get(request.name)
        if reason := _rejection(defaults, request, first):
            rejected.append((request, reason))
        elif first:
            problems.append(Finding(request.location, f"{dotted(first.location)} already uses this name; expected a different name"))
        else:  # a field that is requested under two names is moved once, and added for the second
            granted[request.name] = request._replace(default=None) if request.source and request.default in moved else request
            moved.add(request.default)
    locations = [(_SECTIONS, defaults.format, "omit", index) for index in range(len(requested.omit))]
    omitted = list(zip(locations, map(defaults.default_name, requested.omit), strict=True))
    fields = _fields(granted, frozenset(name for _, name in omitted if name is not None), requested)
    warnings = (*_rejected(rejected, granted), *_replaced(defaults, granted, fields), *_omitted(omitted, granted))
    return ResolvedFields(fields, MappingProxyType(granted), problems, warnings)


def _rejection(defaults: DefaultFields, request: FieldRequest, first: FieldRequest | None) -> str | None:
    if request.source is None:
        return f"no {defaults.record} has a field with this name"
    if first and request.location[0] != _SECTIONS:
        return f"{dotted(first.location)} uses {request.name} for another field"
    return defaults.conflict(request)


def _requests(defaults: DefaultFields, requested: RequestedFields) -> Iterator[FieldRequest]:
    for current, name in requested.rename.items():
        default = defaults.default_name(current)
        source = None if default is None else defaults.sources.get(default, "")
        yield FieldRequest((_SECTIONS, defaults.format, "rename", current), default, source, name)
    for name, path in requested.add.items():
        yield FieldRequest((_SECTIONS, defaults.format, "add", name), None, event_path(path), name)


def _fields(granted: Mapping[str, FieldRequest], omitted: frozenset[str], requested: RequestedFields) -> Fields:
    renamed = {each.default: name for name, each in granted.items() if each.default is not None and each.default != name}
    added = {name: each.source for name, each in granted.items() if each.default is None and each.source}
    return Fields(MappingProxyType(renamed), MappingProxyType(added), omitted, tuple(requested.order))


def _rejected(rejected: Sequence[tuple[FieldRequest, str]], granted: Mapping[str, FieldRequest]) -> Iterator[Finding]:
    names = {each.default: name for name, each in granted.items() if each.default is not None}
    for request, reason in rejected:
        default = request.default
        if default and (name := names.get(default) or (default if default not in granted else None)):
            outcome = f"the value remains in {name}"
        else:
            outcome = "nothing is sent for it" if request.source is None else "the value is not added"
        yield Finding(request.location, f"{reason}; {outcome}")


def _replaced(defaults: DefaultFields, granted: Mapping[str, FieldRequest], fields: Fields) -> Iterator[Finding]:
    for name, request in granted.items():
        if name in defaults.sources and name != request.default and name not in fields.renamed and name not in fields.omitted:
            lost = defaults.sources[name] or f"the default value of {name}"
            intended = f"; if that is intended, add {name} to formats.{defaults.format}.omit" if defaults.record == "event" else ""
            yield Finding(request.location, f"this replaces {lost}, which is no longer sent{intended}")


def _omitted(omitted: Iterable[tuple[Path, str | None]], granted: Mapping[str, FieldRequest]) -> Iterator[Finding]:
    renamed = {each.default: each for name, each in granted.items() if each.default != name}
    for location, name in omitted:
        if name is None:
            yield Finding(location, "no event has a field with this name; nothing is omitted")
        elif name in renamed:
            yield Finding(renamed[name].location, f"{dotted(location)} omits this field; it is not sent under any name")
