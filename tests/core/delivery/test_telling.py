"""What an observer hears of the calls that show an answer."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias

from core.delivery.dispatcher import DeliveryDispatcher
from core.domain.bot_messages import MessageRef
from core.domain.clock import Clock
from core.domain.errors import PlatformRateLimited, PlatformUnavailable
from core.observer import Observer, PlatformCallRecord

Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]

WORDS = [f"word{number:03} " for number in range(80)]


class Ear(Observer):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.frames: list[PlatformCallRecord] = []

    def platform_call_finished(self, call: PlatformCallRecord) -> None:
        """Keep a frame."""
        self.frames.append(call)


async def keep(_: Sequence[MessageRef]) -> None:
    """Store nothing."""


async def deliver(clock: Clock, surface: Any, address: Any, ear: Ear) -> tuple[list[float], float | None]:
    """Stream the words; return when each came, and when words stood first."""
    courier = DeliveryDispatcher(clock, observer=ear)
    courier.start()
    delivery = courier.open(surface, address, idempotency_key="7", on_refs_changed=keep, show_status=False)
    came = []
    for word in WORDS:
        came.append(clock.time())
        delivery.append(word)
        await clock.sleep(0.05)
    await delivery.finish()
    delivery.close()
    await courier.close()
    return came, delivery.first_shown_at


def test_a_frame_tells_how_long_its_oldest_new_word_waited(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: Any
) -> None:
    """The delay is counted from the word's coming to its standing, for every frame alike."""
    surface, ear = fake_surface(), Ear()
    came, first_at = run_virtually(deliver(loop_clock, surface, address(), ear))

    shown = 0
    wanted = []
    for at, _, text in surface.history:
        wanted.append(at - came[shown])
        shown = text.count("word")
    told = [frame.text_latency_s for frame in ear.frames if frame.text_latency_s is not None]
    assert len(told) == len(wanted) >= 5
    assert all(abs(one - other) <= 0.1 for one, other in zip(told, wanted, strict=True)), (told, wanted)
    assert first_at is not None
    assert abs(first_at - surface.history[0][0]) <= 0.1
    assert {frame.error for frame in ear.frames} == {""}


def test_a_refused_frame_leaves_its_words_waiting(
    run_virtually: Run, loop_clock: Clock, fake_surface: Any, address: Any
) -> None:
    """The refusal is told by a short name; the words' delay goes on until a frame stands."""
    surface, ear = fake_surface(), Ear()
    surface.faults += [PlatformUnavailable("down"), PlatformRateLimited("slower", retry_after_s=1.0)]
    came, first_at = run_virtually(deliver(loop_clock, surface, address(), ear))

    assert [frame.error for frame in ear.frames][:3] == ["unavailable", "rate_limited", ""]
    assert [frame.text_latency_s is None for frame in ear.frames][:3] == [True, True, False]
    delay_s = ear.frames[2].text_latency_s
    assert delay_s is not None
    assert delay_s > 1.0
    assert first_at is not None
    assert abs((first_at - came[0]) - delay_s) < 0.01
