"""What every message channel promises: the fake, the terminal, and the real adapters in each delivery mode.

The adapters talk through their SDKs to strict simulators; the fake is the one that tests of the service
use, so what they rely on is what is promised here. A terminal only adds text, so that it keeps the
promises that do not need more.
"""

from collections.abc import AsyncIterator

import pytest

from core.domain.bot_messages import DeliveryModeName, RenderedMessage, TypingStatus
from core.domain.buttons import ActionButton
from core.domain.errors import (
    MessageGone,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)
from tests.contracts.channel_stages import Call, Failure, Stage, open_stage

pytestmark = pytest.mark.virtual_time

SCREENS = ["fake-edit", "fake-stream", "telegram-edit", "slack-edit", "slack-stream"]

on_every_channel = pytest.mark.parametrize("stage", [*SCREENS, "terminal-print"], indirect=True)
on_every_screen = pytest.mark.parametrize("stage", SCREENS, indirect=True)


@pytest.fixture
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """One way in which answers grow."""
    async with open_stage(request.param) as opened:
        yield opened


@on_every_channel
async def test_it_offers_at_least_one_mode(stage: Stage) -> None:
    """Every mode has a price, the stage's is one of them, and the last one makes messages that stay."""
    modes = stage.channel.delivery_modes(stage.address)

    assert stage.mode in [mode.name for mode in modes]
    assert modes[-1].ttl_s is None
    assert all(mode.create_cost for mode in modes)


@on_every_channel
async def test_a_message_appears_and_grows(stage: Stage) -> None:
    """A post shows a message, and edits that continue its text lengthen it until it is final."""
    ref = await stage.post("One")
    assert stage.texts == ["One"]

    ref = await stage.edit(ref, "One two", "One")
    assert stage.texts == ["One two"]

    await stage.edit(ref, "One two three", "One two", final=True)
    assert stage.texts == ["One two three"]
    assert not stage.shown[0].growing


@on_every_screen
async def test_a_final_message_can_be_replaced_as_a_whole(stage: Stage) -> None:
    """Its reference says that it is edited from now on."""
    ref = await stage.post("One")
    assert stage.shown[0].message_id == ref.message_id
    ref = await stage.edit(ref, "One two", "One", final=True)
    assert ref.mode is DeliveryModeName.EDIT

    await stage.edit(ref, "Something else", "One two", final=True)

    assert stage.texts == ["Something else"]


@on_every_screen
async def test_an_edit_to_another_text_replaces_it(stage: Stage) -> None:
    """Text that does not continue what is shown takes its place."""
    ref = await stage.post("Wrong from the beginning")

    await stage.edit(ref, "Right", "Wrong from the beginning", final=True)

    assert stage.texts == ["Right"]
    assert not stage.shown[0].growing


@on_every_channel
async def test_an_identical_edit_is_success(stage: Stage) -> None:
    """Nothing is raised if nothing changes, before the end and at it."""
    ref = await stage.post("One two")

    ref = await stage.edit(ref, "One two", "One two")
    ref = await stage.edit(ref, "One two", "One two", final=True)
    await stage.edit(ref, "One two", "One two", final=True)

    assert stage.texts == ["One two"]
    assert not stage.shown[0].growing


@on_every_screen
async def test_buttons_come_and_go(stage: Stage) -> None:
    """A message may carry buttons; an edit without any removes them."""
    ref = await stage.post("One")

    ref = await stage.edit(ref, "One two", "One", final=True, buttons=(ActionButton.RETRY,))
    assert stage.shown[0].buttons == ("retry",)
    assert stage.texts == ["One two"]

    await stage.edit(ref, "One two", "One two", final=True)
    assert stage.shown[0].buttons == ()


@on_every_screen
async def test_a_call_too_soon_says_how_long_to_wait(stage: Stage) -> None:
    """A refused post or edit shows nothing and names a wait; afterwards it succeeds."""
    stage.limit(Call.CREATE)
    with pytest.raises(PlatformRateLimited) as refused:
        await stage.post("One")
    assert refused.value.retry_after_s > 0
    assert stage.shown == []

    await stage.clock.sleep(refused.value.retry_after_s + 0.5)
    ref = await stage.post("One")
    stage.limit(Call.UPDATE)
    with pytest.raises(PlatformRateLimited) as refused:
        await stage.edit(ref, "One two", "One")
    assert stage.texts == ["One"]

    await stage.clock.sleep(refused.value.retry_after_s + 0.5)
    await stage.edit(ref, "One two", "One")
    assert stage.texts == ["One two"]


@on_every_screen
@pytest.mark.parametrize("final", [False, True])
async def test_a_message_that_was_deleted_is_gone(stage: Stage, final: bool) -> None:
    """An edit of what a person deleted says so."""
    ref = await stage.post("One")
    await stage.delete_as_person(ref)

    with pytest.raises(MessageGone):
        await stage.edit(ref, "One two", "One", final=final)

    assert stage.shown == []


@on_every_screen
async def test_a_message_is_deleted_once_and_again(stage: Stage) -> None:
    """Deleting a message that is gone already is success."""
    ref = await stage.post("One")

    await stage.channel.delete(stage.address, ref)
    assert stage.shown == []

    await stage.channel.delete(stage.address, ref)


@on_every_screen
async def test_a_closed_place_says_so(stage: Stage) -> None:
    """If the bot cannot speak any more, posts and edits are forbidden."""
    ref = await stage.post("One")
    stage.forbid()

    with pytest.raises(PlatformForbidden):
        await stage.post("Two")
    with pytest.raises(PlatformForbidden):
        await stage.edit(ref, "One two", "One", final=True)


@on_every_screen
async def test_a_post_whose_reply_is_lost_is_uncertain(stage: Stage) -> None:
    """It may be on the screen: here it is, and nobody may take it for not shown."""
    stage.fail_next(Call.CREATE, Failure.LOST_REPLY)

    with pytest.raises(PlatformOutcomeUnknown):
        await stage.post("One")

    assert stage.texts == ["One"]


@on_every_screen
@pytest.mark.parametrize("final", [False, True])
@pytest.mark.parametrize("failure", Failure)
async def test_an_edit_that_fails_may_be_sent_again(stage: Stage, failure: Failure, final: bool) -> None:
    """Whether it had an effect or not, the same edit once more shows the text once."""
    ref = await stage.post("One")
    stage.fail_next(Call.FINALIZE if final else Call.UPDATE, failure)
    with pytest.raises((PlatformUnavailable, PlatformOutcomeUnknown)) as failed:
        await stage.edit(ref, "One two", "One", final=final)
    if stage.mode is DeliveryModeName.EDIT:
        assert failed.type is PlatformUnavailable

    ref = await stage.edit(ref, "One two", "One", final=final)
    assert stage.texts == ["One two"]

    await stage.edit(ref, "One two three", "One two", final=True)
    assert stage.texts == ["One two three"]
    assert not stage.shown[0].growing


@on_every_screen
async def test_a_text_that_no_message_holds_is_refused(stage: Stage) -> None:
    """A text that is too long shows nothing."""
    text = "x" * (stage.max_chars + 1)

    with pytest.raises(PlatformRefused):
        await stage.channel.post(
            stage.address, RenderedMessage(markdown=text, text=text), mode=stage.mode, idempotency_key="7:0"
        )

    assert stage.shown == []


@on_every_channel
async def test_the_renderer_never_makes_too_long_a_message(stage: Stage) -> None:
    """A long text is cut so that every part can be posted, and no character but white space is lost."""
    words = "word and word " * 3_000
    pages = stage.channel.build_renderer(stage.address).render(words, complete=True)
    mode = stage.channel.delivery_modes(stage.address)[-1].name

    for page in pages:
        await stage.channel.post(stage.address, page, mode=mode, idempotency_key="7:0", final=True)

    assert len(stage.shown) == len(pages) >= (3 if stage.max_chars else 1)
    assert "".join("".join(stage.texts).split()) == "".join(words.split())


@on_every_screen
async def test_a_message_that_a_dead_process_left_growing_is_taken_over(stage: Stage) -> None:
    """It is finalized, once and again, and its text replaced without knowing it."""
    left = await stage.post("One tw")

    ref = await stage.channel.finalize_orphan(stage.address, left)
    assert ref.mode is DeliveryModeName.EDIT
    assert (await stage.channel.finalize_orphan(stage.address, left)).message_id == ref.message_id

    await stage.channel.edit(stage.address, ref, stage.render("One two three"), previous=None, final=True)
    assert stage.texts == ["One two three"]
    assert not stage.shown[0].growing


@on_every_channel
async def test_a_lost_post_is_found_if_the_platform_can_be_asked(stage: Stage) -> None:
    """It is found by its key or by belonging to no other answer; never one that does."""
    before = await stage.post("Another answer", key="6:0", final=True)
    ref = await stage.post("One")

    found = await stage.channel.find_by_key(
        stage.address, "7:0", after_message_id=stage.question_id, exclude=frozenset({before.message_id})
    )

    if not stage.channel.can_find_by_key:
        assert found is None
        return
    assert found is not None
    assert found.message_id == ref.message_id
    assert (
        await stage.channel.find_by_key(
            stage.address,
            "8:0",
            after_message_id=stage.question_id,
            exclude=frozenset({before.message_id, ref.message_id}),
        )
        is None
    )


@on_every_channel
async def test_a_status_is_best_effort(stage: Stage) -> None:
    """It is shown and cleared; a platform that fails meanwhile raises nothing."""
    await stage.channel.set_status(stage.address, TypingStatus.THINKING)
    assert stage.latest_status

    stage.fail_next_status()
    await stage.channel.set_status(stage.address, TypingStatus.THINKING)
    await stage.channel.set_status(stage.address, TypingStatus.IDLE)

    assert stage.shown == []
