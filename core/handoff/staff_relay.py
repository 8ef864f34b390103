"""Relay of staff messages to the customer.

What is not for the customer (internal notes, words to the bot, commands) is never copied. An album is one
message: a note on any of its parts keeps all of it within the team, also if other parts came before.
"""

from collections.abc import Iterable, Mapping
from typing import assert_never

from core.domain.addresses import Person
from core.domain.command_names import CommandName
from core.domain.events import MessageReceived
from core.domain.handoff_state import HandoffAction, HandoffState, OutboxKind, OutboxSide
from core.domain.message_content import MessageContent, MessageRole, UnsupportedContent
from core.domain.queue import Lane
from core.handoff import texts_for_staff
from core.handoff.assignment import assign_to_colleague
from core.handoff.command_handler import STAFF_COMMANDS
from core.handoff.copies import enqueue_copies, files_of, lost_content, withdraw_copies, words_needed
from core.handoff.handoff_service import HandoffService
from core.handoff.intake import enqueued, store_event
from core.handoff.languages import ticket_language
from core.handoff.outbox_writer import enqueue, notify_desk
from core.handoff.policy import HandoffPolicy
from core.handoff.reply_links import find_reply_link
from core.handoff.staff_text import (
    ForCustomer,
    InternalNote,
    QuestionForBot,
    StaffCommandText,
    StaffText,
    has_note_mark,
    read_staff_album,
    read_staff_text,
)
from core.handoff.texts_for_customers import prefix_author
from core.inbound.handler import Handled
from core.store import Transaction, handoffs, history, inbox, outbox_copies
from core.store.handoffs import Handoff
from core.store.history import HistoryMessage
from core.store.outbox import OutboxContent


class StaffRelay:
    """Handles staff messages at the desk."""

    def __init__(self, service: HandoffService) -> None:
        self._service = service

    async def handle(self, tx: Transaction, handoff: Handoff, event: MessageReceived) -> Handled:
        """Store a message in a ticket's thread; relay it, or answer it within the team."""
        policy = await self._service.policy_of(tx, handoff)
        siblings = await _load_siblings(tx, event)
        captions = [*siblings.values(), event]
        read = (
            read_staff_album([one.text for one in captions], mention=event.mention, mode=policy.send_mode)
            if event.media_group_id
            else read_staff_text(event.text, mention=event.mention, mode=policy.send_mode)
        )
        if any(has_note_mark(other.text) for other in event.other):
            read = InternalNote(in_doubt=True)  # a poll or card of the team's own
        lane = Lane.AI_ASSIST if isinstance(read, QuestionForBot) and event.text.strip() else Lane.HANDOFF
        inbox_id = await store_event(tx, event, handoff.conversation_id, lane=lane)
        if isinstance(read, ForCustomer):
            for seq, sibling in (await _without_copies(tx, siblings)).items():
                await self._relay(tx, handoff, sibling, "", seq, inbox_id, policy)
            text = read.text if event.text.strip() else ""
            await self._relay(tx, handoff, event, text, inbox_id, inbox_id, policy)
            return enqueued(handoff.conversation_id)
        await _withdraw_siblings(tx, handoff, siblings.values(), inbox_id)
        await self._keep_within_team(tx, handoff, event, read, inbox_id)
        return enqueued(handoff.conversation_id, lane=lane)

    async def _keep_within_team(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived, read: StaffText, inbox_id: int
    ) -> None:
        language = ticket_language(handoff)
        match read:
            case InternalNote(in_doubt=in_doubt):
                if in_doubt:
                    await notify_desk(tx, handoff, inbox_id, texts_for_staff.kept_as_note_text(language))
            case QuestionForBot(text=""):
                await notify_desk(tx, handoff, inbox_id, texts_for_staff.desk_help_text(language))
            case QuestionForBot(text=question):
                content = OutboxContent(text=question)
                await enqueue(tx, handoff, inbox_id, OutboxKind.QUESTION, OutboxSide.DESK, content)
            case StaffCommandText(name=CommandName.ASSIGN, argument=argument):
                await assign_to_colleague(tx, self._service, handoff, event, argument, inbox_id=inbox_id)
            case StaffCommandText(name=name):
                action = STAFF_COMMANDS.get(CommandName(name)) if name in set(CommandName) else None
                if action is not None:
                    await self._service.apply_action(tx, handoff, action, event.author, inbox_id=inbox_id)
                else:
                    text = texts_for_staff.unknown_command_text(language, name)
                    await notify_desk(tx, handoff, inbox_id, text)
            case ForCustomer():
                raise ValueError("the message is for the customer")
            case _:
                assert_never(read)

    async def _relay(
        self,
        tx: Transaction,
        handoff: Handoff,
        event: MessageReceived,
        text: str,
        seq: int,
        inbox_id: int,
        policy: HandoffPolicy,
    ) -> None:
        """Copy a message to the customer; its author becomes the assignee.

        Args:
            tx: the transaction of the event ``inbox_id``.
            handoff: of the thread.
            event: the message.
            text: what the customer reads of it.
            seq: the message's own inbox id.
            inbox_id: the event whose queue sends the copies.
            policy: of the customer's chat.
        """
        language = ticket_language(handoff)
        lost = lost_content(event, handoff, OutboxSide.CUSTOMER)
        if not (text or files_of(event) or event.other):
            what = lost or UnsupportedContent.EMPTY
            await notify_desk(tx, handoff, inbox_id, texts_for_staff.staff_content_text(language, what))
            return
        if handoff.ended_at is not None:
            await notify_desk(tx, handoff, inbox_id, texts_for_staff.handoff_ended_text(language))
            return
        content = MessageContent(text=text, attachments=event.attachments, other=event.other)
        await self._append_answer(tx, handoff, event.author, content, seq, event.message_id)
        other = words_needed(event, handoff, OutboxSide.CUSTOMER)
        words = "\n\n".join(filter(None, (text, *(one.text for one in other))))
        copy = format_staff_text(policy, event.author, words)
        link = await find_reply_link(tx, handoff, event, OutboxSide.CUSTOMER)
        await enqueue_copies(tx, handoff, event, inbox_id, OutboxSide.CUSTOMER, copy, link=link)
        await self._reply(tx, handoff, event.author, inbox_id, policy)
        if lost is not None:
            await notify_desk(tx, handoff, inbox_id, texts_for_staff.staff_content_text(language, lost))

    async def record_in_shared_room(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int
    ) -> None:
        """Record a staff message that the customer reads in the same room."""
        await self._record_answer(tx, handoff, await self._service.policy_of(tx, handoff))
        content = MessageContent(text=event.text.strip(), attachments=event.attachments)
        await self._append_answer(tx, handoff, event.author, content, inbox_id, event.message_id)

    async def send_draft(
        self, tx: Transaction, handoff: Handoff, author: Person, draft: str, inbox_id: int
    ) -> bool:
        """Send a drafted text to the customer in a staff member's name; False if the handoff has ended."""
        if handoff.ended_at is not None:
            text = texts_for_staff.handoff_ended_text(ticket_language(handoff))
            await notify_desk(tx, handoff, inbox_id, text)
            return False
        policy = await self._service.policy_of(tx, handoff)
        await self._append_answer(tx, handoff, author, MessageContent(text=draft), inbox_id)
        content = OutboxContent(text=format_staff_text(policy, author, draft))
        await enqueue(tx, handoff, inbox_id, OutboxKind.TEXT, OutboxSide.CUSTOMER, content)
        await self._reply(tx, handoff, author, inbox_id, policy)
        return True

    async def _reply(
        self, tx: Transaction, handoff: Handoff, author: Person, inbox_id: int, policy: HandoffPolicy
    ) -> None:
        result = await self._service.apply_action(tx, handoff, HandoffAction.REPLY, author, inbox_id=inbox_id)
        if result is not None:
            await self._record_answer(tx, result.handoff, policy)

    async def _record_answer(self, tx: Transaction, handoff: Handoff, policy: HandoffPolicy) -> None:
        due_at = self._service.due_at(HandoffState.STAFF, policy, customer_waits=False)
        await handoffs.record_staff_message(tx, handoff, now=self._service.now(), due_at=due_at)

    async def _append_answer(
        self,
        tx: Transaction,
        handoff: Handoff,
        author: Person,
        content: MessageContent,
        seq: int,
        message_id: str = "",
    ) -> None:
        """Append a staff member's message to the history as an answer, so that Kimi reads it later."""
        if content.is_blank:
            return
        message = HistoryMessage(
            seq=seq,
            role=MessageRole.ASSISTANT,
            content=content,
            author_id=author.id,
            author=author.name,
        )
        await history.append(tx, message, conversation_id=handoff.conversation_id, message_id=message_id)


def format_staff_text(policy: HandoffPolicy, author: Person, text: str) -> str:
    """Return a staff member's text as the customer sees it, with the name if the policy shows names."""
    show_name = policy.show_staff_names and author.name and text
    return prefix_author(author.name, text) if show_name else text


async def _load_siblings(tx: Transaction, event: MessageReceived) -> Mapping[int, MessageReceived]:
    """Return the earlier messages of an event's album by their inbox ids."""
    stored = await inbox.load_media_group(tx, event)
    return {one.id: one.event for one in stored if isinstance(one.event, MessageReceived)}


async def _without_copies(
    tx: Transaction, siblings: Mapping[int, MessageReceived]
) -> Mapping[int, MessageReceived]:
    """Return the messages that were kept within the team until a later part of their album was marked."""
    return {
        seq: one
        for seq, one in siblings.items()
        if not await outbox_copies.load_copies(tx, one.address.key, one.message_id)
    }


async def _withdraw_siblings(
    tx: Transaction, handoff: Handoff, siblings: Iterable[MessageReceived], inbox_id: int
) -> None:
    for sibling in siblings:
        copies = await outbox_copies.load_copies(tx, sibling.address.key, sibling.message_id)
        await withdraw_copies(tx, handoff, copies, inbox_id)
        await history.remove_message(tx, handoff.conversation_id, sibling.message_id)
