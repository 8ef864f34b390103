"""Texts that nobody watches grow, and their accounting."""

from typing import Any

import pytest
from sqlalchemy import select

from core.access import Price, PriceList
from core.domain.clock import Clock
from core.domain.turn_states import CallPurpose, Outcome
from core.kimi import ChatRequest, Finished, KimiOverloaded, KimiStreamInterrupted, Message, Usage
from core.llm.streamed_answer import StreamedAnswer
from core.llm.text_completer import TextCompleter
from core.llm.usage_meter import UsageMeter, UsageOwner
from core.ports.chat_model import Requester
from core.store import Database, schema
from core.testing.scripted_model import Delay, ScriptedModel, ScriptedReply
from tests.stored_conversation import StoredConversation

pytestmark = pytest.mark.virtual_time

REQUEST = ChatRequest(messages=(Message(role="user", content="Hi"),), model="m", max_completion_tokens=10)
PRICES = PriceList({"m": Price(prompt=1.0, completion=2.0, cached=0.5)})
ANN = Requester(person="ann", chat="room", weight=0.5)


class Completion:
    """A completer over a store with one conversation."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self.model = ScriptedModel()

    async def complete(self, *replies: ScriptedReply, **how: Any) -> str:
        """Return the text of a model that plays ``replies``."""
        conversation = await StoredConversation(self.database).create()
        self.model = ScriptedModel(*replies, clock=self.clock)
        completer = TextCompleter(self.model, self.database, self.clock, UsageMeter(PRICES, self.clock))
        owner = UsageOwner(conversation_id=conversation.conversation.id, person_id="7")
        return await completer.complete(
            REQUEST, requester=ANN, purpose=CallPurpose.INTENT, owner=owner, **how
        )

    async def usage(self) -> list[Any]:
        """Return all stored usage."""
        async with self.database.read() as tx:
            return list((await tx.execute(select(schema.usage))).all())


@pytest.fixture
def completion(virtual_database: Database, loop_clock: Clock) -> Completion:
    """A completer on virtual time."""
    return Completion(virtual_database, loop_clock)


async def test_the_whole_text_is_returned_and_its_use_recorded(completion: Completion) -> None:
    """Purpose, owner, tokens, times and price of the call are one row."""
    usage = Usage(prompt_tokens=2_000_000, completion_tokens=1_000_000)
    assert await completion.complete((Delay(2), "Yes", Delay(1), ".", Finished("stop", usage, "", "m"))) == (
        "Yes."
    )
    (row,) = await completion.usage()
    assert (row.purpose, row.outcome, row.person_id, row.turn_id) == (
        CallPurpose.INTENT,
        str(Outcome.COMPLETE),
        "7",
        None,
    )
    assert (row.prompt_tokens, row.completion_tokens) == (2_000_000, 1_000_000)
    assert (row.time_to_first_token_s, row.duration_s, row.cost_usd) == (2, 3, 4.0)
    assert completion.model.contexts[0].requester == ANN


async def test_a_broken_stream_is_resumed_once_by_default(completion: Completion) -> None:
    """Callers that want an answer now or never switch that off."""
    broken = ("One ", KimiStreamInterrupted("cut"))
    assert await completion.complete(broken, "two.") == "One two."
    with pytest.raises(KimiStreamInterrupted):
        await completion.complete(broken, "two.", max_resumes=0)


async def test_a_call_that_failed_is_not_recorded(completion: Completion) -> None:
    """Kimi bills no refused request."""
    with pytest.raises(KimiOverloaded):
        await completion.complete((KimiOverloaded("HTTP 429"),))
    assert await completion.usage() == []


async def test_a_text_whose_use_is_unknown_is_not_recorded(completion: Completion) -> None:
    """Some providers do not tell it."""
    assert await completion.complete(("Yes.", Finished("stop", None, "", "m"))) == "Yes."
    assert await completion.usage() == []


async def test_an_answer_whose_use_is_unknown_is_estimated_from_its_text(completion: Completion) -> None:
    """An answer to a person counts in their quota even if the provider does not tell its use."""
    conversation = await StoredConversation(completion.database).create()
    answer = StreamedAnswer(text="x" * 100, started_at=0.0)
    async with completion.database.begin() as tx:
        await UsageMeter(PriceList(), completion.clock).record(
            tx,
            answer,
            model_id="unknown",
            owner=UsageOwner(conversation_id=conversation.conversation.id),
            outcome=Outcome.STOPPED,
        )
    (row,) = await completion.usage()
    assert (row.prompt_tokens, row.completion_tokens, row.cost_usd) == (0, 29, None)
