"""Parses what people say in Telegram's chats: words, and all that comes with them. Pure."""

from dataclasses import dataclass

from telegram import Message

from bots.telegram.addressing import address_of, chat_type_of, thread_of, threads_by_reply
from bots.telegram.attachments import attachments_of, can_be_copied, media_group_id, relay_files_of
from bots.telegram.incoming_markdown import bot_mentions, raw_text, to_markdown
from bots.telegram.incoming_rich import rich_message_markdown
from bots.telegram.other_content import other_content_of, unsupported_content_of
from bots.telegram.people import BotIdentity, parse_origin, person_of
from bots.telegram.reply_context import parse_reply_context, replied_message
from core.domain.addresses import ChatType, Person
from core.domain.events import Mention, MessageReceived
from core.domain.message_content import UnsupportedContent
from core.text.visible_text import has_visible_text

#: Length from which on a client may have split a text: at 4096 characters, or at a word or line break in
#: the second half of that (Telegram Desktop: ``TextUtilities::CutPart``).
MAYBE_TRUNCATED_UNITS = 2048


@dataclass(frozen=True, slots=True)
class MessageText:
    """A message's text or caption."""

    raw: str  #: as sent
    markdown: str  #: without mentions of the bot
    mentions_bot: bool


def parse_text(message: Message, identity: BotIdentity) -> MessageText:
    """Return a message's text or caption."""
    raw, entities = raw_text(message) or (rich_message_markdown(message), ())
    return MessageText(raw, to_markdown(raw, entities, identity), bool(bot_mentions(raw, entities, identity)))


def has_content(message: Message) -> bool:
    """Return whether a person said or sent something; service messages have no content."""
    return bool(
        raw_text(message)
        or attachments_of(message)
        or other_content_of(message)
        or unsupported_content_of(message)
        or rich_message_markdown(message)
    )


def mention_of(message: Message, text: MessageText, identity: BotIdentity) -> Mention:
    """Return whether and how a message addresses the bot."""
    if chat_type_of(message.chat) is ChatType.DIRECT:
        return Mention.DIRECT
    if text.mentions_bot and message.forward_origin is None:  # forwarded words address nobody here
        return Mention.BY_NAME
    answered = replied_message(message)
    if answered and answered.from_user and answered.from_user.id == identity.id:
        return Mention.REPLY
    return Mention.NONE


def build_message(
    message: Message, text: MessageText, mention: Mention, author: Person, identity: BotIdentity
) -> MessageReceived:
    """Return a message of ``author``, with everything that it says and carries."""
    quoted, attachments, other = (
        parse_reply_context(message, identity),
        attachments_of(message),
        other_content_of(message),
    )
    unsupported = None if attachments else unsupported_content_of(message)
    # A bare mention in a reply to somebody's message asks about that message.
    asks_about_reply = quoted is not None and quoted.has_content and not quoted.by_bot
    is_empty = not (has_visible_text(text.markdown) or attachments or other or asks_about_reply)
    return MessageReceived(
        delivery_id=f"msg:{message.chat.id}:{message.message_id}",
        message_id=str(message.message_id),
        address=address_of(message.chat, identity, thread_of(message), author, reply_to=message.message_id),
        author=author,
        text=text.markdown if has_visible_text(text.markdown) else "",
        sent_at=message.date,
        chat_type=chat_type_of(message.chat),
        mention=mention,
        quoted=quoted,
        threads_by_reply=threads_by_reply(message.chat),
        allows_follow_up=threads_by_reply(message.chat),
        unsupported_content=unsupported or (UnsupportedContent.EMPTY if is_empty else None),
        attachments=attachments,
        relay_files=relay_files_of(message),
        can_be_copied=can_be_copied(message),
        forwarded_from=parse_origin(message.forward_origin) if message.forward_origin else None,
        other=other,
        media_group_id=media_group_id(message),
        mentioned=mentioned_people(message, identity),
        maybe_truncated=len(text.raw) >= MAYBE_TRUNCATED_UNITS,
    )


def mentioned_people(message: Message, identity: BotIdentity) -> tuple[Person, ...]:
    """Return the people whom a message mentions, without the bot.

    A mention by username carries no id (https://core.telegram.org/bots/api#messageentity): the username, with
    its "@", stands for it.
    """
    texts = {**message.parse_entities(), **message.parse_caption_entities()}
    found: dict[str, Person] = {}
    for entity, text in texts.items():
        if entity.type == "text_mention" and entity.user is not None and entity.user.id != identity.id:
            person = person_of(entity.user, None, None)
            if person is not None:
                found[person.id] = person
        elif entity.type == "mention" and text[1:].casefold() != identity.username.casefold():
            found[text] = Person(id=text, name=text[1:])
    return tuple(found.values())
