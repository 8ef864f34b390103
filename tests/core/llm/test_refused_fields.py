"""Request fields that a host refuses, kept over restarts."""

import pytest

from core.llm.refused_fields import KEPT_S, RefusedFieldStore
from core.store import Database


async def test_what_one_process_learns_the_next_one_knows(database: Database) -> None:
    """Each model and each account for itself; a model's name may hold colons."""
    first = RefusedFieldStore(database, "account-1")
    first.save_later("kimi-k2.6", frozenset({"thinking", "prompt_cache_key"}))
    first.save_later("kimi-k2:cloud", frozenset({"stream_options"}))
    await first.close()

    assert await RefusedFieldStore(database, "account-1").load() == {
        "kimi-k2.6": {"thinking", "prompt_cache_key"},
        "kimi-k2:cloud": {"stream_options"},
    }
    assert await RefusedFieldStore(database, "account-2").load() == {}


async def test_after_a_week_a_host_is_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We chose: hosts learn fields, so no refusal counts for ever."""
    store = RefusedFieldStore(database, "account-1")
    store.save_later("kimi-k2.6", frozenset({"thinking"}))
    await store.close()
    monkeypatch.setattr("core.llm.refused_fields.KEPT_S", -KEPT_S)

    assert await store.load() == {}
