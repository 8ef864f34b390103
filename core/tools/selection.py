"""Selection of the tools that a chat may use, in the words of the rule ``tools``. Pure.

A word is the name of an MCP server, "all" for every server, a tool's full name, or one of these names behind
a "-", which takes it away. Without a word for it, a server's tools are off and the operator's own tools on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.ports.tools import Tool

ALL: Final = "all"
NONE: Final = "none"  #: stands for a selection without words
OWN: Final = "own"  #: names the operator's own tools in menus
RESERVED_NAMES: Final = frozenset({ALL, NONE, OWN})  #: no server may have one of these names


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolGroup:
    """The tools that belong together: those of one server, or the operator's own."""

    name: str  #: of the server; :data:`OWN` for the operator's own tools
    tools: tuple[Tool, ...]  #: as listed last
    is_reachable: bool  #: whether they can be called now


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSelection:
    """The tools that a chat may use."""

    words: tuple[str, ...] = ()

    @classmethod
    def chosen(cls, words: Sequence[str] | None, *, in_group: bool) -> "ToolSelection":
        """Return the selection of a chat.

        Args:
            words: as set; None if nothing is: then a direct conversation may use all, a group no server's.
            in_group: whether the chat is a group or channel.
        """
        if words is None:
            return cls() if in_group else cls(words=(ALL,))
        return cls(words=tuple(word for word in words if word and word != NONE))

    def allows(self, tool: Tool) -> bool:
        """Return whether a tool may be used."""
        if f"-{tool.name}" in self.words:
            return False
        return not tool.server or self.is_server_on(tool.server) or tool.name in self.words

    def is_server_on(self, server: str) -> bool:
        """Return whether a server's tools may be used, but for those taken away one by one."""
        return f"-{server}" not in self.words and (server in self.words or ALL in self.words)

    def uses_server(self, server: str) -> bool:
        """Return whether some tool of a server may be used."""
        return self.is_server_on(server) or any(word.startswith(f"{server}__") for word in self.words)

    def with_server(self, server: str, *, on: bool) -> "ToolSelection":
        """Return the selection with a server switched on or off."""
        changed = self._without(server)
        if changed.is_server_on(server) is on:
            return changed
        return ToolSelection(words=(*changed.words, server if on else f"-{server}"))

    def with_tool(self, tool: Tool, *, on: bool) -> "ToolSelection":
        """Return the selection with one tool switched on or off."""
        changed = self._without(tool.name)
        if changed.allows(tool) is on:
            return changed
        return ToolSelection(words=(*changed.words, tool.name if on else f"-{tool.name}"))

    def _without(self, name: str) -> "ToolSelection":
        return ToolSelection(words=tuple(word for word in self.words if word not in (name, f"-{name}")))
