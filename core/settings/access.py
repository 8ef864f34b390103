"""Settings of access: allow and deny lists, quotas, prices and retention."""

from pydantic import BaseModel

from core.settings.declare import setting
from core.settings.shapes import AccessEntries, PriceList


class AccessFields(BaseModel):
    """Fields of :class:`core.settings.Settings`: groups Access."""

    allow: AccessEntries = setting(
        "MOONTHREAD_ALLOW",
        "Access",
        "Who is answered, by team, channel, chat or person: `slack:T0123, slack:C0123, slack:U0123, "
        "telegram:-1001, telegram:42`. Admins always are.",
        default=(),
        default_text="everybody",
    )
    deny: AccessEntries = setting(
        "MOONTHREAD_DENY",
        "Access",
        "Who gets no answer, written the same way; it overrides `MOONTHREAD_ALLOW`.",
        default=(),
        default_text="nobody",
    )
    person_messages_per_day: int = setting(
        "MOONTHREAD_PERSON_MESSAGES_PER_DAY",
        "Access",
        "Questions that one person may ask in a day (UTC); 0 is no limit, here and below. Admins have none.",
        default=0,
        ge=0,
    )
    person_tokens_per_day: int = setting(
        "MOONTHREAD_PERSON_TOKENS_PER_DAY",
        "Access",
        "Tokens, of prompts and answers, that one person may use in a day.",
        default=0,
        ge=0,
    )
    unlisted_user_messages_per_day: int = setting(
        "MOONTHREAD_UNLISTED_USER_MESSAGES_PER_DAY",
        "Access",
        "Questions that a person on Telegram who is not in `MOONTHREAD_ALLOW` may ask in a day: "
        "anybody can find a bot there.",
        default=50,
        ge=0,
    )
    chat_messages_per_day: int = setting(
        "MOONTHREAD_CHAT_MESSAGES_PER_DAY",
        "Access",
        "Questions that may be asked in one channel or chat in a day.",
        default=0,
        ge=0,
    )
    chat_tokens_per_day: int = setting(
        "MOONTHREAD_CHAT_TOKENS_PER_DAY",
        "Access",
        "Tokens that may be used in one channel or chat in a day.",
        default=0,
        ge=0,
    )
    tenant_tokens_per_day: int = setting(
        "MOONTHREAD_TENANT_TOKENS_PER_DAY",
        "Access",
        "Tokens that one Slack team, or all of one Telegram bot, may use in a day.",
        default=0,
        ge=0,
    )
    kimi_prices: PriceList = setting(
        "KIMI_PRICES",
        "Access",
        "Prices by model for `/usage` and `moonthread usage`, in USD for a million tokens of prompt, answer "
        "and cached prompt: `kimi-k3=3/15/0.3, …`, or in JSON.",
        default_factory=dict,
        default_text="Moonshot's list",
    )
    retention_days: int = setting(
        "MOONTHREAD_RETENTION_DAYS",
        "Access",
        "Days after which messages are deleted; 0 keeps them.",
        default=0,
        ge=0,
        le=36_500,
    )
