"""A simulated state store: it fails before or after a write, loses responses, and rejects writes that took effect."""

from collections.abc import Callable

from epimetheus.errors import StateError
from epimetheus.state.store import PreconditionFailed, Stored
from tests.simulation.chance import Stage

VERSIONS = 60


class Shelf:
    """A `Store`. ``written``: called with each successful write. ``versions``: earlier content, oldest first."""

    name = "shelf"

    def __init__(self, stage: Stage, written: Callable[[bytes], None]) -> None:
        self.stage = stage
        self.written = written
        self.patience = 3.0
        self.data: bytes | None = None
        self.versions: list[bytes] = []
        self.version = 0

    def read(self) -> Stored | None:
        stage = self.stage
        stage.step(0.1)
        if stage.chance("state not read", 0.02):
            stage.trouble()
            stage.sleep(self.patience)
            raise StateError("Reading the state failed: no response from OCI.", do="")
        return None if self.data is None else Stored(self.data, str(self.version))

    def write(self, data: bytes, etag: str | None) -> str:
        stage = self.stage
        stage.step(0.1)
        if stage.chance("state not written", 0.02):
            stage.trouble()
            stage.sleep(self.patience)
            raise StateError("503 while writing the state.", do="")
        if etag != (None if self.data is None else str(self.version)):
            raise PreconditionFailed
        if self.data is not None:
            self.versions = [*self.versions[-VERSIONS:], self.data]
        self.put(data)
        self.written(data)
        stage.step(0.1)
        if stage.chance("answer lost, then 412", 0.02):
            stage.trouble()
            raise PreconditionFailed
        if stage.chance("answer lost for good", 0.02):
            stage.trouble()
            stage.sleep(self.patience)
            raise StateError("Writing the state failed: no response from OCI.", do="")
        return str(self.version)

    def put(self, data: bytes | None) -> None:
        """Replace the content, as an operator or another program would. None: delete it."""
        self.data, self.version = data, self.version + 1
