"""From settings to the configuration types of the adapters and of core."""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from bots.slack.limits import SlackLimits
from bots.telegram.limits import TelegramLimits
from core.access import BUILT_IN_PRICES, AccessLists, Price, PriceList, Quotas
from core.access.flood_limits import FloodLimits
from core.chat_settings import ChatSettings, WhileAnswering
from core.concurrency.worker_process import WorkerLimits
from core.files.file_policy import MEGABYTE
from core.files.transcriber import MINUTE_S, HearingLimits
from core.kimi import Model
from core.redaction.masking import Masker
from core.redaction.patterns import PiiKind
from core.redaction.term_list import parse_terms
from core.settings import Settings

if TYPE_CHECKING:
    from bots.slack.credentials import SlackConfig
    from bots.telegram.credentials import TelegramConfig

CHECKPOINT_S: Final = 2.0  #: how often a running answer is stored
WATCHED_CHECKPOINT_S: Final = 0.6  #: the same if the console shows it, at most two seconds behind


def build_slack_config(settings: Settings) -> "SlackConfig":
    """Return how Slack is reached."""
    from bots.slack.credentials import SlackConfig  # late: it imports Slack's SDK

    return SlackConfig(
        bot_token=_secret_value(settings.slack_bot_token),
        app_token=_secret_value(settings.slack_app_token),
        signing_secret=_secret_value(settings.slack_signing_secret),
        api_url=f"{settings.slack_api_url}/",
        agent_view={"on": True, "off": False}.get(settings.slack_agent),
        allowed_apps=frozenset(settings.slack_apps),
    )


def build_slack_limits(settings: Settings) -> SlackLimits:
    """Return the numbers that Slack's pacing is done with."""
    return SlackLimits(
        update_per_minute=settings.slack_update_per_minute,
        start_per_minute=settings.slack_start_per_minute,
        append_per_minute=settings.slack_append_per_minute,
        stop_per_minute=settings.slack_stop_per_minute,
        post_per_s=settings.slack_post_per_minute / 60,
    )


def build_telegram_config(settings: Settings) -> "TelegramConfig":
    """Return how the Telegram bot is reached."""
    from bots.telegram.credentials import TelegramConfig  # late: it imports Telegram's SDK

    return TelegramConfig(
        token=_secret_value(settings.telegram_bot_token),
        api_url=settings.telegram_api_url,
        public_url=settings.public_url or "",
        drafts=settings.telegram_drafts == "on",
        rich=settings.telegram_rich == "on",
        wide_tables_as_grid=settings.telegram_wide_tables == "grid",
        limits=TelegramLimits(
            private_per_s=settings.telegram_private_per_minute / 60,
            private_burst=float(settings.telegram_private_burst),
            group_per_s=settings.telegram_group_per_minute / 60,
            group_burst=float(settings.telegram_group_burst),
            overall_per_s=float(settings.telegram_all_per_s),
            overall_burst=float(settings.telegram_all_per_s),
        ),
    )


def _secret_value(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""


def build_access_lists(settings: Settings) -> AccessLists:
    """Return who is let in; the people of the desk are, where a list of others is given."""
    allow = frozenset(settings.allow)
    if allow and settings.desk:
        allow |= {settings.desk}
    return AccessLists(allow=allow, deny=frozenset(settings.deny), admins=frozenset(settings.admins))


def build_backlog(settings: Settings) -> timedelta | None:
    """Return the age up to which messages are answered like new ones; None for any age."""
    return timedelta(minutes=settings.backlog_minutes) if settings.backlog_minutes else None


def build_quotas(settings: Settings) -> Quotas:
    """Return what may be used in a day."""
    return Quotas(
        person_messages=settings.person_messages_per_day,
        person_tokens=settings.person_tokens_per_day,
        chat_messages=settings.chat_messages_per_day,
        chat_tokens=settings.chat_tokens_per_day,
        tenant_tokens=settings.tenant_tokens_per_day,
        unlisted_user_messages=settings.unlisted_user_messages_per_day,
    )


def build_masker(settings: Settings) -> Masker:
    """Return what Kimi is not shown."""
    words = parse_terms(_secret_value(settings.secret_words))
    return Masker([PiiKind(name) for name in settings.pii_masking], words)


def build_flood_limits(settings: Settings) -> FloodLimits:
    """Return how fast one person may ask."""
    return FloodLimits(
        questions_per_minute=settings.flood_messages_per_minute,
        duplicates_per_10_min=settings.duplicates_per_10_min,
    )


def build_worker_limits(settings: Settings) -> WorkerLimits:
    """Return what reading one file may take."""
    return WorkerLimits(timeout_s=settings.file_timeout_s, memory_bytes=settings.file_memory_mb * MEGABYTE)


def build_hearing_limits(settings: Settings) -> HearingLimits:
    """Return how much is heard, and what a minute costs; on this machine nothing."""
    return HearingLimits(
        max_s=settings.speech_max_minutes * MINUTE_S,
        max_bytes=settings.speech_max_mb * MEGABYTE,
        person_s_per_day=settings.speech_minutes_per_day * MINUTE_S,
        usd_per_minute=settings.speech_usd_per_minute if settings.speech_url is not None else 0.0,
    )


def build_price_list(settings: Settings) -> PriceList:
    """Return the built-in prices, with the operator's in their place."""
    return PriceList(
        {**BUILT_IN_PRICES, **{model: Price(*three) for model, three in settings.kimi_prices.items()}}
    )


def build_chat_settings(settings: Settings, model: Model, access: AccessLists) -> ChatSettings:
    """Return the settings of answering, with ``model`` as the deployment's default model."""
    sampling = {"temperature": settings.kimi_temperature, "top_p": settings.kimi_top_p}
    return ChatSettings(
        model=model.id,
        context_tokens=model.context_tokens,
        reply_tokens=settings.reply_tokens,
        system_prompt=settings.kimi_system_prompt,
        thinking=None if settings.kimi_thinking is None else settings.kimi_thinking == "on",
        sampling_params={name: value for name, value in sampling.items() if value is not None},
        while_answering=WhileAnswering(settings.while_answering),
        max_continuations=settings.continuations,
        max_resumes=settings.resume_attempts,
        show_buttons=settings.buttons == "on",
        access=access,
        quotas=build_quotas(settings),
        prices=build_price_list(settings),
        show_thinking=settings.show_thinking == "on",
        checkpoint_interval_s=WATCHED_CHECKPOINT_S if settings.console == "on" else CHECKPOINT_S,
        fair_share_weights=settings.fair_share_weights,
    )
