"""What the next question of a conversation is asked with: terms, notes, and the words that fit.

::

    system prompt | notes on the beginning | messages, oldest first … question
    `------ unchanged between two folds -------'

After an answer was shown the beginning is folded in the background as soon as the prompt fills 60 %
of the room. A question that comes before the notes are ready and does not fit waits for them;
where they cannot be had, its prompt says that something is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from core.chat.catalogue import Catalogue, described
from core.chat.folding import FOLD_ABOVE, FOLD_DOWN_TO, NOTES_SLACK, notes_tokens
from core.chat.personas import Personas
from core.chat.prompt import Prompt, QuestionTooLong, message_of, message_tokens, system_prompt
from core.chat.ratios import Ratios
from core.chat.settings import ChatSettings
from core.chat.summary import Fold, Summarizer, cache_key
from core.chat.terms import Terms, make_terms
from core.chat.view import View
from core.chat.waiting import asker_of
from core.errors import StoreUnavailable
from core.kimi import KNOWN, ChatRequest, KimiEndpointMissing, KimiError, Message, Model
from core.store import Database, choices, conversations, history, summaries
from core.store.conversations import Conversation
from core.store.turns import Turn

log = structlog.get_logger(__name__)

EDGE = 0.1  #: this near to the end of the room an estimate is not trusted
LAST_SEQ = 2**62  #: later than any message
COUNT_PATIENCE_S = 5.0  #: how long the provider's own count is waited for
BACKGROUND_WEIGHT = 0.25  #: of notes that nobody waits for, in the account's line
FOLD_ROUNDS = 3  #: how many folds one question waits for

CountTokens = Callable[[ChatRequest], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A question, ready to be asked."""

    request: ChatRequest
    terms: Terms
    estimated_tokens: int  #: of the prompt, before the ratio is applied


class Contexts:
    """Knows of every conversation what it is answered with."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        summarizer: Summarizer,
        settings: ChatSettings,
        *,
        ratios: Ratios,
        personas: Personas | None = None,
        count_tokens: CountTokens | None = None,
    ) -> None:
        """``count_tokens`` is the provider's own count, used only near the edge of the context."""
        self._database = database
        self._catalogue = catalogue
        self._summarizer = summarizer
        self._settings = settings
        self._ratios = ratios
        self._personas = personas or Personas(None)
        self._count_tokens = count_tokens

    async def terms(self, conversation: Conversation) -> Terms:
        """Return the terms on which a conversation is answered now.

        Raises:
            StoreUnavailable: they could not be read.
        """
        async with self._database.read() as tx:
            chosen = await choices.of(tx, conversation.id)
        wanted = chosen.get(choices.MODEL, "")
        model = self._catalogue.find(wanted) if wanted else None
        usual = "" if self._settings.thinking is None else ("on" if self._settings.thinking else "off")
        return make_terms(
            model or self._usual_model(),
            reply_tokens=self._settings.reply_tokens,
            level=chosen.get(choices.THINKING, usual),
            persona=await self._persona(chosen.get(choices.PERSONA, "")),
            gone=wanted if model is None else "",
        )

    async def prepare(self, conversation: Conversation, turn: Turn) -> Prepared:
        """Return what Kimi is asked for a turn. May wait for notes on what does not fit.

        Raises:
            QuestionTooLong: not even the question fits.
            StoreUnavailable: the history could not be read.
        """
        view = await self._made_to_fit(await self._view(conversation, turn), turn)
        prompt = await self._fitting(view)
        if (prompt.left_out or view.unread) and not view.missing:
            log.warning("messages_missing", conversation=conversation.id, messages=prompt.left_out)
            prompt = replace(view, missing=True).prompt()
        return Prepared(
            request=self._request(view, prompt), terms=view.terms, estimated_tokens=prompt.estimated_tokens
        )

    async def answered(self, conversation: Conversation, turn: Turn) -> None:
        """Begin to fold in the background where the next prompt will be large. Raises nothing."""
        try:
            async with self._database.read() as tx:
                conversation = await conversations.get(tx, conversation.id)  # it may have begun anew
            first = min(turn.seq, turn.inbox_id)
            view = await self._seen(conversation, question_seq=first, up_to_seq=turn.seq)
        except StoreUnavailable as exc:
            log.info("fold_postponed", error=str(exc))
            return
        full = view.wanted_tokens > view.terms.room_tokens * FOLD_ABOVE
        if full or view.unread or len(view.lines) > self._settings.history_lines * FOLD_ABOVE:
            self._summarizer.begin(self._fold(view, turn, weight=BACKGROUND_WEIGHT))

    async def now(self, conversation: Conversation) -> View:
        """Return a conversation with everything that was said so far.

        Raises:
            StoreUnavailable: it could not be read.
        """
        return await self._seen(conversation, question_seq=LAST_SEQ, up_to_seq=LAST_SEQ)

    async def _view(self, conversation: Conversation, turn: Turn) -> View:
        first = min(turn.seq, turn.inbox_id)  # several questions may have been merged into this turn
        view = await self._seen(conversation, question_seq=first, up_to_seq=turn.seq)
        # An earlier answer to this very question gives way to the new one.
        asked = [line for line in view.lines if not (line.role == "assistant" and line.seq == turn.seq)]
        return replace(view, lines=asked)

    async def _seen(self, conversation: Conversation, *, question_seq: int, up_to_seq: int) -> View:
        terms = await self.terms(conversation)
        most = self._settings.history_lines
        async with self._database.read() as tx:
            summary = await summaries.latest(tx, conversation, before_seq=question_seq)
            lines = await history.recent(
                tx,
                conversation.id,
                after_seq=summary.up_to_seq if summary else conversation.history_after,
                up_to_seq=up_to_seq,
                max_lines=most,
            )
        return View(
            conversation=conversation,
            terms=terms,
            system=system_prompt(
                custom=self._settings.system_prompt,
                platform=conversation.key.platform,
                scene=conversation.scene,
                today=datetime.now(UTC).date(),
                persona=terms.persona,
            ),
            summary=summary,
            lines=lines,
            unread=len(lines) >= most,
            ratio=await self._ratios.of(terms.model.id),
            question_seq=question_seq,
        )

    async def _made_to_fit(self, view: View, turn: Turn) -> View:
        """Return a view whose lines fit, after waiting for notes on the oldest where they do not."""
        for _ in range(FOLD_ROUNDS):
            try:
                if not view.prompt().left_out and not view.unread:
                    return view
            except QuestionTooLong:
                return view  # notes on what came before would not help
            begun_before = self._summarizer.running(view.conversation.id)
            folding = begun_before or self._summarizer.begin(self._fold(view, turn))
            await asyncio.wait({folding})  # where the person stops us, the notes are made all the same
            if begun_before is None and (folding.cancelled() or not folding.result()):
                return view
            view = await self._view(view.conversation, turn)
        return view

    def _fold(self, view: View, turn: Turn, *, weight: float = 1.0) -> Fold:
        asker = asker_of(view.conversation, turn.asker_id, self._settings.weights)
        scene, room = view.conversation.scene, view.terms.room_tokens
        question = [line for line in view.lines if line.seq >= view.question_seq]
        fixed = sum(message_tokens(message_of(line, scene)) for line in question)
        fixed += message_tokens(Message(role="system", content=view.system))
        spare = room / view.ratio - fixed - notes_tokens(room) * NOTES_SLACK
        return Fold(
            conversation=view.conversation,
            turn=turn,
            terms=view.terms,
            system=view.system,
            ratio=view.ratio,
            last_seq=view.question_seq - 1,
            up_to_seq=view.question_seq - 1,
            keep_tokens=min(spare, room * FOLD_DOWN_TO / view.ratio),
            keep_lines=int(self._settings.history_lines * FOLD_DOWN_TO),
            asker=replace(asker, weight=asker.weight * weight),
        )

    async def _fitting(self, view: View) -> Prompt:
        """Build the prompt; near the edge by the provider's own count instead of our estimate.

        Raises:
            QuestionTooLong: not even the question fits.
        """
        room = view.terms.room_tokens
        try:
            prompt = view.prompt()
        except QuestionTooLong:
            if self._count_tokens is None:
                raise
            prompt = replace(view, ratio=view.ratio * (1 - EDGE)).prompt()
        if self._count_tokens is None or prompt.estimated_tokens * view.ratio < room * (1 - EDGE):
            return prompt
        counted = await self._counted(view, prompt)
        if counted is None:
            return view.prompt()
        await self._ratios.learn(view.terms.model.id, estimated=prompt.estimated_tokens, counted=counted)
        if counted <= room:
            return prompt
        return replace(view, ratio=counted / prompt.estimated_tokens).prompt()

    async def _counted(self, view: View, prompt: Prompt) -> int | None:
        """Return the provider's count; None where it cannot be had soon."""
        if self._count_tokens is None:
            return None
        try:
            async with asyncio.timeout(COUNT_PATIENCE_S):
                return await self._count_tokens(self._request(view, prompt))
        except KimiEndpointMissing:
            self._count_tokens = None  # this provider does not count: it is not asked again
        except (KimiError, TimeoutError) as exc:
            log.info("tokens_not_counted", error=type(exc).__name__)
        return None

    def _request(self, view: View, prompt: Prompt) -> ChatRequest:
        steered = view.terms.steering
        return ChatRequest(
            messages=prompt.messages,
            model=view.terms.model.id,
            max_completion_tokens=view.terms.reply_tokens,
            thinking=steered.thinking,
            reasoning_effort=steered.effort,
            sampling=self._settings.sampling,
            prompt_cache_key=cache_key(view.conversation),
        )

    def _usual_model(self) -> Model:
        """Return the deployment's own model, as the catalogue tells it now."""
        usual = self._settings.model
        listed = self._catalogue.find(usual) or described(
            KNOWN.get(usual) or Model(id=usual, context_tokens=0)
        )
        return replace(listed, context_tokens=self._settings.context_tokens or listed.context_tokens)

    async def _persona(self, chosen: str) -> str:
        """Return the words of a chosen persona; "" for the usual one, also where its file is gone."""
        if not chosen.startswith("@"):
            return chosen
        words = await self._personas.words(chosen[1:])
        if words is None:
            log.info("persona_gone", name=chosen[1:])
        return words or ""
