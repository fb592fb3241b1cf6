"""Where there is to look: the whole set of compartments, keyed by OCID, whatever order or shape the listing comes in.

https://docs.oracle.com/en-us/iaas/api/#/en/identity/20160918/Compartment/ListCompartments
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from epimetheus.clock import Deadline
from epimetheus.errors import SourceError
from epimetheus.model import Compartment
from epimetheus.oci_client.clients import ServiceFailure
from epimetheus.source.page_tokens import PageTokens

Mode = Literal["all", "tenancy_only", "include", "exclude"]
ListPage = Callable[[str, bool, str | None], tuple[list[Compartment], str | None]]
"""``(parent OCID, whole subtree?, page token) → (compartments, next page token)``; raises ServiceFailure, CredentialsError, SourceError."""

_REFUSED = (403, 404)


@dataclass(frozen=True)
class Listing:
    """The compartments by OCID, the root among them, and the OCIDs whose children could not be listed.

    ``tree``: the whole tree was looked for, not the root alone.
    """

    compartments: dict[str, Compartment]
    refused: tuple[str, ...] = ()
    tree: bool = True


def discover(list_page: ListPage, tenancy: str, deadline: Deadline) -> Listing:
    """The whole tree in one listing; where that is refused, a walk from the root. Raises SourceError, CredentialsError, OutOfTime."""
    root = Compartment(tenancy, "root")
    try:
        found = {c.ocid: c for c in _pages(list_page, tenancy, True, deadline)}
    except ServiceFailure as failure:
        if failure.status not in _REFUSED:
            raise
        return _walk(list_page, root, deadline)
    return Listing({**found, tenancy: root})


def pin(listing: Listing, ids: Collection[str]) -> Listing:
    """The listing with these in it, come what may: to be allowed to read a compartment's events is not to be allowed to list it."""
    return replace(listing, compartments={**{ocid: Compartment(ocid, ocid) for ocid in ids}, **listing.compartments})


def _walk(list_page: ListPage, root: Compartment, deadline: Deadline) -> Listing:
    found, refused, open_ends = {root.ocid: root}, [], [root.ocid]
    while open_ends:
        parent = open_ends.pop()
        try:
            children = [c for c in _pages(list_page, parent, False, deadline) if c.ocid not in found]
        except ServiceFailure as failure:
            if failure.status not in _REFUSED or parent == root.ocid:
                raise
            refused.append(parent)
            continue
        found.update((c.ocid, c) for c in children)
        open_ends.extend(c.ocid for c in children if not c.deleted)
    return Listing(found, tuple(refused))


def _pages(list_page: ListPage, parent: str, subtree: bool, deadline: Deadline) -> Iterator[Compartment]:
    token, tokens = None, PageTokens()
    while True:
        deadline.clip(1)
        compartments, token = list_page(parent, subtree, token)
        yield from compartments
        if token is None:
            return
        if tokens.circle(token):
            raise SourceError(f"ListCompartments of {parent} repeats its page token.", do="The last known compartments serve meanwhile.")


def choose(compartments: Mapping[str, Compartment], mode: Mode, ids: Collection[str], tenancy: str) -> set[str]:
    """The OCIDs to ask: all, the root only, the ``ids`` with their descendants, or everything but these.

    The root is above everyone, whatever parents a listing names.
    """
    if mode == "all":
        return set(compartments)
    if mode == "tenancy_only":
        return {tenancy}
    named = {ocid for ocid in compartments if not {*_lineage(ocid, compartments), tenancy}.isdisjoint(ids)}
    return named if mode == "include" else set(compartments) - named


def paths(compartments: Mapping[str, Compartment]) -> dict[str, str]:
    """Where each of them lies, from the root on, by OCID: ``root/prod/app``; begins where the tree does, or where it bites its own tail."""
    found = {}
    for ocid in compartments:
        names = [compartments[above].name for above in _lineage(ocid, compartments) if above in compartments]
        found[ocid] = "/".join(reversed(names))
    return found


def _lineage(ocid: str, compartments: Mapping[str, Compartment]) -> list[str]:
    """A compartment and those above it, upwards; ends where the tree does, or where it bites its own tail."""
    above: dict[str, None] = {}
    at: str | None = ocid
    while at is not None and at not in above:
        above[at] = None
        at = compartments[at].parent if at in compartments else None
    return list(above)
