"""Selects the tools of an answer: the operator's own always, others if they are switched on."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import structlog

from core.domain.answer_steps import ToolCallOutcome
from core.domain.bot_messages import TaskCard, TaskState
from core.kimi import KimiEndpointMissing, KimiError, ToolCall
from core.kimi.json_decoding import decode_json
from core.store import Database, conversation_settings
from core.text.language import Language, pick
from core.text.quoting import foreign_link
from core.tools import SourceLink, Tool
from core.tools.formula import BUILTIN_SEARCH, FETCH_URI, WEB_SEARCH_URI, KimiApi, load_formula_tools
from core.tools.mcp.servers import McpServers
from core.tools.selection import OWN, ToolGroup, ToolSelection
from core.tools.tool_runner import ToolProgress

log = structlog.get_logger(__name__)

PROVIDER_TIMEOUT_S: Final = 3.0  #: how long a person waits to hear whether the provider has a search
MAX_SUBJECT_CHARS: Final = 80  #: characters of a call's subject in the status text


class ToolRegistry:
    """Knows all tools of a deployment; loads formulas once and caches them."""

    def __init__(
        self,
        database: Database,
        kimi: KimiApi,
        custom_tools: Sequence[Tool],
        *,
        search_by_default: bool,
        mcp: McpServers | None = None,
    ) -> None:
        """Offer ``custom_tools``, those of ``mcp``, and web search by default if ``search_by_default``."""
        self._mcp = mcp
        self._database = database
        self._kimi = kimi
        self._custom_tools = tuple(custom_tools)
        self._search_by_default = search_by_default
        self._formulas: tuple[Tool, ...] | None = None
        self._formulas_unsupported = False

    async def is_web_search_on(self, conversation_id: int) -> bool:
        """Return whether a conversation's answers may search the web.

        Raises:
            StoreUnavailable: its settings cannot be read.
        """
        async with self._database.read() as tx:
            chosen = (await conversation_settings.load(tx, conversation_id)).get(conversation_settings.SEARCH)
        return self._search_by_default if chosen is None else chosen == "on"

    async def tool_groups(self) -> Sequence[ToolGroup]:
        """Return the operator's own tools, if there are any, and those of each MCP server."""
        own = (
            (ToolGroup(name=OWN, tools=self._custom_tools, is_reachable=True),) if self._custom_tools else ()
        )
        if self._mcp is None:
            return own
        await self._mcp.wait_until_tried()
        return (*own, *self._mcp.groups())

    def unreachable_text(self, selection: ToolSelection) -> str:
        """Return a sentence for the model that names unreachable servers; "" if there are none."""
        return "" if self._mcp is None else self._mcp.unreachable_text(selection)

    async def tools_for_answer(
        self, web_search: bool | None, *, model_thinks: bool, selection: ToolSelection | None = None
    ) -> Sequence[Tool]:
        """Return the tools for one answer; without web search if the formulas cannot be loaded.

        Args:
            web_search: the conversation's choice; None for the default.
            model_thinks: the model thinks before it answers.
            selection: which of the operator's and the MCP servers' tools it may use.
        """
        selection = selection or ToolSelection()
        own_tools = tuple(
            tool for group in await self.tool_groups() for tool in group.tools if selection.allows(tool)
        )
        if not (self._search_by_default if web_search is None else web_search):
            return own_tools
        formulas = await self._load_formulas()
        if self._formulas_unsupported and not model_thinks:
            formulas = (BUILTIN_SEARCH,)
        return (*formulas, *own_tools)

    async def can_search(self, *, model_thinks: bool) -> bool:
        """Return whether the provider offers a web search; True as long as it cannot be asked."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PROVIDER_TIMEOUT_S):
                await self._load_formulas()
        return not self._formulas_unsupported or not model_thinks

    async def _load_formulas(self) -> tuple[Tool, ...]:
        if self._formulas is None and not self._formulas_unsupported:
            try:
                search = await load_formula_tools(self._kimi, WEB_SEARCH_URI)
                fetch = await load_formula_tools(self._kimi, FETCH_URI)
                self._formulas = (*search, *fetch)
            except KimiEndpointMissing:
                self._formulas_unsupported = True
                log.info("tool.formulas_unsupported")
            except KimiError as exc:
                log.warning("tool.formulas_unavailable", code=exc.code)
        return self._formulas or ()


def task_card(progress: ToolProgress, language: Language) -> TaskCard:
    """Return a call as people see it while it runs and afterwards."""
    match progress.outcome:
        case None:
            state = TaskState.RUNNING
        case ToolCallOutcome.DONE:
            state = TaskState.DONE
        case _:
            state = TaskState.FAILED
    sources = tuple((source.url, source.title) for source in progress.sources)
    title = tool_status_text(progress.call, language)
    return TaskCard(id=progress.id, title=title, state=state, sources=sources)


def tool_status_text(call: ToolCall, language: Language) -> str:
    """Return the text that is shown while a tool runs."""
    subject = _subject(call.arguments)
    match call.name:
        case "web_search" | "$web_search":
            return pick(language, zh=f"正在搜索：{subject}", en=f"Searching: {subject}")
        case "fetch":
            return pick(language, zh=f"正在阅读：{subject}", en=f"Reading: {subject}")
        case name:
            about = "…" if subject == "…" else pick(language, zh=f"：{subject}", en=f": {subject}")
            return pick(language, zh=f"正在使用工具 {name}{about}", en=f"Using {name}{about}")


def sources_text(sources: Sequence[SourceLink], language: Language) -> str:
    """Return the links to show below an answer; "" if there are none."""
    if not sources:
        return ""
    links = "\n".join(
        f"- {foreign_link(source.title or source.url.partition('://')[2], source.url)}" for source in sources
    )
    return f"**{pick(language, zh='来源', en='Sources')}**\n{links}"


def _subject(arguments: str) -> str:
    """Return the first text among a call's arguments, such as the search query."""
    try:
        values = decode_json(arguments.encode())
    except ValueError:
        return "…"
    candidates = values.values() if isinstance(values, dict) else ()
    text = next((value for value in candidates if isinstance(value, str)), "…")
    subject = " ".join(text.split())
    return subject if len(subject) <= MAX_SUBJECT_CHARS else f"{subject[:MAX_SUBJECT_CHARS]}…"
