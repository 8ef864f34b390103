"""A client without memory, and the shortest bodies that pass."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """An httpx client with the stand-in's default key."""
    headers = {"authorization": "Bearer sk-test"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def ask() -> Ask:
    """Make a body: ``ask("Hi", stream=True)``."""

    def make(question: str = "Hi", **fields: Any) -> dict[str, Any]:
        body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": question}]}
        return body | fields

    return make
