"""Verifies OCI's HTTP signatures (draft-cavage-http-signatures-08, version 1, rsa-sha256)."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from epimetheus.testing.oci.errors import NotAuthenticated
from epimetheus.testing.oci.wire import Request

ALLOWED_SKEW_SECONDS = 300
_FIELD = re.compile(r'(\w+)="([^"]*)"')
_ALWAYS = {"(request-target)", "host"}
_WITH_BODY = {"content-length", "content-type", "x-content-sha256"}
_OBJECT = re.compile(r"/n/[^/]+/b/[^/]+/o/")


def verify(request: Request, keys: Mapping[str, RSAPublicKey], now: float) -> str:
    """Returns the ID of the key that signed the request. Raises NotAuthenticated if the signature does not meet OCI's requirements."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    fields: dict[str, str] = dict(_FIELD.findall(rest))
    if scheme != "Signature" or fields.get("algorithm") != "rsa-sha256" or fields.get("version") != "1":
        raise NotAuthenticated("no signature of version 1 and rsa-sha256")
    signed = fields.get("headers", "date").split()
    _check_signed(request, set(signed))
    _check_date(request, signed, now)
    _check_digest(request, signed)
    _check_signature(request, signed, fields, keys)
    return fields["keyId"]


def _check_signed(request: Request, signed: set[str]) -> None:
    required = set(_ALWAYS)
    # Object Storage accepts bodies without a digest. Every other service requires it.
    if request.method in ("POST", "PATCH") or (request.method == "PUT" and not _OBJECT.match(request.path)):
        required |= _WITH_BODY
    missing = required - signed
    if missing:
        raise NotAuthenticated(f"not signed: {', '.join(sorted(missing))}")


def _check_date(request: Request, signed: list[str], now: float) -> None:
    name = "x-date" if "x-date" in signed else "date"
    if name not in signed:
        raise NotAuthenticated("not signed: date")
    try:
        skew = parsedate_to_datetime(request.headers.get(name, "")).timestamp() - now
    except ValueError:
        raise NotAuthenticated("the date is invalid") from None
    if abs(skew) > ALLOWED_SKEW_SECONDS:
        raise NotAuthenticated(f"the date differs from the server's by {skew:+.0f} s")


def _check_digest(request: Request, signed: list[str]) -> None:
    if "x-content-sha256" not in signed:
        return
    digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
    if request.headers.get("x-content-sha256") != digest:
        raise NotAuthenticated("the digest does not match the body")


def _check_signature(request: Request, signed: list[str], fields: Mapping[str, str], keys: Mapping[str, RSAPublicKey]) -> None:
    key = keys.get(fields.get("keyId", ""))
    if key is None:
        raise NotAuthenticated("the key is unknown")
    text = "\n".join(f"{name}: {_signed_value(request, name)}" for name in signed)
    try:
        key.verify(base64.b64decode(fields.get("signature", "")), text.encode(), PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error):
        raise NotAuthenticated("the signature does not match the request") from None


def _signed_value(request: Request, name: str) -> str:
    if name == "(request-target)":
        return f"{request.method.lower()} {request.target}"
    value = request.headers.get(name)
    if value is None:
        raise NotAuthenticated(f"signed but absent: {name}")
    return value
