"""The question that an answer is for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from core.digests.digest_request import DigestRequest
from core.domain.buttons import OptionButton
from core.domain.message_content import UnsupportedContent
from core.store.conversations import Conversation
from core.store.open_work import AvailableContext
from core.store.turns import Turn
from core.text.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class NoKnowledgeReply:
    """The bot's own words if the chat's documents do not answer a question."""

    text: str  #: Markdown
    buttons: tuple[OptionButton, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One turn to answer with Kimi."""

    turn: Turn
    conversation: Conversation
    person_id: str  #: the person who asked
    language: Language  #: of the bot's own notices
    available_context: AvailableContext
    no_knowledge: Callable[[], Awaitable[NoKnowledgeReply]]
    """Returns the reply if Kimi says that the passages of a strict chat do not answer."""
    person_code: str = ""  #: of the marker by which Kimi calls a person; "" if nobody would come
    asked_at: datetime | None = None  #: when the person wrote it, by the platform's clock
    unread: tuple[UnsupportedContent, ...] = ()  #: what could not be read of the message that asks
    text: str = ""  #: the person's words, which may link to threads
    digest: DigestRequest | None = None  #: that is asked for instead of an answer
