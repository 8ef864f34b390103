"""Short texts by Kimi that nobody watches grow: summaries, drafts, judgements."""

from core.domain.clock import Clock
from core.domain.turn_states import CallPurpose
from core.kimi import ChatRequest
from core.llm.resumable_stream import stream_with_resume
from core.llm.streamed_answer import StreamedAnswer, StreamOptions
from core.llm.usage_meter import UsageMeter, UsageOwner
from core.ports.chat_model import CallContext, ChatModel, Requester
from core.store import Database


class TextCompleter:
    """Asks Kimi for a whole text and records the usage."""

    def __init__(self, model: ChatModel, database: Database, clock: Clock, usage_meter: UsageMeter) -> None:
        self._model = model
        self._database = database
        self._clock = clock
        self._usage_meter = usage_meter

    async def complete(
        self,
        request: ChatRequest,
        *,
        requester: Requester,
        purpose: CallPurpose,
        owner: UsageOwner,
        max_resumes: int = 1,
    ) -> str:
        """Return the reply's text; "" if the model said nothing.

        Args:
            request: what is asked.
            requester: in whose share of the account the request waits.
            purpose: the task that the text serves.
            owner: for whom the call is counted.
            max_resumes: requests that continue a stream that broke off.

        Raises:
            KimiError: the text cannot be had.
            StoreUnavailable: the limiter or the usage table cannot be reached.
        """
        answer = StreamedAnswer()
        context = CallContext(requester=requester)
        options = StreamOptions(max_resumes=max_resumes)
        await stream_with_resume(self._model, request, answer, context, self._clock, options)
        if answer.usage is not None:
            async with self._database.begin() as tx:
                await self._usage_meter.record(
                    tx, answer, model_id=request.model, owner=owner, purpose=purpose
                )
        return answer.text
