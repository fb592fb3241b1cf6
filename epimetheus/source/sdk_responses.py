"""What the SDK made of an answer, looked at: it makes something of any body, and of a proxy's HTML a list of empty models."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from epimetheus.errors import SourceError


@contextmanager
def checked_response(doing: str) -> Iterator[None]:
    """Translate what is raised over an answer that is not the service's: by the SDK, or by who looks at what it made of it."""
    try:
        yield
    except (AttributeError, TypeError, ValueError) as error:
        raise SourceError(
            f"OCI's answer was not understood while {doing} ({type(error).__name__}).",
            do="The next run asks again. If it lasts, find out what stands between: a proxy?",
        ) from error


def response_items(answer: Any) -> list[Any]:
    """The models of a listing. Raises TypeError where there was no list: nothing at all would pass for an empty one."""
    if not isinstance(answer.data, list) or answer.headers.get("content-length") == "0":
        raise TypeError("no list")
    return answer.data


def text(value: object) -> str:
    """What has to be a text and not empty; raises TypeError."""
    if not isinstance(value, str) or not value:
        raise TypeError("no text")
    return value
