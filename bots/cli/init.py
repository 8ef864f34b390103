"""``moonthread init``: asks for the settings, tries each token, and writes ``.env``."""

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bots.check_result import CheckResult
from bots.cli.check import check, print_result
from bots.cli.dialogue import ask, ask_secret, confirm
from bots.cli.env_file import is_plain, set_variables, write_private
from bots.cli.terminal import run_async
from core.domain.errors import SettingsError
from core.settings import Settings, load

ENV_FILE: Final = Path(".env")
EXAMPLE: Final = Path(".env.example")

_KIMI_STEPS: Final = """\
1. Kimi. Create a key at https://platform.kimi.com (China) or https://platform.kimi.ai (international)."""
_SLACK_STEPS: Final = """\
   - Open https://api.slack.com/apps, "Create New App", "From a manifest", choose the workspace, and paste
     the manifest above into the JSON tab.
   - "Install App": install it to the workspace; the Bot User OAuth Token begins with xoxb-.
   - "Basic Information", "App-Level Tokens": generate one with the scope connections:write; it begins with
     xapp-."""
_TELEGRAM_STEPS: Final = """\
   Write /newbot to https://t.me/BotFather, choose a name and a username; it replies with the token."""

_ADMIN_STEPS: Final = """
5. Admins hear when something is wrong, and get a link to the console by /console. Write yourself as
   slack:U0123 (your profile, "Copy member ID") or telegram:42 (your chat in the console's list of
   conversations), or both with a comma; Enter skips."""
_NEXT_STEPS: Final = """
Next: moonthread run, then write to the bot. moonthread console prints a link that signs in to the console."""


def init() -> None:
    """Set the bot up: ask for keys and tokens, try each one, and write .env.

    Ends with "moonthread check". An existing .env keeps its other lines; Enter keeps a value that is set.
    """
    settings = load()
    print(
        "Enter keeps what is set, or skips. Keys and tokens are not shown. Ctrl-C leaves without a change.\n"
    )
    values = {
        **_ask_kimi(settings),
        **_ask_slack(settings),
        **_ask_telegram(settings),
        **_ask_console(settings),
        **_ask_admins(settings),
    }
    _write(values)
    check()
    print(_NEXT_STEPS)


def _write(values: Mapping[str, str]) -> None:
    source = ENV_FILE if ENV_FILE.exists() else EXAMPLE
    text = (
        source.read_text(encoding="utf-8")
        if source.exists()
        else "# Never commit this file: it holds secrets.\n"
    )
    write_private(ENV_FILE, set_variables(text, values))
    print(f"\nWrote {ENV_FILE}, which only you can read.\n")


def _ask_kimi(settings: Settings) -> dict[str, str]:
    print(_KIMI_STEPS)
    return _ask_token(
        "KIMI_API_KEY", settings.kimi_api_key, lambda key: _try_kimi(settings, key), prefixes=("sk-",)
    )


async def _try_kimi(settings: Settings, key: str) -> tuple[list[CheckResult], dict[str, str]]:
    """Try a key at the configured address, then in Moonshot's regions; the one that takes it is kept."""
    from bots.cli import check_kimi

    tried = settings.model_copy(update={"kimi_api_key": SecretStr(key)})
    results = await check_kimi.run_checks(tried)
    found = {"KIMI_API_KEY": key}
    if results[0].level == "fault" and (region := await check_kimi.find_region(tried)):
        tried = tried.model_copy(update={"kimi_base_url": region})
        results, found["KIMI_BASE_URL"] = await check_kimi.run_checks(tried), region
    return results, found


def _ask_slack(settings: Settings) -> dict[str, str]:
    from bots.slack.app_manifest import build_manifest

    print("\n2. Slack.")
    if not confirm("   Set up Slack?", default=True):
        return {}
    if settings.slack_bot_token is None:
        print(json.dumps(build_manifest(), indent=2, ensure_ascii=False))
        print(_SLACK_STEPS)
    found = _ask_token(
        "SLACK_BOT_TOKEN",
        settings.slack_bot_token,
        lambda token: _try_slack_bot(settings, token),
        prefixes=("xoxb-",),
    )
    if not found and settings.slack_bot_token is None:
        return {}
    bot_token = found.get("SLACK_BOT_TOKEN") or _secret(settings.slack_bot_token)
    found |= _ask_token(
        "SLACK_APP_TOKEN",
        settings.slack_app_token,
        lambda token: _try_slack_app(settings, bot_token, token),
        prefixes=("xapp-",),
    )
    return found


async def _try_slack_bot(settings: Settings, token: str) -> tuple[list[CheckResult], dict[str, str]]:
    from bots.composition.settings_mapping import build_slack_config
    from bots.slack import diagnostics

    tried = settings.model_copy(update={"slack_bot_token": SecretStr(token)})
    return await diagnostics.check_bot_token(build_slack_config(tried)), {"SLACK_BOT_TOKEN": token}


async def _try_slack_app(
    settings: Settings, bot_token: str, token: str
) -> tuple[list[CheckResult], dict[str, str]]:
    from bots.composition.settings_mapping import build_slack_config
    from bots.slack import diagnostics

    secrets = {"slack_bot_token": SecretStr(bot_token), "slack_app_token": SecretStr(token)}
    tried = settings.model_copy(update=secrets)
    return await diagnostics.check_event_delivery(build_slack_config(tried)), {"SLACK_APP_TOKEN": token}


def _ask_telegram(settings: Settings) -> dict[str, str]:
    print("\n3. Telegram.")
    if not confirm("   Set up Telegram?", default=True):
        return {}
    if settings.telegram_bot_token is None:
        print(_TELEGRAM_STEPS)
    return _ask_token(
        "TELEGRAM_BOT_TOKEN", settings.telegram_bot_token, lambda token: _try_telegram(settings, token)
    )


async def _try_telegram(settings: Settings, token: str) -> tuple[list[CheckResult], dict[str, str]]:
    from bots.composition.settings_mapping import build_telegram_config
    from bots.telegram import diagnostics

    tried = settings.model_copy(update={"telegram_bot_token": SecretStr(token)})
    return await diagnostics.run_checks(build_telegram_config(tried)), {"TELEGRAM_BOT_TOKEN": token}


def _ask_console(settings: Settings) -> dict[str, str]:
    if settings.console == "on":
        return {}
    print("\n4. The web console shows conversations, cost and health, on this machine only.")
    return {"MOONTHREAD_CONSOLE": "on"} if confirm("   Switch it on?", default=True) else {}


def _ask_admins(settings: Settings) -> dict[str, str]:
    if settings.admins:
        return {}
    print(_ADMIN_STEPS)
    while admins := ask("   MOONTHREAD_ADMINS: "):
        try:
            load({"MOONTHREAD_ADMINS": admins}, None)
        except SettingsError as error:
            print(*(f"   ✗ {fault}" for fault in error.faults), sep="\n")
        else:
            return {"MOONTHREAD_ADMINS": admins}
    return {}


def _ask_token(
    name: str,
    present: SecretStr | None,
    attempt: Callable[[str], Awaitable[tuple[list[CheckResult], dict[str, str]]]],
    *,
    prefixes: tuple[str, ...] = (),
) -> dict[str, str]:
    """Ask for a token until one is accepted; return the variables to write, none if it is skipped.

    Args:
        name: the variable.
        present: its present value.
        attempt: tries a token; returns the results, the first of which decides, and the variables.
        prefixes: how such a token begins.
    """
    while token := ask_secret(f"   {name}{' (set; Enter keeps it)' if present else ''}: "):
        if not is_plain(token):
            print("   ✗ That has a space, a quote or the like in it, which no token has.")
            continue
        if prefixes and not token.startswith(prefixes):
            print(f"   ✗ That does not begin with {prefixes[0]}; it is something else.")
            if not confirm("   Try it all the same?", default=False):
                continue
        results, found = run_async(_run(attempt, token))
        for result in results:
            print_result(result)
        if not any(result.level == "fault" for result in results):
            return found
        if confirm("   Keep it although it failed?", default=False):
            return found
    return {}


async def _run(
    attempt: Callable[[str], Awaitable[tuple[list[CheckResult], dict[str, str]]]], token: str
) -> tuple[list[CheckResult], dict[str, str]]:
    return await attempt(token)


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value is not None else ""
