"""Builds the request for a question: options, summary, history, files and passages that fit.

::

    system prompt | whole documents | summary | messages … excerpts and passages | question
    `------------ unchanged between two summaries -----------'

After an answer was shown, the beginning is summarized in the background as soon as the prompt fills
60 % of its room. A question that comes before the summary is ready and does not fit waits for it; if
the summary cannot be had, the prompt says that messages are missing.
"""

from dataclasses import replace
from typing import Final

import structlog

from core.chat_settings import ChatSettings
from core.domain.errors import StoreUnavailable
from core.domain.message_content import MessageRole
from core.kimi import ChatRequest
from core.knowledge.retrieval import KnowledgeRetriever
from core.prompting.compactor import Compactor
from core.prompting.generation_options import GenerationOptions
from core.prompting.options_loader import OptionsLoader
from core.prompting.prepared_request import PreparedRequest
from core.prompting.prompt import Prompt
from core.prompting.summarizer import prompt_cache_key
from core.prompting.token_calibration import TokenCalibration
from core.prompting.view import PromptView
from core.prompting.view_loader import PromptViewLoader
from core.store.conversations import Conversation
from core.store.open_work import AvailableContext
from core.store.summaries import MAX_SEQ
from core.store.turns import Turn

log = structlog.get_logger(__name__)

MAX_COMPACTION_ROUNDS: Final = 3  #: summaries that one question waits for


class PromptBuilder:
    """Builds requests for questions, and prepares conversations for their next question."""

    def __init__(
        self,
        options_loader: OptionsLoader,
        view_loader: PromptViewLoader,
        compactor: Compactor,
        token_calibration: TokenCalibration,
        settings: ChatSettings,
        *,
        retriever: KnowledgeRetriever | None = None,
    ) -> None:
        """Without ``retriever``, prompts show no passages of a chat's documents."""
        self._options_loader = options_loader
        self._view_loader = view_loader
        self._compactor = compactor
        self._token_calibration = token_calibration
        self._settings = settings
        self._retriever = retriever

    async def prepare(
        self,
        conversation: Conversation,
        turn: Turn,
        available_context: AvailableContext,
        *,
        options: GenerationOptions,
        was_too_long: bool = False,
    ) -> PreparedRequest:
        """Return the request for a turn's question. May wait for a summary of what does not fit.

        Args:
            conversation: the conversation.
            turn: the turn to answer.
            available_context: what is known to be stored for the conversation.
            options: of the answer to come.
            was_too_long: Kimi refused the request that was prepared before as too long.

        Raises:
            QuestionTooLong: not even the question fits.
            StoreUnavailable: the history cannot be read.
        """
        loaded = await self._load_question_view(conversation, turn, available_context, options)
        view = await self._token_calibration.calibrate(loaded, was_too_long=was_too_long)
        for _ in range(MAX_COMPACTION_ROUNDS):
            if view.fits or view.question_too_long or not await self._compactor.compact(view, turn):
                break
            available_context = replace(available_context, has_summaries=True)
            loaded = await self._load_question_view(conversation, turn, available_context, options)
            view = await self._token_calibration.calibrate(
                replace(loaded, token_ratio=max(loaded.token_ratio, view.token_ratio))
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
            question_start=prompt.question_start,
            token_ratio=view.token_ratio,
            partial_files=view.files.partial,
            passages=view.passages,
            marker_code=view.marker_code,
            well_below_limit=not self._compactor.is_near_limit(view, reply_tokens=view.options.reply_tokens),
        )

    async def compact_if_large(self, conversation: Conversation, turn: Turn) -> None:
        """Begin a summary in the background if the next prompt will be large. Raises nothing."""
        try:
            conversation = await self._view_loader.load_conversation(conversation.id)  # may have begun anew
            options = await self._options_loader.load(conversation)
            view = await self._view_loader.load(
                conversation,
                options,
                AvailableContext.unknown(conversation.chat_type),
                question_seq=turn.first_seq,
                up_to_seq=turn.seq,
            )
        except StoreUnavailable as exc:
            log.info("summary.postponed", error=str(exc))
            return
        if self._compactor.is_near_limit(view):
            self._compactor.start_in_background(view, turn)

    async def load_current_view(self, conversation: Conversation) -> PromptView:
        """Return a conversation with all messages so far.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        options = await self._options_loader.load(conversation)
        return await self._view_loader.load(
            conversation,
            options,
            AvailableContext.unknown(conversation.chat_type),
            question_seq=MAX_SEQ,
            up_to_seq=MAX_SEQ,
        )

    async def _load_question_view(
        self,
        conversation: Conversation,
        turn: Turn,
        available_context: AvailableContext,
        options: GenerationOptions,
    ) -> PromptView:
        view = await self._view_loader.load(
            conversation,
            options,
            available_context,
            question_seq=turn.first_seq,
            up_to_seq=turn.seq,
        )
        # An earlier answer to this very question gives way to the new one.
        history = [
            one for one in view.history if one.role is not MessageRole.ASSISTANT or one.seq != turn.seq
        ]
        view = replace(view, history=history)
        if self._retriever is None:
            return view
        found = await self._retriever.retrieve(conversation, turn, available_context)
        return view.with_knowledge(found)

    def _build_chat_request(self, view: PromptView, prompt: Prompt) -> ChatRequest:
        thinking = view.options.thinking_params
        return ChatRequest(
            messages=prompt.messages,
            model=view.options.model.id,
            max_completion_tokens=view.options.reply_tokens,
            thinking=thinking.thinking,
            reasoning_effort=thinking.effort,
            sampling=self._settings.sampling_params,
            prompt_cache_key=prompt_cache_key(view.conversation),
        )
