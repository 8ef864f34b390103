"""A question about a tool outlives kill -9: while it waits, and in the middle of the call."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bots.simulator.kimi import ScriptedCall, ScriptedReply, in_turn

pytestmark = [pytest.mark.slow, pytest.mark.real_time]

CALL = ScriptedReply("", tool_calls=(ScriptedCall(name="order", arguments='{"article": "mug"}'),))
TOOLS = '''
import asyncio, pathlib
from core.tools import tool

@tool
async def order(article: str) -> str:
    """Order an article."""
    orders = pathlib.Path("orders.txt")
    with orders.open("a") as lines:
        lines.write(article + "\\n")
    if pathlib.Path("slow").exists():
        await asyncio.sleep(600)
    return article + " is ordered"
'''


async def until(found: Any, what: str) -> Any:
    """Wait until ``found`` returns something true, and return that."""
    for _ in range(1_600):
        if result := found():
            return result
        await asyncio.sleep(0.05)
    raise AssertionError(f"waited in vain until {what}")


def orders(folder: Path) -> list[str]:
    """What was ordered so far."""
    path = folder / "orders.txt"
    return path.read_text().split() if path.exists() else []


@pytest.mark.timeout(300)
async def test_an_approved_call_is_made_at_most_once(stand_ins: Any, process: Any) -> None:
    """Killed while it is asked, the press goes on; killed in the call, Kimi hears that it is unknown."""
    kimi, telegram, _ = stand_ins
    (process.folder / "shop_tools.py").write_text(TOOLS, encoding="utf-8")
    path = process.environ["PYTHONPATH"]
    process.environ |= {
        "MOONTHREAD_TOOLS": "shop_tools",
        "PYTHONPATH": f"{process.folder}:{path}".rstrip(":"),
    }
    kimi.script = in_turn(CALL, ScriptedReply("On its way."), CALL, ScriptedReply("I do not know."))
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)

    def shown(text: str) -> Any:
        found = telegram.screen.in_channel(str(chat), by_bot=True)
        return next((one for one in found if text in one.text), None)

    async def approve(card: Any) -> None:
        value = next(value for label, value in card.buttons if label == "Approve")
        await telegram.press(chat, int(card.message_id), value, ann)

    await process.start()
    await telegram.say(chat, ann, "A mug, please.")
    card = await until(lambda: (one := shown("needs your approval")) and one.buttons and one, "it asks")
    await process.kill()
    await approve(card)
    await process.start()
    answer = await until(lambda: shown("On its way."), "the press goes on")
    assert answer.message_id == card.message_id
    assert orders(process.folder) == ["mug"]

    (process.folder / "slow").touch()
    await telegram.say(chat, ann, "Another.")
    card = await until(lambda: (one := shown("needs your approval")) and one.buttons and one, "it asks again")
    await approve(card)
    await until(lambda: len(orders(process.folder)) == 2, "the call is made")
    await process.kill()
    await process.start()
    await until(lambda: shown("I do not know."), "it goes on")
    assert orders(process.folder) == ["mug", "mug"]
    assert "unknown whether it was carried out" in str(kimi.requests[-1].messages[-1])
