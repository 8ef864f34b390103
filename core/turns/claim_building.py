"""Builds claimed turns, for the claims of all kinds of events."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from core.access import Actor
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.events import (
    BotAccessChanged,
    ButtonPressed,
    CommandReceived,
    MemberJoined,
    MessageEdited,
    MessageReceived,
)
from core.store import Transaction, conversations, person_settings, turns
from core.store.conversations import Conversation
from core.store.inbox import InboxItem
from core.store.open_work import OpenWork
from core.store.turns import Turn
from core.text.language import Language
from core.turns.claimed_turn import ClaimedTurn

ClaimableEvent: TypeAlias = (
    MessageReceived | CommandReceived | ButtonPressed | MessageEdited | MemberJoined | BotAccessChanged
)
"""An event that the bot replies to."""


async def claim_notice(
    tx: Transaction,
    work: OpenWork,
    item: InboxItem,
    event: ClaimableEvent,
    *,
    refs: Sequence[MessageRef] = (),
) -> ClaimedTurn:
    """Claim the turn of an event to which the bot itself replies."""
    turn = await turns.claim(
        tx,
        conversation_id=work.conversation.id,
        inbox_id=item.id,
        seq=item.id,
        asker_id=event.author.id,
        refs=refs,
        notice=True,
    )
    await take_over(tx, work.conversation, turn)
    return await build_claimed(tx, work, turn, item, question=None, event=event)


async def build_claimed(
    tx: Transaction,
    work: OpenWork,
    turn: Turn,
    item: InboxItem,
    *,
    question: MessageReceived | None,
    event: ClaimableEvent,
) -> ClaimedTurn:
    """Return a claimed turn that replies to ``event``."""
    conversation = work.conversation
    known: frozenset[str] = frozenset()
    if turn.attempt > 1:
        own = {ref.message_id for ref in turn.refs}
        known = await conversations.load_message_ids(tx, conversation.id) - own
    rules, actor = work.available_context.group_rules, Actor.at(conversation.key, event.author.id)
    person = await person_settings.load_language(tx, actor, conversation.id)
    language = person.resolve(client=event.author.language, chat="" if rules is None else rules.language)
    return ClaimedTurn(
        turn=turn,
        conversation=conversation,
        question=question,
        event=item.event,
        address=_in_language(event.address, language),
        asker_id=event.author.id,
        language=language,
        known_message_ids=known,
        received_at=item.received_at,
        available_context=work.available_context,
    )


async def take_over(tx: Transaction, conversation: Conversation, turn: Turn) -> None:
    """Record that the messages of an earlier reply, which a turn replaces, are this turn's now."""
    if turn.refs and turn.attempt == 1:
        message_ids = [ref.message_id for ref in turn.refs]
        await conversations.set_turn(tx, conversation.key, message_ids, turn.id)


def _in_language(address: Address, language: Language) -> Address:
    """Return an address for labels and signs of life in a person's language, not in the client's."""
    return replace(address, details={**address.details, "language": language})
