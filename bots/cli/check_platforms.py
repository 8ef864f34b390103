"""The checks of ``moonthread check`` for Slack and Telegram, made by each platform's diagnostics."""

from bots.check_result import CheckResult
from core.settings import Settings


async def check_slack(settings: Settings) -> list[CheckResult]:
    """Check the tokens, the bot's scopes and the desk on Slack."""
    from bots.composition.settings_mapping import build_slack_config
    from bots.slack import diagnostics

    return list(
        await diagnostics.run_checks(
            build_slack_config(settings), desk_channel=_desk_channel(settings, "slack")
        )
    )


async def check_telegram(settings: Settings) -> list[CheckResult]:
    """Check the token, the delivery of updates and the desk on Telegram."""
    from bots.composition.settings_mapping import build_telegram_config
    from bots.telegram import diagnostics

    return list(
        await diagnostics.run_checks(
            build_telegram_config(settings), desk_channel=_desk_channel(settings, "telegram")
        )
    )


def _desk_channel(settings: Settings, platform: str) -> str:
    """Return the channel of the desk if it is on ``platform``, else ""."""
    where, _, room = settings.desk.partition(":")
    return room if where == platform else ""
