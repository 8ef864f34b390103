"""Every implementation of the message channel, with hands on the platform behind it."""

import asyncio
import io
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bots.simulator.slack import Limits as SlackLimits
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import Limits as TelegramLimits
from bots.simulator.telegram import TelegramSimulator
from bots.slack.app import SlackApp, SlackConfig
from bots.telegram.app import TelegramApp, TelegramConfig
from bots.terminal.screen import Screen
from bots.terminal.surface import TerminalMessageChannel
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage
from core.domain.buttons import ActionButton
from core.domain.clock import Clock
from core.domain.errors import PlatformOutcomeUnknown, PlatformUnavailable
from core.domain.events import Event
from core.ports.platform import MessageChannel
from core.testing.fake_message_channel import FakeMessageChannel
from tests.virtual_time import LoopClock


class Call(StrEnum):
    """A step of a message's life."""

    CREATE = "create"
    UPDATE = "update"
    FINALIZE = "finalize"


class Failure(StrEnum):
    """How a call fails on the way."""

    RESET = "reset"  #: the connection is cut before the platform has the call
    LOST_REPLY = "lost_reply"  #: the platform does it, and its reply is lost
    GATEWAY = "gateway"  #: a proxy answers 502 or 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message of the bot as people see it."""

    message_id: str
    text: str
    buttons: tuple[str, ...] = ()  #: values
    growing: bool = False


@dataclass(kw_only=True)
class Stage(ABC):
    """One way in which answers grow on one platform."""

    channel: MessageChannel
    address: Address
    question_id: str
    mode: DeliveryModeName
    clock: Clock
    max_chars: int = 0  #: the longest text that one message holds; 0 if there is no limit

    def render(self, text: str) -> RenderedMessage:
        """Return the one page that the adapter's own renderer makes of a text."""
        (page,) = self.channel.build_renderer(self.address).render(text, complete=True)
        return page

    async def post(self, text: str, *, key: str = "7:0", **given: Any) -> MessageRef:
        """Post a text in the stage's mode."""
        return await self.channel.post(
            self.address, self.render(text), mode=self.mode, idempotency_key=key, **given
        )

    async def edit(
        self, ref: MessageRef, text: str, before: str, *, final: bool = False, **given: Any
    ) -> MessageRef:
        """Edit a message that shows ``before``."""
        return await self.channel.edit(
            self.address, ref, self.render(text), previous=self.render(before), final=final, **given
        )

    @property
    def texts(self) -> list[str]:
        """Texts of the bot's messages."""
        return [shown.text for shown in self.shown]

    @property
    @abstractmethod
    def shown(self) -> list[Shown]:
        """The bot's messages."""

    @property
    @abstractmethod
    def latest_status(self) -> str:
        """The status that was shown last; "" if none was, or it was cleared."""

    @abstractmethod
    def limit(self, call: Call) -> None:
        """Let the platform refuse a step for 4 seconds."""

    @abstractmethod
    def fail_next(self, call: Call, failure: Failure) -> None:
        """Let the next call of a step fail."""

    @abstractmethod
    def fail_next_status(self) -> None:
        """Let the next call that shows a status fail."""

    @abstractmethod
    async def delete_as_person(self, ref: MessageRef) -> None:
        """Let a person delete the bot's message."""

    @abstractmethod
    def forbid(self) -> None:
        """Let the bot speak here no more."""


@dataclass(kw_only=True)
class SimulatorStage(Stage):
    """A real adapter that talks through its SDK to a strict simulator."""

    sim: Any
    methods: dict[Call, str]  #: the platform's method of each step
    gateway: str  #: the simulator's name of a proxy's failure

    @property
    def shown(self) -> list[Shown]:
        """The bot's messages on the simulator's screen."""
        return [
            Shown(
                message_id=one.message_id,
                text=one.text,
                buttons=tuple(value for _, value in one.buttons),
                growing=one.streaming,
            )
            for one in self.sim.screen.in_channel(self.address.key.channel, by_bot=True)
        ]

    @property
    def latest_status(self) -> str:
        """The status on the simulator's screen."""
        statuses = [frame.status for frame in self.sim.screen.frames if frame.kind == "status"]
        return statuses[-1] if statuses else ""

    def limit(self, call: Call) -> None:
        """Flood the chat or the method."""
        if isinstance(self.sim, TelegramSimulator):
            self.sim.flood(int(self.address.key.channel), 4)
        else:
            self.sim.flood(self.methods[call], 4)

    def fail_next(self, call: Call, failure: Failure) -> None:
        """Order a fault."""
        self.sim.faults.next(
            self.methods[call], self.gateway if failure is Failure.GATEWAY else failure.value
        )

    def fail_next_status(self) -> None:
        """Order a fault of whatever comes next."""
        self.sim.faults.next("*", self.gateway)

    async def delete_as_person(self, ref: MessageRef) -> None:
        """Delete it on the screen."""
        if isinstance(self.sim, TelegramSimulator):
            await self.sim.delete(int(ref.channel), int(ref.message_id))
        else:
            await self.sim.delete(ref.channel, ref.message_id)

    def forbid(self) -> None:
        """Block the bot, or archive the channel."""
        if isinstance(self.sim, TelegramSimulator):
            self.sim.block_bot(int(self.address.key.channel))
        else:
            self.sim.archive(self.address.key.channel)


@dataclass(kw_only=True)
class FakeStage(Stage):
    """The fake that tests of the service use."""

    channel: FakeMessageChannel

    @property
    def shown(self) -> list[Shown]:
        """The messages on the fake's screen."""
        return [
            Shown(
                message_id=one.message_id,
                text=one.text,
                buttons=tuple(b.value for b in one.buttons if isinstance(b, ActionButton)),
                growing=one.growing,
            )
            for one in self.channel.screen.messages.values()
        ]

    @property
    def latest_status(self) -> str:
        """The status that was shown last."""
        return self.channel.statuses[-1][1].value if self.channel.statuses else ""

    def limit(self, call: Call) -> None:
        """Close the channel's limit."""
        self.channel.rate_limit(self.address.key.channel, 4)

    def fail_next(self, call: Call, failure: Failure) -> None:
        """Order an error, or a lost reply."""
        if failure is Failure.LOST_REPLY:
            self.channel.failures.lost_replies += 1
        else:
            uncertain = call is Call.CREATE and failure is Failure.RESET
            self.channel.fail_next(
                PlatformOutcomeUnknown("reset") if uncertain else PlatformUnavailable("502")
            )

    def fail_next_status(self) -> None:
        """Order an error."""
        self.channel.fail_next(PlatformUnavailable("502"))

    async def delete_as_person(self, ref: MessageRef) -> None:
        """Delete it on the screen."""
        self.channel.screen.remove(ref.message_id)

    def forbid(self) -> None:
        """Remove the bot."""
        self.channel.failures.forbidden.add(self.address.key.channel)


@dataclass(kw_only=True)
class TerminalStage(Stage):
    """A terminal: text can only be added, and nothing fails."""

    out: io.StringIO
    status: io.StringIO

    @property
    def shown(self) -> list[Shown]:
        """The printed lines."""
        return [
            Shown(message_id=str(number), text=line)
            for number, line in enumerate(self.out.getvalue().splitlines())
        ]

    @property
    def latest_status(self) -> str:
        """What was written to standard error."""
        return self.status.getvalue().strip("\r")

    def limit(self, call: Call) -> None:
        """Do nothing: a terminal has no limits."""

    def fail_next(self, call: Call, failure: Failure) -> None:
        """Do nothing: writing to a terminal does not fail."""

    def fail_next_status(self) -> None:
        """Do nothing: writing to a terminal does not fail."""

    async def delete_as_person(self, ref: MessageRef) -> None:
        """Do nothing: what is printed stays."""

    def forbid(self) -> None:
        """Do nothing: a terminal is never closed to the bot."""


class _Terminal(io.StringIO):
    """A stream that says a person reads it."""

    def isatty(self) -> bool:
        """Return True."""
        return True


class FirstEvent:
    """An event sink that keeps the first event."""

    def __init__(self) -> None:
        self.arrived: asyncio.Future[Event] = asyncio.get_running_loop().create_future()

    async def __call__(self, event: Event) -> bool:
        """Keep it."""
        if not self.arrived.done():
            self.arrived.set_result(event)
        return True


METHODS = {
    ("telegram", DeliveryModeName.EDIT): ("sendMessage", "editMessageText", "editMessageText"),
    ("slack", DeliveryModeName.EDIT): ("chat.postMessage", "chat.update", "chat.update"),
    ("slack", DeliveryModeName.STREAM): ("chat.startStream", "chat.appendStream", "chat.stopStream"),
}


@asynccontextmanager
async def open_stage(name: str) -> AsyncIterator[Stage]:
    """Open a stage by its name, such as "slack-stream"; its address comes from a real event."""
    platform, _, mode_name = name.partition("-")
    mode = DeliveryModeName(mode_name)
    match platform:
        case "fake":
            yield _fake_stage(mode)
        case "terminal":
            yield _terminal_stage()
        case "telegram":
            clock = LoopClock()
            async with TelegramSimulator(clock=clock, limits=TelegramLimits(enabled=False)) as telegram:
                app: Any = TelegramApp(TelegramConfig(token="1:test", api_url=telegram.api_url), clock=clock)
                ann = telegram.add_person("Ann")
                yield await _enter(app, telegram, telegram.private_chat(ann), ann, mode)
                await app.close()
        case _:
            clock = LoopClock()
            async with SlackSimulator(clock=clock, limits=SlackLimits(enabled=False)) as slack:
                config = SlackConfig(
                    bot_token=slack.bot_token, app_token=slack.app_token, api_url=slack.api_url
                )
                app = SlackApp(config, clock=clock)
                ann = slack.add_person("Ann")
                in_channel = mode is DeliveryModeName.STREAM
                place = slack.add_channel("team", [ann]) if in_channel else slack.open_dm(ann)
                yield await _enter(app, slack, place, ann, mode)
                await app.close()


def _address(platform: str) -> Address:
    return Address(key=ThreadKey(platform=platform, tenant="t", channel="c", thread=""))


def _fake_stage(mode: DeliveryModeName) -> FakeStage:
    clock = LoopClock()
    channel = FakeMessageChannel(
        clock, modes=dict.fromkeys((mode, DeliveryModeName.EDIT)), can_find_by_key=True, per_s=10, burst=50
    )
    return FakeStage(
        channel=channel, address=_address("fake"), question_id="0", mode=mode, clock=clock, max_chars=4_096
    )


def _terminal_stage() -> TerminalStage:
    out, status = _Terminal(), _Terminal()
    return TerminalStage(
        channel=TerminalMessageChannel(Screen(out=out, status=status)),
        address=_address("terminal"),
        question_id="0",
        mode=DeliveryModeName.PRINT,
        clock=LoopClock(),
        out=out,
        status=status,
    )


async def _enter(app: Any, sim: Any, place: Any, person: Any, mode: DeliveryModeName) -> SimulatorStage:
    """Connect, let a person ask, and take the address from the event."""
    first_event = FirstEvent()
    await app.connect()
    await app.start(first_event)
    mention = f"<@{sim.bot_user}> " if mode is DeliveryModeName.STREAM else ""
    asked = await sim.say(place, person, f"{mention}hello")
    event: Any = await asyncio.wait_for(first_event.arrived, timeout=20)
    telegram = app.name == "telegram"
    return SimulatorStage(
        channel=app.message_channel,
        address=event.address,
        question_id=str(asked),
        mode=mode,
        clock=sim.clock,
        max_chars=4_096 if telegram else 12_000,
        sim=sim,
        methods=dict(zip(Call, METHODS[app.name, mode], strict=True)),
        gateway="502" if telegram else "503",
    )
