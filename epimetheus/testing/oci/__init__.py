"""A stand-in for OCI in the manner of moto: stateful, strict, and able to fail when told to.

``World`` is its state, ``mock_oci(world)`` answers the SDK and `requests` inside this process, ``serve(world)`` over HTTP.
It imports nothing else of this package, so that it can not share its mistakes.
"""

from epimetheus.testing.oci.inprocess import mock_oci
from epimetheus.testing.oci.models import World
from epimetheus.testing.oci.served import serve

__all__ = ["World", "mock_oci", "serve"]
