"""Addresses of Telegram's messages, and the address of the answer. Pure."""

from telegram import Chat, Message, ReplyParameters

from bots.telegram.people import BotIdentity
from core.domain.addresses import Address, ChatType, Person, ThreadKey

PLATFORM = "telegram"

#: The thread of a forum's General topic, which has no topic id of its own.
GENERAL_TOPIC = "general"


def chat_type_of(chat: Chat) -> ChatType:
    """Return the chat type of ``chat``."""
    direct = chat.type == Chat.PRIVATE or chat.is_direct_messages
    return ChatType.DIRECT if direct else ChatType.GROUP


def threads_by_reply(chat: Chat) -> bool:
    """Return whether replies form the conversations of ``chat``: in groups without topics."""
    return chat_type_of(chat) is ChatType.GROUP and not chat.is_forum


def thread_of(message: Message) -> str:
    """Return the conversation within the chat: a topic, a message that others reply to, or "".

    ``message_thread_id`` is a topic only together with ``is_topic_message``; ordinary supergroups set it
    for replies too (tdlib/telegram-bot-api issue 447).
    """
    if message.direct_messages_topic is not None:
        return str(message.direct_messages_topic.topic_id)
    if message.is_topic_message and message.message_thread_id:
        return str(message.message_thread_id)
    if message.chat.is_forum and message.chat.type != Chat.PRIVATE:
        return GENERAL_TOPIC
    return str(message.message_id) if threads_by_reply(message.chat) else ""


def address_of(chat: Chat, identity: BotIdentity, thread: str, author: Person, *, reply_to: int) -> Address:
    """Return the address of the answer to a message of ``author``; a reply to it in groups."""
    private = chat.type == Chat.PRIVATE
    details = {"chat": "private" if private else "group", "said_in": str(chat.id)}
    if chat.is_direct_messages:
        details["direct_topic"] = thread
    elif thread not in ("", GENERAL_TOPIC) and not threads_by_reply(chat):
        details["topic"] = thread
    if author.language:
        details["language"] = author.language
    return Address(
        key=ThreadKey(platform=PLATFORM, tenant=str(identity.id), channel=str(chat.id), thread=thread),
        reply_to="" if private else str(reply_to),
        details=details,
    )


def proactive_address(tenant: str, channel: str, thread: str, *, reply_to: str = "") -> Address:
    """Return the address of a chat or of one of its topics, for a message that nobody asked for."""
    details = {"chat": "private" if _is_person_id(channel) else "group", "said_in": channel}
    if thread not in ("", GENERAL_TOPIC):
        details["topic"] = thread
    key = ThreadKey(platform=PLATFORM, tenant=tenant, channel=channel, thread=thread)
    return Address(key=key, reply_to=reply_to, details=details)


def is_private(address: Address) -> bool:
    """Return whether ``address`` is a private chat: their ids are positive, those of groups negative."""
    return (
        address.details.get("chat", "private" if _is_person_id(address.key.channel) else "group") == "private"
    )


def _is_person_id(channel: str) -> bool:
    return channel > "0"


def topic_id_of(address: Address) -> int | None:
    """Return the topic that every call must name; None in General and outside forums."""
    topic = address.details.get("topic", "")
    return int(topic) if topic else None


def direct_topic_id_of(address: Address) -> int | None:
    """Return the topic of a channel's direct messages, which every send must name; None elsewhere."""
    topic = address.details.get("direct_topic", "")
    return int(topic) if topic else None


def reply_parameters_of(address: Address, chat: str) -> ReplyParameters | None:
    """Return the parameters of a reply to the question.

    None if the chat has migrated, because message ids are assigned anew there.
    """
    if not address.reply_to or address.details.get("said_in", chat) != chat:
        return None
    return ReplyParameters(int(address.reply_to), allow_sending_without_reply=True)
