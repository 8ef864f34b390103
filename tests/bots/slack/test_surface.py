"""Slack as a surface: what stands on the stand-in's screen, and what each refusal becomes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import aiohttp
import pytest

from bots.simulator.screen import Shown
from bots.simulator.slack import Limits, SlackSimulator
from bots.slack.addressing import details_of
from bots.slack.credentials import SlackConfig, build_client, identify
from bots.slack.limits import SlackLimits
from bots.slack.names import NameDirectory
from bots.slack.people import BotAccount, ProfileCache
from bots.slack.shared_files import SharedFiles
from bots.slack.surface import SlackMessageChannel
from bots.slack.thread_history import ThreadHistory
from core.domain.addresses import Address, Person, ThreadKey
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage, TypingStatus
from core.domain.buttons import ActionButton
from core.domain.errors import (
    MessageGone,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)
from tests.virtual_time import LoopClock

FLOOD_S = 86_400.0


def page(text: str) -> RenderedMessage:
    """Return a page that says ``text``."""
    return RenderedMessage(markdown=text, text=text)


@dataclass(slots=True)
class Desk:
    """A surface, the stand-in behind it, and a question in a thread and in a DM."""

    slack: SlackSimulator
    surface: SlackMessageChannel
    reader: ThreadHistory
    ada: str
    config: SlackConfig
    thread: Address
    direct: Address

    def shown(self, ref: MessageRef) -> Shown:
        """Return a message as it stands on the screen."""
        return self.slack.screen.messages[ref.channel, ref.message_id]

    def methods(self) -> list[str]:
        """Return the names of the calls so far that write."""
        return [call.method for call in self.slack.calls if call.method.startswith("chat.")]


@pytest.fixture
async def desk(loop_clock: LoopClock) -> AsyncIterator[Desk]:
    """Connect a surface to a stand-in that grants every rate."""
    limits = Limits(enabled=False, stream_life_s=315.0)
    async with SlackSimulator(clock=loop_clock, limits=limits) as slack:
        slack.subscriptions = frozenset()
        ada = slack.add_person("Ada")
        channel, dm = slack.add_channel("general", [ada]), slack.open_dm(ada)
        root = await slack.say(channel, ada, f"<@{slack.bot_user}> hi")
        question = await slack.say(dm, ada, "hi")
        config = SlackConfig(bot_token=slack.bot_token, app_token=slack.app_token, api_url=slack.api_url)
        async with aiohttp.ClientSession() as session:
            client = build_client(config, session)
            people = NameDirectory(client, ProfileCache(client, loop_clock), loop_clock)
            account = BotAccount()
            account.set_identity((await identify(client))[0])
            reader = ThreadHistory(client, people, SharedFiles(client, loop_clock), account)
            author = Person(id=ada)
            yield Desk(
                slack=slack,
                surface=SlackMessageChannel(client, reader, limits=SlackLimits(), account=account),
                reader=reader,
                ada=ada,
                config=config,
                thread=Address(
                    key=ThreadKey(platform="slack", tenant=slack.team, channel=channel, thread=root),
                    details=details_of(root, slack.team, author),
                ),
                direct=Address(
                    key=ThreadKey(platform="slack", tenant=slack.team, channel=dm, thread=""),
                    details=details_of(question, slack.team, author),
                ),
            )
            await people.close()


async def stream(desk: Desk, text: str) -> MessageRef:
    """Begin a stream in the thread."""
    return await desk.surface.post(
        desk.thread, page(text), mode=DeliveryModeName.STREAM, idempotency_key="m:0"
    )


async def test_a_stream_grows_by_what_is_new(desk: Desk) -> None:
    """Start, append and stop each say only what is new, and the message stands once, whole."""
    ref = await stream(desk, "One")
    assert ref.mode is DeliveryModeName.STREAM
    ref = await desk.surface.edit(desk.thread, ref, page("One two"), previous=page("One"), final=False)
    ref = await desk.surface.edit(
        desk.thread, ref, page("One two three"), previous=page("One two"), final=True
    )
    assert ref.mode is DeliveryModeName.EDIT
    assert desk.shown(ref).text == "One two three"
    assert not desk.shown(ref).streaming
    assert desk.shown(ref).thread == desk.thread.key.thread
    assert desk.methods() == ["chat.startStream", "chat.appendStream", "chat.stopStream"]


async def test_buttons_come_with_the_last_words_of_a_stream(desk: Desk) -> None:
    """The call that ends a stream shows the buttons too."""
    ref = await stream(desk, "One")
    controls = (ActionButton.RETRY, ActionButton.GOOD, ActionButton.BAD)
    ref = await desk.surface.edit(
        desk.thread, ref, page("One two"), previous=page("One"), final=True, buttons=controls
    )
    assert [value for _, value in desk.shown(ref).buttons] == ["retry", "good", "bad"]
    assert desk.shown(ref).text == "One two"


async def test_a_finished_stream_is_edited_like_any_message(desk: Desk) -> None:
    """After its end a streamed message takes a whole new text, and its buttons go."""
    ref = await stream(desk, "One")
    ref = await desk.surface.edit(
        desk.thread, ref, page("One."), previous=page("One"), final=True, buttons=(ActionButton.RETRY,)
    )
    ref = await desk.surface.edit(desk.thread, ref, page("Another"), previous=page("One."), final=False)
    assert desk.shown(ref).text == "Another"
    assert desk.shown(ref).buttons == ()


@pytest.mark.parametrize("shown", [None, page("Other")])
async def test_a_stream_whose_text_is_not_a_beginning_is_rewritten(
    desk: Desk, shown: RenderedMessage | None
) -> None:
    """Where what stands there is unknown or differs, the stream ends and the whole text replaces it."""
    ref = await stream(desk, "Other")
    ref = await desk.surface.edit(desk.thread, ref, page("One two"), previous=shown, final=False)
    assert ref.mode is DeliveryModeName.EDIT
    assert desk.shown(ref).text == "One two"


@pytest.mark.parametrize("last", [False, True])
async def test_an_expired_stream_goes_on_by_edits(desk: Desk, *, last: bool) -> None:
    """After Slack has ended a stream by itself the same message takes the whole text."""
    ref = await stream(desk, "One")
    await desk.slack.clock.sleep(320)
    ref = await desk.surface.edit(desk.thread, ref, page("One two"), previous=page("One"), final=last)
    assert ref.mode is DeliveryModeName.EDIT
    assert desk.shown(ref).text == "One two"


async def test_a_stream_that_a_person_stopped_says_no_more_until_the_end(desk: Desk) -> None:
    """A preview after Stop shows nothing; the last frame replaces the text."""
    ref = await stream(desk, "One")
    await desk.slack.stop_button(desk.thread.key.channel, desk.thread.key.thread, desk.ada)
    left = await desk.surface.edit(desk.thread, ref, page("One two"), previous=page("One"), final=False)
    assert left.mode is DeliveryModeName.EDIT
    assert desk.shown(ref).text == "One"
    await desk.surface.edit(desk.thread, ref, page("One. Stopped."), previous=page("One"), final=True)
    assert desk.shown(ref).text == "One. Stopped."


async def test_a_stream_that_is_full_goes_on_by_edits(desk: Desk) -> None:
    """msg_too_long on an append ends the stream and the text arrives by update."""
    ref = await stream(desk, "x" * 9_000)
    more = page("x" * 11_000)
    ref = await desk.surface.edit(desk.thread, ref, more, previous=page("x" * 9_000), final=False)
    assert ref.mode is DeliveryModeName.EDIT
    assert desk.shown(ref).text == more.text


async def test_a_lost_append_is_never_said_twice(desk: Desk) -> None:
    """After an append whose answer was lost, the next frame replaces the text as a whole."""
    ref = await stream(desk, "One")
    desk.slack.faults.next("chat.appendStream", "lost_reply")
    with pytest.raises(PlatformOutcomeUnknown):
        await desk.surface.edit(desk.thread, ref, page("One two"), previous=page("One"), final=False)
    ref = await desk.surface.edit(desk.thread, ref, page("One two"), previous=page("One"), final=False)
    assert desk.shown(ref).text == "One two"
    assert ref.mode is DeliveryModeName.EDIT


@pytest.mark.parametrize("kind", ["lost_reply", "reset", "503"])
async def test_a_lost_end_of_a_stream_can_be_said_again(desk: Desk, kind: str) -> None:
    """Where the call that ends a stream fails, before or after it took effect, a second one settles it."""
    ref = await stream(desk, "One")
    desk.slack.faults.next("chat.stopStream", kind)  # type: ignore[arg-type]
    with pytest.raises(PlatformUnavailable):
        await desk.surface.edit(desk.thread, ref, page("One two"), previous=page("One"), final=True)
    ref = await desk.surface.edit(desk.thread, ref, page("One two"), previous=page("One"), final=True)
    assert desk.shown(ref).text == "One two"
    assert not desk.shown(ref).streaming


async def test_without_streaming_methods_answers_grow_by_edits(desk: Desk) -> None:
    """unknown_method posts plainly at once and takes streams out of the offer."""
    desk.slack.streaming_available = False
    assert [rung.name for rung in desk.surface.delivery_modes(desk.thread)] == ["stream", "edit"]
    ref = await stream(desk, "One")
    assert ref.mode is DeliveryModeName.EDIT
    assert desk.shown(ref).text == "One"
    assert [rung.name for rung in desk.surface.delivery_modes(desk.thread)] == ["edit"]


async def test_the_other_team_is_tried_for_a_recipient(desk: Desk) -> None:
    """A team id that Slack does not take is replaced by the workspace's own, once."""
    details = {**desk.thread.details, "recipient_team": "T404"}
    ref = await desk.surface.post(
        replace(desk.thread, details=details),
        page("One"),
        mode=DeliveryModeName.STREAM,
        idempotency_key="m:0",
    )
    assert ref.mode is DeliveryModeName.STREAM
    assert desk.methods() == ["chat.startStream", "chat.startStream"]


async def test_an_unknown_recipient_gets_a_plain_post(desk: Desk) -> None:
    """A person that Slack cannot stream to still gets the answer, in the thread."""
    details = {**desk.thread.details, "recipient_user": "U404"}
    ref = await desk.surface.post(
        replace(desk.thread, details=details),
        page("One"),
        mode=DeliveryModeName.STREAM,
        idempotency_key="m:0",
    )
    assert ref.mode is DeliveryModeName.EDIT
    assert desk.shown(ref).thread == desk.thread.key.thread


async def test_no_stream_is_offered_at_the_top_level(desk: Desk) -> None:
    """A direct conversation without a thread grows by edits, at the top level."""
    assert [rung.name for rung in desk.surface.delivery_modes(desk.direct)] == ["edit"]
    ref = await desk.surface.post(desk.direct, page("One"), mode=DeliveryModeName.EDIT, idempotency_key="m:0")
    ref = await desk.surface.edit(desk.direct, ref, page("**One** two"), previous=page("One"), final=True)
    assert desk.shown(ref).thread == ""
    assert desk.shown(ref).text == "**One** two"


async def test_posts_unfurl_nothing_and_carry_their_marker(desk: Desk) -> None:
    """A post asks for no previews of links and holds the marker as metadata."""
    await desk.surface.post(
        desk.direct, page("https://a.b"), mode=DeliveryModeName.EDIT, idempotency_key="turn:0"
    )
    sent = desk.slack.calls[-1].params
    assert (sent["unfurl_links"], sent["unfurl_media"]) == (False, False)
    assert sent["metadata"] == {"event_type": "moonthread_turn", "event_payload": {"marker": "turn:0"}}
    assert sent["markdown_text"] == "https://a.b"


async def test_buttons_stand_under_a_message_with_its_whole_text(desk: Desk) -> None:
    """With buttons the text is a Markdown block, and the notification's text is short and inert."""
    text = "**One** <!channel> " + "two " * 2_000
    ref = await desk.surface.post(
        desk.direct, page(text), mode=DeliveryModeName.EDIT, idempotency_key="m", buttons=(ActionButton.STOP,)
    )
    blocks = desk.shown(ref).blocks
    assert blocks[0]["text"] == desk.shown(ref).text == text
    assert [value for _, value in desk.shown(ref).buttons] == ["stop"]
    assert len(desk.slack.calls[-1].params["text"]) < 1_100
    assert "<" not in desk.slack.calls[-1].params["text"]


@pytest.mark.parametrize("mode", [DeliveryModeName.EDIT, DeliveryModeName.STREAM])
async def test_where_blocks_are_refused_the_text_arrives(desk: Desk, mode: DeliveryModeName) -> None:
    """invalid_blocks on any call shows the same text without buttons."""
    ref = await desk.surface.post(desk.thread, page("One"), mode=mode, idempotency_key="m")
    for method in ("chat.update", "chat.stopStream", "chat.postMessage"):
        desk.slack.faults.refuse(method, "invalid_blocks", when=lambda sent: "blocks" in sent)
    ref = await desk.surface.edit(
        desk.thread, ref, page("One two"), previous=page("One"), final=True, buttons=(ActionButton.RETRY,)
    )
    assert desk.shown(ref).text == "One two"
    posted = await desk.surface.post(
        desk.thread,
        page("New"),
        mode=DeliveryModeName.EDIT,
        idempotency_key="m",
        buttons=(ActionButton.RETRY,),
    )
    assert desk.shown(posted).text == "New"
    assert desk.shown(posted).buttons == ()


async def test_a_message_still_streaming_is_stopped_before_an_update(desk: Desk) -> None:
    """streaming_state_conflict ends the stream and the update goes through."""
    ref = replace(await stream(desk, "One"), mode=DeliveryModeName.EDIT)
    await desk.surface.edit(desk.thread, ref, page("Two"), previous=None, final=False)
    assert desk.shown(ref).text == "Two"


async def test_reclaiming_ends_a_stream_and_may_be_repeated(desk: Desk) -> None:
    """A stream left open is closed as it stands; closing it again changes nothing."""
    ref = await stream(desk, "One")
    once = await desk.surface.finalize_orphan(desk.thread, ref)
    assert once == await desk.surface.finalize_orphan(desk.thread, ref)
    assert once.mode is DeliveryModeName.EDIT
    assert not desk.shown(ref).streaming


async def test_deleting_is_done_once(desk: Desk) -> None:
    """A message goes away, and one that is gone already is success."""
    ref = await desk.surface.post(desk.thread, page("One"), mode=DeliveryModeName.EDIT, idempotency_key="m")
    await desk.surface.delete(desk.thread, ref)
    await desk.surface.delete(desk.thread, ref)
    assert (ref.channel, ref.message_id) not in desk.slack.screen.messages


async def test_a_deleted_message_is_gone(desk: Desk) -> None:
    """An edit of what somebody deleted says so, on both rungs."""
    for mode in (DeliveryModeName.EDIT, DeliveryModeName.STREAM):
        ref = await desk.surface.post(desk.thread, page("One"), mode=mode, idempotency_key="m")
        await desk.slack.delete(ref.channel, ref.message_id)
        with pytest.raises(MessageGone):
            await desk.surface.edit(desk.thread, ref, page("One two"), previous=page("One"), final=False)


async def test_a_closed_edit_window_is_gone_too(desk: Desk) -> None:
    """Where the team forbids edits by now, the text must be posted anew."""
    ref = await desk.surface.post(desk.thread, page("One"), mode=DeliveryModeName.EDIT, idempotency_key="m")
    desk.slack.edit_window_closed = True
    with pytest.raises(MessageGone):
        await desk.surface.edit(desk.thread, ref, page("Two"), previous=None, final=True)


async def test_a_rate_limit_says_how_long_and_which(desk: Desk) -> None:
    """A 429 carries Slack's wait and the method that it closes."""
    desk.slack.flood("chat.postMessage", FLOOD_S)
    with pytest.raises(PlatformRateLimited) as caught:
        await desk.surface.post(desk.direct, page("One"), mode=DeliveryModeName.EDIT, idempotency_key="m")
    assert 0 < caught.value.retry_after_s <= FLOOD_S
    assert caught.value.method == "chat.postMessage"


async def test_an_archived_channel_is_closed(desk: Desk) -> None:
    """Nothing can be said in an archived channel, by stream or by post."""
    desk.slack.archive(desk.thread.key.channel)
    for mode in (DeliveryModeName.STREAM, DeliveryModeName.EDIT):
        with pytest.raises(PlatformForbidden):
            await desk.surface.post(desk.thread, page("One"), mode=mode, idempotency_key="m")


async def test_a_text_that_is_too_long_is_refused(desk: Desk) -> None:
    """A refusal of the content itself is told as one."""
    with pytest.raises(PlatformRefused):
        await desk.surface.post(
            desk.direct, page("x" * 12_001), mode=DeliveryModeName.EDIT, idempotency_key="m"
        )


@pytest.mark.parametrize(("kind", "stands"), [("lost_reply", 1), ("reset", 0), ("503", 0)])
async def test_a_lost_post_is_found_or_known_to_be_missing(desk: Desk, kind: str, stands: int) -> None:
    """After a post without an answer, find tells by the marker whether it stands there."""
    after = desk.direct.details["status_ts"]
    desk.slack.faults.next("chat.postMessage", kind)  # type: ignore[arg-type]
    with pytest.raises(PlatformOutcomeUnknown):
        await desk.surface.post(desk.direct, page("One"), mode=DeliveryModeName.EDIT, idempotency_key="m:0")
    other = await desk.surface.post(
        desk.direct, page("Other"), mode=DeliveryModeName.EDIT, idempotency_key="m:1"
    )
    found = await desk.surface.find_by_key(desk.direct, "m:0", after_message_id=after, exclude=frozenset())
    assert (found is not None) == bool(stands)
    if found is not None:
        assert desk.shown(found).text == "One"
        assert found.mode is DeliveryModeName.EDIT
    again = await desk.surface.find_by_key(desk.direct, "m:1", after_message_id=after, exclude=frozenset())
    assert again == other


async def test_a_lost_start_of_a_stream_is_found_in_the_thread(desk: Desk) -> None:
    """A stream carries no marker, so our message that belongs to nothing else is it."""
    earlier = await stream(desk, "Earlier")
    desk.slack.faults.next("chat.startStream", "lost_reply")
    with pytest.raises(PlatformOutcomeUnknown):
        await stream(desk, "One")
    found = await desk.surface.find_by_key(
        desk.thread, "m:0", after_message_id=desk.thread.key.thread, exclude=frozenset({earlier.message_id})
    )
    assert found is not None
    assert desk.shown(found).text == "One"
    found = await desk.surface.finalize_orphan(desk.thread, found)
    await desk.surface.edit(desk.thread, found, page("One two"), previous=None, final=True)
    assert desk.shown(found).text == "One two"


async def test_without_the_right_to_read_nothing_is_found(desk: Desk) -> None:
    """Where the platform cannot be asked the answer is None, not an error."""
    desk.slack.faults.refuse("conversations.replies", "missing_scope")
    assert await desk.surface.find_by_key(desk.thread, "m", after_message_id="", exclude=frozenset()) is None


async def test_a_status_is_shown_and_taken_away(desk: Desk) -> None:
    """The status stands under the question until it is taken away."""
    await desk.surface.set_status(desk.direct, TypingStatus.THINKING)
    await desk.surface.set_status(desk.direct, TypingStatus.IDLE)
    shown = [frame.status for frame in desk.slack.screen.frames if frame.kind == "status"]
    assert (shown[0], shown[-1]) == ("is thinking…", "")
    assert 0 < desk.surface.status_refresh_s(desk.direct) < 120


async def test_a_status_that_is_not_for_us_is_given_up(desk: Desk) -> None:
    """A missing scope is nothing, and ends the asking: of the line and of the reaction."""
    desk.slack.faults.refuse("assistant.threads.setStatus", "missing_scope")
    desk.slack.scopes = desk.slack.scopes - {"reactions:write"}
    assert desk.surface.status_cost(desk.direct) != ()
    await desk.surface.set_status(desk.direct, TypingStatus.THINKING)
    assert desk.surface.status_cost(desk.direct) == ()
    assert desk.surface.status_refresh_s(desk.direct) == 0


@pytest.mark.parametrize("place", ["thread", "direct"])
async def test_without_assistant_threads_the_question_gets_a_reaction(desk: Desk, place: str) -> None:
    """Slack removes assistant.threads.* in February 2027: one refusal is met, and the reaction goes again."""
    desk.slack.assistant_threads_available = False
    address: Address = getattr(desk, place)
    question = desk.slack.workspace.channels[address.key.channel].messages[address.details["question_ts"]]
    for _ in range(2):
        await desk.surface.set_status(address, TypingStatus.THINKING)
        assert question.reactions == {"eyes": [desk.slack.bot_user]}
        await desk.surface.set_status(address, TypingStatus.IDLE)
        assert question.reactions == {}
    assert [call.method for call in desk.slack.calls if "assistant" in call.method] == [
        "assistant.threads.setStatus"
    ]
    assert [one.key for one in desk.surface.status_cost(address)] == [
        f"slack:{desk.slack.team}:reactions.add"
    ]


async def test_the_process_that_ends_an_answer_removes_the_reaction_of_an_earlier_one(desk: Desk) -> None:
    """The reaction of a process that died after its first text does not stay."""
    desk.slack.assistant_threads_available = False
    await desk.surface.set_status(desk.thread, TypingStatus.THINKING)
    ref = await desk.surface.post(desk.thread, page("One"), mode=DeliveryModeName.EDIT, idempotency_key="m:0")
    after = SlackMessageChannel(
        build_client(desk.config), desk.reader, limits=SlackLimits(), account=BotAccount()
    )
    desk.slack.faults.refuse("assistant.threads.setStatus", "method_deprecated")
    await after.set_status(desk.direct, TypingStatus.THINKING)
    await after.edit(desk.thread, ref, page("One two"), previous=None, final=True)
    channel = desk.slack.workspace.channels[desk.thread.key.channel]
    assert channel.messages[desk.thread.details["question_ts"]].reactions == {}


async def test_a_status_over_its_rate_says_so(desk: Desk) -> None:
    """A rate limit of the status is told, so that its budget closes."""
    desk.slack.flood("assistant.threads.setStatus", FLOOD_S)
    with pytest.raises(PlatformRateLimited):
        await desk.surface.set_status(desk.direct, TypingStatus.THINKING)


async def test_what_stood_in_a_thread_is_read_with_names(desk: Desk) -> None:
    """Earlier messages come oldest first with names, Markdown and who of them is us."""
    channel, root = desk.thread.key.channel, desk.thread.key.thread
    await desk.slack.say(channel, desk.ada, "*so*?", root)
    await desk.surface.post(desk.thread, page("Well"), mode=DeliveryModeName.EDIT, idempotency_key="m")
    asked = await desk.slack.say(channel, desk.ada, f"<@{desk.slack.bot_user}> go on", root)
    heard = await desk.reader.load_earlier_messages(desk.thread, before_message_id=asked, limit=10)
    assert [(one.author, one.content.text, one.by_bot) for one in heard] == [
        ("Ada", "hi", False),
        ("Ada", "**so**?", False),
        ("moonthread", "Well", True),
    ]


async def test_of_a_long_thread_the_root_and_the_latest_are_read(desk: Desk) -> None:
    """The bound keeps what began the thread and what came last before the question."""
    channel, root = desk.thread.key.channel, desk.thread.key.thread
    for number in range(250):
        await desk.slack.say(channel, desk.ada, f"n{number}", root)
    asked = await desk.slack.say(channel, desk.ada, "and?", root)
    heard = await desk.reader.load_earlier_messages(desk.thread, before_message_id=asked, limit=4)
    assert [one.content.text for one in heard] == ["hi", "n247", "n248", "n249"]


async def test_a_direct_conversation_has_nothing_earlier(desk: Desk) -> None:
    """Without a thread nothing is read."""
    assert (
        await desk.reader.load_earlier_messages(desk.direct, before_message_id="2000000000.000000", limit=5)
        == ()
    )
