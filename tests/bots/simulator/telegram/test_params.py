"""The four encodings of one call."""

import json
from typing import Any

import httpx
import pytest

from bots.simulator.telegram import TelegramSimulator

ENTITIES = [{"type": "bold", "offset": 0, "length": 2}]
TEXT = "月亮 & +1"


@pytest.mark.parametrize(
    "how",
    [
        {"params": {"text": TEXT, "chat_id": "1001", "entities": json.dumps(ENTITIES)}},
        {"data": {"text": TEXT, "chat_id": "1001", "entities": json.dumps(ENTITIES)}},
        {"json": {"text": TEXT, "chat_id": 1001, "entities": ENTITIES}},
        {
            "files": {
                "text": (None, TEXT),
                "chat_id": (None, "1001"),
                "entities": (None, json.dumps(ENTITIES)),
            }
        },
    ],
    ids=["query", "form", "json", "multipart"],
)
async def test_every_encoding_means_the_same(sim: TelegramSimulator, how: dict[str, Any]) -> None:
    """Query, form, JSON and multipart reach the method as the same values."""
    sim.private_chat(sim.add_person("Ann"))
    async with httpx.AsyncClient(base_url=sim.api_url) as client:
        reply = await client.post("/bot1:test/sendmessage", **how)
    assert reply.json()["result"]["text"] == TEXT
    assert reply.json()["result"]["entities"] == ENTITIES
    assert sim.calls[0].params == {"text": TEXT, "chat_id": 1001, "entities": ENTITIES}


async def test_a_document_is_uploaded_and_can_be_fetched(sim: TelegramSimulator) -> None:
    """A multipart upload becomes a message with a file that getFile leads back to."""
    sim.private_chat(sim.add_person("Ann"))
    async with httpx.AsyncClient(base_url=sim.api_url) as client:
        sent = await client.post(
            "/bot1:test/sendDocument",
            data={"chat_id": "1001", "caption": "here"},
            files={"document": ("answer.md", b"# Moon\r\n", "text/markdown")},
        )
        document = sent.json()["result"]["document"]
        file = await client.get("/bot1:test/getFile", params={"file_id": document["file_id"]})
        content = await client.get(f"/file/bot1:test/{file.json()['result']['file_path']}")
    assert (document["file_name"], sent.json()["result"]["caption"]) == ("answer.md", "here")
    assert content.content == b"# Moon\r\n"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("{", "application/json"),
        ("[]", "application/json"),
        ("entities={", "application/x-www-form-urlencoded"),
    ],
)
async def test_what_cannot_be_read_is_a_bad_request(sim: TelegramSimulator, body: str, kind: str) -> None:
    """Broken JSON, outside and inside of a field, is refused."""
    async with httpx.AsyncClient(base_url=sim.api_url) as client:
        reply = await client.post("/bot1:test/sendMessage", content=body, headers={"content-type": kind})
    assert reply.status_code == 400
    assert reply.json()["description"].startswith("Bad Request: can't parse")
