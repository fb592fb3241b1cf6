"""What becomes of the names that a user wishes for fields: which are given, what stands against the others, and what is displaced."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from epimetheus.config.field_names import path_of
from epimetheus.config.json_document import Finding
from epimetheus.config.json_positions import Path, dotted
from epimetheus.render.custom_fields import Fields


class FieldRequest(NamedTuple):
    """That the value at ``path`` (None: no event has it; "": not known) be sent as ``name``; ``default``: as what it is sent else."""

    place: Path
    default: str | None
    path: str | None
    name: str


class RequestedField(NamedTuple):
    """One format's part of FIELD_MAP."""

    rename: Mapping[str, str]
    add: Mapping[str, str]
    omit: Sequence[str]
    order: Sequence[str]


class Known(NamedTuple):
    """What is known of a format: ``held`` is name by default → path of what it holds, as far as names by default are known.

    ``default`` gives the name by default that the user means, or None; ``obstacle`` why a wish can not be granted, or None.
    """

    format: str
    held: Mapping[str, str] = MappingProxyType({})
    default: Callable[[str], str | None] = str
    obstacle: Callable[[FieldRequest], str | None] = lambda wish: None


class ResolvedFields(NamedTuple):
    """``granted``: name → the wish for it. ``problems`` are mistakes, ``warnings`` what can not be done, and what is instead."""

    fields: Fields
    granted: Mapping[str, FieldRequest]
    problems: Sequence[Finding]
    warnings: Sequence[Finding]


def settle(known: Known, asked: RequestedField, more: Sequence[FieldRequest] = ()) -> ResolvedFields:
    """The wishes of a part, and then ``more``, as far as the part leaves them open."""
    granted: dict[str, FieldRequest] = {}
    moved: set[str | None] = set()
    problems: list[Finding] = []
    refused: list[tuple[FieldRequest, str]] = []
    for wish in (*_own(known, asked), *[wish for wish in more if wish.default not in asked.rename]):
        first = granted.get(wish.name)
        if why := _refusal(known, wish, first):
            refused.append((wish, why))
        elif first:
            problems.append(Finding(wish.place, f"{dotted(first.place)} has the same name, allowed is one for each"))
        else:  # what is asked for under two names can be moved but once
            granted[wish.name] = wish._replace(default=None) if wish.path and wish.default in moved else wish
            moved.add(wish.default)
    omitted = [(("formats", known.format, "omit", index), known.default(name)) for index, name in enumerate(asked.omit)]
    fields = _fields(granted, frozenset(name for _, name in omitted if name is not None), asked)
    warnings = (*_refused(refused, granted), *_displaced(known, granted, fields), *_omitted(omitted, granted))
    return ResolvedFields(fields, MappingProxyType(granted), problems, warnings)


def _refusal(known: Known, wish: FieldRequest, first: FieldRequest | None) -> str | None:
    if wish.path is None:
        return "no event has a field of this name"
    if first and first.place[0] != wish.place[0]:
        return f"{dotted(first.place)} takes {wish.name} for something else"
    return known.obstacle(wish)


def _own(known: Known, asked: RequestedField) -> Iterator[FieldRequest]:
    for meant, name in asked.rename.items():
        default = known.default(meant)
        yield FieldRequest(("formats", known.format, "rename", meant), default, None if default is None else known.held.get(default, ""), name)
    for name, path in asked.add.items():
        yield FieldRequest(("formats", known.format, "add", name), None, path_of(path), name)


def _fields(granted: Mapping[str, FieldRequest], omitted: frozenset[str], asked: RequestedField) -> Fields:
    renamed = {wish.default: name for name, wish in granted.items() if wish.default is not None and wish.default != name}
    added = {name: wish.path for name, wish in granted.items() if wish.default is None and wish.path}
    return Fields(MappingProxyType(renamed), MappingProxyType(added), omitted, tuple(asked.order))


def _refused(refused: Sequence[tuple[FieldRequest, str]], granted: Mapping[str, FieldRequest]) -> Iterator[Finding]:
    for wish, why in refused:
        if wish.default is not None and granted.get(wish.default, wish).default == wish.default:
            instead = f"it stays in {wish.default}"
        else:
            instead = "nothing is sent for it" if wish.path is None else "it is not added"
        yield Finding(wish.place, f"{why}, {instead}")


def _displaced(known: Known, granted: Mapping[str, FieldRequest], fields: Fields) -> Iterator[Finding]:
    for name, wish in granted.items():
        if name in known.held and name != wish.default and name not in fields.renamed and name not in fields.omitted:
            held = known.held[name] or f"what {name} holds by default"
            what = f"this takes the place of {held}, which is not sent any more"
            yield Finding(wish.place, f"{what}; where that is meant, formats.{known.format}.omit should say so")


def _omitted(omitted: Iterable[tuple[Path, str | None]], granted: Mapping[str, FieldRequest]) -> Iterator[Finding]:
    renamed = {wish.default: wish for name, wish in granted.items() if wish.default != name}
    for place, name in omitted:
        if name is None:
            yield Finding(place, "no event has a field of this name, nothing is left out by it")
        elif name in renamed:
            yield Finding(renamed[name].place, f"{dotted(place)} leaves it out, it is not sent under any name")
