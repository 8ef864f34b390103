"""Reading what was said before: bots see only the one message that a person replies to. Pure."""

from telegram import Message

from bots.telegram.people import Me, name_of, person_of
from bots.telegram.text import markdown_of, raw_words
from core.model import Quoted


def replied_to(message: Message) -> Message | None:
    """Return the message that a person chose to reply to.

    In a topic every plain message "replies" to the service message that made the topic.
    """
    replied = message.reply_to_message
    if replied is None or replied.forum_topic_created:
        return None
    if message.is_topic_message and replied.message_id == message.message_thread_id:
        return None
    return replied


def quoted_in(message: Message, me: Me) -> Quoted | None:
    """Return the message that ``message`` replies to, cut to the words a person chose to quote."""
    quote = message.quote
    chosen = markdown_of(quote.text, quote.entities or ()) if quote else ""
    if replied := replied_to(message):
        author = person_of(replied.from_user, replied.sender_chat, replied.author_signature)
        return Quoted(
            message_id=str(replied.message_id),
            author=author.name if author else replied.from_user.full_name if replied.from_user else "",
            text=chosen or markdown_of(*(raw_words(replied) or ("", ()))),
            by_bot=bool(replied.from_user and replied.from_user.id == me.id),
        )
    if message.external_reply and chosen:  # its id belongs to another chat and must not match here
        return Quoted(message_id="", author=name_of(message.external_reply.origin), text=chosen)
    return None
