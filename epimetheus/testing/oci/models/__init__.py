"""The state of the stand-in OCI, independent of HTTP."""

from epimetheus.testing.oci.models.world import World

__all__ = ["World"]
