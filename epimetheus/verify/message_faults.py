"""The faults of messages, as sentences that name run, sequence numbers and entry."""

from collections.abc import Iterator, Mapping

from epimetheus.model import count_text, plural
from epimetheus.verify.model import Fault
from epimetheus.verify.seal_messages import seal_id
from epimetheus.verify.sealed_messages import Outcome, SealedMessages, event_key, key_text


def message_faults(messages: SealedMessages, outcome: Outcome, digests: Mapping[str, Mapping[int, str]]) -> Iterator[Fault]:
    """The messages that the export lacks, then those that it has without their event ID or with another one.

    ``digests``: region → sequence number → SHA-256 of its seals, some of whose messages are in entries.
    """
    yield from _missing(messages, outcome, _seal_keys(digests) if outcome.missing else {})
    yield from _emptied(messages, outcome)
    yield from _altered(messages)


def _missing(messages: SealedMessages, outcome: Outcome, seals: Mapping[int, int]) -> Iterator[Fault]:
    elsewhere = {event_key(altered.event_id.encode()): altered for altered in messages.altered}
    for one in outcome.missing:
        run, entry, keys = one.segment.run, one.segment.entry, messages.keys_of(one)
        numbers = f"Message {one.first}" if one.size == 1 else f"Messages {one.first} to {one.last}"
        of_seals = sorted(seals[key] for key in keys if key in seals)
        named = f"the message of seal {', '.join(map(str, of_seals))}."
        noted = f" {'It is' if one.size == 1 else 'Among them:'} {named}" if of_seals else ""
        if found := next((elsewhere[key] for key in keys if key in elsewhere), None):
            noted += f" The export has {'it' if one.size == 1 else 'one of them'} as message {found.sequence} of run {found.segment.run}."
        yield Fault(
            kind="message_missing",
            what=f"{numbers} of run {run} {'is' if one.size == 1 else 'are'} missing in the export; the ledger entry {entry} has"
            f" {'it' if one.size == 1 else 'them'}.{noted}",
            region=one.segment.region,
            object=f"ledger/{one.segment.region}/{entry}",
            run=run,
            messages=(one.first, one.last),
            count=one.size,
            id_digests=[key_text(key) for key in keys],
        )


def _emptied(messages: SealedMessages, outcome: Outcome) -> Iterator[Fault]:
    for one in outcome.emptied:
        run, entry = one.segment.run, one.segment.entry
        subject = f"Message {one.first} of run {run} was" if one.size == 1 else f"Messages {one.first} to {one.last} of run {run} were"
        yield Fault(
            kind="message_altered",
            what=f"{subject} altered: the export has {plural(one.size, 'it without its event ID', 'them without their event IDs')},"
            f" which the ledger entry {entry} records.",
            region=one.segment.region,
            object=f"ledger/{one.segment.region}/{entry}",
            run=run,
            messages=(one.first, one.last),
            count=one.size,
            id_digests=[key_text(key) for key in messages.keys_of(one)],
        )


def _altered(messages: SealedMessages) -> Iterator[Fault]:
    for altered in messages.altered:
        segment, number = altered.segment, altered.sequence
        what = f"Message {number} of run {segment.run} was altered or forged: the export has it with the event ID {altered.event_id}"
        yield Fault(
            kind="message_altered",
            what=f"{what}, which is not the one that the ledger entry {segment.entry} records.",
            region=segment.region,
            object=f"ledger/{segment.region}/{segment.entry}",
            run=segment.run,
            messages=(number, number),
            event_ids=[altered.event_id],
            id_digests=[key_text(altered.key)],
        )
    if messages.more_altered:
        what = f"{count_text(messages.more_altered, 'more message was', 'more messages were')} altered or forged."
        yield Fault(kind="message_altered", what=what, count=messages.more_altered)


def _seal_keys(digests: Mapping[str, Mapping[int, str]]) -> dict[int, int]:
    """The digest of the event ID of the message of each seal → its sequence number."""
    return {event_key(seal_id(region, number, sha256)): number for region, known in digests.items() for number, sha256 in known.items()}
