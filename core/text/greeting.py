"""The greeting of the bot when it is added to a group. Pure."""

from core.domain.events import BotAccessChanged
from core.text.language import Language, pick


def greeting_text(event: BotAccessChanged, language: Language) -> str:
    """Return the greeting as Markdown: how to call the bot, and which messages it receives in the group."""
    name = f"`@{event.bot_name}`" if event.bot_name else pick(language, zh="我", en="me")
    call = pick(
        language,
        zh=f"大家好！我由 Kimi 驱动。在消息里提到 {name}，或回复我的消息，就可以向我提问；"
        "`/help` 有更多说明。",
        en=f"Hello! I answer with Kimi. Mention {name} or reply to one of my messages to ask me something; "
        "`/help` tells more.",
    )
    hears = pick(
        language,
        zh="这里的消息我都能看到，但只回答发给我的。",
        en="I can read all messages here, and answer only those that are for me.",
    )
    deaf = pick(
        language,
        zh="我只能看到命令、提到我的和回复我的消息；别的消息到不了我这里。",
        en="I only see commands, messages that mention me and replies to me: no others reach me.",
    )
    return f"{call}\n\n{hears if event.hears_all else deaf}"
