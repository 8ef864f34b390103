"""Which messages of people reach a bot. Pure.

Source: core.telegram.org/bots/features#privacy-mode. Plain @mentions are let through, as
@BotFather says; whether that is always so is not certain.
"""

from bots.simulator.telegram.chats import Bot, Chat, Message
from bots.simulator.telegram.entities import slice16


def sees(bot: Bot, chat: Chat, message: Message) -> bool:
    """Tell whether ``bot`` gets an update for this message."""
    if bot.id not in chat.bots or bot.id in chat.shut:
        return False
    if message.sender.is_bot and message.sender_chat is None:
        return message.service != {} and message.sender.id != bot.id
    if chat.kind == "private" or chat.direct_messages or bot.reads_all or message.service:
        return True
    if chat.bots[bot.id] == "administrator" or _is_named(bot, message):
        return True
    origin = chat.messages.get(message.reply_to or 0)
    return origin is not None and origin.sender.id == bot.id


def _is_named(bot: Bot, message: Message) -> bool:
    """Tell whether a command or a mention in the message is for the bot."""
    ours = bot.user.username.casefold()
    for entity in message.entities:
        words = slice16(message.text, entity["offset"], entity["length"]).casefold()
        match entity["type"]:
            case "bot_command" if words.partition("@")[2] in ("", ours):
                return True
            case "mention" if words == f"@{ours}":
                return True
            case "text_mention" if entity["user"].get("id") == bot.id:
                return True
            case _:
                pass
    return False
