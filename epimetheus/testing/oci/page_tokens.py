"""Page tokens: opaque, and valid only for the listing that issued them."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping

from epimetheus.testing.oci.errors import InvalidParameter

Position = tuple[float, ...]
"""Start of a page. The empty tuple is the start of the listing."""

_SECRET = b"a token is worth nothing elsewhere"
_MAC_BYTES = 9


def create(operation: str, query: Mapping[str, str], position: Position) -> str:
    """Returns the token of the page that starts at ``position`` of this listing."""
    payload = json.dumps(position).encode()
    return base64.urlsafe_b64encode(_mac(operation, query, payload) + payload).decode()


def parse(operation: str, query: Mapping[str, str]) -> Position:
    """Returns the start of the requested page. Raises InvalidParameter if its token was not issued for this listing."""
    if "page" not in query:
        return ()
    try:
        raw = base64.urlsafe_b64decode(query["page"])
    except (binascii.Error, ValueError):
        raw = b""
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(operation, query, payload)):
        raise InvalidParameter("The page token is not valid for this request")
    return tuple(json.loads(payload))


def _mac(operation: str, query: Mapping[str, str], payload: bytes) -> bytes:
    scope = json.dumps([operation, sorted((key, value) for key, value in query.items() if key != "page")]).encode()
    return hmac.digest(_SECRET, scope + payload, hashlib.sha256)[:_MAC_BYTES]
