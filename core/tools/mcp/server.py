"""One supervised MCP server: connected, watched, connected again."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeAlias

import structlog

from core.concurrency.deadline import Interrupted, run_until, run_with_timeout, wait_for_event
from core.domain.clock import Clock
from core.kimi.json_decoding import decode_json
from core.ports.tools import Approval, Tool, ToolError, ToolResult
from core.tools.mcp.config import McpServerConfig
from core.tools.mcp.schemas import definition_bytes, tool_definition, tool_name

log = structlog.get_logger(__name__)

MAX_TOOLS: Final = 60  #: of one server; Kimi takes 128 in a request
MAX_DEFINITIONS_BYTES: Final = 128_000  #: of one server's tools; each request with tools carries them
CALL_TIMEOUT_S: Final = 120.0
LIST_TIMEOUT_S: Final = 30.0  #: includes the start of a child process
FIRST_TRY_S: Final = 10.0  #: how long the first answer waits for the first connection
REFRESH_S: Final = 60.0  #: the tools are listed again, which also finds a server that died unseen
FIRST_RETRY_S: Final = 1.0
MAX_RETRY_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTool:
    """One tool as a server describes it."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = field(default_factory=dict)
    read_only: bool = False  #: declared by the server


class McpSession(Protocol):
    """One open connection to a server. Any exception but :class:`ToolError` means that it may be lost."""

    async def list_tools(self) -> Sequence[ListedTool]:
        """Return the server's tools."""

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool.

        Raises:
            ToolError: the server answered that the call failed.
        """


Connect: TypeAlias = Callable[[McpServerConfig], AbstractAsyncContextManager[McpSession]]


class McpServer:
    """A server's tools, kept connected by a task of its own."""

    def __init__(self, config: McpServerConfig, connect: Connect, clock: Clock) -> None:
        self.config = config
        self._connect = connect
        self._clock = clock
        self._session: McpSession | None = None
        self._tools: tuple[Tool, ...] = ()
        self._has_doubts = asyncio.Event()  # a call failed: look whether the server is still there
        self._tried = asyncio.Event()
        self._lost = asyncio.Event()  # the connection that calls wait for has ended
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the server can be called now."""
        return self._session is not None

    @property
    def tools(self) -> tuple[Tool, ...]:
        """The tools as listed last, also while the server cannot be reached; without the forbidden ones."""
        return self._tools

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._supervisor = asyncio.create_task(self._supervise(), name=f"mcp-{self.config.name}")

    async def wait_until_tried(self) -> None:
        """Wait until the first try to connect has ended, a few seconds at most."""
        if not self._tried.is_set():
            await wait_for_event(self._tried, FIRST_TRY_S, self._clock)
            self._tried.set()  # nobody else waits for a slow server

    async def close(self) -> None:
        """Close the connection; a child process is ended."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)

    async def _supervise(self) -> None:
        retry_s, was_told = FIRST_RETRY_S, False
        while True:
            was_connected = False
            try:
                async with self._connect(self.config) as session:
                    await self._list(session)
                    self._session, self._lost, was_connected = session, asyncio.Event(), True
                    self._tried.set()
                    log.info("mcp.connected", server=self.config.name, tools=len(self._tools))
                    await self._watch(session)
            except Exception as exc:  # noqa: BLE001 - the server's process, network or library may fail in any way
                if was_connected or not was_told:
                    log.warning("mcp.disconnected", server=self.config.name, cause=error_kind(exc))
                was_told = True
            finally:
                self._session = None
                self._tried.set()
                self._lost.set()
            retry_s = FIRST_RETRY_S if was_connected else min(retry_s * 2, MAX_RETRY_S)
            await self._clock.sleep(retry_s)

    async def _watch(self, session: McpSession) -> None:
        """List the tools again and again; raises once the server does not answer."""
        while True:
            await wait_for_event(self._has_doubts, REFRESH_S, self._clock)
            self._has_doubts.clear()
            await self._list(session)

    async def _list(self, session: McpSession) -> None:
        listed = await run_with_timeout(session.list_tools(), LIST_TIMEOUT_S, self._clock)
        tools, left_bytes = list[Tool](), MAX_DEFINITIONS_BYTES
        for one in listed[:MAX_TOOLS]:
            tool = self._build_tool(one)
            left_bytes -= definition_bytes(tool.definition)
            if left_bytes < 0:
                break
            tools.append(tool)
        if len(listed) > len(tools):
            log.warning("mcp.tools_left_out", server=self.config.name, tools=len(listed), kept=len(tools))
        self._tools = tuple(
            {tool.name: tool for tool in tools if tool.approval is not Approval.NEVER}.values()
        )

    def _build_tool(self, listed: ListedTool) -> Tool:
        name = tool_name(self.config.name, listed.name)

        async def run(arguments: str) -> ToolResult:
            return await self._call(listed.name, arguments)

        return Tool(
            name=name,
            definition=tool_definition(name, listed.description, listed.schema),
            run=run,
            server=self.config.name,
            approval=self.config.approval_of(listed.name, read_only=listed.read_only),
        )

    async def _call(self, tool: str, arguments: str) -> ToolResult:
        session, lost = self._session, self._lost
        if session is None:
            raise ToolError(f"the server {self.config.name!r} cannot be reached now")
        try:
            values = decode_json(arguments.encode() or b"{}")
        except ValueError as exc:
            raise ToolError("the arguments are no JSON object") from exc
        try:
            call = run_with_timeout(session.call(tool, values), CALL_TIMEOUT_S, self._clock)
            return await run_until(call, lost.wait())
        except ToolError:
            raise
        except Interrupted:
            text = f"the server {self.config.name!r} ended meanwhile; whether it did it is unknown"
            raise ToolError(text) from None
        except Exception as exc:  # as above
            self._has_doubts.set()
            log.warning("mcp.call_failed", server=self.config.name, cause=error_kind(exc))
            raise ToolError(f"the server {self.config.name!r} failed; whether it did it is unknown") from exc


def error_kind(error: BaseException) -> str:
    """Return the kind of an error for the log, without its words: they may repeat people's."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
