"""Answers reach a screen whole, in few frames, once, whatever fails in between."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from itertools import pairwise
from typing import Any

import pytest

from core.delivery.delivery import Delivery
from core.delivery.dispatcher import DeliveryDispatcher
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, MessageRef
from core.domain.buttons import ActionButton
from core.domain.clock import Clock
from core.domain.errors import (
    LeaseLost,
    MessageGone,
    PlatformForbidden,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)
from core.ports.platform import Budget, DeliveryMode

Run = Callable[[Coroutine[Any, Any, Any]], Any]
MakeAddress = Callable[..., Address]
WORDS = [f"word{index} " for index in range(400)]


async def keep(_: Sequence[MessageRef]) -> None:
    """Store nothing."""


async def deliver(
    clock: Clock,
    surface: Any,
    address: Address,
    words: Sequence[str],
    *,
    per_s: float = 40.0,
    on_refs: Callable[[Sequence[MessageRef]], Awaitable[None]] = keep,
    meanwhile: Callable[[Delivery, int], None] | None = None,
    **how: Any,
) -> tuple[float, float]:
    """Stream words into one delivery; return when the last word came and when all stood."""
    courier = DeliveryDispatcher(clock)
    courier.start()
    delivery = courier.open(surface, address, idempotency_key="7", on_refs_changed=on_refs, **how)
    try:
        for index, word in enumerate(words):
            delivery.append(word)
            if meanwhile is not None:
                meanwhile(delivery, index)
            await clock.sleep(1 / per_s)
        said_at = clock.time()
        await delivery.finish()
        return said_at, clock.time()
    finally:
        delivery.close()
        await courier.close()


def test_a_stream_becomes_few_frames_and_is_whole(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """Ten seconds of words take no more calls than the budget has and end complete at once."""
    surface = fake_surface()
    said_at, done_at = run_virtually(deliver(loop_clock, surface, address(), WORDS))
    assert list(surface.screen.values()) == ["".join(WORDS)]
    assert surface.refused == []
    assert len(surface.history) <= 3 + 10
    assert done_at - said_at < 0.3
    assert surface.most_in_flight == 1


def test_the_first_frame_comes_with_the_first_words(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """A few words are shown before any interval has passed."""
    surface = fake_surface()
    run_virtually(deliver(loop_clock, surface, address(), WORDS))
    assert surface.history[0][0] < 0.2
    assert surface.history[0][2].strip()


def test_frames_only_grow(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """No frame ever shows less than the one before it."""
    surface = fake_surface()
    run_virtually(deliver(loop_clock, surface, address(), WORDS))
    texts = [text for _, _, text in surface.history]
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))


def test_a_stall_is_flushed(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """Words that came before a long silence are shown during it, without a further word."""

    async def main() -> str:
        courier = DeliveryDispatcher(loop_clock)
        courier.start()
        surface = fake_surface()
        delivery = courier.open(surface, address(), idempotency_key="7", on_refs_changed=keep)
        for word in WORDS[:50]:
            delivery.append(word)
            await loop_clock.sleep(0.025)
        await loop_clock.sleep(3)
        shown = surface.history[-1][2]
        await delivery.finish()
        await courier.close()
        return str(shown)

    assert run_virtually(main()) == "".join(WORDS[:50]).rstrip()


def test_a_long_answer_goes_on_in_further_messages(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """An answer longer than a message is cut into several, each complete, none doubled."""
    surface = fake_surface(page_limit=500, burst=3.0)
    stored: list[Sequence[MessageRef]] = []

    async def store(refs: Sequence[MessageRef]) -> None:
        stored.append(refs)

    run_virtually(deliver(loop_clock, surface, address(), WORDS, on_refs=store))
    assert "".join(surface.screen.values()) == "".join(WORDS)
    assert [ref.message_id for ref in stored[-1]] == list(surface.screen)
    assert surface.refused == []


@pytest.mark.parametrize(
    "fault",
    [
        PlatformUnavailable("502"),
        PlatformRateLimited("flood", retry_after_s=4.0),
        MessageGone("deleted"),
        PlatformRefused("odd"),
    ],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize("at", [0, 150, 399])
def test_a_failed_call_costs_no_word(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress, fault: Any, at: int
) -> None:
    """Whatever fails, and whenever, the whole text stands on the screen once in the end."""
    surface = fake_surface()

    def strike(_: Delivery, index: int) -> None:
        if index == at:
            surface.faults.append(fault)
            if isinstance(fault, MessageGone):
                surface.screen.clear()

    if at == 399 and isinstance(fault, PlatformRefused):
        pytest.skip("a final text that is refused in every form is another test")
    run_virtually(deliver(loop_clock, surface, address(), WORDS, meanwhile=strike))
    assert list(surface.screen.values()) == ["".join(WORDS)]


def test_a_flood_wait_is_obeyed_to_the_second(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """After a 429 no call is made before its wait is over."""
    surface = fake_surface()

    def strike(_: Delivery, index: int) -> None:
        if index == 100:
            surface.faults.append(PlatformRateLimited("flood", retry_after_s=6.0))

    run_virtually(deliver(loop_clock, surface, address(), WORDS, meanwhile=strike))
    times = [at for at, _, _ in surface.history]
    longest = max(later - earlier for earlier, later in pairwise(times))
    assert longest >= 6.0
    assert surface.refused == []


def test_a_flood_in_one_channel_delays_no_other(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """Two answers at once: a penalty in the first's channel leaves the second's frames alone."""
    surface = fake_surface()

    async def main() -> tuple[float, float]:
        courier = DeliveryDispatcher(loop_clock)
        courier.start()
        flooded = courier.open(
            surface, address("a"), idempotency_key="1", on_refs_changed=keep, show_status=False
        )
        free = courier.open(
            surface, address("b"), idempotency_key="2", on_refs_changed=keep, show_status=False
        )
        surface.faults.append(PlatformRateLimited("flood", retry_after_s=60.0))
        flooded.append("some words of an answer ")
        await loop_clock.sleep(0.1)
        for word in WORDS[:200]:
            free.append(word)
            await loop_clock.sleep(0.025)
        said_at = loop_clock.time()
        await free.finish()
        done_at = loop_clock.time()
        await flooded.finish()
        await courier.close()
        return said_at, done_at

    said_at, done_at = run_virtually(main())
    assert done_at - said_at < 0.3
    assert sorted(surface.screen.values()) == sorted(["some words of an answer ", "".join(WORDS[:200])])


def test_a_lost_post_is_found_again_where_the_platform_can_be_asked(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """A post whose reply was lost is adopted, not repeated."""
    surface = fake_surface(lost=1, can_find_by_key=True)
    run_virtually(deliver(loop_clock, surface, address(), WORDS))
    assert list(surface.screen.values()) == ["".join(WORDS)]


def test_a_lost_post_that_cannot_be_found_is_followed_by_one_whole_message(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """Where nobody can be asked, the rest comes once, whole, and nothing in between."""
    surface = fake_surface(lost=1)
    run_virtually(deliver(loop_clock, surface, address(), WORDS))
    assert list(surface.screen.values())[-1] == "".join(WORDS)
    assert len(surface.history) == 2


def test_a_closed_chat_ends_the_delivery(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """Blocked is final: the caller learns it and no further call is made."""
    surface = fake_surface(faults=[PlatformForbidden("blocked")])
    with pytest.raises(PlatformForbidden):
        run_virtually(deliver(loop_clock, surface, address(), WORDS, show_status=False))
    assert surface.history == []


def test_a_fenced_worker_shows_nothing_more(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """When storing the reference tells that another run owns the turn, the message stops."""
    surface = fake_surface()

    async def fenced(_: Sequence[MessageRef]) -> None:
        raise LeaseLost("taken over")

    with pytest.raises(LeaseLost):
        run_virtually(deliver(loop_clock, surface, address(), WORDS, on_refs=fenced))
    assert len(surface.history) == 1


def test_a_takeover_edits_the_message_that_stands(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """Given an earlier run's reference, the answer grows in that message and in no other."""
    surface = fake_surface()
    surface.screen["1"] = "half of an ans"
    surface.controls["1"] = ()
    refs = [MessageRef(channel="c", message_id="1")]
    run_virtually(deliver(loop_clock, surface, address(), WORDS, refs=refs))
    assert surface.screen == {"1": "".join(WORDS)}


def test_a_shorter_second_answer_takes_surplus_messages_away(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """A retry that needs fewer messages than the first answer deletes the others."""
    surface = fake_surface()
    for name in ("1", "2", "3"):
        surface.screen[name], surface.controls[name] = f"page {name}", ()
    refs = [MessageRef(channel="c", message_id=name) for name in ("1", "2", "3")]
    run_virtually(deliver(loop_clock, surface, address(), ["A short answer."], refs=refs))
    assert surface.screen == {"1": "A short answer."}


def test_a_status_is_shown_until_the_first_words(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """While Kimi thinks the status is refreshed, and never again once words stand there."""
    surface = fake_surface()

    async def main() -> None:
        courier = DeliveryDispatcher(loop_clock)
        courier.start()
        delivery = courier.open(surface, address(), idempotency_key="7", on_refs_changed=keep)
        await loop_clock.sleep(11)
        delivery.append("These are the first words of it. ")
        await loop_clock.sleep(11)
        await delivery.finish()
        await courier.close()

    run_virtually(main())
    assert surface.statuses == pytest.approx([0.03, 4.53, 9.03], abs=0.05)


def test_controls_come_with_text_frames(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """The stop button stands while it runs; the last frame brings the final ones along."""
    surface = fake_surface()
    controls = {
        "running_buttons": (ActionButton.STOP,),
        "final_buttons": (ActionButton.RETRY, ActionButton.GOOD),
    }
    run_virtually(deliver(loop_clock, surface, address(), WORDS, **controls))
    assert surface.controls["1"] == (ActionButton.RETRY, ActionButton.GOOD)
    assert len(surface.history) <= 13


def test_many_answers_share_one_budget_fairly(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """Three answers in one busy group all end whole, no call is refused, none is starved."""
    surface = fake_surface(per_s=1 / 3, burst=5.0)

    async def main() -> list[float]:
        courier = DeliveryDispatcher(loop_clock)
        courier.start()

        async def one(marker: str) -> float:
            delivery = courier.open(
                surface, address(), idempotency_key=marker, on_refs_changed=keep, show_status=False
            )
            for word in WORDS:
                delivery.append(word)
                await loop_clock.sleep(0.05)
            said_at = loop_clock.time()
            await delivery.finish()
            return loop_clock.time() - said_at

        waits = await asyncio.gather(*(one(str(index)) for index in range(3)))
        await courier.close()
        return list(waits)

    waits = run_virtually(main())
    assert list(surface.screen.values()) == ["".join(WORDS)] * 3
    assert surface.refused == []
    assert max(waits) <= 2 * 3.0 + 0.5


def test_an_announcement_gives_way_to_the_first_words(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """A place in the queue is shown and updated, and the answer then grows in that very message."""
    surface = fake_surface()

    async def main() -> None:
        courier = DeliveryDispatcher(loop_clock)
        courier.start()
        delivery = courier.open(
            surface, address(), idempotency_key="7", on_refs_changed=keep, show_status=False
        )
        for place in ("You are 2nd in line.", "You are 1st in line."):
            delivery.show_placeholder(place)
            await loop_clock.sleep(3)
        for word in WORDS[:40]:
            delivery.append(word)
            await loop_clock.sleep(0.025)
        await delivery.finish()
        await courier.close()

    run_virtually(main())
    assert surface.screen == {"1": "".join(WORDS[:40])}
    assert [text for _, _, text in surface.history][:2] == ["You are 2nd in line.", "You are 1st in line."]
    assert surface.refused == []


def test_an_announcement_that_no_words_follow_is_taken_away(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """An answer that ends without a word leaves no stale announcement behind."""
    surface = fake_surface()

    async def main() -> None:
        courier = DeliveryDispatcher(loop_clock)
        courier.start()
        delivery = courier.open(
            surface, address(), idempotency_key="7", on_refs_changed=keep, show_status=False
        )
        delivery.show_placeholder("You are 1st in line.")
        await loop_clock.sleep(3)
        await delivery.finish()
        await courier.close()

    run_virtually(main())
    assert surface.screen == {}


def test_last_words_do_not_wait_for_the_call_that_ends_a_message(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """Where only the closing call's budget is empty, the text is complete at once and closed later."""
    surface = fake_surface(burst=20.0)
    open_budget = surface.budget(address())
    close_budget = Budget(key="fake:close", per_s=1 / 30, burst=1.0, window_s=30.0)

    def rungs(_: Address) -> Sequence[DeliveryMode]:
        cost = (open_budget,)
        return [
            DeliveryMode(
                name=DeliveryModeName.STREAM,
                create_cost=cost,
                update_cost=cost,
                finalize_cost=(close_budget,),
            ),
            DeliveryMode(name=DeliveryModeName.EDIT, create_cost=cost, update_cost=cost, finalize_cost=cost),
        ]

    surface.delivery_modes = rungs

    async def main() -> tuple[float, float]:
        courier = DeliveryDispatcher(loop_clock)
        courier.start()
        courier.scheduler.bucket(close_budget, 0.0).take(0.0)
        delivery = courier.open(
            surface,
            address(),
            idempotency_key="7",
            on_refs_changed=keep,
            show_status=False,
            final_buttons=(ActionButton.RETRY,),
        )
        for word in WORDS[:100]:
            delivery.append(word)
            await loop_clock.sleep(0.025)
        said_at = loop_clock.time()
        await delivery.finish()
        whole_at = next(at for at, _, text in surface.history if text == "".join(WORDS[:100]))
        await courier.close()
        return whole_at - said_at, loop_clock.time()

    late_s, ended_at = run_virtually(main())
    assert late_s < 0.3
    assert ended_at >= 30.0
