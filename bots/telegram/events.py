"""Telegram's updates, told in the words of :mod:`core.domain.events`. Pure: no calls, no clock.

Delivery ids are natural keys, not update ids: those restart at random after an idle week.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from telegram import CallbackQuery, Chat, Message, Update

from bots.telegram import controls
from bots.telegram.attachments import album_of, attachments_of
from bots.telegram.changes import Words, edited, joined_by_change, joined_by_notice, moved, words_of
from bots.telegram.people import Me, person_of
from bots.telegram.places import address_of, follows_replies, scene_of, thread_of
from bots.telegram.reading import quoted_in, replied_to, rich_words
from bots.telegram.text import raw_words, slash, unreadable
from core.domain.events import (
    Addressed,
    Attachment,
    Choice,
    CommandName,
    Control,
    Event,
    Ordered,
    Person,
    Pressed,
    Said,
    Unreadable,
)

STOPPED = "stopped_message_generation"
"""A person pressed Stop under a draft (Bot API 10.3); python-telegram-bot 22.8 does not know it."""

#: Asked for explicitly: without a list the server goes on with that of the last call.
ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member", "chat_member", STOPPED)

#: Characters from which on a client may have cut a text: at 4096, or at a good border in the second
#: half of that (Telegram Desktop: ``TextUtilities::CutPart``).
CUT_FROM = 2048


def events_of(update: Update, me: Me, *, received_at: datetime) -> Sequence[Event]:
    """Return all that ``update`` means to us: one thing, or everybody who came into a chat at once."""
    if update.message is not None and update.message.new_chat_members:
        return joined_by_notice(update.message, me)
    event = event_of(update, me, received_at=received_at)
    return [] if event is None else [event]


def event_of(update: Update, me: Me, *, received_at: datetime) -> Event | None:
    """Return what ``update`` means to us; None where it does not concern us.

    ``received_at`` dates a pressed button, which Telegram gives no time.
    """
    if update.message is not None:
        return _from_message(update.message, me)
    if update.edited_message is not None:
        return edited(update.edited_message, me)
    if update.callback_query is not None:
        return _from_press(update.callback_query, me, received_at)
    if update.chat_member is not None:
        return joined_by_change(update.chat_member, me)
    if STOPPED in update.api_kwargs:
        return _from_stop(update.api_kwargs[STOPPED], me, received_at)
    return None


def _from_message(message: Message, me: Me) -> Event | None:
    if message.migrate_to_chat_id or message.migrate_from_chat_id:
        return moved(message, me)
    author = person_of(message.from_user, message.sender_chat, message.author_signature)
    rich, attachments = rich_words(message), attachments_of(message)
    strange = None if rich else unreadable(message)
    if author is None or message.chat.type == Chat.CHANNEL:
        return None
    if not (raw_words(message) or rich or strange or attachments):
        return None  # another bot, or a service message
    words = words_of(message, me)
    addressed = _addressed(message, words, me)
    if message.is_automatic_forward and addressed is not Addressed.MENTION:
        return None  # the linked channel's post in its discussion group
    order = slash(message)
    if (order or words.names_us) and (command := _ordered(message, words, author, me)):
        return command
    if order and not _worth_reading(order, addressed, me):
        return None
    quoted = quoted_in(message, me)
    # A bare mention under somebody's message asks about that message.
    nothing = not (words.markdown or attachments or (quoted and quoted.text and not quoted.by_bot))
    return Said(
        delivery_id=f"msg:{message.chat.id}:{message.message_id}",
        message_id=str(message.message_id),
        address=address_of(message.chat, me, thread_of(message), author, reply_to=message.message_id),
        author=author,
        text=words.markdown,
        sent_at=message.date,
        scene=scene_of(message.chat),
        addressed=addressed,
        quoted=quoted,
        follows_replies=follows_replies(message.chat),
        continues=follows_replies(message.chat),
        unreadable=strange or (Unreadable.EMPTY if nothing else None),
        attachments=attachments,
        album=album_of(message),
        more_follows=len(words.raw) >= CUT_FROM,
    )


def _ordered(message: Message, words: Words, author: Person, me: Me) -> Ordered | None:
    """Return the order that ``message`` is, written ``/new``, ``/new@bot`` or ``@bot /new``."""
    found = re.match(r"/(\w+)(@\w+)?(?:\s+(.*))?$", words.markdown, re.DOTALL)
    if found is None or found[2] or found[1].lower() not in set(CommandName):
        return None  # a name that is left in place is another bot's
    return Ordered(
        delivery_id=f"msg:{message.chat.id}:{message.message_id}",
        message_id=str(message.message_id),
        address=address_of(message.chat, me, thread_of(message), author, reply_to=message.message_id),
        author=author,
        command=CommandName(found[1].lower()),
        argument=(found[3] or "").strip(),
        sent_at=message.date,
        scene=scene_of(message.chat),
        quoted=quoted_in(message, me),
        follows_replies=follows_replies(message.chat),
        attachments=attachments_of(message) or _quoted_attachments(message),
    )


def _quoted_attachments(message: Message) -> tuple[Attachment, ...]:
    replied = replied_to(message)
    return attachments_of(replied) if isinstance(replied, Message) else ()


def _from_press(query: CallbackQuery, me: Me, received_at: datetime) -> Pressed | None:
    author = person_of(query.from_user, None, None)
    pressed = controls.read(query.data)
    if author is None or query.message is None or pressed is None:
        return None
    message, chat = query.message, query.message.chat
    # The question is known only where the answer replies to it; the core looks the answer up.
    question = message.reply_to_message if isinstance(message, Message) else None
    reply_to = question.message_id if question else message.message_id
    thread = thread_of(message) if isinstance(message, Message) else ""
    if follows_replies(chat):
        thread = str(reply_to)
    return Pressed(
        delivery_id=f"press:{query.id}",
        message_id=str(message.message_id),
        address=address_of(chat, me, thread, author, reply_to=reply_to),
        author=author,
        control=pressed if isinstance(pressed, Control) else None,
        sent_at=received_at,
        scene=scene_of(chat),
        choice=pressed.data if isinstance(pressed, Choice) else "",
    )


def _from_stop(stopped: Mapping[str, Any], me: Me, received_at: datetime) -> Ordered:
    """Return the order that Stop under a draft is: drafts are shown in private chats only.

    ``draft_id`` may be a number or the same as a string (the server writes 64-bit numbers so).
    """
    chat = Chat.de_json(stopped["chat"], None)
    topic = stopped.get("message_thread_id")
    person = Person(id=str(chat.id), name=chat.effective_name or "")
    return Ordered(
        delivery_id=f"stopped:{chat.id}:{int(stopped['draft_id'])}",
        message_id="",
        address=address_of(chat, me, str(topic) if topic else "", person, reply_to=0),
        author=person,
        command=CommandName.STOP,
        argument="",
        sent_at=received_at,
        scene=scene_of(chat),
    )


def _addressed(message: Message, words: Words, me: Me) -> Addressed:
    if message.chat.type == Chat.PRIVATE:
        return Addressed.DIRECT
    if words.names_us:
        return Addressed.MENTION
    answered = replied_to(message)
    if answered and answered.from_user and answered.from_user.id == me.id:
        return Addressed.REPLY
    return Addressed.OVERHEARD


def _worth_reading(order: tuple[str, str], addressed: Addressed, me: Me) -> bool:
    """Tell whether a command that we do not know is read as words; in groups it must be for us."""
    _, bot = order
    for_us = bot in ("", me.username.casefold()) and addressed is not Addressed.OVERHEARD
    return addressed is Addressed.DIRECT or for_us
