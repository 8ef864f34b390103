"""What people write in Slack, from its mrkdwn into Markdown.

Slack sends ``event.text`` in its own dialect: ``&amp; &lt; &gt;`` for the three characters it
uses itself, ``<…>`` for everything that is more than text (mentions, channels, links, dates), one
star for bold. Source: https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Mapping

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_TOKEN = re.compile(r"<([^<>|\n\ue000][^<>\n\ue000]*)>")
_PERSON = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?![\w*])")
_STRUCK = re.compile(r"(?<![\w~])~(?=\S)([^~\n]*?\S)~(?![\w~])")
_BULLET = re.compile(r"^([ \t]*)[•◦▪](?:\ufe0e)?[ \t]+", re.MULTILINE)

# Characters of the private use area stand for the pieces that are already done, so that a star or
# a tilde inside an address is never read as emphasis.
_OPEN, _CLOSE = "\ue000", "\ue001"
_HELD = re.compile(f"{_OPEN}(\\d+){_CLOSE}")


def people_in(text: str) -> frozenset[str]:
    """Return the ids of the people that ``text`` (mrkdwn) mentions."""
    return frozenset(_PERSON.findall(text))


def mentions(text: str, person_id: str) -> bool:
    """Tell whether ``text`` (mrkdwn) mentions ``person_id`` outside of code."""
    return any(found == person_id for found in _PERSON.findall(_CODE.sub("", text)))


def to_markdown(text: str, *, names: Mapping[str, str], own_id: str = "") -> str:
    """Return ``text`` (mrkdwn, as an event carries it) as Markdown.

    ``names`` maps ids of people to display names; one that is missing stays an id. Mentions of
    ``own_id`` are taken out together with the colon or comma after them. Code stays as it was
    typed.
    """
    held: list[str] = []

    def hold(piece: str) -> str:
        held.append(piece)
        return f"{_OPEN}{len(held) - 1}{_CLOSE}"

    text = text.replace(_OPEN, "").replace(_CLOSE, "")
    text = _CODE.sub(lambda found: hold(_as_typed(found.group())), text)
    if own_id:
        text = _without(text, own_id)
    text = _TOKEN.sub(lambda found: hold(_token(found.group(1), names)), text)
    text = _BOLD.sub(r"**\1**", text)
    text = _STRUCK.sub(r"~~\1~~", text)
    text = _BULLET.sub(r"\1- ", text)
    return _HELD.sub(lambda found: held[int(found.group(1))], _unescaped(text)).strip()


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _as_typed(code: str) -> str:
    """Undo what Slack does inside code: entities, and addresses made into links."""
    return _unescaped(_TOKEN.sub(lambda found: _label_or_body(found.group(1)), code))


def _label_or_body(token: str) -> str:
    body, _, label = token.partition("|")
    return label or body


def _without(text: str, person_id: str) -> str:
    """Take every mention of ``person_id`` out, and the space it would leave doubled."""
    mention = rf"<@{re.escape(person_id)}(?:\|[^<>]*)?>"
    text = re.sub(rf"^\s*{mention}[ \t]*[:,，：]?\s*", "", text)
    text = re.sub(rf"[ \t]+{mention}(?=[ \t\n.,!?。，！？]|$)", "", text)
    return re.sub(mention, "", text)


def _token(token: str, names: Mapping[str, str]) -> str:
    body, _, label = token.partition("|")
    label = _unescaped(label)
    match body[0], body[1:]:
        case "@", person:
            return "@" + (names.get(person) or label or person)
        case "#", channel:
            return "#" + (label or channel)
        case "!", special:
            return _special(special, label)
        case _:
            return _link(_unescaped(body), label)


def _special(special: str, label: str) -> str:
    """Return a broadcast, a group of people or a date as people see it."""
    kind, _, rest = special.partition("^")
    match kind:
        case "subteam":
            return label if label.startswith("@") else "@" + (label or rest)
        case "date":
            return label or rest
        case _:
            return "@" + kind


def _link(address: str, label: str) -> str:
    bare = address.removeprefix("mailto:").removeprefix("tel:")
    if not label or label in (address, bare):
        return bare
    if label == re.sub(r"^https?://", "", address).rstrip("/"):
        return address
    label = label.replace("[", "\\[").replace("]", "\\]")
    return f"[{label}]({address})"
