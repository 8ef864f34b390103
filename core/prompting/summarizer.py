"""Notes on the beginning of long conversations, made by Kimi and kept in the store.

What is lost in a crash is made anew when it is needed: the messages themselves stay stored.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import structlog

from core.access import PriceList
from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.domain.turn_states import CallPurpose
from core.kimi import ChatRequest, KimiContentFiltered, KimiContextTooLong, KimiError, Message
from core.llm import Requester
from core.llm.pricing import with_cost
from core.llm.resumable_stream import ChatModel, StreamedAnswer, stream_with_resume
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
from core.store import Database, Transaction, conversations, history, summaries, usage
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.summaries import Summary
from core.store.turns import Turn
from core.store.usage import CallUsage

log = structlog.get_logger(__name__)

MAX_MESSAGES = 10_000  #: folded in one go
THINKING_RESERVE_TOKENS = 8_000  #: reserved beside the notes where the model cannot be kept from thinking
CONTEXT_MARGIN = 0.95  #: how much of the context a call uses by our estimate
MAX_HALVINGS = 3  #: how often the portions are made smaller where Kimi finds them too long
FILTERED_NOTE = "[{count} messages here could not be summarised: Kimi judged them unsafe.]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """An order to fold the beginning of a conversation into notes."""

    conversation: Conversation
    turn: Turn  #: on whose account the calls are booked
    options: GenerationOptions
    system: str  #: the conversation's system prompt: the calls share its cached prefix
    token_ratio: float  #: of tokens that the model counts to those that we estimate
    last_compactable_seq: int  #: nothing later may be folded
    up_to_seq: int  #: what the next prompt shows ends here
    keep_tokens: float  #: estimated; as much as this stays word by word
    keep_messages: int
    requester: Requester  #: in whose share of the account the calls stand in line

    @property
    def max_summary_tokens(self) -> int:
        """How long the notes may be."""
        return max_summary_tokens(self.options.max_prompt_tokens)

    @property
    def reply_tokens(self) -> int:
        """What a call reserves for its reply."""
        thinks = self.options.model.thinks and least_thinking_level(self.options.model) != "off"
        wanted = self.max_summary_tokens * 2 + (THINKING_RESERVE_TOKENS if thinks else 0)
        return min(wanted, self.options.model.context_tokens // 2)

    @property
    def max_chunk_tokens(self) -> float:
        """How many estimated tokens of messages fit into one call."""
        context = (self.options.model.context_tokens - self.reply_tokens) / self.token_ratio * CONTEXT_MARGIN
        around = estimate_message_tokens(Message(role="system", content=self.system))
        around += estimate_message_tokens(summary_instruction(self.max_summary_tokens))
        return max(200.0, context - around - self.max_summary_tokens * SUMMARY_SLACK)


class Summarizer:
    """Makes notes; at most one fold of a conversation at a time."""

    def __init__(
        self, database: Database, model: ChatModel, clock: Clock, *, prices: PriceList | None = None
    ) -> None:
        self._database = database
        self._prices = prices or PriceList()
        self._model = model
        self._clock = clock
        self._tasks: dict[int, asyncio.Task[bool]] = {}

    def start(self, compaction: Compaction) -> "asyncio.Task[bool]":
        """Fold in the background, unless the conversation is being folded already; return the task.

        Its result is True where the notes now tell of more. It raises nothing.
        """
        conversation_id = compaction.conversation.id
        running = self.running_task(conversation_id)
        if running is not None:
            return running
        task = asyncio.create_task(self._compact_safely(compaction), name=f"fold-{conversation_id}")
        self._tasks[conversation_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(conversation_id, None))
        return task

    def running_task(self, conversation_id: int) -> "asyncio.Task[bool] | None":
        """Return the fold of a conversation that is under way; None where there is none."""
        return self._tasks.get(conversation_id)

    async def wait_until_idle(self) -> None:
        """Wait until nothing is being folded; for a process that ends or pauses afterwards."""
        await asyncio.gather(*self._tasks.values())

    async def close(self) -> None:
        """Break off what is under way; it is done anew when it is needed."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _compact_safely(self, compaction: Compaction) -> bool:
        try:
            return await self._compact(compaction)
        except KimiError as exc:
            log.warning(
                "summary.failed", conversation=compaction.conversation.id, code=exc.code, error=str(exc)
            )
        except StoreUnavailable as exc:
            log.warning("summary.failed", conversation=compaction.conversation.id, error=str(exc))
        except Exception:
            log.exception("summary.failed", conversation=compaction.conversation.id)
        return False

    async def _compact(self, compaction: Compaction) -> bool:
        """Make notes portion by portion; each that completes a turn is stored.

        Raises:
            KimiError: no more notes can be had now.
            StoreUnavailable: the store failed.
        """
        capacity, halvings, progress = compaction.max_chunk_tokens, MAX_HALVINGS, False
        while True:
            try:
                async for stored in self._summarize_chunks(compaction, capacity):
                    if not stored:
                        return progress
                    progress = True
            except KimiContextTooLong:
                if halvings <= 0:
                    raise
                capacity, halvings = capacity / 2, halvings - 1
            else:
                return progress

    async def _summarize_chunks(
        self, compaction: Compaction, max_chunk_tokens: float
    ) -> AsyncGenerator[bool, None]:
        """Yield True for each version stored, False where one cannot be: something changed."""
        async with self._database.read() as tx:
            base = await summaries.get_latest(
                tx, compaction.conversation, before_seq=compaction.last_compactable_seq + 1
            )
            version = await summaries.get_newest_version(tx, compaction.conversation.id)
            lines = await history.load_oldest(
                tx,
                compaction.conversation.id,
                after_seq=base.up_to_seq if base else compaction.conversation.history_cutoff_seq,
                up_to_seq=compaction.up_to_seq,
                limit=MAX_MESSAGES,
            )
        scene = compaction.conversation.chat_type
        point = compaction_point(
            lines,
            last_compactable_seq=compaction.last_compactable_seq,
            keep_tokens=compaction.keep_tokens,
            keep_messages=compaction.keep_messages,
            chat_type=scene,
        )
        chosen = [line for line in lines if point is not None and line.seq <= point]
        notes, whole = base.text if base else "", list[HistoryMessage]()
        for portion in split_into_chunks(chosen, chat_type=scene, max_chunk_tokens=max_chunk_tokens):
            notes = await self._summarize_chunk(compaction, notes, portion)
            whole += portion.completed_messages
            if portion.completed_up_to_seq is None:
                continue
            version += 1
            made = Summary(
                version=version,
                up_to_seq=portion.completed_up_to_seq,
                text=notes,
                messages=(base.messages if base else 0) + len(whole),
                created_at=utc_now(),
            )
            if not await self._save(compaction, made, base, whole):
                yield False
                return
            log.info(
                "summary.saved",
                conversation=compaction.conversation.id,
                version=version,
                messages=made.messages,
            )
            yield True
            base, whole = made, []

    async def _summarize_chunk(self, compaction: Compaction, summary: str, chunk: Chunk) -> str:
        """Return notes on what ``notes`` tell of and on one portion more."""
        limit = compaction.max_summary_tokens
        steered = replace(
            compaction.options, thinking_level=least_thinking_level(compaction.options.model)
        ).thinking_params
        request = ChatRequest(
            messages=(
                Message(role="system", content=compaction.system),
                *summary_messages(summary),
                *chunk.messages,
                summary_instruction(limit),
            ),
            model=compaction.options.model.id,
            max_completion_tokens=compaction.reply_tokens,
            thinking=steered.thinking,
            reasoning_effort=steered.effort,
            prompt_cache_key=prompt_cache_key(compaction.conversation),
        )
        written = StreamedAnswer()
        try:
            await stream_with_resume(
                self._model,
                request,
                written,
                lambda _: None,
                self._clock,
                max_resumes=1,
                max_continuations=0,
                requester=replace(compaction.requester, provider=""),
            )
        except KimiContentFiltered as exc:
            log.warning("summary.content_filtered", conversation=compaction.conversation.id, error=str(exc))
            written.text = f"{summary}\n{FILTERED_NOTE.format(count=len(chunk.messages))}"
        await self._record_usage(compaction, written)
        made = written.text.strip()
        if not made:
            raise KimiContextTooLong("no words were left for the notes")  # a smaller portion may do
        return truncate_summary(made, limit * SUMMARY_SLACK)

    async def _save(
        self, compaction: Compaction, summary: Summary, base: Summary | None, messages: list[HistoryMessage]
    ) -> bool:
        """Store a version, unless what it tells of has changed since or was forgotten."""
        async with self._database.begin() as tx:
            now = await conversations.get(tx, compaction.conversation.id)
            if now.history_cutoff_seq != compaction.conversation.history_cutoff_seq:
                return False
            after_seq = base.up_to_seq if base else now.history_cutoff_seq
            same = await _load_messages(tx, now, after_seq, summary.up_to_seq) == messages
            return same and await summaries.add(tx, now.id, summary, previous=base)

    async def _record_usage(self, compaction: Compaction, answer: StreamedAnswer) -> None:
        used = answer.usage
        if used is None:
            return
        spent = CallUsage(
            model=compaction.options.model.id,
            prompt_tokens=used.prompt_tokens,
            cached_tokens=used.cached_tokens,
            completion_tokens=used.completion_tokens,
            reasoning_tokens=used.reasoning_tokens,
            first_word_s=None if answer.first_token_at is None else answer.first_token_at - answer.started_at,
            duration_s=self._clock.time() - answer.started_at,
            purpose=CallPurpose.SUMMARY,
        )
        async with self._database.begin() as tx:
            await usage.add(
                tx,
                with_cost(spent, self._prices),
                conversation_id=compaction.conversation.id,
                turn_id=compaction.turn.id,
                person_id="",
            )


def prompt_cache_key(conversation: Conversation) -> str:
    """Return what tells Kimi's prefix cache that requests belong together."""
    return f"conversation-{conversation.id}"


async def _load_messages(
    tx: Transaction, conversation: Conversation, after_seq: int, up_to_seq: int
) -> list[HistoryMessage]:
    found = await history.load_oldest(
        tx, conversation.id, after_seq=after_seq, up_to_seq=up_to_seq, limit=MAX_MESSAGES
    )
    return list(found)
