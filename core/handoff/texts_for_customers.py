"""Texts for customers, in Chinese and English. Markdown; pure."""

import re
from datetime import datetime

from core.domain.buttons import RATINGS, CommentRating, OptionButton, RateHandoff, RequestHuman
from core.domain.message_content import UnsupportedContent
from core.text.language import Language, pick
from core.text.quoting import plain_name, plain_text

_BLOCK_MARKUP = re.compile(r"^(?:[#>|`~+*-]|\d+[.)])|\n")


def prefix_author(name: str, text: str) -> str:
    """Return a text with its author's name before it; block markup begins on a line of its own."""
    gap = "\n\n" if _BLOCK_MARKUP.search(text.strip()) else " "
    return f"**{plain_name(name)}:**{gap}{text}"


def request_human_button(language: Language) -> OptionButton:
    """Return the button that requests a person."""
    return OptionButton(label=pick(language, zh="转人工", en="Talk to a person"), action=RequestHuman())


def offer_text(language: Language) -> str:
    """Offer a person after an answer that did not help."""
    return pick(
        language,
        zh="看来我没能帮上忙。需要我请同事来解答吗？",
        en="It seems that I could not help. Shall I get a person from the team?",
    )


def offer_in_answer_text(language: Language) -> str:
    """Offer a person within an answer that found nothing."""
    return pick(language, zh="需要请人工同事来帮您吗？", en="Shall a person of our team help you with it?")


def away_text(language: Language, opens_at: datetime | None, timezone: str) -> str:
    """Say when the team is back; ``opens_at`` is in the desk's time zone, None if unknown."""
    if opens_at is None:
        return pick(
            language,
            zh="现在是非工作时间，同事回来后会尽快回复你。",
            en="Nobody is there at this hour; the team answers as soon as they are back.",
        )
    day = pick(
        language,
        zh="周" + "一二三四五六日"[opens_at.weekday()],
        en=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")[opens_at.weekday()],
    )
    moment = f"{opens_at:%H:%M}"
    return pick(
        language,
        zh=f"现在是非工作时间，同事会在 {day} {moment}（{timezone}）回来处理。",
        en=f"Nobody is there at this hour: the team is back on {day} at {moment} ({timezone}).",
    )


def requested_text(language: Language, *, waiting_ahead: int, away_notice: str) -> str:
    """Confirm a request, with the position in the queue and the away notice, "" during business hours."""
    told = pick(
        language,
        zh="好的，我已经请人工客服来处理。之后你在这里写的内容都会转给他们，我先不再自动回答。",
        en="I have asked our team: a person will answer you here. What you write from now on goes to them, "
        "and I stay quiet until then.",
    )
    return f"{told}{_queue_position_text(language, waiting_ahead)}\n\n{away_notice}".strip()


def still_waiting_text(language: Language, *, waiting_ahead: int, away_notice: str) -> str:
    """Say that nobody has taken the handoff yet."""
    told = pick(
        language,
        zh="抱歉让你久等了，还没有同事接手；我刚刚又提醒了他们。",
        en="Sorry for the wait: nobody has taken this yet. I have just reminded the team.",
    )
    return f"{told}{_queue_position_text(language, waiting_ahead)}\n\n{away_notice}".strip()


def _queue_position_text(language: Language, waiting_ahead: int) -> str:
    if not waiting_ahead:
        return ""
    return pick(
        language,
        zh=f"你前面还有 {waiting_ahead} 位在等。",
        en=f" {waiting_ahead} {'others wait' if waiting_ahead > 1 else 'other waits'} before you.",
    )


def assigned_text(language: Language, name: str) -> str:
    """Say that a person has taken over; ``name`` is "" if it is not shown."""
    who = _staff_name(language, name)
    return pick(
        language,
        zh=f"{who} 已经接手，接下来由真人回复你。",
        en=f"{who} from our team is here now and answers you.",
    )


def returned_to_bot_text(language: Language) -> str:
    """Say that the bot answers again."""
    return pick(
        language,
        zh="现在又由我（AI 助手）来回答了。需要人工时，随时说“转人工”或发送 `/human`。",
        en="I, the assistant, answer again from here. For a person, say so at any time or send `/human`.",
    )


def closed_text(language: Language) -> str:
    """Say that the handoff is closed, and ask for a rating."""
    return pick(
        language,
        zh="这次的服务已结束，感谢你的耐心。愿意给我们打个分吗？（1 最低，5 最高）",
        en="Our team has closed this. Thank you! How well were you helped, from 1 (badly) to 5 (very well)?",
    )


def closed_without_rating_text(language: Language) -> str:
    """Say that a handoff that nobody had taken is closed."""
    return pick(
        language,
        zh="这次的服务已结束，感谢你的耐心。有需要随时再找我。",
        en="Our team has closed this. Thank you; just write when there is something else.",
    )


def rating_buttons(handoff_id: int) -> tuple[OptionButton, ...]:
    """Return the five buttons of a rating."""
    return tuple(
        OptionButton(label="★" * stars, action=RateHandoff(handoff_id=handoff_id, stars=stars))
        for stars in RATINGS
    )


def rated_text(language: Language, stars: int) -> str:
    """Thank for a rating."""
    return pick(
        language,
        zh=f"这次的服务已结束。谢谢你的评分：{'★' * stars}",
        en=f"Our team has closed this. Thank you for rating it: {'★' * stars}",
    )


def comment_button(language: Language, handoff_id: int) -> OptionButton:
    """Return the button that makes the next message a comment."""
    label = pick(language, zh="留一句话", en="Add a comment")
    return OptionButton(label=label, action=CommentRating(handoff_id=handoff_id))


def comment_request_text(language: Language) -> str:
    """Ask for a comment."""
    return pick(
        language,
        zh="请写下你的意见：你的下一条消息会转给团队。",
        en="Please write it: your next message goes to the team as your comment.",
    )


def comment_received_text(language: Language) -> str:
    """Thank for a comment."""
    return pick(language, zh="谢谢，已转达给团队。", en="Thank you, I have passed that on to the team.")


def staff_unreachable_text(language: Language) -> str:
    """Say that the desk cannot be reached."""
    return pick(
        language,
        zh="抱歉，我现在联系不上人工客服，所以还是由我来回答。请稍后再发送 `/human` 试试。",
        en="Sorry, I cannot reach our team right now, so I go on answering. Please try `/human` again later.",
    )


def not_passed_on_text(language: Language, what: UnsupportedContent | None) -> str:
    """Say that a part of a message cannot be passed on to the team."""
    match what:
        case UnsupportedContent.VOICE:
            kind = pick(language, zh="语音", en="voice message")
        case UnsupportedContent.STICKER:
            kind = pick(language, zh="贴纸", en="sticker")
        case _:
            kind = pick(language, zh="这类内容", en="kind of message")
    return pick(
        language,
        zh=f"我没法把{kind}转给同事，已告诉他们你发过。请用文字写一下。",
        en=f"I cannot pass this {kind} on to our team; they know that you sent one. Please put it in words.",
    )


def file_failed_text(language: Language, name: str) -> str:
    """Say that a file could not be passed on to the team."""
    return pick(
        language,
        zh=f"你发的文件“{plain_text(name)}”没能转给同事，已告诉他们你发过。",
        en=f"Your file “{plain_text(name)}” could not be passed on to our team; they know that you sent it.",
    )


def text_failed_text(language: Language) -> str:
    """Say that a message could not be passed on to the team."""
    return pick(
        language,
        zh="你上面这条消息没能转给同事，请换个说法再发一次。",
        en="Your message above could not be passed on to our team. Please send it again in other words.",
    )


def already_assigned_text(language: Language, name: str) -> str:
    """Answer a repeated request: a person has taken over already; ``name`` is "" if it is not shown."""
    who = _staff_name(language, name)
    return pick(
        language,
        zh=f"{who} 正在处理，你写的内容他都能看到。",
        en=f"{who} has this in hand and sees what you write.",
    )


def _staff_name(language: Language, name: str) -> str:
    return f"**{plain_name(name)}**" if name else pick(language, zh="一位同事", en="A colleague")
