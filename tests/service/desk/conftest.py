"""Customers on one platform, a team's desk on another (or the same), one service between them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text as sql

from bots.composition.platform_wiring import build_platforms
from bots.composition.service import Service
from bots.simulator.kimi import KimiSimulator, answer_with
from bots.simulator.screen import Shown
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import TelegramSimulator
from core.domain.clock import Clock
from core.settings import Settings

PATIENCE_S = 200.0


@dataclass(eq=False)
class Side:
    """One room of one platform, and one person in it, with the same verbs on both platforms."""

    office: "Office"
    platform: str
    channel: str
    person: Any
    thread: str = ""
    direct: bool = False
    name: str = ""
    question: str = ""  #: the message that began the conversation, where a test keeps it

    @property
    def sim(self) -> Any:
        """The platform's stand-in."""
        return self.office.telegram if self.platform == "telegram" else self.office.slack

    async def say(self, text: str, **how: Any) -> str:
        """Say something, in the room's thread where it has one."""
        if self.platform == "slack":
            return str(await self.sim.say(self.channel, self.person, text, self.thread or None))
        topic = int(self.thread) if self.thread else None
        return str(await self.sim.say(int(self.channel), self.person, text, topic=topic, **how))

    async def ask(self, text: str) -> str:
        """Speak to the bot: by mention, in a group."""
        if self.direct:
            return await self.say(text)
        if self.platform == "telegram":
            last = self.shown
            if last:  # replies make conversations here
                return await self.say(text, reply_to=int(last[-1].message_id))
            return await self.say(f"@moonthread_bot {text}")
        said = await self.say(f"<@{self.sim.bot_user}> {text}")
        self.thread = self.thread or said
        return said

    async def order(self, command: str) -> None:
        """Give a command in the room."""
        if self.platform == "telegram":
            await self.say(f"/{command}" if self.direct else f"/{command}@moonthread_bot")
        else:
            await self.say(f"<@{self.sim.bot_user}> /{command}")

    async def edit(self, message_id: str, text: str) -> None:
        """Change a message."""
        if self.platform == "slack":
            await self.sim.edit(self.channel, message_id, text)
        else:
            await self.sim.edit(int(self.channel), int(message_id), text)

    async def picture(self, content: bytes, text: str = "") -> str:
        """Send a picture."""
        if self.platform == "slack":
            files = [("photo.png", content, "image/png")]
            return str(
                await self.sim.share_files(
                    self.channel, self.person, files, text=text, thread_ts=self.thread or None
                )
            )
        topic = int(self.thread) if self.thread else None
        return str(
            await self.sim.send_photo(int(self.channel), self.person, text, content=content, topic=topic)
        )

    @property
    def shown(self) -> list[Shown]:
        """The bot's messages in the room, or in its thread."""
        messages = self.sim.screen.in_channel(self.channel, by_bot=True)
        if not self.thread:
            return list(messages)
        return [one for one in messages if self.thread in (one.thread, one.message_id)]

    @property
    def texts(self) -> list[str]:
        """Their texts."""
        return [one.text for one in self.shown]

    async def sees(self, *words: str, times: int = 1) -> Shown:
        """Wait until so many messages of the bot hold all of ``words``; return the last."""

        def found() -> Shown | None:
            fit = [one for one in self.shown if all(word in one.text for word in words)]
            return fit[-1] if len(fit) >= times else None

        shown: Shown = await self.office.until(found, f"{self.platform} shows {words} x{times}")
        return shown

    def count(self, words: str) -> int:
        """How many messages of the bot hold these words."""
        return sum(words in text for text in self.texts)

    async def press(self, shown: Shown, label: str, person: Any = None) -> None:
        """Press a button under a message."""
        shown = self.sim.screen.messages[shown.channel, shown.message_id]
        person = person or self.person
        if self.platform == "telegram":
            value = next(value for text, value in shown.buttons if label in text)
            await self.sim.press(int(shown.channel), int(shown.message_id), value, person)
            return
        message = self.sim.workspace.channels[shown.channel].messages[shown.message_id]
        action, value = next(
            (element["action_id"], element.get("value"))
            for block in message.blocks
            for element in block.get("elements", [])
            if label in str(element.get("text"))
        )
        # Slack waits three seconds, of the fast clock: on a busy machine people press again.
        for _ in range(3):
            if await self.sim.press(shown.channel, shown.message_id, action, value, person):
                return
        raise AssertionError(f"nobody took the press of {label}")


@dataclass(eq=False)
class Office:
    """The service and everybody around it."""

    kimi: KimiSimulator
    telegram: Any
    slack: Any
    clock: Clock
    database_url: str
    given: dict[str, Any] = field(default_factory=dict)
    service: Service | None = None
    staff: dict[str, Any] = field(default_factory=dict)
    desk_channel: str = ""
    desk_platform: str = ""

    async def start(self, **settings: Any) -> "Office":
        """Start the service on both platforms."""
        self.given |= settings
        made = Settings(
            **{
                "kimi_api_key": "sk-test",
                "kimi_base_url": self.kimi.base_url,
                "database_url": self.database_url,
                "http_port": 0,
                "shutdown_grace_s": 5.0,
                "unlisted_user_messages_per_day": 0,
                "telegram_bot_token": "1:test",
                "telegram_api_url": self.telegram.api_url,
                "slack_bot_token": self.slack.bot_token,
                "slack_app_token": self.slack.app_token,
                "slack_api_url": self.slack.api_url.rstrip("/"),
                "desk": f"{self.desk_platform}:{self.desk_channel}",
                **self.given,
            }
        )
        platforms = build_platforms(made, frozenset({"telegram", "slack"}), self.clock)
        self.service = Service(made, platforms, clock=self.clock, web=False)
        await self.service.start()
        await self.slack.connected()
        return self

    async def stop(self) -> None:
        """Stop the service gracefully."""
        if self.service is not None:
            service, self.service = self.service, None
            await service.stop()

    def open_desk(self, platform: str, *names: str) -> None:
        """Make the team's room."""
        names = names or ("Lin", "Bo")
        self.desk_platform = platform
        if platform == "slack":
            people = [self.slack.add_person(name) for name in names]
            self.desk_channel = self.slack.add_channel("desk", people)
        else:
            people = [self.telegram.add_person(name) for name in names]
            chat = self.telegram.add_group("Desk", people, forum=True)
            self.telegram.promote_bot(chat)
            self.desk_channel = str(chat)
        self.staff = dict(zip(names, people, strict=True))

    def customer(self, platform: str, name: str = "Ann", *, direct: bool = False) -> Side:
        """Make a customer with a room of their own."""
        sim = self.telegram if platform == "telegram" else self.slack
        person = sim.add_person(name)
        if platform == "telegram":
            owner = sim.add_person("Owner")
            chat = sim.private_chat(person) if direct else sim.add_group("Shop", [owner, person])
            channel = str(chat)
            if not direct:
                sim.promote_bot(chat)  # reads everything, as the README tells
        else:
            channel = sim.open_dm(person) if direct else sim.add_channel(f"shop-{name.lower()}", [person])
        return Side(self, platform, channel, person, direct=direct, name=name)

    async def desk(
        self, customer: str, name: str = "", number: int = 1, within_s: float = PATIENCE_S
    ) -> Side:
        """Wait for a customer's card on the desk; return its thread, seen by one of the team."""
        room = Side(self, self.desk_platform, self.desk_channel, None)

        def cards() -> list[Shown]:
            return [one for one in room.shown if "#" in one.text and customer in one.text and "·" in one.text]

        found = await self.until(
            lambda: len(cards()) >= number and cards(), f"a card of {customer}", within_s
        )
        card = found[number - 1]
        person = self.staff[name or next(iter(self.staff))]
        thread = card.thread or card.message_id
        return Side(self, self.desk_platform, self.desk_channel, person, thread=thread)

    def room(self) -> Side:
        """The whole desk."""
        return Side(self, self.desk_platform, self.desk_channel, None)

    def card(self, desk: Side) -> Shown:
        """The card of a thread as it stands now."""
        return next(one for one in desk.shown if "#" in one.text)

    async def until(self, found: Callable[[], Any], what: str, within_s: float = PATIENCE_S) -> Any:
        """Wait until ``found`` returns something true, and return that."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not (result := found()):
            if asyncio.get_running_loop().time() > deadline:
                shown = [
                    (one.channel, one.author, one.text[:160])
                    for sim in (self.telegram, self.slack)
                    for one in sim.screen.messages.values()
                ]
                raise AssertionError(f"waited in vain until {what}; the screens show {shown}")
            await asyncio.sleep(0.05)
        return result

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """Read from the service's database."""
        assert self.service is not None
        async with self.service.database.read() as tx:
            return list(await tx.execute(sql(query), values))

    async def settled(self, within_s: float = PATIENCE_S) -> None:
        """Wait until no event is open."""
        async with asyncio.timeout(within_s):
            while True:
                if not await self.rows("SELECT id FROM inbox WHERE status = 'open'"):
                    return
                await asyncio.sleep(0.1)

    async def state(self, number: int = -1) -> str:
        """The state of a handover."""
        return str((await self.rows("SELECT state FROM handoffs ORDER BY id"))[number].state)

    def asked(self) -> list[str]:
        """What Kimi was asked by customers; not by the desk."""
        return [
            str(request.messages[-1]["content"])
            for request in self.kimi.requests
            if "You help a support team" not in str(request.messages[0]["content"])
        ]


@pytest.fixture
def backend() -> str:
    """The kind of database; a test for both parametrises this itself."""
    return "sqlite"


@pytest.fixture
async def office(
    backend: str,
    clock: Clock,
    request: pytest.FixtureRequest,
    inline_sqlite: None,
    patient_lease: None,
    calendar: None,
) -> AsyncIterator[Office]:
    """An office whose service is not started yet."""
    url = request.getfixturevalue("migrated_sqlite_url" if backend == "sqlite" else "migrated_postgres_url")
    kimi = KimiSimulator(clock=clock, script=answer_with("Hello there."))
    telegram, slack = TelegramSimulator(clock=clock), SlackSimulator(clock=clock)
    await asyncio.gather(kimi.__aenter__(), telegram.__aenter__(), slack.__aenter__())
    made = Office(kimi=kimi, telegram=telegram, slack=slack, clock=clock, database_url=url)
    made.given["data_dir"] = request.getfixturevalue("tmp_path") / "data"
    try:
        yield made
    finally:
        await made.stop()
        await asyncio.gather(
            kimi.close(), telegram.__aexit__(None, None, None), slack.__aexit__(None, None, None)
        )
