"""Intake of what apps and workflows write: context for people's questions, or a question."""

from datetime import timedelta
from typing import Final

import structlog

from core.access import Actor
from core.domain.events import Mention, MessageReceived
from core.domain.message_content import MessageRole
from core.store import Transaction, history, turns
from core.store.clock import utc_now
from core.store.event_context import EventContext
from core.store.summaries import MAX_SEQ

log = structlog.get_logger(__name__)

MAX_ANSWERS_IN_ROW: Final = 3  #: to apps in one conversation, until a person writes there
MAX_ANSWERS_PER_HOUR: Final = 20  #: to one app, in all channels
MAX_EXAMINED: Final = 30  #: newest messages of a conversation


async def is_question_of_app(tx: Transaction, event: MessageReceived, context: EventContext) -> bool:
    """Return whether an app's message is answered: it may ask here, and it asks not too often.

    Two bots that mention each other would go on for ever: in one thread, or each time in a new one.
    """
    if event.mention is Mention.NONE:
        return False
    conversation = context.replied_conversation or context.conversation
    if conversation is not None and await _answers_in_row(tx, conversation.id) >= MAX_ANSWERS_IN_ROW:
        log.warning("event.app_not_answered", reason="in_row", conversation=conversation.id)
        return False
    asked = await turns.count_since(tx, Actor.of(event), utc_now() - timedelta(hours=1))
    if asked >= MAX_ANSWERS_PER_HOUR:
        log.warning("event.app_not_answered", reason="per_hour", platform=event.address.key.platform)
        return False
    return True


async def _answers_in_row(tx: Transaction, conversation_id: int) -> int:
    """Return the number of answers since a person wrote in a conversation."""
    newest = await history.load_recent(
        tx, conversation_id, after_seq=-1, up_to_seq=MAX_SEQ, limit=MAX_EXAMINED
    )
    answers = 0
    for message in reversed(newest):
        if message.role is MessageRole.USER and message.author_id:
            break
        answers += message.role is MessageRole.ASSISTANT
    return answers
