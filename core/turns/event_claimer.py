"""From an open event to the turn that this process owns: a question, a command, a notice."""

from collections.abc import Sequence
from dataclasses import replace

from core.access import AccessLists, Actor, RefusalReason
from core.commands.command import Command
from core.digests.digest_request import as_question, is_digest, load_request
from core.domain.addresses import ChatType
from core.domain.bot_messages import MessageRef
from core.domain.buttons import ActionButton, ConfirmForget, DecideTools, OptionAction, RunCommand
from core.domain.command_names import CommandName
from core.domain.events import (
    BotAccessChanged,
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    UnparsedEvent,
)
from core.inbound.group_policy import claim_closed_notice
from core.store import Transaction, conversations, history, inbox, turns
from core.store.conversations import Conversation
from core.store.inbox import InboxItem
from core.store.open_work import OpenWork
from core.store.turns import Turn
from core.text.greeting import greeting_text
from core.text.quoting import plain_name
from core.turns.claim_building import ClaimableEvent, build_claimed, claim_notice, take_over
from core.turns.claimed_turn import ClaimedTurn
from core.turns.coalescing import representative
from core.turns.quota import QuotaCheck
from core.turns.tool_decisions import record_decision


class EventClaimer:
    """Claims the turns of events, within the deployment's quotas."""

    def __init__(self, access: AccessLists, quota: QuotaCheck) -> None:
        self._access = access
        self._quota = quota

    async def claim(self, tx: Transaction, work: OpenWork, items: Sequence[InboxItem]) -> ClaimedTurn | None:
        """Claim the turn of events that are one question or command; None if there is nothing to reply.

        Args:
            tx: the transaction that the claim belongs to.
            work: the queue's open work.
            items: the first of its events, which make up the turn.
        """
        item = items[0]
        if isinstance(item.event, ChannelMigrated | UnparsedEvent | MessageDeleted | ReactionChanged):
            return None
        return await self._claim_event(tx, work, items, item.event)

    async def _claim_event(
        self, tx: Transaction, work: OpenWork, items: Sequence[InboxItem], event: ClaimableEvent
    ) -> ClaimedTurn | None:
        item, rules = items[0], work.available_context.group_rules
        actor = Actor.at(work.conversation.key, event.author.id)
        if _asks_kimi(event):
            reason = await self._quota.refusal_reason(tx, actor, item, rules=rules)
            if reason is not None:
                return await self._claim_refusal(tx, work, item, event, actor, reason)
        match event:
            case MessageReceived():
                return await _claim_question(tx, work, items, event)
            case MemberJoined():
                return await _claim_welcome(tx, work, item, event)
            case BotAccessChanged():
                claimed = await claim_notice(tx, work, item, event)
                return replace(claimed, notice_text=greeting_text(event, claimed.language))
            case CommandReceived() if is_digest(event):
                return await _claim_digest(tx, work, item, event)
            case (
                CommandReceived(command=CommandName.RETRY)
                | ButtonPressed(action=ActionButton())
                | MessageEdited()
            ):
                return await _claim_retry(tx, work, item, event)
            case ButtonPressed(action=DecideTools() as decided):
                return await _claim_decision(tx, work, item, event, decided)
            case CommandReceived() | ButtonPressed():
                return await self._claim_command(tx, work, item, event)

    async def _claim_refusal(
        self,
        tx: Transaction,
        work: OpenWork,
        item: InboxItem,
        event: ClaimableEvent,
        actor: Actor,
        reason: RefusalReason,
    ) -> ClaimedTurn | None:
        """Claim a turn that tells the person of a refusal; None if they were told today."""
        if not await self._quota.should_notify(tx, actor, item):
            return None
        return replace(await claim_notice(tx, work, item, event), refusal=reason)

    async def _claim_command(
        self, tx: Transaction, work: OpenWork, item: InboxItem, event: CommandReceived | ButtonPressed
    ) -> ClaimedTurn | None:
        """Claim a command, or a pressed option; the reply to an option replaces the options."""
        conversation = work.conversation
        pressed: OptionAction | None = None
        refs: tuple[MessageRef, ...] = ()
        match event:
            case CommandReceived(command=name, argument=argument):
                pass
            case ButtonPressed(action=RunCommand(command=name, argument=argument) as pressed):
                refs = (_message_of_button(conversation, event),)
            case ButtonPressed(action=ConfirmForget() as pressed):
                name, argument = CommandName.FORGET, ""
                refs = (_message_of_button(conversation, event),)
            case ButtonPressed():
                return None
        claimed = await claim_notice(tx, work, item, event, refs=refs)
        actor = Actor.at(conversation.key, event.author.id)
        command = Command(
            name=name,
            argument=argument,
            conversation=conversation,
            author=event.author,
            chat_type=conversation.chat_type,
            language=claimed.language,
            is_admin=self._access.is_admin(actor) or conversation.chat_type is ChatType.DIRECT,
            pressed=pressed,
            quoted=event.quoted if isinstance(event, CommandReceived) else None,
            attachments=event.attachments if isinstance(event, CommandReceived) else (),
        )
        return replace(claimed, command=command)


async def _claim_question(
    tx: Transaction, work: OpenWork, items: Sequence[InboxItem], message: MessageReceived
) -> ClaimedTurn:
    """Claim a question; outside of a chat's business hours its reply is the closed text."""
    item, conversation, rules = items[0], work.conversation, work.available_context.group_rules
    closed_text = ""
    if rules is not None:
        closed_text = await claim_closed_notice(tx, conversation.key, rules, message, item.id)
    turn = await turns.claim(
        tx,
        conversation_id=conversation.id,
        inbox_id=item.id,
        seq=items[-1].id,
        asker_id=message.author.id,
        notice=bool(closed_text),
    )
    # An earlier attempt may have claimed the turn before the last of these messages came.
    message = representative([one for one in items if one.id <= turn.seq]) or message
    claimed = await build_claimed(tx, work, turn, item, question=message, event=message)
    return replace(claimed, notice_text=closed_text)


async def _claim_welcome(
    tx: Transaction, work: OpenWork, item: InboxItem, event: MemberJoined
) -> ClaimedTurn | None:
    """Claim a welcome; None if the chat no longer has one."""
    rules = work.available_context.group_rules
    if rules is None or not rules.welcome:
        return None
    claimed = await claim_notice(tx, work, item, event)
    return replace(claimed, notice_text=rules.welcome.replace("{name}", plain_name(event.author.name)))


async def _claim_retry(
    tx: Transaction,
    work: OpenWork,
    item: InboxItem,
    event: CommandReceived | ButtonPressed | MessageEdited,
) -> ClaimedTurn:
    """Claim the latest question again, to be answered in its answer's messages."""
    conversation = work.conversation
    before = await turns.get_latest(tx, conversation.id, before_inbox_id=item.id)
    asked = None if before is None else await inbox.get_event(tx, before.seq)
    question = as_question(asked) if isinstance(asked, CommandReceived) and is_digest(asked) else asked
    if before is None or not isinstance(question, MessageReceived) or _is_cleared(before, conversation):
        return await claim_notice(tx, work, item, event)
    continues = isinstance(event, ButtonPressed) and event.action is ActionButton.CONTINUE
    turn = await turns.claim(
        tx,
        conversation_id=conversation.id,
        inbox_id=item.id,
        seq=before.seq,
        asker_id=question.author.id,
        refs=before.refs,
        partial=await history.get_answer(tx, conversation.id, before.seq) if continues else "",
    )
    await take_over(tx, conversation, turn)
    claimed = await build_claimed(tx, work, turn, item, question=question, event=question)
    if not isinstance(asked, CommandReceived):
        return claimed
    rules = work.available_context.group_rules
    return replace(claimed, digest=await load_request(tx, asked, rules))


async def _claim_digest(
    tx: Transaction, work: OpenWork, item: InboxItem, event: CommandReceived
) -> ClaimedTurn:
    """Claim the question that a command for a digest is."""
    turn = await turns.claim(
        tx,
        conversation_id=work.conversation.id,
        inbox_id=item.id,
        seq=item.id,
        asker_id=event.author.id,
    )
    digest = await load_request(tx, event, work.available_context.group_rules)
    claimed = await build_claimed(tx, work, turn, item, question=as_question(event), event=event)
    return replace(claimed, digest=digest)


async def _claim_decision(
    tx: Transaction, work: OpenWork, item: InboxItem, event: ButtonPressed, decided: DecideTools
) -> ClaimedTurn | None:
    """Claim the turn that carries out a decision about tools; None if an earlier press decided.

    It takes over the message of the turn that asked, and with it the calls exactly as they were shown.
    """
    conversation = work.conversation
    turn_id = await conversations.find_turn_id(tx, event.address.key, event.message_id)
    asked = None if turn_id is None else await turns.get(tx, turn_id)
    if asked is None:
        return None
    question = await inbox.get_event(tx, asked.seq)
    if not isinstance(question, MessageReceived) or _is_cleared(asked, conversation):
        return await claim_notice(tx, work, item, event)
    approval = None
    if asked.inbox_id != item.id:  # else an earlier attempt has claimed it, and the turn knows the decision
        approval = await record_decision(tx, conversation, asked, event, decided)
        if approval is None:
            return None
    turn = await turns.claim(
        tx,
        conversation_id=conversation.id,
        inbox_id=item.id,
        seq=asked.seq,
        asker_id=question.author.id,
        refs=asked.refs,
        partial="" if approval is None else approval.text,
        approval=approval,
    )
    await take_over(tx, conversation, turn)
    return await build_claimed(tx, work, turn, item, question=question, event=question)


def _asks_kimi(event: Event) -> bool:
    match event:
        case (
            MessageReceived()
            | MessageEdited()
            | CommandReceived(command=CommandName.RETRY)
            | ButtonPressed(action=ActionButton())
        ):
            return True
        case _:
            return is_digest(event)


def _is_cleared(turn: Turn, conversation: Conversation) -> bool:
    """Return whether a question was asked before the history was cleared."""
    return turn.seq <= conversation.history_cutoff_seq


def _message_of_button(conversation: Conversation, event: ButtonPressed) -> MessageRef:
    return MessageRef(channel=conversation.key.channel, message_id=event.message_id)
