"""A seal: the record of one run, which names every ledger entry since the seal before it; and its stored form.

Each seal has the SHA-256 of the seal before it, so the seals of a region form a chain. The stored form is canonical JSON: members sorted by
name, no white space, integers only, and only printable ASCII characters. The SHA-256 of a seal is that of its stored bytes. The signature
is over the same form without the member ``signature``. Times are RFC 3339 text in UTC.

Decoding is strict: a seal has exactly one stored form, with every member, and any other input is `SealDamaged`.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from typing import Annotated, Literal

import msgspec

from epimetheus.errors import SealDamaged
from epimetheus.ledger.entry_name import EntryName
from epimetheus.ledger.seal_key import PublicKey, SealKey
from epimetheus.ledger.seal_name import LARGEST_SEQUENCE, SealName
from epimetheus.model import parse_seconds
from epimetheus.stored_form import damage, parse_whole_minute

MOST_BYTES = 1 << 20
"""Maximum size of a stored seal."""
MOST_ENTRIES = 4_000
"""Maximum number of entries that a seal names; those beyond it are named by the next one."""
MOST_REGIONS = 100
"""Maximum length of each list of regions."""

_TIME = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_RUN = r"^[0-9A-Za-z][0-9A-Za-z-]{0,63}\Z"
_MOST_RUNS = 100

_Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
_Sequence = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_SEQUENCE)]
_Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Run = Annotated[str, msgspec.Meta(pattern=_RUN)]
_Text = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,255}\Z")]  # printable ASCII without spaces
_Reason = Annotated[str, msgspec.Meta(pattern=r"^[a-z_]{1,64}\Z")]
_Pass = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,5}\Z")]
_Regions = Annotated[list[_Text], msgspec.Meta(max_length=MOST_REGIONS)]

SealStatus = Literal["ok", "partial", "failed", "killed"]


class SealPosition(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The cursor ``before`` and ``after`` the run, as whole minutes."""

    before: str
    after: str


class SealCounts(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The counts of the run's report. ``filtered``: reason → events."""

    fetched: _Count
    forwarded: _Count
    duplicates: _Count
    filtered: dict[_Reason, _Count]
    malformed: _Count
    late: _Count
    unconfirmed: _Count


class SealedMessages(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    r"""All confirmed messages of the run, with those of earlier seals and other notices: their number, from 1 on.

    ``sha256``: hex digest of the lines ``<sequence number> <event ID>\n`` of the messages in order, with ``-`` for an event without an ID.
    """

    count: _Count
    sha256: _Digest


class SealedEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An entry of the ledger: its name in the ledger of the region, and the hex digest of its stored bytes."""

    name: str
    sha256: _Digest


class SealedRegions(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The names of regions, each list sorted, as in `epimetheus.coverage.RegionCoverage`. ``subscribed``: empty if not known."""

    subscribed: _Regions
    polled: _Regions
    excluded: _Regions
    uncovered: _Regions


class SealedCompartments(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Numbers of compartments, as in `epimetheus.coverage.CompartmentCoverage`."""

    existing: _Count
    polled: _Count
    excluded: _Count
    unreadable: _Count
    unlisted: _Count


class SealedCoverage(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the run covered. ``home_polled``: whether the home region is polled, None if it is not known."""

    regions: SealedRegions
    home_polled: bool | None
    compartments: SealedCompartments


class MessagesOfSeals(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``enabled``: whether the message of this seal is to be sent; if not, nor are those before it that are not confirmed.

    ``confirmed``: the last seal whose message was confirmed, with those of all before it, when this seal was written; 0: none.
    """

    enabled: bool
    confirmed: _Count


class PreviousSeal(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The seal before: its sequence number, and the hex digest of its stored bytes."""

    sequence: _Sequence
    sha256: _Digest


class Signature(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """``key``: the fingerprint of the public key; ``value``: the signature in Base64."""

    algorithm: Literal["Ed25519"]
    key: Annotated[str, msgspec.Meta(pattern=r"^SHA256:[A-Za-z0-9+/]{43}\Z")]
    value: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]{86}==\Z")]


class Seal(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A seal. ``time``: the end of the run, in whole seconds. ``sequence``: from 1, without gaps within a region.

    ``entries``: those written since the seal before, in the order of writing: first those of this run, then those of others.
    ``messages``: None if they are not known, because the run was killed. ``reconciled``: minutes of a pass of reconciliation → the minute
    through which it has listed closed windows again. ``behind``: number of compartments behind the cursor. ``rules_sha256`` and
    ``field_map_sha256``: of the text of RULES and FIELD_MAP, None if not set. ``unsealed_runs``: runs that ended without a seal.
    ``ledger_days``: how long entries are kept. ``hostname``: SYSLOG_HOSTNAME, None if not set: messages then have the region.
    """

    version: Literal[1]
    product_version: _Text
    tenancy: _Text
    region: _Text
    sequence: _Sequence
    run: _Run
    status: SealStatus
    time: str
    position: SealPosition
    counts: SealCounts
    messages: SealedMessages | None
    entries: Annotated[list[SealedEntry], msgspec.Meta(max_length=MOST_ENTRIES)]
    coverage: SealedCoverage
    reconciled: dict[_Pass, str]
    behind: _Count
    rules_sha256: _Digest | None
    field_map_sha256: _Digest | None
    unsealed_runs: Annotated[list[_Run], msgspec.Meta(max_length=_MOST_RUNS)]
    seal_messages: MessagesOfSeals
    ledger_days: _Count
    hostname: _Text | None
    previous: PreviousSeal | None
    signature: Signature | None

    @property
    def name(self) -> SealName:
        """The name of the object, in the folder of the day of ``time``."""
        return SealName(int(parse_seconds(self.time)) // 86_400, self.sequence, self.run)


_decode = msgspec.json.Decoder(Seal).decode
_encode = msgspec.json.Encoder(order="sorted").encode


def pack(seal: Seal) -> bytes:
    """The bytes to store. Raises ValueError for a seal that `unpack` would not accept."""
    data = _encode(seal)
    _strict(data)
    return data


def unpack(data: bytes, name: str) -> Seal:
    """The seal in ``data``. ``name``: its location, for the message. Raises SealDamaged unless ``data`` is exactly a packed seal.

    The signature is not verified (`is_signed_by`).
    """
    try:
        return _strict(data)
    except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
        raise SealDamaged(
            f"The seal {name} is damaged: {damage(error)}.",
            do="Find out what changed it: seals are never overwritten. Restore the object from a copy.",
        ) from error


def digest(data: bytes) -> str:
    """SHA-256 of the stored bytes of a seal or an entry, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sign(seal: Seal, key: SealKey) -> Seal:
    """``seal`` with the signature of ``key`` instead of the one it has."""
    value = b64encode(key.sign(signed_bytes(seal))).decode()
    return msgspec.structs.replace(seal, signature=Signature(algorithm="Ed25519", key=key.public.fingerprint, value=value))


def is_signed_by(seal: Seal, key: PublicKey) -> bool:
    """Whether the seal has a valid signature of ``key``."""
    signature = seal.signature
    return signature is not None and signature.key == key.fingerprint and key.verifies(b64decode(signature.value), signed_bytes(seal))


def signed_bytes(seal: Seal) -> bytes:
    """What the signature is over: the canonical JSON without the member ``signature``."""
    members = msgspec.structs.asdict(seal)
    del members["signature"]
    return _encode(members)


def _strict(data: bytes) -> Seal:
    """The seal in ``data``. Raises ValueError unless it is valid and ``data`` is its canonical form."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"it has {len(data):,} bytes; the maximum is {MOST_BYTES:,}")
    seal = _decode(data)
    if not _TIME.fullmatch(seal.time) or not parse_seconds(seal.time):
        raise ValueError("its time is not a whole second in UTC")
    for minute in (seal.position.before, seal.position.after, *seal.reconciled.values()):
        parse_whole_minute(minute)
    if not all(EntryName.parse(entry.name) for entry in seal.entries):
        raise ValueError("a name of an entry is not valid")
    if len({entry.name for entry in seal.entries}) < len(seal.entries):
        raise ValueError("it names an entry twice")
    if seal.sequence != (seal.previous.sequence if seal.previous else 0) + 1:
        raise ValueError("its sequence number does not follow that of the previous seal")
    if SealName.parse(seal.name.text()) != seal.name:
        raise ValueError("its time, sequence number and run are not a valid name")
    if _encode(seal) != data:
        raise ValueError("it is not in the form in which it is written")
    return seal
