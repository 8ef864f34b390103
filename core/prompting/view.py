"""A conversation as its next prompt shows it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from core.files.prompt_files import NO_FILES, PromptFiles
from core.knowledge.finder import FoundPassage
from core.knowledge.prompt_passages import build_passages_message
from core.prompting.generation_options import Terms
from core.prompting.prompt import Prompt, QuestionTooLong, build_prompt
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.summaries import Summary

ENDLESS_TOKENS = 10**12
PASSAGES_SHARE = 0.25  #: of a prompt's room that a team's passages may take


@dataclass(frozen=True, kw_only=True)
class View:
    """A conversation as a prompt shows it."""

    conversation: Conversation
    terms: Terms
    system: str
    summary: Summary | None
    lines: Sequence[HistoryMessage]
    unread: bool  #: there are older messages that ``lines`` does not hold
    ratio: float
    question_seq: int  #: from here on messages are the question
    missing: bool = False
    material: PromptFiles = NO_FILES
    found: Sequence[FoundPassage] = ()  #: passages that the prompt shows

    def prompt(self) -> Prompt:
        """Build the prompt.

        Raises:
            QuestionTooLong: not even the question fits.
        """
        if self._has_room and not self.missing:
            return self.whole
        return self._built(self.terms.room_tokens, missing=self.missing)

    @cached_property
    def whole(self) -> Prompt:
        """The prompt as if there were room without end."""
        return self._built(ENDLESS_TOKENS, missing=False)

    def informed(self, found: Sequence[FoundPassage], *, strict: bool) -> "View":
        """Return the view with passages right before the question; ``strict`` lets Kimi use nothing else."""
        room = self.terms.room_tokens / self.ratio * PASSAGES_SHARE
        shown = build_passages_message(found, strict=strict, budget_tokens=room)
        if shown is None:
            return self
        material = replace(self.material, excerpts=(*self.material.excerpts, shown))
        return replace(self, material=material, found=found)

    @property
    def wanted_tokens(self) -> float:
        """What the prompt would count with nothing left out."""
        return self.whole.estimated_tokens * self.ratio

    @property
    def too_long(self) -> bool:
        """Whether not even the question fits."""
        try:
            self.prompt()
        except QuestionTooLong:
            return True
        return False

    @property
    def fits(self) -> bool:
        """Whether a prompt can hold everything that is not in the notes."""
        return not self.unread and self._has_room

    @property
    def _has_room(self) -> bool:
        return self.wanted_tokens <= self.terms.room_tokens

    @property
    def question(self) -> Sequence[HistoryMessage]:
        """The lines that are the question, or the last turn."""
        return [line for line in self.lines if line.seq >= self.question_seq]

    @property
    def notes(self) -> str:
        """The notes on what came before the lines; "" where there are none."""
        return self.summary.text if self.summary else ""

    def _built(self, room_tokens: int, *, missing: bool) -> Prompt:
        return build_prompt(
            self.system,
            self.lines,
            scene=self.conversation.chat_type,
            room_tokens=room_tokens,
            ratio=self.ratio,
            question_seq=self.question_seq,
            notes=self.notes,
            missing=missing,
            material=self.material,
        )
