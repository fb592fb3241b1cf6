"""The result of a verification: what was checked, and each fault. Also the JSON output. Times are RFC 3339 text."""

from typing import Literal

import msgspec

Verdict = Literal["complete", "incomplete", "unchecked"]
"""``incomplete``: there are faults. ``unchecked``: there are none, but a part could not be checked."""

FaultKind = Literal[
    "seal_missing",
    "seal_damaged",
    "seal_altered",
    "seal_extra",
    "seal_signature",
    "cursor_gap",
    "not_read",
    "behind",
    "entry_missing",
    "entry_altered",
    "entry_unnamed",
    "entry_signature",
    "message_missing",
    "message_altered",
    "seal_message_missing",
    "seal_message_differs",
    "event_missing",
]


class Fault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fault: ``what`` is a sentence. ``object``: name of a seal or an entry. ``seals``: sequence numbers of seals, first and last.

    ``run`` and ``messages``: the sequence numbers of messages of the run, first and last, of which there are ``count``. ``event_ids``: of
    the export or of OCI; ``id_digests``: the first 16 hexadecimal digits of the SHA-256 of the IDs, which are all that an entry has of
    them; ``-`` for a message without an ID.
    """

    kind: FaultKind
    what: str
    region: str = ""
    object: str = ""
    seals: tuple[int, int] | None = None
    run: str = ""
    messages: tuple[int, int] | None = None
    count: int = 1
    event_ids: list[str] = []
    id_digests: list[str] = []


class SealsResult(msgspec.Struct, frozen=True):
    """``valid`` of ``checked`` seals of the window. ``signed_by``: fingerprints of their keys; ``unsigned``: seals without a signature.

    ``rejected_keys``: fingerprints in seals whose signature is not one of the public keys, or not valid.

    ``verified``: whether the signatures were verified with public keys. ``first``, ``last``: sequence numbers.
    """

    checked: int
    valid: int
    first: int | None
    last: int | None
    signed_by: list[str]
    rejected_keys: list[str]
    unsigned: int
    verified: bool


class EntriesResult(msgspec.Struct, frozen=True):
    """``valid`` of ``checked`` entries that the seals name, valid seals or not. ``unsealed``: entries that no seal names yet.

    ``expired``: entries that are no longer kept, so that they were not checked. ``untrusted``: entries that are as a seal says that is
    not valid; they are not valid either.
    """

    checked: int
    valid: int
    unsealed: int
    expired: int
    untrusted: int


class ReconciledResult(msgspec.Struct, frozen=True):
    """``reconciled`` of the ``hours`` of the window were listed again, of which ``due`` had to be by the newest seal."""

    hours: int
    reconciled: int
    due: int


class AuditResult(msgspec.Struct, frozen=True):
    """``listed``: events that Audit lists now; ``missing``: those that the ledger does not have."""

    listed: int
    missing: int


class RegionResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one region. ``reconciliation``: minutes of a pass → its result. ``late``: events that reconciliation found and sent.

    ``read_through``: the cursor in the newest seal; ``behind``: compartments that were behind it then. ``audit``: None if not requested.
    """

    region: str
    window: tuple[str, str]
    seals: SealsResult
    entries: EntriesResult
    reconciliation: dict[str, ReconciledResult]
    late: int
    read_through: str | None
    behind: int
    audit: AuditResult | None = None
    warnings: list[str]


class ExportResult(msgspec.Struct, frozen=True):
    """The messages of the export: ``present`` of the ``sealed`` ones, and others.

    ``missing``: sealed messages that the export lacks, or has with another event ID. ``unmatchable``: sealed messages without an event ID,
    in an export without sequence numbers. ``number_only``: messages that are present, and whose event ID could not be compared;
    ``other_number``: messages that are present with a number that no entry has.
    ``unsealed``: messages in no entry that was checked. ``seal_messages``: messages of seals; ``foreign_seals``: different ones of other
    deployments among them.
    ``other_lines``: lines of other programs; ``unreadable_lines``: lines that are too long, or not CSV.
    """

    files: list[str]
    sealed: int
    present: int
    missing: int
    duplicates: int
    unsealed: int
    unmatchable: int
    number_only: int
    other_number: int
    seal_messages: int
    other_lines: int
    unreadable_lines: int
    foreign_seals: int = 0


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The whole result. ``faults``: in the order of regions, seals, entries, messages. ``unchecked``: sentences."""

    version: int = 1
    verdict: Verdict
    regions: list[RegionResult]
    export: ExportResult | None
    faults: list[Fault]
    unchecked: list[str]
