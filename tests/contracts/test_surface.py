"""What every surface promises, on every real adapter and each way that an answer may grow there.

The adapters talk through their SDKs to the strict stand-ins; the address comes from a real event.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bots.simulator.screen import Shown
from bots.simulator.slack import Limits as SlackLimits
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import Limits as TelegramLimits
from bots.simulator.telegram import TelegramSimulator
from bots.slack.app import SlackApp, SlackConfig
from bots.telegram.app import TelegramApp, TelegramConfig
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage, TypingStatus
from core.domain.buttons import ActionButton
from core.domain.clock import ScaledClock
from core.domain.errors import (
    MessageGone,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)
from core.domain.events import Event
from core.ports.platform import MessageChannel


@dataclass(kw_only=True)
class Stage:
    """One adapter with a place to speak in, and hands on the platform behind it."""

    surface: MessageChannel
    address: Address
    asked: str  #: id of the question
    mode: DeliveryModeName
    sim: Any
    opening: str  #: the method that shows a first frame
    growing: str  #: the method that shows a further one
    closing: str  #: the method that shows the last one
    gateway: str  #: what the stand-in calls a failing proxy
    limit: int  #: characters that no message holds

    @property
    def shown(self) -> list[Shown]:
        """The bot's messages."""
        return self.sim.screen.in_channel(self.address.key.channel, by_bot=True)

    def page(self, text: str) -> RenderedMessage:
        """The page that the adapter's own pager makes of a text."""
        (page,) = self.surface.build_renderer(self.address).render(text, complete=True)
        return page

    async def post(self, text: str, **how: Any) -> MessageRef:
        """Post a text on the stage's rung."""
        return await self.surface.post(
            self.address, self.page(text), mode=self.mode, **{"idempotency_key": "7:0", **how}
        )

    async def edit(
        self, ref: MessageRef, text: str, before: str, last: bool = False, **how: Any
    ) -> MessageRef:
        """Edit a message that shows ``before``."""
        return await self.surface.edit(
            self.address, ref, self.page(text), previous=self.page(before), final=last, **how
        )

    def flood(self, method: str) -> None:
        """Let the platform refuse ``method`` for 4 seconds."""
        if isinstance(self.sim, TelegramSimulator):
            self.sim.flood(int(self.address.key.channel), 4)
        else:
            self.sim.flood(method, 4)

    async def take_away(self, ref: MessageRef) -> None:
        """Let a person delete the bot's message."""
        if isinstance(self.sim, TelegramSimulator):
            await self.sim.delete(int(ref.channel), int(ref.message_id))
        else:
            await self.sim.delete(ref.channel, ref.message_id)

    def shut(self) -> None:
        """Let the place be closed to the bot."""
        if isinstance(self.sim, TelegramSimulator):
            self.sim.block_bot(int(self.address.key.channel))
        else:
            self.sim.archive(self.address.key.channel)


class Heard:
    """An ingest that keeps the first event."""

    def __init__(self) -> None:
        self.first: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    async def __call__(self, event: Event) -> bool:
        """Keep it."""
        if not self.first.done():
            self.first.set_result(event)
        return True


@pytest.fixture(params=["telegram", "slack-edit", "slack-stream"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Every way in which an answer may grow."""
    clock, heard = ScaledClock(10), Heard()
    if request.param == "telegram":
        async with TelegramSimulator(clock=clock, limits=TelegramLimits(enabled=False)) as telegram:
            app: Any = TelegramApp(TelegramConfig(token="1:test", api_url=telegram.api_url), clock=clock)
            ann = telegram.add_person("Ann")
            yield await enter(app, heard, telegram, telegram.private_chat(ann), ann, DeliveryModeName.EDIT)
            await app.close()
        return
    async with SlackSimulator(clock=clock, limits=SlackLimits(enabled=False)) as slack:
        config = SlackConfig(bot_token=slack.bot_token, app_token=slack.app_token, api_url=slack.api_url)
        app = SlackApp(config, clock=clock)
        ann = slack.add_person("Ann")
        mode = DeliveryModeName(request.param.partition("-")[2])
        place = slack.open_dm(ann) if mode is DeliveryModeName.EDIT else slack.add_channel("team", [ann])
        yield await enter(app, heard, slack, place, ann, mode)
        await app.close()


METHODS = {
    ("telegram", "edit"): ("sendMessage", "editMessageText", "editMessageText"),
    ("slack", "edit"): ("chat.postMessage", "chat.update", "chat.update"),
    ("slack", "stream"): ("chat.startStream", "chat.appendStream", "chat.stopStream"),
}


async def enter(app: Any, heard: Heard, sim: Any, place: Any, person: Any, mode: DeliveryModeName) -> Stage:
    """Connect, let a person ask, and take the address from what is heard."""
    await app.connect()
    await app.start(heard)
    mention = f"<@{sim.bot_user}> " if mode is DeliveryModeName.STREAM else ""
    asked = await sim.say(place, person, f"{mention}hello")
    event: Any = await asyncio.wait_for(heard.first, timeout=20)
    opening, growing, closing = METHODS[app.name, mode]
    return Stage(
        surface=app.message_channel,
        address=event.address,
        asked=str(asked),
        mode=mode,
        sim=sim,
        opening=opening,
        growing=growing,
        closing=closing,
        gateway="502" if app.name == "telegram" else "503",
        limit=4_097 if app.name == "telegram" else 12_001,
    )


async def test_it_offers_at_least_one_way_to_grow(stage: Stage) -> None:
    """Every rung can be opened and closed at a cost; the stage's is one of them."""
    rungs = stage.surface.delivery_modes(stage.address)
    assert stage.mode in [rung.name for rung in rungs]
    assert rungs[-1].name == "edit"
    assert all(rung.create_cost and rung.finalize_cost for rung in rungs)


async def test_a_post_shows_and_edits_replace(stage: Stage) -> None:
    """A message appears, grows, is finished, and can be replaced as a whole later."""
    ref = await stage.post("One")
    assert [shown.text for shown in stage.shown] == ["One"]
    assert stage.shown[0].message_id == ref.message_id
    ref = await stage.edit(ref, "One two", "One")
    assert [shown.text for shown in stage.shown] == ["One two"]
    ref = await stage.edit(ref, "One two three", "One two", last=True)
    assert [shown.text for shown in stage.shown] == ["One two three"]
    assert ref.mode is DeliveryModeName.EDIT
    assert not stage.shown[0].streaming
    await stage.edit(ref, "Something else", "One two three", last=True)
    assert [shown.text for shown in stage.shown] == ["Something else"]


async def test_an_edit_to_other_words_replaces_them(stage: Stage) -> None:
    """What does not begin with what is shown takes its place."""
    ref = await stage.post("Wrong from the beginning")
    await stage.edit(ref, "Right", "Wrong from the beginning", last=True)
    assert [shown.text for shown in stage.shown] == ["Right"]
    assert not stage.shown[0].streaming


async def test_an_identical_edit_is_success(stage: Stage) -> None:
    """Nothing is raised where nothing changes, before the end and at it."""
    ref = await stage.post("One two")
    ref = await stage.edit(ref, "One two", "One two")
    ref = await stage.edit(ref, "One two", "One two", last=True)
    await stage.edit(ref, "One two", "One two", last=True)
    assert [shown.text for shown in stage.shown] == ["One two"]
    assert not stage.shown[0].streaming


async def test_buttons_come_and_go(stage: Stage) -> None:
    """A message may carry buttons; an edit without any takes them away."""
    ref = await stage.post("One")
    ref = await stage.edit(ref, "One two", "One", last=True, buttons=(ActionButton.RETRY,))
    assert [value for _, value in stage.shown[0].buttons] == ["retry"]
    assert stage.shown[0].text == "One two"
    await stage.edit(ref, "One two", "One two", last=True)
    assert stage.shown[0].buttons == ()


async def test_a_call_too_soon_says_how_long_to_wait(stage: Stage) -> None:
    """A refused post or edit shows nothing and names a wait; afterwards it passes."""
    stage.flood(stage.opening)
    with pytest.raises(PlatformRateLimited) as refused:
        await stage.post("One")
    assert refused.value.retry_after_s > 0
    assert stage.shown == []
    await stage.sim.clock.sleep(refused.value.retry_after_s + 0.5)
    ref = await stage.post("One")
    stage.flood(stage.growing)
    with pytest.raises(PlatformRateLimited) as refused:
        await stage.edit(ref, "One two", "One")
    assert [shown.text for shown in stage.shown] == ["One"]
    await stage.sim.clock.sleep(refused.value.retry_after_s + 0.5)
    await stage.edit(ref, "One two", "One")
    assert [shown.text for shown in stage.shown] == ["One two"]


@pytest.mark.parametrize("last", [False, True])
async def test_a_message_that_was_deleted_is_gone(stage: Stage, last: bool) -> None:
    """An edit of what a person took away says so."""
    ref = await stage.post("One")
    await stage.take_away(ref)
    with pytest.raises(MessageGone):
        await stage.edit(ref, "One two", "One", last=last)
    assert stage.shown == []


async def test_a_delete_takes_away_once_and_again(stage: Stage) -> None:
    """A message that is gone already is taken away successfully."""
    ref = await stage.post("One")
    await stage.surface.delete(stage.address, ref)
    assert stage.shown == []
    await stage.surface.delete(stage.address, ref)


async def test_a_closed_place_says_so(stage: Stage) -> None:
    """Where the bot cannot speak any more, posts and edits are closed."""
    ref = await stage.post("One")
    stage.shut()
    with pytest.raises(PlatformForbidden):
        await stage.post("Two")
    with pytest.raises(PlatformForbidden):
        await stage.edit(ref, "One two", "One", last=True)


async def test_a_post_whose_reply_is_lost_is_uncertain(stage: Stage) -> None:
    """It may stand there: it does, and nobody may take it for not shown."""
    stage.sim.faults.next(stage.opening, "lost_reply")
    with pytest.raises(PlatformOutcomeUnknown):
        await stage.post("One")
    assert [shown.text for shown in stage.shown] == ["One"]


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", ["reset", "lost_reply", "gateway"])
async def test_an_edit_that_fails_may_be_done_again(stage: Stage, kind: str, last: bool) -> None:
    """Whether it had an effect or not, the same edit once more shows the text once."""
    ref = await stage.post("One")
    method = stage.closing if last else stage.growing
    stage.sim.faults.next(method, stage.gateway if kind == "gateway" else kind)
    with pytest.raises((PlatformUnavailable, PlatformOutcomeUnknown)) as failed:
        await stage.edit(ref, "One two", "One", last=last)
    if stage.mode is DeliveryModeName.EDIT:
        assert failed.type is PlatformUnavailable
    ref = await stage.edit(ref, "One two", "One", last=last)
    assert [shown.text for shown in stage.shown] == ["One two"]
    ref = await stage.edit(ref, "One two three", "One two", last=True)
    assert [shown.text for shown in stage.shown] == ["One two three"]
    assert not stage.shown[0].streaming


async def test_a_text_that_no_message_holds_is_refused(stage: Stage) -> None:
    """Too long a text shows nothing."""
    text = "x" * stage.limit
    with pytest.raises(PlatformRefused):
        await stage.surface.post(
            stage.address, RenderedMessage(markdown=text, text=text), mode=stage.mode, idempotency_key="7:0"
        )
    assert stage.shown == []


async def test_the_pager_never_makes_too_long_a_page(stage: Stage) -> None:
    """A text of many messages' length is paged so that every page can be posted."""
    pages = stage.surface.build_renderer(stage.address).render("word and word " * 3_000, complete=True)
    assert len(pages) >= 3
    for page in pages:
        await stage.surface.post(stage.address, page, mode=DeliveryModeName.EDIT, idempotency_key="7:0")
    assert len(stage.shown) == len(pages)


async def test_what_a_dead_process_left_growing_can_be_reclaimed(stage: Stage) -> None:
    """The message is taken over, once and again, and its text replaced without knowing it."""
    left = await stage.post("One tw")
    ref = await stage.surface.finalize_orphan(stage.address, left)
    assert ref.mode is DeliveryModeName.EDIT
    assert (await stage.surface.finalize_orphan(stage.address, left)).message_id == ref.message_id
    await stage.surface.edit(stage.address, ref, stage.page("One two three"), previous=None, final=True)
    assert [shown.text for shown in stage.shown] == ["One two three"]
    assert not stage.shown[0].streaming


async def test_a_lost_post_is_found_where_the_platform_can_be_asked(stage: Stage) -> None:
    """Found by its marker or by being nobody's; never one that belongs to something else."""
    before = await stage.post("Another turn's", idempotency_key="6:0")
    ref = await stage.post("One", idempotency_key="7:0")
    known = frozenset({before.message_id})
    found = await stage.surface.find_by_key(stage.address, "7:0", after_message_id=stage.asked, exclude=known)
    if not stage.surface.can_find_by_key:
        assert found is None
        return
    assert found is not None
    assert found.message_id == ref.message_id
    both = known | {ref.message_id}
    assert (
        await stage.surface.find_by_key(stage.address, "8:0", after_message_id=stage.asked, exclude=both)
        is None
    )


async def test_a_status_is_best_effort(stage: Stage) -> None:
    """It is shown and taken away; a platform that fails meanwhile is nothing."""
    await stage.surface.set_status(stage.address, TypingStatus.THINKING)
    assert stage.sim.screen.frames[-1].status
    stage.sim.faults.next("*", stage.gateway)
    await stage.surface.set_status(stage.address, TypingStatus.THINKING)
    await stage.surface.set_status(stage.address, TypingStatus.IDLE)
    assert stage.shown == []
