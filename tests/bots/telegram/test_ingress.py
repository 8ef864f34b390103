"""Updates from the stand-in to the store, through polling and through the webhook."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest
import structlog
from starlette.applications import Starlette

from bots.simulator.telegram import TelegramSimulator
from bots.telegram.app import TelegramApp
from bots.web_server import WebServer
from core.domain.buttons import ActionButton
from core.domain.command_names import CommandName
from core.domain.errors import PlatformUnavailable, SettingsError, StoreUnavailable
from core.domain.events import (
    BotAccessChanged,
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    Mention,
    MessageReceived,
    UnparsedEvent,
)

MakeApp = Callable[..., TelegramApp]


@dataclass
class Store:
    """An inbox in memory that deduplicates, and fails when told to."""

    events: list[Event] = field(default_factory=list)
    down: bool = False
    hates: str = ""  #: a text that the store cannot take: a bug, not an outage
    attempts: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, event: Event) -> bool:
        """Store ``event`` unless its delivery id is known."""
        self.attempts += 1
        self.changed.set()
        if self.down:
            raise StoreUnavailable("down")
        if isinstance(event, MessageReceived) and self.hates and self.hates in event.text:
            raise ValueError("a bug")
        if event.delivery_id in [known.delivery_id for known in self.events]:
            return False
        self.events.append(event)
        return True

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until ``true()``, looking again after every attempt to store."""
        async with asyncio.timeout(10):
            while not true():
                self.changed.clear()
                await self.changed.wait()

    @property
    def texts(self) -> list[str]:
        """What was said, in order."""
        return [event.text for event in self.events if isinstance(event, MessageReceived)]


@pytest.fixture
def store() -> Store:
    """Return an empty store."""
    return Store()


@pytest.fixture
def logged() -> Iterator[list[dict[str, object]]]:
    """Capture what is logged."""
    with structlog.testing.capture_logs() as entries:
        yield entries  # type: ignore[misc]


async def eventually(true: Callable[[], bool]) -> None:
    """Wait until ``true()``; for what the stand-in, not the store, comes to know."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the stand-in has no event for it
            await asyncio.sleep(0.005)


async def test_connect_learns_who_the_bot_is(make_app: MakeApp) -> None:
    """The id and the name come from Telegram."""
    app = make_app()
    await app.connect()
    assert (app.identity.id, app.identity.username, app.name) == (1, "moonthread_bot", "telegram")
    assert app.routes() == ()


@pytest.mark.parametrize("token", ["1:wrong", "", "not a token\n"])
async def test_a_wrong_token_is_a_fault_in_the_settings(make_app: MakeApp, token: str) -> None:
    """A token that Telegram does not know names the setting and what to do, but not itself."""
    with pytest.raises(SettingsError, match=r"TELEGRAM_BOT_TOKEN.*BotFather") as fault:
        await make_app(token=token).connect()
    assert not token or token not in str(fault.value)


async def test_an_unreachable_telegram_is_told_apart(make_app: MakeApp) -> None:
    """Where nobody answers, the token is not to blame."""
    with pytest.raises(PlatformUnavailable, match=r"127\.0\.0\.1:9"):
        await make_app(api_url="http://127.0.0.1:9").connect()


async def test_the_token_is_kept_out_of_sight(
    make_app: MakeApp, store: Store, caplog: pytest.LogCaptureFixture, logged: list[dict[str, object]]
) -> None:
    """Neither a log of any level nor a repr shows the token."""
    caplog.set_level(logging.DEBUG)
    app = make_app()
    await app.connect()
    await app.start(store)
    await app.close()
    assert "1:test" not in caplog.text + str(logged) + repr(app._config)


async def test_updates_are_taken_in_order(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """What waited while we were away and what comes later is stored once, in order."""
    ann = telegram.add_person("Ann", language="zh-hans")
    chat = telegram.private_chat(ann)
    for text in ("one", "two"):
        await telegram.say(chat, ann, text)
    app = make_app()
    await app.connect()
    await app.start(store)
    await store.until(lambda: len(store.events) == 2)
    await telegram.say(chat, ann, "/new")
    await telegram.say(chat, ann, "three")
    await store.until(lambda: len(store.events) == 4)
    assert store.texts == ["one", "two", "three"]
    assert isinstance(store.events[2], CommandReceived)
    assert store.attempts == 4
    await eventually(lambda: not telegram.bot.updates.pending)
    asked = next(call.params for call in telegram.calls if call.method == "getUpdates")
    known = [
        "message",
        "edited_message",
        "callback_query",
        "my_chat_member",
        "chat_member",
        "message_reaction",
    ]
    assert asked["allowed_updates"] == [*known, "stopped_message_generation"]


async def test_nothing_is_confirmed_before_it_is_stored(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator, logged: list[dict[str, object]]
) -> None:
    """While the store is down Telegram keeps the updates; then they come, none lost, none doubled."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    store.down = True
    app = make_app()
    await app.connect()
    await app.start(store)
    for text in ("one", "two"):
        await telegram.say(chat, ann, text)
    await store.until(lambda: store.attempts == 3)
    assert len(telegram.bot.updates.pending) == 2
    store.down = False
    await store.until(lambda: len(store.events) == 2)
    assert store.texts == ["one", "two"]
    told = {"event": "store.unavailable", "log_level": "debug", "platform": "telegram", "error": "down"}
    assert told in logged


async def test_an_update_that_cannot_be_read_blocks_nothing(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """A poisoned update is recorded once, without words in its fault, and those behind it come."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    poison = telegram.bot.updates.push(
        "message", "x", {"message_id": "?", "chat": 5, "text": "private words"}
    )
    await telegram.say(chat, ann, "after")
    app = make_app()
    await app.connect()
    await app.start(store)
    await store.until(lambda: len(store.events) == 2)
    unread, said = store.events
    assert isinstance(unread, UnparsedEvent)
    assert unread.delivery_id == f"update:{poison}"
    assert "private words" in unread.raw
    assert "private" not in unread.error
    assert isinstance(said, MessageReceived)
    await eventually(lambda: not telegram.bot.updates.pending)


async def test_an_update_that_the_store_cannot_take_blocks_nothing(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """A bug behind us ends in a recorded update as well, not in a loop."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    store.hates = "bad"
    for text in ("bad", "good"):
        await telegram.say(chat, ann, text)
    app = make_app()
    await app.connect()
    await app.start(store)
    await store.until(lambda: len(store.events) == 2)
    assert [type(event) for event in store.events] == [UnparsedEvent, MessageReceived]


async def test_unknown_updates_are_passed_over(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """A kind of next year's is confirmed and nothing else; what follows it is received."""
    ann = telegram.add_person("Ann")
    group = telegram.add_group("Us", [ann])
    telegram.bot.updates.push("next_years_kind", "x", {"a": 1})
    telegram.kick_bot(group)
    app = make_app()
    await app.connect()
    await app.start(store)
    await eventually(lambda: not telegram.bot.updates.pending)
    assert [type(event) for event in store.events] == [BotAccessChanged]


@pytest.mark.parametrize("fault", ["502", "reset", "429"])
async def test_a_failing_poll_is_tried_again(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator, fault: str
) -> None:
    """Proxies that fail, lost connections and rate limits delay updates, no more."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    await telegram.say(chat, ann, "hello")
    telegram.faults.next("getUpdates", fault, seconds=2, times=2)  # type: ignore[arg-type]
    app = make_app()
    await app.connect()
    await app.start(store)
    await store.until(lambda: len(store.events) == 1)


async def test_a_second_poller_is_named_and_outlived(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator, logged: list[dict[str, object]]
) -> None:
    """When another process takes the updates we say so and keep trying until it is gone."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    first, second, other = make_app(), make_app(), Store()
    for app in (first, second):
        await app.connect()
    await first.start(store)
    await eventually(lambda: bool(telegram.bot.updates._poll))
    await second.start(other)
    await eventually(lambda: any(entry["event"] == "telegram.conflict" for entry in logged))
    await second.stop()
    await telegram.say(chat, ann, "hello")
    await store.until(lambda: len(store.events) == 1)


async def test_a_webhook_left_behind_is_taken_away(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """Polling begins by removing a webhook, keeps what waited, and removes one that comes back."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    app = make_app()
    await app.connect()
    await app._bot.set_webhook("http://127.0.0.1:9/")
    await telegram.say(chat, ann, "hello")
    await app.start(store)
    await store.until(lambda: len(store.events) == 1)
    await app._bot.set_webhook("http://127.0.0.1:9/")
    await telegram.say(chat, ann, "again")
    await store.until(lambda: len(store.events) == 2)


async def test_stop_is_at_once_and_loses_nothing(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """An open poll ends at once; what comes later waits for the next start."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    app = make_app()
    await app.connect()
    await app.start(store)
    await eventually(lambda: bool(telegram.bot.updates._poll))
    await asyncio.wait_for(app.stop(), 15)  # the stand-in holds the poll for 30 s
    await telegram.say(chat, ann, "hello")
    await app.start(store)
    await store.until(lambda: len(store.events) == 1)


async def test_stop_lets_a_running_transaction_finish(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """The event that is being stored is stored; those behind it are left to Telegram."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    for text in ("one", "two"):
        await telegram.say(chat, ann, text)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(event: Event) -> bool:
        begun.set()
        await go_on.wait()
        return await store(event)

    app = make_app()
    await app.connect()
    await app.start(slow)
    await begun.wait()
    stopping = asyncio.create_task(app.stop())
    await asyncio.sleep(0)
    go_on.set()
    await stopping
    assert store.texts == ["one"]


async def test_commands_are_registered_in_both_languages(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """Each scope offers every word, groups all but /start, in English and in Chinese."""
    app = make_app()
    await app.connect()
    await app.start(store)
    await eventually(lambda: len(telegram.bot.commands) == 6)
    offered = {scope: [c["command"] for c in cs] for scope, cs in telegram.bot.commands.items()}
    words = set(offered['{"type": "all_private_chats"}', "zh"])
    assert {"new", "stop", "retry", "help", "start"} <= words <= set(CommandName)
    assert set(offered['{"type": "all_group_chats"}', ""]) == words - {"start"}


async def test_a_pressed_button_is_stored_and_answered(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """The button's waiting mark goes away as soon as the press is stored."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    app = make_app()
    await app.connect()
    sent = await app._bot.send_message(
        chat, "…", reply_markup={"inline_keyboard": [[{"text": "Stop", "callback_data": "stop"}]]}
    )
    await app.start(store)
    query = await telegram.press(chat, sent.message_id, "stop", ann)
    await store.until(lambda: len(store.events) == 1)
    [pressed] = store.events
    assert isinstance(pressed, ButtonPressed)
    assert (pressed.action, pressed.message_id) == (ActionButton.STOP, str(sent.message_id))
    await eventually(lambda: telegram.answer_to(query) is not None)


@pytest.mark.parametrize("toast", ["Thank you.", "", None])
async def test_a_press_shows_what_is_decided_once_it_is_stored(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator, toast: str | None
) -> None:
    """👍 and 👎 change nothing on the screen: the press itself says that it was heard, if it counts.

    None: the store is out of reach, and the progress indicator ends all the same.
    """

    async def reply(event: ButtonPressed) -> str:
        assert store.events == [event]
        if toast is None:
            raise StoreUnavailable("away")
        return toast

    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    app = make_app()
    await app.connect()
    keyboard = {"inline_keyboard": [[{"text": "x", "callback_data": "good"}]]}
    sent = await app._bot.send_message(chat, "…", reply_markup=keyboard)
    app.set_press_reply(reply)
    await app.start(store)
    query = await telegram.press(chat, sent.message_id, "good", ann)
    await eventually(lambda: telegram.answer_to(query) is not None)
    assert telegram.answer_to(query) == (toast or "")


async def test_a_move_is_stored_once_and_followed(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """Both chats tell of the move; the store keeps one event."""
    ann = telegram.add_person("Ann")
    group = telegram.add_group("Us", [ann], basic=True)
    app = make_app()
    await app.connect()
    await app.start(store)
    supergroup = telegram.migrate(group)
    await store.until(lambda: store.attempts == 2)
    [moved] = store.events
    assert isinstance(moved, ChannelMigrated)
    assert (moved.old_channel, moved.new_channel) == (str(group), str(supergroup))


@pytest.fixture
async def hooked(make_app: MakeApp, store: Store, telegram: TelegramSimulator) -> TelegramApp:
    """Return a connected app that is to be called at an address nobody serves yet."""
    app = make_app(public_url="http://127.0.0.1:9")
    await app.connect()
    return app


async def test_the_webhook_brings_updates(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """Set at start with our secret, each update comes to our route and is stored once."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    await telegram.say(chat, ann, "before")
    holder = Starlette()
    async with WebServer(holder) as web:
        app = make_app(public_url=web.url)
        holder.routes.extend(app.routes())
        await app.connect()
        await app.start(store)
        await telegram.say(chat, ann, "after")
        await store.until(lambda: len(store.events) == 2)
        assert store.texts == ["before", "after"]
        await eventually(lambda: not telegram.bot.updates.pending)
        await app.close()


async def test_the_webhook_waits_for_the_store(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """While the store is down Telegram is told to come again, and does."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    store.down = True
    holder = Starlette()
    async with WebServer(holder) as web:
        app = make_app(public_url=web.url)
        holder.routes.extend(app.routes())
        await app.connect()
        await app.start(store)
        await telegram.say(chat, ann, "hello")
        await store.until(lambda: store.attempts >= 2)
        assert store.events == []
        store.down = False
        await store.until(lambda: len(store.events) == 1)
        await app.close()


UPDATE = (
    b'{"update_id": 1, "message": {"message_id": 1, "date": 1, "text": "hi", "chat": '
    b'{"id": 7, "type": "private"}, "from": {"id": 7, "is_bot": false, "first_name": "Ann"}}}'
)


async def test_the_webhook_lets_only_telegram_in(hooked: TelegramApp, store: Store) -> None:
    """Wrong and missing secrets, bodies without bounds, and calls out of time are turned away."""
    transport = httpx.ASGITransport(Starlette(routes=list(hooked.routes())))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as telegram:

        async def call(body: bytes, secret: str | None = None) -> int:
            headers = {"X-Telegram-Bot-Api-Secret-Token": secret} if secret is not None else {}
            return (await telegram.post("/telegram/webhook", content=body, headers=headers)).status_code

        ours = hooked._config.secret_token
        assert await call(UPDATE, ours) == 503  # not started
        await hooked.start(store)
        assert [await call(UPDATE, secret) for secret in (None, "", "wrong", ours[:-1])] == [403] * 4
        assert await call(b"x" * 2_000_000, ours) == 413
        assert store.events == []
        assert [await call(UPDATE, ours) for _ in range(2)] == [200, 200]
        assert len(store.events) == 1
        assert await call(b"not json", ours) == 200
        assert isinstance(store.events[1], UnparsedEvent)
        await hooked.stop()
        assert await call(UPDATE, ours) == 503


async def test_an_update_of_any_depth_is_confirmed(make_app: MakeApp, store: Store) -> None:
    """Telegram repeats an update for ever unless it is answered 200: no nesting may make us fail."""
    hooked = make_app(public_url="http://127.0.0.1:9")
    await hooked.connect()
    await hooked.start(store)
    transport = httpx.ASGITransport(app=Starlette(routes=list(hooked.routes())))
    headers = {"X-Telegram-Bot-Api-Secret-Token": hooked._config.secret_token}
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as client:
        for depth in (*range(300, 1_000, 25), 50_000):
            for before, after in (("[", "]"), ('{"update_id":', "}"), ('{"message":', "}")):
                body = before * depth + "1" + after * depth
                response = await client.post("/telegram/webhook", content=body, headers=headers)
                assert response.status_code == 200, (depth, before)
    await hooked.close()


async def test_the_secret_is_derived_or_given(make_app: MakeApp) -> None:
    """Without a setting the secret follows from the token, and is one that Telegram accepts."""
    derived = make_app(public_url="https://x.test").routes(), make_app()._config.secret_token
    assert (
        derived[1] == make_app()._config.secret_token != make_app(webhook_secret="mine")._config.secret_token
    )
    assert derived[1].isalnum()
    assert 1 <= len(derived[1]) <= 256


async def test_a_renamed_bot_answers_to_its_new_name(
    make_app: MakeApp, store: Store, telegram: TelegramSimulator
) -> None:
    """Its owner may rename it at @BotFather; a mention of an unknown bot makes us ask Telegram who we are."""
    app = make_app()
    await app.connect()
    await app.start(store)
    ann = telegram.add_person("Ann")
    group = telegram.add_group("Team", [ann])
    telegram.rename_bot("brand_new_bot")
    await telegram.say(group, ann, "@brand_new_bot hi")
    await telegram.say(group, ann, "@brand_new_bot ask @other_bot")
    await store.until(lambda: len(store.events) == 2)
    assert store.texts == ["hi", "ask @other_bot"]
    assert [event.mention for event in store.events if isinstance(event, MessageReceived)] == [
        Mention.BY_NAME,
        Mention.BY_NAME,
    ]
    assert len([call for call in telegram.calls if call.method == "getMe"]) == 2
    await app.stop()
