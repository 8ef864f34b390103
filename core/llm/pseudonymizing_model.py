"""Keyed hashes that replace the ids of people and conversations outside the service.

The key is random, stored in the database and never shown. So all replicas make the same hashes, and
nobody outside can test an id against them.
"""

import contextlib
import hashlib
import hmac
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Final

from core.access import Actor
from core.kimi import ChatRequest, ReplyEvent
from core.ports.chat_model import CallContext, ChatModel
from core.store import Database
from core.store.keys import get_or_create_key

KEY_NAME: Final = "pseudonyms"  #: the name of the key in the store


def pseudonym(key: bytes, name: str) -> str:
    """Return the HMAC-SHA256 of a name, in 64 hexadecimal digits."""
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()


def anonymous_alias(key: bytes, person: Actor) -> str:
    """Return the id under which the usage of a person is counted after their data was deleted."""
    return f"anon:{pseudonym(key, f'forgotten:{person.platform}:{person.tenant}:{person.person_id}')[:32]}"


class Pseudonyms:
    """Keyed hashes of people and conversations; the key is read once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._key: bytes | None = None

    async def of_person(self, person: str) -> str:
        """Return the hash of a person, given as "platform:tenant:id", in 64 hexadecimal digits.

        Raises:
            StoreUnavailable: the key cannot be read.
        """
        return pseudonym(await self._load_key(), f"person:{person}")

    async def of_conversation(self, conversation: str) -> str:
        """Return the hash of a conversation, in 32 hexadecimal digits.

        Raises:
            StoreUnavailable: the key cannot be read.
        """
        return pseudonym(await self._load_key(), f"conversation:{conversation}")[:32]

    async def _load_key(self) -> bytes:
        if self._key is None:
            async with self._database.begin() as tx:
                self._key = await get_or_create_key(tx, KEY_NAME)
        return self._key


class PseudonymizingModel:
    """Replaces person and conversation ids in requests with keyed hashes.

    Kimi can distinguish people and conversations but not identify them. ``safety_identifier`` is
    Kimi's field for a hash of the user; see https://platform.kimi.ai/docs/api/chat.
    """

    def __init__(self, model: ChatModel, database: Database) -> None:
        self._model = model
        self._pseudonyms = Pseudonyms(database)

    async def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events.

        Raises:
            KimiError: of any kind.
            StoreUnavailable: the limiter or the key cannot be read.
        """
        if request.prompt_cache_key:
            cache_key = await self._pseudonyms.of_conversation(request.prompt_cache_key)
            request = replace(request, prompt_cache_key=cache_key)
        if context.requester.person:
            person = await self._pseudonyms.of_person(context.requester.person)
            request = replace(request, safety_identifier=person)
        async with contextlib.aclosing(self._model.stream(request, context)) as events:
            async for event in events:
                yield event
