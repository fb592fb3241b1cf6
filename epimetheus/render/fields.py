"""The user's own names for fields (FIELD_MAP), as one format is given them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

NOTHING: Mapping[str, str] = MappingProxyType({})


class Device(NamedTuple):
    """Who the header of CEF and LEEF says made the event; None: what it says by default."""

    vendor: str | None = None
    product: str | None = None
    version: str | None = None


class Fields(NamedTuple):
    """For one format: ``renamed`` is name by default → name wanted; ``added`` is name → the path of its value in the event's JSON.

    A path is as the API writes events (``data.additionalDetails.x``, list indices as numbers), or one of ``epimetheus.compartmentPath``,
    ``epimetheus.actor``, ``epimetheus.tamperWatch``. ``omitted`` are names that are not sent; ``ordered`` come first, in this order;
    ``labels`` are CEF key → label, for keys without a meaning of their own (cs1, cn1, flexString1 …).
    """

    renamed: Mapping[str, str] = NOTHING
    added: Mapping[str, str] = NOTHING
    omitted: frozenset[str] = frozenset()
    ordered: Sequence[str] = ()
    labels: Mapping[str, str] = NOTHING
    device: Device = Device()


NO_FIELDS = Fields()
