"""Who we are and who speaks: people, anonymous admins, channels that post as themselves. Pure."""

from dataclasses import dataclass

from telegram import (
    Chat,
    MessageOrigin,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    User,
)

from core.domain.addresses import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    """Who the bot is."""

    id: int
    username: str  #: without the @


def person_of(user: User | None, chat: Chat | None, signature: str | None) -> Person | None:
    """Return who speaks; None for another bot.

    Anonymous admins and channels speak through Telegram's own bots, with ``sender_chat`` set.
    """
    if chat is not None:
        title = chat.effective_name or ""
        return Person(id=str(chat.id), name=f"{signature} ({title})" if signature else title)
    if user is None or user.is_bot:
        return None
    return Person(id=str(user.id), name=user.full_name, language=user.language_code or "")


def origin_name(origin: MessageOrigin) -> str:
    """Return the display name of whoever a message comes from originally; "" where not told."""
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
