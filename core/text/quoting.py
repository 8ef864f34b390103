"""Speakers' names and quotes in the text of prompts. Pure."""

MAX_NAME_CHARS = 60  #: characters of a speaker's name


def speaker_label(name: str) -> str:
    """Return a display name as one short line without characters that could end it; never ""."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    return plain.translate({ord(mark): " " for mark in ":：<>[]"}).strip()[:MAX_NAME_CHARS] or "somebody"


def prepend_quote(text: str, *, quote: str, author: str) -> str:
    """Return a message's words below a quote of the message that it replies to."""
    lines = "\n".join(f"> {line}" for line in quote.strip().splitlines())
    said = f"{speaker_label(author)} wrote:" if author else "Replying to:"
    return f"{said}\n{lines}\n\n{text}".rstrip()
