"""Texts and buttons of ``/tools``. Pure.

An argument is "" (the overview), a group's name (its tools), ``group=on`` or ``group/tool=on``; "off" takes
it away, and "ask" lets a tool that is always allowed be asked for again. In buttons a tool is named by a
mark, since its name may not fit.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal, TypeAlias

from core.commands.options import as_code
from core.domain.buttons import OptionButton, RunCommand
from core.domain.command_names import CommandName
from core.ports.tools import Approval, Tool
from core.text.language import Language, pick
from core.text.quoting import plain_line
from core.tools.selection import OWN, ToolGroup, ToolSelection

MAX_LISTED: Final = 40  #: tools of one group
MAX_LABEL_CHARS: Final = 40
MAX_DESCRIPTION_CHARS: Final = 80
MAX_GRANTED_SHOWN: Final = 20
_ARGUMENT: Final = re.compile(r"([^\s/=]+)(?:/([^\s/=]+))?(?:[\s=]+(on|off|ask))?")

Change: TypeAlias = Literal["on", "off", "ask"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an argument asks for."""

    group: ToolGroup | None = None  #: None: the overview
    tool: Tool | None = None
    change: Change | None = None  #: None: it is only shown


def parse_argument(argument: str, groups: Sequence[ToolGroup]) -> Wanted:
    """Return what an argument asks for; the overview if it names nothing that exists."""
    found = _ARGUMENT.fullmatch(argument.strip("`'\" \n"))
    group = next((one for one in groups if found is not None and one.name == found[1]), None)
    if found is None or group is None:
        return Wanted()
    tool = next((one for one in group.tools if found[2] in (_mark(one), one.name, own_name(one))), None)
    if found[2] and tool is None:
        return Wanted(group=group)
    match found[3]:
        case "on" | "off" | "ask" as change:
            return Wanted(group=group, tool=tool, change=change)
        case _:
            return Wanted(group=group)


def own_name(tool: Tool) -> str:
    """Return a tool's name without its server's."""
    return tool.name.removeprefix(f"{tool.server}__")


def unknown_text(argument: str, language: Language) -> str:
    """Return the hint for an argument that names no group of tools."""
    return pick(
        language,
        zh=f"没有叫 {as_code(argument)} 的工具。",
        en=f"There are no tools called {as_code(argument)}.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsView:
    """The tools and choices of one chat, as a person sees them."""

    groups: Sequence[ToolGroup]
    selection: ToolSelection
    approved: Sequence[str]  #: names of tools that are always allowed
    language: Language
    may_change: bool

    def overview(self) -> tuple[str, tuple[OptionButton, ...]]:
        """Return the text and the buttons of all groups."""
        if not self.groups:
            text = pick(self.language, zh="这里没有可用的工具。", en="This service has no tools.")
            return text, ()
        title = pick(self.language, zh="**我在这里可以用的工具**", en="**Tools that I may use here**")
        lines = [f"- {self._group_line(group)}" for group in self.groups]
        if granted := [one for one in self.approved if any(one == tool.name for tool in self._all_tools())]:
            names = ", ".join(f"`{name}`" for name in granted[:MAX_GRANTED_SHOWN])
            lines.append("")
            lines.append(
                pick(self.language, zh=f"不再询问就会使用：{names}", en=f"Used without asking again: {names}")
            )
        buttons = [self._button(self._title(group), group.name) for group in self.groups]
        return "\n".join([title, "", *lines]), tuple(buttons)

    def group(self, group: ToolGroup) -> tuple[str, tuple[OptionButton, ...]]:
        """Return the text and the buttons of one group."""
        title = f"**{self._title(group)}**: {self._state(group)}"
        lines = [self._tool_line(tool) for tool in group.tools[:MAX_LISTED]]
        left_out = len(group.tools) - MAX_LISTED
        if left_out > 0:
            lines.append(pick(self.language, zh=f"- 另外 {left_out} 个", en=f"- {left_out} more"))
        back = self._button(pick(self.language, zh="‹ 返回", en="‹ Back"), "")
        changes = self._changes(group) if self.may_change else []
        return "\n".join([title, "", *lines]), (*changes, back)

    def _changes(self, group: ToolGroup) -> list[OptionButton]:
        buttons = []
        is_on = group.name == OWN or self.selection.is_server_on(group.name)
        if group.name != OWN:
            label = pick(
                self.language, zh="全部关闭" if is_on else "全部打开", en="All off" if is_on else "All on"
            )
            buttons.append(self._button(label, f"{group.name}={'off' if is_on else 'on'}"))
        for tool in group.tools[:MAX_LISTED]:
            allowed, label = self.selection.allows(tool), own_name(tool)[:MAX_LABEL_CHARS]
            argument = f"{group.name}/{_mark(tool)}"
            buttons.append(
                self._button(f"✓ {label}" if allowed else label, f"{argument}={'off' if allowed else 'on'}")
            )
            if tool.name in self.approved:
                ask = pick(self.language, zh=f"再次询问：{label}", en=f"Ask again: {label}")
                buttons.append(self._button(ask, f"{argument}=ask"))
        return buttons

    def _title(self, group: ToolGroup) -> str:
        return pick(self.language, zh="本服务", en="this service") if group.name == OWN else group.name

    def _group_line(self, group: ToolGroup) -> str:
        return f"**{self._title(group)}**: {self._state(group)}"

    def _state(self, group: ToolGroup) -> str:
        if not group.is_reachable and not group.tools:
            return pick(self.language, zh="现在无法连接", en="cannot be reached now")
        allowed = sum(self.selection.allows(tool) for tool in group.tools)
        if not allowed:
            return pick(self.language, zh="关", en="off")
        listed = pick(
            self.language,
            zh=f"{allowed}/{len(group.tools)} 个工具",
            en=f"{allowed} of {len(group.tools)} tools",
        )
        missing = (
            ""
            if group.is_reachable
            else pick(self.language, zh="，现在无法连接", en=", cannot be reached now")
        )
        return f"{listed}{missing}"

    def _tool_line(self, tool: Tool) -> str:
        about = str(tool.definition["function"].get("description", ""))
        words = plain_line(about, max_chars=MAX_DESCRIPTION_CHARS)
        return f"- `{own_name(tool)}` ({self._mode(tool)}){f': {words}' if words else ''}"

    def _mode(self, tool: Tool) -> str:
        if not self.selection.allows(tool):
            return pick(self.language, zh="关", en="off")
        if tool.approval is Approval.FREE:
            return pick(self.language, zh="不询问", en="without asking")
        if tool.name in self.approved:
            return pick(self.language, zh="总是允许", en="always allowed")
        return pick(self.language, zh="每次询问", en="asks each time")

    def _all_tools(self) -> list[Tool]:
        return [tool for group in self.groups for tool in group.tools]

    def _button(self, label: str, argument: str) -> OptionButton:
        return OptionButton(label=label, action=RunCommand(command=CommandName.TOOLS, argument=argument))


def _mark(tool: Tool) -> str:
    """Return the short name of a tool in a button's data, which stays the same."""
    return sha256(tool.name.encode()).hexdigest()[:8]
