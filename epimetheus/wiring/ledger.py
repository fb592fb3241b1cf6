"""Builds the ledger of each region."""

from dataclasses import dataclass
from pathlib import Path

from oci.object_storage import ObjectStorageClient

from epimetheus.clock import Deadline
from epimetheus.ledger.directory import DirectoryEntryStore
from epimetheus.ledger.ledger import Ledger
from epimetheus.ledger.object_storage import ObjectEntryStore
from epimetheus.oci_client.clients import Calls
from epimetheus.run.budget import commit_reserve
from epimetheus.wiring.oci import OciWiring


@dataclass(frozen=True)
class LedgerWiring:
    """The ledger of each region: beside STATE_FILE if it is set, otherwise in LEDGER_BUCKET, by default STATE_BUCKET."""

    oci: OciWiring

    def ledger(self, region: str, deadline: Deadline, calls: Calls | None = None) -> Ledger:
        """The ledger of ``region``, for a run until ``deadline``. ``calls`` counts the requests. Raises SourceError, CredentialsError."""
        settings, work = self.oci.settings, deadline.earlier(commit_reserve(deadline.left()))
        if path := settings.state_file:
            path = path if region == self.oci.credentials.region else f"{path}.{region}"
            return Ledger(DirectoryEntryStore(Path(f"{path}.ledger")), work)
        # An entry may take two requests, the second to read what became of the first: a quarter of the reserve of the last commit for both.
        writer = self.oci.client(ObjectStorageClient, commit_reserve(deadline.left()) / 8, calls)
        reader = self.oci.client(ObjectStorageClient, deadline.left() / 8, calls)
        bucket, prefix = settings.ledger_bucket or str(settings.state_bucket), f"{settings.state_prefix}ledger/{region}/"
        store = ObjectEntryStore(writer, reader, self.oci.namespace, bucket, prefix, self.oci.policies)
        return Ledger(store, work)
