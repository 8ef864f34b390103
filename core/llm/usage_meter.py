"""Accounting of Kimi's calls: the tokens, times and price of each answer, stored as one row."""

from dataclasses import dataclass

from core.access import PriceList
from core.domain.clock import Clock
from core.domain.turn_states import CallPurpose, Outcome, TurnOutcome
from core.llm.streamed_answer import StreamedAnswer
from core.store import Transaction, usage
from core.store.usage import CallUsage
from core.text.tokens import estimate_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageOwner:
    """The conversation, turn and person that a call is counted for."""

    conversation_id: int
    turn_id: int | None = None
    person_id: str = ""  #: "" if the call is in nobody's quota


class UsageMeter:
    """Stores what calls used. The only place where usage is written."""

    def __init__(self, prices: PriceList, clock: Clock) -> None:
        self._prices = prices
        self._clock = clock
        self._of_turns: dict[int, CallUsage] = {}  # of turns that this process is answering

    def take_turn_usage(self, turn_id: int) -> CallUsage | None:
        """Return and forget the usage of a turn's answer; None if Kimi was not asked."""
        return self._of_turns.pop(turn_id, None)

    async def record(
        self,
        tx: Transaction,
        answer: StreamedAnswer,
        *,
        model_id: str,
        owner: UsageOwner,
        purpose: CallPurpose = CallPurpose.ANSWER,
        outcome: TurnOutcome = Outcome.COMPLETE,
    ) -> None:
        """Store the usage of one answer, over all its requests, as of now.

        If the provider did not tell its usage, the completion is estimated from the text.

        Args:
            tx: the transaction that stores the answer, so that both are there or neither.
            answer: at least one request of it was made.
            model_id: the model that was asked.
            owner: for whom the call is counted.
            purpose: the task that the answer served.
            outcome: how the answer ended.
        """
        call = self._measure(answer, model_id, purpose, outcome)
        if owner.turn_id is not None and purpose is CallPurpose.ANSWER:
            self._of_turns[owner.turn_id] = call
        await usage.add(
            tx,
            call,
            conversation_id=owner.conversation_id,
            turn_id=owner.turn_id,
            person_id=owner.person_id,
        )

    def _measure(
        self, answer: StreamedAnswer, model_id: str, purpose: CallPurpose, outcome: TurnOutcome
    ) -> CallUsage:
        used = answer.usage
        prompt_tokens = used.prompt_tokens if used else 0
        cached_tokens = used.cached_tokens if used else 0
        completion_tokens = used.completion_tokens if used else estimate_tokens(answer.text)
        return CallUsage(
            model=model_id,
            prompt_tokens=prompt_tokens,
            cached_tokens=cached_tokens,
            completion_tokens=completion_tokens,
            reasoning_tokens=used.reasoning_tokens if used else 0,
            time_to_first_token_s=answer.time_to_first_token_s,
            duration_s=self._clock.time() - answer.started_at,
            outcome=outcome,
            purpose=purpose,
            cost_usd=self._prices.cost_usd(
                model_id,
                prompt_tokens=prompt_tokens,
                cached_tokens=cached_tokens,
                completion_tokens=completion_tokens,
            ),
        )
