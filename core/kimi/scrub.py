"""Removes keys and account ids from texts of the provider, for logs."""

import re

from core.kimi.wire_text import remove_control_characters

_MAX_CHARS = 400

#: Keys, and the organisation, project, access-key and user ids in Kimi's 429 texts.
_ID = re.compile(r"\b(sk|ak|org|proj|project|key|user|uid)[-_][A-Za-z0-9*._-]*[A-Za-z0-9*]", re.IGNORECASE)
_BEARER = re.compile(r"\b(Bearer)\s+[^\s\"',;<>]+", re.IGNORECASE)
#: "Your account {org} / {proj} <{ak}> request reached …": whatever form the ids take.
_ACCOUNT = re.compile(r"(?i)\b(your account|organization|project)\s+([^\s<>]*\d[^\s<>]*)")
_ANGLED = re.compile(r"<[^<>\s\[\]]{4,}>")
_OPAQUE = re.compile(
    r"\b(?:(?=[A-Za-z0-9]*\d)(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{24,}"
    r"|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\b"
)
_URL_USERINFO = re.compile(r"(?<=://)[^\s/@]+@")
_SPACE = re.compile(r"\s+")


def scrub(text: str, *, secrets: tuple[str, ...] = ()) -> str:
    """Return ``text`` on one line of limited length, without keys and account ids.

    ``secrets`` are exact values, such as the key in use, to remove in any case.
    """
    text = text[: 16 * _MAX_CHARS]
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[key]")
    text = _BEARER.sub(r"\1 [key]", text)
    text = _URL_USERINFO.sub("", text)
    text = _ID.sub(lambda found: f"[{found[1].lower()}]", text)
    text = _ANGLED.sub("<[id]>", text)
    text = _ACCOUNT.sub(r"\1 [id]", text)
    text = _OPAQUE.sub("[id]", text)
    text = remove_control_characters(_SPACE.sub(" ", text)).strip()
    return text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…"
