"""The stored content of a conversation that its next prompt shows. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from core.files.prompt_files import NO_FILES, PromptFiles
from core.knowledge.finder import FoundPassage
from core.knowledge.prompt_passages import build_passages_message
from core.knowledge.retrieval import RetrievalResult
from core.prompting.generation_options import GenerationOptions
from core.prompting.prompt import Prompt, QuestionTooLong, build_prompt
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.summaries import Summary

UNLIMITED_TOKENS: Final = 10**12
PASSAGES_SHARE: Final = 0.25  #: share of a prompt that passages of the chat's documents may take


@dataclass(frozen=True, kw_only=True)
class PromptView:
    """A conversation as its prompt shows it, before anything is left out."""

    conversation: Conversation
    options: GenerationOptions
    system: str
    summary: Summary | None
    history: Sequence[HistoryMessage]
    has_older_messages: bool  #: there are older messages that ``history`` does not hold
    token_ratio: float  #: tokens that the model counts for each one that we estimate
    question_seq: int  #: sequence number of the question's first message
    has_gap: bool = False  #: messages between the summary and the history are missing
    files: PromptFiles = NO_FILES
    passages: Sequence[FoundPassage] = ()  #: shown in the prompt, in the order of their numbers
    marker_code: str = ""  #: of the markers that the prompt names; "" if it names none

    def build(self) -> Prompt:
        """Build the prompt.

        Raises:
            QuestionTooLong: not even the question fits.
        """
        if self._is_within_budget and not self.has_gap:
            return self.untrimmed_prompt
        return self._build(self.options.max_prompt_tokens, has_gap=self.has_gap)

    @cached_property
    def untrimmed_prompt(self) -> Prompt:
        """The prompt with nothing left out."""
        return self._build(UNLIMITED_TOKENS, has_gap=False)

    def with_knowledge(self, found: RetrievalResult) -> "PromptView":
        """Return the view with the passages for its question right before that."""
        message = build_passages_message(
            found.passages,
            strict=found.strict,
            budget_tokens=self.options.max_prompt_tokens / self.token_ratio * PASSAGES_SHARE,
            marker_code=found.marker_code,
        )
        if message is None:
            return self
        files = replace(self.files, excerpts=(*self.files.excerpts, message))
        return replace(self, files=files, passages=found.passages, marker_code=found.marker_code)

    @property
    def untrimmed_tokens(self) -> float:
        """Tokens of the prompt with nothing left out."""
        return self.untrimmed_prompt.estimated_tokens * self.token_ratio

    @property
    def question_too_long(self) -> bool:
        """Whether the question alone is longer than a prompt may be."""
        try:
            self.build()
        except QuestionTooLong:
            return True
        return False

    @property
    def fits(self) -> bool:
        """Whether a prompt can hold everything that is not in the summary."""
        return not self.has_older_messages and self._is_within_budget

    @property
    def _is_within_budget(self) -> bool:
        return self.untrimmed_tokens <= self.options.max_prompt_tokens

    @property
    def question_messages(self) -> Sequence[HistoryMessage]:
        """The messages of the question, or of the last turn."""
        return [message for message in self.history if message.seq >= self.question_seq]

    @property
    def summary_text(self) -> str:
        """The summary of the messages before the history; "" if there is none."""
        return self.summary.text if self.summary else ""

    def _build(self, max_prompt_tokens: int, *, has_gap: bool) -> Prompt:
        return build_prompt(
            self.system,
            self.history,
            chat_type=self.conversation.chat_type,
            max_prompt_tokens=max_prompt_tokens,
            token_ratio=self.token_ratio,
            question_seq=self.question_seq,
            summary=self.summary_text,
            has_gap=has_gap,
            files=self.files,
        )
