"""Telegram's updates, told in the words of :mod:`core.model`. Pure: no calls, no clock.

Delivery ids are natural keys, not update ids: those restart at random after an idle week.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from telegram import (
    CallbackQuery,
    Chat,
    Message,
    MessageOrigin,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    Update,
    User,
)

from bots.telegram import controls
from bots.telegram.text import Me, markdown_of, own_mentions, raw_words, slash, unreadable
from core.model import (
    Address,
    Addressed,
    Choice,
    CommandName,
    Control,
    Edited,
    Event,
    Moved,
    Ordered,
    Person,
    Pressed,
    Quoted,
    Said,
    Scene,
    ThreadKey,
    Unreadable,
)

PLATFORM = "telegram"

#: Asked for explicitly: without a list the server goes on with that of the last call.
ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")

#: The thread of a forum's General topic, which has no topic id of its own.
GENERAL = "general"


def event_of(update: Update, me: Me, *, received_at: datetime) -> Event | None:
    """Return what ``update`` means to us; None where it does not concern us.

    ``received_at`` dates a pressed button, which Telegram gives no time.
    """
    if update.message is not None:
        return _from_message(update.message, me)
    if update.edited_message is not None:
        return _from_edit(update.edited_message, me)
    if update.callback_query is not None:
        return _from_press(update.callback_query, me, received_at)
    return None


@dataclass(frozen=True, slots=True)
class _Words:
    """A message's text or caption, and where it names the bot."""

    raw: str
    markdown: str
    names_us: bool


def _from_message(message: Message, me: Me) -> Event | None:
    if message.migrate_to_chat_id or message.migrate_from_chat_id:
        return _moved(message, me)
    author = _author(message.from_user, message.sender_chat, message.author_signature)
    strange = unreadable(message)
    if author is None or message.chat.type == Chat.CHANNEL or not (raw_words(message) or strange):
        return None  # another bot, or a service message
    words = _words(message, me)
    addressed = _addressed(message, words, me)
    if message.is_automatic_forward and addressed is not Addressed.MENTION:
        return None  # the linked channel's post in its discussion group
    order = slash(message)
    if (order or words.names_us) and (command := _ordered(message, words, author, me)):
        return command
    if order and not _worth_reading(order, addressed, me):
        return None
    quoted = _quoted(message, me)
    # A bare mention under somebody's message asks about that message.
    nothing = not words.markdown and not (quoted and quoted.text and not quoted.by_bot)
    return Said(
        delivery_id=_said_id(message),
        message_id=str(message.message_id),
        address=_address(message.chat, me, _thread(message), author, reply_to=message.message_id),
        author=author,
        text=words.markdown,
        sent_at=message.date,
        scene=_scene(message.chat),
        addressed=addressed,
        quoted=quoted,
        follows_replies=_follows_replies(message.chat),
        continues=_follows_replies(message.chat),
        unreadable=strange or (Unreadable.EMPTY if nothing else None),
    )


def _ordered(message: Message, words: _Words, author: Person, me: Me) -> Ordered | None:
    """Return the order that ``message`` is, written ``/new``, ``/new@bot`` or ``@bot /new``."""
    found = re.match(r"/(\w+)(@\w+)?(?:\s+(.*))?$", words.markdown, re.DOTALL)
    if found is None or found[2] or found[1].lower() not in set(CommandName):
        return None  # a name that is left in place is another bot's
    return Ordered(
        delivery_id=_said_id(message),
        message_id=str(message.message_id),
        address=_address(message.chat, me, _thread(message), author, reply_to=message.message_id),
        author=author,
        command=CommandName(found[1].lower()),
        argument=(found[3] or "").strip(),
        sent_at=message.date,
        scene=_scene(message.chat),
        quoted=_quoted(message, me),
        follows_replies=_follows_replies(message.chat),
    )


def _from_edit(message: Message, me: Me) -> Edited | None:
    """Telegram also reports edits that changed no word (link previews, buttons); the core compares."""
    author = _author(message.from_user, message.sender_chat, message.author_signature)
    words = _words(message, me)
    if author is None or not words.markdown or slash(message) or message.edit_date is None:
        return None
    edited_at = message.edit_date
    return Edited(
        delivery_id=f"edit:{message.chat.id}:{message.message_id}:{int(edited_at.timestamp())}",
        message_id=str(message.message_id),
        address=_address(message.chat, me, _thread(message), author, reply_to=message.message_id),
        author=author,
        text=words.markdown,
        sent_at=edited_at,
        scene=_scene(message.chat),
    )


def _from_press(query: CallbackQuery, me: Me, received_at: datetime) -> Pressed | None:
    author = _author(query.from_user, None, None)
    pressed = controls.read(query.data)
    if author is None or query.message is None or pressed is None:
        return None
    message, chat = query.message, query.message.chat
    # The question is known only where the answer replies to it; the core looks the answer up.
    question = message.reply_to_message if isinstance(message, Message) else None
    reply_to = question.message_id if question else message.message_id
    thread = _thread(message) if isinstance(message, Message) else ""
    if _follows_replies(chat):
        thread = str(reply_to)
    return Pressed(
        delivery_id=f"press:{query.id}",
        message_id=str(message.message_id),
        address=_address(chat, me, thread, author, reply_to=reply_to),
        author=author,
        control=pressed if isinstance(pressed, Control) else None,
        sent_at=received_at,
        scene=_scene(chat),
        choice=pressed.data if isinstance(pressed, Choice) else "",
    )


def _moved(message: Message, me: Me) -> Moved:
    """Both chats tell of a move, in any order; the same id makes them one event."""
    old = message.migrate_from_chat_id or message.chat.id
    new = message.migrate_to_chat_id or message.chat.id
    return Moved(
        delivery_id=f"move:{old}:{new}",
        platform=PLATFORM,
        tenant=str(me.id),
        old_channel=str(old),
        new_channel=str(new),
    )


def _said_id(message: Message) -> str:
    """An album comes as one message a picture, the words on the first: it is one saying."""
    if message.media_group_id:
        return f"album:{message.chat.id}:{message.media_group_id}"
    return f"msg:{message.chat.id}:{message.message_id}"


def _words(message: Message, me: Me) -> _Words:
    raw, entities = raw_words(message) or ("", ())
    return _Words(raw, markdown_of(raw, entities, me), bool(own_mentions(raw, entities, me)))


def _author(user: User | None, chat: Chat | None, signature: str | None) -> Person | None:
    """Return who speaks; None for another bot.

    Anonymous admins and channels speak through Telegram's own bots, with ``sender_chat`` set.
    """
    if chat is not None:
        title = chat.effective_name or ""
        return Person(id=str(chat.id), name=f"{signature} ({title})" if signature else title)
    if user is None or user.is_bot:
        return None
    return Person(id=str(user.id), name=user.full_name, language=user.language_code or "")


def _scene(chat: Chat) -> Scene:
    return Scene.DIRECT if chat.type == Chat.PRIVATE else Scene.GROUP


def _follows_replies(chat: Chat) -> bool:
    return chat.type != Chat.PRIVATE and not chat.is_forum


def _thread(message: Message) -> str:
    """Return the conversation within the chat.

    ``message_thread_id`` is a topic only with ``is_topic_message``; ordinary supergroups set it
    for replies too (tdlib/telegram-bot-api issue 447).
    """
    if message.is_topic_message and message.message_thread_id:
        return str(message.message_thread_id)
    if message.chat.is_forum and message.chat.type != Chat.PRIVATE:
        return GENERAL
    return str(message.message_id) if _follows_replies(message.chat) else ""


def _address(chat: Chat, me: Me, thread: str, author: Person, *, reply_to: int) -> Address:
    private = chat.type == Chat.PRIVATE
    details = {"chat": "private" if private else "group", "said_in": str(chat.id)}
    if thread not in ("", GENERAL) and not _follows_replies(chat):
        details["topic"] = thread
    if author.language:
        details["language"] = author.language
    return Address(
        key=ThreadKey(platform=PLATFORM, tenant=str(me.id), channel=str(chat.id), thread=thread),
        reply_to="" if private else str(reply_to),
        details=details,
    )


def _addressed(message: Message, words: _Words, me: Me) -> Addressed:
    if message.chat.type == Chat.PRIVATE:
        return Addressed.DIRECT
    if words.names_us:
        return Addressed.MENTION
    answered = _replied_to(message)
    if answered and answered.from_user and answered.from_user.id == me.id:
        return Addressed.REPLY
    return Addressed.OVERHEARD


def _replied_to(message: Message) -> Message | None:
    """Return the message that a person chose to reply to.

    In a topic every plain message "replies" to the service message that made the topic.
    """
    replied = message.reply_to_message
    if replied is None or replied.forum_topic_created:
        return None
    if message.is_topic_message and replied.message_id == message.message_thread_id:
        return None
    return replied


def _quoted(message: Message, me: Me) -> Quoted | None:
    quote = message.quote
    chosen = markdown_of(quote.text, quote.entities or ()) if quote else ""
    if replied := _replied_to(message):
        author = _author(replied.from_user, replied.sender_chat, replied.author_signature)
        return Quoted(
            message_id=str(replied.message_id),
            author=author.name if author else replied.from_user.full_name if replied.from_user else "",
            text=chosen or markdown_of(*(raw_words(replied) or ("", ()))),
            by_bot=bool(replied.from_user and replied.from_user.id == me.id),
        )
    if message.external_reply and chosen:  # its id belongs to another chat and must not match here
        return Quoted(message_id="", author=_origin_name(message.external_reply.origin), text=chosen)
    return None


def _origin_name(origin: MessageOrigin) -> str:
    match origin:
        case MessageOriginUser():
            return origin.sender_user.full_name
        case MessageOriginHiddenUser():
            return origin.sender_user_name
        case MessageOriginChat():
            return origin.sender_chat.effective_name or ""
        case MessageOriginChannel():
            return origin.chat.effective_name or ""
        case _:
            return ""


def _worth_reading(order: tuple[str, str], addressed: Addressed, me: Me) -> bool:
    """Tell whether a command that we do not know is read as words; in groups it must be for us."""
    _, bot = order
    for_us = bot in ("", me.username.casefold()) and addressed is not Addressed.OVERHEARD
    return addressed is Addressed.DIRECT or for_us
