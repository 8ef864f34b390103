"""From settings to what each platform's adapter wants to know."""

from pydantic import SecretStr

from bots.slack.credentials import SlackConfig
from bots.slack.limits import SlackLimits
from bots.telegram.credentials import TelegramConfig
from bots.telegram.limits import TelegramLimits
from core.access import BUILT_IN, Access, Budgets, Price, Prices
from core.access.flood_limits import PaceLimits
from core.redaction.masking import Masker
from core.redaction.patterns import Kind
from core.redaction.term_list import words_from
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


def slack_limits(settings: Settings) -> SlackLimits:
    """Return the numbers that Slack's pacing is done with."""
    return SlackLimits(
        update_per_minute=settings.slack_update_per_minute,
        start_per_minute=settings.slack_start_per_minute,
        append_per_minute=settings.slack_append_per_minute,
        stop_per_minute=settings.slack_stop_per_minute,
        post_per_s=settings.slack_post_per_minute / 60,
    )


def telegram_config(settings: Settings) -> TelegramConfig:
    """Return how the Telegram bot is reached."""
    return TelegramConfig(
        token=_text(settings.telegram_bot_token),
        api_url=settings.telegram_api_url,
        public_url=settings.public_url or "",
        drafts=settings.telegram_drafts == "on",
        rich=settings.telegram_rich == "on",
        limits=TelegramLimits(
            private_per_s=settings.telegram_private_per_minute / 60,
            private_burst=float(settings.telegram_private_burst),
            group_per_s=settings.telegram_group_per_minute / 60,
            group_burst=float(settings.telegram_group_burst),
            overall_per_s=float(settings.telegram_all_per_s),
            overall_burst=float(settings.telegram_all_per_s),
        ),
    )


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""


def access_of(settings: Settings) -> Access:
    """Return who is let in; the people of the desk are, where a list of others is given."""
    allow = frozenset(settings.allow)
    if allow and settings.desk:
        allow |= {settings.desk}
    return Access(allow=allow, deny=frozenset(settings.deny), admins=frozenset(settings.admins))


def budgets_of(settings: Settings) -> Budgets:
    """Return what may be used in a day."""
    return Budgets(
        person_messages=settings.person_messages_per_day,
        person_tokens=settings.person_tokens_per_day,
        chat_messages=settings.chat_messages_per_day,
        chat_tokens=settings.chat_tokens_per_day,
        tenant_tokens=settings.tenant_tokens_per_day,
        stranger_messages=settings.stranger_messages_per_day,
    )


def masker_of(settings: Settings) -> Masker:
    """Return what Kimi is not shown."""
    words = words_from(_text(settings.secret_words))
    return Masker([Kind(name) for name in settings.mask], words)


def pace_limits_of(settings: Settings) -> PaceLimits:
    """Return how fast one person may ask."""
    return PaceLimits(flood=settings.flood_messages, repeats=settings.repeats)


def prices_of(settings: Settings) -> Prices:
    """Return the built-in prices, with the operator's in their place."""
    return Prices({**BUILT_IN, **{model: Price(*three) for model, three in settings.kimi_prices.items()}})
