"""Settings of who may use the service and how much, what it costs, and how long it is kept."""

from pydantic import BaseModel

from core.settings.declare import setting
from core.settings.shapes import AccessEntries, PriceList


class AccessFields(BaseModel):
    """A part of :class:`core.settings.Settings`."""

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
        "Who gets no answer, written the same way; it goes before `MOONTHREAD_ALLOW`.",
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
    stranger_messages_per_day: int = setting(
        "MOONTHREAD_STRANGER_MESSAGES_PER_DAY",
        "Access",
        "Questions a day of each person on Telegram who does not stand in `MOONTHREAD_ALLOW`: "
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
        "Days after which everything that was said is deleted; 0 keeps it.",
        default=0,
        ge=0,
        le=36_500,
    )
