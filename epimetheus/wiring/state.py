"""Builds the state: its store, its markers, and a run's session."""

from dataclasses import dataclass
from pathlib import Path

from oci.object_storage import ObjectStorageClient

from epimetheus.clock import Deadline
from epimetheus.oci_client.clients import Calls
from epimetheus.run.budget import commit_reserve
from epimetheus.run.ports import Sender
from epimetheus.state.file import FileStore
from epimetheus.state.marker import Markers
from epimetheus.state.object_storage import ObjectStore
from epimetheus.state.owner import Owner, receiver_id
from epimetheus.state.session import StateSession
from epimetheus.state.store import Store
from epimetheus.wiring.oci import OciWiring


@dataclass(frozen=True)
class StateWiring:
    """The state of each region: in STATE_FILE if it is set, otherwise in STATE_BUCKET."""

    oci: OciWiring
    tenancy: str

    @property
    def owner(self) -> Owner:
        """The tenancy, receiver and selection that the state must belong to."""
        settings = self.oci.settings
        receiver = receiver_id(settings.syslog_transport, settings.syslog_host, settings.syslog_port, settings.syslog_server_name)
        return Owner(self.tenancy, receiver, ",".join((settings.compartment_mode, *sorted(settings.compartment_ids))))

    def store(self, region: str, deadline: Deadline, calls: Calls | None = None) -> Store:
        """The store of the state of ``region``."""
        return self._stores(region, deadline, calls)[0]

    def session(
        self, region: str, run_id: str, deadline: Deadline, calls: Calls | None = None, sender: Sender | None = None
    ) -> StateSession:
        """The session of the run ``run_id``. It records the owner once ``sender`` has a confirmation, or had nothing to send."""
        store, *markers = self._stores(region, deadline, calls)

        def receiver_verified(caught_up: bool) -> bool:
            quiet = caught_up and not self.oci.settings.seal_messages
            return sender is not None and (sender.confirmations > 0 or quiet)

        return StateSession(store, run_id, region, self.owner, Markers(markers), receiver_verified)

    def _stores(self, region: str, deadline: Deadline, calls: Calls | None) -> list[Store]:
        """The store of the state of ``region``, then those of its markers (`epimetheus.state.marker`)."""
        settings = self.oci.settings
        if path := settings.state_file:
            path = path if region == self.oci.credentials.region else f"{path}.{region}"
            return [FileStore(Path(path)), FileStore(Path(f"{path}.started"))]
        # The last commit may take two requests, the second to read what became of the first: half of the reserve for both.
        client = self.oci.client(ObjectStorageClient, commit_reserve(deadline.left()) / 4, calls)
        prefix = f"{settings.state_prefix}{region}"
        names = (f"{prefix}.state", f"{prefix}.started", f"epimetheus-started/{region}/{self.owner.digest}")
        return [ObjectStore(client, self.oci.namespace, str(settings.state_bucket), name, self.oci.policies) for name in names]
