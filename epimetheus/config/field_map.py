"""FIELD_MAP: the user's own names for fields, per format, and the Go program's field map, which stands for CEF's."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from epimetheus.config import field_names as names
from epimetheus.config.field_conflicts import FieldRequest, Known, RequestedField, ResolvedFields, settle
from epimetheus.config.json_document import LIST, WITHOUT_NULLS, Finding, Section, checked, closest_name, matching, messages, read
from epimetheus.config.json_positions import Path
from epimetheus.errors import ConfigError
from epimetheus.render.custom_fields import NO_FIELDS, Device, Fields
from epimetheus.render.formats.cef_keys import HEADER_LENGTHS, LABEL_LENGTH, ORIGIN_LENGTH

_DOTTED = r"[^.]+(?:\.[^.]+)*"


def _is_path(text: str) -> bool:
    return all(text.split(".")) and (text in names.NOTED or text.partition(".")[0] != "epimetheus")


def _one_of(keys: Collection[str], format: str) -> AfterValidator:
    def check(name: str) -> str:
        if name in keys:
            return name
        allowed = f"one that {format} has by default; the nearest is {closest_name(name, keys)}"
        raise PydanticCustomError("not_allowed", "{allowed}", {"allowed": allowed})

    return AfterValidator(check)


def _line(most: int) -> AfterValidator:
    return matching(rf"(?=.*\S)[^\x00-\x1f\x7f-\x9f\u2028\u2029]{{1,{most}}}", f"1 to {most} characters, no control characters")


Key = Annotated[str, matching(r"[A-Za-z0-9_]{1,63}", "up to 63 letters, digits and _")]
CefKey = Annotated[str, _one_of(names.HELD, "CEF")]
LeefKey = Annotated[str, _one_of(names.IN_LEEF, "LEEF")]
LabelledKey = Annotated[str, checked(names.has_label, "one with a label, like cs1, cn1 or flexString1")]
Label = Annotated[str, _line(LABEL_LENGTH)]
Origin = Annotated[str, _line(ORIGIN_LENGTH)]
Version = Annotated[str, _line(HEADER_LENGTHS[0])]
Name = Annotated[str, matching(_DOTTED, "a name, or a path like data.identity.user")]
Value = Annotated[str, checked(_is_path, f"a path like data.identity.authType, or {', '.join(names.NOTED)}")]
_Names = Annotated[dict[Name, Name], WITHOUT_NULLS]
_Values = Annotated[dict[Name, Value], WITHOUT_NULLS]
_KeyValues = Annotated[dict[Key, Value], WITHOUT_NULLS]


class Format(Section):
    """For one format: ``rename`` is name by default → name wanted, ``add`` name → path of its value; names are dotted paths."""

    rename: _Names = Field(default_factory=dict)
    add: _Values = Field(default_factory=dict)
    omit: Annotated[tuple[Name, ...], LIST] = ()
    order: Annotated[tuple[Name, ...], LIST] = ()

    @property
    def asked(self) -> RequestedField:
        """What all formats have."""
        return RequestedField(self.rename, self.add, self.omit, self.order)


class LeefFormat(Format):
    """The same where names are keys, and it is known which there are by default."""

    rename: Annotated[dict[LeefKey, Key], WITHOUT_NULLS] = Field(default_factory=dict)
    add: _KeyValues = Field(default_factory=dict)
    omit: Annotated[tuple[LeefKey, ...], LIST] = ()
    order: Annotated[tuple[Key, ...], LIST] = ()


class CefFormat(Format):
    """The same; ``labels`` is key → label."""

    rename: Annotated[dict[CefKey, Key], WITHOUT_NULLS] = Field(default_factory=dict)
    add: _KeyValues = Field(default_factory=dict)
    omit: Annotated[tuple[CefKey, ...], LIST] = ()
    order: Annotated[tuple[Key, ...], LIST] = ()
    labels: Annotated[dict[LabelledKey, Label], WITHOUT_NULLS] = Field(default_factory=dict)


class Formats(Section):
    """A part for each format."""

    cef: CefFormat = CefFormat()
    json_: Format = Field(default=Format(), alias="json")
    leef: LeefFormat = LeefFormat()
    ocsf: Format = Format()


class FieldMapFile(Section):
    """The whole file. The Go program's ``field_mappings`` are event field → CEF key; ``cef_version`` is that of the device."""

    formats: Formats = Formats()
    ordered_fields: Annotated[tuple[str, ...], LIST] = ()
    field_mappings: Annotated[dict[Value, Key], WITHOUT_NULLS] = Field(default_factory=dict)
    cef_vendor: Origin | None = None
    cef_product: Origin | None = None
    cef_version: Version | None = None
    lookups: object = None
    cache_invalidation_rules: object = None
    event_filtering: object = None
    statistics: object = None
    severity: object = None


class FieldMap(NamedTuple):
    """The user's own names, for each format that has any."""

    formats: Mapping[str, Fields] = MappingProxyType({})

    def fields(self, format: str) -> Fields:
        """Those for one format."""
        return self.formats.get(format, NO_FIELDS)


def read_field_map(key: str, text: str, format: str | None = None) -> tuple[FieldMap, tuple[str, ...]]:
    """The field map in a JSON ``text`` that setting ``key`` stands for, and warnings: what in it can not be done, and what is instead.

    The warnings are those that concern ``format``, or all. Raises ConfigError with all mistakes, each with its line and its path.
    """
    file = read(FieldMapFile, key, text)
    formats, origin = file.formats, Device(file.cef_vendor, file.cef_product)
    settled = {
        "cef": _cef(file),
        "json": settle(_JSON, formats.json_.asked),
        "leef": _of_device(settle(_LEEF, formats.leef.asked), origin),
        "ocsf": settle(_OCSF, formats.ocsf.asked),
    }
    if problems := messages(key, text, chain.from_iterable(each.problems for each in settled.values())):
        raise ConfigError(problems)
    concerned = (each.warnings for name, each in settled.items() if format in (None, name))
    warnings = messages(key, text, chain(_ignored(file), *concerned))
    fields = {name: each.fields for name, each in settled.items() if each.fields != NO_FIELDS}
    return FieldMap(MappingProxyType(fields)), warnings


_CEF = Known("cef", names.HELD, obstacle=lambda wish: names.cef_conflict(wish.name, wish.default, wish.path or ""))
_JSON = Known("json", MappingProxyType({path: path for path in names.PATHS.values()}), names.path_of)
_LEEF = Known("leef", dict.fromkeys(names.IN_LEEF, ""), obstacle=lambda wish: names.leef_conflict(wish.name, wish.default))
_OCSF = Known("ocsf")


def _cef(file: FieldMapFile) -> ResolvedFields:
    """CEF's own part, and the Go program's keys for what that leaves open."""
    part, go = file.formats.cef, [_wish(field, key) for field, key in file.field_mappings.items()]
    settled = settle(_CEF, part.asked, go)
    fields = settled.fields
    sent = settled.granted.keys() | names.HELD.keys() - fields.renamed.keys() - fields.omitted
    fields = fields._replace(
        ordered=tuple(name for name in part.order or file.ordered_fields if name in sent),
        labels=MappingProxyType({**_labels(settled.granted), **part.labels}),
    )
    unordered = [*_unordered(("formats", "cef", "order"), part.order, sent)]
    if not part.order:
        others = names.PATHS.keys() | names.HELD.keys() | set(file.field_mappings.values())
        unordered = [*_unordered(("ordered_fields",), file.ordered_fields, sent | others)]
    settled = settled._replace(fields=fields, warnings=(*settled.warnings, *unordered))
    return _of_device(settled, Device(file.cef_vendor, file.cef_product, file.cef_version))


def _wish(field: str, key: str) -> FieldRequest:
    path = names.path_of(field)
    return FieldRequest(("field_mappings", field), names.KEYS.get(path or ""), path, key)


def _labels(granted: Mapping[str, FieldRequest]) -> dict[str, str]:
    """What is not where it is by default is called as the event calls it."""
    moved = ((name, wish) for name, wish in granted.items() if name != wish.default and names.has_label(name))
    return {name: names.label_of(wish.default, wish.path or "") for name, wish in moved}


def _unordered(place: Path, order: Sequence[str], known: Collection[str]) -> Iterator[Finding]:
    for index, name in enumerate(order):
        if name not in known:
            yield Finding((*place, index), "nothing is sent under this name, it changes nothing")


def _of_device(settled: ResolvedFields, device: Device) -> ResolvedFields:
    return settled._replace(fields=settled.fields._replace(device=device))


def _ignored(file: FieldMapFile) -> Iterator[Finding]:
    for name in ("lookups", "cache_invalidation_rules"):
        if getattr(file, name):
            yield Finding((name,), "this asked the API of the Go program and means nothing here, it is not looked at")
