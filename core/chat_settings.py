"""What the chat services need to know of a deployment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.access import AccessLists, PriceList, Quotas


class WhileAnswering(StrEnum):
    """What becomes of a message that arrives while its conversation is being answered."""

    QUEUE = "queue"  #: it waits its turn
    MERGE = "merge"  #: all that waits becomes one question
    INTERRUPT = "interrupt"  #: the running answer ends, both are answered together


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    """Numbers and words of one deployment."""

    model: str
    context_tokens: int  #: of the model: prompt and reply together
    reply_tokens: int  #: reserved for the reply, thinking included
    system_prompt: str | None = None
    thinking: bool | None = None  #: None: as the model does by itself
    sampling_params: Mapping[str, float] = field(default_factory=dict)
    while_answering: WhileAnswering = WhileAnswering.QUEUE
    history_max_messages: int = 2_000  #: most messages that are read for one prompt
    backfill_max_messages: int = 50  #: most messages read from a thread that was there before us
    checkpoint_interval_s: float = 2.0  #: how often a running answer is stored
    max_resumes: int = 2  #: how often a broken stream is continued in the middle
    max_continuations: int = 2  #: how often an answer that reached its length limit goes on by itself
    show_buttons: bool = True  #: Stop, Retry and verdicts under answers
    fair_share_weights: Mapping[str, float] = field(default_factory=dict)
    """Share of a busy account by chat, as "platform:channel"; 1 where a chat is not named."""
    access: AccessLists = field(default_factory=AccessLists)
    quotas: Quotas = field(default_factory=Quotas)
    prices: PriceList = field(default_factory=PriceList)
    show_thinking: bool = False  #: Kimi's thoughts stand before the answer
