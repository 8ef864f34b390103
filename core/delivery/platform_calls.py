"""Sends the calls of an answer to its platform. Nothing is decided here, and nothing tried again."""

from collections.abc import Sequence

from core.delivery.message_operations import MessageOperation, SentMessage
from core.delivery.message_target import MessageTarget
from core.domain.bot_messages import MessageRef, PlatformAction
from core.domain.errors import PlatformRefused


async def send_operation(
    target: MessageTarget, operation: MessageOperation, message: SentMessage
) -> MessageRef | None:
    """Send an operation on one message, and return the message as it is afterwards; None if it is deleted.

    Raises:
        PlatformError: it did not take effect, or it is not known whether it did.
    """
    channel, address, rendered, ref = target.channel, target.address, operation.rendered, message.ref
    match operation.action:
        case PlatformAction.POST if rendered is not None:
            return await channel.post(
                address,
                rendered,
                mode=operation.mode,
                idempotency_key=_key(target, operation),
                buttons=operation.buttons,
                final=operation.final,
            )
        case PlatformAction.EDIT if rendered is not None and ref is not None:
            return await channel.edit(
                address,
                ref,
                rendered,
                previous=message.rendered,
                final=operation.final,
                buttons=operation.buttons,
            )
        case PlatformAction.FINALIZE_ORPHAN if ref is not None:
            return await channel.finalize_orphan(address, ref)
        case PlatformAction.DELETE if ref is not None:
            await channel.delete(address, ref)
            return None
        case _:
            raise PlatformRefused(f"{operation.action} of a message that is not there")


async def find_message(
    target: MessageTarget, operation: MessageOperation, *, shown: Sequence[MessageRef]
) -> MessageRef | None:
    """Look for a message that was posted without its reference being stored; None if there is none.

    A message that still grows is finalized, so that it can be edited. ``shown`` are the answer's other
    messages.

    Raises:
        PlatformError: the platform cannot be asked now.
    """
    found = await target.channel.find_by_key(
        target.address,
        _key(target, operation),
        after_message_id=target.question_id,
        exclude=target.known_message_ids | {ref.message_id for ref in shown},
    )
    return None if found is None else await target.channel.finalize_orphan(target.address, found)


def _key(target: MessageTarget, operation: MessageOperation) -> str:
    return f"{target.idempotency_key}:{operation.index}"
