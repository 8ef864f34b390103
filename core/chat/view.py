"""A conversation as its next prompt shows it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.chat.prompt import Prompt, build_prompt, message_of, message_tokens, notes_messages
from core.chat.terms import Terms
from core.kimi import Message
from core.store.conversations import Conversation
from core.store.history import Line
from core.store.summaries import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A conversation as a prompt shows it."""

    conversation: Conversation
    terms: Terms
    system: str
    summary: Summary | None
    lines: Sequence[Line]
    unread: bool  #: there are older messages that ``lines`` does not hold
    ratio: float
    question_seq: int  #: from here on messages are the question
    missing: bool = False

    def prompt(self) -> Prompt:
        """Build the prompt.

        Raises:
            QuestionTooLong: not even the question fits.
        """
        return build_prompt(
            self.system,
            self.lines,
            scene=self.conversation.scene,
            room_tokens=self.terms.room_tokens,
            ratio=self.ratio,
            question_seq=self.question_seq,
            notes=self.notes,
            missing=self.missing,
        )

    @property
    def wanted_tokens(self) -> float:
        """What the prompt would count with nothing left out."""
        return self.ratio * sum(
            message_tokens(message)
            for message in (
                Message(role="system", content=self.system),
                *notes_messages(self.notes),
                *(message_of(line, self.conversation.scene) for line in self.lines),
            )
        )

    @property
    def notes(self) -> str:
        """The notes on what came before the lines; "" where there are none."""
        return self.summary.text if self.summary else ""
