"""Settings of delivery: forms of messages, and the platforms' published rate limits, which may be lowered."""

from typing import Annotated, Literal

from pydantic import BaseModel

from core.settings.declare import CASE_INSENSITIVE, OnOff, setting


class DeliveryFields(BaseModel):
    """Fields of :class:`core.settings.Settings`: groups Telegram and Platform budgets."""

    telegram_drafts: OnOff = setting(
        "MOONTHREAD_TELEGRAM_DRAFTS",
        "Telegram",
        "`on`: in private chats an answer grows as a native draft, with its own Stop button, "
        "and is sent as a message when it is complete.",
        default="off",
    )

    telegram_rich: OnOff = setting(
        "MOONTHREAD_TELEGRAM_RICH",
        "Telegram",
        "`on`: finished answers with tables, task lists, formulas or details become rich messages, "
        "which some Telegram clients cannot show.",
        default="off",
    )

    telegram_wide_tables: Annotated[Literal["list", "grid"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_TELEGRAM_WIDE_TABLES",
        "Telegram",
        "How a table is shown that is wider than a phone: as a `list` with a bold head for each row, or as a "
        "`grid` of which each row takes several lines.",
        default="list",
    )

    telegram_private_per_minute: int = setting(
        "MOONTHREAD_TELEGRAM_PRIVATE_PER_MINUTE",
        "Platform budgets",
        "Calls a minute in one private chat of Telegram: sends, edits, typing, deletes.",
        default=60,
        ge=1,
        le=6_000,
    )

    telegram_private_burst: int = setting(
        "MOONTHREAD_TELEGRAM_PRIVATE_BURST",
        "Platform budgets",
        "How many of these at once.",
        default=3,
        ge=1,
        le=6_000,
    )

    telegram_group_per_minute: int = setting(
        "MOONTHREAD_TELEGRAM_GROUP_PER_MINUTE",
        "Platform budgets",
        "Calls a minute in one group of Telegram.",
        default=20,
        ge=1,
        le=6_000,
    )

    telegram_group_burst: int = setting(
        "MOONTHREAD_TELEGRAM_GROUP_BURST",
        "Platform budgets",
        "How many of these at once.",
        default=5,
        ge=1,
        le=6_000,
    )

    telegram_all_per_s: int = setting(
        "MOONTHREAD_TELEGRAM_ALL_PER_S",
        "Platform budgets",
        "Calls a second over all chats of the Telegram bot.",
        default=30,
        ge=1,
        le=6_000,
    )

    slack_update_per_minute: int = setting(
        "MOONTHREAD_SLACK_UPDATE_PER_MINUTE",
        "Platform budgets",
        "`chat.update` calls a minute in one workspace.",
        default=50,
        ge=1,
        le=6_000,
    )

    slack_start_per_minute: int = setting(
        "MOONTHREAD_SLACK_START_PER_MINUTE",
        "Platform budgets",
        "`chat.startStream` calls a minute in one workspace.",
        default=20,
        ge=1,
        le=6_000,
    )

    slack_append_per_minute: int = setting(
        "MOONTHREAD_SLACK_APPEND_PER_MINUTE",
        "Platform budgets",
        "`chat.appendStream` calls a minute in one workspace.",
        default=100,
        ge=1,
        le=6_000,
    )

    slack_stop_per_minute: int = setting(
        "MOONTHREAD_SLACK_STOP_PER_MINUTE",
        "Platform budgets",
        "`chat.stopStream` calls a minute in one workspace.",
        default=20,
        ge=1,
        le=6_000,
    )

    slack_post_per_minute: int = setting(
        "MOONTHREAD_SLACK_POST_PER_MINUTE",
        "Platform budgets",
        "`chat.postMessage` calls a minute in one channel.",
        default=60,
        ge=1,
        le=6_000,
    )
