"""From an open event to the turn that this process owns: a question, a command, a welcome."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from core.access import Actor, RefusalReason
from core.chat_policy import ChatRules
from core.chat_settings import ChatSettings
from core.commands.command import Command
from core.domain.addresses import Address, ChatType
from core.domain.bot_messages import MessageRef
from core.domain.buttons import ActionButton, ConfirmForget, OptionAction, RunCommand
from core.domain.command_names import CommandName
from core.domain.events import (
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    MemberJoined,
    MessageEdited,
    MessageReceived,
    UnparsedEvent,
)
from core.inbound.group_policy import claim_closed_notice
from core.store import Transaction, conversations, history, inbox, turns
from core.store.conversations import Conversation
from core.store.inbox import InboxItem
from core.store.open_work import AvailableContext
from core.store.turns import Turn
from core.text.language import Language, detect_language
from core.turns.coalescing import representative
from core.turns.quota import QuotaCheck

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedTurn:
    """A turn that this process owns now."""

    turn: Turn
    conversation: Conversation
    question: MessageReceived | None  #: the question; None for a command
    command: Command | None  #: the command or choice that the bot itself replies to; None for a question
    event: Event
    address: Address
    asker_id: str
    language: Language
    known_message_ids: frozenset[str]  #: ids of messages that belong to earlier turns; only after a takeover
    received_at: datetime  #: when the event was stored
    available_context: AvailableContext  #: kinds of stored data that its answer can use
    refusal: RefusalReason | None = None  #: whose budget is used up: Kimi is not asked
    notice_text: str = ""  #: what the bot itself says by the chat's rules, in Markdown: Kimi is not asked


class EventClaimer:
    """Takes the turns of events, within a deployment's budgets."""

    def __init__(self, settings: ChatSettings) -> None:
        self._access = settings.access
        self._quota = QuotaCheck(settings.access, settings.quotas)

    async def claim(
        self,
        tx: Transaction,
        conversation: Conversation,
        items: Sequence[InboxItem],
        available_context: AvailableContext,
    ) -> ClaimedTurn | None:
        """Take the turn of events that are one; None where there is nothing to answer."""
        found = available_context.group_rules
        taken = await self._claim_item(tx, conversation, items, found)
        if taken is None:
            return None
        taken = replace(taken, available_context=available_context)
        return taken if found is None else _with_chat_language(taken, found)

    async def _claim_item(
        self, tx: Transaction, conversation: Conversation, items: Sequence[InboxItem], rules: ChatRules | None
    ) -> ClaimedTurn | None:
        item = items[0]
        asks = isinstance(item.event, MessageReceived | MessageEdited) or _is_retry(item.event)
        who = _actor_of(conversation, item.event)
        if asks and (over := await self._quota.refusal_reason(tx, who, item, rules=rules)):
            return await self._claim_refusal(tx, conversation, item, over)
        match item.event:
            case MessageReceived() as said:
                return await self._claim_question(tx, conversation, items, said, rules)
            case MemberJoined() as joined:
                return await self._claim_welcome(tx, conversation, item, joined, rules)
            case (
                CommandReceived(command=CommandName.RETRY)
                | ButtonPressed(action=ActionButton())
                | MessageEdited()
            ):
                return await self._claim_retry(tx, conversation, item, item.event)
            case CommandReceived() | ButtonPressed():
                return await self._claim_command(tx, conversation, item, item.event)
            case _:
                return None

    async def _claim_question(
        self,
        tx: Transaction,
        conversation: Conversation,
        items: Sequence[InboxItem],
        message: MessageReceived,
        rules: ChatRules | None,
    ) -> ClaimedTurn:
        item = items[0]
        own = (
            "" if rules is None else await claim_closed_notice(tx, conversation.key, rules, message, item.id)
        )
        turn = await turns.claim(
            tx,
            conversation_id=conversation.id,
            inbox_id=item.id,
            seq=items[-1].id,
            asker_id=message.author.id,
            notice=bool(own),
        )
        message = representative([one for one in items if one.id <= turn.seq]) or message
        return replace(
            await self._build_claimed(tx, turn, conversation, item, question=message, event=message),
            notice_text=own,
        )

    async def _claim_welcome(
        self,
        tx: Transaction,
        conversation: Conversation,
        item: InboxItem,
        event: MemberJoined,
        rules: ChatRules | None,
    ) -> ClaimedTurn | None:
        """Take a welcome; None where the chat no longer wants one."""
        if rules is None or not rules.welcome:
            return None
        taken = await self._claim_notice(tx, conversation, item, event)
        return replace(taken, notice_text=rules.welcome.replace("{name}", event.author.name))

    async def _claim_refusal(
        self, tx: Transaction, conversation: Conversation, item: InboxItem, reason: RefusalReason
    ) -> ClaimedTurn | None:
        """Take a question whose person may not ask now; None where that was told today."""
        event = item.event
        if not isinstance(event, MessageReceived | MessageEdited | CommandReceived | ButtonPressed):
            return None
        if not await self._quota.should_notify(tx, _actor_of(conversation, event), item):
            return None
        return replace(await self._claim_notice(tx, conversation, item, event), refusal=reason)

    async def _claim_command(
        self,
        tx: Transaction,
        conversation: Conversation,
        item: InboxItem,
        event: CommandReceived | ButtonPressed,
    ) -> ClaimedTurn | None:
        """Take a command, or a choice: its reply takes the place of the choices."""
        match event:
            case CommandReceived(command=command, argument=argument):
                pressed: OptionAction | None = None
                refs: tuple[MessageRef, ...] = ()
            case ButtonPressed(action=RunCommand(command=command, argument=argument) as pressed):
                refs = (_pressed_message(conversation, event),)
            case ButtonPressed(action=ConfirmForget() as pressed):
                command, argument = CommandName.FORGET, ""
                refs = (_pressed_message(conversation, event),)
            case ButtonPressed():
                return None
        taken = await self._claim_notice(tx, conversation, item, event, refs=refs)
        admin = self._access.is_admin(_actor_of(conversation, event))
        order = Command(
            name=command,
            argument=argument,
            conversation=conversation,
            author=event.author,
            chat_type=conversation.chat_type,
            language=taken.language,
            is_admin=admin or conversation.chat_type is ChatType.DIRECT,
            pressed=pressed,
            quoted=event.quoted if isinstance(event, CommandReceived) else None,
            attachments=event.attachments if isinstance(event, CommandReceived) else (),
        )
        return replace(taken, command=order)

    async def _claim_retry(
        self,
        tx: Transaction,
        conversation: Conversation,
        item: InboxItem,
        event: CommandReceived | ButtonPressed | MessageEdited,
    ) -> ClaimedTurn:
        """Take the earlier turn's question once more, to be shown in the earlier turn's messages."""
        before = await turns.get_latest(tx, conversation.id, before_inbox_id=item.id)
        said = None if before is None else await inbox.get_event(tx, before.seq)
        if (
            before is None
            or not isinstance(said, MessageReceived)
            or before.seq <= conversation.history_cutoff_seq
        ):
            before, said = None, None
        goes_on = (
            isinstance(event, ButtonPressed) and event.action is ActionButton.CONTINUE and before is not None
        )
        turn = await turns.claim(
            tx,
            conversation_id=conversation.id,
            inbox_id=item.id,
            seq=before.seq if before is not None else item.id,
            asker_id=said.author.id if said is not None else event.author.id,
            refs=before.refs if before is not None else (),
            partial=await history.get_answer(tx, conversation.id, before.seq) if goes_on and before else "",
            notice=before is None,
        )
        return await self._build_claimed(tx, turn, conversation, item, question=said, event=said or event)

    async def _claim_notice(
        self,
        tx: Transaction,
        conversation: Conversation,
        item: InboxItem,
        event: MessageReceived | CommandReceived | ButtonPressed | MessageEdited | MemberJoined,
        *,
        refs: Sequence[MessageRef] = (),
    ) -> ClaimedTurn:
        """Take the turn of an event to which the bot itself says something; Kimi is not asked."""
        turn = await turns.claim(
            tx,
            conversation_id=conversation.id,
            inbox_id=item.id,
            seq=item.id,
            asker_id=event.author.id,
            refs=refs,
            notice=True,
        )
        return await self._build_claimed(tx, turn, conversation, item, question=None, event=event)

    async def _build_claimed(
        self,
        tx: Transaction,
        turn: Turn,
        conversation: Conversation,
        item: InboxItem,
        *,
        question: MessageReceived | None,
        event: MessageReceived | CommandReceived | ButtonPressed | MessageEdited | MemberJoined,
    ) -> ClaimedTurn:
        known: frozenset[str] = frozenset()
        if turn.attempt > 1:
            own = {ref.message_id for ref in turn.refs}
            known = await conversations.load_message_ids(tx, conversation.id) - own
        text = event.text if isinstance(event, MessageReceived) else ""
        if not text:
            lines = await history.load_recent(tx, conversation.id, after_seq=-1, up_to_seq=item.id, limit=2)
            text = " ".join(line.text for line in lines)
        return ClaimedTurn(
            turn=turn,
            conversation=conversation,
            question=question,
            command=None,
            event=item.event,
            address=event.address,
            asker_id=event.author.id,
            language=detect_language(text, event.author.language),
            known_message_ids=known,
            received_at=item.received_at,
            available_context=AvailableContext.unknown(conversation.chat_type),
        )


def _pressed_message(conversation: Conversation, event: ButtonPressed) -> MessageRef:
    return MessageRef(channel=conversation.key.channel, message_id=event.message_id)


def _is_retry(event: Event) -> bool:
    match event:
        case CommandReceived(command=CommandName.RETRY) | ButtonPressed(action=ActionButton()):
            return True
        case _:
            return False


def _actor_of(conversation: Conversation, event: Event) -> Actor:
    key = conversation.key
    person_id = "" if isinstance(event, ChannelMigrated | UnparsedEvent) else event.author.id
    return Actor.at(key, person_id)


def _with_chat_language(claimed: ClaimedTurn, rules: ChatRules) -> ClaimedTurn:
    """Return a turn in whose notices the chat's own language is spoken, where it has one."""
    if not rules.language:
        return claimed
    language = detect_language("", rules.language)
    order = claimed.command and replace(claimed.command, language=language)
    return replace(claimed, language=language, command=order)
