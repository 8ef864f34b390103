"""Summaries of the beginnings of long conversations, written by Kimi and stored.

A summary that is lost in a crash is made anew when it is needed: the messages stay stored.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Final

import structlog

from core.concurrency.task_set import KeyedTasks
from core.domain.errors import StoreUnavailable
from core.domain.turn_states import CallPurpose
from core.kimi import ChatRequest, KimiContentFiltered, KimiContextTooLong, KimiError, Message
from core.llm.text_completer import TextCompleter
from core.llm.usage_meter import UsageOwner
from core.ports.chat_model import Requester
from core.prompting.compaction import (
    SUMMARY_SLACK,
    Chunk,
    compaction_point,
    max_summary_tokens,
    split_into_chunks,
    summary_instruction,
    truncate_summary,
)
from core.prompting.generation_options import GenerationOptions, least_thinking_level
from core.prompting.prompt import estimate_message_tokens, summary_messages
from core.store import Database, Transaction, conversations, history, summaries
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.summaries import Summary
from core.store.turns import Turn

log = structlog.get_logger(__name__)

MAX_MESSAGES: Final = 10_000  #: messages of one compaction
THINKING_RESERVE_TOKENS: Final = 8_000  #: reserved for thinking if the model cannot be kept from it
CONTEXT_MARGIN: Final = 0.95  #: share of the context that a request uses by our estimate
MIN_CHUNK_TOKENS: Final = 200.0
MAX_HALVINGS: Final = 3  #: of the chunk size, if Kimi finds the chunks too long
FILTERED_NOTE: Final = "[{count} messages here could not be summarised: Kimi judged them unsafe.]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """An order to replace the beginning of a conversation by a summary."""

    conversation: Conversation
    turn: Turn  #: the calls are counted for it
    options: GenerationOptions
    system: str  #: the conversation's system prompt: the calls share its cached prefix
    token_ratio: float  #: tokens that the model counts for each one that we estimate
    last_compactable_seq: int  #: later messages are not summarized
    up_to_seq: int  #: last message that the next prompt shows before the question
    keep_tokens: float  #: estimated; as much as this is kept word by word
    keep_messages: int
    requester: Requester  #: in whose share of the account the calls wait

    @property
    def max_summary_tokens(self) -> int:
        """The maximal length of the summary."""
        return max_summary_tokens(self.options.max_prompt_tokens)

    @property
    def reply_tokens(self) -> int:
        """Tokens that a call reserves for its reply."""
        thinks = self.options.model.thinks and least_thinking_level(self.options.model) != "off"
        wanted = self.max_summary_tokens * 2 + (THINKING_RESERVE_TOKENS if thinks else 0)
        return min(wanted, self.options.model.context_tokens // 2)

    @property
    def max_chunk_tokens(self) -> float:
        """Estimated tokens of messages that fit into one call."""
        context = (self.options.model.context_tokens - self.reply_tokens) / self.token_ratio * CONTEXT_MARGIN
        fixed = estimate_message_tokens(Message(role="system", content=self.system))
        fixed += estimate_message_tokens(summary_instruction(self.max_summary_tokens))
        return max(MIN_CHUNK_TOKENS, context - fixed - self.max_summary_tokens * SUMMARY_SLACK)


class Summarizer:
    """Makes and stores summaries; at most one of a conversation at a time."""

    def __init__(self, database: Database, completer: TextCompleter) -> None:
        self._database = database
        self._completer = completer
        self._tasks: KeyedTasks[int, bool] = KeyedTasks()

    def start(self, compaction: Compaction) -> "asyncio.Task[bool]":
        """Return the task that summarizes a conversation; begin it unless it runs already.

        Its result is whether a new summary was stored. It raises nothing.
        """
        conversation_id = compaction.conversation.id
        return self._tasks.get_or_spawn(
            conversation_id, lambda: self._compact_safely(compaction), name=f"summary-{conversation_id}"
        )

    def running_task(self, conversation_id: int) -> "asyncio.Task[bool] | None":
        """Return the task that summarizes a conversation now; None if there is none."""
        return self._tasks.get(conversation_id)

    async def wait_until_idle(self) -> None:
        """Wait until no summary is being made."""
        await self._tasks.wait_idle()

    async def close(self) -> None:
        """Cancel the summaries that are being made; they are made anew when they are needed."""
        await self._tasks.close()

    async def _compact_safely(self, compaction: Compaction) -> bool:
        conversation_id = compaction.conversation.id
        try:
            return await self._compact(compaction)
        except KimiError as exc:
            log.warning("summary.failed", conversation=conversation_id, code=exc.code, error=str(exc))
        except StoreUnavailable as exc:
            log.warning("summary.failed", conversation=conversation_id, error=str(exc))
        except Exception:  # the boundary of a task: the question goes on without a summary
            log.exception("summary.failed", conversation=conversation_id)
        return False

    async def _compact(self, compaction: Compaction) -> bool:
        """Summarize chunk by chunk; return whether a summary was stored.

        Raises:
            KimiError: no further summary can be had now.
            StoreUnavailable: the store failed.
        """
        chunk_tokens, halvings, has_stored = compaction.max_chunk_tokens, MAX_HALVINGS, False
        while True:
            try:
                async for _ in self._summarize_chunks(compaction, chunk_tokens):
                    has_stored = True
            except KimiContextTooLong:
                if halvings <= 0:
                    raise
                chunk_tokens, halvings = chunk_tokens / 2, halvings - 1
            else:
                return has_stored

    async def _summarize_chunks(
        self, compaction: Compaction, max_chunk_tokens: float
    ) -> AsyncGenerator[Summary, None]:
        """Yield each summary that was stored; end early if the conversation has changed meanwhile."""
        base, version, messages = await self._load(compaction)
        text, completed = base.text if base else "", list[HistoryMessage]()
        for chunk in split_into_chunks(
            _compactable(messages, compaction),
            chat_type=compaction.conversation.chat_type,
            max_chunk_tokens=max_chunk_tokens,
        ):
            text = await self._summarize_chunk(compaction, text, chunk)
            completed += chunk.completed_messages
            if chunk.completed_up_to_seq is None:
                continue
            version += 1
            summary = Summary(
                version=version,
                up_to_seq=chunk.completed_up_to_seq,
                text=text,
                messages=(base.messages if base else 0) + len(completed),
                created_at=utc_now(),
            )
            if not await self._save(compaction, summary, base, completed):
                return
            log.info(
                "summary.saved",
                conversation=compaction.conversation.id,
                version=version,
                messages=summary.messages,
            )
            yield summary
            base, completed = summary, []

    async def _load(self, compaction: Compaction) -> tuple[Summary | None, int, list[HistoryMessage]]:
        """Return the summary to continue, the newest version number, and the messages after the summary."""
        conversation = compaction.conversation
        async with self._database.read() as tx:
            base = await summaries.get_latest(
                tx, conversation, before_seq=compaction.last_compactable_seq + 1
            )
            version = await summaries.get_newest_version(tx, conversation.id)
            after_seq = base.up_to_seq if base else conversation.history_cutoff_seq
            messages = await _load_messages(tx, conversation, after_seq, compaction.up_to_seq)
        return base, version, messages

    async def _summarize_chunk(self, compaction: Compaction, summary: str, chunk: Chunk) -> str:
        """Return a summary of what ``summary`` covers and of one more chunk."""
        max_tokens = compaction.max_summary_tokens
        thinking = replace(
            compaction.options, thinking_level=least_thinking_level(compaction.options.model)
        ).thinking_params
        request = ChatRequest(
            messages=(
                Message(role="system", content=compaction.system),
                *summary_messages(summary),
                *chunk.messages,
                summary_instruction(max_tokens),
            ),
            model=compaction.options.model.id,
            max_completion_tokens=compaction.reply_tokens,
            thinking=thinking.thinking,
            reasoning_effort=thinking.effort,
            prompt_cache_key=prompt_cache_key(compaction.conversation),
        )
        owner = UsageOwner(conversation_id=compaction.conversation.id, turn_id=compaction.turn.id)
        try:
            text = await self._completer.complete(
                request, requester=compaction.requester, purpose=CallPurpose.SUMMARY, owner=owner
            )
        except KimiContentFiltered as exc:
            log.warning("summary.content_filtered", conversation=compaction.conversation.id, error=str(exc))
            text = f"{summary}\n{FILTERED_NOTE.format(count=len(chunk.messages))}"
        text = text.strip()
        if not text:
            raise KimiContextTooLong("no words were left for the summary")  # a smaller chunk may do
        return truncate_summary(text, max_tokens * SUMMARY_SLACK)

    async def _save(
        self, compaction: Compaction, summary: Summary, base: Summary | None, messages: list[HistoryMessage]
    ) -> bool:
        """Store a summary, unless its messages have changed or were deleted since; return whether it was."""
        async with self._database.begin() as tx:
            conversation = await conversations.get(tx, compaction.conversation.id)
            if conversation.history_cutoff_seq != compaction.conversation.history_cutoff_seq:
                return False
            after_seq = base.up_to_seq if base else conversation.history_cutoff_seq
            current = await _load_messages(tx, conversation, after_seq, summary.up_to_seq)
            return current == messages and await summaries.add(tx, conversation.id, summary, previous=base)


def prompt_cache_key(conversation: Conversation) -> str:
    """Return the key by which Kimi's prefix cache recognizes requests of one conversation."""
    return f"conversation-{conversation.id}"


def _compactable(messages: list[HistoryMessage], compaction: Compaction) -> list[HistoryMessage]:
    point = compaction_point(
        messages,
        last_compactable_seq=compaction.last_compactable_seq,
        keep_tokens=compaction.keep_tokens,
        keep_messages=compaction.keep_messages,
        chat_type=compaction.conversation.chat_type,
    )
    return [message for message in messages if point is not None and message.seq <= point]


async def _load_messages(
    tx: Transaction, conversation: Conversation, after_seq: int, up_to_seq: int
) -> list[HistoryMessage]:
    found = await history.load_oldest(
        tx, conversation.id, after_seq=after_seq, up_to_seq=up_to_seq, limit=MAX_MESSAGES
    )
    return list(found)
