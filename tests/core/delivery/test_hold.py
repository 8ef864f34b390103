"""A process that may have lost its work shows nothing: held calls, and calls that are cut off."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from core.delivery.dispatcher import DeliveryDispatcher
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.clock import Clock

Run = Callable[[Coroutine[Any, Any, Any]], Any]
MakeAddress = Callable[..., Address]


async def keep(_: Sequence[MessageRef]) -> None:
    """Store nothing."""


def test_nothing_is_shown_during_a_hold_and_all_of_it_after(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """Words and even the end of an answer wait for the hold's end, then the newest text is shown."""
    surface = fake_surface()

    async def main() -> tuple[float, float]:
        courier = DeliveryDispatcher(loop_clock)
        courier.start()
        delivery = courier.open(surface, address(), idempotency_key="7", on_refs_changed=keep)
        delivery.append("The first words of it. ")
        await asyncio.sleep(2)
        courier.may_call = lambda: False
        held_at = loop_clock.time()
        for number in range(10):
            delivery.append(f"more {number} ")
            await asyncio.sleep(0.5)
        done = asyncio.create_task(delivery.finish())
        await asyncio.sleep(5)
        assert not done.done()
        released_at = loop_clock.time()
        courier.may_call = lambda: True
        await done
        delivery.close()
        await courier.close()
        return held_at, released_at

    held_at, released_at = run_virtually(main())
    assert [at for at, *_ in surface.history if held_at < at < released_at] == []
    [text] = surface.screen.values()
    assert text.endswith("more 9 ")


def test_a_cut_ends_the_call_in_flight(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: MakeAddress
) -> None:
    """A call that hangs when the work is lost takes no effect later."""
    surface = fake_surface(latency_s=60.0)

    async def main() -> None:
        courier = DeliveryDispatcher(loop_clock)
        courier.start()
        delivery = courier.open(
            surface, address(), idempotency_key="7", on_refs_changed=keep, show_status=False
        )
        delivery.append("These words are on their way. ")
        await asyncio.sleep(1)
        assert surface.in_flight == 1
        courier.may_call = lambda: False
        courier.cancel_calls()
        delivery.close()
        await asyncio.sleep(120)
        await courier.close()

    run_virtually(main())
    assert surface.screen == {}
    assert surface.in_flight == 0
