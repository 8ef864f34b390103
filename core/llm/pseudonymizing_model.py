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
from core.kimi import ChatRequest, OnRetry, ReplyEvent
from core.llm import OnQueuePosition, Requester
from core.llm.resumable_stream import ChatModel
from core.store import Database
from core.store.keys import get_or_create_key

KEY_NAME: Final = "pseudonyms"  #: the name of the key in the store


def pseudonym(key: bytes, name: str) -> str:
    """Return the HMAC-SHA256 of a name, in 64 hexadecimal digits."""
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()


def anonymous_alias(key: bytes, person: Actor) -> str:
    """Return the name under which what somebody used today is counted after they were forgotten."""
    return f"anon:{pseudonym(key, f'forgotten:{person.platform}:{person.tenant}:{person.person_id}')[:32]}"


class PseudonymizingModel:
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
        on_retry: OnRetry | None = None,
        requester: Requester | None = None,
        on_queue_position: OnQueuePosition | None = None,
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events.

        Raises:
            KimiError: of any kind.
            StoreUnavailable: the line cannot be kept, or the key cannot be read.
        """
        key = await self._load_key()
        if request.prompt_cache_key:
            request = replace(
                request, prompt_cache_key=pseudonym(key, f"conversation:{request.prompt_cache_key}")[:32]
            )
        if requester is not None:
            request = replace(request, safety_identifier=pseudonym(key, f"person:{requester.person}"))
        events = self._model.stream(
            request, on_retry=on_retry, requester=requester, on_queue_position=on_queue_position
        )
        try:
            async for event in events:
                yield event
        finally:
            await events.aclose()

    async def _load_key(self) -> bytes:
        if self._key is None:
            async with self._database.begin() as tx:
                self._key = await get_or_create_key(tx, KEY_NAME)
        return self._key
