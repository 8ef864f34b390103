"""Texts for staff at the desk, in Chinese and English. No customer sees them. Markdown; pure."""

from datetime import timedelta
from typing import Literal, TypeAlias, assert_never

from core.domain.buttons import OptionButton, SendDraft
from core.domain.handoff_state import HandoffAction
from core.domain.message_content import UnsupportedContent
from core.handoff.deadlines import EndAction
from core.text.language import Language, pick
from core.text.quoting import blockquote, plain_name, plain_text, quotable

StaffAction: TypeAlias = Literal[
    HandoffAction.ASSIGN, HandoffAction.REPLY, HandoffAction.RETURN_TO_BOT, HandoffAction.CLOSE
]
"""An action of staff, all but a customer's request."""


def unsupported_content_text(language: Language, what: UnsupportedContent) -> str:
    """Name the content of a customer's message that cannot be relayed."""
    return pick(
        language,
        zh=f"*（发来了无法转发的内容：{what}）*",
        en=f"*(sent something that cannot be passed on: {what})*",
    )


def staff_content_text(language: Language, what: UnsupportedContent) -> str:
    """Report that a staff message, or the part of it that is named, was not sent."""
    return pick(
        language,
        zh=f"⚠️ 上面这条里有无法转发的内容（{what}），客户没有收到。",
        en=f"⚠️ The message above holds something that cannot be passed on ({what}): the customer did not "
        "get it.",
    )


def kept_as_note_text(language: Language) -> str:
    """Report that a message was kept because a part of it is marked as a note."""
    return pick(
        language,
        zh="🔒 上面这条里有一处标了 `//`，所以整条都没有发给客户。要发的内容请另写一条。",
        en="🔒 A part of the message above is marked with `//`, so nothing of it was sent to the customer. "
        "Write what they should read as a message of its own.",
    )


def taken_back_text(language: Language) -> str:
    """Report that an edit made a message internal."""
    return pick(
        language,
        zh="🔒 上面这条改成了内部内容，已从客户那里撤回。",
        en="🔒 The edited message is internal now: it was taken back from the customer.",
    )


def write_anew_text(language: Language) -> str:
    """Report that an edited note was not sent."""
    return pick(
        language,
        zh="🔒 改过的那条原来是内部内容，没有发给客户。要发的话请另写一条。",
        en="🔒 The edited message was internal and was not sent to the customer. To send it, write it anew.",
    )


def not_taken_back_text(language: Language, reason: str) -> str:
    """Report that a customer's copy could not be deleted."""
    return pick(
        language,
        zh=f"⚠️ 没能从客户那里撤回这条消息，客户可能还看得到：{reason}。",
        en=f"⚠️ A message could not be taken back from the customer, who may still read it: {reason}.",
    )


def desk_help_text(language: Language) -> str:
    """List what staff can do in a ticket's thread."""
    return pick(
        language,
        zh="客户看不到发给我的话。`/take` 接手，`/assign @同事` 转给同事，`/back` 交还机器人，`/close` 关闭；"
        "以 `//` 开头的只有团队能看到；提到我并写下问题，我会在这里回答。",
        en="The customer does not see what you write to me. `/take` takes this over, `/assign @name` gives "
        "it to a colleague, `/back` hands it back to the bot, `/close` closes it; what begins with `//` "
        "stays in the team; mention me with a question and I answer it here.",
    )


def unknown_command_text(language: Language, name: str) -> str:
    """Report a command that does not exist."""
    told = pick(
        language,
        zh=f"没有 `/{name}` 这个命令，没有向客户发送任何内容。",
        en=f"There is no command `/{name}`; nothing was sent to the customer.",
    )
    return f"{told}\n\n{desk_help_text(language)}"


def answer_text(language: Language, text: str) -> str:
    """Show Kimi's answer to the team, which only the desk sees."""
    head = pick(language, zh="🔒 **Kimi**（只有团队能看到）", en="🔒 **Kimi** (only the team sees this)")
    return f"{head}\n\n{text}"


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
        zh=f"⚠️ 客户发来的文件“{plain_text(name)}”没能转过来。",
        en=f"⚠️ The customer's file “{plain_text(name)}” could not be passed on.",
    )


def reopened_text(language: Language) -> str:
    """Say why a handoff has a new thread."""
    return pick(
        language,
        zh="↪️ 这位客户原来的话题或频道已不可用，请在这里继续。",
        en="↪️ This customer's earlier thread cannot be used any more; please go on here.",
    )


def asks_again_text(language: Language, customer: str) -> str:
    """Say that a customer asks for a person once more."""
    return pick(
        language,
        zh=f"🙋 {plain_name(customer)} 再次请求人工。",
        en=f"🙋 {plain_name(customer)} asks for a person again.",
    )


def assigned_text(language: Language, by: str, to: str) -> str:
    """Return the line that names a handoff's old and new assignee."""
    return pick(
        language,
        zh=f"👉 {plain_name(by)} 把这位客户交给了 {plain_name(to)}。",
        en=f"👉 {plain_name(by)} assigned this customer to {plain_name(to)}.",
    )


def unknown_colleague_text(language: Language, name: str) -> str:
    """Say that nobody of this name is known at the desk."""
    return pick(
        language,
        zh=f"这里不认识“{plain_name(name)}”：请用 @ 提到那位同事。没有向客户发送任何内容。",
        en=f"I do not know “{plain_name(name)}” here: mention your colleague with @. Nothing was sent to the "
        "customer.",
    )


def beside_thread_text(language: Language) -> str:
    """Say that a message beside the tickets' threads reaches no customer."""
    return pick(
        language,
        zh="这里写的内容客户看不到。要回复客户，请写在那位客户的话题里。",
        en="Customers do not see what is written here. To answer one, write in that customer's thread.",
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


def answer_failed_text(language: Language) -> str:
    """Report that Kimi has no answer for the team."""
    return pick(
        language,
        zh="*Kimi 现在回答不了；没有向客户发送任何内容。*",
        en="*Kimi has no answer right now; nothing was sent to the customer.*",
    )


def draft_text(language: Language, text: str) -> str:
    """Show a draft, which only the desk sees."""
    head = pick(
        language,
        zh="📝 **Kimi 建议的回复**（客户看不到；点“发送”，或复制修改后自己发）",
        en="📝 **Kimi suggests** (the customer does not see this; send it, or copy and change it)",
    )
    return f"{head}\n\n{text}"


def transcript_text(language: Language, words: str) -> str:
    """Return the transcript of a customer's recording, for the desk."""
    head = pick(language, zh="🎤 录音里说的是：", en="🎤 What the recording says:")
    return f"{head}\n\n{blockquote(quotable(words))}"


def draft_sent_text(language: Language, name: str, text: str) -> str:
    """Show a draft that was sent, with its sender."""
    head = pick(
        language, zh=f"*{plain_name(name)} 发送了这份草稿：*", en=f"*{plain_name(name)} sent this draft:*"
    )
    return f"{head}\n\n{text}"


def send_draft_button(language: Language, item_id: int) -> OptionButton:
    """Return the button that sends a draft."""
    return OptionButton(label=pick(language, zh="发送", en="Send"), action=SendDraft(item_id=item_id))
