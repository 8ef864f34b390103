"""Hears the recordings of a question inside its turn, before anything is decided about its words.

The words are stored with the file, so that a crash hears nothing twice, and become the text of the message
that carried the recording: the prompt, the knowledge search, prepared answers, `/forget`, retention and
export treat them as the person's own.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from core.domain.file_states import FileState
from core.domain.message_content import AttachmentKind, MessageRole
from core.domain.turn_states import TurnState
from core.files.library import Library
from core.store import Database, Transaction, file_blobs, files, history
from core.store.files import File
from core.text.language import Language, pick
from core.text.quoting import blockquote, truncate
from core.turns.claimed_turn import ClaimedTurn
from core.work_queue.active_answers import ActiveAnswer

MAX_QUOTED_CHARS: Final = 1_000  #: of what was understood, above the answer


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
        question = claimed.question
        if question is None or claimed.refusal is not None or not claimed.available_context.has_files:
            return claimed, ""
        recordings = await self._load(claimed)
        new = [file for file in recordings if file.state is FileState.NEW]
        if new and claimed.turn.state is not TurnState.ANSWERED:
            show_placeholder(listening_text(claimed.language))
            hearing = running.start(self._library.read(claimed.conversation, new))
            try:
                await asyncio.wait({hearing})
            finally:
                hearing.cancel()
            if not hearing.cancelled():
                hearing.result()
            recordings = await self._load(claimed)
        heard = [file for file in recordings if file.state is FileState.READY]
        if not heard:
            return claimed, ""
        async with self._database.begin() as tx:
            words = [await self._store_words(tx, file) for file in heard]
        spoken = "\n\n".join(words)
        text = "\n\n".join(filter(None, (question.text.strip(), spoken)))
        quote = blockquote(f"🎤 {quotable(spoken)}") + "\n\n"
        return replace(claimed, question=replace(question, text=text)), quote

    async def _load(self, claimed: ClaimedTurn) -> Sequence[File]:
        turn = claimed.turn
        async with self._database.read() as tx:
            found = await files.load(
                tx, turn.conversation_id, after_seq=turn.first_seq - 1, up_to_seq=turn.seq
            )
        return [file for file in found if file.attachment.kind is AttachmentKind.AUDIO]

    async def _store_words(self, tx: Transaction, file: File) -> str:
        """Make a recording's words the text of its message, once; return them."""
        words = await file_blobs.get_text(tx, file.hash)
        stored = await history.load_recent(
            tx, file.conversation_id, after_seq=file.seq - 1, up_to_seq=file.seq, limit=10
        )
        before = next((one.content.text for one in stored if one.role is MessageRole.USER), None)
        if before is not None and words not in before:
            text = "\n\n".join(filter(None, (before.strip(), words)))
            await history.set_words(tx, file.conversation_id, file.seq, text)
        return words


def listening_text(language: Language) -> str:
    """Return the text that is shown while a recording is heard."""
    return pick(language, zh="正在听……", en="Listening…")


def quotable(words: str) -> str:
    """Return words for a quote: one paragraph in which nothing is markup."""
    plain = " ".join(words.split())
    return "".join(
        f"\\{char}" if char in "\\`*_[]<>~|$#" else char for char in truncate(plain, MAX_QUOTED_CHARS)
    )
