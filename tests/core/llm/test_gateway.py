"""The gateway over scripted providers, on virtual time: permits, failover, retries, stickiness."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.domain.clock import Clock
from core.kimi import (
    ChatRequest,
    Finished,
    KimiAuthenticationError,
    KimiError,
    KimiInvalidRequest,
    KimiOverloaded,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiStreamInterrupted,
    KimiUnavailable,
    Message,
    TextDelta,
    Usage,
)
from core.llm import AccountLimits, LlmGateway, MemoryLimiterStore, Provider, RateLimiter
from core.llm.circuit_breaker import COOLDOWN_S, FAILURE_THRESHOLD
from core.observer import ModelCallRecord, Observer
from core.ports.chat_model import CallContext, QueuePosition, Requester
from core.testing.scripted_model import Delay, ScriptedModel, ScriptedReply

pytestmark = pytest.mark.virtual_time

DOWN = KimiUnavailable("HTTP 503", status=503)
OVERLOADED = KimiOverloaded("HTTP 429", status=429)
NO_BALANCE = KimiQuotaExhausted("HTTP 429", status=429)
BAD_KEY = KimiAuthenticationError("HTTP 401", status=401)


def question(text: str = "Hello?", *, tokens: int = 1000) -> ChatRequest:
    """One request."""
    return ChatRequest(
        messages=(Message(role="user", content=text),), model="kimi-k2.6", max_completion_tokens=tokens
    )


class RecordingObserver(Observer):
    """Keeps the records of model calls."""

    def __init__(self) -> None:
        self.calls: list[ModelCallRecord] = []

    def model_call_finished(self, call: ModelCallRecord) -> None:
        """Keep a record."""
        self.calls.append(call)


@dataclass
class Stage:
    """A gateway over scripted providers, and what people got."""

    clock: Clock
    models: list[ScriptedModel] = field(default_factory=list)
    stores: list[MemoryLimiterStore] = field(default_factory=list)
    observer: RecordingObserver = field(default_factory=RecordingObserver)
    gateway: LlmGateway = field(init=False)
    errors: dict[str, KimiError] = field(default_factory=dict)

    def build(
        self, *scripts: list[ScriptedReply], limits: AccountLimits | None = None, **how: Any
    ) -> "Stage":
        """Build the gateway over one provider for each script."""
        providers = []
        for number, replies in enumerate(scripts, start=1):
            model, store = ScriptedModel(*replies, clock=self.clock), MemoryLimiterStore()
            self.models.append(model)
            self.stores.append(store)
            limiter = RateLimiter(store, limits or AccountLimits(), self.clock, single_replica=True)
            providers.append(
                Provider(
                    name=f"kimi-{number}",
                    open_stream=model.stream,
                    rate_limiter=limiter,
                    account=f"account-{number}",
                )
            )
        settings: dict[str, Any] = {"count_tokens": lambda request: request.max_completion_tokens} | how
        self.gateway = LlmGateway(providers, self.clock, observer=self.observer, **settings)
        return self

    async def ask(
        self, name: str = "ann", request: ChatRequest | None = None, context: CallContext | None = None
    ) -> str:
        """Return what somebody is answered; text that came before an error too."""
        context = context or CallContext(requester=Requester(person=name, chat="room"))
        text = ""
        try:
            async with contextlib.aclosing(self.gateway.stream(request or question(name), context)) as events:
                async for event in events:
                    text += event.text if isinstance(event, TextDelta) else ""
        except KimiError as exc:
            self.errors[name] = exc
        return text

    @property
    def request_counts(self) -> list[int]:
        """Requests that each provider received."""
        return [len(model.requests) for model in self.models]


@pytest.fixture
async def stage(loop_clock: Clock) -> AsyncIterator[Stage]:
    """A stage without providers."""
    made = Stage(loop_clock)
    yield made
    await made.gateway.close()


async def test_requests_wait_for_a_permit_and_see_their_position(stage: Stage) -> None:
    """With one place, three people are answered in order; the second and third see the queue."""
    stage.build([(Delay(10), f"to {number}") for number in range(3)], limits=AccountLimits(concurrency=1))
    positions: dict[str, list[int]] = {"p0": [], "p1": [], "p2": []}

    def watch(name: str) -> Callable[[QueuePosition], None]:
        return lambda position: positions[name].append(position.position)

    answers = await asyncio.gather(
        *(
            stage.ask(
                name, context=CallContext(requester=Requester(person=name), on_queue_position=watch(name))
            )
            for name in positions
        )
    )
    assert answers == ["to 0", "to 1", "to 2"]
    assert positions["p0"] == []
    assert positions["p1"][0] == 1
    assert positions["p2"][0] == 2
    assert positions["p1"][-1] == positions["p2"][-1] == 0


@pytest.mark.parametrize("refusal", [OVERLOADED, DOWN, NO_BALANCE, BAD_KEY])
async def test_the_next_provider_takes_new_answers(stage: Stage, refusal: KimiError) -> None:
    """Overload, outage, an empty balance or a refused key: the person is answered all the same."""
    stage.build([(refusal,)] * 5, ["Yes."] * 5)
    for _ in range(5):
        assert await stage.ask() == "Yes."
    assert stage.errors == {}
    assert stage.request_counts[1] == 5
    assert stage.request_counts[0] <= FAILURE_THRESHOLD


async def test_a_fault_of_the_request_goes_to_no_other_provider(stage: Stage) -> None:
    """A request that is refused for its content would be refused elsewhere too."""
    stage.build([(KimiInvalidRequest("HTTP 400", status=400),)], ["Yes."])
    await stage.ask()
    assert isinstance(stage.errors["ann"], KimiInvalidRequest)
    assert stage.request_counts == [1, 0]


async def test_an_answer_stays_with_the_provider_that_began_it(stage: Stage) -> None:
    """A request that continues an answer waits for its provider, even while it is down."""
    broken = ("One ", KimiStreamInterrupted("the stream ended"))
    stage.build([broken, (DOWN,), (DOWN,), (DOWN,), "two."], ["No."])
    context = CallContext(requester=Requester(person="ann"))
    assert await stage.ask(context=context) == "One "
    assert isinstance(stage.errors.pop("ann"), KimiStreamInterrupted)
    assert context.provider == "kimi-1"
    beginning = Message(role="assistant", content="One ", partial=True)
    request = replace(question(), messages=(*question().messages, beginning))
    assert await stage.ask(request=request, context=context) == "two."
    assert stage.errors == {}
    assert stage.request_counts == [5, 0]


async def test_a_new_question_may_go_to_another_provider_than_the_last(stage: Stage) -> None:
    """Only continuations and tool results are bound to a provider."""
    stage.build(["One.", (BAD_KEY,)], ["Two."])
    context = CallContext(requester=Requester(person="ann"))
    assert await stage.ask(context=context) == "One."
    assert await stage.ask(context=context) == "Two."


async def test_a_provider_that_recovered_is_used_again(stage: Stage) -> None:
    """After the cooldown one request tries it; its success brings all requests back."""
    stage.build([(BAD_KEY,), "Back.", "Back."], ["Second."] * 2)
    with capture_logs() as logs:
        assert await stage.ask() == "Second."
        assert await stage.ask() == "Second."
        await stage.clock.sleep(4 * COOLDOWN_S)
        assert await stage.ask() == "Back."
        assert await stage.ask() == "Back."
    lines = [log for log in logs if log["event"].startswith("llm.provider_")]
    assert [line["event"] for line in lines] == ["llm.provider_went_down", "llm.provider_recovered"]
    assert (lines[1]["waited"], lines[1]["down_s"]) == (2, 4 * COOLDOWN_S)
    assert all(log["log_level"] == "debug" for log in logs if log["event"] == "kimi.retry_scheduled")
    assert {name: up for name, (up, _) in stage.gateway.provider_loads().items()} == {
        "kimi-1": True,
        "kimi-2": True,
    }


async def test_waiting_requests_move_when_their_provider_goes_down(stage: Stage) -> None:
    """Nobody waits in the queue of a provider that is known to be down."""
    stage.build([(Delay(20), DOWN)] * 3, ["Yes."] * 12, limits=AccountLimits(concurrency=1))
    answers = await asyncio.gather(*(stage.ask(f"p{number}") for number in range(12)))
    assert answers == ["Yes."] * 12
    assert stage.errors == {}
    assert stage.request_counts == [FAILURE_THRESHOLD, 12]


async def test_a_single_provider_is_retried_until_the_deadline(stage: Stage) -> None:
    """Transient failures are retried with growing waits that the caller hears of, then raised."""
    stage.build([(OVERLOADED,), (DOWN,), "Back.", *[(OVERLOADED,)] * 99], retry_deadline_s=60.0)
    waits: list[KimiError] = []
    context = CallContext(on_retry=lambda error, _: waits.append(error))
    assert await stage.ask(context=context) == "Back."
    assert waits == [OVERLOADED, DOWN]
    began = stage.clock.time()
    await stage.ask()
    assert stage.errors["ann"] is OVERLOADED
    assert stage.clock.time() - began == pytest.approx(60, abs=0.1)


async def test_the_wait_that_kimi_asks_for_is_kept(stage: Stage) -> None:
    """A retry comes no sooner; a wait beyond the deadline ends the retries at once."""
    hint = KimiOverloaded("HTTP 429", status=429, retry_after_s=30.0)
    stage.build([(hint,), "Back.", (replace_hint(hint, 900.0),)], retry_deadline_s=300.0)
    assert await stage.ask() == "Back."
    assert 30 <= stage.clock.time() <= 31
    await stage.ask("bob")
    assert stage.clock.time() <= 31
    assert stage.errors["bob"].retry_after_s == 900.0


def replace_hint(error: KimiOverloaded, retry_after_s: float) -> KimiOverloaded:
    """Return an error like ``error`` with another hint."""
    return KimiOverloaded(str(error), status=error.status, retry_after_s=retry_after_s)


async def test_a_refused_key_of_the_only_provider_is_raised_at_once(stage: Stage) -> None:
    """Only the operator can mend it, so it is not retried."""
    stage.build([(BAD_KEY,)])
    await stage.ask()
    assert stage.errors["ann"] is BAD_KEY


async def test_a_rate_limit_waits_in_the_limiter_and_is_tried_again(stage: Stage) -> None:
    """A 429 for a limit is no failure: the limiter learns the limit and lets the request go later."""
    refusal = KimiRateLimited("HTTP 429", limit="rpm", limit_value=1, retry_after_s=2.0, status=429)
    stage.build([(refusal,), "Fine.", "Fine."])
    assert await stage.ask() == "Fine."
    assert stage.errors == {}
    assert stage.stores[0].state.observed_limits["rpm"].value == 1
    assert stage.clock.time() >= 2.0


async def test_the_day_limit_is_raised_without_a_retry(stage: Stage) -> None:
    """Nothing is free again before tomorrow; the notice says so."""
    stage.build([(KimiRateLimited("HTTP 429", limit="tpd", limit_value=2_500, status=429),)])
    await stage.ask()
    assert "tomorrow" in stage.errors["ann"].notice("en")
    assert stage.request_counts == [1]


async def test_closing_the_stream_returns_the_permit(stage: Stage) -> None:
    """A person who stops an answer, or leaves the queue, makes room for the next one."""
    stage.build([(Delay(5), "One ", Delay(600), "two."), "Short."], limits=AccountLimits(concurrency=1))
    running = asyncio.create_task(stage.ask("running"))
    waiting = asyncio.create_task(stage.ask("waiting"))
    await stage.clock.sleep(10)
    for task in (waiting, running):
        task.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    assert await stage.ask("next") == "Short."
    assert stage.request_counts == [2]
    assert stage.models[0].aborted == 1
    assert stage.clock.time() < 20


async def test_tokens_that_kimi_counted_correct_the_estimates(stage: Stage) -> None:
    """If Kimi counts more than was estimated, the window holds its count, and later estimates are raised."""
    usage = Usage(prompt_tokens=1_000, completion_tokens=10)
    stage.build([("Yes.", Finished("stop", usage, "", "m"))] * 2)
    await stage.ask()
    await stage.ask()
    await stage.gateway.close()
    assert sum(entry.tokens for entry in stage.stores[0].state.minute_window) == 2 * 2_000


async def test_each_provider_gets_the_request_in_its_own_form(stage: Stage) -> None:
    """Media of another account are put into the request before it is sent."""

    async def inline_media(request: ChatRequest, account: str) -> ChatRequest:
        return replace(request, prompt_cache_key=account)

    stage.build([(BAD_KEY,)], ["Yes."], inline_media=inline_media)
    await stage.ask()
    assert [model.requests[0].prompt_cache_key for model in stage.models] == ["account-1", "account-2"]


async def test_every_attempt_is_reported_to_the_observer(stage: Stage) -> None:
    """Queue time, time to the first token and outcome, by provider."""
    stage.build([(Delay(1), DOWN)], [(Delay(2), "Yes.", Delay(3), " Really.")])
    await stage.ask()
    first, second = stage.observer.calls
    assert (first.provider, first.outcome, first.time_to_first_token_s) == ("kimi-1", "unavailable", None)
    assert (second.provider, second.outcome) == ("kimi-2", "ok")
    assert (second.time_to_first_token_s, second.duration_s) == (2, 5)
