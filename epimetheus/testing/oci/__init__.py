"""A stand-in for OCI, similar to moto: stateful, strict, and with faults on request.

``World`` is the state. ``mock_oci(world)`` answers the SDK and `requests` in this process, ``serve(world)`` answers over HTTP.
The stand-in imports no other part of Epimetheus, so that it cannot share its mistakes.
"""

from epimetheus.testing.oci.in_process import mock_oci
from epimetheus.testing.oci.models import World
from epimetheus.testing.oci.server import serve

__all__ = ["World", "mock_oci", "serve"]
