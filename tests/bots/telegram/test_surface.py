"""The surface against the stand-in, through python-telegram-bot."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bots.simulator.telegram import Limits, TelegramSimulator
from bots.telegram.app import TelegramApp
from bots.telegram.surface import TelegramMessageChannel
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage, TypingStatus
from core.domain.buttons import ActionButton
from core.domain.clock import Clock
from core.domain.errors import (
    MessageGone,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)


@pytest.fixture
async def surface(make_app: Callable[..., TelegramApp]) -> TelegramMessageChannel:
    """Return the surface of a connected bot whose calls are given up after 0.3 s."""
    app = make_app(call_timeout_s=0.3)
    await app.connect()
    return app.message_channel


@pytest.fixture
def ann(telegram: TelegramSimulator) -> int:
    """Return a person with an open private chat."""
    person = telegram.add_person("Ann")
    return telegram.private_chat(person)


def at(chat: int, *, reply_to: int | str = "", **details: str) -> Address:
    """Address a chat as events do."""
    kind = {"chat": "private" if chat > 0 else "group", "said_in": str(chat)}
    key = ThreadKey(platform="telegram", tenant="1", channel=str(chat), thread="")
    return Address(key=key, reply_to=str(reply_to), details=kind | details)


def page(text: str, *entities: dict[str, object]) -> RenderedMessage:
    """Return a page that shows ``text``."""
    return RenderedMessage(markdown=text, text=text, payload=entities)


async def post(surface: TelegramMessageChannel, address: Address, text: str = "words") -> MessageRef:
    """Post a plain page."""
    return await surface.post(address, page(text), mode=DeliveryModeName.EDIT, idempotency_key="")


async def edit(surface: TelegramMessageChannel, address: Address, ref: MessageRef, text: str) -> MessageRef:
    """Edit to a plain page."""
    return await surface.edit(address, ref, page(text), previous=None, final=False)


async def test_a_message_grows_in_a_private_chat(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int, clock: Clock
) -> None:
    """Post, edit, delete: one message with its entities, without reply and without link preview."""
    bold = {"type": "bold", "offset": 0, "length": 5}
    ref = await surface.post(at(ann), page("words", bold), mode=DeliveryModeName.EDIT, idempotency_key="m")
    [shown] = telegram.screen.in_channel(str(ann))
    assert (shown.text, [dict(entity) for entity in shown.entities], shown.reply_to) == ("words", [bold], "")
    assert telegram.calls[-1].params["link_preview_options"] == {"is_disabled": True}

    after = await edit(surface, at(ann), ref, "words and more")
    assert after == ref == MessageRef(channel=str(ann), message_id=shown.message_id)
    [shown] = telegram.screen.in_channel(str(ann))
    assert shown.text == "words and more"

    await surface.delete(at(ann), ref)
    assert telegram.screen.in_channel(str(ann)) == []
    await clock.sleep(2)  # the chat's budget
    await surface.delete(at(ann), ref)  # gone already: success


async def test_code_keeps_its_language_and_links_their_address(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """Every field of an entity arrives."""
    marks = (
        {"type": "pre", "offset": 0, "length": 1, "language": "python"},
        {"type": "text_link", "offset": 2, "length": 1, "url": "https://example.org/"},
    )
    await surface.post(at(ann), page("x y", *marks), mode=DeliveryModeName.EDIT, idempotency_key="")
    [shown] = telegram.screen.in_channel(str(ann))
    assert tuple(dict(entity) for entity in shown.entities) == marks


async def test_an_edit_that_changes_nothing_is_success(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """Telegram's "not modified" tells that the screen is as it should be."""
    ref = await post(surface, at(ann))
    assert await edit(surface, at(ann), ref, "words") == ref
    assert telegram.calls[-1].description.startswith("Bad Request: message is not modified")


async def test_in_a_group_the_answer_replies_to_the_question(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """The reply names the question, and a question that was deleted does not prevent the answer."""
    group = telegram.add_group("Us", [ann])
    question = await telegram.say(group, ann, "@moonthread_bot hi")
    await post(surface, at(group, reply_to=question))
    await post(surface, at(group, reply_to=99), "more")
    answers = telegram.screen.in_channel(str(group), by_bot=True)
    assert [answer.reply_to for answer in answers] == [str(question), ""]


async def test_every_call_stays_in_its_topic(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """Typing and messages carry the topic's id; in General they carry none."""
    forum = telegram.add_group("Forum", [ann], forum=True)
    topic = telegram.add_topic(forum, "Moon")
    for address in (at(forum, topic=str(topic)), at(forum)):
        await surface.set_status(address, TypingStatus.THINKING)
        await post(surface, address)
    sent = [call for call in telegram.calls if call.method in ("sendMessage", "sendChatAction")]
    assert [call.params.get("message_thread_id") for call in sent] == [topic, topic, None, None]
    assert {call.status for call in sent} == {200}


async def test_buttons_speak_the_persons_language(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """Controls are an inline keyboard; an edit without controls takes it away."""
    stop = (ActionButton.STOP,)
    ref = await surface.post(
        at(ann, language="zh-hans"),
        page("words"),
        mode=DeliveryModeName.EDIT,
        idempotency_key="",
        buttons=stop,
    )
    [shown] = telegram.screen.in_channel(str(ann))
    assert shown.buttons == (("⏹ 停止", "stop"),)
    done = (ActionButton.RETRY, ActionButton.GOOD, ActionButton.BAD)
    await surface.edit(at(ann, language="de"), ref, page("all"), previous=None, final=True, buttons=done)
    [shown] = telegram.screen.in_channel(str(ann))
    assert shown.buttons == (("↻ Retry", "retry"), ("👍", "good"), ("👎", "bad"))
    await edit(surface, at(ann), ref, "all of it")
    [shown] = telegram.screen.in_channel(str(ann))
    assert shown.buttons == ()


async def test_a_flood_says_how_long_to_wait(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """Post, edit, delete and typing all tell the wait, and show nothing."""
    ref = await post(surface, at(ann))
    calls = {
        "sendMessage": lambda: post(surface, at(ann), "more"),
        "editMessageText": lambda: edit(surface, at(ann), ref, "more"),
        "deleteMessage": lambda: surface.delete(at(ann), ref),
        "sendChatAction": lambda: surface.set_status(at(ann), TypingStatus.THINKING),
    }
    for seconds, (method, call) in enumerate(calls.items(), start=7):
        telegram.faults.next(method, "429", seconds=seconds)
        with pytest.raises(PlatformRateLimited) as refused:
            await call()
        assert refused.value.retry_after_s == seconds
    assert [shown.text for shown in telegram.screen.in_channel(str(ann))] == ["words"]


async def test_a_deleted_message_is_gone(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """An edit of what a person deleted asks to post anew."""
    ref = await post(surface, at(ann))
    await telegram.delete(ann, int(ref.message_id))
    with pytest.raises(MessageGone):
        await edit(surface, at(ann), ref, "more")


async def test_a_text_that_is_too_long_is_refused(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """Both ways of saying too long, of sends and of edits, are a refusal of the content."""
    ref = await post(surface, at(ann))
    with pytest.raises(PlatformRefused):
        await post(surface, at(ann), "x" * 4097)
    with pytest.raises(PlatformRefused):
        await edit(surface, at(ann), ref, "x" * 4097)


async def test_where_the_bot_may_not_speak(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """Blocked, kicked, muted, a closed and a deleted topic, an unknown chat: closed."""
    group = telegram.add_group("Us", [ann])
    muted = telegram.add_group("Quiet", [ann])
    forum = telegram.add_group("Forum", [ann], forum=True)
    shut, gone = telegram.add_topic(forum, "Shut"), telegram.add_topic(forum, "Gone")
    telegram.kick_bot(group)
    telegram.mute_bot(muted)
    telegram.close_topic(forum, shut)
    telegram.delete_topic(forum, gone)
    telegram.block_bot(ann)
    places = [at(ann), at(group), at(muted), at(forum, topic=str(shut)), at(forum, topic=str(gone)), at(-77)]
    for address in places:
        with pytest.raises(PlatformForbidden):
            await post(surface, address)


async def test_typing_is_best_effort(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """A refused typing action is nothing, and to end it costs no call."""
    telegram.block_bot(ann)
    await surface.set_status(at(ann), TypingStatus.THINKING)
    telegram.faults.next("sendChatAction", "502")
    await surface.set_status(at(ann), TypingStatus.THINKING)
    calls = len(telegram.calls)
    await surface.set_status(at(ann), TypingStatus.IDLE)
    assert len(telegram.calls) == calls


@pytest.mark.parametrize(
    ("fault", "seconds", "sent", "edited"),
    [
        ("502", 0, PlatformUnavailable, PlatformUnavailable),
        ("reset", 0, PlatformOutcomeUnknown, PlatformUnavailable),
        ("lost_reply", 0, PlatformOutcomeUnknown, PlatformUnavailable),
        ("stall", 40, PlatformOutcomeUnknown, PlatformUnavailable),
    ],
)
async def test_a_network_that_fails(
    telegram: TelegramSimulator,
    surface: TelegramMessageChannel,
    ann: int,
    clock: Clock,
    fault: str,
    seconds: float,
    sent: type[Exception],
    edited: type[Exception],
) -> None:
    """A send whose reply is lost is uncertain; an edit may simply be done again."""
    ref = await post(surface, at(ann))
    telegram.faults.next("sendMessage", fault, seconds=seconds)  # type: ignore[arg-type]
    with pytest.raises(sent):
        await post(surface, at(ann), "second")
    telegram.faults.next("editMessageText", fault, seconds=seconds)  # type: ignore[arg-type]
    with pytest.raises(edited):
        await edit(surface, at(ann), ref, "words again")
    await clock.sleep(2)  # the chat's budget
    assert await edit(surface, at(ann), ref, "words again") == ref


async def test_telegram_cannot_be_reached(make_app: Callable[..., TelegramApp]) -> None:
    """Where no connection is made nothing was shown, also for a send."""
    surface = make_app(api_url="http://127.0.0.1:9").message_channel
    with pytest.raises(PlatformUnavailable):
        await post(surface, at(5))


async def test_a_group_that_moves_is_followed(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """A post lands in the supergroup at once; an old message is gone, for its id may be another's."""
    group = telegram.add_group("Us", [ann], basic=True)
    question = await telegram.say(group, ann, "@moonthread_bot hi")
    old = await post(surface, at(group, reply_to=question))
    supergroup = telegram.migrate(group)
    with pytest.raises(MessageGone):
        await edit(surface, at(group), old, "more")
    calls = len(telegram.calls)
    with pytest.raises(MessageGone):
        await edit(surface, at(group), old, "more")
    assert len(telegram.calls) == calls  # known by now: no call is spent
    await surface.delete(at(group), old)
    new = await post(surface, at(group, reply_to=question), "more")
    assert new.channel == str(supergroup)
    assert telegram.screen.in_channel(str(supergroup), by_bot=True)[-1].reply_to == ""
    moved = replace(at(group), key=replace(at(group).key, channel=str(supergroup)))
    assert surface.delivery_modes(at(group)) == surface.delivery_modes(moved)
    assert await edit(surface, moved, new, "even more") == new


async def test_a_send_meets_the_move_itself(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """The first call after a move goes to the new chat, where the question's id is another's."""
    group = telegram.add_group("Us", [ann], basic=True)
    supergroup = telegram.migrate(group)
    another = await telegram.say(supergroup, ann, "@moonthread_bot something else")
    assert (await post(surface, at(group, reply_to=another))).channel == str(supergroup)
    assert telegram.screen.in_channel(str(supergroup), by_bot=True)[-1].reply_to == ""


async def test_a_finished_or_abandoned_message_needs_nothing(surface: TelegramMessageChannel) -> None:
    """Telegram offers no search, and a message that is edited needs no reclaiming."""
    ref = MessageRef(channel="5", message_id="6")
    assert await surface.finalize_orphan(at(5), ref) == ref
    assert await surface.find_by_key(at(5), "m", after_message_id="1", exclude=frozenset()) is None


async def test_budgets_are_those_the_platform_enforces(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """Each step spends the chat and the whole, with the numbers of the strict stand-in."""
    limits = Limits()
    [rung] = surface.delivery_modes(at(ann))
    chat, overall = rung.create_cost
    assert rung.create_cost == rung.update_cost == rung.finalize_cost == tuple(surface.status_cost(at(ann)))
    assert (chat.key, overall.key) == (f"telegram:1:chat:{ann}", "telegram:1:all")
    assert (chat.per_s, chat.burst) == (limits.private_per_s, limits.private_burst)
    assert (overall.per_s, overall.burst) == (limits.overall_per_s, limits.overall_burst)
    [group, _] = surface.delivery_modes(at(-5))[0].create_cost
    assert (group.per_s, group.burst) == (limits.group_per_min / 60, limits.group_burst)
    assert (surface.status_refresh_s(at(ann)), surface.status_refresh_s(at(-5))) == (4.5, 0.0)
