"""The signature of an entry, at the end of its first line. It is over the rest of this line, which has the SHA-256 of everything after it.

    EPIMETHEUS-LEDGER 1 sha256=<hex digest> key=SHA256:<fingerprint> signature=<Base64>

A seal vouches for the entries of its own run. Those of other writers are found in the ledger, where others may be able to write: only the
signature shows that they are genuine.
"""

import re
from base64 import b64decode, b64encode
from typing import NamedTuple

from epimetheus.ledger.seal_key import PublicKey, SealKey

_LONGEST_LINE = 512
_SIGNED = re.compile(rb"([^\n]*)( key=(SHA256:[A-Za-z0-9+/]{43}) signature=([A-Za-z0-9+/]{86}==))\n")


class EntrySignature(NamedTuple):
    """``key``: the fingerprint of the public key; ``value``: the signature over ``signed``; ``length``: bytes in the first line."""

    key: str
    value: bytes
    signed: bytes
    length: int

    def is_by(self, key: PublicKey) -> bool:
        """Whether it is a valid signature of ``key``."""
        return self.key == key.fingerprint and key.verifies(self.value, self.signed)


def signature_of(data: bytes) -> EntrySignature | None:
    """The signature in the stored bytes of an entry, which is not verified; None if it has none."""
    found = _SIGNED.match(data, 0, _LONGEST_LINE)
    return EntrySignature(found[3].decode(), b64decode(found[4]), found[1], len(found[2])) if found else None


def sign_entry(data: bytes, key: SealKey) -> bytes:
    """The stored bytes of an entry, ``data``, with the signature of ``key``."""
    line, _, rest = data.partition(b"\n")
    value = b64encode(key.sign(line)).decode()
    return b"%b key=%b signature=%b\n%b" % (line, key.public.fingerprint.encode(), value.encode(), rest)
