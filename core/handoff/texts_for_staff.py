"""Texts for staff at the desk, in Chinese and English. No customer sees them. Markdown; pure."""

from datetime import timedelta
from typing import Literal, TypeAlias, assert_never

from core.domain.buttons import OptionButton, SendDraft
from core.domain.events import MessageReceived
from core.domain.handoff_state import HandoffAction
from core.domain.message_content import UnsupportedContent
from core.handoff.deadlines import EndAction
from core.handoff.texts_for_customers import plain_name
from core.text.language import Language, pick

StaffAction: TypeAlias = Literal[
    HandoffAction.ASSIGN, HandoffAction.REPLY, HandoffAction.RETURN_TO_BOT, HandoffAction.CLOSE
]
"""An action of staff, all but a customer's request."""


def unsupported_content_text(message: MessageReceived, language: Language) -> str:
    """Name the content of a message that cannot be relayed; "" if all of it can."""
    if message.unsupported_content in (None, UnsupportedContent.EMPTY):
        return ""
    return pick(
        language,
        zh=f"*（发来了无法转发的内容：{message.unsupported_content}）*",
        en=f"*(sent something that cannot be passed on: {message.unsupported_content})*",
    )


def undelivered_text(language: Language, reason: str) -> str:
    """Report that the customer did not get the last message."""
    return pick(
        language,
        zh=f"⚠️ 客户没有收到上面这条消息：{reason}。",
        en=f"⚠️ The customer did not get the message above: {reason}.",
    )


def file_failed_text(language: Language, name: str) -> str:
    """Report that a customer's file could not be relayed."""
    return pick(
        language,
        zh=f"⚠️ 客户发来的文件“{plain_name(name)}”没能转过来。",
        en=f"⚠️ The customer's file “{plain_name(name)}” could not be passed on.",
    )


def handoff_ended_text(language: Language) -> str:
    """Report that a message to an ended handoff was not sent."""
    return pick(
        language,
        zh="这次人工服务已经结束，上面这条没有发给客户。",
        en="This handover has ended: the message above was not sent to the customer.",
    )


def action_text(language: Language, action: StaffAction, name: str) -> str:
    """Report an action and its author; ``name`` is "" for the service itself."""
    who = plain_name(name) if name else "🤖"
    match action:
        case HandoffAction.ASSIGN:
            done = pick(language, zh="接手了。", en="took this.")
        case HandoffAction.REPLY:
            done = pick(language, zh="回复并接手了。", en="answered and took this.")
        case HandoffAction.RETURN_TO_BOT:
            done = pick(language, zh="交还给了机器人。", en="handed this back to the bot.")
        case HandoffAction.CLOSE:
            done = pick(language, zh="关闭了这次服务。", en="closed this.")
        case _:
            assert_never(action)
    return f"*{who} {done}*"


def reminder_text(language: Language, customer: str, waited: timedelta, mentions: str) -> str:
    """Remind of a waiting customer; ``mentions`` is Markdown, "" for none."""
    minutes = max(1, round(waited.total_seconds() / 60))
    told = pick(
        language,
        zh=f"⏰ {plain_name(customer)} 已经等了 {minutes} 分钟。",
        en=f"⏰ {plain_name(customer)} has been waiting for {minutes} min.",
    )
    return f"{told} {mentions}".strip()


def idle_warning_text(language: Language, idle_action: EndAction, mentions: str) -> str:
    """Warn that an idle handoff will end."""
    if idle_action is HandoffAction.RETURN_TO_BOT:
        what = pick(language, zh="交还给机器人", en="go back to the bot")
    else:
        what = pick(language, zh="关闭", en="be closed")
    told = pick(
        language,
        zh=f"⏳ 这里很久没有动静了，再过同样长的时间会自动{what}。",
        en=f"⏳ Nothing has happened here for a while; after as long again this will {what}.",
    )
    return f"{told} {mentions}".strip()


def draft_failed_text(language: Language) -> str:
    """Report that Kimi has no draft."""
    return pick(language, zh="*Kimi 现在写不出草稿。*", en="*Kimi has no draft to offer right now.*")


def draft_text(language: Language, text: str) -> str:
    """Show a draft, which only the desk sees."""
    head = pick(
        language,
        zh="📝 **Kimi 建议的回复**（客户看不到；点“发送”，或复制修改后自己发）",
        en="📝 **Kimi suggests** (the customer does not see this; send it, or copy and change it)",
    )
    return f"{head}\n\n{text}"


def draft_sent_text(language: Language, name: str, text: str) -> str:
    """Show a draft that was sent, with its sender."""
    head = pick(
        language, zh=f"*{plain_name(name)} 发送了这份草稿：*", en=f"*{plain_name(name)} sent this draft:*"
    )
    return f"{head}\n\n{text}"


def send_draft_button(language: Language, item_id: int) -> OptionButton:
    """Return the button that sends a draft."""
    return OptionButton(label=pick(language, zh="发送", en="Send"), action=SendDraft(item_id=item_id))
