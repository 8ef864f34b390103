"""``/tools``: which tools Kimi may use in a chat, and which without asking."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from core.commands import Command, CommandReply, ToolsCommand
from core.domain.addresses import ChatType, Person, ThreadKey
from core.domain.buttons import RunCommand, fits_button
from core.domain.clock import Clock
from core.domain.command_names import CommandName
from core.ports.tools import Approval, Tool, ToolResult
from core.store import Database, conversations, rules, tool_choices
from core.store.conversations import Conversation
from core.store.tool_choices import ToolChoices
from core.tools.mcp.config import McpServerConfig
from core.tools.mcp.server import ListedTool, McpSession
from core.tools.mcp.servers import McpServers
from core.tools.registry import ToolRegistry
from core.tools.selection import ToolSelection

pytestmark = pytest.mark.virtual_time

GROUP = ThreadKey(platform="telegram", tenant="1", channel="-100", thread="")
DIRECT = replace(GROUP, channel="7")
LONG = "a_tool_with_a_name_that_is_much_longer_than_the_data_of_a_button_may_be"


class Session:
    """A server with two tools."""

    async def list_tools(self) -> Sequence[ListedTool]:
        """List them."""
        return [
            ListedTool(name="stock", description="Return [the](https://evil.test) **stock**.\n# `x`"),
            ListedTool(name=LONG),
        ]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Nobody calls."""
        return ToolResult(text="")


@contextlib.asynccontextmanager
async def connect(config: McpServerConfig) -> AsyncIterator[McpSession]:
    """Connect, unless the server is down."""
    if config.name == "down":
        raise ConnectionError
    yield Session()


async def nothing(arguments: str) -> ToolResult:
    """Do nothing."""
    return ToolResult(text="")


ORDER = Tool(
    name="order",
    definition={"type": "function", "function": {"name": "order", "description": "Order an article."}},
    run=nothing,
    approval=Approval.ASK,
)


class Chat:
    """A chat whose people give the command."""

    def __init__(self, database: Database, registry: ToolRegistry, conversation: Conversation) -> None:
        self.database, self.registry, self.conversation = database, registry, conversation
        self.handler = ToolsCommand(database, registry)

    async def order(self, argument: str = "", *, is_admin: bool = True, language: Any = "en") -> CommandReply:
        """Give the command, or press a button with this argument."""
        return await self.handler(
            Command(
                name=CommandName.TOOLS,
                argument=argument,
                conversation=self.conversation,
                author=Person(id="U1", name="Ann"),
                chat_type=self.conversation.chat_type,
                language=language,
                is_admin=is_admin,
            )
        )

    async def press(self, reply: CommandReply, label: str, **how: Any) -> CommandReply:
        """Press a button of a reply."""
        (action,) = (one.action for one in reply.options if one.label == label)
        assert isinstance(action, RunCommand)
        return await self.order(action.argument, **how)

    async def choices(self) -> ToolChoices:
        """What is stored."""
        async with self.database.read() as tx:
            return await tool_choices.load(tx, self.conversation)

    async def usable(self) -> list[str]:
        """The tools of an answer here."""
        in_group = self.conversation.chat_type is ChatType.GROUP
        selection = ToolSelection.chosen((await self.choices()).tools, in_group=in_group)
        tools = await self.registry.tools_for_answer(False, model_thinks=False, selection=selection)
        return [tool.name.removeprefix("shop__")[:12] for tool in tools]


@pytest.fixture
async def chats(virtual_database: Database, loop_clock: Clock) -> AsyncIterator[dict[str, Chat]]:
    """A group and a direct chat; one server can be reached, another cannot."""
    servers = McpServers(
        [McpServerConfig(name=name, command="x") for name in ("shop", "down")], connect, loop_clock
    )
    servers.start()
    registry = ToolRegistry(virtual_database, None, [ORDER], search_by_default=False, mcp=servers)  # type: ignore[arg-type]
    async with virtual_database.begin() as tx:
        group = await conversations.get_or_create(tx, GROUP, ChatType.GROUP)
        direct = await conversations.get_or_create(tx, DIRECT, ChatType.DIRECT)
    yield {
        "group": Chat(virtual_database, registry, group),
        "direct": Chat(virtual_database, registry, direct),
    }
    await servers.close()


async def test_a_groups_admin_switches_a_server_on_and_one_of_its_tools_off(chats: dict[str, Chat]) -> None:
    """Servers are off in groups at first; the choice is a rule of the chat and changes nothing else."""
    chat = chats["group"]
    overview = await chat.order()
    assert "**shop**: off" in overview.text
    assert "**down**: cannot be reached now" in overview.text
    assert "**this service**: 1 of 1 tools" in overview.text
    assert await chat.usable() == ["order"]
    shop = await chat.press(overview, "shop")
    assert "`stock` (off): Return the (https://evil.test) stock . # x\n" in shop.text
    shop = await chat.press(shop, "All on")
    assert await chat.usable() == ["order", "stock", LONG[:12]]
    shop = await chat.press(shop, "✓ stock")
    assert await chat.usable() == ["order", LONG[:12]]
    assert "1 of 2 tools" in (await chat.press(shop, "‹ Back")).text
    async with chat.database.read() as tx:
        stored = await rules.load(tx, GROUP)
    assert stored is not None
    assert stored.tools == ("shop", "-shop__stock")
    assert (stored.quiet_s, stored.gather_s) == (0, 0)
    await chat.order("shop off")
    assert await chat.usable() == ["order"]
    await chat.order("own/order off")
    assert await chat.usable() == []
    await chat.order("own/order on")
    assert await chat.usable() == ["order"]


async def test_a_direct_chat_uses_every_server_until_one_is_switched_off(chats: dict[str, Chat]) -> None:
    """The person's choice holds for the conversation, and no rule is made of it."""
    chat = chats["direct"]
    assert await chat.usable() == ["order", "stock", LONG[:12]]
    await chat.order("shop off")
    assert await chat.usable() == ["order"]
    await chat.order("shop/stock on")
    assert await chat.usable() == ["order", "stock"]
    async with chat.database.read() as tx:
        assert await rules.load(tx, DIRECT) is None


@pytest.mark.parametrize("argument", ["shop on", "shop/stock on", "own/order off", "own/order=ask"])
async def test_others_of_a_group_only_see(chats: dict[str, Chat], argument: str) -> None:
    """Typed or forged, a change that is no admin's is refused and offers no switch."""
    chat = chats["group"]
    async with chat.database.begin() as tx:
        await tool_choices.save(tx, chat.conversation, ToolChoices(approved=("order",)), changed_by="U1")
    before = await chat.choices()
    reply = await chat.order(argument, is_admin=False)
    assert "only admins" in reply.text
    assert [one.label for one in reply.options] == ["‹ Back"]
    assert await chat.choices() == before


@pytest.mark.parametrize("kind", ["group", "direct"])
async def test_always_here_is_shown_and_taken_back(chats: dict[str, Chat], kind: str) -> None:
    """A tool that is called without a question says so, and a button lets it ask again."""
    chat = chats[kind]
    async with chat.database.begin() as tx:
        choices = ToolChoices(approved=("order", "shop__stock"))
        await tool_choices.save(tx, chat.conversation, choices, changed_by="U1")
    overview = await chat.order()
    assert "Used without asking again: `order`, `shop__stock`" in overview.text
    own = await chat.press(overview, "this service")
    assert "`order` (always allowed)" in own.text
    own = await chat.press(own, "Ask again: order")
    assert "`order` (asks each time)" in own.text
    assert (await chat.choices()).approved == ("shop__stock",)


async def test_every_button_fits_and_says_it_in_the_persons_language(chats: dict[str, Chat]) -> None:
    """A tool's name may be longer than a button's data; both languages have every word."""
    chat = chats["direct"]
    for language, word in (("en", "Back"), ("zh", "返回")):
        reply = await chat.order("shop", language=language)
        assert all(fits_button(one.action) for one in reply.options)
        assert word in reply.options[-1].label
    assert "没有叫 `nothing` 的工具" in (await chat.order("nothing", language="zh")).text
