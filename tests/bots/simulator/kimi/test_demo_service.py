"""The demo's script as a service desk's Kimi."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bots.simulator.kimi import SeenRequest, demo_script
from core.handoff.ai_assist import DRAFT_PROMPT, SUMMARY_PROMPT
from core.knowledge.prompt_passages import INSTRUCTIONS
from core.ports.channel_history import ChannelMessage
from core.prompting.digest_prompt import digest_messages, format_lines
from core.turns.intent_classifier import INSTRUCTION


def seen(*messages: tuple[str, str]) -> SeenRequest:
    """Return a request with these messages, each as (role, content)."""
    body: dict[str, Any] = {"messages": [{"role": role, "content": content} for role, content in messages]}
    return SeenRequest(at=0.0, path="/", body=body)


PASSAGES = (
    f'{INSTRUCTIONS}\n\n<passage n="1" source="Terms">\nReturns take a week.\n</passage>\n\n'
    '<passage n="2" source="x">\nNo.\n</passage>'
)


def test_it_quotes_and_cites_the_best_passage() -> None:
    """The answer holds the passage with its number, and still says that it is no model."""
    text = demo_script(
        seen(("system", "You are Kimi."), ("system", PASSAGES), ("user", "Can I return it?"))
    ).text
    assert "Returns take a week. [1]" in text
    assert "scripted stand-in" in text


def test_passages_of_an_earlier_question_are_not_cited() -> None:
    """Only what was found for this question counts."""
    text = demo_script(
        seen(
            ("system", PASSAGES),
            ("user", "Can I return it?"),
            ("assistant", "A week [1]"),
            ("user", "Thanks"),
        )
    ).text
    assert "[1]" not in text


@pytest.mark.parametrize(
    ("said", "word"), [("where is my parcel?", "yes"), ("杯子碎了怎么办", "yes"), ("lovely day", "no")]
)
def test_it_judges_in_one_word(said: str, word: str) -> None:
    """A question, a problem and small talk."""
    assert demo_script(seen(("system", INSTRUCTION), ("user", said))).text == word


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("Ann: Where is my parcel?\nBot: On its way.", "Where is my parcel?"),
        ("小明: 杯子碎了怎么办\n机器人: 抱歉", "杯子碎了怎么办"),
    ],
)
def test_it_helps_the_team(told: str, expected: str) -> None:
    """A summary and a draft are about what the customer asked, in their language."""
    summary = demo_script(seen(("system", SUMMARY_PROMPT.format(language="English")), ("user", told))).text
    draft = demo_script(seen(("system", DRAFT_PROMPT), ("user", told))).text
    assert f"“{expected}”" in summary
    assert f"“{expected}”" in draft
    assert summary != draft


@pytest.mark.parametrize(("language", "title"), [("en", "The main points"), ("zh", "要点")])
def test_a_digest_cites_the_messages_that_it_is_about(language: str, title: str) -> None:
    """In the language that is asked for; it needs no request of another form."""
    sent_at = datetime(2026, 11, 30, 9, tzinfo=UTC)
    messages = [
        ChannelMessage(message_id=name, author_id=name, author=name, text=text, sent_at=sent_at)
        for name, text in (("Ann", "The oolong arrived."), ("Bob", "Who takes the photos?"))
    ]
    asked = digest_messages("You are Kimi.", format_lines(messages, UTC), language=language)
    text = demo_script(seen(*((one.role, str(one.content)) for one in asked))).text
    assert title in text
    assert "**Ann**: The oolong arrived. [#1]" in text
    assert "Bob: Who takes the photos? [#2]" in text
