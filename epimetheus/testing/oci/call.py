"""One API call as a handler receives it."""

from dataclasses import dataclass

from epimetheus.testing.oci.errors import MissingParameter
from epimetheus.testing.oci.faults import Fault
from epimetheus.testing.oci.models import World
from epimetheus.testing.oci.wire import Request


@dataclass(frozen=True)
class Call:
    """The argument of a handler. ``path`` contains the named parts of the path, unquoted; ``faults`` those triggered by this call."""

    world: World
    request: Request
    operation: str
    path: dict[str, str]
    faults: dict[str, Fault]

    @property
    def query(self) -> dict[str, str]:
        """Query parameters."""
        return self.request.query

    def required(self, name: str) -> str:
        """Returns a query parameter. Raises MissingParameter if it is absent or empty."""
        value = self.query.get(name)
        if not value:
            raise MissingParameter(name)
        return value
