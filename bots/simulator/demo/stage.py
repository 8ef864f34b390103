"""What the demo plays on: the stand-ins with their people and places, and the real service."""

import asyncio
import contextlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import SecretStr

from bots.simulator.demo import shop_tools
from bots.simulator.demo.service_process import ServiceProcess
from bots.simulator.demo.shop import learn, set_rules
from bots.simulator.demo.talk import CHANNEL, TALK
from bots.simulator.kimi import KimiSimulator
from bots.simulator.slack import SlackSimulator
from bots.simulator.slack.records import buttons_of
from bots.simulator.speech import SpeechSimulator
from bots.simulator.telegram import TelegramSimulator
from bots.simulator.telegram.entities import TEXT_LIMIT, length16
from core.settings import Settings
from core.store import Database, console_access

CAST = (("Alice", "en"), ("小明", "zh"))
STAFF = "Lin"  #: of the shop's team, in the desk's channel
SLACK_CHANNELS = ("general", "random")
DESK = "support-desk"
GROUP_TITLE = "Tea & Moon 茶铺"
SLACK_LIMIT = (
    40_000  #: characters of one message (docs.slack.dev/changelog/2018-truncating-really-long-messages)
)
COMMAND = "/kimi"
VOICE = Path(__file__).parent / "voice.ogg"  #: spoken by espeak-ng
VOICE_WORDS = "When does the shop open on Sunday?"
NOT_STAFF = f"Only the shop's team writes here: choose {STAFF} above."


class NotSent(ValueError):
    """The platform's own client would not send this; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """One of the people that a visitor can be."""

    name: str
    slack: str
    telegram: int
    staff: bool = False  #: of the shop's team


class Stage:
    """Everything behind the page. Use it as an asynchronous context manager."""

    def __init__(self, *, kimi: Settings | None) -> None:
        """``kimi`` are settings whose real Kimi answers; None for the scripted one."""
        self._kimi = kimi
        self._service: ServiceProcess | None = None
        self._database: Database | None = None
        self._restarting = asyncio.Lock()
        self.slack = SlackSimulator()
        self.telegram = TelegramSimulator()
        self.speech = SpeechSimulator()
        self.visitors = [
            Visitor(
                name=name,
                slack=self.slack.add_person(name),
                telegram=self.telegram.add_person(name, lang),
                staff=name == STAFF,
            )
            for name, lang in (*CAST, (STAFF, "en"))
        ]
        members = [visitor.slack for visitor in self.visitors]
        self.channels = {self.slack.add_channel(name, members): name for name in SLACK_CHANNELS}
        self.staff = next(visitor for visitor in self.visitors if visitor.staff)
        self.desk = self.slack.add_channel(DESK, [self.staff.slack], private=True)
        self.channels[self.desk] = DESK
        people = sorted(self.visitors, key=lambda visitor: not visitor.staff)  # the team owns the group
        self.group = self.telegram.add_group(GROUP_TITLE, [visitor.telegram for visitor in people])
        self.telegram.promote_bot(self.group)  # it hears what is said to nobody in particular
        for visitor in self.visitors:
            self.telegram.private_chat(visitor.telegram)
        self._model = ""
        self._voice = b""
        self._learning: asyncio.Task[None] | None = None
        self._stack = contextlib.AsyncExitStack()

    async def console_link(self) -> str:
        """Return a new link that signs in to the service's console once."""
        if self._service is None or self._database is None:
            raise NotSent("The console is not there yet.")
        async with self._database.begin() as tx:
            token = await console_access.create_link(tx, "shell:demo")
        return f"{self._service.console_url}/sign-in/{token}"

    async def __aenter__(self) -> "Stage":
        async with contextlib.AsyncExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="moonthread-demo-"))
            await stack.enter_async_context(self.slack)
            await stack.enter_async_context(self.telegram)
            await stack.enter_async_context(self.speech)
            self._voice = await asyncio.to_thread(VOICE.read_bytes)
            self.speech.words[self._voice] = VOICE_WORDS
            kimi = await self._kimi_settings(stack)
            settings = self._settings(Path(folder), kimi)
            self._model = settings.kimi_model
            self._service = ServiceProcess(settings)
            stack.push_async_callback(self._service.stop)
            await self._service.start()
            self._database = Database(settings.database_url.get_secret_value())
            stack.push_async_callback(self._database.close)
            desk = f"slack:{self.desk}"
            await set_rules(self._database, group=str(self.group), desk=desk, staff=self.staff.slack)
            self._learning = asyncio.create_task(learn(self._database), name="demo-learn")
            stack.push_async_callback(self._learned)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def kill_and_restart(self) -> None:
        """Kill the service in the middle of its answers, and start it again on what it has stored.

        Raises:
            NotSent: it is being restarted already.
        """
        if self._restarting.locked() or self._service is None:
            raise NotSent("The service is being restarted already.")
        async with self._restarting:
            await self._service.kill()
            await self._service.start()

    async def let_people_talk(self) -> None:
        """Let the people talk in a channel of Slack, so that there is something to sum up."""
        people = {visitor.name: visitor.slack for visitor in self.visitors}
        channel = next(id_ for id_, name in self.channels.items() if name == CHANNEL)
        for name, words in TALK:
            await self.slack.say(channel, people[name], words)

    async def _learned(self) -> None:
        """Give up what is still being learnt, and let its fault be known."""
        if self._learning is not None and not self._learning.cancel():
            await self._learning
        elif self._learning is not None:
            await asyncio.gather(self._learning, return_exceptions=True)

    def as_json(self) -> dict[str, Any]:
        """Return who and what there is, as the page needs it."""
        return {
            "visitors": [
                {
                    "name": visitor.name,
                    "slack": visitor.slack,
                    "telegram": str(visitor.telegram),
                    "staff": visitor.staff,
                }
                for visitor in self.visitors
            ],
            "slack": {
                "bot": self.slack.bot_user,
                "botName": self.slack.workspace.bot.name,
                "channels": [{"id": key, "name": name} for key, name in self.channels.items()],
                "desk": self.desk,
            },
            "telegram": {
                "botName": self.telegram.bot.user.name,
                "username": self.telegram.bot.user.username,
                "group": {"id": str(self.group), "title": GROUP_TITLE, "members": len(self.visitors) + 1},
            },
            "kimi": {"real": self._kimi is not None, "model": self._model},
        }

    async def say_in_slack(self, visitor: Visitor, channel: str, thread: str, text: str) -> str:
        """Say something in a channel or thread, or send ``/kimi …``; return the message's ts.

        Raises:
            NotSent: there is no such channel, or Slack's client would not send it.
        """
        if channel not in self.channels:
            raise NotSent("There is no such channel.")
        if channel == self.desk and not visitor.staff:
            raise NotSent(NOT_STAFF)
        if len(text) > SLACK_LIMIT:
            raise NotSent(f"Slack takes {SLACK_LIMIT:,} characters in one message.")
        if text.startswith("/"):
            command, _, rest = text.partition(" ")
            if command != COMMAND:
                raise NotSent(f"Slack has no command {command} here: write @Moonthread {command}")
            return await self.slack.slash(COMMAND, rest, channel, visitor.slack)
        return await self.slack.say(channel, visitor.slack, self._with_mentions(text), thread or None)

    async def say_in_telegram(self, visitor: Visitor, chat: str, reply_to: str, text: str) -> str:
        """Say something in the visitor's own chat or in the group; return the message's id.

        Raises:
            NotSent: the visitor is not in that chat.
        """
        if chat not in (str(visitor.telegram), str(self.group)):
            raise NotSent("You are not in that chat.")
        if length16(text) > TEXT_LIMIT:
            return str((await self.telegram.paste(int(chat), visitor.telegram, text))[-1])
        answered = int(reply_to) if reply_to.isdecimal() else None
        return str(await self.telegram.say(int(chat), visitor.telegram, text, reply_to=answered))

    async def speak(self, visitor: Visitor, platform: str, channel: str, thread: str) -> str:
        """Send a voice message: a clip on Slack, beside a mention of the bot; return the message's id.

        Raises:
            NotSent: there is no such channel, or the visitor is not in that chat.
        """
        if platform == "slack":
            if channel not in self.channels or channel == self.desk:
                raise NotSent("Voice messages are for the other channels here.")
            files = [("audio_message.m4a", self._voice, "audio/mp4")]
            text = f"<@{self.slack.bot_user}>"
            return await self.slack.share_files(
                channel, visitor.slack, files, text=text, thread_ts=thread or None
            )
        if channel != str(visitor.telegram):
            raise NotSent("Voice messages are for your own chat with the bot here.")
        return str(await self.telegram.send_voice(int(channel), visitor.telegram, content=self._voice))

    async def press(self, platform: str, visitor: Visitor, channel: str, message: str, value: str) -> None:
        """Press the button that carries ``value``.

        Raises:
            NotSent: it is not there any more.
        """
        if channel == self.desk and not visitor.staff:
            raise NotSent(NOT_STAFF)
        try:
            if platform == "telegram":
                await self.telegram.press(int(channel), int(message), value, visitor.telegram)
                return
            shown = self.slack.screen.messages[channel, message]
            action = next(action for _, held, action in buttons_of(shown.blocks) if held == value)
            await self.slack.press(channel, message, action["action_id"], value, visitor.slack)
        except (KeyError, StopIteration, ValueError) as exc:
            raise NotSent("That button is gone.") from exc

    def _with_mentions(self, text: str) -> str:
        """Return ``text`` with every "@name" as Slack's client sends it, and ``& < >`` left to Slack."""
        ids = {self.slack.workspace.bot.name.casefold(): self.slack.bot_user}
        ids |= {visitor.name.casefold(): visitor.slack for visitor in self.visitors}
        names = "|".join(re.escape(name) for name in ids)
        pattern = re.compile(rf"@({names})(?![A-Za-z0-9_])", re.IGNORECASE)
        return pattern.sub(lambda found: f"<@{ids[found[1].casefold()]}>", text)

    async def _kimi_settings(self, stack: contextlib.AsyncExitStack) -> dict[str, Any]:
        """Return the settings about Kimi: the person's own, or those of a stand-in that runs from now on."""
        if self._kimi is not None:
            own = {name for name in Settings.model_fields if name.startswith("kimi_")} | {"reply_tokens"}
            return {name: getattr(self._kimi, name) for name in own}
        scripted = await stack.enter_async_context(KimiSimulator())
        return {"kimi_api_key": SecretStr("sk-test"), "kimi_base_url": scripted.base_url}

    def _settings(self, folder: Path, kimi: dict[str, Any]) -> Settings:
        return Settings(
            **kimi,
            data_dir=folder,
            database_url=SecretStr(f"sqlite:///{folder / 'demo.db'}"),
            slack_bot_token=SecretStr(self.slack.bot_token),
            slack_app_token=SecretStr(self.slack.app_token),
            slack_api_url=self.slack.api_url,
            tools=(shop_tools.__name__,),
            console="on",
            console_port=0,
            telegram_bot_token=SecretStr(self.telegram.bot.token),
            telegram_api_url=self.telegram.api_url,
            speech_url=self.speech.base_url,
            speech_key=SecretStr(self.speech.key),
            shutdown_grace_s=0,
            unlisted_user_messages_per_day=0,
            flood_messages_per_minute=0,
            duplicates_per_10_min=0,
        )
