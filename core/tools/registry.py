"""Which tools an answer may use: the operator's own always, web search where it is switched on."""

from collections.abc import Sequence

import structlog

from core.kimi import KimiEndpointMissing, KimiError, ToolCall
from core.kimi.decode import decode
from core.store import Database, conversation_settings
from core.text.language import Language, pick
from core.tools import SourceLink, Tool
from core.tools.formula import BUILTIN_SEARCH, FETCH, WEB_SEARCH, Asks, tools_of

log = structlog.get_logger(__name__)

MOST_TOLD = 80  #: characters of a search that its announcement repeats


class Toolbox:
    """The tools of one deployment."""

    def __init__(self, database: Database, kimi: Asks, own: Sequence[Tool], *, search: bool) -> None:
        """``search`` says whether conversations search the web where they did not choose."""
        self._database = database
        self._kimi = kimi
        self._own = tuple(own)
        self._search = search
        self._formulas: tuple[Tool, ...] | None = None
        self._no_formulas = False

    async def searches(self, conversation_id: int) -> bool:
        """Return whether a conversation's answers may search the web."""
        async with self._database.read() as tx:
            chosen = (await conversation_settings.load(tx, conversation_id)).get(conversation_settings.SEARCH)
        return self._search if chosen is None else chosen == "on"

    async def tools(self, searches: bool | None, *, thinks: bool) -> Sequence[Tool]:
        """Return the tools for one answer; ``thinks`` says whether its model thinks before it.

        ``searches`` is what its conversation chose; None where it did not. Where Kimi's formulas
        cannot be had, an answer goes without them.
        """
        if not (self._search if searches is None else searches):
            return self._own
        found = await self._web()
        if self._no_formulas and not thinks:
            found = (BUILTIN_SEARCH,)  # the older way; it refuses models that think
        return (*found, *self._own)

    async def _web(self) -> tuple[Tool, ...]:
        if self._formulas is None and not self._no_formulas:
            try:
                searching = await tools_of(self._kimi, WEB_SEARCH)
                fetching = await tools_of(self._kimi, FETCH)
                self._formulas = (*searching, *fetching)
            except KimiEndpointMissing:
                self._no_formulas = True
                log.info("formulas_missing")
            except KimiError as exc:
                log.warning("formulas_unavailable", code=exc.code)
        return self._formulas or ()


def telling(call: ToolCall, language: Language) -> str:
    """Return what the message says while a tool runs."""
    subject = _subject(call.arguments)
    match call.name:
        case "web_search" | "$web_search":
            return pick(language, zh=f"正在搜索：{subject}", en=f"Searching: {subject}")
        case "fetch":
            return pick(language, zh=f"正在阅读：{subject}", en=f"Reading: {subject}")
        case _:
            return pick(language, zh=f"正在使用工具 {call.name}…", en=f"Using {call.name}…")


def sources_note(sources: Sequence[SourceLink], language: Language) -> str:
    """Return the links that stand under an answer; "" for none."""
    if not sources:
        return ""
    links = "\n".join(f"- [{_label(source)}]({source.url})" for source in sources)
    return f"**{pick(language, zh='来源', en='Sources')}**\n{links}"


def _label(source: SourceLink) -> str:
    shown = source.title or source.url.partition("://")[2]
    return " ".join(shown.replace("[", "(").replace("]", ")").split())[:MOST_TOLD]


def _subject(arguments: str) -> str:
    """Return the first words among a call's arguments, such as what is searched for."""
    try:
        given = decode(arguments.encode())
    except ValueError:
        return "…"
    words = (
        next((value for value in given.values() if isinstance(value, str)), "…")
        if isinstance(given, dict)
        else "…"
    )
    flat = " ".join(words.split())
    return flat if len(flat) <= MOST_TOLD else f"{flat[:MOST_TOLD]}…"
