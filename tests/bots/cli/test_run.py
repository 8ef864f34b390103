"""``moonthread run`` and ``check`` as processes, with a local Slack, Telegram and Kimi behind them."""

import asyncio
import json
import os
import signal
from typing import Any

import pytest

from bots.simulator.kimi import KimiSimulator
from bots.simulator.screen import Screen
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import TelegramSimulator


async def shown(screen: Screen, text: str) -> None:
    """Wait until a message of a bot holds ``text``."""
    with screen.watching() as frames:
        while not any(text in message.text for message in screen.messages.values() if message.by_bot):
            await asyncio.wait_for(frames.get(), timeout=100)


async def started(process: asyncio.subprocess.Process) -> list[dict[str, Any]]:
    """Read log lines until the service says that it has started."""
    lines: list[dict[str, Any]] = []
    while not lines or lines[-1]["event"] != "service.started":
        line = await asyncio.wait_for(process.stderr.readline(), timeout=100)
        assert line, lines
        lines.append(json.loads(line))
    return lines


def on_both(with_kimi: Any, slack: SlackSimulator, telegram: TelegramSimulator) -> None:
    """Set the credentials of both platforms."""
    with_kimi.environ |= {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        "TELEGRAM_BOT_TOKEN": "1:test",
        "TELEGRAM_API_URL": telegram.api_url,
        "MOONTHREAD_HTTP_PORT": "0",
        "MOONTHREAD_LOG_FORMAT": "json",
    }


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_both_platforms_until_it_is_stopped(
    with_kimi: Any, kimi: KimiSimulator, number: signal.Signals
) -> None:
    """Questions on both are answered; a signal ends it in order; no secret and no words in the log."""
    async with SlackSimulator() as slack, TelegramSimulator() as telegram:
        on_both(with_kimi, slack, telegram)
        process = await with_kimi.start("run")
        lines = await started(process)
        ada, ann = slack.add_person("Ada"), telegram.add_person("Ann")
        general = slack.add_channel("general", [ada])
        await slack.say(general, ada, f"<@{slack.bot_user}> from slack")
        await telegram.say(telegram.private_chat(ann), ann, "from telegram")
        await shown(slack.screen, "Hello, you.")
        await shown(telegram.screen, "Hello, you.")
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), timeout=100)

    assert (process.returncode, out) == (0, b"")
    log = json.dumps(lines) + err.decode()
    assert lines[-1]["platforms"] == ["slack", "telegram"]
    for hidden in ("sk-test", slack.bot_token, slack.app_token, "1:test", "Hello, you", "from telegram"):
        assert hidden not in log
    assert json.loads(err.splitlines()[-1])["event"] == "service.stopped"


@pytest.mark.slow
async def test_only_the_named_platform_is_served(with_kimi: Any) -> None:
    """--platform leaves the other one alone, even where its credentials are set."""
    async with SlackSimulator() as slack, TelegramSimulator() as telegram:
        on_both(with_kimi, slack, telegram)
        process = await with_kimi.start("run", "--platform", "telegram")
        lines = await started(process)
        process.terminate()
        await asyncio.wait_for(process.communicate(), timeout=100)

        assert lines[-1]["platforms"] == ["telegram"]
        assert slack.calls == []


@pytest.mark.slow
async def test_a_second_process_on_the_same_file_is_refused(with_kimi: Any) -> None:
    """It says which file, and the first one goes on."""
    async with TelegramSimulator() as telegram:
        with_kimi.environ |= {
            "TELEGRAM_BOT_TOKEN": "1:test",
            "TELEGRAM_API_URL": telegram.api_url,
            "MOONTHREAD_HTTP_PORT": "0",
            "MOONTHREAD_LOG_FORMAT": "json",
        }
        first = await with_kimi.start("run")
        await started(first)

        second = await with_kimi.in_own_process("run")

        assert second.status == 1
        assert "moonthread: another Moonthread process is using " in second.err
        assert first.returncode is None
        first.terminate()
        await asyncio.wait_for(first.communicate(), timeout=100)


@pytest.mark.slow
async def test_an_unknown_model_ends_the_start_with_one_line(with_kimi: Any) -> None:
    """The models that there are stand in it."""
    async with TelegramSimulator() as telegram:
        with_kimi.environ |= {
            "TELEGRAM_BOT_TOKEN": "1:test",
            "TELEGRAM_API_URL": telegram.api_url,
            "KIMI_MODEL": "kimi-latest",
        }

        done = await with_kimi.in_own_process("run")

    assert done.status == 1
    fault = done.err.splitlines()[-1]
    assert fault.startswith("moonthread: KIMI_MODEL: kimi-latest was retired on 2026-01-28")
    assert fault.endswith("; set KIMI_MODEL=kimi-k2.6")


async def test_the_doctor_finds_everything_well(with_kimi: Any) -> None:
    """With all in order every line has its tick and the exit status is 0."""
    async with SlackSimulator() as slack, TelegramSimulator() as telegram:
        on_both(with_kimi, slack, telegram)

        done = await with_kimi("check")

    assert done.status == 0, done.out
    assert {line[0] for line in done.out.splitlines()} == {"✓"}
    assert "Slack: the bot is @" in done.out
    assert "Telegram: @moonthread_bot" in done.out
    assert "privacy mode is on" in done.out


async def test_the_doctor_names_refused_tokens(with_kimi: Any) -> None:
    """Each platform's refusal is a line with advice, without the token."""
    async with SlackSimulator() as slack, TelegramSimulator() as telegram:
        on_both(with_kimi, slack, telegram)
        with_kimi.environ |= {"SLACK_BOT_TOKEN": "xoxb-no-such", "TELEGRAM_BOT_TOKEN": "2:no-such"}

        done = await with_kimi("check")

    assert done.status == 1
    faults = [line for line in done.out.splitlines() if line.startswith("✗")]
    assert [fault.split(":")[0] for fault in faults] == ["✗ Slack", "✗ Telegram"]
    assert all("→" in fault for fault in faults)
    assert "no-such" not in done.out + done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_cannot_be_written_is_named(with_kimi: Any) -> None:
    """The start ends with the path and what to do."""
    locked = with_kimi.folder / "locked"
    locked.mkdir(mode=0o500)
    with_kimi.environ |= {"MOONTHREAD_DATA_DIR": str(locked), "TELEGRAM_BOT_TOKEN": "1:test"}

    done = await with_kimi.in_own_process("run")

    assert done.status == 1
    assert "moonthread: MOONTHREAD_DATA_DIR: cannot be written" in done.err
