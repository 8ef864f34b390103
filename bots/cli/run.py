"""``moonthread run``: serve the platforms until told to stop."""

from enum import StrEnum
from typing import Annotated

import structlog
import typer

from bots.cli.terminal import make_folder, run_async
from bots.observability import logging_setup
from core.settings import Need, Settings, load, near_misses


class PlatformName(StrEnum):
    """The platforms that ``--platform`` takes."""

    SLACK = "slack"
    TELEGRAM = "telegram"


def run(
    platform: Annotated[
        list[PlatformName] | None,
        typer.Option(
            help="Serve only this platform; may be given more than once. Default: all that are set up."
        ),
    ] = None,
) -> None:
    """Answer in Slack and Telegram until stopped."""
    wanted = [Need(name.value) for name in platform or ()] or [Need.PLATFORM]
    settings = load(needs=[Need.KIMI, Need.STORE, *wanted])
    start_logs(settings)
    make_folder(settings)
    from bots.composition.service import serve  # late: it brings the platforms' SDKs in

    run_async(serve(settings, frozenset(platform or settings.platforms)))


def start_logs(settings: Settings) -> None:
    """Begin to log as the settings say, and mention names that look like slips."""
    secrets = (value.get_secret_value() for _, value in settings if hasattr(value, "get_secret_value"))
    logging_setup.configure(settings.log_level, settings.log_format, secrets=secrets)
    for slip in near_misses():
        structlog.get_logger().warning("settings.slip", about=slip)
