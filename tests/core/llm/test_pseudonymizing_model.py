"""Keyed hashes stand for people and conversations."""

from collections.abc import AsyncGenerator
from typing import Any

from core.access import Actor
from core.kimi import ChatRequest, Finished, Message, ReplyEvent
from core.llm import Requester
from core.llm.pseudonymizing_model import KEY_NAME, PseudonymizingModel, anonymous_alias, pseudonym
from core.store import Database
from core.store.keys import get_or_create_key

REQUEST = ChatRequest(
    messages=(Message(role="user", content="Hi"),),
    model="kimi-k2.6",
    max_completion_tokens=10,
    prompt_cache_key="conversation-1",
)
ANN = Requester(person="slack:T1:U1", chat="slack:C1")


class Seeing:
    """A model that keeps what it is asked."""

    def __init__(self) -> None:
        self.seen: list[ChatRequest] = []
        self.closed = 0

    async def stream(self, request: ChatRequest, **_: Any) -> AsyncGenerator[ReplyEvent, None]:
        """Yield an end."""
        self.seen.append(request)
        try:
            yield Finished(reason="stop", usage=None, request_id="", model="kimi-k2.6")
        finally:
            self.closed += 1


async def asked(database: Database, asker: Requester | None = ANN) -> ChatRequest:
    """What a model of a process that has just started is asked."""
    model = Seeing()
    async for _ in PseudonymizingModel(model, database).stream(REQUEST, requester=asker):
        pass
    assert model.closed == 1
    return model.seen[0]


async def test_all_processes_on_a_database_use_the_same_hashes(database: Database) -> None:
    """The key is made once, by whoever comes first."""
    first, second = await asked(database), await asked(database)
    assert first == second
    async with database.begin() as tx:
        key = await get_or_create_key(tx, KEY_NAME)
        assert await get_or_create_key(tx, "another") != key
    assert len(key) == 32
    assert first.safety_identifier == pseudonym(key, "person:slack:T1:U1")
    assert "U1" not in first.safety_identifier
    assert first.prompt_cache_key not in ("", "conversation-1")


async def test_who_is_not_known_has_no_pseudonym(database: Database) -> None:
    """A request on nobody's behalf goes without."""
    assert (await asked(database, None)).safety_identifier == ""


async def test_an_abandoned_stream_is_closed(database: Database) -> None:
    """Closing the outer generator closes the inner one, which ends Kimi's connection."""
    model = Seeing()
    events = PseudonymizingModel(model, database).stream(REQUEST, requester=ANN)
    await anext(events)
    await events.aclose()
    assert model.closed == 1


def test_an_alias_belongs_to_one_person() -> None:
    """It differs by platform, tenant and person, and fits where an id stands."""
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
