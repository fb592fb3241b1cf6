"""Requests and responses, independent of the transport, and the formats that all OCI services share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from epimetheus.testing.oci.faults import Fault


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    ``target`` is that of the request line: path and query, quoted as they were signed. Header names are in lower case.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    region: str

    @property
    def path(self) -> str:
        """Path, quoted."""
        return self.target.partition("?")[0]

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters, unquoted."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass
class Response:
    """One HTTP response. ``fault``: the fault that the transport applies to it, if any. ``delay``: in seconds."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: Fault | None = None
    delay: float = 0.0


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Returns a response with a JSON body."""
    return Response(status, {"content-type": "application/json", **(headers or {})}, json.dumps(value).encode())


def list_response(rows: list[bytes], next_page: str | None, *, collection: bool = False) -> Response:
    """Returns a page of a list, or with ``collection``, of an object with the list in ``items``.

    The rows are encoded as JSON, so a large page takes only one join.
    """
    headers = {"content-type": "application/json"}
    if next_page is not None:
        headers["opc-next-page"] = next_page
    text = b"[" + b",".join(rows) + b"]"
    return Response(200, headers, b'{"items":' + text + b"}" if collection else text)


def parse_rfc3339(text: str) -> float:
    """Returns an RFC 3339 time as seconds since the epoch. Raises ValueError for other texts, including times without an offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no offset in {text!r}")
    return moment.timestamp()


def format_time(seconds: float) -> str:
    """Returns the time as OCI formats it: RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
