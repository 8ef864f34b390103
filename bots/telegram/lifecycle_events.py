"""Parses edits, reactions, people joining a chat, and chats that get a new id. Pure.

Telegram reports deletions to no bot. It reports a new member twice to a bot that is an administrator: by
a service message, which every bot of a group receives, and by ``chat_member``, which has to be requested
and includes members whose joining is not announced. Both carry the same date.
"""

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from telegram import (
    Chat,
    ChatMember,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    MessageReactionUpdated,
    ReactionType,
    ReactionTypeEmoji,
    User,
)

from bots.telegram.addressing import PLATFORM, address_of, chat_type_of, thread_of
from bots.telegram.attachments import attachments_of
from bots.telegram.incoming_markdown import leading_command
from bots.telegram.messages import build_message, mention_of, parse_text
from bots.telegram.people import BotIdentity, clean_name, person_of
from core.domain.addresses import Person
from core.domain.events import (
    BotAccessChanged,
    ChannelMigrated,
    MemberJoined,
    MessageEdited,
    ReactionChanged,
)


def parse_edit(message: Message, identity: BotIdentity) -> MessageEdited | None:
    """Return an edit of a message; None if there is nothing to compare.

    Telegram also reports edits that change nothing a person sees (link previews, buttons); core compares.
    """
    author = person_of(message.from_user, message.sender_chat, message.author_signature)
    text = parse_text(message, identity)
    if author is None or leading_command(message) or message.edit_date is None:
        return None
    if not (text.markdown or attachments_of(message)):
        return None
    mention, edited_at = mention_of(message, text, identity), message.edit_date
    digest = zlib.crc32(text.raw.encode("utf-8", "replace"))  # two edits may come within one second
    return MessageEdited(
        delivery_id=f"edit:{message.chat.id}:{message.message_id}:{int(edited_at.timestamp())}:{digest:08x}",
        message_id=str(message.message_id),
        address=address_of(message.chat, identity, thread_of(message), author, reply_to=message.message_id),
        author=author,
        text=text.markdown,
        sent_at=edited_at,
        chat_type=chat_type_of(message.chat),
        mention=mention,
        message=build_message(message, text, mention, author, identity),
    )


def parse_join_message(message: Message, identity: BotIdentity) -> Sequence[MemberJoined]:
    """Return the people, without bots, that joined according to a service message."""
    users = message.new_chat_members or ()
    return [_build_joined(message.chat, user, identity, message.date) for user in users if not user.is_bot]


def parse_member_update(change: ChatMemberUpdated, identity: BotIdentity) -> MemberJoined | None:
    """Return a person who became a member; None for any other change of membership."""
    user = change.new_chat_member.user
    if user.is_bot or change.chat.type == Chat.CHANNEL:
        return None
    if _is_member(change.old_chat_member) or not _is_member(change.new_chat_member):
        return None
    return _build_joined(change.chat, user, identity, change.date)


def parse_own_member_update(change: ChatMemberUpdated, identity: BotIdentity) -> BotAccessChanged | None:
    """Return what somebody did to the bot's membership of a chat; None in channels."""
    if change.chat.type == Chat.CHANNEL:
        return None
    status, user = change.new_chat_member, change.from_user
    author = Person(id=str(user.id), name=clean_name(user.full_name), language=user.language_code or "")
    is_admin = status.status == ChatMember.ADMINISTRATOR
    return BotAccessChanged(
        delivery_id=f"access:{change.chat.id}:{int(change.date.timestamp())}:{status.status}",
        address=replace(address_of(change.chat, identity, "", author, reply_to=0), reply_to=""),
        author=author,
        sent_at=change.date,
        chat_type=chat_type_of(change.chat),
        can_write=_is_member(status) and getattr(status, "can_send_messages", True),
        is_added=_is_member(status) and not _is_member(change.old_chat_member),
        bot_name=identity.username,
        hears_all=identity.reads_all or is_admin,
    )


def parse_reaction(change: MessageReactionUpdated, identity: BotIdentity) -> ReactionChanged | None:
    """Return the emoji that somebody put on a message or took away; None if there are none but custom ones.

    Telegram tells administrators among the bots, if they ask for it
    (https://core.telegram.org/bots/api#update, ``message_reaction``).
    """
    author = person_of(change.user, change.actor_chat, None)
    old, new = _emoji_in(change.old_reaction), _emoji_in(change.new_reaction)
    added, removed = [one for one in new if one not in old], [one for one in old if one not in new]
    if author is None or not (added or removed):
        return None
    digest = zlib.crc32(f"{old}{new}".encode())  # two changes may come within one second
    at = int(change.date.timestamp())
    return ReactionChanged(
        delivery_id=f"reaction:{change.chat.id}:{change.message_id}:{author.id}:{at}:{digest:08x}",
        message_id=str(change.message_id),
        address=replace(address_of(change.chat, identity, "", author, reply_to=0), reply_to=""),
        author=author,
        sent_at=change.date,
        chat_type=chat_type_of(change.chat),
        added=tuple(added),
        removed=tuple(removed),
    )


def _emoji_in(reactions: Sequence[ReactionType]) -> list[str]:
    return [one.emoji for one in reactions if isinstance(one, ReactionTypeEmoji)]


def parse_topic_reopened(message: Message, identity: BotIdentity, author: Person) -> BotAccessChanged:
    """Return that a forum's topic was opened again."""
    address = address_of(message.chat, identity, thread_of(message), author, reply_to=0)
    return BotAccessChanged(
        delivery_id=f"access:{message.chat.id}:{message.message_id}",
        address=replace(address, reply_to=""),
        author=author,
        sent_at=message.date,
        chat_type=chat_type_of(message.chat),
        can_write=True,
    )


def _is_member(member: ChatMember) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status in (ChatMember.OWNER, ChatMember.ADMINISTRATOR, ChatMember.MEMBER)


def _build_joined(chat: Chat, user: User, identity: BotIdentity, joined_at: datetime) -> MemberJoined:
    author = Person(id=str(user.id), name=user.full_name, language=user.language_code or "")
    return MemberJoined(
        delivery_id=f"join:{chat.id}:{user.id}:{int(joined_at.timestamp())}",
        address=replace(address_of(chat, identity, "", author, reply_to=0), reply_to=""),
        author=author,
        sent_at=joined_at,
        chat_type=chat_type_of(chat),
    )


def parse_migration(message: Message, identity: BotIdentity) -> ChannelMigrated:
    """Return the migration of a group to a supergroup.

    Both chats report it, in any order; the same delivery id makes the reports one event.
    """
    old = message.migrate_from_chat_id or message.chat.id
    new = message.migrate_to_chat_id or message.chat.id
    return ChannelMigrated(
        delivery_id=f"move:{old}:{new}",
        platform=PLATFORM,
        tenant=str(identity.id),
        old_channel=str(old),
        new_channel=str(new),
    )
