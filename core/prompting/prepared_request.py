"""A request that is ready to be sent, with what its answer needs to be shown. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from core.files.prompt_files import PartialFile
from core.kimi import ChatRequest, Message, count_media, text_of
from core.knowledge.finder import FoundPassage
from core.prompting.generation_options import GenerationOptions
from core.prompting.prompt import estimate_message_tokens
from core.text.tokens import estimate_tokens

GROWTH_MARGIN: Final = 1.1  #: raises the estimate of a request that has grown
MIN_REPLY_TOKENS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRequest:
    """The request for one question."""

    request: ChatRequest
    options: GenerationOptions
    estimated_tokens: int  #: of the prompt, before the token ratio is applied
    question_start: int = 0  #: index of the first message of the question, its excerpts included
    token_ratio: float = 1.0
    partial_files: Sequence[PartialFile] = ()  #: files of which the prompt shows a part
    well_below_limit: bool = False  #: even a maximal reply keeps the next prompt below the summary threshold
    passages: Sequence[FoundPassage] = ()  #: shown in the prompt, in the order of their numbers
    marker_code: str = ""  #: of the markers that the prompt names; "" if it names none
    person_code: str = ""  #: of the marker by which Kimi calls a person; "" if the prompt names none
    reading_note: str = ""  #: shown below the answer: what was read, and what could not be
    links: Mapping[int, str] = field(default_factory=dict)  #: to the messages that the reply cites by number
    offers_tools: bool = True

    @property
    def question_has_media(self) -> bool:
        """Whether the question itself has pictures or videos."""
        return any(count_media(one.content) for one in self.request.messages[self.question_start :])

    @property
    def has_older_media(self) -> bool:
        """Whether messages before the question have pictures or videos."""
        return any(count_media(one.content) for one in self.request.messages[: self.question_start])

    def with_message_before_question(self, message: Message) -> "PreparedRequest":
        """Return the request with a message right before the question, where it spoils least of the cache."""
        start, messages = self.question_start, self.request.messages
        return replace(
            self,
            request=replace(self.request, messages=(*messages[:start], message, *messages[start:])),
            estimated_tokens=self.estimated_tokens + estimate_message_tokens(message),
        )

    def without_older_media(self) -> "PreparedRequest | None":
        """Return the request without pictures and videos of earlier messages; None if there are none."""
        if not self.has_older_media:
            return None
        older = self.request.messages[: self.question_start]
        texts = (replace(one, content=text_of(one.content)) for one in older)
        messages = (*texts, *self.request.messages[self.question_start :])
        return replace(self, request=replace(self.request, messages=messages))

    def without_history(self) -> "PreparedRequest | None":
        """Return the request with the system prompt and the question alone; None if there is nothing else."""
        if self.question_start <= 1:
            return None
        system, question = self.request.messages[0], self.request.messages[self.question_start :]
        return replace(self, request=replace(self.request, messages=(system, *question)), question_start=1)

    def clamp_reply_tokens(self, request: ChatRequest) -> ChatRequest:
        """Return a request that has grown since, with a reply that still fits beside it.

        It grows by text to continue and by the results of tools.
        """
        if len(request.messages) == len(self.request.messages):
            return request
        tokens = sum(
            estimate_message_tokens(message) + estimate_tokens(message.reasoning)
            for message in request.messages
        )
        left = int(self.options.model.context_tokens - tokens * self.token_ratio * GROWTH_MARGIN)
        return replace(
            request, max_completion_tokens=max(MIN_REPLY_TOKENS, min(request.max_completion_tokens, left))
        )
