"""Hints for commands that do not exist: a wrong command is no question for Kimi."""

import difflib
import re
from typing import Final

from core.commands import CommandReply
from core.domain.command_names import CommandName
from core.domain.events import MessageReceived
from core.text.language import Language, pick
from core.turns.claimed_turn import ClaimedTurn

_COMMAND: Final = re.compile(r"/([A-Za-z_]{2,32})[.!?。！？…]*(\s.*)?", re.DOTALL)
_SIMILARITY: Final = 0.6  #: of names (difflib's ratio) from which on one was meant


async def answer_mistyped_command(claimed: ClaimedTurn) -> CommandReply | None:
    """Return a hint for a message that begins with an unknown command; None if it is a question.

    Words after a command that resembles none may be a question, such as "/imagine a moon".
    """
    question = claimed.question
    if question is None or not isinstance(claimed.event, MessageReceived):
        return None
    found = _COMMAND.fullmatch(question.text.strip())
    if found is None or question.attachments or question.forwarded_from is not None:
        return None
    name, rest = found[1].lower(), found[2]
    similar = difflib.get_close_matches(name, list(CommandName), n=1, cutoff=_SIMILARITY)
    if rest and not similar:
        return None
    return CommandReply(text=unknown_command_text(name, next(iter(similar), ""), claimed.language))


def unknown_command_text(name: str, similar: str, language: Language) -> str:
    """Return the hint for an unknown command; ``similar`` is the one that was probably meant, or ""."""
    if similar:
        return pick(
            language,
            zh=f"没有 `/{name}` 这个命令。你是想用 `/{similar}` 吗？",
            en=f"I do not know `/{name}`. Did you mean `/{similar}`?",
        )
    return pick(
        language,
        zh=f"没有 `/{name}` 这个命令。`/help` 列出了我懂的命令。",
        en=f"I do not know `/{name}`. `/help` lists what I understand.",
    )
