"""Intake of deletions: a deleted message is no longer history, and a deleted question is not answered."""

from typing import Final

from core.domain.events import MessageDeleted
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import CancelReason, TurnState
from core.inbound.handler import IGNORED, Handled
from core.store import Transaction, conversations, files, history, inbox, turns

MAX_OPEN: Final = 100  #: open questions of a conversation that are looked at


async def intake_deletion(tx: Transaction, event: MessageDeleted) -> Handled:
    """Remove a deleted message from the history, the summaries and the files; end the answer to it.

    An answer that is to several messages goes on with those that are left.

    Raises:
        DuplicateEvent: it was stored before.
    """
    conversation = await conversations.find_by_message(tx, event.address.key, event.message_id)
    if conversation is None:
        return IGNORED
    line = await history.get_user_message(tx, conversation.id, event.message_id)
    if line is None:
        return IGNORED
    await inbox.add(tx, event, conversation_id=conversation.id, lane=Lane.TURNS, status=EventStatus.RECORDED)
    await history.remove_message(tx, conversation.id, event.message_id)
    await files.remove_of_message(tx, conversation.id, line.seq)
    queue_key = QueueKey(conversation.id, Lane.TURNS)
    waiting = [item.id for item in await inbox.load_open_items(tx, queue_key, limit=MAX_OPEN)]
    if line.seq not in waiting:
        return Handled()
    turn = await turns.get_latest(tx, conversation.id)
    if turn is None or not turn.first_seq <= line.seq <= max(turn.inbox_id, turn.seq):
        await inbox.set_status(tx, [line.seq], EventStatus.DROPPED)
        return Handled()
    merged = [seq for seq in waiting if turn.first_seq <= seq <= max(turn.inbox_id, turn.seq)]
    if merged != [line.seq] or turn.state is not TurnState.RUNNING:
        return Handled()
    await turns.request_cancel(tx, conversation.id, CancelReason.INTERRUPT)
    return Handled(queue_key=queue_key, cancel_reason=CancelReason.INTERRUPT)
