"""The real client behind the limiter, against the strict stand-in, on a fast clock."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bots.simulator.kimi import (
    Account,
    Faults,
    KimiSimulator,
    Refusal,
    ScriptedReply,
    SeenRequest,
    answer_with,
)
from bots.simulator.kimi.refusal import BAD_KEY, NO_BALANCE, OVERLOADED, UNAVAILABLE
from core.domain.clock import ScaledClock
from core.kimi import (
    AsyncKimi,
    ChatRequest,
    KimiAuthenticationError,
    KimiError,
    KimiInvalidRequest,
    KimiOverloaded,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiStreamInterrupted,
    KimiUnavailable,
    Message,
    RetryPolicy,
    TextDelta,
)
from core.llm import (
    TIERS,
    AccountLimits,
    LimiterStore,
    LimiterTiming,
    LlmGateway,
    MemoryLimiterStore,
    Provider,
    RateLimiter,
)
from core.ports.chat_model import CallContext, QueuePosition, Requester
from core.text.tokens import tokens_to_reserve

SPEED = 60.0
#: A machine that is busy for a moment keeps a request on the wire for long, on so fast a clock.
PATIENT = LimiterTiming(max_transit_s=20.0, abort_linger_s=10.0, lease_s=120.0)


def question(text: str = "Hello?", *, tokens: int = 1000) -> ChatRequest:
    """One request."""
    return ChatRequest(
        messages=(Message(role="user", content=text),), model="kimi-k2.6", max_completion_tokens=tokens
    )


@dataclass
class Stage:
    """A model over stand-ins, and what was answered."""

    clock: ScaledClock
    open: contextlib.AsyncExitStack
    sims: list[KimiSimulator] = field(default_factory=list)
    model: LlmGateway = field(init=False)
    answers: dict[str, str] = field(default_factory=dict)
    errors: dict[str, KimiError] = field(default_factory=dict)
    places: dict[str, list[QueuePosition]] = field(default_factory=dict)

    async def sim(self, account: Account | None = None, script: Any = None) -> KimiSimulator:
        """Start one more Kimi."""
        script = script or (lambda seen: f"to {seen.question}")
        made = KimiSimulator(clock=self.clock, account=account or Account.unlimited(), script=script)
        self.sims.append(await self.open.enter_async_context(made))
        return made

    def build(
        self, limits: AccountLimits | None = None, ledger: LimiterStore | None = None, **how: Any
    ) -> LlmGateway:
        """Make the model over all stand-ins, in their order."""
        providers = []
        for number, sim in enumerate(self.sims, start=1):
            client = AsyncKimi(
                api_key="sk-test",
                base_url=sim.base_url,
                clock=self.clock,
                retry=RetryPolicy(max_attempts=1),
            )
            self.open.push_async_callback(client.aclose)
            admission = RateLimiter(
                ledger or MemoryLimiterStore(),
                limits or AccountLimits(),
                self.clock,
                timing=PATIENT,
                single_replica=True,
            )
            providers.append(
                Provider(name=f"kimi-{number}", open_stream=client.stream, rate_limiter=admission)
            )
        self.model = LlmGateway(providers, self.clock, count_tokens=tokens_to_reserve, **how)
        self.open.push_async_callback(self.model.close)
        return self.model

    async def ask(
        self, name: str, context: CallContext | None = None, request: ChatRequest | None = None
    ) -> str:
        """Ask as somebody; the answer's words so far are kept also where it breaks off."""
        self.places[name] = []
        context = context or CallContext(
            requester=Requester(person=name, chat="room"), on_queue_position=self.places[name].append
        )
        self.answers[name] = ""
        try:
            events = self.model.stream(request or question(name), context)
            async with contextlib.aclosing(events):
                async for event in events:
                    if isinstance(event, TextDelta):
                        self.answers[name] += event.text
        except KimiError as exc:
            self.errors[name] = exc
        return self.answers[name]

    @property
    def asked(self) -> list[str]:
        """The questions that reached any Kimi, in order."""
        seen = sorted((one for sim in self.sims for one in sim.requests), key=lambda one: one.at)
        return [one.question for one in seen]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """An empty stage."""
    async with contextlib.AsyncExitStack() as opened:
        yield Stage(ScaledClock(SPEED), opened)


async def test_ten_at_once_at_tier_zero(stage: Stage) -> None:
    """With 1 at once and 3 a minute all ten are answered in order, none is refused, all saw their place."""
    script = answer_with("A short answer.", chunks_per_s=5.0, first_after_s=1.0)
    kimi = await stage.sim(Account.tier(0), script)
    stage.build(TIERS[0])
    names = [f"person {number}" for number in range(10)]
    began = stage.clock.time()
    await asyncio.gather(*(stage.ask(name) for name in names))
    assert kimi.refusals == []
    assert stage.asked == names
    assert set(stage.answers.values()) == {"A short answer."}
    assert stage.clock.time() - began < 60 * 3 + 75
    for number, name in enumerate(names[1:], start=1):
        positions = [place.position for place in stage.places[name]]
        assert positions[0] == number
        assert positions[-1] == 0
        assert positions == sorted(positions, reverse=True)


@pytest.mark.parametrize(
    ("dimension", "limited"),
    [
        ("concurrency", Account(concurrency=2)),
        ("rpm", Account(rpm=4)),
        ("tpm", Account(tpm=3_000)),
    ],
)
async def test_each_limit_is_learnt_from_the_first_refusal(
    stage: Stage, dimension: str, limited: Account
) -> None:
    """An open limiter meets a 429, learns which limit it was, and never meets that one again."""
    kimi = await stage.sim(limited, answer_with("Fine.", chunks_per_s=2.0))
    ledger = MemoryLimiterStore()
    stage.build(ledger=ledger)
    await asyncio.gather(*(stage.ask(f"early {number}") for number in range(5)))
    refused = len(kimi.refusals)
    assert 1 <= refused <= 4
    assert ledger.state.observed_limits[dimension].value == getattr(limited, dimension)
    await asyncio.gather(*(stage.ask(f"late {number}") for number in range(3)))
    assert len(kimi.refusals) == refused
    assert set(stage.answers.values()) == {"Fine."}
    assert stage.errors == {}


async def test_the_days_tokens_end_at_once_with_a_clear_error(stage: Stage) -> None:
    """The daily 429 is told to everybody without asking again, and is learnt."""
    kimi = await stage.sim(Account(tpd=2_500))
    ledger = MemoryLimiterStore()
    stage.build(ledger=ledger)
    for name in ("ann", "bob", "kim", "eve"):
        await stage.ask(name)
    assert len(kimi.requests) == 3
    assert [type(error) for error in stage.errors.values()] == [KimiRateLimited] * 2
    assert {error.limit for error in stage.errors.values()} == {"tpd"}  # type: ignore[attr-defined]
    assert "tomorrow" in stage.errors["eve"].notice("en")
    assert ledger.state.observed_limits["tpd"].value == 2_500


async def test_an_empty_balance_heals_by_itself(stage: Stage) -> None:
    """People are told at once, the operator once; after a top-up a single request finds out."""
    kimi = await stage.sim(Account(cash=0.0))
    stage.build(AccountLimits(concurrency=4))
    with capture_logs() as logs:
        await asyncio.gather(*(stage.ask(f"early {number}") for number in range(8)))
        assert {type(error) for error in stage.errors.values()} == {KimiQuotaExhausted}
        refused = len(kimi.requests)
        assert refused <= 4
        await stage.ask("still early")
        assert len(kimi.requests) == refused
        kimi.account = replace(kimi.account, cash=10.0)
        stage.errors.clear()
        await stage.clock.sleep(PATIENT.quota_probe_first_s)
        assert await stage.ask("later") == "to later"
        await asyncio.gather(*(stage.ask(f"late {number}") for number in range(4)))
    assert stage.errors == {}
    assert [log["event"] for log in logs if log["event"].startswith("limiter.")] == [
        "limiter.exhausted",
        "limiter.recovered",
    ]


@pytest.mark.parametrize("refusal", [OVERLOADED, UNAVAILABLE, NO_BALANCE, BAD_KEY])
async def test_the_next_provider_takes_new_turns(stage: Stage, refusal: Refusal) -> None:
    """Overload, outage, an empty balance or a refused key: the person gets the answer all the same."""
    await stage.sim(script=answer_with("", faults=Faults(refuse=refusal)))
    second = await stage.sim()
    stage.build()
    for number in range(5):
        assert await stage.ask(f"question {number}") == f"to question {number}"
    assert len(second.requests) == 5
    assert len(stage.sims[0].requests) <= 3  # from then on nobody is sent there


async def test_what_is_the_requests_fault_goes_nowhere_else(stage: Stage) -> None:
    """A request that is refused as it is is not tried with another provider."""
    bad = Refusal(status=400, type="invalid_request_error", message="Invalid request: no")
    await stage.sim(script=answer_with("", faults=Faults(refuse=bad)))
    second = await stage.sim()
    stage.build()
    await stage.ask("ann")
    assert isinstance(stage.errors["ann"], KimiInvalidRequest)
    assert second.requests == []


async def test_an_answer_stays_with_who_began_it(stage: Stage) -> None:
    """A stream that breaks is gone on with at the same provider, which is waited for while it is down."""
    text = "One two three four five six seven eight."
    broken = ScriptedReply(text, chunks_per_s=20, faults=Faults(cut_after_chars=12))
    replies: list[Any] = [broken, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, ScriptedReply(text)]
    first = await stage.sim(script=lambda seen: replies.pop(0))
    second = await stage.sim()
    stage.build()
    context = CallContext(requester=Requester(person="ann", chat="room"))
    begun = await stage.ask("ann", context)
    assert isinstance(stage.errors.pop("ann"), KimiStreamInterrupted | KimiUnavailable)
    assert context.provider == "kimi-1"
    beginning = Message(role="assistant", content=begun, partial=True)
    going_on = replace(question(), messages=(*question().messages, beginning))
    rest = await stage.ask("ann", context, going_on)
    assert begun + rest == text
    assert stage.errors == {}
    assert second.requests == []
    assert len(first.requests) == 5


async def test_outage_and_return_under_load(stage: Stage) -> None:
    """Through an outage of the first provider everybody is answered exactly once, then it is used again."""
    down = [False]

    def script(seen: SeenRequest) -> ScriptedReply:
        if down[0]:
            return ScriptedReply("", faults=Faults(refuse=UNAVAILABLE))
        return ScriptedReply(f"one to {seen.question}", chunks_per_s=20)

    first = await stage.sim(script=script)
    second = await stage.sim(script=lambda seen: ScriptedReply(f"two to {seen.question}", chunks_per_s=20))
    stage.build(AccountLimits(concurrency=3))
    tasks = []
    for number in range(60):
        down[0] = 15 <= number < 35
        tasks.append(asyncio.create_task(stage.ask(f"q{number}")))
        await stage.clock.sleep(1.5)
    await asyncio.gather(*tasks)
    assert stage.errors == {}
    for number in range(60):
        assert stage.answers[f"q{number}"] in (f"one to q{number}", f"two to q{number}")
    finished = [
        seen.question for sim in stage.sims for seen in sim.requests if seen.finished and not seen.refusal
    ]
    assert sorted(finished) == sorted(f"q{number}" for number in range(60))
    assert all(seen.at > second.requests[-1].at for seen in first.requests[-5:])
    refused = [seen for seen in first.requests if seen.refusal]
    assert len(refused) <= 12  # not one for each question of the outage


async def test_those_in_the_line_move_when_their_provider_goes_down(stage: Stage) -> None:
    """Nobody stands in the line of a provider that is known to be down."""
    hang = ScriptedReply("", first_after_s=20.0, faults=Faults(refuse=UNAVAILABLE))
    first = await stage.sim(script=lambda seen: hang)
    await stage.sim()
    stage.build(AccountLimits(concurrency=1))
    await asyncio.gather(*(stage.ask(f"q{number}") for number in range(12)))
    assert stage.errors == {}
    assert all(stage.answers[f"q{number}"] == f"to q{number}" for number in range(12))
    assert len(first.requests) == 3


async def test_an_only_provider_is_tried_until_the_patience_ends(stage: Stage) -> None:
    """Failures that may pass are tried again, and told when they do not pass in time."""
    replies: list[Any] = [OVERLOADED, UNAVAILABLE, "Back."]
    kimi = await stage.sim(script=lambda seen: replies.pop(0) if replies else OVERLOADED)
    stage.build(retry_deadline_s=60.0)
    waits: list[tuple[KimiError, float]] = []
    context = CallContext(on_retry=lambda *told: waits.append(told))
    async for event in stage.model.stream(question(), context):
        if isinstance(event, TextDelta):
            assert event.text
    assert [type(error) for error, _ in waits] == [KimiOverloaded, KimiUnavailable]
    assert len(kimi.requests) == 3
    began = stage.clock.time()
    await stage.ask("ann")
    assert isinstance(stage.errors["ann"], KimiOverloaded)
    assert 55.0 < stage.clock.time() - began < 100.0


async def test_a_refused_key_of_the_only_provider_is_told_at_once(stage: Stage) -> None:
    """What only the operator can mend is not tried again."""
    await stage.sim(Account(keys=frozenset({"sk-other"})))
    stage.build()
    await stage.ask("ann")
    assert isinstance(stage.errors["ann"], KimiAuthenticationError)


async def test_closing_the_stream_frees_the_place(stage: Stage) -> None:
    """Who stops an answer, or leaves the line, makes room for the next one."""
    kimi = await stage.sim(Account(concurrency=1), answer_with("word " * 400, chunks_per_s=10.0))
    stage.build(AccountLimits(concurrency=1))
    running = asyncio.create_task(stage.ask("running"))
    waiting = asyncio.create_task(stage.ask("waiting"))
    await stage.clock.sleep(10.0)
    kimi.script = answer_with("Short.")
    for task in (waiting, running):
        task.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    assert await stage.ask("next") == "Short."
    assert stage.asked == ["running", "next"]
    assert kimi.refusals == []


async def test_what_kimi_counts_is_learnt(stage: Stage) -> None:
    """Where the prompt is more tokens than was estimated, the windows hold what Kimi counted."""
    kimi = await stage.sim(Account(tpm=4_000))
    ledger = MemoryLimiterStore()
    stage.build(AccountLimits(tpm=4_000), ledger)
    stage.model._count_tokens = lambda request: 1_000
    text = "x" * 3_000  # a thousand tokens for the stand-in, and a thousand are asked for
    for number in range(3):
        await stage.ask(f"q{number}", request=question(text))
    await stage.model.close()
    assert kimi.refusals == []
    assert stage.errors == {}
    assert sum(one.tokens for one in ledger.state.minute_window) >= 2_000
