"""What of a long conversation is folded into notes, and in which portions. Pure.

Notes are made in big steps, from 60 % of the room down to 30 %: between two of them the prompt only
grows at its end, and Kimi's prefix cache holds the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from core.domain.addresses import ChatType
from core.kimi import Message
from core.prompting.prompt import estimate_message_tokens, text_with_speaker, to_chat_message
from core.store.history import HistoryMessage
from core.text.tokens import MESSAGE_TOKENS, estimate_tokens

COMPACT_ABOVE = 0.6  #: of the room: from here on the beginning is folded
COMPACT_DOWN_TO = 0.3  #: of the room: what stays word by word
SUMMARY_SHARE = 0.12  #: of the room: how long notes may be
MAX_SUMMARY_TOKENS = 4_000
SUMMARY_SLACK = 1.5  #: notes may be so much longer than asked for before they are cut

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
    """What one call makes notes on."""

    messages: tuple[Message, ...]
    completed_messages: tuple[HistoryMessage, ...]  #: whole lines that it completes
    completed_up_to_seq: (
        int | None
    )  #: the last seq that is complete with it; None in the middle of a long one


def max_summary_tokens(max_prompt_tokens: int) -> int:
    """Return how long notes may be, in tokens."""
    return min(MAX_SUMMARY_TOKENS, int(max_prompt_tokens * SUMMARY_SHARE))


def summary_instruction(max_tokens: int) -> Message:
    """Return the request for notes of at most ``limit_tokens``."""
    return Message(role="user", content=SUMMARY_INSTRUCTION.format(words=max(40, max_tokens // 2)))


def compaction_point(
    history: Sequence[HistoryMessage],
    *,
    last_compactable_seq: int,
    keep_tokens: float,
    keep_messages: int,
    chat_type: ChatType,
) -> int | None:
    """Return the seq up to which lines are folded, so that what follows is small enough.

    Lines after ``last_seq`` are never folded. None where nothing needs to be, or can.
    """
    tokens = sum(estimate_message_tokens(to_chat_message(line, chat_type)) for line in history)
    left = len(history)
    point: int | None = None
    for seq, group in groupby(history, key=lambda line: line.seq):
        if seq > last_compactable_seq or (tokens <= keep_tokens and left <= keep_messages):
            break
        of_seq = list(group)
        tokens -= sum(estimate_message_tokens(to_chat_message(line, chat_type)) for line in of_seq)
        left -= len(of_seq)
        point = seq
    return point


def split_into_chunks(
    history: Sequence[HistoryMessage], *, chat_type: ChatType, max_chunk_tokens: float
) -> list[Chunk]:
    """Cut lines into portions of at most ``capacity_tokens``, between turns where that is possible."""
    made: list[Chunk] = []
    messages: list[Message] = []
    whole: list[HistoryMessage] = []
    used = 0
    done: int | None = None

    def flush(up_to: int | None) -> None:
        nonlocal messages, whole, used
        if messages:
            made.append(
                Chunk(messages=tuple(messages), completed_messages=tuple(whole), completed_up_to_seq=up_to)
            )
        messages, whole, used = [], [], 0

    for seq, group in groupby(history, key=lambda line: line.seq):
        of_seq = list(group)
        cut = [piece for line in of_seq for piece in _split_message(line, chat_type, max_chunk_tokens)]
        cost = sum(estimate_message_tokens(piece) for piece in cut)
        if used + cost > max_chunk_tokens:
            flush(done)
        for piece in cut:
            if used + estimate_message_tokens(piece) > max_chunk_tokens:
                flush(None)
            messages.append(piece)
            used += estimate_message_tokens(piece)
        whole += of_seq
        done = seq
    flush(done)
    return made


def truncate_summary(summary: str, max_tokens: float) -> str:
    """Return notes that are not longer than ``most_tokens``, whole lines where there are several."""
    if estimate_tokens(summary) <= max_tokens:
        return summary
    kept = summary[: int(len(summary) * max_tokens / estimate_tokens(summary))]
    lines, _, _ = kept.rpartition("\n")
    return f"{(lines or kept).rstrip()}\n[…]"


def _split_message(source: HistoryMessage, chat_type: ChatType, max_chunk_tokens: float) -> list[Message]:
    """Return a line as one message, or as several where it alone is too long."""
    message = to_chat_message(source, chat_type)
    tokens = estimate_message_tokens(message)
    if tokens <= max_chunk_tokens:
        return [message]
    text = text_with_speaker(source, chat_type)
    # By the densest script, so that no piece is over the limit wherever its Chinese stands.
    step = max(1, int((max_chunk_tokens - MESSAGE_TOKENS) * len(text) / tokens / 2.6))
    return [
        Message(role=message.role, content=text[start : start + step]) for start in range(0, len(text), step)
    ]
