"""Page tokens: opaque to who gets them, bound to the listing they came from, and no others pass."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping

from epimetheus.testing.oci.errors import InvalidParameter

Position = tuple[float, ...]
"""Where a page begins: the empty tuple is the start of the listing."""

_SECRET = b"a token is worth nothing elsewhere"
_MAC_BYTES = 9


def issue(operation: str, query: Mapping[str, str], position: Position) -> str:
    """The token of the page that begins at ``position`` of this listing."""
    payload = json.dumps(position).encode()
    return base64.urlsafe_b64encode(_mac(operation, query, payload) + payload).decode()


def read(operation: str, query: Mapping[str, str]) -> Position:
    """Where the page asked for begins; raises InvalidParameter if its token is not one issued for this very listing."""
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
