"""Messages that disappear by themselves (Telegram's drafts) become one message with the last words."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage
from core.domain.clock import Clock
from core.domain.errors import PlatformError, PlatformOutcomeUnknown, PlatformRateLimited, PlatformRefused
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.delivery.scenes import dispatching, stream, target

pytestmark = pytest.mark.virtual_time

WORDS = [f"word{number} " for number in range(40)]
WHOLE = "".join(WORDS)
MODES = (DeliveryModeName.DRAFT, DeliveryModeName.EDIT)


async def test_drafts_end_in_one_message(loop_clock: Clock) -> None:
    """The words appear in drafts, the last of them in a message, the only one that is stored."""
    channel = FakeMessageChannel(loop_clock, modes=MODES)
    stored: list[Sequence[MessageRef]] = []

    async def store(refs: Sequence[MessageRef]) -> None:
        stored.append(refs)

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel, on_refs_changed=store), WORDS, per_s=5.0)

    assert len(channel.screen.drafts) > 10
    assert all(WHOLE.startswith(frame.text) for frame in channel.screen.drafts)
    assert channel.screen.texts == [WHOLE]
    assert len(channel.screen.frames) == 1
    assert [[ref.mode for ref in refs] for refs in stored] == [[DeliveryModeName.EDIT]]


async def test_a_draft_is_shown_again_before_it_disappears(loop_clock: Clock) -> None:
    """Telegram says: a draft is shown for 30 seconds. While no words come, it is sent every 25."""
    channel = FakeMessageChannel(loop_clock, modes=MODES)

    async with dispatching(loop_clock) as dispatcher:
        message = dispatcher.open(target(channel), show_status=False)
        message.append("A beginning of some words")
        await loop_clock.sleep(90)
        message.append(" and the end.")
        await message.finish()

    times = [frame.at_s for frame in channel.screen.drafts]
    assert len(times) == 4
    assert all(24.9 < later - earlier < 26 for earlier, later in pairwise(times))
    assert channel.screen.texts == ["A beginning of some words and the end."]


@pytest.mark.parametrize("at_draft", [0, 1, 5])
@pytest.mark.parametrize(
    "error", [PlatformRefused("no"), PlatformRateLimited("slow", retry_after_s=200.0)], ids=["refused", "429"]
)
async def test_a_refused_draft_changes_the_mode(
    loop_clock: Clock, at_draft: int, error: PlatformError
) -> None:
    """A refusal costs a moment: the answer goes on in a message that is edited, and ends whole."""

    class Refusing(FakeMessageChannel):
        async def _show_draft(self, channel: str, message: RenderedMessage) -> MessageRef:
            if len(self.screen.drafts) == at_draft:
                raise error
            return await super()._show_draft(channel, message)

    channel = Refusing(loop_clock, modes=MODES)
    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel), WORDS, per_s=5.0)

    assert len(channel.screen.drafts) == at_draft
    assert channel.screen.texts == [WHOLE]
    assert len(channel.screen.frames) > 3
    assert channel.rate_limited_at == []


async def test_a_lost_post_after_drafts_is_found(loop_clock: Clock) -> None:
    """The post that follows drafts is found by its key if the platform can be asked."""
    channel = FakeMessageChannel(loop_clock, modes=MODES, can_find_by_key=True)
    channel.failures.lost_replies = 1

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel), WORDS, per_s=5.0)

    assert channel.screen.texts == [WHOLE]


async def test_full_pages_become_messages(loop_clock: Clock) -> None:
    """A page is posted when it is full, the next one begins as a draft, and none is posted twice."""
    channel = FakeMessageChannel(loop_clock, modes=MODES, page_chars=100)
    stored: list[Sequence[MessageRef]] = []

    async def store(refs: Sequence[MessageRef]) -> None:
        stored.append(refs)

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel, on_refs_changed=store), WORDS, per_s=5.0)

    assert "".join(channel.screen.texts) == WHOLE
    assert len(channel.screen.frames) == len(channel.screen.messages)
    assert [len(refs) for refs in stored] == list(range(1, len(channel.screen.messages) + 1))


async def test_a_draft_of_unknown_result_is_sent_again(loop_clock: Clock) -> None:
    """A draft that may or may not be on the screen is no lost post: previews go on."""
    channel = FakeMessageChannel(loop_clock, modes=MODES)
    channel.fail_next(PlatformOutcomeUnknown("?"))

    async with dispatching(loop_clock) as dispatcher:
        message = dispatcher.open(target(channel), show_status=False)
        message.append("Some words to begin with")
        await loop_clock.sleep(8)
        message.append(" and more.")
        await message.finish()

    assert [frame.text for frame in channel.screen.drafts] == ["Some words to begin with"]
    assert channel.screen.texts == ["Some words to begin with and more."]
