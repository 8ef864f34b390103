"""What changes in a chat without a word being said: edits, people who come, a new id. Pure.

Telegram tells no bot of deletions. That somebody came is told twice where the bot is an
administrator: by a service message, which every bot of a group gets, and by ``chat_member``, which
is asked for and tells of members whose coming is not announced as well. Both carry the same date.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from telegram import Chat, ChatMember, ChatMemberRestricted, ChatMemberUpdated, Message, User

from bots.telegram.people import Me, person_of
from bots.telegram.places import PLATFORM, address_of, scene_of, thread_of
from bots.telegram.reading import rich_words
from bots.telegram.text import markdown_of, own_mentions, raw_words, slash
from core.domain.events import Edited, Joined, Moved, Person


@dataclass(frozen=True, slots=True)
class Words:
    """A message's text or caption, and where it names the bot."""

    raw: str
    markdown: str
    names_us: bool


def edited(message: Message, me: Me) -> Edited | None:
    """Telegram also reports edits that changed no word (link previews, buttons); the core compares."""
    author = person_of(message.from_user, message.sender_chat, message.author_signature)
    words = words_of(message, me)
    if author is None or not words.markdown or slash(message) or message.edit_date is None:
        return None
    edited_at = message.edit_date
    return Edited(
        delivery_id=f"edit:{message.chat.id}:{message.message_id}:{int(edited_at.timestamp())}",
        message_id=str(message.message_id),
        address=address_of(message.chat, me, thread_of(message), author, reply_to=message.message_id),
        author=author,
        text=words.markdown,
        sent_at=edited_at,
        scene=scene_of(message.chat),
    )


def joined_by_notice(message: Message, me: Me) -> Sequence[Joined]:
    """Return who a service message says has come, without bots."""
    users = message.new_chat_members or ()
    return [_joined(message.chat, user, me, message.date) for user in users if not user.is_bot]


def joined_by_change(change: ChatMemberUpdated, me: Me) -> Joined | None:
    """Return who became a member; None for any other change of somebody's standing."""
    user = change.new_chat_member.user
    if user.is_bot or change.chat.type == Chat.CHANNEL:
        return None
    if _is_in(change.old_chat_member) or not _is_in(change.new_chat_member):
        return None
    return _joined(change.chat, user, me, change.date)


def _is_in(member: ChatMember) -> bool:
    if isinstance(member, ChatMemberRestricted):
        return member.is_member
    return member.status in (ChatMember.OWNER, ChatMember.ADMINISTRATOR, ChatMember.MEMBER)


def _joined(chat: Chat, user: User, me: Me, at: datetime) -> Joined:
    author = Person(id=str(user.id), name=user.full_name, language=user.language_code or "")
    return Joined(
        delivery_id=f"join:{chat.id}:{user.id}:{int(at.timestamp())}",
        address=replace(address_of(chat, me, "", author, reply_to=0), reply_to=""),
        author=author,
        sent_at=at,
        scene=scene_of(chat),
    )


def moved(message: Message, me: Me) -> Moved:
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


def words_of(message: Message, me: Me) -> Words:
    """Return what a message says."""
    raw, entities = raw_words(message) or (rich_words(message), ())
    return Words(raw, markdown_of(raw, entities, me), bool(own_mentions(raw, entities, me)))
