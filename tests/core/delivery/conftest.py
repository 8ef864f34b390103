"""A platform in memory that refuses what a real one refuses, on the running loop's time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from core.delivery.token_bucket import TokenBucket
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import (
    DeliveryModeName,
    MessageRef,
    RenderedMessage,
    ThinkingStyle,
    TypingStatus,
)
from core.domain.buttons import Button
from core.domain.errors import MessageGone, PlatformError, PlatformRateLimited
from core.ports.platform import Budget, DeliveryMode

PENALTY_S = 5.0


class FakePager:
    """Pages of at most ``limit`` characters."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Cut at fixed lengths; white space alone is no page."""
        text = markdown if complete else markdown.rstrip()
        cuts = [text[at : at + self.limit] for at in range(0, len(text), self.limit)]
        return [RenderedMessage(markdown=cut, text=cut) for cut in cuts if cut.strip()]


@dataclass
class FakeSurface:
    """A screen, a budget that is really enforced, and faults on demand."""

    per_s: float = 1.0
    burst: float = 3.0
    page_limit: int = 4096
    latency_s: float = 0.02
    thinking_style: ThinkingStyle = ThinkingStyle.QUOTE
    can_find_by_key: bool = False
    faults: list[PlatformError] = field(default_factory=list)  #: raised by the next calls, nothing shown
    lost: int = 0  #: so many posts take effect and then fail
    screen: dict[str, str] = field(default_factory=dict)
    history: list[tuple[float, str, str]] = field(default_factory=list)  #: (time, message id, text)
    controls: dict[str, tuple[Button, ...]] = field(default_factory=dict)
    refused: list[float] = field(default_factory=list)
    markers: dict[str, str] = field(default_factory=dict)
    statuses: list[float] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    buckets: dict[str, TokenBucket] = field(default_factory=dict)

    def budget(self, address: Address) -> Budget:
        """One budget a channel."""
        return Budget(key=f"fake:{address.key.channel}", per_s=self.per_s, burst=self.burst)

    def build_renderer(self, address: Address) -> FakePager:
        """Make a pager."""
        return FakePager(self.page_limit)

    def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
        """Everything costs one call of the channel's budget."""
        cost = (self.budget(address),)
        return [
            DeliveryMode(name=DeliveryModeName.EDIT, create_cost=cost, update_cost=cost, finalize_cost=cost)
        ]

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """A status costs like a frame."""
        return (self.budget(address),)

    def status_refresh_s(self, address: Address) -> float:
        """As on Telegram."""
        return 4.5

    async def set_status(self, address: Address, status: TypingStatus) -> None:
        """Note when it was shown; words take it away by themselves."""
        if status is TypingStatus.IDLE:
            return
        await self._call(address)
        self.statuses.append(asyncio.get_running_loop().time())

    async def post(
        self,
        address: Address,
        message: RenderedMessage,
        *,
        mode: DeliveryModeName,
        idempotency_key: str,
        buttons: Sequence[Button] = (),
        final: bool = False,
    ) -> MessageRef:
        """Show a message; a lost one is shown and its reference is not told."""
        await self._call(address)
        ref = MessageRef(channel=address.key.channel, message_id=str(len(self.markers) + 1), mode=mode)
        self.markers[ref.message_id] = idempotency_key
        self._show(ref, message, buttons)
        if self.lost:
            from core.domain.errors import PlatformOutcomeUnknown

            self.lost -= 1
            raise PlatformOutcomeUnknown("the reply was lost")
        return ref

    async def edit(
        self,
        address: Address,
        ref: MessageRef,
        message: RenderedMessage,
        *,
        previous: RenderedMessage | None,
        final: bool,
        buttons: Sequence[Button] = (),
    ) -> MessageRef:
        """Replace a message's text; an identical edit is a defect of the caller."""
        await self._call(address)
        if ref.message_id not in self.screen:
            raise MessageGone("deleted")
        same = self.screen[ref.message_id] == message.text
        assert not (same and self.controls[ref.message_id] == tuple(buttons)), "identical edit"
        self._show(ref, message, buttons)
        return ref

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Take a message away."""
        await self._call(address)
        self.screen.pop(ref.message_id, None)

    async def finalize_orphan(self, address: Address, ref: MessageRef) -> MessageRef:
        """Nothing is ever left growing here."""
        return ref

    async def find_by_key(
        self, address: Address, idempotency_key: str, *, after_message_id: str, exclude: frozenset[str]
    ) -> MessageRef | None:
        """Look a marker up."""
        for message_id, kept in self.markers.items():
            if kept == idempotency_key and message_id not in exclude and message_id in self.screen:
                return MessageRef(channel=address.key.channel, message_id=message_id)
        return None

    def _show(self, ref: MessageRef, page: RenderedMessage, controls: Sequence[Button]) -> None:
        self.screen[ref.message_id] = page.text
        self.controls[ref.message_id] = tuple(controls)
        self.history.append((asyncio.get_running_loop().time(), ref.message_id, page.text))

    async def _call(self, address: Address) -> None:
        now = asyncio.get_running_loop().time()
        budget = self.budget(address)
        bucket = self.buckets.setdefault(budget.key, TokenBucket(budget, now))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if bucket.room_at(now) > now + 1e-6:
                self.refused.append(now)
                bucket.closed_until = now + PENALTY_S
                raise PlatformRateLimited("slow down", retry_after_s=PENALTY_S)
            bucket.take(now)
            if self.faults:
                raise self.faults.pop(0)
            await asyncio.sleep(self.latency_s)
        finally:
            self.in_flight -= 1


@pytest.fixture
def fake_surface() -> type[FakeSurface]:
    """The fake platform's class."""
    return FakeSurface


@pytest.fixture
def address() -> Callable[[str], Address]:
    """Make an address in a channel."""

    def make(channel: str = "c") -> Address:
        return Address(key=ThreadKey(platform="fake", tenant="t", channel=channel, thread=""))

    return make
