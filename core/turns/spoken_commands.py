"""Commands that are spoken: "slash new" in a voice message does what ``/new`` does."""

import re
from typing import Final

from core.commands import CommandReply
from core.domain.command_names import CommandName
from core.domain.events import CommandReceived
from core.ports.platform import EventSink
from core.turns.claimed_turn import ClaimedTurn

MAX_CHARS: Final = 200  #: longer words contain a command by chance
_SPOKEN: Final = re.compile(
    r"\W*(?:/|slash|斜杠|斜槓|斜线|斜線)[\s,，:：]*([a-z]+)\b[\s,，.:：]*(.*?)[\s.。!！?？'\"”]*",
    re.IGNORECASE | re.DOTALL,
)


class SpokenCommands:
    """Implements :class:`core.turns.predefined_answers.PredefinedAnswer`."""

    def __init__(self, event_sink: EventSink) -> None:
        """``event_sink`` takes the command as if the person had typed it."""
        self._event_sink = event_sink

    async def __call__(self, claimed: ClaimedTurn) -> CommandReply | None:
        """Pass a spoken command on, once; the quote of it is all that this answer shows."""
        question = claimed.question
        if question is None or not claimed.spoken or question.text != claimed.spoken:
            return None
        if question.forwarded_from is not None or (parsed := parse_spoken_command(claimed.spoken)) is None:
            return None
        name, argument = parsed
        await self._event_sink(
            CommandReceived(
                delivery_id=f"{question.delivery_id}:spoken",
                message_id=question.message_id,
                address=question.address,
                author=question.author,
                command=name,
                argument=argument,
                sent_at=question.sent_at,
                chat_type=question.chat_type,
                quoted=question.quoted,
                threads_by_reply=question.threads_by_reply,
                mentioned=question.mentioned,
            )
        )
        return CommandReply(text="")


def parse_spoken_command(words: str) -> tuple[CommandName, str] | None:
    """Return the command and its argument in "slash new" or "/new"; None if the words are no command."""
    found = _SPOKEN.fullmatch(words.strip()) if len(words) <= MAX_CHARS else None
    if found is None:
        return None
    try:
        return CommandName(found[1].lower()), found[2]
    except ValueError:
        return None
