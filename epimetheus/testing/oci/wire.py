"""What goes over the wire, whichever door it came through: a request, an answer, and the few formats OCI has for all services."""

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

    ``target`` is the request line's (path and query, still quoted, as it was signed); header names are in lower case.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    region: str

    @property
    def path(self) -> str:
        """The path, still quoted."""
        return self.target.partition("?")[0]

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters, unquoted."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


@dataclass
class Answer:
    """One HTTP answer.

    ``trouble`` is what the door does to it on its way (a fault of the transport), if anything; ``delay`` is in seconds.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trouble: Fault | None = None
    delay: float = 0.0


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, {"content-type": "application/json", **(headers or {})}, json.dumps(value).encode())


def list_answer(rows: list[bytes], next_page: str | None) -> Answer:
    """A page: the rows are JSON texts already, so a large page costs one join."""
    headers = {"content-type": "application/json"}
    if next_page is not None:
        headers["opc-next-page"] = next_page
    return Answer(200, headers, b"[" + b",".join(rows) + b"]")


def parse_time(text: str) -> float:
    """Seconds since the epoch for an RFC 3339 time; raises ValueError for anything else, a time without its offset included."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"no offset in {text!r}")
    return moment.timestamp()


def format_time(seconds: float) -> str:
    """RFC 3339 in UTC with milliseconds, as OCI writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
