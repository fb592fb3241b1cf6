"""OCI Identity through the SDK: pages of compartments, and the regions that a tenancy is subscribed to.

https://docs.oracle.com/en-us/iaas/api/#/en/identity/20160918/
"""

from datetime import datetime
from typing import Any

from epimetheus.model import Compartment
from epimetheus.oci_client.clients import oci_errors
from epimetheus.oci_client.policies import Policies
from epimetheus.source.compartments import ListPage
from epimetheus.source.sdk_responses import checked_response, response_items, text

_HELP = "The next run tries again."
_POLICIES = Policies()


def compartment_pages(client: Any, policies: Policies = _POLICIES) -> ListPage:
    """A `ListPage` over the SDK's IdentityClient ``client``, in pages of 1000. ``policies``: for errors."""

    def list_page(parent: str, subtree: bool, page: str | None) -> tuple[list[Compartment], str | None]:
        options: dict[str, object] = {"page": page} if page else {}
        if subtree:
            options["compartment_id_in_subtree"] = True
        action = f"listing the compartments of {parent}"
        with oci_errors(action, do=_HELP, policy=policies.compartments), checked_response(action):
            response = client.list_compartments(parent, access_level="ANY", limit=1000, **options)
            return [_compartment(item) for item in response_items(response)], response.next_page or None

    return list_page


def subscribed_regions(client: Any, tenancy: str, policies: Policies = _POLICIES) -> list[str]:
    """The names of the tenancy's subscribed regions, home region first; never empty. Raises SourceError, CredentialsError."""
    action = f"listing the regions of {tenancy}"
    with oci_errors(action, do=_HELP, policy=policies.regions), checked_response(action):
        ready = [item for item in response_items(client.list_region_subscriptions(tenancy)) if item.status == "READY"]
        if not ready:
            raise ValueError("a tenancy has a home region")
        return [text(item.region_name) for item in sorted(ready, key=lambda item: (not item.is_home_region, item.region_name))]


def _compartment(item: Any) -> Compartment:
    return Compartment(
        ocid=text(item.id),
        name=item.name or item.id,
        parent=text(item.compartment_id),
        created=int(item.time_created.timestamp() // 60) if isinstance(item.time_created, datetime) else 0,
        deleted=item.lifecycle_state == "DELETED",
    )
