"""Seals a run: its seal is written with the state, then stored, then sent, and only then the lease is returned.

    settle ─▶ … ─▶ last commit, with the seal ─▶ store the seal ─▶ send it ─▶ commit without the lease

The state is the authority: a seal is stored and sent only after a state that has it was written, so the chain has no branches. What fails
after that is done by the next run, from the text in the state. A run that was killed gets its seal from the run that takes over its lease.
No error of these steps ends a run or moves the cursor.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from epimetheus.errors import EpimetheusError, LedgerError, SealDamaged
from epimetheus.ledger.entry_name import EntryName
from epimetheus.ledger.seal import Seal, SealStatus, digest, is_signed_by, pack, sign, unpack
from epimetheus.ledger.seal_chain import SealChain
from epimetheus.ledger.seal_name import SealName
from epimetheus.run.context import RunContext
from epimetheus.run.seal_content import killed_seal, run_seal
from epimetheus.run.seal_messages import send_own_seal
from epimetheus.run.unsealed import is_of_other_writer
from epimetheus.state.model import State
from epimetheus.state.seals import MOST_UNSEALED, SealableEntry, SealHead, SealState
from epimetheus.stored_form import damage

_MakeSeal = Callable[[State, Sequence[SealableEntry]], Seal]
_SENT_AGAIN = 100  # seals whose messages are sent again if the state does not know which are confirmed
_MOST_TRIED = 5
_MOST_AHEAD = 1_000_000  # seals that a restored state may lack: a run each minute for two years


def settle(ctx: RunContext) -> None:
    """Check that the newest seal of the state is the newest one stored, and store it if it is not: the next one follows it."""
    try:
        ctx.state = _settled(ctx, ctx.state)
    except EpimetheusError as error:
        ctx.warn(f"{error.what} {error.do}")
    else:
        ctx.sealing.ready = True


def take_over(ctx: RunContext, state: State) -> State:
    """``state`` without the expired lease of another run, and with a seal of that run if it has none."""
    if state.lease is None or state.seals.is_of(state.lease.run):
        return state.without_lease()
    run = state.lease.run
    try:
        settled = _settled(ctx, state)
        if settled.seals.is_of(run):
            return settled.without_lease()
        seals = settled.seals.with_unfinished(run, state.entered.get(run, 0))
        return _with_seal(ctx, replace(settled, lease=None, seals=seals), partial(killed_seal, ctx, run))
    except (EpimetheusError, ValueError) as error:
        ctx.warn(_unsealed_warning(run, error))
        return state.without_lease()


def with_own_seal(ctx: RunContext, status: SealStatus, state: State) -> State:
    """``state`` with the seal of this run. It is without the lease if the seal can be stored and sent by the next run only."""
    if not ctx.sealing.ready and ctx.budget.may_seal:
        settle(ctx)
    seals = ctx.state.seals.with_entries(ctx.entries.written.items()).with_entries(ctx.ports.delivered.unsealed.found.items())
    state = replace(state, seals=seals)
    try:
        if not ctx.sealing.ready:
            raise LedgerError("The seal before it is not known to be stored.", do="")
        state = _with_seal(ctx, state, partial(run_seal, ctx, status))
    except (EpimetheusError, ValueError) as error:
        ctx.warn(_unsealed_warning(ctx.run_id, error))
        if len(state.seals.entries) == MOST_UNSEALED:
            ctx.warn(f"{MOST_UNSEALED:,} entries of the ledger wait for a seal. No seal will name the entries of this run.")
        return replace(state, lease=None, seals=state.seals.with_unsealed_run(ctx.run_id))
    return state if ctx.budget.may_seal else replace(state, lease=None)


def finish_seal(ctx: RunContext, *, send: bool = True) -> None:
    """The seal step: store the seal of this run, ``send`` its message, and return the lease."""
    if not ctx.ports.session.holds_lease:
        return
    if ctx.budget.may_seal:
        _store(ctx)
        if send:
            send_own_seal(ctx)
    try:
        ctx.state = ctx.ports.session.commit(replace(ctx.state, lease=None), now=ctx.time.now())
    except EpimetheusError as error:
        ctx.warn(f"{error.what} {error.do}")
        ctx.ports.session.release(attempts=1)


def _store(ctx: RunContext) -> None:
    if (head := ctx.state.seals.head) is None:
        return
    try:
        ctx.ports.seals.create(head.name, head.text.encode())
    except EpimetheusError as error:
        ctx.warn(f"{error.what} {error.do}")
    else:
        ctx.state = _with_head(ctx.state, replace(head, stored=True).done())


def _settled(ctx: RunContext, state: State) -> State:
    """``state`` with the newest seal stored. Raises LedgerError, CredentialsError.

    If a later one is stored, the state is older than it, because it was restored. Objects that this deployment has not written are ignored:
    who can write to the bucket must not continue the chain.
    """
    chain, head = ctx.ports.seals, state.seals.head
    if head is None or (own := SealName.parse(head.name)) is None:
        newest = chain.newest(ctx.time.minute)
        return _with_head(state, _stored_head(chain, newest, max(0, newest.sequence - _SENT_AGAIN)) if newest else None)
    stored = chain.after(own)
    others = [name for name in stored if name != own and (name.sequence > own.sequence or not head.stored)]
    if newest := _newest_own(ctx, own.sequence, others):
        seals = _unnamed(state.seals, chain, own.sequence, stored) if own in stored else _abandoned(state.seals, head)
        return replace(state, seals=replace(seals, head=_stored_head(chain, newest, head.sent)))
    if own not in stored and head.text:
        chain.create(head.name, head.text.encode())
    elif own not in stored:
        ctx.sealing.chain_broken = True
        ctx.warn(f"The seal {chain.name}{head.name} was deleted. Restore the object from a copy: without it, the chain has a gap.")
    return _with_head(state, replace(head, stored=True).done())


def _newest_own(ctx: RunContext, sequence: int, names: Sequence[SealName]) -> SealName | None:
    """The newest seal of ``names`` that this deployment can have written after ``sequence``. The others are warnings."""
    for name in sorted(names, key=lambda name: -name.sequence)[:_MOST_TRIED]:
        if not (fault := _fault(ctx, sequence, name)):
            return name
        ctx.warn(f"The seal {ctx.ports.seals.name}{name.text()} is ignored: {fault}. Find out who wrote it, and run `epimetheus verify`.")
    return None


def _fault(ctx: RunContext, sequence: int, name: SealName) -> str:
    """Why this deployment cannot have written the seal ``name`` after ``sequence``, or an empty text."""
    if name.sequence > sequence + _MOST_AHEAD:
        return "its number is too high"
    try:
        seal = ctx.ports.seals.load(name)
    except SealDamaged:
        return "it is damaged"
    key = ctx.options.seals.key
    if seal is None:
        return "it was deleted"
    return "SEAL_KEY has not signed it" if key and not is_signed_by(seal, key.public) else ""


def _unnamed(seals: SealState, chain: SealChain, sequence: int, stored: Sequence[SealName]) -> SealState:
    """``seals`` of a restored state, without what the seal after its newest one, ``sequence``, names. Raises LedgerError."""
    named, runs = set[str](), set[str]()
    for name in stored:
        with suppress(SealDamaged):  # what it names is then named again
            if name.sequence == sequence + 1 and (seal := chain.load(name)):
                named |= {entry.name for entry in seal.entries}
                runs |= {*seal.unsealed_runs}
    entries = tuple(entry for entry in seals.entries if entry[0] not in named)
    return replace(seals, entries=entries, runs=tuple(run for run in seals.runs if run not in runs))


def _abandoned(seals: SealState, head: SealHead) -> SealState:
    """``seals`` of a restored state whose newest seal is not in the chain: another seal will name what it names, and its run."""
    try:
        lost = unpack(head.text.encode(), head.name)
    except SealDamaged:  # it has no text
        return seals.with_unsealed_run(head.run)
    for run in (*lost.unsealed_runs, lost.run):
        seals = seals.with_unsealed_run(run)
    waiting, seals = seals.entries, replace(seals, entries=())
    return seals.with_entries((entry.name, entry.sha256) for entry in lost.entries).with_entries(waiting)


def _stored_head(chain: SealChain, name: SealName, sent: int) -> SealHead:
    """The stored seal ``name``. Raises SealDamaged, LedgerError."""
    if (data := chain.read(name)) is None:
        raise LedgerError(f"The seal {chain.name}{name.text()} is listed, but cannot be read.", do="The next run tries again.")
    unpack(data, f"{chain.name}{name.text()}")
    return SealHead(name.text(), name.sequence, name.run, digest(data), "", stored=True, sent=sent)


def _with_head(state: State, head: SealHead | None) -> State:
    return replace(state, seals=replace(state.seals, head=head))


def _with_seal(ctx: RunContext, state: State, make: _MakeSeal) -> State:
    """``state`` with the next seal, which names all entries and runs that wait for one. Raises ValueError if they do not fit."""
    before, options = state.seals, ctx.options.seals
    seal = make(state, before.entries)
    if options.key:
        seal = sign(seal, options.key)
    data = pack(seal)
    sent = (before.head.sent if before.head else 0) if options.messages else seal.sequence
    head = SealHead(seal.name.text(), seal.sequence, seal.run, digest(data), data.decode(), stored=False, sent=sent)
    names = [name for text, _ in before.entries if (name := EntryName.parse(text))]
    last = dict(before.unfinished)
    for name in names:
        if name.run in last:
            last[name.run] = max(last[name.run], name.number)
    others = [name.text() for name in names if is_of_other_writer(name)]
    return replace(state, seals=SealState(head, unfinished=last, named=before.named).with_named(others))


def _unsealed_warning(run: str, error: Exception) -> str:
    cause = error.what if isinstance(error, EpimetheusError) else f"{damage(error)}."
    return f"Run {run} ends without a seal: {cause} The next seal names the run and its entries."
