"""Audit events from exported pages: ``DIRECTORY/COMPARTMENT/MINUTE.json``, named by minutes since the epoch of processed time."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError
from epimetheus.model import Window
from epimetheus.source.decode import Events, decode_page


class ExportedPages:
    """See `epimetheus.run.ports.EventSource`."""

    def __init__(self, directory: Path) -> None:
        self.requests = self.retries = self.throttled = 0
        self._directory = directory

    def pages(
        self, compartment: str, window: Window, page: str | None, deadline: Deadline
    ) -> Iterator[tuple[Events, str | None]]:
        """Each page of the window with the token of the next one, from the token ``page`` on. Raises CompartmentError."""
        minutes = sorted(int(path.stem) for path in (self._directory / compartment).glob("*.json"))
        names = [str(minute) for minute in minutes if window.start <= minute < window.end]
        for name, following in pairwise([*names[names.index(page) if page else 0 :], None]):
            deadline.clip(1)
            self.requests += 1
            try:
                yield decode_page((self._directory / compartment / f"{name}.json").read_bytes()), following
            except (OSError, ValueError) as error:
                raise CompartmentError(f"{compartment}/{name}.json cannot be read.", do="Export it again.") from error

    def close(self) -> None:
        """Nothing is open."""
