"""Names and quotes of people as they stand in text that we write. Pure."""

MOST_NAME = 60  #: characters of a speaker's name


def speaker(name: str) -> str:
    """Return a display name as it may stand before words: one short line, without what ends a name."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    return plain.translate({ord(mark): " " for mark in ":：<>[]"}).strip()[:MOST_NAME] or "somebody"


def quoted_text(text: str, *, quoted: str, author: str) -> str:
    """Return a message's words with the message that it replies to above them."""
    lines = "\n".join(f"> {line}" for line in quoted.strip().splitlines())
    said = f"{speaker(author)} wrote:" if author else "Replying to:"
    return f"{said}\n{lines}\n\n{text}".rstrip()
