"""Sends the messages of seals. What fails is sent by the next run: no event depends on it, so errors become warnings."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from epimetheus.errors import EpimetheusError, LedgerDamaged
from epimetheus.ledger.seal import digest, unpack
from epimetheus.run.context import RunContext
from epimetheus.run.seal_notice import seal_notice
from epimetheus.state.seals import SealHead

MOST_SENT = 20
"""Maximum number of seals of earlier runs that a run sends."""
LEAST_SECONDS = 0.5
"""Messages are sent only if more time is left to confirm them."""


class _Unsent(NamedTuple):
    """A seal to send, as it is stored (None: it was deleted), and its ``location``."""

    sequence: int
    data: bytes | None
    location: str


def send_earlier_seals(ctx: RunContext) -> None:
    """Send the seals of earlier runs whose message is not confirmed, in order."""
    head = ctx.state.seals.head
    if ctx.options.seals.messages and head and head.pending:
        _send(ctx, head, _earlier(ctx, head))


def send_own_seal(ctx: RunContext) -> None:
    """Send the seal of this run, unless one before it is not confirmed."""
    head = ctx.state.seals.head
    if ctx.options.seals.messages and head and head.pending == 1 and not ctx.sealing.receiver_failed:
        _send(ctx, head, [_newest(head)])


def _earlier(ctx: RunContext, head: SealHead) -> Iterator[_Unsent]:
    """The first seals to send. Each is read when it is needed."""
    chain, first, last = ctx.ports.seals, head.sent + 1, min(head.sequence, head.sent + MOST_SENT)
    try:
        needs_store = first < head.sequence or not head.text
        names = {name.sequence: name for name in chain.between(first, last, ctx.time.minute)} if needs_store else {}
        for sequence in range(first, last + 1):
            if not _has_time(ctx, sequence):
                return
            if sequence == head.sequence and head.text:  # it may not be stored yet
                yield _newest(head)
                return
            name = names.get(sequence)
            location = f"{chain.name}{name.text()}" if name else f"number {sequence} in {chain.name}"
            yield _Unsent(sequence, chain.read(name) if name else None, location)
    except EpimetheusError as error:
        ctx.warn(f"{error.what} {error.do}")


def _newest(head: SealHead) -> _Unsent:
    return _Unsent(head.sequence, head.text.encode(), head.name)


def _has_time(ctx: RunContext, sequence: int) -> bool:
    if ctx.budget.confirm.left() > LEAST_SECONDS:
        return True
    ctx.warn(f"No time was left to send seal {sequence}. The next run sends it.")
    return False


def _send(ctx: RunContext, head: SealHead, unsent: Iterable[_Unsent]) -> None:
    """Send and confirm ``unsent`` in the time that is left."""
    sent = head.sent
    try:
        for one in unsent:
            if not _has_time(ctx, one.sequence):
                break
            _send_one(ctx, one)
            sent = one.sequence
        if sent > head.sent:
            ctx.pipeline.forwarder.finish()
            ctx.state = replace(ctx.state, seals=replace(ctx.state.seals, head=replace(head, sent=sent).done()))
    except EpimetheusError as error:
        ctx.sealing.receiver_failed = True
        ctx.warn(f"{error.what} {error.do}")


def _send_one(ctx: RunContext, one: _Unsent) -> None:
    """Send a seal; one that was deleted or damaged has no message, which is a warning."""
    if one.data is None:
        ctx.warn(f"The seal {one.location} could not be sent: it was deleted. Restore the object from a copy.")
        return
    try:
        seal = unpack(one.data, one.location)
    except LedgerDamaged as error:
        ctx.warn(f"{error.what} {error.do}")
        return
    ctx.pipeline.forwarder.send_notice(seal_notice(ctx.notice_source(), seal, digest(one.data)))
