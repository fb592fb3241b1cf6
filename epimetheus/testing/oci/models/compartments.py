"""The compartment tree."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from epimetheus.testing.oci.errors import NotAuthorizedOrNotFound


def ocid(kind: str, seed: str, region: str = "") -> str:
    """Returns a well-formed OCID that depends on the arguments only."""
    tail = base64.b32encode(hashlib.sha256(f"{kind}/{seed}".encode()).digest()).decode().rstrip("=").lower()
    return f"ocid1.{kind}.oc1.{region}.aaaaaaaa{tail}"


@dataclass
class Compartment:
    """One compartment. ``parent`` is None for the root, the tenancy. ``listed`` is False for a vanished compartment."""

    id: str
    parent: str | None
    name: str
    created: float
    state: str = "ACTIVE"
    listed: bool = True
    forbidden: bool = False
    freeform_tags: dict[str, str] = field(default_factory=dict)


class Compartments:
    """All compartments including the root, in order of creation."""

    def __init__(self, tenancy: str, name: str, now: Callable[[], float]) -> None:
        self.tenancy = tenancy
        self._now = now
        self._all = {tenancy: Compartment(tenancy, None, name, now())}

    def __getitem__(self, compartment_id: str) -> Compartment:
        """Returns a compartment in any state by its OCID. Raises KeyError if it has never existed."""
        return self._all[compartment_id]

    def __contains__(self, compartment_id: object) -> bool:
        return compartment_id in self._all

    def add(self, name: str, parent: str | None, state: str) -> Compartment:
        """Adds a compartment below ``parent``, by default below the root."""
        parent_id = self._all[parent or self.tenancy].id
        new = Compartment(ocid("compartment", f"{len(self._all)}/{name}"), parent_id, name, self._now(), state)
        self._all[new.id] = new
        return new

    def readable(self, compartment_id: str | None) -> Compartment:
        """Returns the compartment. Raises NotAuthorizedOrNotFound if it is unknown or forbidden."""
        found = self._all.get(compartment_id or "")
        if found is None or found.forbidden:
            raise NotAuthorizedOrNotFound
        return found

    def below(self, compartment_id: str, *, subtree: bool) -> list[Compartment]:
        """Returns the listed children, or with ``subtree`` all listed compartments; never the root."""
        listed = [one for one in self._all.values() if one.listed and one.parent is not None]
        return listed if subtree else [one for one in listed if one.parent == compartment_id]
