"""What ``moonthread check`` finds out about Slack and Telegram: each platform's own doctor knows."""

from bots.check_result import Finding
from core.settings import Settings


async def slack(settings: Settings) -> list[Finding]:
    """Ask Slack about the token, the bot's name and its scopes."""
    from bots.composition.settings_mapping import slack_config
    from bots.slack import doctor

    return list(await doctor.examine(slack_config(settings), desk=_desk(settings, "slack")))


async def telegram(settings: Settings) -> list[Finding]:
    """Ask Telegram about the token, the bot's name and its privacy mode."""
    from bots.composition.settings_mapping import telegram_config
    from bots.telegram import doctor

    return list(await doctor.examine(telegram_config(settings), desk=_desk(settings, "telegram")))


def _desk(settings: Settings, platform: str) -> str:
    """Return the desk's room where it is on ``platform``, else ""."""
    where, _, room = settings.desk.partition(":")
    return room if where == platform else ""
