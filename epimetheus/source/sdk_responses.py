"""Check the SDK's models: the SDK accepts any body, and deserializes a proxy's HTML into a list of empty models."""

from collections.abc import Iterator
from contextlib import contextmanager

from epimetheus.errors import SourceError
from epimetheus.oci_client.clients import action_failed


@contextmanager
def checked_response(action: str) -> Iterator[None]:
    """Raise SourceError where the SDK, or a check of its models, rejects a response during ``action``, such as "listing the regions"."""
    try:
        yield
    except (AttributeError, TypeError, ValueError) as error:
        raise SourceError(
            f"{action_failed(action)} OCI returned an unexpected response ({type(error).__name__}).",
            do="The next run tries again. If this persists, check for a proxy that answers in place of OCI.",
        ) from error


def text(value: object) -> str:
    """``value``, a non-empty string. Raises TypeError if it is anything else."""
    if not isinstance(value, str) or not value:
        raise TypeError("no text")
    return value
