"""Where the state is kept: anything that can read it with its ETag, and replace it only if it is still the same."""

from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """What was read, and the ETag to name it by (RFC 9110, 8.8.3)."""

    data: bytes
    etag: str


class Changed(Exception):
    """The precondition failed (412, or 409 while another write was going on): somebody wrote since we read."""


class Store(Protocol):
    """A place for one state. ``name`` tells people where it is."""

    name: str

    def read(self) -> Stored | None:
        """What is stored, or None where there is nothing. Raises StateError."""
        ...

    def write(self, data: bytes, etag: str | None) -> str:
        """Replace what had ``etag`` (None: only where there is nothing); the new ETag. Raises Changed, StateError."""
        ...
