"""``moonthread demo``: the whole service with local stand-ins, in a browser."""

from typing import Annotated

import typer

from bots.cli.terminal import print_error, run_async


def demo(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port on 127.0.0.1; 0 takes any free one.")
    ] = 8765,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page by itself.")] = True,
) -> None:
    """Try the bot in a browser, without any account."""
    try:
        from bots.simulator.demo import run  # late: it needs the extra [demo]
    except ModuleNotFoundError as exc:
        print_error(f"the demo needs {exc.name}, which is not installed; run: make demo")
        raise typer.Exit(1) from exc
    run_async(run(port=port, open_browser=browser))
