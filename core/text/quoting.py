"""People's names, quotes and fences of code, in the text of prompts and of our own messages. Pure."""

import re
from urllib.parse import quote

MAX_NAME_CHARS = 60  #: characters of a speaker's name
_MAX_READ_CHARS = 1_000  #: of a longer name only the beginning is looked at
_MARKUP = re.compile(r"[\\`*_~\[\]()<>|#@$/\s]+|:(?=/)")
"""Markdown's characters, and those that make a mention, a hashtag, a command or an address on a platform."""
_DOT_IN_WORD = re.compile(r"(?<=\w)\.(?=\w)")
_NOT_IN_ADDRESS = re.compile(r"[\s()<>\[\]\\`|\"\x00-\x1f]")
"""Characters that end a link's address, in Markdown or on a platform."""
_NOT_IN_LABEL = re.compile(r"[\\`*~\[\]<>|$\s]+|(?<!\w)_+|_+(?!\w)")
MAX_ADDRESS_CHARS = 2_000  #: of a link
MAX_LABEL_CHARS = 120
MAX_QUOTED_CHARS = 1_000  #: of spoken words
_BROKEN_DOT = ".\u200b"  #: looks like a dot; platforms turn ``evil.example`` with a plain one into a link

_ESCAPED_BRACKETS = str.maketrans({"[": "\\[", "]": "\\]"})
_ENCODED_BRACKETS = str.maketrans({"(": "%28", ")": "%29", "<": "%3C", ">": "%3E"})


def speaker_label(name: str) -> str:
    """Return a display name as one short line without characters that could end it; never ""."""
    read = name[:_MAX_READ_CHARS]
    plain = " ".join("".join(char if char.isprintable() else " " for char in read).split())
    return plain.translate({ord(mark): " " for mark in ":：<>[]"}).strip()[:MAX_NAME_CHARS] or "somebody"


def blockquote(text: str) -> str:
    """Return a text as a Markdown quote."""
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def markdown_link(label: str, url: str) -> str:
    """Return a link that others named, as Markdown; the address alone if it has no label."""
    label = " ".join(label[:_MAX_READ_CHARS].split()).translate(_ESCAPED_BRACKETS)
    address = "".join(url.split()).translate(_ENCODED_BRACKETS)
    return f"[{label}]({address})" if label else address


def backtick_fence(text: str, *, min_ticks: int) -> str:
    """Return backticks to put around code: at least ``min_ticks``, and more than ``text`` has in a row."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(min_ticks, longest + 1)


def truncate(text: str, max_chars: int) -> str:
    """Return a text of at most ``max_chars`` characters; a longer one is cut, with a note behind it."""
    return text if len(text) <= max_chars else f"{text[:max_chars].rstrip()} … [the rest is left out]"


def quotable(words: str) -> str:
    """Return spoken words for a Markdown quote: one bounded paragraph in which nothing is markup."""
    plain = truncate(" ".join(words.split()), MAX_QUOTED_CHARS)
    return "".join(f"\\{char}" if char in "\\`*_[]<>~|$#" else char for char in plain)


def plain_text(text: str) -> str:
    """Return a foreign text for our own Markdown: one short line without markup; never ""."""
    printable = "".join(char if char.isprintable() else " " for char in text[:_MAX_READ_CHARS])
    return " ".join(_MARKUP.sub(" ", printable).split())[:MAX_NAME_CHARS] or "?"


def plain_line(text: str, *, max_chars: int) -> str:
    """Return a foreign text as one line without Markdown's marks; longer ones are cut with a "…"."""
    printable = "".join(char if char.isprintable() else " " for char in text[:_MAX_READ_CHARS])
    line = " ".join(_NOT_IN_LABEL.sub(" ", printable).split())
    return line if len(line) <= max_chars else f"{line[: max_chars - 1]}…"


def foreign_link(label: str, url: str) -> str:
    """Return a Markdown link with a foreign label and address; the label alone if it is no web address."""
    shown = plain_line(label, max_chars=MAX_LABEL_CHARS) or "?"
    if not url.startswith(("https://", "http://")) or len(url) > MAX_ADDRESS_CHARS:
        return shown
    return f"[{shown}]({_NOT_IN_ADDRESS.sub(lambda found: quote(found[0]), url)})"


def plain_name(name: str) -> str:
    """Return a person's or group's name as :func:`plain_text`; an address in it is no link either."""
    return _DOT_IN_WORD.sub(_BROKEN_DOT, plain_text(name))
