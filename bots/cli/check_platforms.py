"""What ``moonthread check`` finds out about Slack and Telegram: each platform's own doctor knows."""

from bots.check_result import CheckResult
from core.settings import Settings


async def check_slack(settings: Settings) -> list[CheckResult]:
    """Ask Slack about the token, the bot's name and its scopes."""
    from bots.composition.settings_mapping import build_slack_config
    from bots.slack import diagnostics

    return list(
        await diagnostics.run_checks(
            build_slack_config(settings), desk_channel=_desk_channel(settings, "slack")
        )
    )


async def check_telegram(settings: Settings) -> list[CheckResult]:
    """Ask Telegram about the token, the bot's name and its privacy mode."""
    from bots.composition.settings_mapping import build_telegram_config
    from bots.telegram import diagnostics

    return list(
        await diagnostics.run_checks(
            build_telegram_config(settings), desk_channel=_desk_channel(settings, "telegram")
        )
    )


def _desk_channel(settings: Settings, platform: str) -> str:
    """Return the desk's room where it is on ``platform``, else ""."""
    where, _, room = settings.desk.partition(":")
    return room if where == platform else ""
