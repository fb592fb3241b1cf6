"""The interface of a store: read the state with its ETag, and replace it only if the ETag still matches."""

from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """The stored bytes and their ETag (RFC 9110 8.8.3)."""

    data: bytes
    etag: str


class PreconditionFailed(Exception):
    """The precondition failed (HTTP 412), or another write was in progress (409)."""


class Store(Protocol):
    """Storage for one state. ``name``: its location, for messages."""

    name: str

    def read(self) -> Stored | None:
        """The stored bytes, or None if there are none. Raises StateError."""
        ...

    def write(self, data: bytes, etag: str | None) -> str:
        """Replace the bytes that have ``etag`` (None: create them); the new ETag. Raises PreconditionFailed, StateError."""
        ...
