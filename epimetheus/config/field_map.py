"""FIELD_MAP: custom field names for each format, and the Go program's field map, which applies to CEF."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field

from epimetheus.config import field_names as names
from epimetheus.config.field_conflicts import DefaultFields, FieldRequest, RequestedFields, ResolvedFields, resolve_fields
from epimetheus.config.go_fields import PROBLEM_FIELDS, GoEntry, event_requests, go_entries, invented_names, problem_requests
from epimetheus.config.json_document import ARBITRARY_KEYS, LIST, Finding, Section, checked, invalid, matching, messages, read, suggestion
from epimetheus.config.json_positions import Path
from epimetheus.errors import ConfigError
from epimetheus.render.custom_fields import NO_FIELDS, Device, Fields
from epimetheus.render.formats.cef_keys import HEADER_LENGTHS, LABEL_LENGTH, ORIGIN_LENGTH

_DOTTED = r"[^.]+(?:\.[^.]+)*"


def _is_path(text: str) -> bool:
    return all(text.split(".")) and (text in names.ADDED_PATHS or text.partition(".")[0] != "epimetheus")


def _one_of(keys: Collection[str], format: str) -> AfterValidator:
    def check(name: str) -> str:
        if name in keys:
            return name
        raise invalid(f"a default {format} key{suggestion(name, keys)}")

    return AfterValidator(check)


def _line(maximum: int) -> AfterValidator:
    return matching(rf"(?=.*\S)[^\x00-\x1f\x7f-\x9f\u2028\u2029]{{1,{maximum}}}", f"1 to {maximum} characters without control characters")


Key = Annotated[str, matching(r"[A-Za-z0-9_]{1,63}", "up to 63 letters, digits and _")]
CefKey = Annotated[str, _one_of(names.CEF_SOURCES, "CEF")]
LeefKey = Annotated[str, _one_of(names.LEEF_KEYS, "LEEF")]
LabeledKey = Annotated[str, checked(names.has_label, "a key that has a label, like cs1, cn1 or flexString1")]
Label = Annotated[str, _line(LABEL_LENGTH)]
Origin = Annotated[str, _line(ORIGIN_LENGTH)]
Version = Annotated[str, _line(HEADER_LENGTHS[0])]
Name = Annotated[str, matching(_DOTTED, "a name, or a path like data.identity.user")]
Value = Annotated[str, checked(_is_path, "a path like data.identity.authType or epimetheus.outcome (docs/formats.md lists them)")]
_Names = Annotated[dict[Name, Name], ARBITRARY_KEYS]
_Values = Annotated[dict[Name, Value], ARBITRARY_KEYS]
_KeyValues = Annotated[dict[Key, Value], ARBITRARY_KEYS]


class Format(Section):
    """For one format: ``rename`` is default name → new name, ``add`` is name → path of its value; names are dotted paths."""

    rename: _Names = Field(default_factory=dict)
    add: _Values = Field(default_factory=dict)
    omit: Annotated[tuple[Name, ...], LIST] = ()
    order: Annotated[tuple[Name, ...], LIST] = ()

    @property
    def requested(self) -> RequestedFields:
        """What all formats have in common."""
        return RequestedFields(self.rename, self.add, self.omit, self.order)


class LeefFormat(Format):
    """The same for LEEF, whose names are keys and whose default keys are known."""

    rename: Annotated[dict[LeefKey, Key], ARBITRARY_KEYS] = Field(default_factory=dict)
    add: _KeyValues = Field(default_factory=dict)
    omit: Annotated[tuple[LeefKey, ...], LIST] = ()
    order: Annotated[tuple[Key, ...], LIST] = ()


class CefFormat(Format):
    """The same for CEF; ``labels`` is key → label."""

    rename: Annotated[dict[CefKey, Key], ARBITRARY_KEYS] = Field(default_factory=dict)
    add: _KeyValues = Field(default_factory=dict)
    omit: Annotated[tuple[CefKey, ...], LIST] = ()
    order: Annotated[tuple[Key, ...], LIST] = ()
    labels: Annotated[dict[LabeledKey, Label], ARBITRARY_KEYS] = Field(default_factory=dict)


class Formats(Section):
    """A section for each format."""

    cef: CefFormat = CefFormat()
    json_: Format = Field(default=Format(), alias="json")
    leef: LeefFormat = LeefFormat()
    ocsf: Format = Format()


_GoNames = Annotated[dict[Value, Key], ARBITRARY_KEYS]


class ServiceNames(Section):
    """The Go program's names for one service: field → CEF key. ``nested_field_mappings`` are for members of objects."""

    field_mappings: _GoNames = Field(default_factory=dict)
    nested_field_mappings: _GoNames = Field(default_factory=dict)

    def entries(self, service: str) -> list[GoEntry]:
        """All names."""
        return [
            *go_entries(("service_mappings", service, "field_mappings"), self.field_mappings),
            *go_entries(("service_mappings", service, "nested_field_mappings"), self.nested_field_mappings),
        ]


class ServiceMappings(Section):
    """The names for each service of the Go program's newest version."""

    audit: ServiceNames | None = None
    cloudguard: ServiceNames = ServiceNames()
    logging: ServiceNames = ServiceNames()


class FieldMapFile(Section):
    """The whole file. The Go program's ``field_mappings`` are event field → CEF key; ``cef_version`` is the device version."""

    formats: Formats = Formats()
    ordered_fields: Annotated[tuple[str, ...], LIST] = ()
    field_mappings: _GoNames = Field(default_factory=dict)
    service_mappings: ServiceMappings = ServiceMappings()
    cef_vendor: Origin | None = None
    cef_product: Origin | None = None
    cef_version: Version | None = None
    lookups: object = None
    cache_invalidation_rules: object = None
    event_filtering: object = None
    statistics: object = None
    severity: object = None


class FieldMap(NamedTuple):
    """The custom fields of each format that has any. ``problem_fields``: those of Cloud Guard problems in CEF."""

    formats: Mapping[str, Fields] = MappingProxyType({})
    problem_fields: Fields = NO_FIELDS

    def fields(self, format: str) -> Fields:
        """The custom fields of one format."""
        return self.formats.get(format, NO_FIELDS)


def read_field_map(key: str, text: str, format: str | None = None, *, cloud_guard: bool = True) -> tuple[FieldMap, tuple[str, ...]]:
    """The field map in the JSON ``text`` of setting ``key``, and warnings: what cannot be done, and what happens instead.

    The warnings are those about ``format``, or about all formats, and about Cloud Guard problems unless ``cloud_guard`` is false. Raises
    ConfigError with all problems, each with its line and path.
    """
    file = read(FieldMapFile, key, text)
    formats, device = file.formats, Device(file.cef_vendor, file.cef_product)
    cef, problem_fields = _cef(file)
    resolved = {
        "cef": cef,
        "json": resolve_fields(_JSON, formats.json_.requested),
        "leef": _with_device(resolve_fields(_LEEF, formats.leef.requested), device),
        "ocsf": resolve_fields(_OCSF, formats.ocsf.requested),
    }
    if problems := messages(key, text, chain.from_iterable(each.problems for each in resolved.values())):
        raise ConfigError(problems)
    found = chain(_ignored(file), *(each.warnings for name, each in resolved.items() if format in (None, name)))
    warnings = messages(key, text, (each for each in found if cloud_guard or each.path[:2] != _PROBLEM_NAMES))
    fields = {name: each.fields for name, each in resolved.items() if each.fields != NO_FIELDS}
    return FieldMap(MappingProxyType(fields), problem_fields), warnings


_PROBLEM_NAMES = ("service_mappings", "cloudguard")
_CEF = DefaultFields(
    "cef", names.CEF_SOURCES, conflict=lambda request: names.cef_conflict(request.name, request.default, request.source or "")
)
_JSON = DefaultFields("json", MappingProxyType({path: path for path in names.EVENT_PATHS.values()}), names.event_path)
_LEEF = DefaultFields(
    "leef", dict.fromkeys(names.LEEF_KEYS, ""), conflict=lambda request: names.leef_conflict(request.name, request.default)
)
_OCSF = DefaultFields("ocsf")


def _cef(file: FieldMapFile) -> tuple[ResolvedFields, Fields]:
    """The CEF section, and the Go program's names for what the section leaves open; and its names for Cloud Guard problems."""
    section, services = file.formats.cef, file.service_mappings
    own = services.audit.entries("audit") if services.audit else list(go_entries(("field_mappings",), file.field_mappings))
    theirs = services.cloudguard.entries("cloudguard")
    events = resolve_fields(_CEF, section.requested, event_requests(own))
    problems = resolve_fields(PROBLEM_FIELDS, RequestedFields({}, {}, (), ()), problem_requests(theirs))
    fields, device = events.fields, Device(file.cef_vendor, file.cef_product, file.cef_version)
    sent = events.granted.keys() | names.CEF_SOURCES.keys() - fields.renamed.keys() - fields.omitted
    mapped = {name for entry in (*own, *theirs, *services.logging.entries("logging")) for name in (entry.field, entry.key)}
    warnings = (*events.warnings, *problems.warnings, *invented_names(own, theirs), *_unordered(file, sent, mapped))
    order = section.order or file.ordered_fields
    fields = fields._replace(ordered=_first(order, sent), labels=MappingProxyType({**_labels(events.granted), **section.labels}))
    labels = {name: (request.source or "").rpartition(".")[2] for name, request in problems.granted.items() if names.has_label(name)}
    of_problems = problems.fields._replace(ordered=_first(order, problems.granted), labels=MappingProxyType(labels))
    events = _with_device(events._replace(fields=fields, warnings=warnings), device)
    return events, of_problems._replace(device=device) if problems.granted else NO_FIELDS


def _first(order: Sequence[str], sent: Collection[str]) -> tuple[str, ...]:
    """The names that come first; a file of the Go program also lists names that are not sent."""
    return tuple(name for name in order if name in sent)


def _labels(granted: Mapping[str, FieldRequest]) -> dict[str, str]:
    """A value that is not in its default key is labeled with its name in the event."""
    moved = ((name, request) for name, request in granted.items() if name != request.default and names.has_label(name))
    return {name: names.label_of(request.default, request.source or "") for name, request in moved}


def _unordered(file: FieldMapFile, sent: Collection[str], mapped: Collection[str]) -> Iterator[Finding]:
    """Names that are to come first, and are not sent. The Go program's list has names of fields, of labels and for all services."""
    path: Path = ("formats", "cef", "order")
    order, known = file.formats.cef.order, {*sent}
    if not order:
        path, order = ("ordered_fields",), file.ordered_fields
        known |= {*names.EVENT_PATHS, *names.CEF_SOURCES, *mapped}
        known |= {name for name in order if names.has_label(name.removesuffix("Label"))}
    for index, name in enumerate(order):
        if name not in known:
            yield Finding((*path, index), "no field is sent under this name; the entry has no effect")


def _with_device(resolved: ResolvedFields, device: Device) -> ResolvedFields:
    return resolved._replace(fields=resolved.fields._replace(device=device))


def _ignored(file: FieldMapFile) -> Iterator[Finding]:
    services = file.service_mappings
    if services.audit and file.field_mappings:
        yield Finding(("field_mappings",), "service_mappings.audit takes the place of these names; they are ignored")
    if services.logging.entries("logging"):
        yield Finding(("service_mappings", "logging"), "VCN flow logs are not forwarded; these names are ignored")
    for name in ("lookups", "cache_invalidation_rules"):
        if getattr(file, name):
            yield Finding((name,), "this key applies to the Go program only and is ignored")
