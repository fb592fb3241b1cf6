"""List a tenancy's compartments and select those to read.

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
"""``(parent OCID, whole subtree, page token or None) → (compartments, next page token or None)``.

Raises ServiceFailure, CredentialsError, SourceError.
"""

MAX_LEVELS = 16
"""The names in a path. OCI allows six levels below the root: https://docs.oracle.com/en-us/iaas/Content/Identity/compartments/Working_with_Compartments.htm"""

_REFUSED = (403, 404)


@dataclass(frozen=True)
class Listing:
    """``compartments`` by OCID, including the root, and the OCIDs whose children could not be listed (``refused``).

    ``tree``: the listing covers the whole tree, not the root alone.
    """

    compartments: dict[str, Compartment]
    refused: tuple[str, ...] = ()
    tree: bool = True


def discover(list_page: ListPage, tenancy: str, deadline: Deadline) -> Listing:
    """List the whole tree in one subtree listing or, if OCI rejects that (403, 404), level by level from the root.

    Raises SourceError, CredentialsError, OutOfTime.
    """
    root = Compartment(tenancy, "root")
    try:
        found = {c.ocid: c for c in _pages(list_page, tenancy, True, deadline)}
    except ServiceFailure as failure:
        if failure.status not in _REFUSED:
            raise
        return _walk(list_page, root, deadline)
    return Listing({**found, tenancy: root})


def pin(listing: Listing, ids: Collection[str]) -> Listing:
    """``listing`` with the compartments ``ids`` added: permission to read a compartment's events does not include permission to list it."""
    return replace(listing, compartments={**{ocid: Compartment(ocid, ocid) for ocid in ids}, **listing.compartments})


def _walk(list_page: ListPage, root: Compartment, deadline: Deadline) -> Listing:
    found, refused, pending = {root.ocid: root}, [], [root.ocid]
    while pending:
        parent = pending.pop()
        try:
            children = [c for c in _pages(list_page, parent, False, deadline) if c.ocid not in found]
        except ServiceFailure as failure:
            if failure.status not in _REFUSED or parent == root.ocid:
                raise
            refused.append(parent)
            continue
        found.update((c.ocid, c) for c in children)
        pending.extend(c.ocid for c in children if not c.deleted)
    return Listing(found, tuple(refused))


def _pages(list_page: ListPage, parent: str, subtree: bool, deadline: Deadline) -> Iterator[Compartment]:
    token, tokens = None, PageTokens()
    while True:
        deadline.clip(1)
        compartments, token = list_page(parent, subtree, token)
        yield from compartments
        if token is None:
            return
        if tokens.repeats(token):
            what = f"Listing the compartments of {parent} failed: OCI keeps returning the same page token."
            raise SourceError(what, do="Runs use the last known compartments until a listing succeeds.")


def choose(compartments: Mapping[str, Compartment], mode: Mode, ids: Collection[str], tenancy: str) -> set[str]:
    """The OCIDs to poll: all, the root only, ``ids`` with their descendants, or all except these.

    The root is an ancestor of every compartment, whatever parents the listing names.
    """
    if mode == "all":
        return set(compartments)
    if mode == "tenancy_only":
        return {tenancy}
    selected = _with_descendants(compartments, {*ids} - {tenancy}) if tenancy not in ids else set(compartments)
    return selected if mode == "include" else set(compartments) - selected


def _with_descendants(compartments: Mapping[str, Compartment], ids: Collection[str]) -> set[str]:
    """The compartments in ``ids`` and below them. Each compartment is visited once, however deep the tree is."""
    known: dict[str | None, bool] = {None: False}
    for ocid in compartments:
        above: list[str] = []
        at: str | None = ocid
        while at is not None and at not in known and at not in ids:
            known[at] = False  # so that a cycle ends
            above.append(at)
            at = compartments[at].parent if at in compartments else None
        inside = known.get(at, True)  # not known: one of ids
        known.update(dict.fromkeys(above, inside))
    return {ocid for ocid in compartments if ocid in ids or known[ocid]}


def paths(compartments: Mapping[str, Compartment]) -> dict[str, str]:
    """OCID → path from the root, such as ``root/prod/app``. Without a root, a path starts below an unknown parent or in a cycle.

    Of a path with more than MAX_LEVELS names, the first are replaced by ``…``.
    """
    found = {}
    for ocid in compartments:
        lineage = [above for above in _lineage(ocid, compartments, MAX_LEVELS + 1) if above in compartments]
        names = [compartments[above].name for above in lineage[:MAX_LEVELS]]
        found[ocid] = "/".join(reversed([*names, *(["…"] if len(lineage) > MAX_LEVELS else [])]))
    return found


def _lineage(ocid: str, compartments: Mapping[str, Compartment], most: int) -> list[str]:
    """A compartment and its ancestors, nearest first, up to an unknown parent, the point where a cycle closes, or ``most`` of them."""
    above: dict[str, None] = {}
    at: str | None = ocid
    while at is not None and at not in above and len(above) < most:
        above[at] = None
        at = compartments[at].parent if at in compartments else None
    return list(above)
