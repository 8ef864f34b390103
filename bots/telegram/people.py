"""The bot's identity, and the authors of messages: people, anonymous admins, channels. Pure."""

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
from core.domain.message_content import ForwardOrigin
from core.text.visible_text import clean_text


@dataclass(frozen=True, slots=True, kw_only=True)
class BotIdentity:
    """The bot, as ``getMe`` describes it."""

    id: int
    username: str  #: without the @
    reads_all: bool = False  #: whether privacy mode is off (``can_read_all_group_messages``)


def identity_of(user: User) -> BotIdentity:
    """Return the bot's identity from the response of ``getMe``."""
    return BotIdentity(
        id=user.id,
        username=user.username or "",
        reads_all=bool(user.can_read_all_group_messages),
    )


class BotAccount:
    """Holds the bot's identity, which is known once the platform is connected."""

    def __init__(self, token: str = "") -> None:
        """Hold the id that ``token`` begins with, or else 0, until :meth:`set_identity` is called."""
        bot_id = token.partition(":")[0]
        self._identity = BotIdentity(id=int(bot_id) if bot_id.isdecimal() else 0, username="")

    @property
    def identity(self) -> BotIdentity:
        """The bot's identity; only its id is known until the platform is connected."""
        return self._identity

    @property
    def tenant(self) -> str:
        """The bot's id as a string: the tenant of every conversation."""
        return str(self._identity.id)

    def set_identity(self, identity: BotIdentity) -> None:
        """Set the identity that Telegram reported."""
        self._identity = identity


def person_of(user: User | None, chat: Chat | None, signature: str | None) -> Person | None:
    """Return the author of a message; None for another bot.

    Anonymous admins and channels post through Telegram's own bots, with ``sender_chat`` set
    (https://core.telegram.org/bots/api#message).
    """
    if chat is not None:
        title = clean_name(chat.effective_name or "")
        return Person(id=str(chat.id), name=clean_name(f"{signature} ({title})") if signature else title)
    if user is None or user.is_bot:
        return None
    return Person(id=str(user.id), name=clean_name(user.full_name), language=user.language_code or "")


def clean_name(name: str) -> str:
    """Return a name without characters that cannot be stored or shown."""
    return clean_text(name).strip()


def parse_origin(origin: MessageOrigin) -> ForwardOrigin:
    """Return where a message was first posted, as far as Telegram shows it."""
    match origin:
        case MessageOriginUser(sender_user=user):
            return ForwardOrigin(
                author=clean_name(user.full_name), author_id=str(user.id), sent_at=origin.date
            )
        case MessageOriginHiddenUser(sender_user_name=name):
            return ForwardOrigin(author=clean_name(name), sent_at=origin.date)
        case MessageOriginChat(sender_chat=chat, author_signature=signature):
            pass
        case MessageOriginChannel(chat=chat, author_signature=signature):
            pass
        case _:
            return ForwardOrigin(sent_at=origin.date)
    title = clean_name(chat.effective_name or "")
    return ForwardOrigin(author=clean_name(signature or ""), channel=title, sent_at=origin.date)
