"""The stand-in's world as the Bot API's JSON objects. Pure."""

from typing import Any

from bots.simulator.telegram.chats import Bot, Chat, Message, User

ADMIN_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
    "can_pin_messages",
    "can_manage_topics",
)

RESTRICTED_RIGHTS = (
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_send_messages",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_manage_topics",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_edit_tag",
    "can_react_to_messages",
)


def user_json(user: User) -> dict[str, Any]:
    """Return a ``User``."""
    found = {"id": user.id, "is_bot": user.is_bot, "first_name": user.name}
    optional = {"username": user.username, "language_code": user.language}
    return found | {name: value for name, value in optional.items() if value}


def me_json(bot: Bot) -> dict[str, Any]:
    """Return what ``getMe`` tells."""
    return user_json(bot.user) | {
        "can_join_groups": True,
        "can_read_all_group_messages": bot.reads_all,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": False,
        "allows_users_to_create_topics": False,
    }


def member_json(user: User, status: str) -> dict[str, Any]:
    """Return a ``ChatMember`` with the fields that ``status`` asks for."""
    found: dict[str, Any] = {"user": user_json(user), "status": status}
    match status:
        case "creator":
            return found | {"is_anonymous": False}
        case "administrator":
            return found | {"can_be_edited": False, "is_anonymous": False} | dict.fromkeys(ADMIN_RIGHTS, True)
        case "kicked":
            return found | {"until_date": 0}
        case "restricted":
            return found | {"is_member": True, "until_date": 0} | dict.fromkeys(RESTRICTED_RIGHTS, False)
        case _:
            return found


def chat_json(chat: Chat) -> dict[str, Any]:
    """Return a ``ChatOption``."""
    found: dict[str, Any] = {"id": chat.id, "type": chat.kind}
    if chat.person is not None:
        found["first_name"] = chat.person.name
    optional = {
        "title": chat.title,
        "username": chat.person.username if chat.person else chat.username,
        "is_forum": chat.forum,
        "is_direct_messages": chat.direct_messages,
    }
    return found | {name: value for name, value in optional.items() if value}


def message_json(chat: Chat, message: Message, *, nested: bool = False) -> dict[str, Any]:
    """Return a ``SlackMessage``; a ``nested`` one does not carry what it replies to in turn."""
    found: dict[str, Any] = {
        "message_id": message.id,
        "from": user_json(message.sender),
        "chat": chat_json(chat),
        "date": message.date,
    }
    if message.sender_chat is not None:
        found["sender_chat"] = chat_json(message.sender_chat)
    if message.thread_id is not None:
        found["message_thread_id"] = message.thread_id
    if chat.direct_messages and message.thread_id is not None:
        found["direct_messages_topic"] = {"topic_id": message.thread_id}
        del found["message_thread_id"]
    elif message.is_topic:
        found["is_topic_message"] = True
    if message.origin is not None:
        found["forward_origin"] = message.origin
    if not nested:
        found |= message.reply_context
    if message.edit_date is not None:
        found["edit_date"] = message.edit_date
    found |= message.media
    found |= message.service
    found |= _words(message)
    if message.markup and "inline_keyboard" in message.markup:
        found["reply_markup"] = message.markup
    origin = None if nested else _origin(chat, message)
    if origin is not None:
        found["reply_to_message"] = message_json(chat, origin, nested=True)
    return found


def _words(message: Message) -> dict[str, Any]:
    if message.rich:
        return {"rich_message": {"blocks": [dict(block) for block in message.rich]}}
    if not message.text:
        return {}
    text, entities = ("caption", "caption_entities") if message.media else ("text", "entities")
    found: dict[str, Any] = {text: message.text}
    if message.entities:
        found[entities] = [dict(entity) for entity in message.entities]
    return found


def _origin(chat: Chat, message: Message) -> Message | None:
    """Return the message replied to.

    In a topic that is the service message that made the topic, unless a reply says otherwise
    (tdlib/telegram-bot-api ``Client.cpp``): the trap that every plain message there looks like a reply.
    """
    if message.reply_to is not None:
        return chat.messages.get(message.reply_to)
    if message.is_topic and message.thread_id != message.id and message.thread_id is not None:
        return chat.messages.get(message.thread_id)
    return None
