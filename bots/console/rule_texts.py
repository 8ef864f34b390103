"""Labels and explanations of the rules of a chat, for the form; ``/settings`` has the same labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core.commands.settings_menu import ITEMS_BY_NAME
from core.text.language import Language

_LABELS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "keywords": ("Keywords", "关键词"),
        "tools": ("Tools", "工具"),
        "approved_tools": ("Tools without asking", "无需批准的工具"),
        "staff": ("Staff", "客服人员"),
        "staff_groups": ("Staff groups", "客服用户组"),
        "desk": ("Desk", "客服台"),
        "desk_people": ("People of the desk", "客服台人员"),
        "handover_words": ("Words that call a person", "转人工的词"),
    }
)
"""Labels of the rules that have no menu."""

HINTS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "trigger": (
            "Messages that the bot answers; each choice includes those before it.",
            "每一项都包含前面各项。",
        ),
        "keywords": (
            "Separated by commas; for the choice “also keywords”.",
            "用逗号分隔；用于“还有含关键词的”。",
        ),
        "quiet_s": (
            "Seconds for which the bot is silent after a message of the staff, unless it is mentioned.",
            "客服说话后机器人保持安静的秒数，@它 时除外。",
        ),
        "gather_s": (
            "Messages that one person sends within this many seconds are one question; 0: each is one.",
            "同一人在这些秒内连发的消息合为一个问题；0 表示不合并。",
        ),
        "hours": (
            "Such as mon-fri 09:00-18:00 Asia/Shanghai.",
            "例如：周一-周五 09:00-18:00 Asia/Shanghai。",
        ),
        "quiet_hours": ("Hours in which only mentions are answered.", "此时段内只回答 @它 的消息。"),
        "closed_text": (
            "Sent once instead of an answer outside of business hours; {opens} is the opening time.",
            "非营业时间代替回答发送一次；{opens} 是开始营业的时间。",
        ),
        "language": (
            "Of answers, such as zh or en; empty: the person's.",
            "回答的语言，如 zh 或 en；留空则跟随提问者。",
        ),
        "persona": ("A text, or @name of a stored persona.", "一段文字，或已保存人设的 @名称。"),
        "model": ("Empty: the deployment's.", "留空则使用部署的默认模型。"),
        "search": (
            "Whether Kimi searches the web; empty: as the deployment.",
            "Kimi 是否上网搜索；留空则随部署设置。",
        ),
        "tools": ("Names of MCP servers, or all; empty: none.", "MCP 服务器名称，或 all；留空则不用。"),
        "knowledge": (
            "Names of the sets that answers rest on, separated by commas.",
            "回答所依据的知识集，用逗号分隔。",
        ),
        "approved_tools": (
            "Names of tools that are called without asking a person, separated by commas.",
            "无需征得同意即可调用的工具名称，用逗号分隔。",
        ),
        "remember": (
            "For how long all messages are kept for digests, such as 7d; empty: none is.",
            "为摘要保留所有消息的时长，例如 7d；留空则不保留。",
        ),
        "digest": (
            "Times at which a digest is posted, such as mon-fri 18:00 Asia/Shanghai.",
            "发布摘要的时间，例如 周一-周五 18:00 Asia/Shanghai。",
        ),
        "strict": (
            "On: if nothing relevant is known, the bot says so instead of answering.",
            "on：没有相关资料时直接说不知道。",
        ),
        "person_messages": ("0: no limit of the chat's own.", "0 表示本群不另设限额。"),
        "chat_messages": ("0: no limit of the chat's own.", "0 表示本群不另设限额。"),
        "staff": (
            "Ids of people who count as staff besides the chat's admins.",
            "除群管理员外，也算客服的人的 id。",
        ),
        "staff_groups": (
            "Ids of Slack user groups whose members are staff.",
            "成员算作客服的 Slack 用户组 id。",
        ),
        "welcome": (
            "Posted once for each new member; {name} is their name.",
            "每位新成员加入时发送一次；{name} 是其名字。",
        ),
        "desk": ("The team's room, such as slack:C0123456789.", "团队的房间，例如 slack:C0123456789。"),
        "desk_people": (
            "Who is called, such as slack:U0123, telegram:42.",
            "需要提醒的人，例如 slack:U0123, telegram:42。",
        ),
        "handover_words": ("Separated by commas; each calls a person at once.", "用逗号分隔；出现即转人工。"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleText:
    """What a form says about one rule."""

    label: str
    hint: str
    choices: Mapping[str, str]  #: words of some values


def rule_text(name: str, language: Language) -> RuleText:
    """Return the label, the explanation and the choices of a rule."""
    item, chinese = ITEMS_BY_NAME.get(name), language == "zh"
    label = _LABELS[name][chinese] if item is None else item.zh if chinese else item.en
    choices = {} if item is None else {one.value: one.zh if chinese else one.en for one in item.options}
    return RuleText(label=label, hint=HINTS[name][chinese], choices=choices)
