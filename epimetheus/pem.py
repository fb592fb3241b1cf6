"""Certificates and private keys in PEM text (RFC 7468), in the forms in which people paste them into settings.

Accepted: line ends as a backslash and an n, as spaces, doubled, or missing, also with the spaces; indented lines; a byte order mark;
quotes and comments around the text. Rejected text is described by what it is instead, and never quoted: it may be a private key.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from epimetheus.errors import ConfigError

_BEGIN = re.compile(r"-----BEGIN([A-Z0-9\s]{1,40})-----")
_BLOCK = re.compile(r"-----BEGIN([A-Z0-9\s]{1,40})-----(.*?)-----END([A-Z0-9\s]{1,40})-----", re.DOTALL)
_ESCAPED_SPACE = re.compile(r"\\+[nrt]|\\+(?=\s)")
_ESCAPED_SLASH = re.compile(r"\\+/")
_SPACE = re.compile(r"[\s\ufeff\u200b]+")
_BASE64_OF_PEM = "LS0tLS1CRUdJTi"  # "-----BEGIN" in Base64
_WIDTH = 64
_CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
_ANY_KEY = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY")
_ENCRYPTED = "it is encrypted; remove its passphrase, for example with: openssl pkey -in KEY.pem -out NEW.pem"
_NOT_ED25519 = "the key is not an Ed25519 key; create one with `epimetheus seal keygen`"
_PRIVATE_KEY = "it is a private key, not a certificate"
_OTHER_LABELS = {
    "CERTIFICATE REQUEST": "it is a certificate request; use the certificate that the authority issued for it",
    "NEW CERTIFICATE REQUEST": "it is a certificate request; use the certificate that the authority issued for it",
    "PKCS7": "it is PKCS#7; convert it, for example with: openssl pkcs7 -print_certs -in FILE -out FILE.pem",
    "OPENSSH PRIVATE KEY": "it is a key in OpenSSH format; convert it, for example with: ssh-keygen -p -N '' -m pkcs8 -f FILE",
    "PUBLIC KEY": "it is a public key",
    "RSA PUBLIC KEY": "it is a public key",
    "CERTIFICATE": "it is a certificate, not its private key",
    "PRIVATE KEY": _PRIVATE_KEY,
    "RSA PRIVATE KEY": _PRIVATE_KEY,
    "EC PRIVATE KEY": _PRIVATE_KEY,
    "ENCRYPTED PRIVATE KEY": _PRIVATE_KEY,
}
_SHORTEST_DER = 32
_DER_FORMS = (  # the start of the content of the outermost sequence
    (b"\x02\x01\x03", "PKCS#12 (.p12, .pfx); convert it, for example with: openssl pkcs12 -in FILE -out FILE.pem -noenc"),
    (b"\x02\x01", "a private key in DER; convert it, for example with: openssl pkey -inform der -in FILE -out FILE.pem"),
    (b"\x06\x09", "PKCS#7 in DER; convert it, for example with: openssl pkcs7 -inform der -print_certs -in FILE -out FILE.pem"),
    (b"\x30", "DER; convert it, for example with: openssl x509 -inform der -in FILE -out FILE.pem"),
)
_LABELS = {label.replace(" ", ""): label for label in (*_CERTIFICATES, *_ANY_KEY, *_OTHER_LABELS)}


class PemBlock(NamedTuple):
    """One ``-----BEGIN LABEL-----`` block; ``body`` is Base64 without spaces."""

    label: str
    body: str
    encrypted: bool

    @property
    def text(self) -> str:
        """The block with lines of 64 characters."""
        lines = [self.body[at : at + _WIDTH] for at in range(0, len(self.body), _WIDTH)]
        return "\n".join((f"-----BEGIN {self.label}-----", *lines, f"-----END {self.label}-----", ""))


def read_certificates(key: str, text: str) -> list[x509.Certificate]:
    """The certificates in the PEM ``text`` of setting ``key``, in order; at least one. Raises ConfigError."""
    blocks = _blocks(text)
    found = [block for block in blocks if block.label in _CERTIFICATES]
    if not found:
        raise ConfigError([f"{key}: {_instead(text, blocks)}; expected PEM certificates"])
    _reject_unfinished(key, text, blocks)
    return [_certificate(key, block, number, len(found)) for number, block in enumerate(found, 1)]


def read_private_key(key: str, text: str) -> str:
    """The first private key in the PEM ``text`` of setting ``key``, as PEM with line ends. Raises ConfigError, also if it is encrypted."""
    blocks = _blocks(text)
    found = [block for block in blocks if block.label in _ANY_KEY]
    if not found:
        expected = "expected a PEM private key without a passphrase"
        raise ConfigError([f"{key}: {_instead(text, blocks)}; {expected}"])
    if found[0].encrypted:
        raise ConfigError([f"{key}: {_ENCRYPTED}"])
    try:
        serialization.load_pem_private_key(found[0].text.encode("ascii"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        pass
    else:
        return found[0].text
    # Raised outside of the except block: the original error must not be chained, because it may quote the key.
    raise ConfigError([f"{key}: the private key cannot be read, its text is incomplete or changed; copy it again"])


def read_ed25519_key(key: str, text: str) -> Ed25519PrivateKey:
    """The private key in the PEM ``text`` of setting ``key``, as `read_private_key`. Raises ConfigError, also if it is not Ed25519."""
    found = serialization.load_pem_private_key(read_private_key(key, text).encode("ascii"), None)
    if not isinstance(found, Ed25519PrivateKey):
        raise ConfigError([f"{key}: {_NOT_ED25519}"])
    return found


def read_ed25519_public_keys(key: str, text: str) -> list[Ed25519PublicKey]:
    """The public keys in the PEM ``text`` of ``key``, in order; at least one. Raises ConfigError, also for a key that is not Ed25519."""
    blocks = _blocks(text)
    found = [block for block in blocks if block.label == "PUBLIC KEY"]
    if not found:
        if any(block.label == "RSA PUBLIC KEY" for block in blocks):
            raise ConfigError([f"{key}: {_NOT_ED25519}"])
        raise ConfigError([f"{key}: {_instead_of_public(text, blocks)}; expected PEM public keys"])
    _reject_unfinished(key, text, blocks)
    return [_ed25519_public_key(key, block) for block in found]


def _ed25519_public_key(key: str, block: PemBlock) -> Ed25519PublicKey:
    try:
        found = serialization.load_pem_public_key(block.text.encode("ascii"))
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError([f"{key}: the public key cannot be read, its text is incomplete or changed; copy it again"]) from None
    if not isinstance(found, Ed25519PublicKey):
        raise ConfigError([f"{key}: {_NOT_ED25519}"])
    return found


def private_key_text(text: str) -> tuple[str, bool]:
    """The first private key in ``text`` as PEM with line ends, which may be encrypted, and whether it is; ``text`` itself if it has none.

    A key whose encryption is in header lines (RFC 1421) stays as it is.
    """
    found = next((block for block in _blocks(text) if block.label in _ANY_KEY), None)
    if found is None or (found.encrypted and found.label != "ENCRYPTED PRIVATE KEY"):
        return text, found is not None
    return found.text, found.encrypted


def certificates_text(certificates: Sequence[x509.Certificate]) -> str:
    """The certificates as PEM."""
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)


def check_pair(certificates: Sequence[x509.Certificate], private_key: str) -> None:
    """Check that ``private_key`` (PEM) belongs to the first of ``certificates``. Raises ConfigError."""
    own = _encoded(serialization.load_pem_private_key(private_key.encode("ascii"), None).public_key())
    matches = [_public_key(each) == own for each in certificates]
    if matches[0]:
        return
    if any(matches):
        what = f"SYSLOG_CLIENT_KEY belongs to certificate {matches.index(True) + 1} of SYSLOG_CLIENT_CERT; put that certificate first"
        raise ConfigError([what])
    raise ConfigError(["SYSLOG_CLIENT_KEY is not the private key of SYSLOG_CLIENT_CERT; use the key with which it was requested"])


def binary_form(data: bytes) -> str | None:
    """What ``data`` is if it is not text, with the command that converts it: UTF-16, PKCS#12, PKCS#7, or DER; None if unknown."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 text; save it as UTF-8"
    if not data.startswith(b"\x30") or len(data) < _SHORTEST_DER:
        return None
    content = data[2 + (data[1] & 0x7F if data[1] & 0x80 else 0) :]
    return next((form for start, form in _DER_FORMS if content.startswith(start)), None)


def looks_like_base64_pem(text: str) -> bool:
    """Whether ``text`` is PEM text that is also encoded in Base64, as Kubernetes secrets are."""
    return text.lstrip("\ufeff \"'\n").startswith(_BASE64_OF_PEM)


def _blocks(text: str) -> list[PemBlock]:
    text = _ESCAPED_SLASH.sub("/", _ESCAPED_SPACE.sub("\n", text))
    return list(_parsed(text))


def _parsed(text: str) -> Iterator[PemBlock]:
    for match in _BLOCK.finditer(text):
        begin, body, end = match.groups()
        if (label := _label(begin)) == _label(end):
            encrypted = label == "ENCRYPTED PRIVATE KEY" or "Proc-Type:" in body
            yield PemBlock(label, _SPACE.sub("", body), encrypted)


def _label(text: str) -> str:
    """A label with its spaces, also if it lost them with the line ends."""
    squeezed = "".join(text.split())
    return _LABELS.get(squeezed) or " ".join(text.split())


def _reject_unfinished(key: str, text: str, blocks: Sequence[PemBlock]) -> None:
    """Reject a last block whose end is missing: what it trusts would be missing without a word."""
    if len(_BEGIN.findall(text)) > len(blocks):
        raise ConfigError([f"{key}: {_instead(text, [])}"])


def _instead(text: str, blocks: Sequence[PemBlock]) -> str:
    """What the text is, if it is not what was expected."""
    if not text.strip("\ufeff \t\r\n\"'"):
        return "it is empty"
    if blocks:
        return _OTHER_LABELS.get(blocks[0].label, "it is PEM text of another kind")
    if _BEGIN.search(text):
        return "its last line is missing or does not match its first; copy the whole text again"
    if looks_like_base64_pem(text):
        return "it is PEM text that is also encoded in Base64; decode it, for example with: base64 -d"
    return "it is not PEM text"


def _instead_of_public(text: str, blocks: Sequence[PemBlock]) -> str:
    """What the text is, if it is no public key."""
    if any("PRIVATE KEY" in block.label for block in blocks):
        return "it is a private key, not a public key"
    if any(block.label in _CERTIFICATES for block in blocks):
        return "it is a certificate, not a public key"
    if any("CERTIFICATE REQUEST" in block.label for block in blocks):
        return "it is a certificate request, not a public key"
    return "it is PEM text of another kind" if blocks else _instead(text, [])


def _certificate(key: str, block: PemBlock, number: int, count: int) -> x509.Certificate:
    which = f"certificate {number} of {count}" if count > 1 else "the certificate"
    if block.label == "TRUSTED CERTIFICATE":
        raise ConfigError([f"{key}: {which} is in OpenSSL's own format; convert it, for example with: openssl x509 -in FILE -out FILE.pem"])
    problem = "cannot be read, its text is incomplete or changed; copy it again"
    try:
        return x509.load_der_x509_certificate(base64.b64decode(block.body, validate=True))
    except (ValueError, binascii.Error):
        pass
    except x509.InvalidVersion as error:  # not a ValueError
        problem = f"has X.509 version {error.parsed_version + 1}; use one of version 1 or 3"
    raise ConfigError([f"{key}: {which} {problem}"])


def _public_key(certificate: x509.Certificate) -> bytes | None:
    """The encoded public key; None if its algorithm is unknown."""
    try:
        return _encoded(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        return None


def _encoded(public_key: PublicKeyTypes) -> bytes:
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def full_days_left(end: float, now: float) -> int:
    """Full days from ``now`` until a certificate expires at ``end``, both in seconds since the epoch; negative after ``end``."""
    return int((end - now) // 86_400)
