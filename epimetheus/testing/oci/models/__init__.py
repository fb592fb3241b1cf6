"""The state of a stand-in OCI: it knows nothing of HTTP."""

from epimetheus.testing.oci.models.world import World

__all__ = ["World"]
