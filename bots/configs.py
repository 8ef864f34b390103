"""From settings to what each platform's adapter wants to know."""

from pydantic import SecretStr

from bots.slack.credentials import SlackConfig
from bots.telegram.setup import TelegramConfig
from core.settings import Settings


def slack_config(settings: Settings) -> SlackConfig:
    """Return how Slack is reached."""
    return SlackConfig(
        bot_token=_text(settings.slack_bot_token),
        app_token=_text(settings.slack_app_token),
        signing_secret=_text(settings.slack_signing_secret),
        api_url=f"{settings.slack_api_url}/",
        agent=settings.slack_agent == "on",
    )


def telegram_config(settings: Settings) -> TelegramConfig:
    """Return how the Telegram bot is reached."""
    return TelegramConfig(
        token=_text(settings.telegram_bot_token),
        api_url=settings.telegram_api_url,
        public_url=settings.public_url or "",
    )


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""
