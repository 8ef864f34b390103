"""What was asked, rated and left open, on the command line."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text as sql

from bots.simulator.kimi import KimiSimulator, answer_with
from core.domain.message_content import MessageContent, MessageRole
from core.store import Database, history
from core.store.history import HistoryMessage


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first test of this process leaves its conversation for the others."""
    return tmp_path_factory.mktemp("talked") / "data"


@pytest.fixture
async def talked(with_kimi: Any, kimi: KimiSimulator, kept: Path) -> Any:
    """A command line whose ``chat`` has had a question with a rated answer, and one without an answer."""
    data = with_kimi.folder / ".local/share/moonthread"
    if kept.exists():  # noqa: ASYNC240 (one look)
        shutil.copytree(kept, data)
        return with_kimi
    kimi.script = answer_with("By the *link* below.", chunks_per_s=1000)
    assert (await with_kimi("chat", piped="How do I reset\nWhat else?\n")).status == 0
    database = Database(f"sqlite:///{with_kimi.folder}/.local/share/moonthread/moonthread.db")
    async with database.begin() as tx:
        rated = "INSERT INTO feedback (turn_id, person_id, verdict, given_at) VALUES (1, 'x', 'bad', :at)"
        await tx.execute(sql(rated), {"at": "2026-11-29 10:00:00"})
        await tx.execute(sql("UPDATE turns SET outcome = 'failed:overloaded' WHERE id = 2"))
    await database.close()
    shutil.copytree(data, kept)
    return with_kimi


async def test_the_list_shows_what_needs_a_look(talked: Any) -> None:
    """One line a conversation, with the numbers of failed and badly rated answers; filters narrow it."""
    shown = (await talked("conversations", "list")).out.splitlines()
    failed = json.loads((await talked("conversations", "list", "--failed", "--json")).out)
    none = await talked("conversations", "list", "--chat", "slack:C1")

    assert shown[0].split() == [
        "id", "platform", "chat", "last", "turns", "people", "failed", "good", "bad", "usd", "first", "words",
    ]  # fmt: skip
    assert shown[1].endswith("How do I reset")
    assert [(one["id"], one["failed"], one["bad"], one["turns"]) for one in failed] == [(1, 1, 1, 2)]
    assert (none.status, none.out) == (0, "no conversation fits\n")


async def test_a_search_looks_into_questions_and_answers(talked: Any) -> None:
    """Words of either side in any case; nothing is found where they do not occur."""
    found = json.loads((await talked("conversations", "search", "LINK", "--json")).out)
    nothing = json.loads((await talked("conversations", "search", "invoice", "--json")).out)

    assert ([one["id"] for one in found], nothing) == ([1], [])


@pytest.mark.parametrize("command", ["conversations list", "feedback", "rules list", "blocked", "usage"])
async def test_a_list_is_read_while_the_service_writes(talked: Any, command: str) -> None:
    """SQLite has one writer at a time: a list neither waits for the service nor makes it wait (we chose)."""
    database = Database(f"sqlite:///{talked.folder}/.local/share/moonthread/moonthread.db")
    async with database.begin():
        done = await talked(*command.split())
    await database.close()

    assert (done.status, done.err) == (0, "")


async def test_a_conversation_is_shown_with_the_figures_of_its_answers(talked: Any) -> None:
    """Turn, outcome, model, tokens and cost stand below each answer; an unknown id is a fault."""
    shown = (await talked("conversations", "show", "1")).out
    records = json.loads((await talked("conversations", "show", "1", "--json")).out)
    missing = await talked("conversations", "show", "99")

    assert "    How do I reset\n" in shown
    assert "(turn 1 · complete · " in shown
    assert "kimi-k2.6" in shown
    assert "← rated bad" in shown
    assert "failed:overloaded" in shown
    assert [one["role"] for one in records] == ["user", "assistant", "user", "assistant"]
    assert (missing.status, missing.err) == (1, "moonthread: conversation 99 is not stored\n")


async def test_feedback_lists_rated_answers_with_their_questions(talked: Any) -> None:
    """Bad ones unless good ones are wanted; gaps are the same list for whoever writes the knowledge."""
    bad = json.loads((await talked("feedback", "--json")).out)
    good = await talked("feedback", "good")
    gaps = json.loads((await talked("knowledge", "gaps", "--json")).out)

    assert [(one["turn"], one["question"], one["answer"]) for one in bad] == [
        (1, "How do I reset", "By the *link* below.")
    ]
    assert good.out == "no answer was rated good\n"
    assert [(one["turn"], one["proposal"]) for one in gaps] == [(1, "")]


async def test_the_teams_answer_to_a_gap_is_taken_by_command_only(talked: Any) -> None:
    """``knowledge gaps`` proposes it, ``knowledge take`` stores it; without an answer there is none."""
    none = await talked("knowledge", "take", "1")
    database = Database(f"sqlite:///{talked.folder}/.local/share/moonthread/moonthread.db")
    async with database.begin() as tx:
        seq = (await tx.execute(sql("SELECT seq FROM turns WHERE id = 1"))).scalar_one()
        message = HistoryMessage(
            seq=seq + 1,
            role=MessageRole.ASSISTANT,
            content=MessageContent(text="Hold both keys."),
            author_id="U9",
            author="Mary",
        )
        await tx.execute(sql("DELETE FROM turns WHERE id = 2"))
        await history.append(tx, message, conversation_id=1)
    await database.close()

    proposed = json.loads((await talked("knowledge", "gaps", "--json")).out)
    done = await talked("knowledge", "take", "1")
    after = json.loads((await talked("knowledge", "gaps", "--json")).out)

    assert (none.status, "turn 1 has no proposal" in none.err) == (1, True)
    assert [(one["team"], one["proposal"]) for one in proposed] == [("Hold both keys.", "ready answer")]
    assert done.out == "taken as ready answer: How do I reset\n"
    assert [one["proposal"] for one in after] == ["taken"]


async def test_usage_has_a_default_period_and_json(talked: Any) -> None:
    """The last month without --since; JSON has the figures as numbers."""
    (row,) = json.loads((await talked("usage", "--by", "model", "--json")).out)

    assert (row["model"], row["messages"], row["unpriced"]) == ("kimi-k2.6", 2, 0)
    assert row["prompt_tokens"] > 0


@pytest.mark.parametrize("wrong", [["--chat", "C1"], ["--person", "slack:"], ["--limit", "0"]])
async def test_a_half_name_is_wrong_usage(moonthread: Any, wrong: list[str]) -> None:
    """Status 2 with the form that is meant."""
    assert (await moonthread("conversations", "list", *wrong)).status == 2


async def test_the_old_place_of_the_rules_is_named(with_kimi: Any) -> None:
    """``chat list`` still works and says where it moved."""
    await with_kimi("rules", "set", "telegram:-100", "trigger=always")
    old = await with_kimi("chat", "list")

    assert "moonthread rules list" in old.err
    assert old.out == (await with_kimi("rules", "list")).out
    assert "trigger" in old.out
