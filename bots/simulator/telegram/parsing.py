"""``parse_mode``: HTML and MarkdownV2 to text with entities. Pure.

Our bots send entities and never a ``parse_mode``. It is read here all the same, so that one sent
by mistake fails as Telegram lets it fail.
"""

from html.parser import HTMLParser

from bots.simulator.telegram.entities import Entity, length16
from bots.simulator.telegram.errors import bad_request

TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "code": "code", "pre": "pre", "blockquote": "blockquote", "a": "text_link",
}  # fmt: skip
RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
ESCAPE = "reserved and must be escaped with the preceding '\\'"
MARKS = {"*": "bold", "_": "italic", "__": "underline", "~": "strikethrough", "||": "spoiler", "`": "code"}


def parsed(text: str, mode: str) -> tuple[str, list[Entity]]:
    """Return plain text and entities.

    Raises:
        ApiError: an unknown mode, or markup that does not fit ("can't parse entities").
    """
    match mode.lower():
        case "html":
            return _Html(text).result()
        case "markdownv2":
            return _markdown(text)
        case _:
            raise bad_request("unsupported parse_mode")


class _Html(HTMLParser):
    """Telegram's few tags; any other is refused."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self._text = ""
        self._entities: list[Entity] = []
        self._open: list[tuple[str, int, str]] = []
        self.feed(text)
        self.close()

    def result(self) -> tuple[str, list[Entity]]:
        if self._open:
            raise bad_request(
                f"can't parse entities: Can't find end tag corresponding to start tag \"{self._open[-1][0]}\""
            )
        return self._text, self._entities

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            raise bad_request(
                f'can\'t parse entities: Unsupported start tag "{tag}" at byte offset {self.getpos()[1]}'
            )
        self._open.append((tag, length16(self._text), dict(attrs).get("href") or ""))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            raise bad_request(f"can't parse entities: Unexpected end tag at byte offset {self.getpos()[1]}")
        _, offset, url = self._open.pop()
        entity: Entity = {"type": TAGS[tag], "offset": offset, "length": length16(self._text) - offset}
        if entity["length"] and (tag != "a" or url):
            self._entities.append(entity | ({"url": url} if url else {}))

    def handle_data(self, data: str) -> None:
        self._text += data


def _markdown(text: str) -> tuple[str, list[Entity]]:
    """Read the simple marks; every other reserved character must be escaped."""
    plain, entities, opened = "", list[Entity](), list[tuple[str, int]]()
    at = 0
    while at < len(text):
        mark = text[at : at + 2] if text[at : at + 2] in MARKS else text[at]
        if mark == "\\" and at + 1 < len(text) and ord(text[at + 1]) < 128:
            plain, at = plain + text[at + 1], at + 2
        elif mark not in MARKS:
            if mark in RESERVED:
                raise bad_request(f"can't parse entities: Character '{mark}' is {ESCAPE}")
            plain, at = plain + mark, at + 1
        else:
            at += len(mark)
            if opened and opened[-1][0] == mark:
                start = opened.pop()[1]
                entities.append({"type": MARKS[mark], "offset": start, "length": length16(plain) - start})
            else:
                opened.append((mark, length16(plain)))
    if opened:
        kind, start = MARKS[opened[-1][0]].capitalize(), opened[-1][1]
        raise bad_request(f"can't parse entities: Can't find end of {kind} entity at byte offset {start}")
    return plain, [entity for entity in entities if entity["length"]]
