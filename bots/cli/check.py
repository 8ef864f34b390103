"""``moonthread check``: a doctor that looks at everything and changes nothing."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Final

import typer

from bots.check_result import Finding
from bots.cli import check_kimi, check_platforms, check_store
from bots.cli.terminal import run_async
from core.domain.errors import MoonthreadError, SettingsError
from core.settings import Need, Settings, load, near_misses

SIGNS: Final = {"ok": "✓", "warning": "!", "fault": "✗"}
TIMEOUT_S: Final = 40.0


def check() -> None:
    """Check settings, database, Kimi, Slack and Telegram; exit status 1 where something is wrong."""
    settings, findings = _settings()
    findings += [Finding("warning", slip) for slip in near_misses()]
    for finding in findings:
        _print(finding)
    if settings is not None:
        findings += run_async(_examine(settings))
    if any(finding.level == "fault" for finding in findings):
        raise typer.Exit(1)


def _print(finding: Finding) -> None:
    advice = f"  → {finding.advice}" if finding.advice else ""
    print(f"{SIGNS[finding.level]} {finding.what}{advice}", flush=True)


def _settings() -> tuple[Settings | None, list[Finding]]:
    """Load what is there, and say what is wrong or missing for a run."""
    try:
        settings = load(needs=[Need.KIMI, Need.STORE, Need.PLATFORM])
    except SettingsError as error:
        findings = [_fault(fault) for fault in error.faults]
    else:
        return settings, [Finding("ok", "Settings: complete")]
    try:
        return load(), findings
    except SettingsError:
        return None, findings


async def _examine(settings: Settings) -> list[Finding]:
    """Look at everything that is set up, all at the same time; print in a fixed order."""
    looks = [
        asyncio.create_task(_within(name, TIMEOUT_S, look(settings)))
        for name, look, wanted in (
            ("Database", check_store.examine, True),
            ("Kimi", check_kimi.examine, settings.kimi_api_key is not None),
            ("Slack", check_platforms.slack, "slack" in settings.platforms),
            ("Telegram", check_platforms.telegram, "telegram" in settings.platforms),
        )
        if wanted
    ]
    found: list[Finding] = []
    for look in looks:
        findings = await look
        found += findings
        for finding in findings:
            _print(finding)
    return found


async def _within(name: str, limit_s: float, look: Awaitable[Sequence[Finding]]) -> list[Finding]:
    """Turn whatever goes wrong while looking into a finding."""
    try:
        async with asyncio.timeout(limit_s):
            return list(await look)
    except TimeoutError:
        return [
            Finding("fault", f"{name}: no answer within {limit_s:.0f} s", "Check the network and proxies.")
        ]
    except SettingsError as error:
        return [_fault(fault) for fault in error.faults]
    except MoonthreadError as error:
        return [Finding("fault", f"{name}: {error}")]


def _fault(line: str) -> Finding:
    what, _, advice = line.partition("; ")
    return Finding("fault", what, advice)
