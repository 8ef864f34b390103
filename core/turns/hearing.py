"""Hears the recordings of a question inside its turn, before anything is decided about its words.

The words are stored with the file, so that a crash hears nothing twice, and become the text of the message
that carried the recording: the prompt, the knowledge search, prepared answers, requests for a person,
commands, `/forget`, retention and export treat them as the person's own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from core.domain.file_states import FileState
from core.domain.message_content import AttachmentKind
from core.domain.turn_states import TurnState
from core.files.library import Library
from core.store import Database, files, heard_words
from core.store.conversations import Conversation
from core.store.files import File
from core.store.heard_words import HeardWords
from core.text.language import Language, pick
from core.text.quoting import blockquote, quotable
from core.turns.claimed_turn import ClaimedTurn
from core.work_queue.active_answers import ActiveAnswer

HearMessage: TypeAlias = Callable[[Conversation, int], Awaitable[str]]
"""Returns the words of a message's recordings, given its seq; "" if there are none."""

MAX_EARLIER: Final = 4  #: newest recordings of a thread from before the bot was called


class RecordingHearer:
    """Hears recordings and stores their words."""

    def __init__(self, database: Database, library: Library) -> None:
        """``library`` downloads recordings and hears them."""
        self._database = database
        self._library = library

    async def hear(
        self, claimed: ClaimedTurn, running: ActiveAnswer, show_placeholder: Callable[[str], None]
    ) -> tuple[ClaimedTurn, str]:
        """Return the turn with the words of its recordings, and the quote of them to begin the answer with.

        What could not be heard is told as a file that could not be read.

        Raises:
            StoreUnavailable: the words could not be stored.
        """
        question, turn = claimed.question, claimed.turn
        if question is None or claimed.refusal is not None or claimed.notice_text:
            return claimed, ""
        if not claimed.available_context.has_files:
            return claimed, ""
        recordings = await self._load(turn.conversation_id, turn.first_seq, turn.seq)
        new = [file for file in recordings if file.state is FileState.NEW]
        if new and turn.state is not TurnState.ANSWERED:
            show_placeholder(listening_text(claimed.language))
            await self._listen(claimed, new, running)
            recordings = await self._load(turn.conversation_id, turn.first_seq, turn.seq)
        heard = await self._store_words(recordings)
        if not heard:
            return claimed, ""
        spoken = "\n\n".join(one.text for one in heard if not one.is_quoted)
        text = "\n\n".join(filter(None, (question.text.strip(), spoken)))
        return replace(claimed, question=replace(question, text=text), spoken=spoken), quote_of(heard)

    async def hear_earlier(self, claimed: ClaimedTurn, running: ActiveAnswer) -> None:
        """Hear recordings that stand earlier in the thread and that nobody could hear so far.

        Raises:
            StoreUnavailable: the words could not be stored.
        """
        if not claimed.available_context.has_files:
            return
        conversation, first_seq = claimed.conversation, claimed.turn.first_seq
        after = conversation.history_cutoff_seq + 1
        known = await self._load(conversation.id, after, first_seq - 1)
        new = [one for one in known if one.state is FileState.NEW and one.fault is None][-MAX_EARLIER:]
        if not new:
            return
        await self._listen(claimed, new, running)
        ids = {file.id for file in new}
        known = await self._load(conversation.id, after, first_seq - 1)
        await self._store_words([file for file in known if file.id in ids])

    async def hear_message(self, conversation: Conversation, seq: int) -> str:
        """Return the words of a message's recordings, which become part of its history; "" if there are none.

        Raises:
            StoreUnavailable: the words could not be stored.
        """
        recordings = await self._load(conversation.id, seq, seq)
        if new := [file for file in recordings if file.state is FileState.NEW]:
            await self._library.read(conversation, new)
            recordings = await self._load(conversation.id, seq, seq)
        heard = await self._store_words(recordings)
        return "\n\n".join(one.text for one in heard if not one.is_quoted)

    async def _listen(self, claimed: ClaimedTurn, new: Sequence[File], running: ActiveAnswer) -> None:
        """Hear recordings until they are heard or the answer is cancelled."""
        hearing = running.start(self._library.read(claimed.conversation, new))
        try:
            await asyncio.wait({hearing})
        finally:
            hearing.cancel()
        if not hearing.cancelled():
            hearing.result()

    async def _load(self, conversation_id: int, first_seq: int, last_seq: int) -> Sequence[File]:
        """Return the recordings of messages from ``first_seq`` to ``last_seq``."""
        async with self._database.read() as tx:
            found = await files.load(tx, conversation_id, after_seq=first_seq - 1, up_to_seq=last_seq)
        return [file for file in found if file.attachment.kind is AttachmentKind.AUDIO]

    async def _store_words(self, recordings: Sequence[File]) -> Sequence[HeardWords]:
        """Make the words of recordings that were heard part of their messages; return them."""
        heard = [file for file in recordings if file.state is FileState.READY]
        if not heard:
            return ()
        async with self._database.begin() as tx:
            return [await heard_words.add_to_message(tx, file) for file in heard]


def listening_text(language: Language) -> str:
    """Return the text that is shown while a recording is heard."""
    return pick(language, zh="正在听……", en="Listening…")


def quote_of(heard: Sequence[HeardWords]) -> str:
    """Return the quote of what was understood: own words, then those of others with their names."""
    own = " ".join(one.text for one in heard if not one.is_quoted)
    lines = [f"🎤 {quotable(own)}"] if own else []
    for one in heard:
        if one.is_quoted:
            name = f"{quotable(one.author)}: " if one.author else ""
            lines.append(f"🎤 {name}{quotable(one.text)}")
    return blockquote("\n\n".join(lines)) + "\n\n"
