"""Health check of the seals: the newest is stored as the state has it, and sent, and SEAL_KEY can be read. Nothing is written."""

from epimetheus.clock import Deadline
from epimetheus.health.context import HealthContext
from epimetheus.health.model import CheckResult
from epimetheus.ledger.seal import digest
from epimetheus.ledger.seal_chain import SealChain
from epimetheus.ledger.seal_name import SealName
from epimetheus.model import count_text
from epimetheus.state.seals import SealHead

_HELP = "Find out what changed the seals: only Epimetheus writes them, and never replaces or deletes one. Restore the object from a copy."
MOST_PENDING = 5
"""Above this number of seals that are not sent, the check is degraded. A run that fails leaves one, which the next run sends."""


def check_seals(context: HealthContext, deadline: Deadline) -> CheckResult:
    """The newest seal is stored as the state has it, and sent. Raises ConfigError, SourceError, LedgerError."""
    if (state := context.states.get(context.region)) is None:
        return CheckResult("No usable state exists.", "skipped")
    key = context.wiring.ledger.seal_key
    signed = f"signed with {key.public.fingerprint}" if key else "not signed: SEAL_KEY is not set"
    # A request takes at most a sixteenth of a run's reserve: here a fraction of this check's time.
    chain = context.wiring.ledger.seals(context.region, Deadline.after(context.clock, deadline.left() * 8))
    if (head := state.seals.head) is None:
        stored = chain.newest(int(context.now() // 60))
        found = f"The state has no seal; the next follows {stored.text()}" if stored else "No seal exists yet"
        return CheckResult(f"{found}; seals are {signed}.")
    newest = f"Seal {head.sequence:,}, by run {head.run}"
    if problem := _problem(chain, head):
        return CheckResult(f"{newest}, {problem}", "failed", _HELP)
    if not head.stored:
        return CheckResult(f"{newest}, is not stored yet.", "degraded", f"The next run stores it. If this persists, check {chain.name}.")
    if context.wiring.settings.seal_messages and head.pending > MOST_PENDING:
        what = f"{newest}, is stored. {count_text(head.pending, 'seal is', 'seals are')} not sent (degraded over {MOST_PENDING})."
        return CheckResult(what, "degraded", "Runs send them in order once the receiver confirms messages: check the receiver.")
    sent = f"{count_text(head.pending, 'seal is', 'seals are')} not sent yet" if head.pending else "everything is sent"
    return CheckResult(f"{newest}, is stored, and {sent}; seals are {signed}.")


def _problem(chain: SealChain, head: SealHead) -> str:
    """What is wrong with the stored seals; empty if nothing is."""
    name = SealName.parse(head.name)
    stored = chain.after(name) if name else []
    if head.stored and name not in stored:
        return f"was deleted from {chain.name}."
    if later := [one for one in stored if one.sequence > head.sequence or one != name]:
        return f"is not the last one in {chain.name}: {later[-1].text()} is. The state is older than it."
    if head.stored and name and (data := chain.read(name)) is not None and digest(data) != head.sha256:
        return f"was changed in {chain.name}: its SHA-256 is {digest(data)}, and not {head.sha256}."
    return ""
