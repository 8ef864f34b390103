"""A process that is told to stop, and a second one that wants the same database."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bots.simulator.kimi import answer_with, per_question
from bots.simulator.kimi.script import ScriptedReply

pytestmark = pytest.mark.slow  # processes

SHORT = "A short answer: " + "word " * 40 + "and out."
LONG = "A long answer: " + " ".join(f"w{number}" for number in range(400)) + " and out."


async def until(found: Callable[[], Any]) -> Any:
    """Wait until ``found`` returns something true; return that."""
    for _ in range(3000):
        if result := found():
            return result
        await asyncio.sleep(0.01)
    raise AssertionError("waited in vain")


async def test_running_answers_end_within_the_grace_and_the_rest_later(stand_ins: Any, process: Any) -> None:
    """After SIGTERM the short answer is completed, the long one at the next start, where it stands."""
    kimi, telegram, slack = stand_ins
    kimi.script = per_question(
        {"short": ScriptedReply(SHORT, chunks_per_s=25), "long": ScriptedReply(LONG, chunks_per_s=15)}
    )
    process.environ["MOONTHREAD_SHUTDOWN_GRACE_S"] = "4"
    await process.start()
    ann, bob = telegram.add_person("Ann"), slack.add_person("Bob")
    chat, channel = telegram.private_chat(ann), slack.add_channel("general", [bob])
    await telegram.say(chat, ann, "the short one")
    await slack.say(channel, bob, f"<@{slack.bot_user}> the long one")

    def answers() -> tuple[list[Any], list[Any]]:
        return telegram.screen.in_channel(str(chat), by_bot=True), slack.screen.in_channel(
            channel, by_bot=True
        )

    await until(lambda: all(answers()))
    await telegram.say(chat, ann, "another short one, which waits")
    await until(lambda: not telegram.bot.updates.pending)
    assert await process.end() == 0
    (short,), (long,) = answers()
    assert short.text == SHORT
    assert LONG.startswith(long.text.rstrip(" …"))
    assert len(kimi.requests) == 2

    kimi.script = per_question(
        {
            "short": ScriptedReply("The waiting one.", chunks_per_s=100),
            "long": ScriptedReply(LONG, chunks_per_s=500),
        }
    )
    await process.start()
    await until(lambda: answers()[1][0].text == LONG and len(answers()[0]) == 2)
    assert await process.end() == 0
    (_, waited), (whole,) = answers()
    assert waited.text == "The waiting one."
    assert whole.message_id == long.message_id
    assert not whole.streaming


async def test_a_second_process_on_the_same_file_says_so_and_leaves(stand_ins: Any, process: Any) -> None:
    """The second one ends with one clear line and status 1; the first one goes on."""
    _, telegram, _ = stand_ins
    await process.start()
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)
    await telegram.say(chat, ann, "hello?")
    await until(lambda: telegram.screen.in_channel(str(chat), by_bot=True))
    first, process.running = process.running, None
    process.log = process.folder / "second.txt"
    try:
        await process.start()
        assert await asyncio.wait_for(process.running.wait(), timeout=100) == 1
        lines = [line for line in process.log.read_text().splitlines() if not line.startswith("{")]
        assert len(lines) == 1
        assert "another Moonthread process is using" in lines[0]
        assert first.returncode is None
        await telegram.say(chat, ann, "still there?")
        await until(lambda: len(telegram.screen.in_channel(str(chat), by_bot=True)) == 2)
    finally:
        process.running = first
    assert await process.end() == 0


async def test_nothing_secret_and_nobodys_words_stand_in_the_log(stand_ins: Any, process: Any) -> None:
    """Tokens, keys and what people and Kimi say are not logged, not even when things fail."""
    kimi, telegram, slack = stand_ins
    kimi.script = answer_with("My answer is PLUM. " * 30, chunks_per_s=100)
    process.environ["MOONTHREAD_LOG_LEVEL"] = "debug"
    telegram.faults.next("editMessageText", "502")
    slack.faults.next("chat.update", "reset")
    await process.start()
    ann, bob = telegram.add_person("Ann"), slack.add_person("Bob")
    chat, dm = telegram.private_chat(ann), slack.open_dm(bob)
    await telegram.say(chat, ann, "my secret is PEACH")
    await slack.say(dm, bob, "my secret is PEACH")
    for sim, channel in ((telegram, str(chat)), (slack, dm)):
        await until(
            lambda sim=sim, channel=channel: [
                shown
                for shown in sim.screen.in_channel(channel, by_bot=True)
                if shown.text.count("PLUM") == 30
            ]
        )
    assert await process.end() == 0
    log = process.log.read_text()
    assert "turn.finished" in log
    for secret in ("PLUM", "PEACH", "sk-test", "1:test", "xoxb-test", "xapp-test"):
        assert secret not in log
