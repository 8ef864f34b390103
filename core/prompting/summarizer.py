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
from core.kimi import ChatRequest, KimiContentFiltered, KimiContextTooLong, KimiError, Message
from core.llm import Asker
from core.llm.pricing import priced
from core.llm.resumable_stream import ChatModel, Written, write
from core.prompting.compaction import (
    NOTES_SLACK,
    Portion,
    fold_point,
    instruction,
    notes_tokens,
    portions,
    shortened,
)
from core.prompting.generation_options import Terms, quiet
from core.prompting.prompt import message_tokens, notes_messages
from core.store import Database, Transaction, conversations, history, summaries, usage
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.summaries import Summary
from core.store.turns import Turn
from core.store.usage import CallUsage

log = structlog.get_logger(__name__)

MOST_LINES = 10_000  #: folded in one go
THINKING_TOKENS = 8_000  #: reserved beside the notes where the model cannot be kept from thinking
MARGIN = 0.95  #: how much of the context a call uses by our estimate
HALVINGS = 3  #: how often the portions are made smaller where Kimi finds them too long
OUTCOME = "summary"  #: of such a call in the usage table
UNREADABLE = "[{count} messages here could not be summarised: Kimi judged them unsafe.]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """An order to fold the beginning of a conversation into notes."""

    conversation: Conversation
    turn: Turn  #: on whose account the calls are booked
    terms: Terms
    system: str  #: the conversation's system prompt: the calls share its cached prefix
    ratio: float  #: of tokens that the model counts to those that we estimate
    last_seq: int  #: nothing later may be folded
    up_to_seq: int  #: what the next prompt shows ends here
    keep_tokens: float  #: estimated; as much as this stays word by word
    keep_lines: int
    asker: Asker  #: in whose share of the account the calls stand in line

    @property
    def limit_tokens(self) -> int:
        """How long the notes may be."""
        return notes_tokens(self.terms.room_tokens)

    @property
    def reply_tokens(self) -> int:
        """What a call reserves for its reply."""
        thinks = self.terms.model.thinks and quiet(self.terms.model) != "off"
        wanted = self.limit_tokens * 2 + (THINKING_TOKENS if thinks else 0)
        return min(wanted, self.terms.model.context_tokens // 2)

    @property
    def capacity_tokens(self) -> float:
        """How many estimated tokens of messages fit into one call."""
        context = (self.terms.model.context_tokens - self.reply_tokens) / self.ratio * MARGIN
        around = message_tokens(Message(role="system", content=self.system))
        around += message_tokens(instruction(self.limit_tokens))
        return max(200.0, context - around - self.limit_tokens * NOTES_SLACK)


class Summarizer:
    """Makes notes; at most one fold of a conversation at a time."""

    def __init__(
        self, database: Database, model: ChatModel, clock: Clock, *, prices: PriceList | None = None
    ) -> None:
        self._database = database
        self._prices = prices or PriceList()
        self._model = model
        self._clock = clock
        self._folding: dict[int, asyncio.Task[bool]] = {}

    def begin(self, fold: Fold) -> "asyncio.Task[bool]":
        """Fold in the background, unless the conversation is being folded already; return the task.

        Its result is True where the notes now tell of more. It raises nothing.
        """
        conversation_id = fold.conversation.id
        running = self.running(conversation_id)
        if running is not None:
            return running
        task = asyncio.create_task(self._guarded(fold), name=f"fold-{conversation_id}")
        self._folding[conversation_id] = task
        task.add_done_callback(lambda _: self._folding.pop(conversation_id, None))
        return task

    def running(self, conversation_id: int) -> "asyncio.Task[bool] | None":
        """Return the fold of a conversation that is under way; None where there is none."""
        return self._folding.get(conversation_id)

    async def settled(self) -> None:
        """Wait until nothing is being folded; for a process that ends or pauses afterwards."""
        await asyncio.gather(*self._folding.values())

    async def close(self) -> None:
        """Break off what is under way; it is done anew when it is needed."""
        tasks = list(self._folding.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _guarded(self, fold: Fold) -> bool:
        try:
            return await self._fold(fold)
        except KimiError as exc:
            log.warning("summary_failed", conversation=fold.conversation.id, code=exc.code, error=str(exc))
        except StoreUnavailable as exc:
            log.warning("summary_failed", conversation=fold.conversation.id, error=str(exc))
        except Exception:
            log.exception("summary_failed", conversation=fold.conversation.id)
        return False

    async def _fold(self, fold: Fold) -> bool:
        """Make notes portion by portion; each that completes a turn is stored.

        Raises:
            KimiError: no more notes can be had now.
            StoreUnavailable: the store failed.
        """
        capacity, halvings, progress = fold.capacity_tokens, HALVINGS, False
        while True:
            try:
                async for stored in self._portions(fold, capacity):
                    if not stored:
                        return progress
                    progress = True
            except KimiContextTooLong:
                if halvings <= 0:
                    raise
                capacity, halvings = capacity / 2, halvings - 1
            else:
                return progress

    async def _portions(self, fold: Fold, capacity_tokens: float) -> AsyncGenerator[bool, None]:
        """Yield True for each version stored, False where one cannot be: something changed."""
        async with self._database.read() as tx:
            base = await summaries.get_latest(tx, fold.conversation, before_seq=fold.last_seq + 1)
            version = await summaries.get_newest_version(tx, fold.conversation.id)
            lines = await history.load_oldest(
                tx,
                fold.conversation.id,
                after_seq=base.up_to_seq if base else fold.conversation.history_cutoff_seq,
                up_to_seq=fold.up_to_seq,
                limit=MOST_LINES,
            )
        scene = fold.conversation.chat_type
        point = fold_point(
            lines,
            last_seq=fold.last_seq,
            keep_tokens=fold.keep_tokens,
            keep_lines=fold.keep_lines,
            scene=scene,
        )
        chosen = [line for line in lines if point is not None and line.seq <= point]
        notes, whole = base.text if base else "", list[HistoryMessage]()
        for portion in portions(chosen, scene=scene, capacity_tokens=capacity_tokens):
            notes = await self._notes(fold, notes, portion)
            whole += portion.lines
            if portion.up_to_seq is None:
                continue
            version += 1
            made = Summary(
                version=version,
                up_to_seq=portion.up_to_seq,
                text=notes,
                messages=(base.messages if base else 0) + len(whole),
                created_at=utc_now(),
            )
            if not await self._store(fold, made, base, whole):
                yield False
                return
            log.info(
                "summary_stored", conversation=fold.conversation.id, version=version, messages=made.messages
            )
            yield True
            base, whole = made, []

    async def _notes(self, fold: Fold, notes: str, portion: Portion) -> str:
        """Return notes on what ``notes`` tell of and on one portion more."""
        limit = fold.limit_tokens
        steered = replace(fold.terms, level=quiet(fold.terms.model)).steering
        request = ChatRequest(
            messages=(
                Message(role="system", content=fold.system),
                *notes_messages(notes),
                *portion.messages,
                instruction(limit),
            ),
            model=fold.terms.model.id,
            max_completion_tokens=fold.reply_tokens,
            thinking=steered.thinking,
            reasoning_effort=steered.effort,
            prompt_cache_key=cache_key(fold.conversation),
        )
        written = Written()
        try:
            await write(
                self._model,
                request,
                written,
                lambda _: None,
                self._clock,
                resume_attempts=1,
                continuations=0,
                asker=replace(fold.asker, provider=""),
            )
        except KimiContentFiltered as exc:
            log.warning("summary_refused", conversation=fold.conversation.id, error=str(exc))
            written.text = f"{notes}\n{UNREADABLE.format(count=len(portion.messages))}"
        await self._account(fold, written)
        made = written.text.strip()
        if not made:
            raise KimiContextTooLong("no words were left for the notes")  # a smaller portion may do
        return shortened(made, limit * NOTES_SLACK)

    async def _store(
        self, fold: Fold, made: Summary, base: Summary | None, lines: list[HistoryMessage]
    ) -> bool:
        """Store a version, unless what it tells of has changed since or was forgotten."""
        async with self._database.begin() as tx:
            now = await conversations.get(tx, fold.conversation.id)
            if now.history_cutoff_seq != fold.conversation.history_cutoff_seq:
                return False
            after_seq = base.up_to_seq if base else now.history_cutoff_seq
            same = await _lines(tx, now, after_seq, made.up_to_seq) == lines
            return same and await summaries.add(tx, now.id, made, previous=base)

    async def _account(self, fold: Fold, written: Written) -> None:
        used = written.usage
        if used is None:
            return
        spent = CallUsage(
            model=fold.terms.model.id,
            prompt_tokens=used.prompt_tokens,
            cached_tokens=used.cached_tokens,
            completion_tokens=used.completion_tokens,
            reasoning_tokens=used.reasoning_tokens,
            first_word_s=None if written.first_word_at is None else written.first_word_at - written.asked_at,
            duration_s=self._clock.time() - written.asked_at,
            outcome=OUTCOME,
        )
        async with self._database.begin() as tx:
            await usage.add(
                tx,
                priced(spent, self._prices),
                conversation_id=fold.conversation.id,
                turn_id=fold.turn.id,
                person_id="",
            )


def cache_key(conversation: Conversation) -> str:
    """Return what tells Kimi's prefix cache that requests belong together."""
    return f"conversation-{conversation.id}"


async def _lines(
    tx: Transaction, conversation: Conversation, after_seq: int, up_to_seq: int
) -> list[HistoryMessage]:
    found = await history.load_oldest(
        tx, conversation.id, after_seq=after_seq, up_to_seq=up_to_seq, limit=MOST_LINES
    )
    return list(found)
