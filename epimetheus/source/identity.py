"""OCI Identity through the SDK: pages of compartments, and the regions a tenancy is subscribed to."""

from datetime import datetime
from typing import Any

from epimetheus.cloud import oci_errors
from epimetheus.model import Compartment
from epimetheus.source.compartments import ListPage

_HELP = "The function needs `inspect compartments in tenancy`."


def compartment_pages(client: Any) -> ListPage:
    """`ListPage` over the SDK's IdentityClient ``client``, in pages of 1000."""

    def list_page(parent: str, subtree: bool, page: str | None) -> tuple[list[Compartment], str | None]:
        options: dict[str, object] = {"page": page} if page else {}
        if subtree:
            options["compartment_id_in_subtree"] = True
        with oci_errors(f"listing the compartments of {parent}", do=_HELP):
            answer = client.list_compartments(parent, access_level="ANY", limit=1000, **options)
        return [_compartment(item) for item in answer.data], answer.next_page

    return list_page


def subscribed_regions(client: Any, tenancy: str) -> list[str]:
    """The names of the regions this tenancy may use, home region first. Raises SourceError, CredentialsError."""
    with oci_errors(f"listing the regions of {tenancy}", do="The function needs `inspect tenancies in tenancy` for REGIONS=all."):
        answer = client.list_region_subscriptions(tenancy)
    ready = [item for item in answer.data if item.status == "READY"]
    return [item.region_name for item in sorted(ready, key=lambda item: (not item.is_home_region, item.region_name))]


def _compartment(item: Any) -> Compartment:
    return Compartment(
        ocid=item.id,
        name=item.name or item.id,
        parent=item.compartment_id,
        created=int(item.time_created.timestamp() // 60) if isinstance(item.time_created, datetime) else 0,
        deleted=item.lifecycle_state == "DELETED",
    )
