"""Frames that fade: they become a message with the last words, and nothing is lost with them."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from core.delivery.dispatcher import DeliveryDispatcher
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage
from core.domain.buttons import Button
from core.domain.clock import Clock
from core.domain.errors import PlatformError, PlatformOutcomeUnknown, PlatformRateLimited, PlatformRefused
from core.ports.platform import Budget, DeliveryMode

Run = Callable[[Coroutine[Any, Any, None]], None]
FRAMES = Budget(key="fake:frames", per_s=4.0, burst=4.0)
CALLS = Budget(key="fake:calls", per_s=1.0, burst=3.0)


@pytest.fixture
def fading(fake_surface: type[Any]) -> type[Any]:
    """A platform that shows fading frames before it takes messages."""

    @dataclass
    class FadingSurface(fake_surface):  # type: ignore[misc]
        frames: list[tuple[float, str]] = field(default_factory=list)
        refusals: list[PlatformError] = field(default_factory=list)  #: of the next fading frames
        lost_finals: int = 0

        def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
            cost = (CALLS,)
            draft = DeliveryMode(
                name=DeliveryModeName.DRAFT,
                create_cost=(FRAMES,),
                update_cost=(FRAMES,),
                finalize_cost=cost,
                ttl_s=25.0,
            )
            return (
                draft,
                DeliveryMode(
                    name=DeliveryModeName.EDIT, create_cost=cost, update_cost=cost, finalize_cost=cost
                ),
            )

        def status_cost(self, address: Address) -> Sequence[Budget]:
            return (CALLS,)

        async def post(self, address: Address, page: RenderedMessage, *, mode: str, **how: Any) -> MessageRef:
            if mode == "draft":
                return self._frame(page)
            return await super().post(address, page, mode=mode, **how)

        async def edit(
            self, address: Address, ref: MessageRef, page: RenderedMessage, **how: Any
        ) -> MessageRef:
            if ref.mode is DeliveryModeName.DRAFT:
                assert not how["final"], "a fading frame is never the last one"
                return self._frame(page)
            if how["previous"] is None and self.screen[ref.message_id] == page.text:
                return ref  # a message that was found again stands already as it should
            return await super().edit(address, ref, page, **how)

        def _frame(self, page: RenderedMessage) -> MessageRef:
            if self.refusals:
                raise self.refusals.pop(0)
            self.frames.append((asyncio.get_running_loop().time(), page.text))
            return MessageRef(channel="c", message_id="frame", mode=DeliveryModeName.DRAFT)

    return FadingSurface


@dataclass
class Show:
    """One answer being shown, with the references that were stored."""

    surface: Any
    clock: Clock
    address: Address
    stored: list[tuple[MessageRef, ...]] = field(default_factory=list)

    async def run(self, pieces: Sequence[tuple[float, str]], controls: tuple[Button, ...] = ()) -> None:
        """Say the pieces, each after its seconds, and wait until all of it stands."""

        async def on_refs(refs: Sequence[MessageRef]) -> None:
            self.stored.append(tuple(refs))

        courier = DeliveryDispatcher(self.clock)
        courier.start()
        delivery = courier.open(
            self.surface,
            self.address,
            idempotency_key="1",
            on_refs_changed=on_refs,
            show_status=False,
            final_buttons=controls,
        )
        for after_s, piece in pieces:
            await self.clock.sleep(after_s)
            delivery.append(piece)
        await delivery.finish()
        delivery.close()
        await courier.close()


WORDS = [(0.2, f"word{number} ") for number in range(40)]
WHOLE = "".join(piece for _, piece in WORDS)


@pytest.fixture
def show(fading: type[Any], loop_clock: Clock, address: Callable[[], Address]) -> Callable[..., Show]:
    """Make a show on a new platform."""

    def make(**how: Any) -> Show:
        return Show(fading(**how), loop_clock, address())

    return make


def test_fading_frames_end_in_one_message(run_virtually: Run, show: Callable[..., Show]) -> None:
    """The words appear in fading frames, the last of them in a message, the only one that is stored."""
    one = show()
    run_virtually(one.run(WORDS))
    assert len(one.surface.frames) > 10
    assert all(WHOLE.startswith(text) for _, text in one.surface.frames)
    assert list(one.surface.screen.values()) == [WHOLE]
    assert len(one.surface.history) == 1
    assert [[ref.mode for ref in refs] for refs in one.stored] == [["edit"]]


def test_a_frame_is_shown_again_before_it_fades(run_virtually: Run, show: Callable[..., Show]) -> None:
    """While no words come, the same frame goes out every 25 seconds, and no other call."""
    one = show()
    run_virtually(one.run([(0.1, "A beginning of some words"), (90.0, " and the end.")]))
    times = [at for at, _ in one.surface.frames]
    assert len(times) == 4
    assert all(24.9 < later - earlier < 26 for earlier, later in pairwise(times))
    assert list(one.surface.screen.values()) == ["A beginning of some words and the end."]


@pytest.mark.parametrize("at_frame", [0, 1, 5])
@pytest.mark.parametrize(
    "error", [PlatformRefused("no"), PlatformRateLimited("slow", retry_after_s=200.0)], ids=["refused", "429"]
)
def test_a_refused_frame_leaves_for_the_next_rung(
    run_virtually: Run, show: Callable[..., Show], at_frame: int, error: PlatformError
) -> None:
    """A refusal costs a moment: the answer goes on in a message that is edited, and stands whole."""
    one = show()
    frame = one.surface._frame

    def refusing(page: RenderedMessage) -> MessageRef:
        if len(one.surface.frames) == at_frame:
            raise error
        return frame(page)

    one.surface._frame = refusing
    run_virtually(one.run(WORDS))
    assert len(one.surface.frames) == at_frame
    assert list(one.surface.screen.values()) == [WHOLE]
    assert len(one.surface.history) > 3
    assert one.surface.refused == []


def test_a_lost_last_post_is_treated_like_any_lost_post(
    run_virtually: Run, show: Callable[..., Show]
) -> None:
    """The post that follows fading frames is found by its marker where the platform can be asked."""
    one = show(can_find_by_key=True, lost=1)
    run_virtually(one.run(WORDS))
    assert list(one.surface.screen.values()) == [WHOLE]


def test_pages_before_the_last_become_messages(run_virtually: Run, show: Callable[..., Show]) -> None:
    """A page is posted when it is full, the next one begins as fading frames, and none is sent twice."""
    one = show(page_limit=100)
    run_virtually(one.run(WORDS))
    assert "".join(one.surface.screen.values()) == WHOLE
    assert len(one.surface.history) == len(one.surface.screen)
    assert [len(refs) for refs in one.stored] == list(range(1, len(one.surface.screen) + 1))


def test_a_frame_whose_fate_is_unknown_is_sent_again(run_virtually: Run, show: Callable[..., Show]) -> None:
    """A fading frame that may or may not have landed is no lost post."""
    one = show()
    one.surface.refusals = [PlatformOutcomeUnknown("?")]
    run_virtually(one.run([(0.1, "Some words to begin with"), (8.0, " and more.")]))
    assert list(one.surface.screen.values()) == ["Some words to begin with and more."]
