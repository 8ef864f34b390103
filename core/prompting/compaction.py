"""Decides which part of a long conversation is summarized, and in which chunks. Pure.

Summaries are made in big steps, from 60 % of the maximal prompt down to 30 %: between two of them the
prompt only grows at its end, and Kimi's prefix cache holds the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from core.domain.addresses import ChatType
from core.kimi import Message
from core.prompting.prompt import estimate_message_tokens, text_with_speaker, to_chat_message
from core.store.history import HistoryMessage
from core.text.tokens import MESSAGE_TOKENS, estimate_tokens

COMPACT_ABOVE: Final = 0.6  #: share of the maximal prompt from which on the beginning is summarized
COMPACT_DOWN_TO: Final = 0.3  #: share that stays word by word
SUMMARY_SHARE: Final = 0.12  #: share that a summary may take
MAX_SUMMARY_TOKENS: Final = 4_000
SUMMARY_SLACK: Final = 1.5  #: a summary may be this much longer than asked for before it is cut
MAX_DENSITY_RATIO: Final = 2.6  #: estimated tokens of a Chinese character against those of another one

SUMMARY_INSTRUCTION = (
    "[This is not a message of the conversation, and nobody in it sees your reply.]\n"
    "The messages above will no longer be shown to you. Write notes on them, for yourself. "
    "Keep from earlier notes everything that may still matter. Keep who is who, names, facts, numbers, "
    "dates, links, wishes, decisions, promises and open questions, and who said them; the oldest facts "
    "count as much as the newest. Leave small talk and long texts out, but say what they were about. "
    "Write in the language of the conversation, in short lines, without a persona, in at most {words} words. "
    "Reply with the notes alone."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The part of a conversation that one call summarizes."""

    messages: tuple[Message, ...]
    completed_messages: tuple[HistoryMessage, ...]  #: stored messages that end in this chunk
    completed_up_to_seq: int | None  #: last sequence number that ends in it; None within a long one


def max_summary_tokens(max_prompt_tokens: int) -> int:
    """Return the maximal length of a summary, in tokens."""
    return min(MAX_SUMMARY_TOKENS, int(max_prompt_tokens * SUMMARY_SHARE))


def summary_instruction(max_tokens: int) -> Message:
    """Return the message that asks for a summary of at most ``max_tokens``."""
    return Message(role="user", content=SUMMARY_INSTRUCTION.format(words=max(40, max_tokens // 2)))


def compaction_point(
    history: Sequence[HistoryMessage],
    *,
    last_compactable_seq: int,
    keep_tokens: float,
    keep_messages: int,
    chat_type: ChatType,
) -> int | None:
    """Return the sequence number up to which messages are summarized; None if there are none.

    Args:
        history: messages in order.
        last_compactable_seq: later messages are never summarized.
        keep_tokens: estimated tokens that may stay word by word.
        keep_messages: messages that may stay word by word.
        chat_type: whether one person or several take part.
    """
    tokens = sum(estimate_message_tokens(to_chat_message(message, chat_type)) for message in history)
    left = len(history)
    point: int | None = None
    for seq, group in groupby(history, key=lambda message: message.seq):
        if seq > last_compactable_seq or (tokens <= keep_tokens and left <= keep_messages):
            break
        messages = list(group)
        tokens -= sum(estimate_message_tokens(to_chat_message(one, chat_type)) for one in messages)
        left -= len(messages)
        point = seq
    return point


def split_into_chunks(
    history: Sequence[HistoryMessage], *, chat_type: ChatType, max_chunk_tokens: float
) -> list[Chunk]:
    """Return messages in chunks of at most ``max_chunk_tokens``, cut between turns if possible."""
    builder = _ChunkBuilder(max_chunk_tokens)
    for seq, group in groupby(history, key=lambda message: message.seq):
        messages = list(group)
        pieces = [
            piece for message in messages for piece in _split_message(message, chat_type, max_chunk_tokens)
        ]
        builder.add_turn(seq, messages, pieces)
    return builder.finish()


class _ChunkBuilder:
    """Collects the messages of one chunk after the other."""

    def __init__(self, max_tokens: float) -> None:
        self._max_tokens = max_tokens
        self._chunks: list[Chunk] = []
        self._pieces: list[Message] = []
        self._tokens = 0
        self._completed: list[HistoryMessage] = []
        self._completed_up_to_seq: int | None = None

    def add_turn(self, seq: int, messages: Sequence[HistoryMessage], pieces: Sequence[Message]) -> None:
        """Add the messages of one sequence number, as the pieces that Kimi receives."""
        if self._tokens + sum(map(estimate_message_tokens, pieces)) > self._max_tokens:
            self._end_chunk(self._completed_up_to_seq)
        for piece in pieces:
            if self._tokens + estimate_message_tokens(piece) > self._max_tokens:
                self._end_chunk(None)
            self._pieces.append(piece)
            self._tokens += estimate_message_tokens(piece)
        self._completed += messages
        self._completed_up_to_seq = seq

    def finish(self) -> list[Chunk]:
        """Return all chunks."""
        self._end_chunk(self._completed_up_to_seq)
        return self._chunks

    def _end_chunk(self, completed_up_to_seq: int | None) -> None:
        if self._pieces:
            self._chunks.append(
                Chunk(
                    messages=tuple(self._pieces),
                    completed_messages=tuple(self._completed),
                    completed_up_to_seq=completed_up_to_seq,
                )
            )
        self._pieces, self._completed, self._tokens = [], [], 0


def truncate_summary(summary: str, max_tokens: float) -> str:
    """Return a summary of at most ``max_tokens``, cut at the end of a line if it has several."""
    if estimate_tokens(summary) <= max_tokens:
        return summary
    kept = summary[: int(len(summary) * max_tokens / estimate_tokens(summary))]
    lines, _, _ = kept.rpartition("\n")
    return f"{(lines or kept).rstrip()}\n[…]"


def _split_message(source: HistoryMessage, chat_type: ChatType, max_chunk_tokens: float) -> list[Message]:
    """Return a stored message as one message, or as several if it alone is too long."""
    message = to_chat_message(source, chat_type)
    tokens = estimate_message_tokens(message)
    if tokens <= max_chunk_tokens:
        return [message]
    text = text_with_speaker(source, chat_type)
    # Cut for the densest script, so that no piece is too long wherever its Chinese is.
    step = max(1, int((max_chunk_tokens - MESSAGE_TOKENS) * len(text) / tokens / MAX_DENSITY_RATIO))
    return [
        Message(role=message.role, content=text[start : start + step]) for start in range(0, len(text), step)
    ]
