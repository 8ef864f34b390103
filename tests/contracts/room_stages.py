"""Every implementation of the handoff rooms, with hands on the platform behind it."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from bots.simulator.slack import Limits as SlackLimits
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import Limits as TelegramLimits
from bots.simulator.telegram import TelegramSimulator
from bots.slack.app import SlackApp, SlackConfig
from bots.telegram.app import TelegramApp, TelegramConfig
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, MessageRef
from core.domain.errors import PlatformRateLimited
from core.ports.handoff_rooms import HandoffRooms
from core.ports.platform import MessageChannel
from core.testing.fake_handoff_rooms import FakeHandoffRooms
from core.testing.fake_message_channel import FakeMessageChannel
from tests.virtual_time import LoopClock


@dataclass(kw_only=True)
class RoomStage(ABC):
    """A team's room on one platform."""

    rooms: HandoffRooms
    message_channel: MessageChannel
    tenant: str
    channel: str
    person: str

    async def open_topic(self) -> Address:
        """Open a topic, or begin a thread, and return its address."""
        thread = await self.rooms.open_topic(self.channel, "Ann: where is my parcel?")
        at = self.rooms.build_address(self.tenant, self.channel, thread)
        ref = await self.say(at, "Ann asks for a person.")
        return self.rooms.build_address(self.tenant, self.channel, thread or ref.message_id)

    async def say(self, at: Address, markdown: str) -> MessageRef:
        """Post a text of the service."""
        (page,) = self.message_channel.build_renderer(at).render(markdown, complete=True)
        return await self.message_channel.post(
            at, page, mode=DeliveryModeName.EDIT, idempotency_key="desk:1", final=True
        )

    @abstractmethod
    def text_of(self, ref: MessageRef) -> str:
        """Return the text of a message."""

    @abstractmethod
    def thread_of(self, ref: MessageRef) -> str:
        """Return the thread or topic of a message."""

    @abstractmethod
    def contents_of(self, ref: MessageRef) -> list[bytes]:
        """Return the bytes of the files that a message shows."""

    def content_of(self, ref: MessageRef) -> bytes:
        """Return the bytes of the one file that a message shows."""
        (content,) = self.contents_of(ref)
        return content

    @abstractmethod
    def mentioned_in(self, ref: MessageRef) -> list[str]:
        """Return the people that a message notifies."""

    @abstractmethod
    def messages_in(self, thread: str) -> int:
        """Return the number of messages in a thread or topic."""

    @abstractmethod
    def lose_next_file_reply(self) -> None:
        """Let the next file be shown, and its reply be lost."""

    @abstractmethod
    def limit_next_file(self, seconds: float) -> None:
        """Let the next file be refused with a wait."""

    @abstractmethod
    def forbid(self) -> None:
        """Let the bot speak in the room no more."""


@dataclass(kw_only=True)
class SimulatorRoomStage(RoomStage):
    """A real adapter that talks through its SDK to a strict simulator."""

    app: Any
    sim: Any
    file_method: str  #: the method that shows a file

    def text_of(self, ref: MessageRef) -> str:
        """Return the text on the simulator's screen."""
        return str(self.sim.screen.messages[ref.channel, ref.message_id].text)

    def thread_of(self, ref: MessageRef) -> str:
        """Return the thread on the simulator's screen."""
        return str(self.sim.screen.messages[ref.channel, ref.message_id].thread)

    def contents_of(self, ref: MessageRef) -> list[bytes]:
        """Return the uploaded bytes."""
        if isinstance(self.sim, SlackSimulator):
            files = self.sim.workspace.channels[ref.channel].messages[ref.message_id].files
            return [self.sim.workspace.files[file["id"]][1] for file in files]
        media = self.sim._world.groups[int(ref.channel)].messages[int(ref.message_id)].media
        file = media["photo"][-1] if "photo" in media else media["document"]
        return [bytes(self.sim._world.files[file["file_id"]][1])]

    def mentioned_in(self, ref: MessageRef) -> list[str]:
        """Return the pings of Slack, the text mentions of Telegram."""
        if isinstance(self.sim, SlackSimulator):
            return [ping.what.strip("<@>") for ping in self.sim.pings if ping.ts == ref.message_id]
        entities = self.sim.screen.messages[ref.channel, ref.message_id].entities
        return [str(one["user"]["id"]) for one in entities if one["type"] == "text_mention"]

    def messages_in(self, thread: str) -> int:
        """Return the number of messages on the simulator's screen."""
        return len([one for one in self.sim.screen.messages.values() if one.thread == thread])

    def lose_next_file_reply(self) -> None:
        """Order a fault."""
        self.sim.faults.next(self.file_method, "lost_reply")

    def limit_next_file(self, seconds: float) -> None:
        """Order a fault."""
        self.sim.faults.next(self.file_method, "429", seconds=seconds)

    def forbid(self) -> None:
        """Remove the bot, or archive the channel."""
        if isinstance(self.sim, TelegramSimulator):
            self.sim.kick_bot(int(self.channel))
        else:
            self.sim.archive(self.channel)


@dataclass(kw_only=True)
class FakeRoomStage(RoomStage):
    """The fake that tests of the service use."""

    rooms: FakeHandoffRooms
    message_channel: FakeMessageChannel

    def text_of(self, ref: MessageRef) -> str:
        """Return the text on the fake's screen."""
        return self.message_channel.screen.get(ref.message_id).text

    def thread_of(self, ref: MessageRef) -> str:
        """Return the thread on the fake's screen."""
        return self.message_channel.screen.get(ref.message_id).thread

    def contents_of(self, ref: MessageRef) -> list[bytes]:
        """Return the files on the fake's screen."""
        return list(self.message_channel.screen.get(ref.message_id).files)

    def mentioned_in(self, ref: MessageRef) -> list[str]:
        """Return the people whose mentions carry a good signature."""
        return self.rooms.mentioned_in(self.text_of(ref))

    def messages_in(self, thread: str) -> int:
        """Return the number of messages on the fake's screen."""
        return len([one for one in self.message_channel.screen.messages.values() if one.thread == thread])

    def lose_next_file_reply(self) -> None:
        """Order a lost reply."""
        self.message_channel.failures.lost_replies += 1

    def limit_next_file(self, seconds: float) -> None:
        """Order an error."""
        self.message_channel.fail_next(PlatformRateLimited("slow", retry_after_s=seconds))

    def forbid(self) -> None:
        """Remove the bot."""
        self.message_channel.failures.forbidden.add(self.channel)


@asynccontextmanager
async def open_room(platform: str) -> AsyncIterator[RoomStage]:
    """Open a forum in which the bot is an administrator, or a channel that it is a member of."""
    match platform:
        case "fake":
            channel = FakeMessageChannel(LoopClock(), per_s=100, burst=100)
            yield FakeRoomStage(
                rooms=FakeHandoffRooms(channel),
                message_channel=channel,
                tenant="t",
                channel="desk",
                person="bob",
            )
        case "telegram":
            async with _telegram_room() as room:
                yield room
        case _:
            async with _slack_room() as room:
                yield room


@asynccontextmanager
async def _telegram_room() -> AsyncIterator[RoomStage]:
    clock = LoopClock()
    async with TelegramSimulator(clock=clock, limits=TelegramLimits(enabled=False)) as sim:
        config = TelegramConfig(token="1:test", api_url=sim.api_url, call_timeout_s=2.0)
        app = TelegramApp(config, clock=clock)
        await app.connect()
        bob = sim.add_person("Bob")
        forum = sim.add_group("Desk", [bob], forum=True)
        sim.promote_bot(forum)
        yield SimulatorRoomStage(
            app=app,
            rooms=app.handoff_rooms,
            message_channel=app.message_channel,
            sim=sim,
            tenant="1",
            channel=str(forum),
            person=str(bob),
            file_method="sendPhoto",
        )
        await app.close()


@asynccontextmanager
async def _slack_room() -> AsyncIterator[RoomStage]:
    clock = LoopClock()
    async with SlackSimulator(clock=clock, limits=SlackLimits(enabled=False)) as sim:
        config = SlackConfig(bot_token=sim.bot_token, app_token=sim.app_token, api_url=sim.api_url)
        app = SlackApp(config, clock=clock)
        await app.connect()
        bob = sim.add_person("Bob")
        yield SimulatorRoomStage(
            app=app,
            rooms=app.handoff_rooms,
            message_channel=app.message_channel,
            sim=sim,
            tenant=sim.team,
            channel=sim.add_channel("desk", [bob]),
            person=bob,
            file_method="files.completeUploadExternal",
        )
        await app.close()
