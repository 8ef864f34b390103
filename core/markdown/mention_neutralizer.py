"""Makes text by a model unable to ping anybody on Slack.

Slack honours its own ``<!channel>``, ``<@U…>``, ``<#C…>``, ``<!subteam^…>`` and ``<!date^…>`` even
inside ``markdown_text`` and code. A zero-width space after the "<" takes their meaning away and
nothing else; HTML, generics and comparisons stay as they are. A bare ``@channel`` gets one too.
"""

import re

_GAP = "\u200b"

_LESS = r"(?:<|&[lL][tT];|&#0*60;|&#[xX]0*3[cC];)"
_SIGN = r"(?:\\?[!@#]|&#0*(?:33|35|64);|&#[xX]0*(?:21|23|40);|&(?:excl|num|commat);)"
_SPECIAL = re.compile(rf"({_LESS})(?={_SIGN}(?!(?i:doctype))\\?[0-9A-Za-z])")
_AT = r"(?:@|&#0*64;|&#[xX]0*40;|&commat;)"
_BROADCAST = re.compile(
    r"(?P<address>https?://[0-9A-Za-z.-]+\.[A-Za-z]{2,}[/?#][^\s<>()\[\]|]*)"
    rf"|(?P<at>(?<![0-9A-Za-z]){_AT})(?=(?i:channel|here|everyone|group)(?![0-9A-Za-z]))"
)
"""A bare broadcast, or an address of the web, in which none is found."""
_UNDECIDED = re.compile(
    r"(?:<\\?(?:[!@#&][\\#0-9A-Za-z;]{0,12})?"  # a special that has just begun
    r"|&[#0-9A-Za-z]{0,8}(?:;[\\!@#&0-9A-Za-z]{0,12})?"  # the same written as entities
    r"|@[A-Za-z]{0,8})$"
)


def neutralize_mentions(text: str, *, complete: bool = True) -> str:
    """Return ``text`` with every special of Slack made harmless.

    While not ``complete`` an end that could still become a special is held back, so that the
    result for a text is a prefix of the result for any longer one.
    """
    if not complete:
        match = _UNDECIDED.search(text, max(0, len(text) - 40))
        if match:
            text = text[: match.start()]
    text = _SPECIAL.sub(rf"\1{_GAP}", text)
    return _BROADCAST.sub(lambda found: found["address"] or f"{found['at']}{_GAP}", text)
