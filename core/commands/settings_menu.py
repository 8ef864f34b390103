"""The menus of ``/settings``: which rules have buttons, with which values. Pure.

A choice's data is the rule's name (its menu is shown), ``name=value`` (it is set), or "" (all rules).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.chat_policy import ChatRules, to_words
from core.domain.events import Choice, CommandName
from core.text.language import Language, pick

MOST_DATA_BYTES: Final = 56
DROP: Final = "reset"  #: the argument that takes all rules away
SPANS: Final = ("mon-fri 09:00-18:00", "mon-sat 09:00-18:00", "daily 09:00-18:00", "daily 09:00-21:00")
NIGHTS: Final = ("daily 22:00-08:00", "daily 20:00-09:00", "sat-sun 00:00-24:00")
ZONES: Final = (
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
class Offer:
    """One value that a button sets."""

    value: str  #: as :func:`core.chat_policy.changed` reads it; "" the usual
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Item:
    """One rule that has buttons."""

    name: str
    zh: str
    en: str
    offers: tuple[Offer, ...] = ()


def _counts(*numbers: int) -> tuple[Offer, ...]:
    return tuple(
        Offer(str(one), f"{one:,}" if one else "不限", f"{one:,}" if one else "no limit") for one in numbers
    )


def _same(*values: str) -> tuple[Offer, ...]:
    return tuple(Offer(value, value, value) for value in values)


_NONE = Offer("", "无", "none")
_SWITCH = (Offer("on", "开", "on"), Offer("off", "关", "off"))

ITEMS: Final = (
    Item(
        "trigger",
        "什么时候回答",
        "When I answer",
        (
            Offer("mention", "只在 @我 时", "only when mentioned"),
            Offer("reply", "@我 或回复我时", "mentions and replies to me"),
            Offer("keyword", "还有含关键词的", "also keywords"),
            Offer("question", "还有别人的提问", "also questions"),
            Offer("always", "所有消息", "everything"),
        ),
    ),
    Item(
        "quiet_s",
        "客服说话后安静",
        "Silence after the staff",
        (
            Offer("0", "不安静", "none"),
            Offer("120", "2 分钟", "2 minutes"),
            Offer("600", "10 分钟", "10 minutes"),
            Offer("1800", "30 分钟", "30 minutes"),
            Offer("7200", "2 小时", "2 hours"),
        ),
    ),
    Item(
        "gather_s",
        "合并连发的消息",
        "Gather short messages",
        (
            Offer("0", "不合并", "no"),
            Offer("1", "1 秒", "1 s"),
            Offer("1.5", "1.5 秒", "1.5 s"),
            Offer("2", "2 秒", "2 s"),
            Offer("4", "4 秒", "4 s"),
        ),
    ),
    Item("hours", "营业时间", "Business hours", (_NONE, *_same(*SPANS))),
    Item("quiet_hours", "免打扰时段", "Quiet hours", (_NONE, *_same(*NIGHTS))),
    Item("zone", "时区", "Time zone", _same(*ZONES)),
    Item(
        "closed_text",
        "非营业时间的说明",
        "Text outside of business hours",
        (_NONE, Offer("std", "标准文字", "the usual text")),
    ),
    Item("welcome", "欢迎新成员", "Welcome new members", (_NONE, Offer("std", "标准文字", "the usual text"))),
    Item(
        "language",
        "回答的语言",
        "Language",
        (
            Offer("", "跟随提问者", "as the person writes"),
            Offer("zh", "中文", "Chinese"),
            Offer("en", "英文", "English"),
            Offer("ja", "日文", "Japanese"),
            Offer("de", "德文", "German"),
            Offer("fr", "法文", "French"),
            Offer("es", "西班牙文", "Spanish"),
        ),
    ),
    Item("model", "模型", "Model"),
    Item("persona", "人设", "Persona"),
    Item("search", "上网搜索", "Web search", (Offer("", "默认", "the usual"), *_SWITCH)),
    Item("knowledge", "知识库", "Knowledge sets"),
    Item("strict", "不知道就说不知道", "Only what is known", _SWITCH),
    Item("person_messages", "每人每天的提问", "Questions a day for each person", _counts(0, 10, 20, 50, 100)),
    Item(
        "chat_messages", "本群每天的提问", "Questions a day for the chat", _counts(0, 100, 500, 2_000, 10_000)
    ),
)
BY_NAME: Final[Mapping[str, Item]] = {item.name: item for item in ITEMS}

CLOSED: Final = (
    "我们现在休息了，{opens} 起会有人回复你。",
    "Nobody is here right now. We are back at {opens}.",
)
WELCOME: Final = (
    "欢迎，{name}！有问题直接在这里问，我会先回答；需要人工时告诉我就行。",
    "Welcome, {name}! Just ask here: I answer first, and people are behind me.",
)


def zone_of(rules: ChatRules, language: Language) -> str:
    """Return the time zone that hours without one are meant in."""
    for hours in (rules.hours, rules.quiet_hours):
        if hours is not None:
            return hours.zone
    return pick(language, zh="Asia/Shanghai", en="UTC")


def words_of(rules: ChatRules, name: str, value: str, language: Language) -> dict[str, str]:
    """Return what a pressed value sets, as words of rules."""
    match name:
        case "zone":
            moved = {"hours": rules.hours, "quiet_hours": rules.quiet_hours}
            return {
                rule: f"{', '.join(map(str, hours.spans))} {value}"
                for rule, hours in moved.items()
                if hours is not None
            }
        case "hours" if not value:
            return {"hours": "", "closed_text": ""}  # there is nothing to be out of any more
        case "hours" | "quiet_hours" if value:
            return {name: f"{value} {zone_of(rules, language)}"}
        case "closed_text" | "welcome" if value == "std":
            chinese, english = CLOSED if name == "closed_text" else WELCOME
            return {name: pick(language, zh=chinese, en=english)}
        case "knowledge" if value:
            kept = [one for one in rules.knowledge if one != value[1:]]
            return {name: ", ".join([*kept, value[1:]] if value[0] == "+" else kept)}
        case _:
            return {name: value}


def offers_of(
    rules: ChatRules, name: str, *, models: Sequence[str], personas: Sequence[str], sets: Sequence[str]
) -> tuple[Offer, ...]:
    """Return the values that a rule's menu offers."""
    match name:
        case "trigger" if not rules.keywords:
            return tuple(offer for offer in BY_NAME[name].offers if offer.value != "keyword")
        case "model":
            return (Offer("", "默认", "the usual"), *_same(*models))
        case "persona":
            return (Offer("", "默认", "the usual"), *_same(*(f"@{one}" for one in personas)))
        case "knowledge":
            return tuple(
                Offer(f"-{one}", f"✓ {one}", f"✓ {one}")
                if one in rules.knowledge
                else Offer(f"+{one}", one, one)
                for one in sets
            )
        case _:
            return BY_NAME[name].offers


def main_menu(rules: ChatRules | None, language: Language) -> tuple[Choice, ...]:
    """Return a button for each rule, and the one that takes all of them away."""
    buttons = [_choice(pick(language, zh=item.zh, en=item.en), item.name) for item in ITEMS]
    if rules is not None:
        buttons.append(_choice(pick(language, zh="取消所有规则", en="Drop all rules"), DROP))
    return tuple(buttons)


def sub_menu(rules: ChatRules, name: str, offers: Sequence[Offer], language: Language) -> tuple[Choice, ...]:
    """Return a button for each value, the present one marked, and the way back."""
    now = to_words(rules, all_of_them=True).get(name, zone_of(rules, language))
    buttons = [
        _choice(
            ("✓ " if _is_now(name, offer.value, now) else "") + pick(language, zh=offer.zh, en=offer.en),
            f"{name}={offer.value}",
        )
        for offer in offers
    ]
    back = _choice(pick(language, zh="‹ 返回", en="‹ Back"), "")
    return (*(one for one in buttons if len(one.data.encode()) <= MOST_DATA_BYTES), back)


def shown(rules: ChatRules, language: Language) -> str:
    """Return the rules that differ from the usual as a Markdown list; "" where none does."""
    titles = {item.name: pick(language, zh=item.zh, en=item.en) for item in ITEMS}
    return "\n".join(
        f"- {titles.get(name, f'`{name}`')}: {_brief(words)}" for name, words in to_words(rules).items()
    )


def _is_now(name: str, value: str, now: str) -> bool:
    if name in ("hours", "quiet_hours"):
        return now.rpartition(" ")[0] == value
    if name in ("closed_text", "welcome"):
        return bool(now) == bool(value)
    return now == value


def _brief(words: str) -> str:
    plain = " ".join(words.replace("`", "").split())
    return f"`{plain[:80]}{'…' if len(plain) > 80 else ''}`"


def _choice(label: str, argument: str) -> Choice:
    return Choice(label=label, data=f"{CommandName.SETTINGS}:{argument}")
