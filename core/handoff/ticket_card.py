"""The card of a handover: what a person needs to know before they take it. Pure."""

from collections.abc import Sequence

from core.domain.events import Choice
from core.domain.handoff_state import State
from core.handoff.texts_for_customers import plain
from core.store.handoffs import Handover
from core.store.history import Line
from core.text.language import Language, pick

MOST_LINES = 6  #: of the conversation
MOST_CHARS = 280  #: of each of them

_WHY = {
    "customer": ("客户要求人工", "the customer asked"),
    "words": ("客户要求人工", "the customer asked"),
    "unknown": ("资料里没有答案", "nothing relevant is known"),
    "feedback": ("客户对回答不满意", "the answer was marked as bad"),
    "repeat": ("客户重复提问", "the same question came again"),
    "keyword": ("命中关键词", "a keyword of the chat's rules"),
    "staff": ("同事主动接手", "taken by the team"),
}


def language_of_card(handover: Handover) -> Language:
    """Return the language that the desk is told in: the customer's, for whoever helps them reads it."""
    return "zh" if handover.language == "zh" else "en"


def title(handover: Handover) -> str:
    """Return the name of the handover's topic."""
    return f"#{handover.id} {plain(handover.customer.name or handover.customer.id)}"


def text(handover: Handover, lines: Sequence[Line], *, rating: tuple[int, str] | None = None) -> str:
    """Return the card's Markdown; ``rating`` are the stars and the comment."""
    language = language_of_card(handover)
    chinese, english = _WHY.get(handover.why, ("", handover.why))
    where = f"{handover.address.key.platform} {handover.address.key.channel}"
    head = f"**{title(handover)}** · {status(handover)}"
    facts = f"{where} · {pick(language, zh=chinese, en=english)}"
    parts = [head, facts]
    if handover.summary:
        parts.append(f"**{pick(language, zh='摘要', en='Summary')}:** {handover.summary}")
    if lines:
        parts.append("\n".join(_line(line, language) for line in lines[-MOST_LINES:]))
    if rating is not None:
        stars, comment = rating
        parts.append(" · ".join(["★" * stars, *([comment] if comment else [])]))
    if handover.ended_at is None:
        parts.append(
            pick(
                language,
                zh="*在这里写的内容会发给客户；以 `//` 开头的只有团队能看到。*",
                en="*What you write here goes to the customer; what begins with `//` stays in the team.*",
            )
        )
    return "\n\n".join(parts)


def status(handover: Handover) -> str:
    """Return the state in words."""
    language, who = language_of_card(handover), plain(handover.taker.name or handover.taker.id)
    match handover.state:
        case State.WAITING:
            return pick(language, zh="🔴 等待接手", en="🔴 waiting")
        case State.STAFF:
            return pick(language, zh=f"🟢 {who} 处理中", en=f"🟢 taken by {who}")
        case State.BOT:
            return pick(language, zh="⚪ 已交还机器人", en="⚪ back with the bot")
        case State.CLOSED:
            return pick(language, zh="⚪ 已关闭", en="⚪ closed")


def buttons(handover: Handover) -> tuple[Choice, ...]:
    """Return what can be done in the handover's state."""
    language = language_of_card(handover)
    labels = {
        "take": pick(language, zh="接手", en="Take"),
        "draft": pick(language, zh="建议回复", en="Suggest a reply"),
        "back": pick(language, zh="交还机器人", en="Back to bot"),
        "close": pick(language, zh="关闭", en="Close"),
    }
    if handover.ended_at is not None:
        return ()
    offered = [name for name in labels if name != "take" or handover.state is State.WAITING]
    return tuple(Choice(label=labels[name], data=f"desk:{name}:{handover.id}") for name in offered)


def _line(line: Line, language: Language) -> str:
    bot = pick(language, zh="机器人", en="Bot")
    name = plain(line.author) if line.author else bot if line.role == "assistant" else "?"
    words = " ".join(line.text.replace("`", "'").split())
    return f"> **{name}:** {words[:MOST_CHARS]}{'…' if len(words) > MOST_CHARS else ''}"
