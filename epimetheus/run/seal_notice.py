"""The message of a seal: a notice with its figures, its SHA-256 and that of the seal before it, so that the SIEM witnesses the chain."""

from epimetheus.ledger.seal import Seal
from epimetheus.model import Fetched, count_text
from epimetheus.run.notice_event import NoticeSource, notice_event

_ID_DIGITS = 16


def seal_notice(source: NoticeSource, seal: Seal, sha256: str) -> Fetched:
    """The message of ``seal``, whose stored bytes have the hex digest ``sha256``. ``source``: the run that sends it."""
    previous, counts = seal.previous.sha256 if seal.previous else "-", seal.counts
    window = {"from": seal.position.before, "through": seal.position.after}
    chain = f"Seal {seal.sequence}, SHA-256 {sha256}, previous {previous}."
    details = {
        "run": seal.run,
        "region": seal.region,
        "sequence": seal.sequence,
        "sha256": sha256,
        "previous": previous,
        "status": seal.status,
        **window,
        "fetched": counts.fetched,
        "forwarded": counts.forwarded,
        "duplicates": counts.duplicates,
        "filtered": counts.filtered,
        "malformed": counts.malformed,
        "behind": seal.behind,
        "late": counts.late,
        "entries": len(seal.entries),
        "messages": seal.messages.count if seal.messages else 0,
        "messages_sha256": seal.messages.sha256 if seal.messages else "-",
        "key": seal.signature.key if seal.signature else "-",
        "ed25519": seal.signature.value if seal.signature else "-",  # a member named signature is redacted
    }
    event_id = f"seal-{seal.region}-{seal.sequence}-{sha256[:_ID_DIGITS]}"
    return notice_event(source, "Seal", f"{_summary(seal)} {chain}", details, event_id=event_id)


def _summary(seal: Seal) -> str:
    counts, position = seal.counts, seal.position
    behind = f"{count_text(seal.behind, 'compartment')} behind"
    if seal.status == "killed":
        return f"Run {seal.run} of {seal.region} was killed; the cursor is {position.after}; {behind}."
    figures = f"{counts.fetched:,} fetched, {counts.forwarded:,} forwarded, {count_text(counts.duplicates, 'duplicate')} dropped"
    figures += f", {sum(counts.filtered.values()):,} filtered, {counts.late:,} listed late"
    return f"Run {seal.run} of {seal.region} is {seal.status}, from {position.before} through {position.after}: {figures}; {behind}."
