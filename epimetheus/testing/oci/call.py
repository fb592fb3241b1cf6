"""One call as a handler sees it: the request, the world, the parts of the path, and the faults that strike it."""

from dataclasses import dataclass

from epimetheus.testing.oci.errors import MissingParameter
from epimetheus.testing.oci.faults import Fault
from epimetheus.testing.oci.models import World
from epimetheus.testing.oci.wire import Request


@dataclass(frozen=True)
class Call:
    """What a handler gets; ``path`` holds the named parts of the path, unquoted."""

    world: World
    request: Request
    operation: str
    path: dict[str, str]
    faults: dict[str, Fault]

    @property
    def query(self) -> dict[str, str]:
        """The query parameters."""
        return self.request.query

    def required(self, name: str) -> str:
        """A query parameter; raises MissingParameter if it is absent or empty."""
        value = self.query.get(name)
        if not value:
            raise MissingParameter(name)
        return value
