"""Albums through the stand-in: no word on any picture is lost, and one album is one question."""

import asyncio
from collections.abc import Callable

import pytest
from starlette.applications import Starlette

from bots.simulator.telegram import TelegramSimulator
from bots.telegram.app import TelegramApp
from bots.web import WebServer
from core.clock import ScaledClock
from core.errors import StoreUnavailable
from core.model import Event, Said, Unreadable

MakeApp = Callable[..., TelegramApp]


class Shelf:
    """An inbox in memory that deduplicates, and refuses the first ``refuses`` events."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.refuses = 0

    async def __call__(self, event: Event) -> bool:
        """Keep what is said and new."""
        if self.refuses:
            self.refuses -= 1
            raise StoreUnavailable("down")
        if not isinstance(event, Said) or event.delivery_id in [one.delivery_id for one in self.said]:
            return False
        self.said.append(event)
        return True

    async def holds(self, *texts: str) -> None:
        """Wait until exactly these texts are kept."""
        async with asyncio.timeout(10):
            while [one.text for one in self.said] != list(texts):  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@pytest.fixture
def shelf() -> Shelf:
    """Return an empty inbox."""
    return Shelf()


async def test_words_on_a_later_picture_are_the_question(
    telegram: TelegramSimulator, make_app: MakeApp, shelf: Shelf
) -> None:
    """An album that is fetched at once is one saying with the words of all its pictures."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    await telegram.album(chat, ann, ["", "what is this?", "and this?"])
    await telegram.say(chat, ann, "afterwards")
    app = make_app()
    await app.connect()
    await app.start(shelf)
    await shelf.holds("what is this?\nand this?", "afterwards")
    assert shelf.said[0].unreadable is Unreadable.PICTURE


async def test_an_album_is_waited_for(
    telegram: TelegramSimulator, make_app: MakeApp, shelf: Shelf, clock: ScaledClock
) -> None:
    """A picture that comes while the poll is answered belongs to the same saying."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    app = make_app()
    await app.connect()
    await app.start(shelf)
    await telegram.send_photo(chat, ann, media_group_id="a")
    await clock.sleep(0.3)
    await telegram.send_photo(chat, ann, "look", media_group_id="a")
    await shelf.holds("look")
    await telegram.say(chat, ann, "next")
    await shelf.holds("look", "next")


async def test_a_straggler_with_words_passes_by_itself(
    telegram: TelegramSimulator, make_app: MakeApp, shelf: Shelf
) -> None:
    """What comes after the album was taken is a saying of its own, unless it says nothing."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    app = make_app()
    await app.connect()
    await app.start(shelf)
    await telegram.send_photo(chat, ann, media_group_id="a")
    await shelf.holds("")
    await telegram.send_photo(chat, ann, media_group_id="a")
    await telegram.send_photo(chat, ann, "late words", media_group_id="a")
    await shelf.holds("", "late words")
    await telegram.send_photo(chat, ann, media_group_id="a")
    await telegram.say(chat, ann, "next")
    await shelf.holds("", "late words", "next")


async def test_an_album_that_was_not_stored_comes_again(
    telegram: TelegramSimulator, make_app: MakeApp, shelf: Shelf
) -> None:
    """Nothing of an album is confirmed before its saying is stored."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    await telegram.album(chat, ann, ["", "keep this"])
    shelf.refuses = 2
    app = make_app()
    await app.connect()
    await app.start(shelf)
    await shelf.holds("keep this")


async def test_the_webhook_lets_late_words_through(
    telegram: TelegramSimulator, make_app: MakeApp, shelf: Shelf
) -> None:
    """One picture comes at a time there: silent ones are told once, words always."""
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    holder = Starlette()
    async with WebServer(holder) as web:
        app = make_app(public_url=web.url)
        holder.routes.extend(app.routes())
        await app.connect()
        await app.start(shelf)
        await telegram.album(chat, ann, ["", "", "what is this?", ""])
        await telegram.say(chat, ann, "next")
        await shelf.holds("", "what is this?", "next")
        await app.close()
