"""The whole service through the real SDKs, against the strict stand-ins, with people who use it.

One :class:`World` for each platform with the same verbs, so that a test runs on both. Service and
stand-ins share the test's virtual clock: every ratio of paces, limits and waits is that of production.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import pytest
from sqlalchemy import text as sql

from bots.composition.platform_wiring import build_platforms
from bots.composition.service import Service
from bots.simulator.kimi import KimiSimulator, SeenRequest, answer_with
from bots.simulator.screen import Frame, Screen, Shown
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import TelegramSimulator
from core.domain.clock import Clock
from core.settings import Settings
from core.work_queue import postgres
from tests.kimi_requests import is_document
from tests.virtual_time import LoopCalendar, VirtualLoop

HERE: Final = Path(__file__).parent
VARIED: Final = ("platform", "customers", "backend")
CASES: Final = 2  #: of a test with many cases ``make test`` runs so many
DONE_AND_OPEN: Final = """SELECT (SELECT count(*) FROM turns WHERE state = 'done') AS done,
  (SELECT count(*) FROM inbox WHERE status = 'open') AS open"""
PATIENCE_S = 200.0  #: for anything a test waits for


@dataclass(eq=False)
class Room:
    """One conversation with the bot: a direct one, or one in a group that a mention begins."""

    world: "World"
    channel: str
    people: list[Any]
    direct: bool
    root: str = ""  #: the message that began it in a group

    async def ask(self, text: str, person: int = 0, **how: Any) -> str:
        """Say something to the bot, as person number ``person``; return the message's id."""
        said = await self.world.speak(self, self.people[person], text, **how)
        self.root = self.root or said
        return said

    async def send(self, *files: tuple[str, bytes, str], text: str = "", person: int = 0) -> str:
        """Send files, each as (name, content, media type), as one saying; return the message's id."""
        said = await self.world.hand_over(self, self.people[person], files, text)
        self.root = self.root or said
        return said

    async def order(self, command: str, person: int = 0) -> None:
        """Give the bot a command, the way people do on the platform."""
        await self.world.command(self, self.people[person], command)

    async def press(self, label: str, person: int = 0) -> None:
        """Press the button whose label holds ``label`` under the bot's last message, once it is there."""

        def shown() -> bool:
            return any(label in text for answer in self.answers[-1:] for text, _ in answer.buttons)

        await self.world.until(shown, f"a button says {label!r}")
        await self.world.press(self, self.people[person], label)

    @property
    def answers(self) -> list[Shown]:
        """The bot's messages in this conversation, in order of appearance."""
        return self.world.answers_in(self)

    @property
    def texts(self) -> list[str]:
        """Their texts."""
        return [answer.text for answer in self.answers]

    def frames(self, message: Shown) -> list[Frame]:
        """Every frame of one message."""
        key = (message.channel, message.message_id)
        frames = [frame for frame in self.world.screen.frames if frame.kind != "status"]
        return [frame for frame in frames if (frame.message.channel, frame.message.message_id) == key]

    async def shows(self, text: str, *, exactly: bool = False) -> Shown:
        """Wait until a message of the bot holds (or is) ``text``; return it."""

        def found() -> Shown | None:
            fits = (lambda seen: seen == text) if exactly else (lambda seen: text in seen)
            return next((answer for answer in self.answers if fits(answer.text)), None)

        return await self.world.until(found, f"the bot shows {text[:60]!r}")


@dataclass(eq=False)
class World:
    """A service, its Kimi and one platform with people."""

    kimi: KimiSimulator
    sim: Any
    clock: Clock
    database_url: str
    service: Service | None = None
    given: dict[str, Any] = field(default_factory=dict)
    name = ""

    @property
    def screen(self) -> Screen:
        """What people see."""
        return self.sim.screen

    @property
    def requests(self) -> list[SeenRequest]:
        """What Kimi was asked."""
        return self.kimi.requests

    async def start(self, *, web: bool = False, **settings: Any) -> "World":
        """Start the service, with further settings (kept for a restart), and with its web server."""
        self.given |= settings
        fields = {
            "kimi_api_key": "sk-test",
            "kimi_base_url": self.kimi.base_url,
            "database_url": self.database_url,
            "http_port": 0,
            "shutdown_grace_s": 5.0,
            "unlisted_user_messages_per_day": 0,
            "flood_messages_per_minute": 0,  # by the machine's clock, on which these people are very quick
            "duplicates_per_10_min": 0,
            **self.credentials(),
            **self.given,
        }
        made = Settings(**fields)
        platforms = build_platforms(made, frozenset({self.name}), self.clock)
        self.service = Service(made, platforms, clock=self.clock, web=web)
        await self.service.start()
        if not web:
            await self.connected()
        return self

    async def stop(self) -> None:
        """Stop the service gracefully."""
        if self.service is not None:
            service, self.service = self.service, None
            await service.stop()

    async def until(self, found: Callable[[], Any], what: str, within_s: float = PATIENCE_S) -> Any:
        """Wait until ``found`` returns something true, and return that."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not (result := found()):
            if asyncio.get_running_loop().time() > deadline:
                shown = [(shown.author, shown.text[:120]) for shown in self.screen.messages.values()]
                raise AssertionError(f"waited in vain until {what}; the screen shows {shown}")
            await asyncio.sleep(0.05)
        return result

    async def rows(self, query: str, **values: Any) -> list[Any]:
        """Read from the service's database."""
        assert self.service is not None
        async with self.service.database.read() as tx:
            return list(await tx.execute(sql(query), values))

    async def outcomes(self) -> list[str]:
        """How the turns ended so far, in order of their questions."""
        return [row.outcome for row in await self.rows("SELECT outcome FROM turns ORDER BY inbox_id")]

    async def done(self, turns: int) -> list[str]:
        """Wait until so many turns are done and nothing is open; return how they ended."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            (found,) = await self.rows(DONE_AND_OPEN)
            if found.done >= turns and not found.open:
                outcomes = await self.outcomes()
                assert found.done == turns, outcomes
                return outcomes
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"{found.done} turns are done, {found.open} events wait")
            await asyncio.sleep(0.25)

    async def queued(self, events: int) -> None:
        """Wait until so many events are open: being answered, or waiting for it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if len(await self.rows("SELECT id FROM inbox WHERE status = 'open'")) == events:
                    return
                await asyncio.sleep(0.1)

    def assert_calm(self) -> None:
        """Assert that no call was refused for a limit and that no frame repeats the one before."""
        assert self.sim.refused == []
        last: dict[tuple[str, str], Any] = {}
        for frame in self.screen.frames:
            shown, key = frame.message, (frame.message.channel, frame.message.message_id)
            seen = (shown.text, shown.entities, shown.blocks, shown.buttons, shown.tasks, shown.streaming)
            if frame.kind == "edited":
                assert last[key] != seen, f"an edit changed nothing: {shown.text[-80:]!r}"
            last[key] = seen

    def question_of(self, index: int) -> list[tuple[str, str]]:
        """The messages of Kimi's request number ``index`` as (role, content), without system's and files."""
        messages = self.requests[index].messages
        shown = [one for one in messages if one["role"] != "system" and not is_document(one)]
        return [(one["role"], one["content"]) for one in shown]


class TelegramWorld(World):
    """People on Telegram."""

    name = "telegram"

    def credentials(self) -> dict[str, Any]:
        """The settings that lead to the stand-in."""
        return {"telegram_bot_token": "1:test", "telegram_api_url": self.sim.api_url}

    async def connected(self) -> None:
        """Updates wait for whoever polls: nothing to wait for."""

    def direct(self, name: str = "Ann", language: str = "en") -> Room:
        """A new person's private chat with the bot."""
        person = self.sim.add_person(name, language)
        chat = self.sim.private_chat(person)
        return Room(self, str(chat), [person], direct=True)

    def group(self, *names: str, **how: Any) -> Room:
        """A new supergroup with the bot in it."""
        people = [self.sim.add_person(name) for name in names or ("Ann",)]
        return Room(self, str(self.sim.add_group("Team", people, **how)), people, direct=False)

    async def speak(self, room: Room, person: Any, text: str, **how: Any) -> str:
        """Say something; in a group by mention at first, then as a reply to the last answer."""
        if not room.direct:
            answers = [one for one in room.answers if not how.get("topic")]
            if room.root and answers:
                how.setdefault("reply_to", int(answers[-1].message_id))
            else:
                text = f"@moonthread_bot {text}"
        return str(await self.sim.say(int(room.channel), person, text, **how))

    async def hand_over(
        self, room: Room, person: Any, files: Sequence[tuple[str, bytes, str]], text: str
    ) -> str:
        """Send one file with a caption, or pictures as an album; in a group the caption names the bot."""
        chat = int(room.channel)
        text = text if room.direct else f"@moonthread_bot {text}"
        if len(files) > 1:
            captions = [text, *[""] * (len(files) - 1)]
            ids = await self.sim.album(chat, person, captions, contents=[content for _, content, _ in files])
            return str(ids[0])
        ((name, content, mime_type),) = files
        if mime_type.startswith("image/"):
            return str(await self.sim.send_photo(chat, person, text, content=content))
        if mime_type.startswith("video/"):
            return str(await self.sim.say(chat, person, text, media_kind="video", content=content))
        how = {"filename": name, "mime_type": mime_type, "content": content}
        return str(await self.sim.send_document(chat, person, text, **how))

    async def command(self, room: Room, person: Any, command: str) -> None:
        """Write the command; in groups it names the bot."""
        word, gap, argument = command.partition(" ")
        words = f"/{word}{'' if room.direct else '@moonthread_bot'}{gap}{argument}"
        await self.sim.say(int(room.channel), person, words)

    def answers_in(self, room: Room) -> list[Shown]:
        """All messages of the bot in the chat."""
        return self.screen.in_channel(room.channel, by_bot=True)

    async def forge(self, room: Room, person: Any, message: Shown, data: str) -> None:
        """Press a button that a message of the bot need not have."""
        await self.sim.forge_press(int(message.channel), int(message.message_id), data, person)

    async def press(self, room: Room, person: Any, label: str) -> None:
        """Press a button under the bot's last message."""
        shown = room.answers[-1]
        value = next(value for text, value in shown.buttons if label in text)
        await self.sim.press(int(shown.channel), int(shown.message_id), value, person)

    def fault(self, method: str, kind: str, **how: Any) -> None:
        """Order a fault; a failing proxy is "gateway" on every platform."""
        self.sim.faults.next(method, "502" if kind == "gateway" else kind, **how)


class SlackWorld(World):
    """People on Slack."""

    name = "slack"

    def credentials(self) -> dict[str, Any]:
        """The settings that lead to the stand-in."""
        return {
            "slack_bot_token": self.sim.bot_token,
            "slack_app_token": self.sim.app_token,
            "slack_api_url": self.sim.api_url.rstrip("/"),
        }

    async def connected(self) -> None:
        """Wait for the Socket Mode connection."""
        await self.sim.connected()

    def direct(self, name: str = "Ann", language: str = "en") -> Room:
        """A new person's direct conversation with the bot."""
        person = self.sim.add_person(name)
        return Room(self, self.sim.open_dm(person), [person], direct=True)

    def group(self, *names: str, **how: Any) -> Room:
        """A new channel with the bot in it."""
        people = [self.sim.add_person(name) for name in names or ("Ann",)]
        channel = self.sim.add_channel(f"team-{len(self.sim.workspace.channels)}", people, **how)
        return Room(self, channel, people, direct=False)

    async def speak(self, room: Room, person: Any, text: str, **how: Any) -> str:
        """Say something; in a channel by mention at first, then plainly in the thread."""
        if not room.direct and not room.root:
            text = f"<@{self.sim.bot_user}> {text}"
        thread = room.root if not room.direct else None
        return await self.sim.say(room.channel, person, text, how.pop("thread", thread) or None, **how)

    async def hand_over(
        self, room: Room, person: Any, files: Sequence[tuple[str, bytes, str]], text: str
    ) -> str:
        """Upload files in one message; in a channel it begins with a mention."""
        text = text if room.direct or room.root else f"<@{self.sim.bot_user}> {text}"
        thread = room.root if not room.direct else None
        return await self.sim.share_files(room.channel, person, files, text=text, thread_ts=thread or None)

    async def command(self, room: Room, person: Any, command: str) -> None:
        """Use the slash command in a direct conversation, ``@bot /word`` in a thread."""
        if room.direct:
            await self.sim.slash("/kimi", command, room.channel, person)
        else:
            mention = f"<@{self.sim.bot_user}> /{command}"
            await self.sim.say(room.channel, person, mention, room.root or None)

    def answers_in(self, room: Room) -> list[Shown]:
        """The messages of the bot in the direct conversation or the thread."""
        shown = self.screen.in_channel(room.channel, by_bot=True)
        return [one for one in shown if room.direct or one.thread == room.root]

    async def forge(self, room: Room, person: Any, message: Shown, data: str) -> None:
        """Press a button that a message of the bot need not have."""
        action = "moonthread_choice_0"
        assert await self.sim.forge_press(message.channel, message.message_id, action, data, person)

    async def press(self, room: Room, person: Any, label: str) -> None:
        """Press a button under the bot's last message."""
        shown = room.answers[-1]
        message = self.sim.workspace.channels[shown.channel].messages[shown.message_id]
        action, value = next(
            (element["action_id"], element.get("value"))
            for block in message.blocks
            for element in block.get("elements", [])
            if label in str(element.get("text"))
        )
        assert await self.sim.press(shown.channel, shown.message_id, action, value, person)

    def fault(self, method: str, kind: str, **how: Any) -> None:
        """Order a fault; a failing proxy is "gateway" on every platform."""
        self.sim.faults.next(method, "503" if kind == "gateway" else kind, **how)


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on virtual time, real sockets or not; ``real_time`` marks those with processes."""
    if item.get_closest_marker("real_time") is not None:
        return {"system": asyncio.new_event_loop}
    return {"virtual": VirtualLoop}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what shows the same once more: on the other platform or database, or in a further case.

    See :func:`chosen_variants` and :func:`chosen_cases`.
    """
    tests: dict[tuple[str, str], dict[str, list[pytest.Function]]] = {}
    for item in items:
        if isinstance(item, pytest.Function) and HERE in item.path.parents and hasattr(item, "callspec"):
            cases = tests.setdefault((item.path.name, item.originalname), {})
            cases.setdefault(case_of(item), []).append(item)
    for test, cases in tests.items():
        kept_cases = chosen_cases(test, list(cases))
        for case, group in cases.items():
            kept = chosen_variants((*test, case), [variant_of(item) for item in group])
            for item in group:
                if case not in kept_cases or variant_of(item) not in kept:
                    item.add_marker(pytest.mark.variant)


def case_of(item: pytest.Function) -> str:
    """Return which case of a test this is, whatever platform and database it runs on."""
    indices = item.callspec.indices  # the values themselves may differ from process to process
    return " ".join(sorted(f"{name}={indices[name]}" for name in item.callspec.params if name not in VARIED))


def chosen_cases(test: tuple[str, str], cases: list[str]) -> set[str]:
    """Return which cases of a test ``make test`` runs: at most :data:`CASES`, far from each other."""
    ordered = sorted(cases)
    if len(ordered) <= CASES:
        return set(ordered)
    first = crc32(repr(test).encode())
    step = len(ordered) // CASES + 1  # not half: the second half is often the same on the other platform
    return {ordered[(first + number * step) % len(ordered)] for number in range(CASES)}


def variant_of(item: pytest.Function) -> tuple[str, ...]:
    """Return the platform and the database that a test runs on, as far as it is parametrized by them."""
    return tuple(str(item.callspec.params[name]) for name in VARIED if name in item.callspec.params)


def chosen_variants(key: tuple[str, ...], variants: list[tuple[str, ...]]) -> set[tuple[str, ...]]:
    """Return which variants of a test ``make test`` runs; ``make test-slow`` runs the others.

    One of two, by the test's name; of all four combinations of platform and database two, in which each is
    met once.
    """
    ordered = sorted(set(variants))
    if len(ordered) == 4:
        return {ordered[0], ordered[3]} if crc32(repr(key).encode()) % 2 else {ordered[1], ordered[2]}
    return {ordered[crc32(repr(key).encode()) % len(ordered)]}


@pytest.fixture(params=["telegram", "slack"])
def platform(request: pytest.FixtureRequest) -> str:
    """The platform; a test for one of them parametrises this itself."""
    return str(request.param)


@pytest.fixture
def backend() -> str:
    """The kind of database; a test for both parametrises this itself."""
    return "sqlite"


@pytest.fixture
def clock(loop_clock: Clock) -> Clock:
    """The common clock: the test's own event loop, which jumps."""
    return loop_clock


@pytest.fixture
def calendar(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the dates that are stored, and what falls due at them, follow virtual time."""
    if request.node.get_closest_marker("real_time") is None:
        monkeypatch.setattr("core.store.clock.datetime", LoopCalendar())


@pytest.fixture
def patient_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give replicas a minute to answer for themselves: their lease runs on the machine's clock.

    How fast a replica's end is noticed is shown by ``tests/core/work_queue/postgres`` and ``tests/scaleout``.
    """
    timing = partial(postgres.ClusterTiming, lease_s=60.0, stalled_s=75.0)
    monkeypatch.setattr(postgres, "ClusterTiming", timing)


@pytest.fixture
async def world(
    platform: str,
    backend: str,
    clock: Clock,
    request: pytest.FixtureRequest,
    inline_sqlite: None,
    patient_lease: None,
    calendar: None,
) -> AsyncIterator[World]:
    """A world whose service is not started yet; its Kimi says hello until it is told otherwise."""
    url = request.getfixturevalue("migrated_sqlite_url" if backend == "sqlite" else "migrated_postgres_url")
    kind, stand_in = {
        "telegram": (TelegramWorld, TelegramSimulator),
        "slack": (SlackWorld, SlackSimulator),
    }[platform]
    kimi, sim = KimiSimulator(clock=clock, script=answer_with("Hello there.")), stand_in(clock=clock)
    await asyncio.gather(kimi.__aenter__(), sim.__aenter__())
    made = kind(kimi=kimi, sim=sim, clock=clock, database_url=url)
    made.given["data_dir"] = request.getfixturevalue("tmp_path") / "data"
    try:
        yield made
    finally:
        await made.stop()
        # A web server takes a tenth of a second to close: both at once.
        await asyncio.gather(kimi.close(), sim.__aexit__(None, None, None))
