"""``moonthread check``: a doctor that looks at everything and changes nothing."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final

import typer

from bots.check_result import CheckResult
from bots.cli import check_kimi, check_platforms, check_store
from bots.cli.terminal import run_async
from core.domain.errors import MoonthreadError, SettingsError
from core.settings import Requirement, Settings, likely_typos, load, outdated_names

SYMBOLS: Final = {"ok": "✓", "warning": "!", "fault": "✗"}
TIMEOUT_S: Final = 40.0


def check() -> None:
    """Check settings, database, Kimi, Slack and Telegram; exit status 1 where something is wrong."""
    settings, findings = _check_settings()
    findings += [CheckResult("warning", slip) for slip in (*likely_typos(), *outdated_names())]
    for finding in findings:
        _print_result(finding)
    if settings is not None:
        findings += run_async(_run_checks(settings))
    if any(finding.level == "fault" for finding in findings):
        raise typer.Exit(1)


def _print_result(finding: CheckResult) -> None:
    advice = f"  → {finding.advice}" if finding.advice else ""
    print(f"{SYMBOLS[finding.level]} {finding.summary}{advice}", flush=True)


def _check_settings() -> tuple[Settings | None, list[CheckResult]]:
    """Load what is there, and say what is wrong or missing for a run."""
    try:
        settings = load(required=[Requirement.KIMI, Requirement.STORE, Requirement.PLATFORM])
    except SettingsError as error:
        findings = [_fault_result(fault) for fault in error.faults]
    else:
        return settings, [CheckResult("ok", "Settings: complete")]
    try:
        return load(), findings
    except SettingsError:
        return None, findings


async def _run_checks(settings: Settings) -> list[CheckResult]:
    """Look at everything that is set up, all at the same time; print in a fixed order."""
    looks = [
        asyncio.create_task(_with_timeout(name, TIMEOUT_S, look(settings)))
        for name, look, wanted in (
            ("Database", check_store.run_checks, True),
            ("Kimi", check_kimi.run_checks, settings.kimi_api_key is not None),
            ("Slack", check_platforms.check_slack, "slack" in settings.platforms),
            ("Telegram", check_platforms.check_telegram, "telegram" in settings.platforms),
        )
        if wanted
    ]
    found: list[CheckResult] = []
    for look in looks:
        findings = await look
        found += findings
        for finding in findings:
            _print_result(finding)
    return found


async def _with_timeout(
    name: str, timeout_s: float, work: Awaitable[Sequence[CheckResult]]
) -> list[CheckResult]:
    """Turn whatever goes wrong while looking into a finding."""
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
