"""All settings: names, ranges, defaults and descriptions.

``python -m bots.readme_tables`` writes the tables of core/settings/README.md from the descriptions.
A field's name is the variable's in lower case without ``MOONTHREAD_``.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from core.settings.access import AccessFields
from core.settings.account import AccountFields
from core.settings.chat import ChatFields
from core.settings.console import ConsoleFields
from core.settings.declare import CASE_INSENSITIVE, OnOff, setting
from core.settings.delivery import DeliveryFields
from core.settings.desk import DeskFields
from core.settings.guard import GuardFields
from core.settings.knowledge import KnowledgeFields
from core.settings.shapes import (
    ApiKey,
    DatabaseUrl,
    KimiBaseUrl,
    KimiFields,
    ModelName,
    SlackAppIds,
    SlackAppToken,
    SlackBotToken,
    TelegramToken,
    WebAddress,
    sqlite_file,
)
from core.settings.speech import SpeechFields


def default_data_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Return the data folder of this user on this operating system."""
    environ = os.environ if environ is None else environ
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "moonthread"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "moonthread"
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "moonthread"


def default_database_url(folder: Path) -> str:
    """Return the URL of the default database: one SQLite file in ``folder``."""
    return f"sqlite:///{folder.absolute() / 'moonthread.db'}"


def _make_default_database_url(values: dict[str, Any]) -> SecretStr:
    return SecretStr(default_database_url(values.get("data_dir") or default_data_dir()))


class Settings(
    AccessFields,
    AccountFields,
    ChatFields,
    ConsoleFields,
    DeliveryFields,
    DeskFields,
    GuardFields,
    KnowledgeFields,
    SpeechFields,
    BaseModel,
):
    """All settings of one deployment.

    Secrets are :class:`pydantic.SecretStr`; web addresses have no trailing slash.
    :func:`core.settings.load` builds it from the environment; tests and the demo build it directly.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False, validate_default=False
    )

    kimi_api_key: ApiKey | None = setting(
        "KIMI_API_KEY",
        "Kimi",
        "The key of your Kimi account, from platform.kimi.com (China) or platform.kimi.ai (international). "
        "`MOONSHOT_API_KEY` is read if this is unset.",
    )
    kimi_base_url: KimiBaseUrl = setting(
        "KIMI_BASE_URL",
        "Kimi",
        "The address of Kimi's API; see [Regions](../kimi/README.md#regions).",
        default="https://api.moonshot.cn/v1",
    )
    kimi_model: ModelName = setting(
        "KIMI_MODEL", "Kimi", "The model that answers; `moonthread check` lists them.", default="kimi-k2.6"
    )
    kimi_system_prompt: str | None = setting(
        "KIMI_SYSTEM_PROMPT",
        "Kimi",
        "Replaces the built-in instructions; the platform, the date and the place are still added.",
    )
    kimi_thinking: OnOff | None = setting(
        "KIMI_THINKING",
        "Kimi",
        "Whether Kimi thinks before it answers: `on` or `off`; unset leaves it to the model.",
    )
    kimi_temperature: float | None = setting(
        "KIMI_TEMPERATURE",
        "Kimi",
        "Sampling temperature, 0 to 2. Current Kimi models accept only their default: leave it unset.",
        ge=0,
        le=2,
    )
    kimi_top_p: float | None = setting(
        "KIMI_TOP_P", "Kimi", "Nucleus sampling, above 0 to 1. As with the temperature.", gt=0, le=1
    )
    kimi_omit: KimiFields = setting(
        "KIMI_OMIT",
        "Kimi",
        "Optional fields of requests that your host refuses, such as `prompt_cache_key,stream_options`. "
        "They are also learnt from its refusals, one refused request each after a start.",
        default=(),
        default_text="–",
    )
    reply_tokens: int = setting(
        "MOONTHREAD_REPLY_TOKENS",
        "Kimi",
        "Maximum length of an answer in tokens, thinking included. Kimi counts all of it against your "
        "rate limit.",
        default=16_000,
        ge=256,
        le=1_048_576,
    )
    kimi_timeout_connect_s: float = setting(
        "MOONTHREAD_KIMI_TIMEOUT_CONNECT_S",
        "Kimi",
        "Seconds to wait for a connection.",
        default=10.0,
        gt=0,
        le=120,
    )
    kimi_timeout_first_byte_s: float = setting(
        "MOONTHREAD_KIMI_TIMEOUT_FIRST_BYTE_S",
        "Kimi",
        "Seconds to wait for the first byte of an answer.",
        default=120.0,
        gt=0,
        le=900,
    )
    kimi_timeout_idle_s: float = setting(
        "MOONTHREAD_KIMI_TIMEOUT_IDLE_S",
        "Kimi",
        "Seconds without a byte before a running answer counts as broken.",
        default=60.0,
        gt=0,
        le=600,
    )
    kimi_retry_deadline_s: float = setting(
        "MOONTHREAD_KIMI_RETRY_DEADLINE_S",
        "Kimi",
        "Seconds a question may wait for a busy Kimi before the person is told to try again.",
        default=300.0,
        ge=0,
        le=86_400,
    )

    slack_bot_token: SlackBotToken | None = setting(
        "SLACK_BOT_TOKEN", "Slack", "The Bot User OAuth Token, `xoxb-…`."
    )
    slack_app_token: SlackAppToken | None = setting(
        "SLACK_APP_TOKEN",
        "Slack",
        "The App-Level Token, `xapp-…`: Slack is reached by Socket Mode, no public address is needed.",
    )
    slack_signing_secret: ApiKey | None = setting(
        "SLACK_SIGNING_SECRET",
        "Slack",
        "The Signing Secret: Slack sends events over HTTP. Used if `SLACK_APP_TOKEN` is unset.",
    )
    slack_agent: Annotated[Literal["auto", "on", "off"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_SLACK_AGENT",
        "Slack",
        "Whether the app has Slack's agent view. `auto`: if the scope `assistant:write` is granted, which "
        "the manifest of `moonthread slack-manifest` asks for.",
        default="auto",
    )
    slack_apps: SlackAppIds = setting(
        "MOONTHREAD_SLACK_APPS",
        "Slack",
        "Apps and workflows that are answered if they mention the bot, by app, bot or user id: "
        "`A0123, B0123`. Each gets at most 3 answers in a row in a thread, and 20 in an hour.",
        default=(),
        default_text="none",
    )
    slack_api_url: WebAddress = setting(
        "SLACK_API_URL", "Slack", "Slack's Web API.", default="https://slack.com/api"
    )

    telegram_bot_token: TelegramToken | None = setting(
        "TELEGRAM_BOT_TOKEN", "Telegram", "The token from @BotFather, `123456:…`."
    )
    telegram_api_url: WebAddress = setting(
        "TELEGRAM_API_URL",
        "Telegram",
        "The address of the Bot API server, if you run your own.",
        default="https://api.telegram.org",
    )

    data_dir: Path = setting(
        "MOONTHREAD_DATA_DIR",
        "Storage",
        "The folder of the SQLite file, personas, and temporary copies of files.",
        default_text="the user's data folder, such as `~/.local/share/moonthread`",
        default_factory=default_data_dir,
    )
    database_url: DatabaseUrl = setting(
        "DATABASE_URL",
        "Storage",
        "`sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/DATABASE`.",
        default_text="`moonthread.db` in the data directory",
        default_factory=_make_default_database_url,
    )
    migrate: Annotated[Literal["auto", "never"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_MIGRATE",
        "Storage",
        "`auto`: the start upgrades the tables; `never`: you do it with `moonthread db upgrade`.",
        default="auto",
    )

    while_answering: Annotated[Literal["queue", "merge", "interrupt"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_WHILE_ANSWERING",
        "Service",
        "What happens to a message that arrives while its conversation is being answered: `queue` answers it "
        "next, `merge` answers all waiting messages together, `interrupt` stops the running answer and "
        "answers both together.",
        default="queue",
    )
    shutdown_grace_s: float = setting(
        "MOONTHREAD_SHUTDOWN_GRACE_S",
        "Service",
        "Seconds that running answers get to finish at a stop; the next start resumes the others.",
        default=20.0,
        ge=0,
        le=600,
    )
    http_host: str = setting(
        "MOONTHREAD_HTTP_HOST",
        "Service",
        "Address on which the web server listens: `/healthz`, `/readyz`, `/metrics`, and Slack over HTTP or "
        "a Telegram webhook if used.",
        default="127.0.0.1",
    )
    http_port: int = setting(
        "MOONTHREAD_HTTP_PORT",
        "Service",
        "The web server's port; 0 takes any free one.",
        default=8080,
        ge=0,
        le=65_535,
    )
    public_url: WebAddress | None = setting(
        "MOONTHREAD_PUBLIC_URL",
        "Service",
        "The web server's public address, `https://…`. If set, Telegram sends updates there by webhook; "
        "otherwise it is polled.",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_LOG_LEVEL",
        "Service",
        "The lowest level that is logged: `debug`, `info`, `warning` or `error`.",
        default="info",
    )
    log_format: Annotated[Literal["console", "json"], CASE_INSENSITIVE] = setting(
        "MOONTHREAD_LOG_FORMAT",
        "Service",
        "`console` for people, `json` for one object per line.",
        default="console",
    )

    @property
    def platforms(self) -> frozenset[str]:
        """Names of the platforms that have a bot token."""
        return frozenset(
            name
            for name, token in (("slack", self.slack_bot_token), ("telegram", self.telegram_bot_token))
            if token
        )

    @property
    def sqlite_file(self) -> Path | None:
        """The SQLite file's absolute path; None if the database is not SQLite."""
        return sqlite_file(self.database_url.get_secret_value())
