"""Speakers' names and quotes in the text of prompts. Pure."""

MAX_NAME_CHARS = 60  #: characters of a speaker's name


def speaker_label(name: str) -> str:
    """Return a display name as one short line without characters that could end it; never ""."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    return plain.translate({ord(mark): " " for mark in ":：<>[]"}).strip()[:MAX_NAME_CHARS] or "somebody"


def blockquote(text: str) -> str:
    """Return a text as a Markdown quote."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def truncate(text: str, max_chars: int) -> str:
    """Return a text of at most ``max_chars`` characters; a longer one is cut, with a note behind it."""
    return text if len(text) <= max_chars else f"{text[:max_chars].rstrip()} … [the rest is left out]"
