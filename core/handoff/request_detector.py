"""Detection of messages that request a person: by their words, or by a keyword of the chat's rules."""

from dataclasses import replace

from core.access import Actor
from core.chat_policy import ChatRules
from core.domain.events import Mention, MessageReceived
from core.domain.handoff_state import HandoffReason
from core.handoff.customer_relay import relay_files_of_request
from core.handoff.handoff_service import HandoffRequest, HandoffService
from core.handoff.intake import enqueued, store_event
from core.handoff.lookup import is_follow_up
from core.handoff.request_phrases import asks_for_human
from core.inbound.handler import Handled
from core.inbound.history_writer import append_to_history
from core.store import Transaction, conversations, person_settings
from core.store.conversations import Conversation
from core.text.language import Language


class RequestDetector:
    """Starts handoffs for messages that request a person."""

    def __init__(self, service: HandoffService) -> None:
        self._service = service

    async def handle(
        self,
        tx: Transaction,
        event: MessageReceived,
        conversation: Conversation | None,
        rules: ChatRules | None,
    ) -> Handled | None:
        """Start a handoff if a message requests a person and the chat has a desk; None otherwise."""
        reason = await _reason_of(tx, event, conversation, rules)
        if reason is None:
            return None
        key = event.address.key
        language = await _language_of(tx, event, conversation)
        policy = await self._service.load_policy(tx, event.address, language)
        if not policy.has_desk_for(key):
            return None
        by_keyword = reason is HandoffReason.KEYWORD
        if by_keyword and await self._service.policies.is_staff(tx, Actor.of(event)):
            return None  # staff uses the keywords when it talks about customers
        if conversation is None and event.threads_by_reply:
            conversation = await conversations.find_latest_in_channel(tx, key, event.author.id)
        conversation = conversation or await conversations.get_or_create(tx, key, event.chat_type)
        inbox_id = await store_event(tx, event, conversation.id)
        await append_to_history(tx, event, conversation, inbox_id)
        request = HandoffRequest(
            reason=reason, customer=event.author, language=language, address=event.address
        )
        result = await self._service.request_handoff(tx, conversation, request, inbox_id=inbox_id)
        if result is not None:
            await relay_files_of_request(tx, result.handoff, event, inbox_id)
        return enqueued(conversation.id, result)


async def _language_of(
    tx: Transaction, event: MessageReceived, conversation: Conversation | None
) -> Language:
    """Return the language of the bot's own texts to a message's author; the message counts too."""
    known = await person_settings.load_language(
        tx, Actor.of(event), -1 if conversation is None else conversation.id
    )
    return replace(known, texts=[event.text, *known.texts]).resolve(client=event.author.language)


async def _reason_of(
    tx: Transaction,
    event: MessageReceived,
    conversation: Conversation | None,
    rules: ChatRules | None,
) -> HandoffReason | None:
    """Return why a message requests a person; None if it does not."""
    if not asks_for_human(event.text):
        by_keyword = rules is not None and rules.requests_handoff(event.text)
        return HandoffReason.KEYWORD if by_keyword else None
    if event.mention is Mention.NONE and not await is_follow_up(tx, conversation, event):
        return None  # people in a group talk to each other
    return HandoffReason.PHRASE
