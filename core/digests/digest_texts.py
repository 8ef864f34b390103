"""Texts around digests: usage, unread messages, announcements. Pure."""

from datetime import datetime, timedelta, tzinfo

from core.ports.channel_history import ReadLimit
from core.text.language import Language, pick


def usage_text(language: Language) -> str:
    """Return how a digest is asked for."""
    return pick(
        language,
        zh="`/digest` 总结最近 24 小时说过的话。也可以写 `/digest 200`（条数）、`/digest 今天`、`/digest "
        "昨天以来`、"
        "`/digest 3天` 或 `/digest 我上次发言以来`。",
        en="`/digest` sums up the last 24 hours. Or write `/digest 200` (messages), `/digest today`, "
        "`/digest since yesterday`, `/digest 3 days` or `/digest since I was here`.",
    )


def direct_text(language: Language) -> str:
    """Return the reply to a digest that was asked for in a direct conversation."""
    where = pick(
        language,
        zh="请在要总结的频道或群里发送它。",
        en="Send it in the channel or group that you want summed up.",
    )
    return f"{where} {usage_text(language)}"


def reading_text(language: Language, *, part: int = 0, parts: int = 0) -> str:
    """Return the status text while the messages are read."""
    if not parts:
        return pick(language, zh="正在读消息……", en="Reading what was written…")
    return pick(
        language,
        zh=f"消息很多，正在读第 {part} / {parts} 部分……",
        en=f"That is a lot: reading part {part} of {parts}…",
    )


def nothing_text(language: Language) -> str:
    """Return the reply if nobody wrote anything in the period."""
    return pick(
        language, zh="这段时间里没有人写过消息。", en="Nobody has written anything here in that time."
    )


def not_kept_text(language: Language) -> str:
    """Return why nothing can be read on a platform that shows bots no history."""
    return pick(
        language,
        zh="这个平台不让机器人读以前的消息，所以我现在没有可以总结的内容。群管理员可以在 `/settings` 里打开"
        "“为摘要保留消息”（`remember=24h`）：我会先在这里说明，从那时起保留新消息，到期自动删除。",
        en="Bots cannot read earlier messages on this platform, so there is nothing that I could sum up. An "
        "admin "
        "of this chat can switch on “Keep messages for digests” in `/settings` (`remember=24h`): I say so "
        "here "
        "first, and keep new messages from then on until they are too old.",
    )


def refused_text(language: Language) -> str:
    """Return why the history of a channel cannot be read."""
    return pick(
        language,
        zh="我读不了这个频道的历史消息：请把我邀请进来，或请管理员检查应用的权限（`channels:history`、"
        "`groups:history`）。",
        en="I may not read this channel's history: invite me, or ask an admin whether the app has the scopes "
        "`channels:history` and `groups:history`.",
    )


def busy_text(language: Language) -> str:
    """Return why the history of a channel cannot be read now."""
    return pick(
        language,
        zh="平台现在不让我读更多消息，请过一分钟再试。",
        en="The platform lets me read no more for now. Please try again in a minute.",
    )


def count_note(language: Language, *, count: int, first: datetime, zone: tzinfo) -> str:
    """Return which messages a digest is about."""
    since = _format_time(first, zone)
    return pick(
        language,
        zh=f"根据 {since} 以来的 {count} 条消息。",
        en=f"From {count} message{'' if count == 1 else 's'} since {since}.",
    )


def limit_note(language: Language, limit: ReadLimit) -> str:
    """Return why older messages are missing."""
    if limit is ReadLimit.BUSY:
        return pick(
            language,
            zh="平台没有让我读更早的消息，过一会儿可以再试。",
            en="The platform let me read nothing older for now; try again later.",
        )
    return pick(
        language,
        zh="Slack 只让这个应用每分钟读 15 条消息，更早的没有读到；管理员可以在 `/settings` "
        "里打开“为摘要保留消息”。",
        en="Slack lets this app read 15 messages a minute, so older ones are missing; an admin can switch on "
        "“Keep messages for digests” in `/settings`.",
    )


def cut_note(language: Language, count: int) -> str:
    """Return that a digest is about the newest messages only."""
    return pick(
        language,
        zh=f"更早的没有读：一次最多 {count} 条。",
        en=f"Older ones were left out: {count} at most are summed up.",
    )


def too_much_note(language: Language) -> str:
    """Return that the beginning of the messages was too much text."""
    return pick(
        language,
        zh="消息太多，最早的一部分没有总结。",
        en="It was too much text, so the oldest part was left out.",
    )


def kept_note(language: Language, since: datetime, zone: tzinfo) -> str:
    """Return since when messages are kept."""
    at = _format_time(since, zone)
    return pick(language, zh=f"{at} 之前的消息没有保留。", en=f"Messages from before {at} are not kept.")


def joined_note(language: Language) -> str:
    """Return that the asker gets to read nothing from before they came."""
    return pick(
        language, zh="你进群之前的消息不在其中。", en="What was written before you joined is not in it."
    )


def own_note(language: Language) -> str:
    """Return that the asker wrote nothing among the messages."""
    return pick(
        language,
        zh="这些消息里没有你的发言，所以全部总结了。",
        en="None of these messages is yours, so all are summed up.",
    )


def threads_note(language: Language, count: int) -> str:
    """Return that the replies in some threads were not read."""
    return pick(
        language,
        zh=f"有 {count} 个话题里的回复没有读。",
        en=f"The replies in {count} thread{'' if count == 1 else 's'} were not read.",
    )


def announcement(language: Language, remember: timedelta, *, sees_all: bool) -> str:
    """Return what a chat reads when its messages begin to be kept; ``sees_all`` if the bot receives each."""
    hours = int(remember.total_seconds()) // 3600
    hint = pick(
        language,
        zh="\n\n现在我只看得到 @我 和回复我的消息。要看到全部，"
        "请把我设为群管理员，或在 @BotFather 关闭隐私模式。",
        en="\n\nAs it is, I may see only messages that mention me or reply to me: to see all of them, make "
        "me an administrator of this group, or disable my privacy mode at @BotFather.",
    )
    return _announcement(language, hours) + ("" if sees_all else hint)


def _announcement(language: Language, hours: int) -> str:
    return pick(
        language,
        zh=f"从现在起，我会把这里的新消息保留 {hours} 小时，只用于 `/digest` 摘要，之后自动删除；"
        "之前的消息不保留。"
        "想删除自己的，请发送 `/forget`。群管理员可以在 `/settings` 里关闭。",
        en=f"From now on I keep new messages of this chat for {hours} hours, for digests (`/digest`) alone, "
        "and "
        "delete them after that; nothing earlier is kept. `/forget` deletes yours. Admins of this chat can "
        "switch it off in `/settings`.",
    )


def _format_time(at: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
