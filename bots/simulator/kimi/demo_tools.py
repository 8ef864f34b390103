"""What the demo's script does with the shop's tools: looks, reserves, says what came of it. Pure."""

import json
import re
from typing import Final

from bots.simulator.kimi.messages import text_of
from bots.simulator.kimi.script import ScriptedCall, ScriptedReply, SeenRequest

_RESERVES: Final = re.compile(r"\breserve\b|预订|预定", re.I)
_RESERVED: Final = re.compile(r"\d+ × .+: reserved")


def reservation(request: SeenRequest, *, chinese: bool) -> ScriptedReply | None:
    """Return the next step of a reservation; None if none is asked for, or the tools are not offered."""
    offered = {tool.get("function", {}).get("name") for tool in request.body.get("tools") or ()}
    if not {"stock", "reserve"} <= offered or not _RESERVES.search(request.question):
        return None
    asked_at = max(at for at, one in enumerate(request.history) if one.get("role") == "user")
    results = [text_of(one.get("content")) for one in request.history[asked_at:] if one.get("role") == "tool"]
    article = "茉莉花茶" if chinese else "jasmine tea"
    match results:
        case []:
            text = "我先看看库存。" if chinese else "Let me see what is there."
            return ScriptedReply(text, tool_calls=(_call("stock", article=article),), first_after_s=0.5)
        case [found]:
            text = f"还有 {found} 罐。" if chinese else f"There are {found} tins."
            return ScriptedReply(text, tool_calls=(_call("reserve", article=article, tins=2),))
        case [*_, last] if _RESERVED.search(last):
            return ScriptedReply("已经为你预订了两罐。" if chinese else "Two tins are reserved for you.")
        case _:
            return ScriptedReply("好的，那就不预订。" if chinese else "All right, then nothing is reserved.")


def _call(name: str, **arguments: object) -> ScriptedCall:
    return ScriptedCall(name=name, arguments=json.dumps(arguments, ensure_ascii=False))
