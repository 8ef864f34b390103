"""``/language``: the language of the bot's own texts for one person, in all of their conversations."""

from collections.abc import Mapping
from typing import Final

from core.access import Actor
from core.commands.command import Command, CommandReply
from core.commands.options import as_code
from core.domain.buttons import OptionButton, RunCommand
from core.domain.command_names import CommandName
from core.store import Database, person_settings
from core.text.language import Language, PersonLanguage, pick

AUTOMATIC: Final = "auto"
_BUTTONS: Final[tuple[tuple[str, str], ...]] = (("zh", "中文"), ("en", "English"), (AUTOMATIC, "自动 · Auto"))
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "zh": frozenset(
        [
            "chinese",
            "mandarin",
            "cn",
            "中文",
            "汉语",
            "漢語",
            "华语",
            "華語",
            "国语",
            "普通话",
            "简体",
            "繁體",
        ]
    ),
    "en": frozenset(["english", "英文", "英语", "英語"]),
    AUTOMATIC: frozenset(["automatic", "default", "off", "reset", "自动", "自動", "默认"]),
}


class LanguageCommand:
    """Shows and sets the language; anybody may, because it concerns nobody else."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one command; without an argument it shows the language, with buttons."""
        actor = Actor.at(command.conversation.key, command.author.id)
        wanted = parse_language(command.argument)
        async with self._database.begin() as tx:
            if wanted:
                chosen = "" if wanted == AUTOMATIC else wanted
                await person_settings.save(tx, actor, person_settings.LANGUAGE, chosen)
            known = await person_settings.load_language(tx, actor, command.conversation.id)
        language = known.resolve(client=command.author.language) if wanted else command.language
        if wanted and command.pressed is None:
            return CommandReply(text=_state_text(known, language))
        text = _state_text(known, language)
        if command.argument.strip() and not wanted:
            text = f"{_unknown_text(command.argument, language)} {text}"
        return CommandReply(text=text, options=_options(known))


def parse_language(argument: str) -> str:
    """Return "zh", "en" or :data:`AUTOMATIC` for the name or tag of a language; "" for any other text."""
    word = argument.strip("`'\".!。！ \n").lower()
    for value, names in _WORDS.items():
        if word in names or word.replace("_", "-").split("-")[0] == value:
            return value
    return ""


def _options(known: PersonLanguage) -> tuple[OptionButton, ...]:
    current = known.chosen or AUTOMATIC
    return tuple(
        OptionButton(
            label=f"✓ {label}" if value == current else label,
            action=RunCommand(command=CommandName.LANGUAGE, argument=value),
        )
        for value, label in _BUTTONS
    )


def _state_text(known: PersonLanguage, language: Language) -> str:
    if known.chosen:
        return pick(
            language,
            zh="我对你说的话（帮助、提示、菜单）用中文。Kimi 的回答跟随你提问的语言。",
            en="My own words to you (help, notices, menus) are in English. "
            "Kimi answers in the language you ask in.",
        )
    return pick(
        language,
        zh="我对你说的话（帮助、提示、菜单）跟随你常用的语言，现在是中文。Kimi 的回答跟随你提问的语言。",
        en="My own words to you (help, notices, menus) are in the language you mostly write, "
        "which is English now. Kimi answers in the language you ask in.",
    )


def _unknown_text(argument: str, language: Language) -> str:
    return pick(
        language,
        zh=f"{as_code(argument)} 不行：我自己只会说中文（`zh`）和英文（`en`）。",
        en=f"{as_code(argument)} is not possible: I myself speak Chinese (`zh`) and English (`en`) only.",
    )
