"""Forty customers on two platforms, two desks, a kill in the middle: nobody is lost or mistaken."""

import asyncio
import csv
import math
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bots.simulator.demo.knowledge import documents, questions
from bots.simulator.kimi import KimiSimulator, ScriptedReply, SeenRequest
from bots.simulator.screen import Shown
from bots.simulator.slack import Limits as SlackLimits
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import TelegramSimulator
from core.chat_policy import ChatRules, Trigger
from core.domain.clock import ScaledClock
from core.knowledge.finder import PassageFinder
from core.knowledge.indexing import index_document
from core.store import Database, knowledge, migrate, rules
from core.store.knowledge import DEPLOYMENT

pytestmark = [pytest.mark.slow, pytest.mark.real_time]  # the service is a process

SPEED = 14.0  #: how much faster than the machine's the clock of service and stand-ins runs
PATIENCE_S = 90.0  #: real seconds: several processes, beside other tests
REST_S = 20.0  #: of the fast clock, between the kill and the restart: what was spent before is not known
PNG = b"\x89PNG\r\n\x1a\n"
PASSAGE = re.compile(r'<passage n="1"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
NOTES = ("// {0} is difficult", "／／ {0} again", "> // {0}", "Hello.\n// {0} below", "/assing {0}")
WORDS = {"telegram": "I am number {0} and wait for parcel P{0}X.", "slack": "Ticket {0} is about T{0}X."}


def knowing(request: SeenRequest) -> ScriptedReply:
    """Quote the best passage that was shown, as a model would."""
    said = [str(message.get("content")) for message in request.messages]
    if "You help a support team" in said[0]:
        return ScriptedReply("They wait for a parcel.")
    found = [match[1] for words in said if (match := PASSAGE.search(words))]
    words = f"{' '.join(found[-1].split())[:300]} [1]" if found else "I do not know."
    return ScriptedReply(words, chunks_per_s=math.inf)


@dataclass(eq=False)
class Customer:
    """One person who asks, and what became of it."""

    platform: str
    number: int
    person: Any
    question: str = ""
    asked: str = ""  #: the id of their question
    thread: Any = None  #: the desk's, once there is one

    @property
    def name(self) -> str:
        """Their display name."""
        return f"{'Tg' if self.platform == 'telegram' else 'Sl'}{self.number:02}"

    @property
    def secret(self) -> str:
        """Words of theirs that nobody else says."""
        return f"P{self.number}X" if self.platform == "telegram" else f"T{self.number}X"


@dataclass(eq=False)
class Town:
    """Two platforms, the customers' rooms, the team's rooms, and the service's process between them."""

    kimi: KimiSimulator
    telegram: TelegramSimulator
    slack: SlackSimulator
    clock: ScaledClock
    folder: Path
    shop: int = 0  #: the customers' Telegram group
    channel: str = ""  #: the customers' Slack Connect channel
    desks: dict[str, str] = field(default_factory=dict)  #: platform → the team's room there
    staff: dict[str, Any] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None

    @property
    def database_url(self) -> str:
        """The service's database."""
        return f"sqlite:///{self.folder / 'day.db'}"

    async def prepare(self, customers: Sequence[Customer]) -> None:
        """Open the rooms, and write down what is known and who serves whom."""
        people = {name: [one.person for one in customers if one.platform == name] for name in SIDES}
        self.shop = self.telegram.add_group("Shop", people["telegram"])
        self.telegram.promote_bot(self.shop)
        self.channel = self.slack.add_channel("acme", people["slack"], shared=True)
        self.staff = {"slack": self.slack.add_person("Lin"), "telegram": self.telegram.add_person("Bo")}
        forum = self.telegram.add_group("Desk", [self.staff["telegram"]], forum=True)
        self.telegram.promote_bot(forum)
        self.desks = {
            "slack": self.slack.add_channel("desk", [self.staff["slack"]], private=True),
            "telegram": str(forum),
        }
        await migrate.upgrade(self.database_url)
        database = Database(self.database_url)
        for path in documents("tea"):
            text, ending = path.read_text(encoding="utf-8"), path.suffix[1:]
            await index_document(database, DEPLOYMENT, "tea", name=path.name, text=text, extension=ending)
        async with database.begin() as tx:
            known = await knowledge.get_or_create_set(tx, DEPLOYMENT, "tea")
        asked = [one for one in questions_of() if await PassageFinder(database).find([known.id], one)]
        async with database.begin() as tx:
            for one, question in zip(customers, asked, strict=False):
                one.question = question
            for platform, room, desk in (
                ("telegram", str(self.shop), f"slack:{self.desks['slack']}"),
                ("slack", self.channel, f"telegram:{self.desks['telegram']}"),
            ):
                made = ChatRules(trigger=Trigger.ALWAYS, knowledge=("tea",), strict=True, desk=desk)
                await rules.save(tx, made, platform=platform, tenant="", channel=room, changed_by="")
        await database.close()

    async def start(self) -> None:
        """Start the service."""
        environ = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(sys.path),
            "LANG": "C.UTF-8",
            "KIMI_API_KEY": "sk-test",
            "KIMI_BASE_URL": self.kimi.base_url,
            "DATABASE_URL": self.database_url,
            "MOONTHREAD_DATA_DIR": str(self.folder / "data"),
            "TELEGRAM_BOT_TOKEN": "1:test",
            "TELEGRAM_API_URL": self.telegram.api_url,
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_API_URL": self.slack.api_url.rstrip("/"),
            "MOONTHREAD_UNLISTED_USER_MESSAGES_PER_DAY": "0",
        }
        with (self.folder / "log.txt").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(Path(__file__).with_name("serving.py")),
                str(SPEED),
                cwd=self.folder,
                env=environ,
                stdout=log,
                stderr=log,
            )
        await asyncio.wait_for(self.slack.connected(), timeout=PATIENCE_S)

    async def kill(self) -> None:
        """Send SIGKILL at a moment when no call is under way, and wait until what was spent is back."""
        assert self.process is not None
        assert self.process.returncode is None, self.log
        await self.until(lambda: self.quiet_s() > 0.03, "no call is under way")
        self.process.kill()
        await self.process.wait()
        await self.clock.sleep(REST_S)

    def quiet_s(self) -> float:
        """How long no call has come, in seconds of the machine's clock."""
        latest = max(sim.calls[-1].at for sim in (self.telegram, self.slack) if sim.calls)
        return (self.clock.time() - latest) / SPEED

    @property
    def log(self) -> str:
        """What the service said last."""
        return (self.folder / "log.txt").read_text()[-3000:]

    async def until(self, found: Callable[[], Any], what: str) -> Any:
        """Wait until ``found`` returns something true, and return that."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while not (result := found()):
            if asyncio.get_running_loop().time() > deadline:
                screens = [one.text[:90] for sim in self.sims for one in sim.screen.messages.values()]
                raise AssertionError(f"waited in vain until {what}; {screens}; {self.log}")
            await asyncio.sleep(0.02)
        return result

    @property
    def sims(self) -> tuple[Any, Any]:
        """Both platforms."""
        return self.telegram, self.slack

    def room_of(self, customer: Customer) -> str:
        """Where a customer asks."""
        return str(self.shop) if customer.platform == "telegram" else self.channel

    def sim_of(self, platform: str) -> Any:
        """The platform of that name."""
        return self.telegram if platform == "telegram" else self.slack

    # -- customers -------------------------------------------------------------------------------------

    async def ask(self, customer: Customer) -> None:
        """Ask the customer's question: every other one to nobody in particular."""
        called = customer.number % 2 == 0
        if customer.platform == "telegram":
            words = f"{'@moonthread_bot ' if called else ''}{customer.question}"
            customer.asked = str(await self.telegram.say(self.shop, customer.person, words))
        else:
            words = f"{f'<@{self.slack.bot_user}> ' if called else ''}{customer.question}"
            customer.asked = await self.slack.say(self.channel, customer.person, words)

    def told(self, customer: Customer) -> list[Shown]:
        """The bot's messages to a customer: in their thread, or in reply to something they said."""
        shown = self.sim_of(customer.platform).screen.in_channel(self.room_of(customer), by_bot=True)
        if customer.platform == "slack":
            return [one for one in shown if one.thread == customer.asked]
        said = {
            one.message_id
            for one in self.telegram.screen.in_channel(str(self.shop), by_bot=False)
            if one.author_id == str(customer.person)
        }
        return [one for one in shown if one.reply_to in said]

    async def hears(self, customer: Customer, *words: str) -> Shown:
        """Wait until the bot told a customer something that holds all of ``words``."""

        def found() -> Shown | None:
            told = self.told(customer)
            return next((one for one in told if all(word in one.text for word in words)), None)

        shown: Shown = await self.until(found, f"{customer.name} hears {words}")
        return shown

    async def write(self, customer: Customer, text: str, picture: bytes = b"") -> None:
        """Write on in the conversation: in the thread, or in reply to the bot's last word."""
        if customer.platform == "slack":
            if picture:
                files = [("photo.png", picture, "image/png")]
                await self.slack.share_files(
                    self.channel, customer.person, files, text=text, thread_ts=customer.asked
                )
            else:
                await self.slack.say(self.channel, customer.person, text, customer.asked)
            return
        to = int(self.told(customer)[-1].message_id)
        how: dict[str, Any] = {"content": picture, "media_kind": "photo"} if picture else {}
        await self.telegram.say(self.shop, customer.person, text, reply_to=to, **how)

    # -- the team --------------------------------------------------------------------------------------

    def desk_of(self, customer: Customer) -> str:
        """The platform of the desk that serves a customer: the other one."""
        return "slack" if customer.platform == "telegram" else "telegram"

    def at_desk(self, customer: Customer) -> list[Shown]:
        """The bot's messages in a customer's thread or topic of the desk."""
        desk = self.desk_of(customer)
        shown = self.sim_of(desk).screen.in_channel(self.desks[desk], by_bot=True)
        return [one for one in shown if customer.thread in (one.thread, one.message_id)]

    async def card(self, customer: Customer) -> Shown:
        """Wait for a customer's card, and note its thread."""
        desk = self.desk_of(customer)

        def found() -> Shown | None:
            shown = self.sim_of(desk).screen.in_channel(self.desks[desk], by_bot=True)
            return next((one for one in shown if "#" in one.text and customer.name in one.text), None)

        card: Shown = await self.until(found, f"a card of {customer.name}")
        customer.thread = card.thread or card.message_id
        return card

    async def press(self, platform: str, shown: Shown, label: str, person: Any) -> None:
        """Press a button under a message."""
        shown = self.sim_of(platform).screen.messages[shown.channel, shown.message_id]
        value = next(value for text, value in shown.buttons if label in text)
        if platform == "telegram":
            await self.telegram.press(int(shown.channel), int(shown.message_id), value, person)
            return
        message = self.slack.workspace.channels[shown.channel].messages[shown.message_id]
        elements = [one for block in message.blocks for one in block.get("elements", [])]
        action = next(one["action_id"] for one in elements if one.get("value") == value)
        assert await self.slack.press(shown.channel, shown.message_id, action, value, person)

    async def press_until(self, customer: Customer, shown: Shown, label: str, words: str) -> None:
        """Press a button of a customer's, and again each second, until they hear words.

        A press counts only on a message that the service knows, and it learns a message's id from the reply
        to its call: whoever presses in that moment presses again.
        """
        for _ in range(int(PATIENCE_S)):
            await self.press(customer.platform, shown, label, customer.person)
            for _ in range(10):
                if any(words in one.text for one in self.told(customer)):
                    return
                await asyncio.sleep(0.1)  # the service is another process
        raise AssertionError(f"{customer.name} pressed {label} in vain")

    async def team_says(self, customer: Customer, text: str, picture: bytes = b"") -> None:
        """Write in a customer's thread of the desk."""
        desk, thread = self.desk_of(customer), customer.thread
        person, room = self.staff[desk], self.desks[desk]
        if desk == "slack":
            if picture:
                files = [("map.png", picture, "image/png")]
                await self.slack.share_files(room, person, files, text=text, thread_ts=thread)
            else:
                await self.slack.say(room, person, text, thread)
            return
        how: dict[str, Any] = {"content": picture, "media_kind": "photo"} if picture else {}
        await self.telegram.say(int(room), person, text, topic=int(thread), **how)

    def pictures(self, platform: str, shown: Sequence[Shown]) -> list[bytes]:
        """The files that messages show."""
        found: list[bytes] = []
        for one in shown:
            if platform == "slack":
                files = self.slack.workspace.channels[one.channel].messages[one.message_id].files
                found += [self.slack.workspace.files[file["id"]][1] for file in files]
            else:
                media = self.telegram._world.groups[int(one.channel)].messages[int(one.message_id)].media
                if "photo" in media:
                    found.append(self.telegram._world.files[media["photo"][-1]["file_id"]][1])
        return found


SIDES = ("telegram", "slack")


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A town with nobody in it yet."""
    clock = ScaledClock(SPEED)
    kimi = KimiSimulator(clock=clock, script=knowing)
    slack = SlackSimulator(
        clock=clock, limits=SlackLimits(ack_within_s=30.0, retries_after_s=(10.0, 20.0, 30.0, 60.0))
    )
    telegram = TelegramSimulator(clock=clock)
    async with kimi, slack, telegram:
        made = Town(kimi=kimi, telegram=telegram, slack=slack, clock=clock, folder=tmp_path)
        yield made
        if made.process is not None and made.process.returncode is None:
            made.process.kill()
            await made.process.wait()


def questions_of() -> list[str]:
    """The shop's questions that its texts answer."""
    with questions("tea").open(encoding="utf-8") as table:
        return [row["问题"] for row in csv.DictReader(table) if row["来源"]]


def customers_of(town: Town) -> list[Customer]:
    """Thirty people on Telegram, and ten of another company on Slack."""
    there = [Customer("telegram", n, town.telegram.add_person(f"Tg{n:02}", "zh")) for n in range(30)]
    return there + [Customer("slack", n, town.slack.add_person(f"Sl{n:02}", "T9")) for n in range(10)]


async def test_a_busy_day(town: Town) -> None:
    """Everybody is answered from what is known; who asks for a person gets exactly theirs, once."""
    customers = customers_of(town)
    await town.prepare(customers)
    await town.start()
    await asyncio.gather(*(town.ask(one) for one in customers))
    for one in customers:
        await town.hears(one, "来源")

    handed = [
        one for one in customers if one.number in (3, 8) or (one.platform, one.number) == ("telegram", 20)
    ]
    for one in handed:
        await town.write(one, "转人工")
    for one in handed:
        desk = town.desk_of(one)
        await town.press(desk, await town.card(one), "接手", town.staff[desk])
    for one in handed:
        await town.hears(one, "接手")
        await town.write(one, WORDS[one.platform].format(one.number))

    await town.kill()
    for one in handed:  # said while nobody listens
        await town.write(one, f"{one.secret} again", PNG + one.name.encode())
        await town.team_says(one, f"R{one.secret} is on its way")
    await town.start()
    for one in handed:
        await town.hears(one, f"R{one.secret}")
        for note in NOTES:
            await town.team_says(one, note.format(f"N{one.secret}"))
        await town.team_says(one, f"M{one.secret}", PNG + b"map" + one.name.encode())
    for one in handed:
        await both_pictures(town, one)
    for one in handed:
        await close_and_rate(town, one)

    check(town, customers, handed)


async def both_pictures(town: Town, one: Customer) -> None:
    """Wait until the customer's picture is on the desk, and the team's with the customer."""
    await town.hears(one, f"M{one.secret}")
    mine, theirs = PNG + one.name.encode(), PNG + b"map" + one.name.encode()
    desk = town.desk_of(one)
    await town.until(lambda: mine in town.pictures(desk, town.at_desk(one)), f"{one.name}'s picture")
    await town.until(lambda: theirs in town.pictures(one.platform, town.told(one)), "the team's picture")


async def close_and_rate(town: Town, one: Customer) -> None:
    """Let the team close a conversation, and its customer rate it."""
    desk = town.desk_of(one)
    await town.press(desk, await town.card(one), "关闭", town.staff[desk])
    asked = await town.hears(one, "打个分")
    await town.press_until(one, asked, "★★★★★", "谢谢你的评分")
    await town.until(lambda: any("★★★★★" in shown.text for shown in town.at_desk(one)), "the rating")


def check(town: Town, customers: Sequence[Customer], handed: Sequence[Customer]) -> None:
    """Nothing is lost, doubled or shown to the wrong person, and no limit was touched."""
    assert town.telegram.refused == []
    assert town.slack.refused == []
    for one in customers:
        answers = [shown for shown in town.told(one) if "来源" in shown.text]
        assert len(answers) == 1, one.name
    bot = [shown for sim in town.sims for shown in sim.screen.messages.values() if shown.by_bot]
    for one in handed:
        told, desk = town.told(one), town.at_desk(one)
        for words, place in (
            (WORDS[one.platform].format(one.number), desk),
            (f"{one.secret} again", desk),
            (f"R{one.secret}", told),
            (f"M{one.secret}", told),
        ):
            assert sum(words in shown.text for shown in place) == 1, (one.name, words)
        mine = {(shown.channel, shown.message_id) for shown in (*told, *desk)}
        strange = [
            shown
            for shown in bot
            if one.secret in shown.text.split() and (shown.channel, shown.message_id) not in mine
        ]
        assert strange == []
        assert not any(f"N{one.secret}" in shown.text for shown in bot)
        picture = PNG + one.name.encode()
        assert town.pictures(town.desk_of(one), desk).count(picture) == 1
        assert town.pictures(one.platform, told).count(PNG + b"map" + one.name.encode()) == 1
        everywhere = [
            content
            for name in SIDES
            for content in town.pictures(
                name, [shown for shown in bot if shown.channel in rooms_on(town, name)]
            )
        ]
        assert everywhere.count(picture) == 1


def rooms_on(town: Town, platform: str) -> set[str]:
    """The rooms of a platform."""
    room = str(town.shop) if platform == "telegram" else town.channel
    return {room, town.desks[platform]}
