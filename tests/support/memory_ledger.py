"""A ledger in memory, for tests of what uses one."""

from collections.abc import Iterator

from epimetheus.ledger.entry_name import name_bound
from epimetheus.ledger.store import exists_otherwise


class MemoryStore:
    """An `EntryStore` in ``objects``, by name. ``calls``: names of the methods called, in order."""

    name = "memory:"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls: list[str] = []

    def create(self, key: str, data: bytes) -> None:
        self.calls.append("create")
        if self.objects.setdefault(key, data) != data:
            raise exists_otherwise(self.name + key)

    def read(self, key: str) -> bytes | None:
        self.calls.append("read")
        return self.objects.get(key)

    def names(self, start: str, end: str) -> Iterator[str]:
        self.calls.append("names")
        return iter(sorted(key for key in self.objects if start <= key < end))

    def try_write(self) -> bool:
        return False

    def prune(self, before: int) -> None:
        self.calls.append("prune")
        day = name_bound(before)[: len("2026/11/30")]
        self.objects = {key: data for key, data in self.objects.items() if key >= day}
