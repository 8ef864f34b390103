"""Signed cookies: a cookie that this deployment did not make costs no query."""

import hashlib
import hmac

from core.store import Database
from core.store.keys import get_or_create_key

KEY_NAME = "console"
_DIGEST = hashlib.sha256


class SessionCookies:
    """Signs the tokens of sessions with a key that all replicas share."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._key: bytes | None = None

    async def sign(self, token: str) -> str:
        """Return the cookie of a token."""
        return f"{token}.{await self._signature(token)}"

    async def token_of(self, cookie: str) -> str:
        """Return the token of a cookie; "" if its signature is wrong."""
        token, _, signature = cookie.partition(".")
        if not (token and signature and cookie.isascii()):
            return ""
        return token if hmac.compare_digest(signature, await self._signature(token)) else ""

    async def _signature(self, token: str) -> str:
        if self._key is None:
            async with self._database.begin() as tx:
                self._key = await get_or_create_key(tx, KEY_NAME)
        return hmac.new(self._key, token.encode(), _DIGEST).hexdigest()
