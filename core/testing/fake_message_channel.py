"""A platform in memory: a screen, limits of its own, and failures on demand."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from core.domain.addresses import Address
from core.domain.bot_messages import (
    DeliveryModeName,
    MessageRef,
    RenderedMessage,
    ThinkingStyle,
    TypingStatus,
)
from core.domain.buttons import Button
from core.domain.clock import Clock
from core.domain.errors import (
    MessageGone,
    PlatformError,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)
from core.ports.platform import Budget, DeliveryMode, Renderer
from core.testing.fake_limit import FakeFailures, FakeLimit
from core.testing.fake_screen import FakeMessage, FakeScreen

STATUS_TTL_S: Final = 4.5
DRAFT_TTL_S: Final = 25.0
DRAFTS_PER_S: Final = 4.0
DRAFT_BURST: Final = 4.0
STREAM_MAX_AGE_S: Final = 240.0


class FakeRenderer:
    """Cuts text into pages of at most ``page_chars`` characters; Markdown is shown as it is."""

    def __init__(self, page_chars: int) -> None:
        self._page_chars = page_chars

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the pages; white space alone is no page, and waits at the growing end."""
        text = markdown if complete else markdown.rstrip()
        pages = [text[at : at + self._page_chars] for at in range(0, len(text), self._page_chars)]
        return [RenderedMessage(markdown=page, text=page) for page in pages if page.strip()]


class FakeMessageChannel:
    """Implements :class:`core.ports.platform.MessageChannel` in memory.

    Every call in a channel is counted by a limit that is independent of the product's buckets. Tests
    read :attr:`screen`, order :attr:`failures`, and act with the methods below.
    """

    thinking_style = ThinkingStyle.QUOTE

    def __init__(
        self,
        clock: Clock,
        *,
        modes: Sequence[DeliveryModeName] = (DeliveryModeName.EDIT,),
        per_s: float = 1.0,
        burst: float = 3.0,
        page_chars: int = 4096,
        latency_s: float = 0.02,
        can_find_by_key: bool = False,
        shows_tasks: bool = False,
    ) -> None:
        """Make an empty screen.

        Args:
            clock: the platform's time.
            modes: how answers may grow, best first; ``EDIT`` comes last.
            per_s: calls a second that a channel takes in the long run.
            burst: calls that it takes at once.
            page_chars: characters that one message holds.
            latency_s: seconds that a call takes.
            can_find_by_key: whether :meth:`find_by_key` finds messages.
            shows_tasks: whether streams show steps of an answer as cards.
        """
        self.can_find_by_key = can_find_by_key
        self.screen = FakeScreen(clock)
        self.statuses: list[tuple[float, TypingStatus]] = []
        self.failures = FakeFailures()
        self.calls_in_flight = 0
        self.max_calls_in_flight = 0
        self._clock = clock
        self._limits: dict[str, FakeLimit] = {}
        self._modes = tuple(modes)
        self._shows_tasks = shows_tasks
        self._page_chars = page_chars
        self._latency_s = latency_s
        self._per_s, self._burst = per_s, burst

    # For tests.

    def fail_next(self, *errors: PlatformError) -> None:
        """Let the next calls fail with these errors, without an effect."""
        self.failures.errors.extend(errors)

    def rate_limit(self, channel: str, seconds: float) -> None:
        """Refuse every call in a channel for some seconds."""
        self._limit(channel).close(self._clock.time() + seconds)

    def put(
        self, address: Address, text: str, *, key: str = "", mode: DeliveryModeName = DeliveryModeName.EDIT
    ) -> MessageRef:
        """Show a message that an earlier process posted, without a call."""
        return self.screen.post(_message(address, text, key=key, mode=mode)).ref

    @property
    def rate_limited_at(self) -> list[float]:
        """Times of the calls that came too soon."""
        return sorted(at for limit in self._limits.values() for at in limit.refused_at)

    def budget(self, channel: str) -> Budget:
        """Return the budget of one channel."""
        return Budget(key=f"fake:{channel}", per_s=self._per_s, burst=self._burst)

    async def count_call(self, channel: str) -> None:
        """Count one call in a channel and let its time pass.

        Raises:
            PlatformError: it came too soon, or a failure was ordered.
        """
        self.calls_in_flight += 1
        self.max_calls_in_flight = max(self.max_calls_in_flight, self.calls_in_flight)
        try:
            self._limit(channel).count(self._clock.time())
            self.failures.raise_next(channel)
            await self._clock.sleep(self._latency_s)
        finally:
            self.calls_in_flight -= 1

    # For the service.

    def build_renderer(self, address: Address) -> Renderer:
        """Return a renderer with this platform's page size."""
        return FakeRenderer(self._page_chars)

    def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
        """Return the modes; every call costs one of the channel's budget, a draft one of its own."""
        channel = address.key.channel
        cost = (self.budget(channel),)
        draft = (Budget(key=f"fake:drafts:{channel}", per_s=DRAFTS_PER_S, burst=DRAFT_BURST),)
        return [
            DeliveryMode(
                name=name,
                create_cost=draft if name is DeliveryModeName.DRAFT else cost,
                update_cost=draft if name is DeliveryModeName.DRAFT else cost,
                finalize_cost=cost,
                max_age_s=STREAM_MAX_AGE_S if name is DeliveryModeName.STREAM else None,
                ttl_s=DRAFT_TTL_S if name is DeliveryModeName.DRAFT else None,
                shows_tasks=self._shows_tasks and name is DeliveryModeName.STREAM,
            )
            for name in self._modes
        ]

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return the channel's budget: a status costs as much as a message."""
        return (self.budget(address.key.channel),)

    def status_refresh_s(self, address: Address) -> float:
        """Return a few seconds, as on Telegram."""
        return STATUS_TTL_S

    async def set_status(self, address: Address, status: TypingStatus) -> None:
        """Show a status; text clears it by itself, so that clearing it costs no call.

        Raises:
            PlatformRateLimited: it came too soon.
        """
        if status is TypingStatus.IDLE:
            return
        try:
            await self.count_call(address.key.channel)
        except PlatformRateLimited:
            raise
        except PlatformError:
            return
        self.statuses.append((self._clock.time(), status))

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
        """Show a new message, or a draft."""
        if mode is DeliveryModeName.DRAFT:
            return await self._show_draft(address.key.channel, message)
        await self.count_call(address.key.channel)
        self._require_length(message)
        posted = _message(address, message.text, key=idempotency_key, mode=mode, buttons=tuple(buttons))
        shown = self.screen.post(replace(posted, tasks=message.tasks))
        if self.failures.take_lost_reply():
            raise PlatformOutcomeUnknown("the reply was lost")
        return shown.ref

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
        """Replace a message's text; a stream ends if the text is final or no continuation."""
        if ref.mode is DeliveryModeName.DRAFT:
            if final:
                raise PlatformRefused("a draft cannot become a message")
            return await self._show_draft(ref.channel, message)
        await self.count_call(ref.channel)
        self._require_length(message)
        shown = self.screen.get(ref.message_id)
        grows = shown.growing and not final and message.text.startswith(shown.text)
        mode = DeliveryModeName.STREAM if grows else DeliveryModeName.EDIT
        tasks = message.tasks if shown.growing else ()
        changed = replace(shown, text=message.text, buttons=tuple(buttons), mode=mode, tasks=tasks)
        self.screen.edit(changed)
        if self.failures.take_lost_reply():
            raise PlatformUnavailable("the reply was lost; an edit may be sent again")
        return changed.ref

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Remove a message; one that is gone already is success."""
        await self.count_call(ref.channel)
        self.screen.remove(ref.message_id)

    async def finalize_orphan(self, address: Address, ref: MessageRef) -> MessageRef:
        """End a stream that a dead process left growing."""
        if ref.mode is DeliveryModeName.DRAFT:
            raise MessageGone("a draft is no message")
        if ref.mode is DeliveryModeName.STREAM:
            await self.count_call(ref.channel)
            self.screen.edit(replace(self.screen.get(ref.message_id), mode=DeliveryModeName.EDIT))
        return replace(ref, mode=DeliveryModeName.EDIT)

    async def find_by_key(
        self, address: Address, idempotency_key: str, *, after_message_id: str, exclude: frozenset[str]
    ) -> MessageRef | None:
        """Look for a message by its key."""
        found = [
            message.ref
            for message in self.screen.messages.values()
            if message.idempotency_key == idempotency_key and message.message_id not in exclude
        ]
        return found[0] if found and self.can_find_by_key else None

    async def _show_draft(self, channel: str, message: RenderedMessage) -> MessageRef:
        await self.count_call(f"drafts:{channel}")
        self.screen.show_draft(message.text)
        return MessageRef(channel=channel, message_id="draft", mode=DeliveryModeName.DRAFT)

    def _require_length(self, message: RenderedMessage) -> None:
        if not (message.text or message.tasks) or len(message.text) > self._page_chars:
            raise PlatformRefused(f"{len(message.text)} characters")

    def _limit(self, channel: str) -> FakeLimit:
        if channel not in self._limits:
            drafts = channel.startswith("drafts:")
            self._limits[channel] = FakeLimit(
                per_s=DRAFTS_PER_S if drafts else self._per_s, burst=DRAFT_BURST if drafts else self._burst
            )
        return self._limits[channel]


def _message(
    address: Address,
    text: str,
    *,
    key: str,
    mode: DeliveryModeName,
    buttons: tuple[Button, ...] = (),
) -> FakeMessage:
    return FakeMessage(
        channel=address.key.channel,
        message_id="",
        text=text,
        idempotency_key=key,
        buttons=buttons,
        mode=mode,
        thread=address.key.thread,
        reply_to=address.reply_to,
    )
