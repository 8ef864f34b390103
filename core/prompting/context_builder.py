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
from core.kimi import KNOWN_MODELS, ChatRequest, Message, Model
from core.knowledge.retrieval import KnowledgeRetriever
from core.llm.requester import requester_of
from core.prompting.compaction import COMPACT_ABOVE, COMPACT_DOWN_TO, SUMMARY_SLACK, max_summary_tokens
from core.prompting.generation_options import GenerationOptions, build_generation_options
from core.prompting.model_catalog import ModelCatalog, with_default_context
from core.prompting.personas import Personas
from core.prompting.prepared_request import PreparedRequest
from core.prompting.prompt import Prompt, estimate_message_tokens, system_prompt, to_chat_message
from core.prompting.summarizer import Compaction, Summarizer, prompt_cache_key
from core.prompting.token_calibration import CountTokens, TokenCalibration
from core.prompting.token_ratio import TokenRatios
from core.prompting.view import PromptView
from core.store import Database, conversation_settings, conversations, files, history, rules, summaries
from core.store.conversations import Conversation
from core.store.open_work import AvailableContext
from core.store.summaries import MAX_SEQ
from core.store.turns import Turn

log = structlog.get_logger(__name__)

BACKGROUND_COMPACTION_WEIGHT = 0.25  #: of notes that nobody waits for, in the account's line
MAX_COMPACTION_ROUNDS = 3  #: how many folds one question waits for


class PromptBuilder:
    """Knows of every conversation what it is answered with."""

    def __init__(
        self,
        database: Database,
        model_catalog: ModelCatalog,
        summarizer: Summarizer,
        settings: ChatSettings,
        *,
        token_ratios: TokenRatios,
        personas: Personas | None = None,
        count_tokens: CountTokens | None = None,
        file_reader: FileReader | None = None,
        retriever: KnowledgeRetriever | None = None,
    ) -> None:
        """``count_tokens`` is the provider's own count, used only near the edge of the context.

        Without ``reader`` no files are shown, without ``knowledge`` no passages.
        """
        self._database = database
        self._model_catalog = model_catalog
        self._summarizer = summarizer
        self._settings = settings
        self._token_ratios = token_ratios
        self._personas = personas or Personas(None)
        self._file_reader = file_reader
        self._retriever = retriever
        self._token_calibration = TokenCalibration(token_ratios, count_tokens)

    async def load_options(
        self, conversation: Conversation, available_context: AvailableContext | None = None
    ) -> GenerationOptions:
        """Return the terms on which a conversation is answered now.

        Raises:
            StoreUnavailable: they could not be read.
        """
        chosen: dict[str, str] = {}
        if available_context is None or available_context.has_settings:
            async with self._database.read() as tx:
                chosen = dict(await conversation_settings.load(tx, conversation.id))
                if available_context is None:
                    found = await rules.load(tx, conversation.key)
                    available_context = AvailableContext(rules=found, chat_type=conversation.chat_type)
        own = available_context.group_rules
        if own is not None:
            chosen = conversation_settings.defaults_of_chat(own) | chosen
        wanted = chosen.get(conversation_settings.MODEL, "")
        model = self._model_catalog.find(wanted) if wanted else None
        usual = "" if self._settings.thinking is None else ("on" if self._settings.thinking else "off")
        searches = chosen.get(conversation_settings.SEARCH)
        terms = build_generation_options(
            model or self._default_model(),
            reply_tokens=self._settings.reply_tokens,
            thinking_level=chosen.get(conversation_settings.THINKING, usual),
            persona=await self._persona_text(chosen.get(conversation_settings.PERSONA, "")),
            unavailable_model=wanted if model is None else "",
        )
        language = "" if own is None else own.language
        return replace(terms, web_search=None if searches is None else searches == "on", language=language)

    async def prepare(
        self,
        conversation: Conversation,
        turn: Turn,
        available_context: AvailableContext,
        *,
        options: GenerationOptions,
        was_too_long: bool = False,
    ) -> PreparedRequest:
        """Return what Kimi is asked for a turn. May wait for notes on what does not fit.

        ``background`` and ``terms`` are the conversation's. ``refused`` says that Kimi found what was
        prepared before too long.

        Raises:
            QuestionTooLong: not even the question fits.
            StoreUnavailable: the history could not be read.
        """
        seen = await self._load_question_view(conversation, turn, available_context, options)
        view = await self._token_calibration.calibrate(seen, was_too_long=was_too_long)
        for _ in range(MAX_COMPACTION_ROUNDS):
            if view.fits or view.question_too_long or not await self._wait_for_compaction(view, turn):
                break
            available_context = replace(available_context, has_summaries=True)
            seen = await self._load_question_view(conversation, turn, available_context, options)
            view = await self._token_calibration.calibrate(
                replace(seen, token_ratio=max(seen.token_ratio, view.token_ratio))
            )
        prompt = view.build()
        if prompt.dropped_messages or view.has_older_messages:
            log.warning(
                "prompt.messages_dropped", conversation=conversation.id, messages=prompt.dropped_messages
            )
            prompt = replace(view, has_gap=True).build()
        return PreparedRequest(
            request=self._build_chat_request(view, prompt),
            options=view.options,
            estimated_tokens=prompt.estimated_tokens,
            token_ratio=view.token_ratio,
            partial_files=view.files.partial,
            passages=view.passages,
            well_below_limit=not self._is_near_limit(view, extra_tokens=view.options.reply_tokens),
        )

    async def compact_if_large(self, conversation: Conversation, turn: Turn) -> None:
        """Begin to fold in the background where the next prompt will be large. Raises nothing."""
        try:
            async with self._database.read() as tx:
                conversation = await conversations.get(tx, conversation.id)  # it may have begun anew
            first = min(turn.seq, turn.inbox_id)
            terms = await self.load_options(conversation)
            view = await self._load_view(
                conversation, terms, AvailableContext(), question_seq=first, up_to_seq=turn.seq
            )
        except StoreUnavailable as exc:
            log.info("summary.postponed", error=str(exc))
            return
        if self._is_near_limit(view):
            self._summarizer.start(self._build_compaction(view, turn, weight=BACKGROUND_COMPACTION_WEIGHT))

    def _is_near_limit(self, view: PromptView, *, extra_tokens: float = 0.0) -> bool:
        """Return whether the next prompt will be large, if the view grows by some tokens and two lines."""
        full = view.untrimmed_tokens + extra_tokens > view.options.max_prompt_tokens * COMPACT_ABOVE
        lines = len(view.history) + (2 if extra_tokens else 0)
        return full or view.has_older_messages or lines > self._settings.history_max_messages * COMPACT_ABOVE

    async def load_current_view(self, conversation: Conversation) -> PromptView:
        """Return a conversation with everything that was said so far.

        Raises:
            StoreUnavailable: it could not be read.
        """
        terms = await self.load_options(conversation)
        return await self._load_view(
            conversation, terms, AvailableContext(), question_seq=MAX_SEQ, up_to_seq=MAX_SEQ
        )

    async def _load_question_view(
        self,
        conversation: Conversation,
        turn: Turn,
        available_context: AvailableContext,
        options: GenerationOptions,
    ) -> PromptView:
        first = min(turn.seq, turn.inbox_id)  # several questions may have been merged into this turn
        view = await self._load_view(
            conversation, options, available_context, question_seq=first, up_to_seq=turn.seq
        )
        # An earlier answer to this very question gives way to the new one.
        asked = [line for line in view.history if not (line.role == "assistant" and line.seq == turn.seq)]
        return await self._with_passages(replace(view, history=asked), turn, available_context)

    async def _with_passages(
        self, view: PromptView, turn: Turn, available_context: AvailableContext
    ) -> PromptView:
        """Return a view with the passages that its question finds, right before the question."""
        if self._retriever is None:
            return view
        known = await self._retriever.retrieve(view.conversation, turn, available_context)
        return view.with_passages(known.passages, strict=known.strict)

    async def _load_view(
        self,
        conversation: Conversation,
        options: GenerationOptions,
        available_context: AvailableContext,
        *,
        question_seq: int,
        up_to_seq: int,
    ) -> PromptView:
        most = self._settings.history_max_messages
        summary, known = None, list[files.ProcessedFile]()
        async with self._database.read() as tx:
            if available_context.has_summaries:
                summary = await summaries.get_latest(tx, conversation, before_seq=question_seq)
            lines = await history.load_recent(
                tx,
                conversation.id,
                after_seq=summary.up_to_seq if summary else conversation.history_cutoff_seq,
                up_to_seq=up_to_seq,
                limit=most,
            )
            if available_context.has_files:
                since = conversation.history_cutoff_seq
                known += await files.load_processed(tx, conversation.id, after_seq=since, up_to_seq=up_to_seq)
        ratio = await self._token_ratios.get(options.model.id)
        material = NO_FILES
        if self._file_reader is not None and known:
            asked = [line.text for line in lines if line.role == "user" and line.seq >= question_seq]
            material = await self._file_reader.load_prompt_files(
                known,
                question="\n".join(strip_attachments_line(words) for words in asked),
                question_seq=question_seq,
                model=options.model,
                budget_tokens=options.max_prompt_tokens / ratio,
            )
        return PromptView(
            conversation=conversation,
            options=options,
            files=material,
            system=system_prompt(
                operator_prompt=self._settings.system_prompt,
                platform=conversation.key.platform,
                chat_type=conversation.chat_type,
                today=datetime.now(UTC).date(),
                persona=options.persona,
                language=options.language,
            ),
            summary=summary,
            history=lines,
            has_older_messages=len(lines) >= most,
            token_ratio=ratio,
            question_seq=question_seq,
        )

    async def _wait_for_compaction(self, view: PromptView, turn: Turn) -> bool:
        """Wait for notes on what does not fit; False where they cannot be had."""
        begun_before = self._summarizer.running_task(view.conversation.id)
        folding = begun_before or self._summarizer.start(self._build_compaction(view, turn))
        await asyncio.wait({folding})  # where the person stops us, the notes are made all the same
        return begun_before is not None or (not folding.cancelled() and folding.result())

    def _build_compaction(self, view: PromptView, turn: Turn, *, weight: float = 1.0) -> Compaction:
        asker = requester_of(view.conversation, turn.asker_id, self._settings.fair_share_weights)
        scene, room = view.conversation.chat_type, view.options.max_prompt_tokens
        fixed = sum(
            estimate_message_tokens(to_chat_message(line, scene, view.files))
            for line in view.question_messages
        )
        fixed += view.files.tokens
        fixed += estimate_message_tokens(Message(role="system", content=view.system))
        spare = room / view.token_ratio - fixed - max_summary_tokens(room) * SUMMARY_SLACK
        return Compaction(
            conversation=view.conversation,
            turn=turn,
            options=view.options,
            system=view.system,
            token_ratio=view.token_ratio,
            last_compactable_seq=view.question_seq - 1,
            up_to_seq=view.question_seq - 1,
            keep_tokens=min(spare, room * COMPACT_DOWN_TO / view.token_ratio),
            keep_messages=int(self._settings.history_max_messages * COMPACT_DOWN_TO),
            requester=replace(asker, weight=asker.weight * weight),
        )

    def _build_chat_request(self, view: PromptView, prompt: Prompt) -> ChatRequest:
        steered = view.options.thinking_params
        return ChatRequest(
            messages=prompt.messages,
            model=view.options.model.id,
            max_completion_tokens=view.options.reply_tokens,
            thinking=steered.thinking,
            reasoning_effort=steered.effort,
            sampling=self._settings.sampling_params,
            prompt_cache_key=prompt_cache_key(view.conversation),
        )

    def _default_model(self) -> Model:
        """Return the deployment's own model, as the catalogue tells it now."""
        usual = self._settings.model
        known = KNOWN_MODELS.get(usual) or Model(id=usual, context_tokens=self._settings.context_tokens)
        return self._model_catalog.find(usual) or with_default_context(known)

    async def _persona_text(self, chosen: str) -> str:
        """Return the words of a chosen persona; "" for the usual one, also where its file is gone."""
        if not chosen.startswith("@"):
            return chosen
        words = await self._personas.load_text(chosen[1:])
        if words is None:
            log.info("persona.not_found", name=chosen[1:])
        return words or ""
