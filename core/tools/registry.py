"""Which tools an answer may use: the operator's own always, web search where it is switched on."""

from collections.abc import Sequence

import structlog

from core.kimi import KimiEndpointMissing, KimiError, ToolCall
from core.kimi.json_decoding import decode_json
from core.store import Database, conversation_settings
from core.text.language import Language, pick
from core.tools import SourceLink, Tool
from core.tools.formula import BUILTIN_SEARCH, FETCH_URI, WEB_SEARCH_URI, KimiApi, load_formula_tools

log = structlog.get_logger(__name__)

MAX_SUBJECT_CHARS = 80  #: characters of a search that its announcement repeats


class ToolRegistry:
    """The tools of one deployment."""

    def __init__(
        self, database: Database, kimi: KimiApi, custom_tools: Sequence[Tool], *, search_by_default: bool
    ) -> None:
        """``search`` says whether conversations search the web where they did not choose."""
        self._database = database
        self._kimi = kimi
        self._custom_tools = tuple(custom_tools)
        self._search_by_default = search_by_default
        self._formulas: tuple[Tool, ...] | None = None
        self._formulas_unsupported = False

    async def is_web_search_on(self, conversation_id: int) -> bool:
        """Return whether a conversation's answers may search the web."""
        async with self._database.read() as tx:
            chosen = (await conversation_settings.load(tx, conversation_id)).get(conversation_settings.SEARCH)
        return self._search_by_default if chosen is None else chosen == "on"

    async def tools_for_answer(self, web_search: bool | None, *, model_thinks: bool) -> Sequence[Tool]:
        """Return the tools for one answer; ``thinks`` says whether its model thinks before it.

        ``searches`` is what its conversation chose; None where it did not. Where Kimi's formulas
        cannot be had, an answer goes without them.
        """
        if not (self._search_by_default if web_search is None else web_search):
            return self._custom_tools
        found = await self._load_formulas()
        if self._formulas_unsupported and not model_thinks:
            found = (BUILTIN_SEARCH,)  # the older way; it refuses models that think
        return (*found, *self._custom_tools)

    async def _load_formulas(self) -> tuple[Tool, ...]:
        if self._formulas is None and not self._formulas_unsupported:
            try:
                searching = await load_formula_tools(self._kimi, WEB_SEARCH_URI)
                fetching = await load_formula_tools(self._kimi, FETCH_URI)
                self._formulas = (*searching, *fetching)
            except KimiEndpointMissing:
                self._formulas_unsupported = True
                log.info("tool.formulas_unsupported")
            except KimiError as exc:
                log.warning("tool.formulas_unavailable", code=exc.code)
        return self._formulas or ()


def tool_status_text(call: ToolCall, language: Language) -> str:
    """Return what the message says while a tool runs."""
    subject = _subject(call.arguments)
    match call.name:
        case "web_search" | "$web_search":
            return pick(language, zh=f"正在搜索：{subject}", en=f"Searching: {subject}")
        case "fetch":
            return pick(language, zh=f"正在阅读：{subject}", en=f"Reading: {subject}")
        case _:
            return pick(language, zh=f"正在使用工具 {call.name}…", en=f"Using {call.name}…")


def sources_text(sources: Sequence[SourceLink], language: Language) -> str:
    """Return the links that stand under an answer; "" for none."""
    if not sources:
        return ""
    links = "\n".join(f"- [{_label(source)}]({source.url})" for source in sources)
    return f"**{pick(language, zh='来源', en='Sources')}**\n{links}"


def _label(source: SourceLink) -> str:
    shown = source.title or source.url.partition("://")[2]
    return " ".join(shown.replace("[", "(").replace("]", ")").split())[:MAX_SUBJECT_CHARS]


def _subject(arguments: str) -> str:
    """Return the first words among a call's arguments, such as what is searched for."""
    try:
        given = decode_json(arguments.encode())
    except ValueError:
        return "…"
    words = (
        next((value for value in given.values() if isinstance(value, str)), "…")
        if isinstance(given, dict)
        else "…"
    )
    flat = " ".join(words.split())
    return flat if len(flat) <= MAX_SUBJECT_CHARS else f"{flat[:MAX_SUBJECT_CHARS]}…"
