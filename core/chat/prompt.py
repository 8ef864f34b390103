"""What Kimi is asked: the system prompt and as much recent history as fits. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from core.chat.tokens import MESSAGE_TOKENS, estimate_tokens
from core.kimi import Message
from core.model import Scene
from core.store.history import Line

DEFAULT_SYSTEM_PROMPT = (
    "You are Kimi, a large language model made by Moonshot AI, answering people in a chat. "
    "Answer in the language of the question. Be correct, direct and friendly; say so when you do not know. "
    "Write Markdown: short paragraphs, lists where they help, fenced code blocks with their language, "
    "tables only where they are narrow. Do not repeat the question."
)
PLATFORM_NAMES = {"slack": "Slack", "telegram": "Telegram", "terminal": "a terminal"}


class QuestionTooLong(Exception):
    """The question alone does not fit the model's context beside the reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The messages of one request, and what they were estimated at."""

    messages: tuple[Message, ...]
    estimated_tokens: int  #: before the learnt ratio is applied


def system_prompt(*, custom: str | None, platform: str, scene: Scene, today: date) -> str:
    """Return the system prompt; it changes once a day, so that Kimi's prefix cache can hold it."""
    place = "a direct conversation with one person" if scene is Scene.DIRECT else "a conversation of several"
    where = f"You are on {PLATFORM_NAMES.get(platform, platform)}, in {place}."
    names = "" if scene is Scene.DIRECT else " Each person's words begin with their name and a colon."
    return f"{custom or DEFAULT_SYSTEM_PROMPT}\n\n{where}{names} Today is {today.isoformat()}."


def labelled(line: Line, scene: Scene) -> str:
    """Return a line's words, with the speaker's name where several people speak."""
    if scene is Scene.GROUP and line.role == "user" and line.author:
        return f"{line.author}: {line.text}"
    return line.text


def build_prompt(
    system: str,
    lines: Sequence[Line],
    *,
    scene: Scene,
    room_tokens: int,
    ratio: float,
    question_seq: int,
) -> Prompt:
    """Choose the newest lines that fit into ``room_tokens``, beginning with a person's.

    ``room_tokens`` is the model's context less the reply's reservation; ``ratio`` is how many
    tokens Kimi counts for each one that we estimate. Lines from ``question_seq`` on are the
    question and always stay.

    Raises:
        QuestionTooLong: not even the question fits.
    """
    room = room_tokens / ratio - estimate_tokens(system) - MESSAGE_TOKENS
    chosen: list[Line] = []
    for line in reversed(lines):
        cost = estimate_tokens(labelled(line, scene)) + MESSAGE_TOKENS
        if cost > room:
            if line.seq >= question_seq:
                raise QuestionTooLong
            break
        room -= cost
        chosen.append(line)
    chosen.reverse()
    while chosen and chosen[0].role != "user":
        chosen.pop(0)
    messages = (
        Message(role="system", content=system),
        *(
            Message(role="user" if line.role == "user" else "assistant", content=labelled(line, scene))
            for line in chosen
        ),
    )
    estimated = sum(estimate_tokens(message.content) + MESSAGE_TOKENS for message in messages)
    return Prompt(messages=messages, estimated_tokens=estimated)


def quoted_text(text: str, *, quoted: str, author: str) -> str:
    """Return a message's words with the message that it replies to above them."""
    lines = "\n".join(f"> {line}" for line in quoted.strip().splitlines())
    said = f"{author} wrote:" if author else "Replying to:"
    return f"{said}\n{lines}\n\n{text}".rstrip()
