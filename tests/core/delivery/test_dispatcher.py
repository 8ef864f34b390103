"""Answers reach the screen whole, in few updates, once, whatever fails in between."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from core.delivery.message_operations import AnswerButtons
from core.delivery.streamed_message import StreamedMessage
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, MessageRef, TypingStatus
from core.domain.buttons import ActionButton
from core.domain.clock import Clock
from core.domain.errors import (
    LeaseLost,
    MessageGone,
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)
from core.ports.platform import Budget, DeliveryMode
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.delivery.scenes import WORDS, address, dispatching, stream, target

pytestmark = pytest.mark.virtual_time

WHOLE = "".join(WORDS)


async def test_a_stream_becomes_few_updates_and_is_whole(loop_clock: Clock) -> None:
    """We chose: ten seconds of words take no more calls than the budget has, and end complete at once."""
    channel = FakeMessageChannel(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        said_at, done_at = await stream(dispatcher, loop_clock, target(channel))

    assert channel.screen.texts == [WHOLE]
    assert channel.rate_limited_at == []
    assert channel.screen.identical_edits == 0
    assert len(channel.screen.frames) <= 3 + 10
    assert done_at - said_at < 0.3
    assert channel.max_calls_in_flight == 1


async def test_the_first_update_comes_with_the_first_words(loop_clock: Clock) -> None:
    """We chose: a few words are shown before any interval has passed."""
    channel = FakeMessageChannel(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel))

    assert channel.screen.frames[0].at_s < 0.2
    assert channel.screen.frames[0].text.strip()


async def test_updates_only_grow(loop_clock: Clock) -> None:
    """No update ever shows less than the one before it."""
    channel = FakeMessageChannel(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel))

    texts = [frame.text for frame in channel.screen.frames]
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))


async def test_text_before_a_silence_is_shown_during_it(loop_clock: Clock) -> None:
    """Words that came before a long pause are shown without a further word."""
    channel = FakeMessageChannel(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        message = dispatcher.open(target(channel))
        for word in WORDS[:50]:
            message.append(word)
            await loop_clock.sleep(0.025)
        await loop_clock.sleep(3)
        shown = channel.screen.texts
        await message.finish()

    assert shown == ["".join(WORDS[:50]).rstrip()]


async def test_a_long_answer_goes_on_in_further_messages(loop_clock: Clock) -> None:
    """An answer longer than a message takes several, each complete, none posted twice."""
    channel = FakeMessageChannel(loop_clock, page_chars=500)
    stored: list[Sequence[MessageRef]] = []

    async def store(refs: Sequence[MessageRef]) -> None:
        stored.append(refs)

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel, on_refs_changed=store))

    assert "".join(channel.screen.texts) == WHOLE
    assert [ref.message_id for ref in stored[-1]] == list(channel.screen.messages)
    assert channel.rate_limited_at == []


FAILURES: dict[str, PlatformError] = {
    "unavailable": PlatformUnavailable("502"),
    "rate-limited": PlatformRateLimited("flood", retry_after_s=4.0),
    "gone": MessageGone("deleted"),
    "refused": PlatformRefused("odd"),
}


@pytest.mark.parametrize(
    ("failure", "at"),
    [(name, at) for name in FAILURES for at in (0, 150, 399) if (name, at) != ("refused", 399)],
)
async def test_a_failed_call_costs_no_word(loop_clock: Clock, failure: str, at: int) -> None:
    """Whatever fails, and whenever, the whole text is on the screen once in the end."""
    channel = FakeMessageChannel(loop_clock)

    def fail(_: StreamedMessage, index: int) -> None:
        if index == at:
            channel.fail_next(FAILURES[failure])
            if failure == "gone":
                channel.screen.messages.clear()

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel), on_word=fail)

    assert channel.screen.texts == [WHOLE]


async def test_a_final_text_that_is_refused_in_every_form_ends_the_delivery(loop_clock: Clock) -> None:
    """The caller learns that the last text cannot be shown."""
    channel = FakeMessageChannel(loop_clock)

    def refuse(_: StreamedMessage, index: int) -> None:
        if index == len(WORDS) - 1:
            channel.fail_next(*[PlatformRefused("odd")] * 5)

    async with dispatching(loop_clock) as dispatcher:
        with pytest.raises(PlatformRefused):
            await stream(dispatcher, loop_clock, target(channel), on_word=refuse)


async def test_a_platforms_wait_is_obeyed_to_the_second(loop_clock: Clock) -> None:
    """After a 429 no call is made before its wait is over."""
    channel = FakeMessageChannel(loop_clock)

    def limit(_: StreamedMessage, index: int) -> None:
        if index == 100:
            channel.fail_next(PlatformRateLimited("flood", retry_after_s=6.0))

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel), on_word=limit)

    times = [frame.at_s for frame in channel.screen.frames]
    assert max(later - earlier for earlier, later in pairwise(times)) >= 6.0
    assert channel.rate_limited_at == []


async def test_a_limit_in_one_channel_delays_no_other(loop_clock: Clock) -> None:
    """Two answers at once: a penalty in the first's channel leaves the second's updates alone."""
    channel = FakeMessageChannel(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        limited = dispatcher.open(target(channel, address("a"), key="1"), show_status=False)
        channel.fail_next(PlatformRateLimited("flood", retry_after_s=60.0))
        limited.append("some words of an answer ")
        await loop_clock.sleep(0.1)
        said_at, done_at = await stream(dispatcher, loop_clock, target(channel, address("b"), key="2"))
        await limited.finish()

    assert done_at - said_at < 0.3
    assert sorted(channel.screen.texts) == sorted(["some words of an answer ", WHOLE])


async def test_a_lost_post_is_found_again_if_the_platform_can_be_asked(loop_clock: Clock) -> None:
    """A post whose reply was lost is found and edited, not repeated."""
    channel = FakeMessageChannel(loop_clock, can_find_by_key=True)
    channel.failures.lost_replies = 1

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel))

    assert channel.screen.texts == [WHOLE]


async def test_a_lost_post_that_cannot_be_found_is_followed_by_one_whole_message(loop_clock: Clock) -> None:
    """We chose: on a platform that cannot be asked, the answer comes once more, whole, at its end."""
    channel = FakeMessageChannel(loop_clock)
    channel.failures.lost_replies = 1

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel))

    assert channel.screen.texts[-1] == WHOLE
    assert len(channel.screen.frames) == 2


async def test_posts_of_unknown_result_are_given_up_after_a_few(loop_clock: Clock) -> None:
    """We chose: three blind attempts, so that at most four messages may stand there."""
    channel = FakeMessageChannel(loop_clock)
    channel.fail_next(*[PlatformOutcomeUnknown("?")] * 9)

    async with dispatching(loop_clock) as dispatcher:
        with pytest.raises(PlatformUnavailable):
            await stream(dispatcher, loop_clock, target(channel), WORDS[:20])

    assert len(channel.failures.errors) == 5


async def test_a_closed_channel_ends_the_delivery(loop_clock: Clock) -> None:
    """Blocked is final: the caller learns it and no further call is made."""
    channel = FakeMessageChannel(loop_clock)
    channel.failures.forbidden.add("c")
    ended: list[str] = []

    def watch(message: StreamedMessage, index: int) -> None:
        if index == 0:
            message.completion.on_end(lambda: ended.append(type(message.error).__name__))

    async with dispatching(loop_clock) as dispatcher:
        with pytest.raises(PlatformForbidden):
            await stream(dispatcher, loop_clock, target(channel), on_word=watch)

    assert channel.screen.frames == []
    assert ended == ["PlatformForbidden"]


async def test_a_worker_that_lost_its_lease_shows_nothing_more(loop_clock: Clock) -> None:
    """If storing the reference says that another worker owns the turn, no further call is made."""
    channel = FakeMessageChannel(loop_clock)

    async def lose(_: Sequence[MessageRef]) -> None:
        raise LeaseLost("taken over")

    async with dispatching(loop_clock) as dispatcher:
        with pytest.raises(LeaseLost):
            await stream(dispatcher, loop_clock, target(channel, on_refs_changed=lose))

    assert len(channel.screen.frames) == 1


async def test_a_takeover_edits_the_message_that_is_there(loop_clock: Clock) -> None:
    """Given an earlier attempt's reference, the answer grows in that message and in no other."""
    channel = FakeMessageChannel(loop_clock)
    left = channel.put(address(), "half of an ans")

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel, refs=[left]))

    assert channel.screen.texts == [WHOLE]


async def test_a_stream_that_a_dead_process_left_is_taken_over(loop_clock: Clock) -> None:
    """It is ended first, then edited like any message."""
    channel = FakeMessageChannel(
        loop_clock, modes=(DeliveryModeName.STREAM, DeliveryModeName.EDIT), can_find_by_key=True
    )
    left = channel.put(address(), "half of an ans", mode=DeliveryModeName.STREAM)

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel, refs=[left]))

    (shown,) = channel.screen.messages.values()
    assert shown.text == WHOLE
    assert not shown.growing


async def test_a_shorter_second_answer_removes_surplus_messages(loop_clock: Clock) -> None:
    """A retry that needs fewer messages than the first answer deletes the others."""
    channel = FakeMessageChannel(loop_clock)
    left = [channel.put(address(), f"page {number}") for number in range(3)]

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel, refs=left), ["A short answer."])

    assert channel.screen.texts == ["A short answer."]


async def test_an_answer_that_ends_without_text_takes_its_status_away(loop_clock: Clock) -> None:
    """A question that was replaced or deleted keeps no sign; one whose text is shown needs no call."""
    channel, cleared = FakeMessageChannel(loop_clock), []

    async def set_status(to: Address, status: TypingStatus) -> None:
        cleared.append((to.key.channel, status))

    channel.set_status = set_status  # type: ignore[method-assign]
    async with dispatching(loop_clock) as dispatcher:
        for name, text in (("a", ""), ("b", "Yes.")):
            message = dispatcher.open(target(channel, address(name), key=name), show_status=True)
            await loop_clock.sleep(2.0)
            message.append(text)
            await message.finish()
            await message.clear_status()

    assert [status for to, status in cleared if to == "a"] == [TypingStatus.THINKING, TypingStatus.IDLE]
    assert [status for to, status in cleared if to == "b"].count(TypingStatus.IDLE) == 1


async def test_a_status_is_shown_until_the_first_text(loop_clock: Clock) -> None:
    """While Kimi thinks the status is refreshed, and never again once text is on the screen."""
    channel = FakeMessageChannel(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        message = dispatcher.open(target(channel))
        await loop_clock.sleep(11)
        message.append("These are the first words of it. ")
        await loop_clock.sleep(11)
        await message.finish()

    assert [at for at, _ in channel.statuses] == pytest.approx([0.05, 4.55, 9.05], abs=0.05)
    assert {status for _, status in channel.statuses} == {TypingStatus.THINKING}


async def test_buttons_come_with_the_text(loop_clock: Clock) -> None:
    """The stop button is there while the answer grows; the last update brings the final ones along."""
    channel = FakeMessageChannel(loop_clock)
    buttons = AnswerButtons(running=(ActionButton.STOP,), final=(ActionButton.RETRY, ActionButton.GOOD))
    seen: set[tuple[object, ...]] = set()

    def look(_: StreamedMessage, __: int) -> None:
        seen.update(message.buttons for message in channel.screen.messages.values())

    async with dispatching(loop_clock) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel), buttons=buttons, on_word=look)

    assert seen == {(ActionButton.STOP,)}
    assert [message.buttons for message in channel.screen.messages.values()] == [buttons.final]
    assert len(channel.screen.frames) <= 13


async def test_many_answers_share_one_budget_fairly(loop_clock: Clock) -> None:
    """Three answers in one busy group all end whole, no call is refused, none is starved."""
    channel = FakeMessageChannel(loop_clock, per_s=1 / 3, burst=5.0)

    async with dispatching(loop_clock) as dispatcher:
        ends = await asyncio.gather(
            *(
                stream(dispatcher, loop_clock, target(channel, key=str(index)), per_s=20.0)
                for index in range(3)
            )
        )

    assert channel.screen.texts == [WHOLE] * 3
    assert channel.rate_limited_at == []
    assert max(done_at - said_at for said_at, done_at in ends) <= 2 * 3.0 + 0.5


async def test_a_placeholder_gives_way_to_the_first_text(loop_clock: Clock) -> None:
    """A position in the queue is shown and updated, and the answer then grows in that very message."""
    channel = FakeMessageChannel(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        message = dispatcher.open(target(channel), show_status=False)
        for position in ("You are 2nd in line.", "You are 1st in line."):
            message.show_placeholder(position)
            await loop_clock.sleep(3)
        for word in WORDS[:40]:
            message.append(word)
            await loop_clock.sleep(0.025)
        await message.finish()

    assert channel.screen.texts == ["".join(WORDS[:40])]
    assert [frame.text for frame in channel.screen.frames][:2] == [
        "You are 2nd in line.",
        "You are 1st in line.",
    ]
    assert channel.rate_limited_at == []


async def test_a_placeholder_waits_for_no_words(loop_clock: Clock) -> None:
    """An empty piece of text is no first word, for which an update would wait for more (it once did)."""
    channel = FakeMessageChannel(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        message = dispatcher.open(target(channel), show_status=False)
        await loop_clock.sleep(1)
        message.append("")
        message.show_placeholder("Searching: tea")
        await loop_clock.sleep(0.1)
        message.append("Tea is a plant.")
        await message.finish()

    assert [frame.text for frame in channel.screen.frames] == ["Searching: tea", "Tea is a plant."]


async def test_a_placeholder_that_no_text_follows_is_removed(loop_clock: Clock) -> None:
    """An answer that ends without a word leaves no stale placeholder behind."""
    channel = FakeMessageChannel(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        message = dispatcher.open(target(channel), show_status=False)
        message.show_placeholder("You are 1st in line.")
        await loop_clock.sleep(3)
        await message.finish()

    assert channel.screen.texts == []


async def test_last_words_do_not_wait_for_the_call_that_ends_a_message(loop_clock: Clock) -> None:
    """If only the finalizing call's budget is empty, the text is complete at once and finalized later."""
    finalizing = Budget(key="fake:close", per_s=1 / 30, burst=1.0, window_s=30.0)

    class Streams(FakeMessageChannel):
        def delivery_modes(self, address: object) -> Sequence[DeliveryMode]:
            cost = (self.budget("c"),)
            return [
                DeliveryMode(
                    name=DeliveryModeName.STREAM,
                    create_cost=cost,
                    update_cost=cost,
                    finalize_cost=(finalizing,),
                ),
                DeliveryMode(
                    name=DeliveryModeName.EDIT, create_cost=cost, update_cost=cost, finalize_cost=cost
                ),
            ]

    channel = Streams(loop_clock, burst=20.0)
    async with dispatching(loop_clock) as dispatcher:
        dispatcher.pool.bucket(finalizing, 0.0).take(0.0)
        said_at, done_at = await stream(
            dispatcher,
            loop_clock,
            target(channel),
            WORDS[:100],
            buttons=AnswerButtons(final=(ActionButton.RETRY,)),
        )

    whole_at = next(frame.at_s for frame in channel.screen.frames if frame.text == "".join(WORDS[:100]))
    assert whole_at - said_at < 0.3
    assert done_at >= 30.0
    assert [message.growing for message in channel.screen.messages.values()] == [False]


async def test_an_answer_that_is_closed_early_sends_nothing_more(loop_clock: Clock) -> None:
    """What is on the screen stays as it is."""
    channel = FakeMessageChannel(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        message = dispatcher.open(target(channel), show_status=False)
        message.append("These are the first words of it. ")
        await loop_clock.sleep(2)
        message.append("Nobody will read these. ")
        message.close()
        await loop_clock.sleep(60)

    assert channel.screen.texts == ["These are the first words of it."]


async def test_a_renderers_defect_ends_one_answer_only(loop_clock: Clock) -> None:
    """The others go on, and the caller of that one learns of it."""

    class Broken(FakeMessageChannel):
        def build_renderer(self, address: object) -> "Broken":
            return self

        def render(self, markdown: str, *, complete: bool) -> Sequence[object]:
            raise ValueError(markdown)

    sound = FakeMessageChannel(loop_clock)
    async with dispatching(loop_clock) as dispatcher:
        with pytest.raises(PlatformRefused, match="ValueError"):
            await stream(dispatcher, loop_clock, target(Broken(loop_clock)), WORDS[:20])  # type: ignore[arg-type]
        await stream(dispatcher, loop_clock, target(sound), WORDS[:20])

    assert sound.screen.texts == ["".join(WORDS[:20])]
