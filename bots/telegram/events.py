"""Parses Telegram's updates into the domain's events. Pure: no I/O, no clock.

Delivery ids are natural keys instead of update ids, which restart at a random number after an idle week
(https://core.telegram.org/bots/api#update).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from telegram import CallbackQuery, Chat, Message, Update

from bots.telegram.addressing import address_of, chat_type_of, thread_of, threads_by_reply
from bots.telegram.attachments import attachments_of
from bots.telegram.incoming_markdown import leading_command
from bots.telegram.lifecycle_events import (
    parse_edit,
    parse_join_message,
    parse_member_update,
    parse_migration,
    parse_own_member_update,
    parse_reaction,
    parse_topic_reopened,
)
from bots.telegram.messages import (
    MessageText,
    build_message,
    has_content,
    mention_of,
    mentioned_people,
    parse_text,
)
from bots.telegram.people import BotIdentity, person_of
from bots.telegram.reply_context import parse_reply_context, replied_message
from core.domain.addresses import Person
from core.domain.buttons import parse_button_data
from core.domain.command_names import CommandName
from core.domain.events import ButtonPressed, CommandReceived, Event, Mention
from core.domain.message_content import Attachment

STOP_UPDATE = "stopped_message_generation"
"""A person pressed Stop below a draft (Bot API 10.3); unknown to python-telegram-bot 22.8."""

#: Requested explicitly: without a list the server uses that of the last call.
ALLOWED_UPDATES = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
    "chat_member",
    "message_reaction",
    STOP_UPDATE,
)


def parse_events(update: Update, identity: BotIdentity, *, received_at: datetime) -> Sequence[Event]:
    """Return the events in ``update``; several if several people joined a chat at once."""
    if update.message is not None and update.message.new_chat_members:
        return parse_join_message(update.message, identity)
    event = parse_event(update, identity, received_at=received_at)
    return [] if event is None else [event]


def parse_event(update: Update, identity: BotIdentity, *, received_at: datetime) -> Event | None:
    """Return the event in ``update``; None if it is not for the bot.

    ``received_at`` is the time of a pressed button, for which Telegram gives none.
    """
    if update.message is not None:
        return _parse_message(update.message, identity)
    if update.edited_message is not None:
        return parse_edit(update.edited_message, identity)
    if update.callback_query is not None:
        return _parse_button_press(update.callback_query, identity, received_at)
    if update.message_reaction is not None:
        return parse_reaction(update.message_reaction, identity)
    if update.chat_member is not None:
        return parse_member_update(update.chat_member, identity)
    if update.my_chat_member is not None:
        return parse_own_member_update(update.my_chat_member, identity)
    if STOP_UPDATE in update.api_kwargs:
        return _parse_stop(update.api_kwargs[STOP_UPDATE], identity, received_at)
    return None


def _parse_message(message: Message, identity: BotIdentity) -> Event | None:
    if message.migrate_to_chat_id or message.migrate_from_chat_id:
        return parse_migration(message, identity)
    author = person_of(message.from_user, message.sender_chat, message.author_signature)
    if author is not None and message.forum_topic_reopened is not None:
        return parse_topic_reopened(message, identity, author)
    if author is None or message.chat.type == Chat.CHANNEL or not has_content(message):
        return None  # another bot, or a service message
    text = parse_text(message, identity)
    mention = mention_of(message, text, identity)
    if message.is_automatic_forward and mention is not Mention.BY_NAME:
        return None  # the linked channel's post in its discussion group
    leading = None if message.forward_origin else leading_command(message)
    named = text.mentions_bot and message.forward_origin is None
    if (leading or named) and (command := _parse_command(message, text, author, identity)):
        return command
    if leading and not _is_plain_message(leading, mention, identity):
        return None
    return build_message(message, text, mention, author, identity)


def _parse_command(
    message: Message, text: MessageText, author: Person, identity: BotIdentity
) -> CommandReceived | None:
    """Return the command in ``message``, written ``/new``, ``/new@bot`` or ``@bot /new``; None if none."""
    found = re.match(r"/(\w+)(@\w+)?[.!?。！？…]*(?:\s+(.*))?$", text.markdown, re.DOTALL)
    if found is None or found[2] or found[1].lower() not in set(CommandName):
        return None  # a name that was not removed is another bot's
    return CommandReceived(
        delivery_id=f"msg:{message.chat.id}:{message.message_id}",
        message_id=str(message.message_id),
        address=address_of(message.chat, identity, thread_of(message), author, reply_to=message.message_id),
        author=author,
        command=CommandName(found[1].lower()),
        argument=(found[3] or "").strip(),
        sent_at=message.date,
        chat_type=chat_type_of(message.chat),
        quoted=parse_reply_context(message, identity),
        threads_by_reply=threads_by_reply(message.chat),
        attachments=attachments_of(message) or _replied_attachments(message),
        mentioned=mentioned_people(message, identity),
    )


def _replied_attachments(message: Message) -> tuple[Attachment, ...]:
    replied = replied_message(message)
    return attachments_of(replied) if isinstance(replied, Message) else ()


def _parse_button_press(
    query: CallbackQuery, identity: BotIdentity, received_at: datetime
) -> ButtonPressed | None:
    author = person_of(query.from_user, None, None)
    pressed = parse_button_data(query.data or "")
    if author is None or query.message is None or pressed is None:
        return None
    message, chat = query.message, query.message.chat
    # The question is known only if the answer replies to it; core looks the answer up.
    question = message.reply_to_message if isinstance(message, Message) else None
    reply_to = question.message_id if question else message.message_id
    thread = thread_of(message) if isinstance(message, Message) else ""
    if threads_by_reply(chat):
        thread = str(reply_to)
    return ButtonPressed(
        delivery_id=f"press:{query.id}",
        message_id=str(message.message_id),
        address=address_of(chat, identity, thread, author, reply_to=reply_to),
        author=author,
        action=pressed,
        sent_at=received_at,
        chat_type=chat_type_of(chat),
    )


def _parse_stop(update: Mapping[str, Any], identity: BotIdentity, received_at: datetime) -> CommandReceived:
    """Return the command of Stop below a draft; drafts are shown in private chats only.

    ``draft_id`` may be a number or a string, because servers may write 64-bit numbers as strings.
    """
    chat = Chat.de_json(update["chat"], None)
    topic = update.get("message_thread_id")
    person = Person(id=str(chat.id), name=chat.effective_name or "")
    return CommandReceived(
        delivery_id=f"stopped:{chat.id}:{int(update['draft_id'])}",
        message_id="",
        address=address_of(chat, identity, str(topic) if topic else "", person, reply_to=0),
        author=person,
        command=CommandName.STOP,
        argument="",
        sent_at=received_at,
        chat_type=chat_type_of(chat),
    )


def _is_plain_message(command: tuple[str, str], mention: Mention, identity: BotIdentity) -> bool:
    """Return whether an unknown command is treated as a message; in groups it must mention the bot."""
    _, bot = command
    for_us = bot in ("", identity.username.casefold()) and mention is not Mention.NONE
    return mention is Mention.DIRECT or for_us
