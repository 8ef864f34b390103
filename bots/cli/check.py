"""``moonthread check``: checks everything that is configured, and changes nothing."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final

import typer

from bots.check_result import CheckResult
from bots.cli import check_embeddings, check_kimi, check_mcp, check_platforms, check_speech, check_store
from bots.cli.terminal import run_async
from core.domain.errors import MoonthreadError, SettingsError
from core.settings import Requirement, Settings, likely_typos, load, outdated_names

SYMBOLS: Final = {"ok": "✓", "warning": "!", "fault": "✗"}
TIMEOUT_S: Final = 40.0


def check() -> None:
    """Check settings, database, Kimi, Slack and Telegram; exit status 1 if something is wrong."""
    settings, results = _check_settings()
    results += [CheckResult("warning", advice) for advice in (*likely_typos(), *outdated_names())]
    results += check_store.check_private_files(settings)
    for result in results:
        print_result(result)
    if settings is not None:
        results += run_async(_run_checks(settings))
    if any(result.level == "fault" for result in results):
        raise typer.Exit(1)


def print_result(result: CheckResult) -> None:
    """Print the result as one line."""
    advice = f"  → {result.advice}" if result.advice else ""
    print(f"{SYMBOLS[result.level]} {result.summary}{advice}", flush=True)


def _check_settings() -> tuple[Settings | None, list[CheckResult]]:
    """Return the settings, None if they cannot be loaded, and what a run is missing."""
    try:
        settings = load(required=[Requirement.KIMI, Requirement.STORE, Requirement.PLATFORM])
    except SettingsError as error:
        results = [_fault_result(fault) for fault in error.faults]
    else:
        return settings, [CheckResult("ok", "Settings: complete")]
    try:
        return load(), results
    except SettingsError:
        return None, results


async def _run_checks(settings: Settings) -> list[CheckResult]:
    """Run the checks of everything that is configured concurrently; print them in a fixed order."""
    checks = [
        asyncio.create_task(_with_timeout(name, TIMEOUT_S, check(settings)))
        for name, check, wanted in (
            ("Database", check_store.run_checks, True),
            ("Kimi", check_kimi.run_checks, settings.kimi_api_key is not None),
            ("Voice", check_speech.run_checks, settings.hears_recordings),
            (
                "Embeddings",
                check_embeddings.run_checks,
                settings.embeddings_model is not None or settings.embeddings_url is not None,
            ),
            ("MCP", check_mcp.run_checks, check_mcp.is_configured(settings)),
            ("Slack", check_platforms.check_slack, "slack" in settings.platforms),
            ("Telegram", check_platforms.check_telegram, "telegram" in settings.platforms),
        )
        if wanted
    ]
    all_results: list[CheckResult] = []
    for pending in checks:
        results = await pending
        all_results += results
        for result in results:
            print_result(result)
    return all_results


async def _with_timeout(
    name: str, timeout_s: float, work: Awaitable[Sequence[CheckResult]]
) -> list[CheckResult]:
    """Return the results of a check; an error of it becomes one."""
    try:
        async with asyncio.timeout(timeout_s):
            return list(await work)
    except TimeoutError:
        return [
            CheckResult(
                "fault", f"{name}: no answer within {timeout_s:.0f} s", "Check the network and proxies."
            )
        ]
    except SettingsError as error:
        return [_fault_result(fault) for fault in error.faults]
    except MoonthreadError as error:
        return [CheckResult("fault", f"{name}: {error}")]


def _fault_result(line: str) -> CheckResult:
    what, _, advice = line.partition("; ")
    return CheckResult("fault", what, advice)
