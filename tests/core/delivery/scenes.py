"""What the tests of the delivery share: addresses, targets, and an answer that is streamed."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from core.delivery.dispatcher import DeliveryDispatcher
from core.delivery.message_operations import NO_BUTTONS, AnswerButtons
from core.delivery.message_target import MessageTarget
from core.delivery.streamed_message import StreamedMessage
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import MessageRef
from core.domain.clock import Clock
from core.ports.platform import MessageChannel

WORDS = [f"word{index} " for index in range(400)]


def address(channel: str = "c") -> Address:
    """Return the address of a channel of the fake platform."""
    return Address(key=ThreadKey(platform="fake", tenant="t", channel=channel, thread=""))


async def store_nothing(_: Sequence[MessageRef]) -> None:
    """Store no references."""


def target(
    channel: MessageChannel,
    at: Address | None = None,
    *,
    key: str = "7",
    on_refs_changed: Callable[[Sequence[MessageRef]], Awaitable[None]] = store_nothing,
    **given: Any,
) -> MessageTarget:
    """Return a target; what is not given is as for a first attempt."""
    return MessageTarget(
        channel=channel,
        address=at or address(),
        idempotency_key=key,
        on_refs_changed=on_refs_changed,
        **given,
    )


@asynccontextmanager
async def dispatching(clock: Clock, **given: Any) -> AsyncIterator[DeliveryDispatcher]:
    """Run a dispatcher for the length of a block."""
    dispatcher = DeliveryDispatcher(clock, **given)
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        await dispatcher.close()


async def stream(
    dispatcher: DeliveryDispatcher,
    clock: Clock,
    to: MessageTarget,
    words: Sequence[str] = WORDS,
    *,
    per_s: float = 40.0,
    buttons: AnswerButtons = NO_BUTTONS,
    show_status: bool = False,
    on_word: Callable[[StreamedMessage, int], None] | None = None,
) -> tuple[float, float]:
    """Stream words into one answer; return when the last word came and when all were on the screen."""
    message = dispatcher.open(to, buttons=buttons, show_status=show_status)
    try:
        for index, word in enumerate(words):
            message.append(word)
            if on_word is not None:
                on_word(message, index)
            await clock.sleep(1 / per_s)
        said_at = clock.time()
        await message.finish()
        return said_at, clock.time()
    finally:
        message.close()
