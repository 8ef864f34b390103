"""Forwarded messages and the comment that a person sent with them.

Clients send the comment first and the forwarded messages right after it, each as a message of its own. If
they do not arrive in one delivery, the comment is being answered when the first of them comes.
"""

from datetime import timedelta
from typing import Final

from core.domain.events import MessageReceived
from core.store import Transaction, inbox, turns
from core.store.conversations import Conversation
from core.store.turns import Turn

FORWARD_MAX_GAP: Final = timedelta(seconds=2)  #: between a comment and the messages that it forwards


async def find_turn_of_comment(
    tx: Transaction, conversation: Conversation, forward: MessageReceived
) -> Turn | None:
    """Return the latest turn if its question is the comment on ``forward``; None otherwise."""
    if forward.forwarded_from is None:
        return None
    latest = await turns.get_latest(tx, conversation.id)
    question = None if latest is None else await inbox.get_event(tx, latest.seq)
    if not isinstance(question, MessageReceived) or question.author.id != forward.author.id:
        return None
    is_comment = question.forwarded_from is None and forward.sent_at - question.sent_at <= FORWARD_MAX_GAP
    return latest if is_comment else None
