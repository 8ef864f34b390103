"""The menus of ``/settings``: which rules have buttons, with which values. Pure.

A choice's data is the rule's name (its menu is shown), ``name=value`` (it is set), or "" (all rules).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.chat_policy import ChatRules, render_rules
from core.chat_policy.time_zones import default_time_zone
from core.domain.buttons import OptionButton, RunCommand, fits_button
from core.domain.command_names import CommandName
from core.text.language import Language, pick

RESET: Final = "reset"  #: the argument that takes all rules away
HOURS_PRESETS: Final = (
    "mon-fri 09:00-18:00",
    "mon-sat 09:00-18:00",
    "daily 09:00-18:00",
    "daily 09:00-21:00",
)
QUIET_HOURS_PRESETS: Final = ("daily 22:00-08:00", "daily 20:00-09:00", "sat-sun 00:00-24:00")
TIME_ZONES: Final = (
    "Asia/Shanghai",
    "Asia/Hong_Kong",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "UTC",
)


@dataclass(frozen=True, slots=True)
class MenuOption:
    """One value that a button sets."""

    value: str  #: as :func:`core.chat_policy.changed` reads it; "" the usual
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class MenuItem:
    """One rule that has buttons."""

    name: str
    zh: str
    en: str
    options: tuple[MenuOption, ...] = ()


def _count_options(*numbers: int) -> tuple[MenuOption, ...]:
    return tuple(
        MenuOption(str(one), f"{one:,}" if one else "不限", f"{one:,}" if one else "no limit")
        for one in numbers
    )


def _plain_options(*values: str) -> tuple[MenuOption, ...]:
    return tuple(MenuOption(value, value, value) for value in values)


DIGEST_PRESETS: Final = (
    MenuOption("mon-fri 09:00", "周一至周五 9:00", "mon-fri 09:00"),
    MenuOption("mon-sun 09:00", "每天 9:00", "daily 09:00"),
    MenuOption("mon-fri 17:00", "周一至周五 17:00", "mon-fri 17:00"),
    MenuOption("mon 09:00", "每周一 9:00", "mon 09:00"),
)
_NONE_OPTION = MenuOption("", "无", "none")
_SWITCH_OPTIONS = (MenuOption("on", "开", "on"), MenuOption("off", "关", "off"))

MENU_ITEMS: Final = (
    MenuItem(
        "trigger",
        "什么时候回答",
        "When I answer",
        (
            MenuOption("mention", "只在 @我 时", "only when mentioned"),
            MenuOption("reply", "@我 或回复我时", "mentions and replies to me"),
            MenuOption("keyword", "还有含关键词的", "also keywords"),
            MenuOption("question", "还有别人的提问", "also questions"),
            MenuOption("always", "所有消息", "everything"),
        ),
    ),
    MenuItem(
        "quiet_s",
        "客服说话后安静",
        "Silence after the staff",
        (
            MenuOption("0", "不安静", "none"),
            MenuOption("120", "2 分钟", "2 minutes"),
            MenuOption("600", "10 分钟", "10 minutes"),
            MenuOption("1800", "30 分钟", "30 minutes"),
            MenuOption("7200", "2 小时", "2 hours"),
        ),
    ),
    MenuItem(
        "gather_s",
        "合并连发的消息",
        "Gather short messages",
        (
            MenuOption("0", "不合并", "no"),
            MenuOption("1", "1 秒", "1 s"),
            MenuOption("1.5", "1.5 秒", "1.5 s"),
            MenuOption("2", "2 秒", "2 s"),
            MenuOption("4", "4 秒", "4 s"),
        ),
    ),
    MenuItem("hours", "营业时间", "Business hours", (_NONE_OPTION, *_plain_options(*HOURS_PRESETS))),
    MenuItem(
        "quiet_hours", "免打扰时段", "Quiet hours", (_NONE_OPTION, *_plain_options(*QUIET_HOURS_PRESETS))
    ),
    MenuItem("zone", "时区", "Time zone", _plain_options(*TIME_ZONES)),
    MenuItem(
        "closed_text",
        "非营业时间的说明",
        "Text outside of business hours",
        (_NONE_OPTION, MenuOption("std", "标准文字", "the usual text")),
    ),
    MenuItem(
        "welcome",
        "欢迎新成员",
        "Welcome new members",
        (_NONE_OPTION, MenuOption("std", "标准文字", "the usual text")),
    ),
    MenuItem(
        "language",
        "回答的语言",
        "Language",
        (
            MenuOption("", "跟随提问者", "as the person writes"),
            MenuOption("zh", "中文", "Chinese"),
            MenuOption("en", "英文", "English"),
            MenuOption("ja", "日文", "Japanese"),
            MenuOption("de", "德文", "German"),
            MenuOption("fr", "法文", "French"),
            MenuOption("es", "西班牙文", "Spanish"),
        ),
    ),
    MenuItem(
        "remember",
        "为摘要保留消息",
        "Keep messages for digests",
        (
            MenuOption("", "不保留", "no"),
            MenuOption("24h", "24 小时", "24 hours"),
            MenuOption("72h", "3 天", "3 days"),
            MenuOption("168h", "7 天", "7 days"),
        ),
    ),
    MenuItem("digest", "定时摘要", "Digest at fixed times", (_NONE_OPTION, *DIGEST_PRESETS)),
    MenuItem("model", "模型", "Model"),
    MenuItem("persona", "人设", "Persona"),
    MenuItem("search", "上网搜索", "Web search", (MenuOption("", "默认", "the usual"), *_SWITCH_OPTIONS)),
    MenuItem("knowledge", "知识库", "Knowledge sets"),
    MenuItem("strict", "不知道就说不知道", "Only what is known", _SWITCH_OPTIONS),
    MenuItem(
        "person_messages",
        "每人每天的提问",
        "Questions a day for each person",
        _count_options(0, 10, 20, 50, 100),
    ),
    MenuItem(
        "chat_messages",
        "本群每天的提问",
        "Questions a day for the chat",
        _count_options(0, 100, 500, 2_000, 10_000),
    ),
)
ITEMS_BY_NAME: Final[Mapping[str, MenuItem]] = {item.name: item for item in MENU_ITEMS}

CLOSED_TEXTS: Final = (
    "我们现在休息了，{opens} 起会有人回复你。",
    "Nobody is here right now. We are back at {opens}.",
)
WELCOME_TEXTS: Final = (
    "欢迎，{name}！有问题直接在这里问，我会先回答；需要人工时告诉我就行。",
    "Welcome, {name}! Just ask here: I answer first, and people are behind me.",
)


def time_zone_of(rules: ChatRules, language: Language) -> str:
    """Return the time zone that hours without one are meant in."""
    return rules.time_zone or default_time_zone(language)


def rule_texts_for(rules: ChatRules, name: str, value: str, language: Language) -> dict[str, str]:
    """Return what a pressed value sets, as words of rules."""
    match name:
        case "zone":
            moved = {
                rule: replace(hours, time_zone=value)
                for rule in ("hours", "quiet_hours", "digest")
                if (hours := getattr(rules, rule)) is not None
            }
            texts = render_rules(replace(rules, **moved))
            return {rule: texts[rule] for rule in moved}
        case "hours" if not value:
            return {"hours": "", "closed_text": ""}  # there is nothing to be out of any more
        case "hours" | "quiet_hours" if value:
            present = rules.hours if name == "hours" else rules.quiet_hours
            exceptions = "".join(f", {one}" for one in present.exceptions) if present is not None else ""
            return {name: f"{value}{exceptions} {time_zone_of(rules, language)}"}
        case "digest" if value:
            return {name: f"{value} {time_zone_of(rules, language)}"}
        case "closed_text" | "welcome" if value == "std":
            chinese, english = CLOSED_TEXTS if name == "closed_text" else WELCOME_TEXTS
            return {name: pick(language, zh=chinese, en=english)}
        case "knowledge" if value:
            kept = [one for one in rules.knowledge if one != value[1:]]
            return {name: ", ".join([*kept, value[1:]] if value[0] == "+" else kept)}
        case _:
            return {name: value}


def options_for(
    rules: ChatRules, name: str, *, models: Sequence[str], personas: Sequence[str], sets: Sequence[str]
) -> tuple[MenuOption, ...]:
    """Return the values that a rule's menu offers."""
    match name:
        case "trigger" if not rules.keywords:
            return tuple(offer for offer in ITEMS_BY_NAME[name].options if offer.value != "keyword")
        case "model":
            return (MenuOption("", "默认", "the usual"), *_plain_options(*models))
        case "persona":
            return (MenuOption("", "默认", "the usual"), *_plain_options(*(f"@{one}" for one in personas)))
        case "knowledge":
            return tuple(
                MenuOption(f"-{one}", f"✓ {one}", f"✓ {one}")
                if one in rules.knowledge
                else MenuOption(f"+{one}", one, one)
                for one in sets
            )
        case _:
            return ITEMS_BY_NAME[name].options


def main_menu(rules: ChatRules | None, language: Language) -> tuple[OptionButton, ...]:
    """Return a button for each rule, and the one that takes all of them away."""
    buttons = [_button(pick(language, zh=item.zh, en=item.en), item.name) for item in MENU_ITEMS]
    if rules is not None:
        buttons.append(_button(pick(language, zh="取消所有规则", en="Drop all rules"), RESET))
    return tuple(buttons)


def sub_menu(
    rules: ChatRules, name: str, options: Sequence[MenuOption], language: Language
) -> tuple[OptionButton, ...]:
    """Return a button for each value, the present one marked, and the way back."""
    now = render_rules(rules, include_defaults=True).get(name, time_zone_of(rules, language))
    buttons = [
        _button(
            ("✓ " if _is_current(name, offer.value, now) else "") + pick(language, zh=offer.zh, en=offer.en),
            f"{name}={offer.value}",
        )
        for offer in options
    ]
    back = _button(pick(language, zh="‹ 返回", en="‹ Back"), "")
    return (*(one for one in buttons if fits_button(one.action)), back)


def format_rules(rules: ChatRules, language: Language) -> str:
    """Return the rules that differ from the usual as a Markdown list; "" where none does."""
    titles = {item.name: pick(language, zh=item.zh, en=item.en) for item in MENU_ITEMS}
    return "\n".join(
        f"- {titles.get(name, f'`{name}`')}: {_shorten(words)}" for name, words in render_rules(rules).items()
    )


def _is_current(name: str, value: str, current: str) -> bool:
    if name in ("hours", "quiet_hours", "digest"):
        return current.rpartition(" ")[0] == value
    if name in ("closed_text", "welcome"):
        return bool(current) == bool(value)
    return current == value


def _shorten(text: str) -> str:
    plain = " ".join(text.replace("`", "").split())
    return f"`{plain[:80]}{'…' if len(plain) > 80 else ''}`"


def _button(label: str, argument: str) -> OptionButton:
    return OptionButton(label=label, action=RunCommand(command=CommandName.SETTINGS, argument=argument))
