"""Starts the demo and ends it."""

import asyncio
import contextlib
import os
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator, Iterator

import typer

from bots.simulator.demo.feed import Feed
from bots.simulator.demo.page import page
from bots.simulator.demo.stage import Stage
from bots.web_server import WebServer
from core.settings import Settings, load

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.asynccontextmanager
async def opened(*, port: int = 0, kimi: Settings | None = None) -> AsyncIterator[str]:
    """Run the demo for the length of a block and hand out the page's address.

    ``kimi`` are settings whose Kimi is asked; None for the scripted one. Where ``port`` is taken,
    another one serves.

    Raises:
        MoonthreadError: the service cannot start; the text is one clear line for each fault.
    """
    async with Stage(kimi=kimi) as stage:
        feed = Feed({"slack": stage.slack.screen, "telegram": stage.telegram.screen})
        async with feed:
            await stage.let_people_talk()
            web = await _served(stage, feed, port)
            try:
                yield web.url
            finally:
                feed.end()  # first, or the server would wait for the open streams
                await web.close()


async def run(*, port: int, open_browser: bool) -> None:
    """Serve the demo until SIGINT or SIGTERM; the environment's and ``.env``'s Kimi answers, if any.

    Raises:
        MoonthreadError: a setting is wrong, or the service cannot start.
    """
    settings = load()
    kimi = settings if settings.kimi_api_key else None
    with _told_to_stop() as stop:
        async with opened(port=port, kimi=kimi) as url:
            if port and not url.endswith(f":{port}"):
                typer.echo(f"Port {port} is taken; this one is free:")
            typer.echo(f"Moonthread's demo is at {url}")
            typer.echo(_who_answers(kimi))
            typer.echo("Ctrl-C ends it.")
            if open_browser and _has_screen():
                await asyncio.to_thread(webbrowser.open, url)
            await stop.wait()
    typer.echo("\nGood-bye.")


async def _served(stage: Stage, feed: Feed, port: int) -> WebServer:
    """Serve the page on ``port``, or on a free one where it is taken."""
    app = page(stage, feed)
    web = WebServer(app, port=port)
    try:
        await web.start()
    except OSError:
        await web.close()
        web = WebServer(app)
        await web.start()
    return web


def _who_answers(kimi: Settings | None) -> str:
    if kimi is not None:
        return f"The real Kimi answers: {kimi.kimi_model} at {kimi.kimi_base_url}."
    return "A scripted stand-in answers; set KIMI_API_KEY to talk to the real Kimi."


@contextlib.contextmanager
def _told_to_stop() -> Iterator[asyncio.Event]:
    """Hand out an event that a signal sets; where the loop knows no signals, Ctrl-C cancels us."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, stop.set)
    except NotImplementedError:
        pass
    try:
        yield stop
    finally:
        with contextlib.suppress(NotImplementedError):
            for number in STOP_SIGNALS:
                loop.remove_signal_handler(number)


def _has_screen() -> bool:
    """Tell whether a browser's window could be seen here."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
