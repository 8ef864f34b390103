"""Registers the bot's commands, which Telegram's clients offer to people."""

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeDefault,
)

from bots.telegram.errors import translate_errors
from core.domain.command_names import CommandName

_DESCRIPTIONS = {
    "": {
        CommandName.NEW: "Forget this conversation and begin anew",
        CommandName.STOP: "Stop the answer that is being written",
        CommandName.RETRY: "Answer the last question once more",
        CommandName.MODEL: "Which model answers here",
        CommandName.THINK: "How hard it thinks",
        CommandName.SYSTEM: "Who answers here: the persona",
        CommandName.CONTEXT: "What I am shown of this conversation",
        CommandName.FILES: "Files of this conversation",
        CommandName.LEARN: "Teach me a file (admins)",
        CommandName.CANNED: "Ready answers (admins)",
        CommandName.SEARCH: "Whether I search the web",
        CommandName.TOOLS: "Which tools I may use here",
        CommandName.DIGEST: "What was written in this group",
        CommandName.SETTINGS: "When and how I speak here (admins)",
        CommandName.LANGUAGE: "In which language I speak to you",
        CommandName.USAGE: "What you have used",
        CommandName.FORGET: "Delete what you said to me",
        CommandName.HUMAN: "Talk to a person of the team",
        CommandName.HELP: "What I can do",
        CommandName.START: "Say hello",
    },
    "zh": {
        CommandName.NEW: "忘记当前对话，重新开始",
        CommandName.STOP: "停止正在生成的回答",
        CommandName.RETRY: "重新回答上一个问题",
        CommandName.MODEL: "用哪个模型回答",
        CommandName.THINK: "思考的程度",
        CommandName.SYSTEM: "由谁回答：人设",
        CommandName.CONTEXT: "对话上下文的用量",
        CommandName.FILES: "查看对话里的文件",
        CommandName.LEARN: "教我一个文件（管理员）",
        CommandName.CANNED: "常用答案（管理员）",
        CommandName.SEARCH: "是否上网搜索",
        CommandName.TOOLS: "我在这里可以用哪些工具",
        CommandName.DIGEST: "总结群里说过的话",
        CommandName.SETTINGS: "我在这里何时、怎样说话（管理员）",
        CommandName.LANGUAGE: "我用哪种语言对你说话",
        CommandName.USAGE: "查看用量",
        CommandName.FORGET: "删除你对我说过的话",
        CommandName.HUMAN: "转人工客服",
        CommandName.HELP: "使用帮助",
        CommandName.START: "打个招呼",
    },
}


def build_commands(language: str, *, private: bool) -> list[BotCommand]:
    """Return the commands in ``language`` ("zh", or "" for every other); groups need no /start."""
    return [
        BotCommand(name, text)
        for name, text in _DESCRIPTIONS[language].items()
        if private or name is not CommandName.START
    ]


async def register_commands(bot: Bot) -> None:
    """Register the commands for every type of chat, in English and in Chinese.

    See https://core.telegram.org/bots/api#setmycommands.

    Raises:
        PlatformError: Telegram refused or could not be reached.
    """
    scopes: tuple[tuple[BotCommandScope, bool], ...] = (
        (BotCommandScopeDefault(), True),
        (BotCommandScopeAllPrivateChats(), True),
        (BotCommandScopeAllGroupChats(), False),
    )
    with translate_errors(idempotent=True):
        for scope, private in scopes:
            for language in _DESCRIPTIONS:
                await bot.set_my_commands(
                    build_commands(language, private=private), scope=scope, language_code=language or None
                )
