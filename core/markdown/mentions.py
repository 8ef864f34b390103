"""Mentions that are meant: a link in our own Markdown that only we can write.

What models and people write must not ping anybody, so a mention is a link whose address is signed
with a key that never leaves the service: ``[@Ann](mention:U1:5f2c…)``. A platform's renderer turns
a link with a good signature into the platform's own mention and leaves every other one alone.

The key is made of a secret that stays the same over restarts and replicas, since text that waits to
be shown is stored as Markdown.
"""

import hashlib
import hmac
import re
from collections.abc import Callable

SCHEME = "mention:"
_ADDRESS = r"mention:([0-9A-Za-z]{1,40}):([0-9a-f]{20})"
_TARGET = re.compile(_ADDRESS)
_LINK = re.compile(rf"\[(@[^\[\]\n]*)\]\({_ADDRESS}\)")
_MARKUP = re.compile(r"[\\`*_~\[\]()<>|#&$!\s]+")


class MentionCodec:
    """Writes and reads the mentions of one platform account."""

    def __init__(self, secret: str) -> None:
        """``secret`` is a token of the account; only a digest of it is kept."""
        self._key = hmac.new(secret.encode(), b"moonthread mentions", hashlib.sha256).digest()

    def encode(self, person_id: str, name: str) -> str:
        """Return the Markdown that mentions a person; only their name where the id is unusual."""
        label = self.plain_name(person_id, name)
        address = f"{SCHEME}{person_id}:{self._sign(person_id)}"
        return f"[{label}]({address})" if _TARGET.fullmatch(address) else label

    @staticmethod
    def plain_name(person_id: str, name: str) -> str:
        """Return a person's name as Markdown that mentions nobody."""
        return f"@\u200b{_MARKUP.sub(' ', name).strip() or person_id}"

    def decode(self, target: str) -> str:
        """Return who a link to ``target`` mentions; "" where we did not write it."""
        found = _TARGET.fullmatch(target)
        return found[1] if found and hmac.compare_digest(found[2], self._sign(found[1])) else ""

    def replace(self, markdown: str, render: Callable[[str, str], str]) -> str:
        """Return ``markdown`` with each mention of ours as ``write`` makes it of (person id, label)."""

        def rewritten(found: re.Match[str]) -> str:
            ours = hmac.compare_digest(found[3], self._sign(found[2]))
            return render(found[2], found[1]) if ours else found[0]

        return _LINK.sub(rewritten, markdown) if SCHEME in markdown else markdown

    def _sign(self, person_id: str) -> str:
        return hmac.new(self._key, person_id.encode(), hashlib.sha256).hexdigest()[:20]
