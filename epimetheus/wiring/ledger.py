"""Builds the ledger and the seals of each region."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from oci.object_storage import ObjectStorageClient

from epimetheus.clock import Deadline
from epimetheus.ledger.directory import DirectoryEntryStore
from epimetheus.ledger.ledger import Ledger
from epimetheus.ledger.object_storage import ObjectEntryStore
from epimetheus.ledger.seal_chain import SealChain
from epimetheus.ledger.seal_key import SealKey
from epimetheus.ledger.store import Noun
from epimetheus.oci_client.clients import Calls
from epimetheus.oci_client.http_limits import RESPONSE_BYTES
from epimetheus.run.budget import commit_reserve
from epimetheus.wiring.oci import OciWiring

_PREFIXES = MappingProxyType[Noun, str]({"ledger entry": "ledger", "seal": "seals"})


@dataclass(frozen=True)
class LedgerWiring:
    """The ledger and the seals of each region: beside STATE_FILE if it is set, otherwise in LEDGER_BUCKET, by default STATE_BUCKET."""

    oci: OciWiring

    def ledger(self, region: str, deadline: Deadline, calls: Calls | None = None) -> Ledger:
        """The ledger of ``region``, for a run until ``deadline``. ``calls`` counts the requests. Raises SourceError, CredentialsError."""
        work = deadline.earlier(commit_reserve(deadline.left()))
        if path := self._path(region):
            return Ledger(DirectoryEntryStore(Path(f"{path}.ledger")), work, lambda: self.seal_key)
        reader = self.oci.client(ObjectStorageClient, deadline.left() / 8, calls)
        return Ledger(self._bucket_store(region, self._writer(deadline, calls), reader, "ledger entry"), work, lambda: self.seal_key)

    def seals(self, region: str, deadline: Deadline, calls: Calls | None = None) -> SealChain:
        """The seals of ``region``, as `ledger`. No request takes longer than writing an entry: the last step of a run needs its time."""
        if path := self._path(region):
            return SealChain(DirectoryEntryStore(Path(f"{path}.seals"), "seal"))
        client = self._writer(deadline, calls, RESPONSE_BYTES)
        return SealChain(self._bucket_store(region, client, client, "seal"))

    @cached_property
    def seal_key(self) -> SealKey | None:
        """SEAL_KEY. Raises ConfigError, SourceError, CredentialsError."""
        text = self.oci.references.read("SEAL_KEY", self.oci.settings.seal_key)
        return SealKey.read("SEAL_KEY", text) if text else None

    def _path(self, region: str) -> str | None:
        path = self.oci.settings.state_file
        return path if path is None or region == self.oci.credentials.region else f"{path}.{region}"

    def _writer(self, deadline: Deadline, calls: Calls | None, max_bytes: int | None = None) -> Any:
        """An object may take two requests, the second to read what became of the first: a quarter of the reserve of a run for both."""
        return self.oci.client(ObjectStorageClient, commit_reserve(deadline.left()) / 8, calls, max_bytes)

    def _bucket_store(self, region: str, writer: Any, reader: Any, noun: Noun) -> ObjectEntryStore:
        settings = self.oci.settings
        bucket = settings.ledger_bucket or str(settings.state_bucket)
        prefix = f"{settings.state_prefix}{_PREFIXES[noun]}/{region}/"
        return ObjectEntryStore(writer, reader, self.oci.namespace, bucket, prefix, self.oci.policies, noun)
