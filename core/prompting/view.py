"""A conversation as its next prompt shows it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from core.files.prompt_files import NO_FILES, PromptFiles
from core.knowledge.finder import FoundPassage
from core.knowledge.prompt_passages import build_passages_message
from core.prompting.generation_options import GenerationOptions
from core.prompting.prompt import Prompt, QuestionTooLong, build_prompt
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.summaries import Summary

UNLIMITED_TOKENS = 10**12
PASSAGES_SHARE = 0.25  #: of a prompt's room that a team's passages may take


@dataclass(frozen=True, kw_only=True)
class PromptView:
    """A conversation as a prompt shows it."""

    conversation: Conversation
    options: GenerationOptions
    system: str
    summary: Summary | None
    history: Sequence[HistoryMessage]
    has_older_messages: bool  #: there are older messages that ``lines`` does not hold
    token_ratio: float
    question_seq: int  #: from here on messages are the question
    has_gap: bool = False
    files: PromptFiles = NO_FILES
    passages: Sequence[FoundPassage] = ()  #: passages that the prompt shows

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
        """The prompt as if there were room without end."""
        return self._build(UNLIMITED_TOKENS, has_gap=False)

    def with_passages(self, passages: Sequence[FoundPassage], *, strict: bool) -> "PromptView":
        """Return the view with passages right before the question; ``strict`` lets Kimi use nothing else."""
        room = self.options.max_prompt_tokens / self.token_ratio * PASSAGES_SHARE
        shown = build_passages_message(passages, strict=strict, budget_tokens=room)
        if shown is None:
            return self
        material = replace(self.files, excerpts=(*self.files.excerpts, shown))
        return replace(self, files=material, passages=passages)

    @property
    def untrimmed_tokens(self) -> float:
        """What the prompt would count with nothing left out."""
        return self.untrimmed_prompt.estimated_tokens * self.token_ratio

    @property
    def question_too_long(self) -> bool:
        """Whether not even the question fits."""
        try:
            self.build()
        except QuestionTooLong:
            return True
        return False

    @property
    def fits(self) -> bool:
        """Whether a prompt can hold everything that is not in the notes."""
        return not self.has_older_messages and self._is_within_budget

    @property
    def _is_within_budget(self) -> bool:
        return self.untrimmed_tokens <= self.options.max_prompt_tokens

    @property
    def question_messages(self) -> Sequence[HistoryMessage]:
        """The lines that are the question, or the last turn."""
        return [line for line in self.history if line.seq >= self.question_seq]

    @property
    def summary_text(self) -> str:
        """The notes on what came before the lines; "" where there are none."""
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
