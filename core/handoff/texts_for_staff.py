"""What the people of a desk are told, in Chinese and English; no customer reads any of it. Markdown; pure."""

from datetime import timedelta

from core.domain.events import Choice, Said, Unreadable
from core.handoff.texts_for_customers import plain
from core.text.language import Language, pick


def unpassable(said: Said, language: Language) -> str:
    """Tell what kind of thing came that cannot be passed on; "" where all can."""
    if said.unreadable in (None, Unreadable.EMPTY):
        return ""
    return pick(
        language,
        zh=f"*（发来了无法转发的内容：{said.unreadable}）*",
        en=f"*(sent something that cannot be passed on: {said.unreadable})*",
    )


def undelivered(language: Language, why: str) -> str:
    """Warn the desk that the customer did not get the last words."""
    return pick(
        language,
        zh=f"⚠️ 客户没有收到上面这条消息：{why}。",
        en=f"⚠️ The customer did not get the message above: {why}.",
    )


def file_lost(language: Language, name: str) -> str:
    """Say on the desk that a customer's file could not be passed on."""
    return pick(
        language,
        zh=f"⚠️ 客户发来的文件“{plain(name)}”没能转过来。",
        en=f"⚠️ The customer's file “{plain(name)}” could not be passed on.",
    )


def ended(language: Language) -> str:
    """Say that words to an ended handover go nowhere."""
    return pick(
        language,
        zh="这次人工服务已经结束，上面这条没有发给客户。",
        en="This handover has ended: the message above was not sent to the customer.",
    )


def did(language: Language, action: str, name: str) -> str:
    """Say who did what to a handover; ``name`` is "" for the bot itself."""
    who = plain(name) if name else "🤖"
    words = {
        "take": pick(language, zh="接手了。", en="took this."),
        "answer": pick(language, zh="回复并接手了。", en="answered and took this."),
        "back": pick(language, zh="交还给了机器人。", en="handed this back to the bot."),
        "close": pick(language, zh="关闭了这次服务。", en="closed this."),
    }
    return f"*{who} {words[action]}*"


def remind(language: Language, customer: str, waited: timedelta, mentions: str) -> str:
    """Remind that a customer waits."""
    minutes = max(1, round(waited.total_seconds() / 60))
    told = pick(
        language,
        zh=f"⏰ {plain(customer)} 已经等了 {minutes} 分钟。",
        en=f"⏰ {plain(customer)} has been waiting for {minutes} min.",
    )
    return f"{told} {mentions}".strip()


def idle(language: Language, then: str, mentions: str) -> str:
    """Warn that a handover in which nothing happens will end."""
    what = (
        pick(language, zh="交还给机器人", en="go back to the bot")
        if then == "return"
        else pick(language, zh="关闭", en="be closed")
    )
    told = pick(
        language,
        zh=f"⏳ 这里很久没有动静了，再过同样长的时间会自动{what}。",
        en=f"⏳ Nothing has happened here for a while; after as long again this will {what}.",
    )
    return f"{told} {mentions}".strip()


def drafting_failed(language: Language) -> str:
    """Say that no draft can be had."""
    return pick(language, zh="*Kimi 现在写不出草稿。*", en="*Kimi has no draft to offer right now.*")


def draft(language: Language, words: str) -> str:
    """Show a draft: seen by the desk only."""
    head = pick(
        language,
        zh="📝 **Kimi 建议的回复**（客户看不到；点“发送”，或复制修改后自己发）",
        en="📝 **Kimi suggests** (the customer does not see this; send it, or copy and change it)",
    )
    return f"{head}\n\n{words}"


def draft_sent(language: Language, name: str, words: str) -> str:
    """Show a draft that was sent."""
    head = pick(language, zh=f"*{plain(name)} 发送了这份草稿：*", en=f"*{plain(name)} sent this draft:*")
    return f"{head}\n\n{words}"


def send_button(language: Language, post_id: int) -> Choice:
    """Return the button that sends a draft."""
    return Choice(label=pick(language, zh="发送", en="Send"), data=f"desk:send:{post_id}")
