"""Each side of a handoff is told in a language that it reads."""

import re

import pytest

from core.domain.addresses import Person
from tests.core.handoff.conftest import LIN, Screens, desk_chat_message
from tests.event_builders import direct_chat

pytestmark = pytest.mark.virtual_time

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    ("of_desk", "of_customer", "desk_reads_chinese"),
    [("", "en", False), ("", "zh", True), ("zh", "en", True), ("en", "zh", False)],
)
async def test_a_desk_may_have_a_language_of_its_own(
    screens: Screens, of_desk: str, of_customer: str, desk_reads_chinese: bool
) -> None:
    """MOONTHREAD_DESK_LANGUAGE changes what the team reads, from the card to the end, and nothing else."""
    screens.configure(desk_language=of_desk)
    screens.runner = screens.new_runner()
    screens.model.replies = ["A summary."]
    customer = Person(id="1", name="Ann", language=of_customer)
    asked = "转人工" if of_customer == "zh" else "I want to talk to a human"
    await screens.ingest(direct_chat(customer).message(asked, author=customer))
    thread = await screens.ticket_thread()
    for text in ("Hi.", "/unknown", "/close"):
        await screens.ingest(desk_chat_message(thread, text, LIN))
    await screens.settle()

    own_texts = [text.replace(asked, "") for text in screens.slack.screen.texts]
    assert all(bool(CHINESE.search(text)) is desk_reads_chinese for text in own_texts)
    told = [text for text in screens.telegram.screen.texts if "Hi." not in text]
    assert all(bool(CHINESE.search(text)) is (of_customer == "zh") for text in told)
    asked_of_kimi = str(screens.model.requests[0].messages)
    assert ("Write in Chinese" in asked_of_kimi) is desk_reads_chinese
