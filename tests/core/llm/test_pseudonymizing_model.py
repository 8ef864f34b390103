"""Keyed hashes replace the ids of people and conversations."""

import contextlib

import pytest

from core.access import Actor
from core.kimi import ChatRequest, Message
from core.llm.pseudonymizing_model import KEY_NAME, PseudonymizingModel, anonymous_alias, pseudonym
from core.ports.chat_model import CallContext, Requester
from core.store import Database
from core.store.keys import get_or_create_key
from core.testing.scripted_model import ScriptedModel

REQUEST = ChatRequest(
    messages=(Message(role="user", content="Hi"),),
    model="kimi-k2.6",
    max_completion_tokens=10,
    prompt_cache_key="conversation-1",
)
ANN = Requester(person="slack:T1:U1", chat="slack:C1")


async def _sent_request(database: Database, requester: Requester) -> ChatRequest:
    """Return what the wrapped model of a new process receives for :data:`REQUEST`."""
    model = ScriptedModel("Hello.")
    async for _ in PseudonymizingModel(model, database).stream(REQUEST, CallContext(requester=requester)):
        pass
    (request,) = model.requests
    return request


async def test_all_processes_of_a_database_use_the_same_hashes(database: Database) -> None:
    """The key is made once, by the first process, and read by the others."""
    first, second = await _sent_request(database, ANN), await _sent_request(database, ANN)
    assert first == second
    async with database.begin() as tx:
        key = await get_or_create_key(tx, KEY_NAME)
        assert await get_or_create_key(tx, "another") != key
    assert len(key) == 32
    assert first.safety_identifier == pseudonym(key, "person:slack:T1:U1")
    assert "U1" not in first.safety_identifier
    assert first.prompt_cache_key not in ("", "conversation-1")


@pytest.mark.virtual_time
async def test_a_request_for_nobody_carries_no_person(virtual_database: Database) -> None:
    """Without a person there is nothing to hash."""
    assert (await _sent_request(virtual_database, Requester())).safety_identifier == ""


@pytest.mark.virtual_time
async def test_closing_the_stream_closes_the_wrapped_one(virtual_database: Database) -> None:
    """A person who stops an answer ends Kimi's connection."""
    model = ScriptedModel(("Hel", "lo."))
    events = PseudonymizingModel(model, virtual_database).stream(REQUEST, CallContext(requester=ANN))
    async with contextlib.aclosing(events):
        await anext(events)
    assert (model.open_streams, model.aborted) == (0, 1)


def test_an_alias_belongs_to_one_person() -> None:
    """It differs by platform, tenant and person, not by channel, and fits into a column of ids."""
    ann = Actor(platform="slack", tenant="T1", channel="C1", person_id="U1")
    others = [
        Actor(platform="telegram", tenant="T1", channel="C1", person_id="U1"),
        Actor(platform="slack", tenant="T2", channel="C1", person_id="U1"),
        Actor(platform="slack", tenant="T1", channel="C1", person_id="U2"),
    ]
    elsewhere = Actor(platform="slack", tenant="T1", channel="C2", person_id="U1")
    key = b"k" * 32
    assert anonymous_alias(key, ann) == anonymous_alias(key, elsewhere)
    assert anonymous_alias(key, ann) not in [anonymous_alias(key, other) for other in others]
    assert len(anonymous_alias(key, ann)) <= 64
