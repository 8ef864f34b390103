"""The place where an answer is shown."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.ports.platform import MessageChannel

OnRefsChanged: TypeAlias = Callable[[Sequence[MessageRef]], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageTarget:
    """Where an answer is shown, and what an earlier attempt left there."""

    channel: MessageChannel
    address: Address
    idempotency_key: str  #: identifies the answer's messages on the platform
    on_refs_changed: OnRefsChanged  #: stores the references, before anything else happens to the messages
    question_id: str = ""  #: id of the question's message
    refs: Sequence[MessageRef] = ()  #: messages that an earlier attempt posted for this answer
    known_message_ids: frozenset[str] = frozenset()  #: messages that belong to other answers
    person: str = ""  #: whom it answers, unique over all platforms; "" if unknown
    is_notice: bool = False  #: a text of the bot's own, which waits behind answers
    post_uncertain: bool = False  #: an earlier attempt may have posted a message that is not in ``refs``
