"""The ticket of a handoff at the desk: its Markdown and its buttons. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from core.domain.buttons import ChangeHandoff, OptionButton, SuggestReply
from core.domain.handoff_state import HandoffAction, HandoffReason, HandoffState
from core.domain.message_content import MessageRole
from core.handoff.languages import ticket_language
from core.handoff.staff_text import SendMode
from core.store.handoffs import Handoff
from core.store.history import HistoryMessage
from core.text.language import Language, pick
from core.text.message_text import render_content
from core.text.quoting import plain_name

MAX_LINES = 6  #: newest messages of the conversation
MAX_LINE_CHARS = 280

_REASON_TEXTS = {
    HandoffReason.CUSTOMER: ("客户要求人工", "the customer asked"),
    HandoffReason.PHRASE: ("客户要求人工", "the customer asked"),
    HandoffReason.NO_KNOWLEDGE: ("资料里没有答案", "nothing relevant is known"),
    HandoffReason.BAD_FEEDBACK: ("客户对回答不满意", "the answer was marked as bad"),
    HandoffReason.REPEATED_QUESTION: ("客户重复提问", "the same question came again"),
    HandoffReason.KEYWORD: ("命中关键词", "a keyword of the chat's rules"),
    HandoffReason.STAFF: ("同事主动接手", "taken by the team"),
}


def title(handoff: Handoff) -> str:
    """Return the title of a handoff's ticket and topic."""
    return f"#{handoff.id} {plain_name(handoff.customer.name_or_id)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketContext:
    """The customer's chat as a ticket shows it, as far as it is known."""

    chat_title: str = ""
    message_link: str = ""  #: web address of the customer's message
    earlier: Sequence[tuple[str, str]] = ()  #: title and web address ("" for none) of earlier tickets


NO_CONTEXT: Final = TicketContext()


def render(
    handoff: Handoff,
    lines: Sequence[HistoryMessage],
    *,
    context: TicketContext = NO_CONTEXT,
    rating: tuple[int, str] | None = None,
    start_payload: str = "",
    send_mode: SendMode = SendMode.ALL,
) -> str:
    """Return a ticket's Markdown.

    Args:
        handoff: the handoff.
        lines: the conversation's messages before the handoff, oldest first.
        context: of the customer's chat.
        rating: (stars, comment) of the customer; None if there is none.
        start_payload: of the deep link that the customer came by; "" if none.
        send_mode: which messages of the desk go to the customer.
    """
    language = ticket_language(handoff)
    chinese, english = _REASON_TEXTS[handoff.reason]
    where = f"{handoff.address.key.platform} {plain_name(context.chat_title or handoff.address.key.channel)}"
    if context.message_link:
        where = f"[{where}]({context.message_link})"
    head = f"**{title(handoff)}** · {status_text(handoff)}"
    facts = f"{where} · {pick(language, zh=chinese, en=english)}"
    if start_payload:
        came_by = pick(language, zh="来自链接", en="came by link")
        facts += f" · {came_by} `{start_payload.replace('`', chr(39))}`"
    parts = [head, facts]
    if context.earlier:
        links = [f"[{name}]({link})" if link else name for name, link in context.earlier]
        parts.append(f"{pick(language, zh='以前的服务', en='Earlier')}: {', '.join(links)}")
    if handoff.summary:
        parts.append(f"**{pick(language, zh='摘要', en='Summary')}:** {handoff.summary}")
    if lines:
        parts.append("\n".join(_format_line(line, language) for line in lines[-MAX_LINES:]))
    if rating is not None:
        stars, comment = rating
        parts.append(" · ".join(["★" * stars, *([comment] if comment else [])]))
    if handoff.ended_at is None:
        parts.append(_hint(language, send_mode))
    return "\n\n".join(parts)


def _hint(language: Language, send_mode: SendMode) -> str:
    match send_mode:
        case SendMode.ALL:
            return pick(
                language,
                zh="*在这里写的内容会发给客户；以 `//` 开头的只有团队能看到。*",
                en="*What you write here goes to the customer; what begins with `//` stays in the team.*",
            )
        case SendMode.MARKED:
            return pick(
                language,
                zh="*只有以 `>>` 开头的内容会发给客户，其余只有团队能看到。*",
                en="*Only what begins with `>>` goes to the customer; all else stays in the team.*",
            )
        case _:
            assert_never(send_mode)


def status_text(handoff: Handoff) -> str:
    """Return a handoff's state as text."""
    language, who = ticket_language(handoff), plain_name(handoff.assignee.name_or_id)
    match handoff.state:
        case HandoffState.WAITING:
            return pick(language, zh="🔴 等待接手", en="🔴 waiting")
        case HandoffState.STAFF:
            return pick(language, zh=f"🟢 {who} 处理中", en=f"🟢 taken by {who}")
        case HandoffState.BOT:
            return pick(language, zh="⚪ 已交还机器人", en="⚪ back with the bot")
        case HandoffState.CLOSED:
            return pick(language, zh="⚪ 已关闭", en="⚪ closed")


def buttons(handoff: Handoff) -> tuple[OptionButton, ...]:
    """Return the buttons of a ticket; an ended handoff has none."""
    language = ticket_language(handoff)
    if handoff.ended_at is not None:
        return ()

    def change(action: HandoffAction, *, zh: str, en: str) -> OptionButton:
        return OptionButton(
            label=pick(language, zh=zh, en=en), action=ChangeHandoff(handoff_id=handoff.id, action=action)
        )

    take = change(HandoffAction.ASSIGN, zh="接手", en="Take")
    suggest = OptionButton(
        label=pick(language, zh="建议回复", en="Suggest a reply"), action=SuggestReply(handoff_id=handoff.id)
    )
    return (
        *((take,) if handoff.state is HandoffState.WAITING else ()),
        suggest,
        change(HandoffAction.RETURN_TO_BOT, zh="交还机器人", en="Back to bot"),
        change(HandoffAction.CLOSE, zh="关闭", en="Close"),
    )


def _format_line(line: HistoryMessage, language: Language) -> str:
    bot = pick(language, zh="机器人", en="Bot")
    name = plain_name(line.author) if line.author else bot if line.role is MessageRole.ASSISTANT else "?"
    words = " ".join(render_content(line.content).replace("`", "'").split())
    return f"> **{name}:** {words[:MAX_LINE_CHARS]}{'…' if len(words) > MAX_LINE_CHARS else ''}"
