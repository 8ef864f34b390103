"""``moonthread run``: serves the platforms until it is stopped."""

import gc
from enum import StrEnum
from typing import Annotated

import structlog
import typer

from bots.cli.terminal import create_data_folder, run_async
from bots.observability import logging_setup
from core.settings import Requirement, Settings, likely_typos, load, outdated_names


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
    wanted = [Requirement(name.value) for name in platform or ()] or [Requirement.PLATFORM]
    settings = load(required=[Requirement.KIMI, Requirement.STORE, *wanted])
    configure_logging(settings)
    create_data_folder(settings)
    gc.disable()  # nothing of what imports make is garbage
    from bots.composition.service import serve  # late: it imports the platforms' SDKs

    gc.freeze()  # the collector never looks at modules again: each look stopped everything for 90 ms
    gc.enable()
    run_async(serve(settings, frozenset(platform or settings.platforms)))


def configure_logging(settings: Settings) -> None:
    """Configure logging, and warn of settings that are misspelt or given by a former name."""
    secrets = (value.get_secret_value() for _, value in settings if hasattr(value, "get_secret_value"))
    logging_setup.configure(settings.log_level, settings.log_format, secrets=secrets)
    for typo in likely_typos():
        structlog.get_logger().warning("settings.likely_typo", about=typo)
    for outdated in outdated_names():
        structlog.get_logger().warning("settings.name_outdated", about=outdated)
