"""Sends the messages of seals. What fails is sent by the next run: no event depends on it, so errors become warnings."""

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
    if not (ctx.options.seals.messages and head and head.pending):
        return
    try:
        _send(ctx, head, _unsent(ctx, head))
    except EpimetheusError as error:
        ctx.warn(f"{error.what} {error.do}")


def send_own_seal(ctx: RunContext) -> None:
    """Send the seal of this run, unless one before it is not confirmed."""
    head = ctx.state.seals.head
    if not (ctx.options.seals.messages and head and head.pending == 1) or ctx.sealing.receiver_failed:
        return
    try:
        _send(ctx, head, [_newest(head)])
    except EpimetheusError as error:
        ctx.warn(f"{error.what} {error.do}")


def _unsent(ctx: RunContext, head: SealHead) -> list[_Unsent]:
    """The first seals to send. Raises LedgerError, CredentialsError."""
    if head.pending == 1 and head.text:
        return [_newest(head)]
    chain, first = ctx.ports.seals, head.sent + 1
    names = {name.sequence: name for name in chain.between(first, head.sequence, ctx.time.minute)}
    found = []
    for sequence in range(first, min(head.sequence, head.sent + MOST_SENT) + 1):
        if sequence == head.sequence and head.text:
            found.append(_newest(head))
        else:
            name = names.get(sequence)
            location = f"{chain.name}{name.text()}" if name else f"number {sequence} in {chain.name}"
            found.append(_Unsent(sequence, chain.read(name) if name else None, location))
    return found


def _newest(head: SealHead) -> _Unsent:
    return _Unsent(head.sequence, head.text.encode(), head.name)


def _send(ctx: RunContext, head: SealHead, unsent: list[_Unsent]) -> None:
    """Send and confirm ``unsent`` in the time that is left. Raises ReceiverError, DeliveryUncertain."""
    sent = head.sent
    ctx.sealing.receiver_failed = True  # unless everything is confirmed
    for one in unsent:
        if ctx.budget.confirm.left() <= LEAST_SECONDS:
            ctx.warn(f"No time was left to send seal {one.sequence}. The next run sends it.")
            break
        _send_one(ctx, one)
        sent = one.sequence
    ctx.pipeline.forwarder.finish()
    ctx.sealing.receiver_failed = False
    ctx.state = replace(ctx.state, seals=replace(ctx.state.seals, head=replace(head, sent=sent).done()))


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
