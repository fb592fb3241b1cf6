"""A simulated store of ledger entries: it fails before or after a write, and when it is read."""

from collections.abc import Callable, Iterator

from epimetheus.errors import LedgerError
from tests.simulation.chance import Stage
from tests.support.memory_ledger import MemoryStore


class LedgerShelf(MemoryStore):
    """An `EntryStore` with faults. ``entered``: called with each entry written."""

    def __init__(self, stage: Stage, entered: Callable[[bytes], None]) -> None:
        super().__init__()
        self.stage = stage
        self.entered = entered
        self.patience = 3.0

    def create(self, key: str, data: bytes) -> None:
        self.stage.step(0.1)
        self._fail("entry not written", 0.02)
        super().create(key, data)
        self.entered(data)
        self.stage.step(0.1)
        self._fail("entry written, answer lost", 0.02)

    def read(self, key: str) -> bytes | None:
        self.stage.step(0.05)
        self._fail("entry not read", 0.005)
        return super().read(key)

    def names(self, start: str, end: str) -> Iterator[str]:
        self.stage.step(0.05)
        self._fail("entries not listed", 0.005)
        return super().names(start, end)

    def _fail(self, fault: str, probability: float) -> None:
        if self.stage.chance(fault, probability):
            self.stage.trouble()
            self.stage.sleep(self.patience)
            raise LedgerError(f"The ledger failed: {fault}.", do="")
