"""Parses what people and apps say on Slack: words, and all that comes with them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from bots.slack import incoming_markdown
from bots.slack.addressing import address_of, chat_type_of, parse_ts
from bots.slack.attachments import recordings_of
from bots.slack.message_content import is_by_app, parse_content
from bots.slack.people import BotIdentity, KnownNames, author_of, person_of
from bots.slack.rich_text import TextContext, mentions_in_rich_text
from core.domain.addresses import ChatType, Person
from core.domain.command_names import CommandName
from core.domain.events import CommandReceived, Mention, MessageReceived
from core.domain.message_content import UnsupportedContent

MESSAGE_SUBTYPES = frozenset({"", "file_share", "thread_broadcast", "me_message", "bot_message"})
"""Subtypes of ``message`` that somebody wrote; all others are notes of Slack's own."""

NO_PERSON = frozenset({"", "USLACK", "USLACKBOT"})


def build_message(
    message: Mapping[str, Any],
    channel: str,
    channel_type: str,
    tenant: str,
    identity: BotIdentity,
    known: KnownNames,
) -> MessageReceived:
    """Return a message with everything that it says and carries.

    Args:
        message: a message object of an event.
        channel: id of its channel.
        channel_type: "channel", "group", "im" or "mpim"; "" if the event does not say.
        tenant: the team that installed the app.
        identity: the bot.
        known: names of the people, channels and user groups that it mentions; others are named by their id.
    """
    chat_type, ts = chat_type_of(channel, channel_type), message["ts"]
    author, by_app = author_of(message, known.profiles), is_by_app(message)
    context = TextContext(names=known.all, own_ids=identity.ids)
    content = parse_content(message, context)
    mention = _mention(message, chat_type, identity)
    if by_app and not _may_ask(message, identity):
        mention = Mention.NONE
    unsupported = content.unsupported or ((UnsupportedContent.EMPTY,) if content.is_blank else ())
    return MessageReceived(
        delivery_id=f"msg:{channel}:{ts}",
        message_id=ts,
        address=address_of(tenant, channel, chat_type, message, author, identity),
        author=author,
        text=content.text,
        sent_at=parse_ts(ts),
        chat_type=chat_type,
        mention=mention,
        quoted=content.reply,
        client_id=client_id if isinstance(client_id := message.get("client_msg_id"), str) else "",
        allows_follow_up=not (by_app or _is_for_others(message, identity)),
        unsupported_content=next(iter(unsupported), None),
        attachments=content.attachments,
        relay_files=recordings_of(message),
        other=content.other,
        by_app=by_app,
        mentioned=_mentioned(message, identity, known),
    )


def as_command(message: MessageReceived) -> CommandReceived | None:
    """Return the command that a message to the bot is; None if it is none."""
    if message.mention is Mention.NONE or (parsed := parse_command(message.text)) is None:
        return None
    command, argument = parsed
    return CommandReceived(
        delivery_id=message.delivery_id,
        message_id=message.message_id,
        address=message.address,
        author=message.author,
        command=command,
        argument=argument,
        sent_at=message.sent_at,
        chat_type=message.chat_type,
        quoted=message.quoted,
        attachments=message.attachments,
        mentioned=message.mentioned,
    )


def parse_command(text: str) -> tuple[CommandName, str] | None:
    """Return the command and its argument in "/new …"; None if ``text`` is not a command."""
    if not text.startswith("/"):
        return None
    word, _, argument = text[1:].partition(" ")
    command = command_name(word)
    return (command, argument.strip()) if command else None


def command_name(word: str) -> CommandName | None:
    """Return the command with this name, with or without its slash; None if there is none."""
    try:
        return CommandName(word.strip().lower().removeprefix("/"))
    except ValueError:
        return None


def _mention(message: Mapping[str, Any], chat_type: ChatType, identity: BotIdentity) -> Mention:
    if chat_type is ChatType.DIRECT:
        return Mention.DIRECT
    text = message.get("text") or ""
    named = incoming_markdown.mentions_any(text, identity.ids) or (
        not text and bool(mentions_in_rich_text(message.get("blocks")) & identity.ids)
    )
    if is_by_app(message):  # their words are in blocks and attachments, and Slack shows ``text`` beside none
        named = named or any(
            incoming_markdown.mentions_any(one, identity.ids)
            for key in ("blocks", "attachments")
            for one in _strings_in(message.get(key))
        )
    return Mention.BY_NAME if named else Mention.NONE


def _may_ask(message: Mapping[str, Any], identity: BotIdentity) -> bool:
    """Return whether an app's message may be a question: the deployment names the app."""
    profile = message.get("bot_profile")
    app_id = message.get("app_id") or (profile.get("app_id") if isinstance(profile, Mapping) else None)
    return not identity.allowed_apps.isdisjoint({message.get("bot_id"), message.get("user"), app_id})


def _strings_in(value: object) -> Iterator[str]:
    """Yield every string in a JSON value."""
    match value:
        case str():
            yield value
        case Mapping():
            for one in value.values():
                yield from _strings_in(one)
        case list():
            for one in value:
                yield from _strings_in(one)


def _mentioned(message: Mapping[str, Any], identity: BotIdentity, known: KnownNames) -> tuple[Person, ...]:
    """Return the people whom a message mentions, in order, without the bot."""
    ids = incoming_markdown.mentioned_ids(message.get("text") or "")
    return tuple(person_of(one, known.profiles) for one in ids if one not in identity.ids)


def _is_for_others(message: Mapping[str, Any], identity: BotIdentity) -> bool:
    """Return whether a message names somebody, and not the bot."""
    text = message.get("text") or ""
    return not incoming_markdown.mentions_any(text, identity.ids) and incoming_markdown.mentions_others(
        text, identity.ids
    )
