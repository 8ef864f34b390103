"""Converts people's messages from Slack's mrkdwn into Markdown.

Slack sends ``event.text`` in its own dialect: ``&amp; &lt; &gt;`` for the three reserved characters,
``<…>`` for mentions, channels, links and dates, one asterisk for bold. Source: https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from collections.abc import Collection, Mapping, Sequence

from bots.slack.emoji_codes import replace_codes

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_TOKEN = re.compile(r"<([^<>|\n\ue000][^<>\n\ue000]*)>")
_USER_MENTION = re.compile(r"<@([UWB][A-Z0-9]+)(?:\|[^<>]*)?>")
_AUDIENCE = re.compile(r"<!(?:here|channel|everyone|subteam\^[A-Z0-9]+)(?:\|[^<>]*)?>")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]*?\S)\*(?![\w*])")
_STRIKETHROUGH = re.compile(r"(?<![\w~])~(?=\S)([^~\n]*?\S)~(?![\w~])")
_BULLET = re.compile(r"^([ \t]*)[•◦▪](?:\ufe0e)?[ \t]+", re.MULTILINE)

MAX_NESTED_EMPHASIS = 3  #: bold, italic and struck

# Converted pieces are replaced by placeholders in private use characters, so that an asterisk or a
# tilde inside a URL is never read as emphasis.
_PLACEHOLDER_OPEN, _PLACEHOLDER_CLOSE = "\ue000", "\ue001"
_PLACEHOLDER = re.compile(f"{_PLACEHOLDER_OPEN}(\\d+){_PLACEHOLDER_CLOSE}")


def mentions_any(text: str, ids: Collection[str]) -> bool:
    """Return whether ``text`` (mrkdwn) mentions one of ``ids`` outside code."""
    return any(mentioned in ids for mentioned in _USER_MENTION.findall(_CODE.sub("", text)))


def mentioned_ids(text: str) -> Sequence[str]:
    """Return the ids of the people that ``text`` (mrkdwn) mentions outside code, in order, each once."""
    return list(dict.fromkeys(_USER_MENTION.findall(_CODE.sub("", text))))


def mentions_others(text: str, ids: Collection[str]) -> bool:
    """Return whether ``text`` (mrkdwn) names people or groups other than ``ids`` outside code."""
    spoken = _CODE.sub("", text)
    return any(one not in ids for one in _USER_MENTION.findall(spoken)) or bool(_AUDIENCE.search(spoken))


def to_markdown(text: str, *, names: Mapping[str, str], own_ids: Collection[str] = ()) -> str:
    """Return ``text`` (mrkdwn, as an event carries it) as Markdown.

    Args:
        text: the message; its code is kept as typed.
        names: names of people, channels and user groups by id; others are shown by their label or id.
        own_ids: mentions of these ids are removed, with a colon or comma after them.
    """
    converted: list[str] = []

    def placeholder(piece: str) -> str:
        converted.append(piece)
        return f"{_PLACEHOLDER_OPEN}{len(converted) - 1}{_PLACEHOLDER_CLOSE}"

    text = text.replace(_PLACEHOLDER_OPEN, "").replace(_PLACEHOLDER_CLOSE, "")
    text = _CODE.sub(lambda match: placeholder(_restore_code(match.group())), text)
    for own_id in own_ids:
        text = _remove_mentions(text, own_id)
    text = _TOKEN.sub(lambda match: placeholder(_render_token(match.group(1), names)), text)
    text = replace_codes(text)
    text = _BOLD.sub(r"**\1**", text)
    text = _STRIKETHROUGH.sub(r"~~\1~~", text)
    text = _BULLET.sub(r"\1- ", text)
    return _PLACEHOLDER.sub(lambda match: converted[int(match.group(1))], _unescape(text)).strip()


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _restore_code(code: str) -> str:
    """Undo Slack's changes inside code: escaped characters, and URLs turned into links."""
    return _unescape(_TOKEN.sub(lambda match: _label_or_body(match.group(1)), code))


def _label_or_body(token: str) -> str:
    body, _, label = token.partition("|")
    return label or body


def _remove_mentions(text: str, person_id: str) -> str:
    """Remove every mention of ``person_id``, and the space that would be doubled."""
    mention = rf"<@{re.escape(person_id)}(?:\|[^<>]*)?>"
    for _ in range(MAX_NESTED_EMPHASIS):  # else the emphasis around a mention would be left empty
        text = re.sub(rf"([*_~]){mention}[ \t]*([:,，：]?)[ \t]*\1", rf"<@{person_id}>\2", text)
    text = re.sub(rf"^\s*{mention}[ \t]*[:,，：]?\s*", "", text)
    text = re.sub(rf"(?<![ \t])[ \t]+{mention}(?=[ \t\n.,!?。，！？]|$)", "", text)
    return re.sub(mention, "", text)


def _render_token(token: str, names: Mapping[str, str]) -> str:
    body, _, label = token.partition("|")
    label = _unescape(label)
    match body[0], body[1:]:
        case "@", person:
            return "@" + (names.get(person) or label or person)
        case "#", channel:
            return "#" + (label or names.get(channel) or channel)
        case "!", special:
            return _render_special(special, label, names)
        case _:
            return _render_link(_unescape(body), label)


def _render_special(special: str, label: str, names: Mapping[str, str]) -> str:
    """Return a broadcast, a user group or a date as people see it."""
    kind, _, rest = special.partition("^")
    match kind:
        case "subteam":
            return "@" + (label or names.get(rest) or rest).removeprefix("@")
        case "date":
            return label or rest
        case _:
            return "@" + kind


def _render_link(url: str, label: str) -> str:
    bare = url.removeprefix("mailto:").removeprefix("tel:")
    if not label or label in (url, bare):
        return bare
    if label == re.sub(r"^https?://", "", url).rstrip("/"):
        return url
    label = label.replace("[", "\\[").replace("]", "\\]")
    return f"[{label}]({url})"
