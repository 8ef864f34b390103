"""Speakers' names, quotes and fences of code in the text of prompts. Pure."""

import re

MAX_NAME_CHARS = 60  #: characters of a speaker's name


def speaker_label(name: str) -> str:
    """Return a display name as one short line without characters that could end it; never ""."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    return plain.translate({ord(mark): " " for mark in ":：<>[]"}).strip()[:MAX_NAME_CHARS] or "somebody"


def blockquote(text: str) -> str:
    """Return a text as a Markdown quote."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def backtick_fence(text: str, *, min_ticks: int) -> str:
    """Return backticks to put around code: at least ``min_ticks``, and more than ``text`` has in a row."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(min_ticks, longest + 1)


def truncate(text: str, max_chars: int) -> str:
    """Return a text of at most ``max_chars`` characters; a longer one is cut, with a note behind it."""
    return text if len(text) <= max_chars else f"{text[:max_chars].rstrip()} … [the rest is left out]"
