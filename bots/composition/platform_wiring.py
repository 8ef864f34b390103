"""From settings to the adapters of the platforms that are to be served."""

from bots.composition.settings_mapping import build_slack_config, build_slack_limits, build_telegram_config
from bots.platform_adapter import Platform
from core.domain.clock import Clock
from core.settings import Settings


def build_platforms(settings: Settings, platform_names: frozenset[str], clock: Clock) -> list[Platform]:
    """Build the adapters named; the SDKs of the others are not imported.

    Raises:
        SettingsError: a platform's credentials are incomplete or cannot be valid.
    """
    platforms: list[Platform] = []
    if "slack" in platform_names:
        from bots.slack.app import SlackApp

        slack = SlackApp(build_slack_config(settings), clock=clock, limits=build_slack_limits(settings))
        platforms.append(slack)
    if "telegram" in platform_names:
        from bots.telegram.app import TelegramApp

        platforms.append(TelegramApp(build_telegram_config(settings), clock=clock))
    return platforms
