"""OCI Identity: pages of compartments, and the regions that a tenancy is subscribed to.

https://docs.oracle.com/en-us/iaas/api/#/en/identity/20160918/
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from epimetheus.model import Compartment
from epimetheus.oci_client.clients import oci_errors
from epimetheus.oci_client.json_client import JsonClient
from epimetheus.oci_client.policies import Policies
from epimetheus.source.compartments import ListPage
from epimetheus.source.sdk_responses import checked_response, text

IdentityClient = partial(
    JsonClient,
    service="identity",
    template="https://identity.{region}.oci.{secondLevelDomain}",
    base_path="/20160918",
    regional_client=True,
)
"""The client of the service, for `epimetheus.oci_client.clients.make_client`. The SDK's own imports 130 models for two operations: 5 MB."""
_HELP = "The next run tries again."
_POLICIES = Policies()


def compartment_pages(client: JsonClient, policies: Policies = _POLICIES) -> ListPage:
    """A `ListPage` over ``client`` (`IdentityClient`), in pages of 1000. ``policies``: for errors."""

    def list_page(parent: str, subtree: bool, page: str | None) -> tuple[list[Compartment], str | None]:
        query: dict[str, object] = {"compartmentId": parent, "accessLevel": "ANY", "limit": 1000}
        query |= {"compartmentIdInSubtree": "true"} if subtree else {}
        action = f"listing the compartments of {parent}"
        with oci_errors(action, do=_HELP, policy=policies.compartments), checked_response(action):
            items, following = client.get("/compartments", query | ({"page": page} if page else {}))
            return [_compartment(item) for item in _list(items)], following

    return list_page


def subscribed_regions(client: JsonClient, tenancy: str, policies: Policies = _POLICIES) -> list[str]:
    """The names of the tenancy's subscribed regions, home region first; never empty. Raises SourceError, CredentialsError."""
    action = f"listing the regions of {tenancy}"
    with oci_errors(action, do=_HELP, policy=policies.regions), checked_response(action):
        items, _ = client.get("/tenancies/{tenancyId}/regionSubscriptions", tenancyId=tenancy)
        ready = [item for item in _list(items) if item.get("status") == "READY"]
        if not ready:
            raise ValueError("a tenancy has a home region")
        names = {text(item.get("regionName")): item.get("isHomeRegion") is not True for item in ready}
        return sorted(names, key=lambda name: (names[name], name))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list")
    return value


def _compartment(item: Mapping[str, Any]) -> Compartment:
    ocid, created = text(item.get("id")), item.get("timeCreated")
    return Compartment(
        ocid=ocid,
        name=text(item.get("name") or ocid),
        parent=text(item.get("compartmentId")),
        created=int(datetime.fromisoformat(created).timestamp() // 60) if created else 0,
        deleted=item.get("lifecycleState") == "DELETED",
    )
