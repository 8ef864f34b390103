"""A question, ready to be asked. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.files.prompt_files import PartialFile
from core.kimi import ChatRequest
from core.knowledge.finder import FoundPassage
from core.prompting.generation_options import GenerationOptions
from core.prompting.prompt import estimate_message_tokens
from core.text.tokens import estimate_tokens

GROWTH_MARGIN = 1.1  #: what the estimate of a request that has grown is raised by
MIN_REPLY_TOKENS = 256  #: that a request asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRequest:
    """A question, ready to be asked."""

    request: ChatRequest
    options: GenerationOptions
    estimated_tokens: int  #: of the prompt, before the ratio is applied
    token_ratio: float = 1.0
    partial_files: Sequence[PartialFile] = ()  #: files that are shown in part
    well_below_limit: bool = False  #: whatever Kimi answers, the next prompt is not large
    passages: Sequence[FoundPassage] = ()  #: passages that the prompt shows, by the numbers an answer cites
    files_note: str = ""  #: on the question's files, in the person's language, for under the answer

    def clamp_reply_tokens(self, request: ChatRequest) -> ChatRequest:
        """Return a request that has grown since with the reply that still fits beside it.

        It grows by words to go on from, and by what tools found.
        """
        if len(request.messages) == len(self.request.messages):
            return request
        tokens = sum(
            estimate_message_tokens(one) + estimate_tokens(one.reasoning) for one in request.messages
        )
        left = int(self.options.model.context_tokens - tokens * self.token_ratio * GROWTH_MARGIN)
        return replace(
            request, max_completion_tokens=max(MIN_REPLY_TOKENS, min(request.max_completion_tokens, left))
        )
