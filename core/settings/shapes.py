"""Types of settings with their validation; an error names the fault, never the value."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

SQLITE_SCHEMES = ("sqlite", "sqlite+aiosqlite")
POSTGRES_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")


def sqlite_file(url: str) -> Path | None:
    """Return the absolute path of a database URL's file; None if it is not an SQLite URL."""
    scheme, _, rest = url.partition(":///")
    return Path(rest.split("?")[0]).absolute() if scheme in SQLITE_SCHEMES else None


def _validate_secret(check: Callable[[str], str | None]) -> AfterValidator:
    """Return a validator of a secret's text; ``check`` returns the fault, None if there is none."""

    def validate(secret: SecretStr) -> SecretStr:
        if fault := check(secret.get_secret_value()):
            raise ValueError(fault)
        return secret

    return AfterValidator(validate)


def _key_fault(text: str) -> str | None:
    if re.fullmatch(r"[!-~]+", text):
        return None
    return "has blanks or characters no key has; copy it anew from the service's console"


def _bot_token_fault(text: str) -> str | None:
    if re.fullmatch(r"xoxb-[!-~]+", text):
        return None
    return 'does not begin with "xoxb-"; copy the Bot User OAuth Token from OAuth & Permissions'


def _app_token_fault(text: str) -> str | None:
    if re.fullmatch(r"xapp-[!-~]+", text):
        return None
    return (
        'does not begin with "xapp-"; make an App-Level Token with connections:write under Basic Information'
    )


def _telegram_token_fault(text: str) -> str | None:
    if re.fullmatch(r"\d+:[A-Za-z0-9_-]+", text):
        return None
    return 'is not "digits:letters"; copy the whole token that @BotFather gave you'


def _database_url_fault(text: str) -> str | None:
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in SQLITE_SCHEMES + POSTGRES_SCHEMES:
        return "must begin with sqlite:/// or postgresql://; the driver is chosen for you"
    if scheme in SQLITE_SCHEMES and not rest.startswith("/"):
        return "needs three slashes for SQLite: sqlite:///moonthread.db, or four before an absolute path"
    if scheme in SQLITE_SCHEMES and rest in ("/", "/:memory:"):
        return "must name a file; a database in memory would forget everything at each restart"
    if scheme in POSTGRES_SCHEMES and not rest.split("?")[0].partition("/")[2]:
        return "names no database; write postgresql://USER:PASSWORD@HOST/DATABASE"
    return None


def _check_web_address(text: str) -> str:
    """Return an http(s) address without trailing slashes.

    Raises:
        ValueError: it is not a plain web address.
    """
    try:
        parts = urlsplit(text)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError("is not a web address; write https://HOST/PATH") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid or " " in text:
        raise ValueError("is not a web address; write https://HOST/PATH")
    if parts.username or parts.password:
        raise ValueError("holds a user name or password; take it out")
    if parts.query or parts.fragment:
        raise ValueError('goes on after "?" or "#"; leave that out')
    return text.rstrip("/")


def _strip_completions_path(text: str) -> str:
    """Return the API's base address; some providers' documents show that of the chat call."""
    return text.removesuffix("/chat/completions")


def _check_one_word(text: str) -> str:
    if re.search(r"\s", text):
        raise ValueError("has a blank in it; write the name alone, such as kimi-k2.6")
    return text


ApiKey = Annotated[SecretStr, _validate_secret(_key_fault)]
SlackBotToken = Annotated[SecretStr, _validate_secret(_bot_token_fault)]
SlackAppToken = Annotated[SecretStr, _validate_secret(_app_token_fault)]
TelegramToken = Annotated[SecretStr, _validate_secret(_telegram_token_fault)]
DatabaseUrl = Annotated[SecretStr, _validate_secret(_database_url_fault)]
WebAddress = Annotated[str, AfterValidator(_check_web_address)]
KimiBaseUrl = Annotated[WebAddress, AfterValidator(_strip_completions_path)]
ModelName = Annotated[str, AfterValidator(_check_one_word)]


def parse_list(pattern: str, fault: str) -> BeforeValidator:
    """Return a validator that splits a text at blanks, commas and semicolons.

    Each part must match ``pattern``. Values of other types pass unchanged.
    """

    def split(text: object) -> object:
        if not isinstance(text, str):
            return text
        parts = tuple(part for part in re.split(r"[\s,;]+", text) if part)
        if not all(re.fullmatch(pattern, part) for part in parts):
            raise ValueError(fault)
        return parts

    return BeforeValidator(split)


ToolNames = Annotated[
    tuple[str, ...],
    parse_list(r"[A-Za-z_][\w.]*(:[A-Za-z_]\w*)?", "is a list like package.module, package.module:function"),
]
"""Python modules, or functions in them."""

KimiFields = Annotated[
    tuple[str, ...],
    parse_list(
        "max_completion_tokens|prompt_cache_key|reasoning_effort|safety_identifier|stream_options|thinking",
        "is a list of optional fields, such as prompt_cache_key,stream_options",
    ),
]
PersonIds = Annotated[
    tuple[str, ...],
    parse_list(
        r"(slack|telegram|terminal):[\w-]+",
        "is a list like telegram:123, slack:U123; platform and id with a colon between",
    ),
]
"""People, each as "platform:id"."""

SlackAppIds = Annotated[
    tuple[str, ...],
    parse_list(r"[ABUW][A-Z0-9]{2,}", "is a list of Slack's ids of apps or bots, like A0123, B0123, U0123"),
]


def _parse_weights(text: object) -> object:
    """Parse "slack:C0123=3, telegram:-1001=0.5"; values of other types pass unchanged."""
    if not isinstance(text, str):
        return text
    weights: dict[str, float] = {}
    for part in filter(None, re.split(r"[\s,;]+", text)):
        told = re.fullmatch(r"((?:slack|telegram|terminal):[\w-]+)=(\d+(?:\.\d+)?)", part)
        if told is None or not 0.01 <= float(told[2]) <= 100:
            raise ValueError("is a list like slack:C0123=3, telegram:-1001=0.5; weights from 0.01 to 100")
        weights[told[1]] = float(told[2])
    return weights


FairShareWeights = Annotated[dict[str, float], BeforeValidator(_parse_weights)]
"""Weights by chat; keys are "platform:channel"."""


AccessEntries = Annotated[
    tuple[str, ...],
    parse_list(
        r"slack:[A-Z][A-Z0-9]+|telegram:-?\d+",
        "is a list like slack:T0123, slack:C0123, slack:U0123, telegram:42",
    ),
]
"""Tenants, chats and people, each as "platform:id"."""


def _parse_price_list(text: object) -> object:
    """Parse "kimi-k3=3/15/0.3, …" or the same in JSON; values of other types pass unchanged."""
    if not isinstance(text, str):
        return text
    fault = "is a list like kimi-k3=3/15/0.3: USD for a million tokens of prompt, answer and cached prompt"
    if text.lstrip().startswith("{"):
        try:
            given = json.loads(text)
        except json.JSONDecodeError:
            raise ValueError(fault) from None
    else:
        pairs = (part.partition("=") for part in re.split(r"[\s,;]+", text) if part)
        given = {model: numbers.split("/") for model, _, numbers in pairs}
    try:
        prices = {str(model): tuple(float(number) for number in three) for model, three in given.items()}
    except (TypeError, ValueError):
        raise ValueError(fault) from None
    if any(len(three) != 3 or not all(0 <= one < 1e6 for one in three) for three in prices.values()):
        raise ValueError(fault)
    return prices


PriceList = Annotated[dict[str, tuple[float, float, float]], BeforeValidator(_parse_price_list)]
"""USD for a million tokens by model: (prompt, answer, cached prompt)."""
