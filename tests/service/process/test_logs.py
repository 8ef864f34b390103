"""The log of whole conversations: every line of one names its turn, and no line what was said."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from bots.simulator.kimi import ScriptedCall, ScriptedReply, SeenRequest
from bots.simulator.kimi.script import Faults

OF_THE_PROCESS = frozenset(
    {
        "slack.connected",
        "telegram.connected",
        "leader.elected",
        "leader.resigned",
        "service.started",
        "service.stopping",
        "service.stopped",
        "telegram.callback_not_answered",
        "telegram.membership_changed",
        "As you gave `client` as well, `token` will be unused.",  # Bolt, which looks into the environment
    }
)  #: lines that are of no single turn

#: Everything that people, files, pages and Kimi say here; no piece of it may be logged.
SAID = (
    "Quibblewick", "Zephyrine", "Marzipan", "Snorkelberg", "Thimblerig", "Flummoxed", "Harlequin",
    "Pumpernickel", "Gobbledygook", "Whippersnap", "Ragamuffin",
)  # fmt: skip


async def until(found: Callable[[], Any], process: Any) -> None:
    """Wait until ``found`` returns something true."""
    for _ in range(3000):
        if found():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited in vain; the log: {process.log.read_text()[-3000:]}")


def answered() -> Callable[[SeenRequest], ScriptedReply]:
    """Return a Kimi that searches first, breaks off once, and answers."""
    seen: set[str] = set()

    def reply(request: SeenRequest) -> ScriptedReply:
        if "Thimblerig" in request.question and "searched" not in seen:
            seen.add("searched")
            call = ScriptedCall(name="web_search", arguments='{"query": "Flummoxed"}')
            return ScriptedReply("", reasoning="Gobbledygook!", tool_calls=(call,))
        faults = Faults()
        if "Thimblerig" in request.question and "broken" not in seen:
            seen.add("broken")
            faults = Faults(cut_after_chars=40)
        return ScriptedReply(
            "Harlequin says " + "and so on " * 12 + "Pumpernickel.", faults=faults, chunks_per_s=120
        )

    return reply


@pytest.mark.slow
async def test_a_log_at_debug_level_tells_turns_and_no_words(stand_ins: Any, process: Any) -> None:
    """Tools, files, refusals and broken streams included."""
    kimi, telegram, slack = stand_ins
    kimi.script = answered()
    process.environ |= {"MOONTHREAD_LOG_LEVEL": "debug", "MOONTHREAD_WEB_SEARCH": "on"}
    await process.start()
    ann, bob = telegram.add_person("Quibblewick"), slack.add_person("Zephyrine")
    chat, channel = telegram.private_chat(ann), slack.add_channel("snorkelberg", [bob])
    kimi.formulas.failing.append("Flummoxed")
    telegram.faults.next("editMessageText", "429", seconds=0.3)
    await telegram.say(chat, ann, "Does a Thimblerig help?")
    slack.faults.next("chat.appendStream", "503")
    await slack.say(channel, bob, f"<@{slack.bot_user}> What is a Ragamuffin?")

    def shown() -> int:
        told = [*telegram.screen.in_channel(str(chat), by_bot=True)]
        told += slack.screen.in_channel(channel, by_bot=True)
        return sum("Pumpernickel" in one.text for one in told)

    await until(lambda: shown() == 2, process)
    content = b"Whippersnap is the secret word."
    await telegram.send_document(
        chat, ann, "Read Marzipan", filename="Marzipan.txt", mime_type="text/plain", content=content
    )
    await until(lambda: shown() == 3, process)
    await telegram.say(chat, ann, "/usage")
    await until(lambda: len(telegram.screen.in_channel(str(chat), by_bot=True)) == 3, process)
    assert await process.end() == 0

    text = process.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert len(kimi.requests) >= 5
    for secret in (*SAID, slack.bot_token, slack.app_token, "1:test", "sk-test"):
        assert secret.lower() not in text.lower()
    untold = {line["event"] for line in lines if not isinstance(line.get("turn"), int)} - OF_THE_PROCESS
    assert untold == set()
    by_turn: dict[int, list[str]] = {}
    for line in lines:
        by_turn.setdefault(line.get("turn", 0), []).append(line["event"])
    turns = {turn: events for turn, events in by_turn.items() if turn}
    assert len(turns) == 4
    assert all("turn.finished" in events for events in turns.values())
    told = {event for events in turns.values() for event in events}
    assert {
        "answer.stream_resumed",
        "delivery.call_failed",
        "tool.call_failed",
        "file.read",
        "turn.finished",
    } <= told, told
