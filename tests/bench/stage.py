"""A strict Kimi and a strict platform with people who ask, and what was seen there afterwards."""

import asyncio
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal

from bots.simulator.kimi import Account, KimiSimulator, ScriptedReply, SeenRequest
from bots.simulator.screen import Frame
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import Limits as TelegramStandInLimits
from bots.simulator.telegram import TelegramSimulator
from tests.bench.words import Chinese, Language

Place = Literal["dm", "group", "stream", "edit"]  #: the last two are threads of Slack
THINKS_S = 1.0  #: from a question to Kimi's first word
WRITES = re.compile(r"(?i)(send|edit|delete)(Message|ChatAction)|chat\.|assistant\.")


@dataclass(slots=True, kw_only=True)
class Room:
    """One conversation: a question, the words of its answer, and the frames that people saw."""

    number: int
    channel: str
    person: Any
    thread: str = ""
    words: list[float] = field(default_factory=list)  #: when Kimi wrote each
    frames: list[tuple[float, int]] = field(default_factory=list)  #: (time, words shown)
    identical: int = 0

    @property
    def complete(self) -> bool:
        """Whether all of the answer stands there."""
        return bool(self.words and self.frames) and self.frames[-1][1] >= len(self.words)


class Stage:
    """Use as an asynchronous context manager; ``settings`` lead a service here."""

    def __init__(
        self,
        place: Place,
        *,
        rooms: int,
        seconds: float,
        per_s: float,
        language: Language | None = None,
        limited: bool = True,
    ) -> None:
        """``limited`` False lifts the platform's limit over all chats; a chat's own stays."""
        self.place, self.seconds, self.per_s = place, seconds, per_s
        self.language = language or Chinese()
        self.words = round(seconds * per_s)
        self.kimi = KimiSimulator(account=Account.unlimited(), script=self._say)
        self.sim: Any
        if place in ("dm", "group"):
            overall = {} if limited else {"overall_per_s": 1e6, "overall_burst": 10**6}
            self.sim = TelegramSimulator(limits=TelegramStandInLimits(**overall))
        else:
            self.sim = SlackSimulator()
            self.sim.streaming_available = place == "stream"
        self._count = rooms
        self.rooms: list[Room] = []

    async def __aenter__(self) -> "Stage":
        await self.kimi.start()
        await self.sim.__aenter__()
        self.rooms = [self._room(number) for number in range(self._count)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.sim.__aexit__(None, None, None)
        await self.kimi.close()

    @property
    def platform(self) -> str:
        """The folder's name under ``bots/``."""
        return "telegram" if self.place in ("dm", "group") else "slack"

    def settings(self) -> dict[str, Any]:
        """What leads a service to these stand-ins."""
        found: dict[str, Any] = {
            "kimi_api_key": "sk-test",
            "kimi_base_url": self.kimi.base_url,
            "unlisted_user_messages_per_day": 0,
            "flood_messages_per_minute": 0,
            "duplicates_per_10_min": 0,
        }
        if self.platform == "telegram":
            return found | {"telegram_bot_token": "1:test", "telegram_api_url": self.sim.api_url}
        return found | {
            "slack_bot_token": self.sim.bot_token,
            "slack_app_token": self.sim.app_token,
            "slack_api_url": self.sim.api_url.rstrip("/"),
        }

    async def connected(self) -> None:
        """Wait until the service listens."""
        if self.platform == "slack":
            await self.sim.connected()

    async def ask(self) -> None:
        """Let everybody ask at once."""
        await asyncio.gather(*(self.ask_in(room) for room in self.rooms))

    async def shown(self, within_s: float) -> bool:
        """Wait until every answer stands whole; False where that took too long."""
        deadline = self.sim.clock.time() + within_s
        while self.sim.clock.time() < deadline:
            await asyncio.sleep(0.5)
            requests = self.kimi.requests
            if len(requests) >= len(self.rooms) and all(request.finished for request in requests):
                self.read()
                if all(room.complete for room in self.rooms):
                    return True
        self.read()
        return False

    def read(self) -> None:
        """Take down what Kimi wrote and what stood on the screen."""
        for request in self.kimi.requests:
            if (number := _number(request)) is not None:
                self.rooms[number].words = [at for at, _ in request.words]
        of_channel = {room.channel: room for room in self.rooms}
        for room in self.rooms:
            room.frames, room.identical = [], 0
        seen: dict[tuple[str, str], object] = {}
        for frame in self.sim.screen.frames:
            room = of_channel.get(frame.message.channel)
            if room is not None and frame.message.by_bot and frame.kind in ("posted", "edited"):
                self._note(room, frame, seen)

    @property
    def calls(self) -> int:
        """Calls that cost a budget."""
        return sum(bool(WRITES.match(call.method)) for call in self.sim.calls)

    @property
    def refused(self) -> int:
        """Calls that were answered 429."""
        return len(self.sim.refused)

    def _note(self, room: Room, frame: Frame, seen: dict[tuple[str, str], object]) -> None:
        message = frame.message
        shown = self.language.shown(message.text)
        before = room.frames[-1][1] if room.frames else 0
        room.frames.append((frame.at, max(before, shown)))
        state = (message.text, message.entities, message.blocks, message.buttons, message.streaming)
        key = (message.channel, message.message_id)
        room.identical += seen.get(key) == state
        seen[key] = state

    def _say(self, request: SeenRequest) -> ScriptedReply:
        return ScriptedReply(self.language.text(self.words), chunks_per_s=self.per_s, first_after_s=THINKS_S)

    def _room(self, number: int) -> Room:
        person = self.sim.add_person(f"Person {number}")
        match self.place:
            case "dm":
                channel = str(self.sim.private_chat(person))
            case "group":
                channel = str(self.sim.add_group(f"Team {number}", [person]))
            case _:
                channel = self.sim.add_channel(f"team-{number}", [person])
        return Room(number=number, channel=channel, person=person)

    async def ask_in(self, room: Room) -> None:
        """Let one person ask."""
        question = f"Please tell me about number {room.number}."
        match self.place:
            case "dm":
                await self.sim.say(int(room.channel), room.person, question)
            case "group":
                await self.sim.say(int(room.channel), room.person, f"@moonthread_bot {question}")
            case _:
                text = f"<@{self.sim.bot_user}> {question}"
                room.thread = await self.sim.say(room.channel, room.person, text)


def _number(request: SeenRequest) -> int | None:
    """Return whose question a request carries; None for one that the service asks for itself."""
    found = re.search(r"about number (\d+)\.", request.question)
    return None if found is None else int(found[1])


def delays_s(rooms: Sequence[Room]) -> list[float]:
    """Return for every word the seconds until a frame holds it; a word never shown counts to the end."""
    found: list[float] = []
    for room in rooms:
        end = max([at for at, _ in room.frames] + room.words[-1:], default=0.0)
        shown = 0
        for at, upto in room.frames:
            found += [at - word for word in room.words[shown:upto]]
            shown = max(shown, upto)
        found += [end - word for word in itertools.islice(room.words, shown, None)]
    return found
