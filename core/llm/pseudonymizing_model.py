"""What stands for a person or a conversation outside: keyed hashes, never ids.

The key is random, kept in the database and never shown: all replicas make the same hashes, and
nobody can try out ids against them.
"""

import hashlib
import hmac
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Final

from core.access import Actor
from core.kimi import ChatRequest, OnWait, ReplyEvent
from core.llm import Asker, OnPlace
from core.llm.resumable_stream import ChatModel
from core.store import Database
from core.store.keys import get_or_create_key

KEY: Final = "pseudonyms"  #: the name of the key in the store


def pseudonym(key: bytes, name: str) -> str:
    """Return the HMAC-SHA256 of a name, in 64 hexadecimal digits."""
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()


def alias(key: bytes, who: Actor) -> str:
    """Return the name under which what somebody used today is counted after they were forgotten."""
    return f"anon:{pseudonym(key, f'forgotten:{who.platform}:{who.tenant}:{who.person_id}')[:32]}"


class PseudonymousModel:
    """A :class:`ChatModel` whose requests tell Kimi apart people and conversations, but not who they are.

    ``safety_identifier`` is Kimi's field for a hash of the user; see
    https://platform.kimi.ai/docs/api/chat.
    """

    def __init__(self, model: ChatModel, database: Database) -> None:
        self._model = model
        self._database = database
        self._key: bytes | None = None

    async def stream(
        self,
        request: ChatRequest,
        *,
        on_wait: OnWait | None = None,
        asker: Asker | None = None,
        on_place: OnPlace | None = None,
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events.

        Raises:
            KimiError: of any kind.
            StoreUnavailable: the line cannot be kept, or the key cannot be read.
        """
        key = await self._known_key()
        if request.prompt_cache_key:
            request = replace(
                request, prompt_cache_key=pseudonym(key, f"conversation:{request.prompt_cache_key}")[:32]
            )
        if asker is not None:
            request = replace(request, safety_identifier=pseudonym(key, f"person:{asker.person}"))
        events = self._model.stream(request, on_wait=on_wait, asker=asker, on_place=on_place)
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def _known_key(self) -> bytes:
        if self._key is None:
            async with self._database.begin() as tx:
                self._key = await get_or_create_key(tx, KEY)
        return self._key
