"""Tools of real MCP servers in a real conversation, over both transports, killed in the middle of a call."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bots.simulator.kimi import ScriptedCall, ScriptedReply, in_turn
from tests.core.tools.mcp import test_server_connection
from tests.core.tools.mcp.test_server_connection import http_server, unused_port
from tests.service.process.test_approval_kill import until

pytestmark = [pytest.mark.slow, pytest.mark.real_time]


def calling(tool: str, **arguments: str) -> ScriptedReply:
    """A reply that calls a tool."""
    return ScriptedReply("", tool_calls=(ScriptedCall(name=tool, arguments=json.dumps(arguments)),))


@pytest.mark.timeout(300)
async def test_answers_use_servers_and_go_on_without_them(stand_ins: Any, process: Any) -> None:
    """Killed in a call, Kimi hears that it is unknown, and the person nothing but the answer."""
    kimi, telegram, _ = stand_ins
    port = unused_port()
    servers = {
        "files": {"command": sys.executable, "args": [test_server_connection.SCRIPT], "trusted": True},
        "web": {"url": f"http://127.0.0.1:{port}/mcp", "privateAddress": True, "trusted": True},
    }
    data = process.folder / "data"
    data.mkdir(mode=0o700)
    servers["files"]["env"] = {"PYTHONPATH": str(Path.cwd())}
    (data / "mcp.json").write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
    process.environ["MOONTHREAD_DATA_DIR"] = str(data)
    steps = ("files__stock", "files__crash", "web__stock", "web__crash")
    kimi.script = in_turn(
        *(
            reply
            for name in steps
            for reply in (calling(name, article="mug"), ScriptedReply(f"After {name}."))
        )
    )
    ann = telegram.add_person("Ann")
    chat = telegram.private_chat(ann)

    async def ask(name: str) -> str:
        """Ask a question that needs a tool; return what Kimi hears of it."""
        await telegram.say(chat, ann, f"Use {name}, please.")
        found = await until(
            lambda: [one for one in texts() if one.startswith(f"After {name}.")], f"{name} is answered"
        )
        assert "cannot be" not in found[0]
        return str(kimi.requests[-1].messages[-1]["content"])

    def texts() -> list[str]:
        return [one.text for one in telegram.screen.in_channel(str(chat), by_bot=True)]

    async with http_server(port):
        await process.start()
        await until(lambda: process.log.read_text().count("mcp.connected") >= 2, "both are connected")
        assert "7 mug" in await ask("files__stock")
        assert "unknown" in await ask("files__crash")
        assert "7 mug" in await ask("web__stock")
        assert "unknown" in await ask("web__crash")
    log = process.log.read_text()
    assert "mcp.disconnected" in log
    assert "mug" not in log
