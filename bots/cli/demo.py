"""``moonthread demo``: the whole service with local stand-ins, in a browser."""

from typing import Annotated

import typer

from bots.cli.terminal import run_async


def demo(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on 127.0.0.1; 0 takes any free one.")
    ] = 8765,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page by itself.")] = True,
) -> None:
    """Try the bot in a browser, without any account."""
    from bots.simulator.demo import run  # late: only the extra [demo] installs what the stand-ins need

    run_async(run(port=port, open_browser=browser))
