"""What the next question of a conversation is asked with: terms, notes, and the words that fit.

::

    system prompt | whole documents | notes on the beginning | messages … parts and passages | question
    `------------- unchanged between two folds -------------'

After an answer was shown the beginning is folded in the background as soon as the prompt fills 60 %
of the room. A question that comes before the notes are ready and does not fit waits for them;
where they cannot be had, its prompt says that something is missing.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from core.chat_settings import ChatSettings
from core.domain.errors import StoreUnavailable
from core.files.file_policy import strip_attachments_line
from core.files.prompt_files import NO_FILES
from core.files.reader import FileReader
from core.inbound.group_policy import default_conversation_settings
from core.kimi import KNOWN, ChatRequest, Message, Model
from core.knowledge.retrieval import KnowledgeRetriever
from core.llm.asker import asker_of
from core.prompting.compaction import FOLD_ABOVE, FOLD_DOWN_TO, NOTES_SLACK, notes_tokens
from core.prompting.generation_options import Terms, make_terms
from core.prompting.model_catalog import Catalogue, described
from core.prompting.personas import Personas
from core.prompting.prepared_request import Prepared
from core.prompting.prompt import Prompt, message_of, message_tokens, system_prompt
from core.prompting.summarizer import Fold, Summarizer, cache_key
from core.prompting.token_calibration import CountTokens, Measure
from core.prompting.token_ratio import Ratios
from core.prompting.view import View
from core.store import Database, conversation_settings, conversations, files, history, rules, summaries
from core.store.conversations import Conversation
from core.store.open_work import AvailableContext
from core.store.summaries import MAX_SEQ
from core.store.turns import Turn

log = structlog.get_logger(__name__)

BACKGROUND_WEIGHT = 0.25  #: of notes that nobody waits for, in the account's line
FOLD_ROUNDS = 3  #: how many folds one question waits for


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
        reader: FileReader | None = None,
        knowledge: KnowledgeRetriever | None = None,
    ) -> None:
        """``count_tokens`` is the provider's own count, used only near the edge of the context.

        Without ``reader`` no files are shown, without ``knowledge`` no passages.
        """
        self._database = database
        self._catalogue = catalogue
        self._summarizer = summarizer
        self._settings = settings
        self._ratios = ratios
        self._personas = personas or Personas(None)
        self._reader = reader
        self._knowledge = knowledge
        self._measure = Measure(ratios, count_tokens)

    async def terms(self, conversation: Conversation, background: AvailableContext | None = None) -> Terms:
        """Return the terms on which a conversation is answered now.

        Raises:
            StoreUnavailable: they could not be read.
        """
        chosen: dict[str, str] = {}
        if background is None or background.has_settings:
            async with self._database.read() as tx:
                chosen = dict(await conversation_settings.load(tx, conversation.id))
                if background is None:
                    found = await rules.load(tx, conversation.key)
                    background = AvailableContext(rules=found, chat_type=conversation.chat_type)
        own = background.group_rules
        if own is not None:
            chosen = default_conversation_settings(own) | chosen
        wanted = chosen.get(conversation_settings.MODEL, "")
        model = self._catalogue.find(wanted) if wanted else None
        usual = "" if self._settings.thinking is None else ("on" if self._settings.thinking else "off")
        searches = chosen.get(conversation_settings.SEARCH)
        terms = make_terms(
            model or self._usual_model(),
            reply_tokens=self._settings.reply_tokens,
            level=chosen.get(conversation_settings.THINKING, usual),
            persona=await self._persona(chosen.get(conversation_settings.PERSONA, "")),
            gone=wanted if model is None else "",
        )
        language = "" if own is None else own.language
        return replace(terms, searches=None if searches is None else searches == "on", language=language)

    async def prepare(
        self,
        conversation: Conversation,
        turn: Turn,
        background: AvailableContext,
        *,
        terms: Terms,
        refused: bool = False,
    ) -> Prepared:
        """Return what Kimi is asked for a turn. May wait for notes on what does not fit.

        ``background`` and ``terms`` are the conversation's. ``refused`` says that Kimi found what was
        prepared before too long.

        Raises:
            QuestionTooLong: not even the question fits.
            StoreUnavailable: the history could not be read.
        """
        seen = await self._view(conversation, turn, background, terms)
        view = await self._measure.measured(seen, refused=refused)
        for _ in range(FOLD_ROUNDS):
            if view.fits or view.too_long or not await self._folded(view, turn):
                break
            background = replace(background, has_summaries=True)
            seen = await self._view(conversation, turn, background, terms)
            view = await self._measure.measured(replace(seen, ratio=max(seen.ratio, view.ratio)))
        prompt = view.prompt()
        if prompt.left_out or view.unread:
            log.warning("messages_missing", conversation=conversation.id, messages=prompt.left_out)
            prompt = replace(view, missing=True).prompt()
        return Prepared(
            request=self._request(view, prompt),
            terms=view.terms,
            estimated_tokens=prompt.estimated_tokens,
            ratio=view.ratio,
            partly=view.material.partial,
            found=view.found,
            roomy=not self._large(view, grown_by=view.terms.reply_tokens),
        )

    async def answered(self, conversation: Conversation, turn: Turn) -> None:
        """Begin to fold in the background where the next prompt will be large. Raises nothing."""
        try:
            async with self._database.read() as tx:
                conversation = await conversations.get(tx, conversation.id)  # it may have begun anew
            first = min(turn.seq, turn.inbox_id)
            terms = await self.terms(conversation)
            view = await self._seen(
                conversation, terms, AvailableContext(), question_seq=first, up_to_seq=turn.seq
            )
        except StoreUnavailable as exc:
            log.info("fold_postponed", error=str(exc))
            return
        if self._large(view):
            self._summarizer.begin(self._fold(view, turn, weight=BACKGROUND_WEIGHT))

    def _large(self, view: View, *, grown_by: float = 0.0) -> bool:
        """Return whether the next prompt will be large, if the view grows by some tokens and two lines."""
        full = view.wanted_tokens + grown_by > view.terms.room_tokens * FOLD_ABOVE
        lines = len(view.lines) + (2 if grown_by else 0)
        return full or view.unread or lines > self._settings.history_max_messages * FOLD_ABOVE

    async def now(self, conversation: Conversation) -> View:
        """Return a conversation with everything that was said so far.

        Raises:
            StoreUnavailable: it could not be read.
        """
        terms = await self.terms(conversation)
        return await self._seen(
            conversation, terms, AvailableContext(), question_seq=MAX_SEQ, up_to_seq=MAX_SEQ
        )

    async def _view(
        self, conversation: Conversation, turn: Turn, background: AvailableContext, terms: Terms
    ) -> View:
        first = min(turn.seq, turn.inbox_id)  # several questions may have been merged into this turn
        view = await self._seen(conversation, terms, background, question_seq=first, up_to_seq=turn.seq)
        # An earlier answer to this very question gives way to the new one.
        asked = [line for line in view.lines if not (line.role == "assistant" and line.seq == turn.seq)]
        return await self._informed(replace(view, lines=asked), turn, background)

    async def _informed(self, view: View, turn: Turn, background: AvailableContext) -> View:
        """Return a view with the passages that its question finds, right before the question."""
        if self._knowledge is None:
            return view
        known = await self._knowledge.retrieve(view.conversation, turn, background)
        return view.informed(known.passages, strict=known.strict)

    async def _seen(
        self,
        conversation: Conversation,
        terms: Terms,
        background: AvailableContext,
        *,
        question_seq: int,
        up_to_seq: int,
    ) -> View:
        most = self._settings.history_max_messages
        summary, known = None, list[files.ProcessedFile]()
        async with self._database.read() as tx:
            if background.has_summaries:
                summary = await summaries.get_latest(tx, conversation, before_seq=question_seq)
            lines = await history.load_recent(
                tx,
                conversation.id,
                after_seq=summary.up_to_seq if summary else conversation.history_cutoff_seq,
                up_to_seq=up_to_seq,
                limit=most,
            )
            if background.has_files:
                since = conversation.history_cutoff_seq
                known += await files.load_processed(tx, conversation.id, after_seq=since, up_to_seq=up_to_seq)
        ratio = await self._ratios.of(terms.model.id)
        material = NO_FILES
        if self._reader is not None and known:
            asked = [line.text for line in lines if line.role == "user" and line.seq >= question_seq]
            material = await self._reader.load_prompt_files(
                known,
                question="\n".join(strip_attachments_line(words) for words in asked),
                question_seq=question_seq,
                model=terms.model,
                budget_tokens=terms.room_tokens / ratio,
            )
        return View(
            conversation=conversation,
            terms=terms,
            material=material,
            system=system_prompt(
                custom=self._settings.system_prompt,
                platform=conversation.key.platform,
                scene=conversation.chat_type,
                today=datetime.now(UTC).date(),
                persona=terms.persona,
                language=terms.language,
            ),
            summary=summary,
            lines=lines,
            unread=len(lines) >= most,
            ratio=ratio,
            question_seq=question_seq,
        )

    async def _folded(self, view: View, turn: Turn) -> bool:
        """Wait for notes on what does not fit; False where they cannot be had."""
        begun_before = self._summarizer.running(view.conversation.id)
        folding = begun_before or self._summarizer.begin(self._fold(view, turn))
        await asyncio.wait({folding})  # where the person stops us, the notes are made all the same
        return begun_before is not None or (not folding.cancelled() and folding.result())

    def _fold(self, view: View, turn: Turn, *, weight: float = 1.0) -> Fold:
        asker = asker_of(view.conversation, turn.asker_id, self._settings.fair_share_weights)
        scene, room = view.conversation.chat_type, view.terms.room_tokens
        fixed = sum(message_tokens(message_of(line, scene, view.material)) for line in view.question)
        fixed += view.material.tokens
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
            keep_lines=int(self._settings.history_max_messages * FOLD_DOWN_TO),
            asker=replace(asker, weight=asker.weight * weight),
        )

    def _request(self, view: View, prompt: Prompt) -> ChatRequest:
        steered = view.terms.steering
        return ChatRequest(
            messages=prompt.messages,
            model=view.terms.model.id,
            max_completion_tokens=view.terms.reply_tokens,
            thinking=steered.thinking,
            reasoning_effort=steered.effort,
            sampling=self._settings.sampling_params,
            prompt_cache_key=cache_key(view.conversation),
        )

    def _usual_model(self) -> Model:
        """Return the deployment's own model, as the catalogue tells it now."""
        usual = self._settings.model
        known = KNOWN.get(usual) or Model(id=usual, context_tokens=self._settings.context_tokens)
        return self._catalogue.find(usual) or described(known)

    async def _persona(self, chosen: str) -> str:
        """Return the words of a chosen persona; "" for the usual one, also where its file is gone."""
        if not chosen.startswith("@"):
            return chosen
        words = await self._personas.words(chosen[1:])
        if words is None:
            log.info("persona_gone", name=chosen[1:])
        return words or ""
