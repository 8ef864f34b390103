"""What of a long conversation is folded into notes, and in which portions. Pure.

Notes are made in big steps, from 60 % of the room down to 30 %: between two of them the prompt only
grows at its end, and Kimi's prefix cache holds the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from core.domain.events import ChatType
from core.kimi import Message
from core.prompting.prompt import labelled, message_of, message_tokens
from core.store.history import HistoryMessage
from core.text.tokens import MESSAGE_TOKENS, estimate_tokens

FOLD_ABOVE = 0.6  #: of the room: from here on the beginning is folded
FOLD_DOWN_TO = 0.3  #: of the room: what stays word by word
NOTES_SHARE = 0.12  #: of the room: how long notes may be
MOST_NOTES_TOKENS = 4_000
NOTES_SLACK = 1.5  #: notes may be so much longer than asked for before they are cut

INSTRUCTION = (
    "[This is not a message of the conversation, and nobody in it sees your reply.]\n"
    "The messages above will no longer be shown to you. Write notes on them, for yourself. "
    "Keep from earlier notes everything that may still matter. Keep who is who, names, facts, numbers, "
    "dates, links, wishes, decisions, promises and open questions, and who said them; the oldest facts "
    "count as much as the newest. Leave small talk and long texts out, but say what they were about. "
    "Write in the language of the conversation, in short lines, without a persona, in at most {words} words. "
    "Reply with the notes alone."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What one call makes notes on."""

    messages: tuple[Message, ...]
    lines: tuple[HistoryMessage, ...]  #: whole lines that it completes
    up_to_seq: int | None  #: the last seq that is complete with it; None in the middle of a long one


def notes_tokens(room_tokens: int) -> int:
    """Return how long notes may be, in tokens."""
    return min(MOST_NOTES_TOKENS, int(room_tokens * NOTES_SHARE))


def instruction(limit_tokens: int) -> Message:
    """Return the request for notes of at most ``limit_tokens``."""
    return Message(role="user", content=INSTRUCTION.format(words=max(40, limit_tokens // 2)))


def fold_point(
    lines: Sequence[HistoryMessage], *, last_seq: int, keep_tokens: float, keep_lines: int, scene: ChatType
) -> int | None:
    """Return the seq up to which lines are folded, so that what follows is small enough.

    Lines after ``last_seq`` are never folded. None where nothing needs to be, or can.
    """
    tokens = sum(message_tokens(message_of(line, scene)) for line in lines)
    left = len(lines)
    point: int | None = None
    for seq, group in groupby(lines, key=lambda line: line.seq):
        if seq > last_seq or (tokens <= keep_tokens and left <= keep_lines):
            break
        of_seq = list(group)
        tokens -= sum(message_tokens(message_of(line, scene)) for line in of_seq)
        left -= len(of_seq)
        point = seq
    return point


def portions(lines: Sequence[HistoryMessage], *, scene: ChatType, capacity_tokens: float) -> list[Portion]:
    """Cut lines into portions of at most ``capacity_tokens``, between turns where that is possible."""
    made: list[Portion] = []
    messages: list[Message] = []
    whole: list[HistoryMessage] = []
    used = 0
    done: int | None = None

    def flush(up_to: int | None) -> None:
        nonlocal messages, whole, used
        if messages:
            made.append(Portion(messages=tuple(messages), lines=tuple(whole), up_to_seq=up_to))
        messages, whole, used = [], [], 0

    for seq, group in groupby(lines, key=lambda line: line.seq):
        of_seq = list(group)
        cut = [piece for line in of_seq for piece in _pieces(line, scene, capacity_tokens)]
        cost = sum(message_tokens(piece) for piece in cut)
        if used + cost > capacity_tokens:
            flush(done)
        for piece in cut:
            if used + message_tokens(piece) > capacity_tokens:
                flush(None)
            messages.append(piece)
            used += message_tokens(piece)
        whole += of_seq
        done = seq
    flush(done)
    return made


def shortened(notes: str, most_tokens: float) -> str:
    """Return notes that are not longer than ``most_tokens``, whole lines where there are several."""
    if estimate_tokens(notes) <= most_tokens:
        return notes
    kept = notes[: int(len(notes) * most_tokens / estimate_tokens(notes))]
    lines, _, _ = kept.rpartition("\n")
    return f"{(lines or kept).rstrip()}\n[…]"


def _pieces(line: HistoryMessage, scene: ChatType, capacity_tokens: float) -> list[Message]:
    """Return a line as one message, or as several where it alone is too long."""
    message = message_of(line, scene)
    tokens = message_tokens(message)
    if tokens <= capacity_tokens:
        return [message]
    text = labelled(line, scene)
    # By the densest script, so that no piece is over the limit wherever its Chinese stands.
    step = max(1, int((capacity_tokens - MESSAGE_TOKENS) * len(text) / tokens / 2.6))
    return [
        Message(role=message.role, content=text[start : start + step]) for start in range(0, len(text), step)
    ]
