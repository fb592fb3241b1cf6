"""Health check of the OCI credentials."""

from contextlib import suppress

from oci.object_storage import ObjectStorageClient

from epimetheus.clock import Deadline
from epimetheus.errors import SourceError
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.oci_client.clients import oci_errors
from epimetheus.wiring.wiring import Wiring


def check_credentials(context: HealthContext, deadline: Deadline) -> CheckResult:
    """Sign-in works, and OCI accepts the signature. Raises CredentialsError."""
    context.opened = wiring = Wiring.open(context.wiring.settings, context.clock, context.deadline, region=context.caller.own_region)
    with suppress(SourceError):  # not about the signature; the checks of the other services report it
        client = wiring.oci.client(ObjectStorageClient, deadline.left())
        with oci_errors("reading the Object Storage namespace", do=""):
            client.get_namespace()
    return CheckResult(f"OCI_AUTH={wiring.settings.oci_auth} provides credentials of {wiring.tenancy} in {wiring.credentials.region}.")
