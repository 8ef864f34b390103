"""A question, ready to be asked. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.files.prompt_files import PartialFile
from core.kimi import ChatRequest
from core.knowledge.finder import FoundPassage
from core.prompting.generation_options import Terms
from core.prompting.prompt import message_tokens
from core.text.tokens import estimate_tokens

GROWN_MARGIN = 1.1  #: what the estimate of a request that has grown is raised by
LEAST_REPLY_TOKENS = 256  #: that a request asks for


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A question, ready to be asked."""

    request: ChatRequest
    terms: Terms
    estimated_tokens: int  #: of the prompt, before the ratio is applied
    ratio: float = 1.0
    partly: Sequence[PartialFile] = ()  #: files that are shown in part
    roomy: bool = False  #: whatever Kimi answers, the next prompt is not large
    found: Sequence[FoundPassage] = ()  #: passages that the prompt shows, by the numbers an answer cites
    note: str = ""  #: on the question's files, in the person's language, for under the answer

    def fitted(self, request: ChatRequest) -> ChatRequest:
        """Return a request that has grown since with the reply that still fits beside it.

        It grows by words to go on from, and by what tools found.
        """
        if len(request.messages) == len(self.request.messages):
            return request
        tokens = sum(message_tokens(one) + estimate_tokens(one.reasoning) for one in request.messages)
        left = int(self.terms.model.context_tokens - tokens * self.ratio * GROWN_MARGIN)
        return replace(
            request, max_completion_tokens=max(LEAST_REPLY_TOKENS, min(request.max_completion_tokens, left))
        )
