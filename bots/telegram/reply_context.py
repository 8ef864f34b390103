"""Parses the message that a person replies to: bots see no other earlier message. Pure."""

from telegram import ExternalReplyInfo, Message

from bots.telegram.attachments import attachments_of, recordings_of
from bots.telegram.incoming_markdown import raw_text, to_markdown
from bots.telegram.incoming_rich import rich_message_markdown
from bots.telegram.other_content import Carrier, other_content_of, unsupported_content_of
from bots.telegram.people import BotIdentity, clean_name, parse_origin, person_of
from core.domain.message_content import ContentKind, OtherContent, ReplyContext, UnsupportedContent


def replied_message(message: Message) -> Message | None:
    """Return the message that a person replied to; None if there is none.

    In a topic every plain message "replies" to the service message that created the topic.
    """
    replied = message.reply_to_message
    if replied is None or replied.forum_topic_created:
        return None
    if message.is_topic_message and replied.message_id == message.message_thread_id:
        return None
    return replied


def parse_reply_context(message: Message, identity: BotIdentity) -> ReplyContext | None:
    """Return the message that ``message`` replies to, in this chat or another; None if there is none."""
    quote = message.quote
    selection = to_markdown(quote.text, quote.entities or ()) if quote else _chosen_task(message)
    if replied := replied_message(message):
        return _from_message(replied, selection, identity)
    if message.external_reply is not None:
        return _from_other_chat(message.external_reply, selection)
    if message.reply_to_story is not None:
        story = message.reply_to_story.chat.effective_name or ""
        described = OtherContent(kind=ContentKind.STORY, text="[a story, which bots cannot see]")
        return ReplyContext(message_id="", author=clean_name(story), other=(described,))
    return None


def _chosen_task(message: Message) -> str:
    """Return the task of a checklist that a message replies to; "" if it is about no single one."""
    replied, task_id = message.reply_to_message, message.reply_to_checklist_task_id
    tasks = replied.checklist.tasks if replied is not None and replied.checklist is not None else ()
    return next((to_markdown(one.text, one.text_entities) for one in tasks if one.id == task_id), "")


def _from_message(replied: Message, selection: str, identity: BotIdentity) -> ReplyContext:
    user, origin = replied.from_user, replied.forward_origin
    author = person_of(user, replied.sender_chat, replied.author_signature)
    return ReplyContext(
        message_id=str(replied.message_id),
        author=author.name if author else clean_name(user.full_name) if user else "",
        text=to_markdown(*(raw_text(replied) or ("", ()))) or rich_message_markdown(replied),
        by_bot=bool(user and user.id == identity.id),
        author_id=author.id if author else str(user.id) if user else "",
        selection=selection,
        attachments=attachments_of(replied) or recordings_of(replied),
        other=other_content_of(replied),
        unsupported=_unsupported(replied),
        forwarded_from=parse_origin(origin) if origin else None,
    )


def _from_other_chat(reply: ExternalReplyInfo, selection: str) -> ReplyContext:
    """Return a message of another chat; its id belongs to that chat and must not match here."""
    origin = parse_origin(reply.origin)
    chat = clean_name(reply.chat.effective_name or "") if reply.chat else ""
    return ReplyContext(
        message_id="",
        author=origin.author or origin.channel,
        author_id=origin.author_id,
        selection=selection,
        attachments=attachments_of(reply) or recordings_of(reply),
        other=other_content_of(reply),
        unsupported=_unsupported(reply),
        channel=chat or origin.channel,
    )


def _unsupported(carrier: Carrier) -> tuple[UnsupportedContent, ...]:
    kind = unsupported_content_of(carrier)
    return () if kind is None else (kind,)
