"""A turn that this process has claimed."""

from dataclasses import dataclass
from datetime import datetime

from core.access import RefusalReason
from core.commands.command import Command
from core.digests.digest_request import DigestRequest
from core.domain.addresses import Address
from core.domain.events import Event, MessageReceived
from core.store.conversations import Conversation
from core.store.open_work import AvailableContext
from core.store.turns import Turn
from core.text.language import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedTurn:
    """A turn that this process owns until another attempt claims it, with everything its reply depends on."""

    turn: Turn
    conversation: Conversation
    question: MessageReceived | None  #: the question to answer; None for a reply of the bot's own
    event: Event  #: the oldest event of the turn
    address: Address  #: where the reply is shown
    asker_id: str
    language: Language  #: of the bot's own texts
    known_message_ids: frozenset[str]  #: messages of earlier turns; empty for a first attempt
    received_at: datetime  #: when the event was stored
    available_context: AvailableContext
    more_open: bool = True  #: whether the queue may hold more than this turn's events
    command: Command | None = None  #: the command, or the pressed option, to reply to
    refusal: RefusalReason | None = None  #: why Kimi is not asked
    digest: DigestRequest | None = None  #: that the question asks for
    spoken: str = ""  #: the part of the question's words that was heard in its recordings
    notice_text: str = ""  #: Markdown to show instead of an answer: a welcome, a greeting, a closed text
