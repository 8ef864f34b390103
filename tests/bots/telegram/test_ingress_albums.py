"""Albums through the stand-in: every picture is stored by itself, and tells which album it is of."""

import asyncio
from collections.abc import Callable

from starlette.applications import Starlette

from bots.simulator.telegram import TelegramSimulator
from bots.telegram.app import TelegramApp
from bots.web_server import WebServer
from core.domain.errors import StoreUnavailable
from core.domain.events import Event, MessageReceived

MakeApp = Callable[..., TelegramApp]


class Inbox:
    """An inbox in memory that deduplicates, and refuses the first ``refuses`` events."""

    def __init__(self) -> None:
        self.said: list[MessageReceived] = []
        self.refuses = 0

    async def __call__(self, event: Event) -> bool:
        """Keep what is said and new."""
        if self.refuses:
            self.refuses -= 1
            raise StoreUnavailable("down")
        if not isinstance(event, MessageReceived) or event.delivery_id in [
            one.delivery_id for one in self.said
        ]:
            return False
        self.said.append(event)
        return True

    async def holds(self, *texts: str) -> None:
        """Wait until exactly these texts are kept."""
        async with asyncio.timeout(10):
            while [one.text for one in self.said] != list(texts):  # noqa: ASYNC110
                await asyncio.sleep(0.005)


async def test_each_picture_is_stored(telegram: TelegramSimulator, make_app: MakeApp) -> None:
    """Polled, an album's messages come in order and with one album; one that failed comes again."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    inbox = Inbox()
    inbox.refuses = 2
    await telegram.album(chat, ann, ["", "what is this?", ""])
    await telegram.clock.sleep(3)  # what is sent in the same second belongs to the album
    await telegram.say(chat, ann, "afterwards")
    app = make_app()
    await app.connect()
    await app.start(inbox)
    await inbox.holds("", "what is this?", "", "afterwards")
    *album, after = inbox.said
    assert len({said.media_group_id for said in album}) == 1
    assert [len(said.attachments) for said in album] == [1, 1, 1]
    assert after.media_group_id == ""


async def test_the_webhook_takes_them_too(telegram: TelegramSimulator, make_app: MakeApp) -> None:
    """There one picture comes at a time."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    inbox, holder = Inbox(), Starlette()
    async with WebServer(holder) as web:
        app = make_app(public_url=web.url)
        holder.routes.extend(app.routes())
        await app.connect()
        await app.start(inbox)
        await telegram.album(chat, ann, ["", "", "what is this?"])
        await inbox.holds("", "", "what is this?")
        await app.close()
