"""Teaching and asking on the command line."""

import asyncio
import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from fpdf import FPDF

from bots.simulator.demo import knowledge as demo
from bots.simulator.embeddings import KEY, EmbeddingSimulator
from bots.simulator.kimi import answer_with

TABLE = """question,source,answer
When is the shop closed?,Opening hours,Mondays
How long may I send it back?,Returns,seven days
Who won the world cup?,,
"""
SHOP = """# Shop

## Opening hours

The shop is closed on Mondays.

## Returns

Send it back within seven days.
"""


@pytest.fixture
def shop(moonthread: Any) -> Any:
    """A command line with a file to teach in its folder."""
    (moonthread.folder / "shop.md").write_text(SHOP)
    (moonthread.folder / "table.csv").write_text(TABLE)
    return moonthread


async def test_a_set_is_made_shown_and_removed(shop: Any) -> None:
    """add, list, search and remove work without a key, and say what they did."""
    added = await shop("knowledge", "add", "shop", "shop.md", "--url", "https://x.example")
    again = await shop("knowledge", "add", "shop", "shop.md", "--url", "https://x.example")
    listed = await shop("knowledge", "list")
    found = await shop("knowledge", "search", "closed on which day")
    nothing = await shop("knowledge", "search", "football")
    removed = await shop("knowledge", "remove", "shop")
    twice = await shop("knowledge", "remove", "shop")

    assert (added.status, added.out) == (0, "shop: shop.md, 2 passages, version 1\n"), added.err
    assert again.out == "shop: shop.md, 2 passages, unchanged\n"
    assert "shop: 1 document, 2 passages" in listed.out
    assert "[1] Shop › Opening hours (shop.md" in found.out
    assert "https://x.example" in found.out
    assert nothing.out == "nothing relevant\n"
    assert removed.status == 0
    assert twice.status == 1


async def test_a_tenants_set_is_its_own(shop: Any) -> None:
    """What is added for one tenant is found for it alone."""
    await shop("knowledge", "add", "shop", "shop.md", "--tenant", "slack:T1")
    mine = await shop("knowledge", "search", "closed on which day", "--tenant", "slack:T1")
    others = await shop("knowledge", "search", "closed on which day", "--tenant", "slack:T2")
    everybody = await shop("knowledge", "list")

    assert "Opening hours" in mine.out
    assert others.out == "nothing relevant\n"
    assert "shop of slack:T1: 1 document" in everybody.out


async def test_what_cannot_be_added_is_told(shop: Any) -> None:
    """What cannot be read gets a line that says why; the rest is added."""
    (shop.folder / "x.csv").write_text("a,b\n1,2\n")
    (shop.folder / "y.pdf").write_bytes(pdf("Words."))
    done = await shop("knowledge", "add", "shop", "x.csv", "y.pdf", "nowhere.md", "shop.md")

    assert done.status == 1
    assert done.out == "shop: shop.md, 2 passages, version 1\n"
    assert "x.csv: its first line must name the columns question and answer" in done.err
    assert "y.pdf: Kimi reads such files; set KIMI_API_KEY" in done.err
    assert "nowhere.md: No such file" in done.err
    assert "of 1)" not in done.err  # progress is for terminals


@pytest.mark.slow
async def test_progress_and_unreadable_files_on_a_terminal(shop: Any) -> None:
    """What cannot be read is named before the first file is added; a terminal shows which one is at work."""
    shop.environ["TERM"] = "xterm"
    ours, theirs = os.openpty()
    process = await shop.start("knowledge", "add", "shop", "shop.md", "nowhere.md", terminal=theirs)
    os.close(theirs)
    shown = await asyncio.to_thread(read_terminal, ours)
    os.close(ours)

    assert await process.wait() == 1
    named, working, added = map(shown.index, ("nowhere.md: No such", "shop.md (1 of 1)", "2 passages"))
    assert named < min(working, added)  # a file that is added at once may be told before its name is drawn


def read_terminal(ours: int) -> str:
    """Read what a process writes to its terminal until it ends."""
    shown = b""
    with contextlib.suppress(OSError):  # Linux reports a terminal without a process as an error
        while piece := os.read(ours, 4096):
            shown += piece
    return shown.decode()


async def test_a_table_of_questions_is_evaluated(shop: Any) -> None:
    """The report tells what was found and refused; the proposed floor is stored on request."""
    await shop("knowledge", "add", "shop", "shop.md")
    done = await shop("knowledge", "eval", "table.csv", "--set", "shop")
    missing = await shop("knowledge", "eval", "table.csv", "--set", "nothing")
    wrong = await shop("knowledge", "eval", "shop.md")

    assert done.status == 0, done.err
    assert "expected passage first:           2/2 (100.0%)" in done.out
    assert "proposed floor: " in done.out
    kept = await shop("knowledge", "eval", "table.csv", "--set", "shop", "--no-misses", "--keep", "--json")
    again = await shop("knowledge", "eval", "table.csv", "--set", "shop", "--no-misses", "--json")
    assert json.loads(kept.out)["at_set_floor"]["refused"] == 0
    assert json.loads(again.out)["at_set_floor"]["refused"] == 1
    assert missing.status == 1
    assert "there is no set 'nothing'; the sets are shop" in missing.err
    assert "the first line must name the columns" in wrong.err


async def test_kimi_reads_pdfs_and_answers_tables(with_kimi: Any, kimi: Any) -> None:
    """With a key a PDF is read by Kimi and leaves nothing there; --ask judges its answers."""
    kimi.script = answer_with("We are closed on Mondays [1].")
    (with_kimi.folder / "shop.pdf").write_bytes(pdf("The shop is closed on Mondays."))
    (with_kimi.folder / "table.csv").write_text(TABLE)
    added = await with_kimi("knowledge", "add", "shop", "shop.pdf")
    asked = await with_kimi("knowledge", "eval", "table.csv", "--ask")

    assert (added.status, added.out) == (0, "shop: shop.pdf, 1 passage, version 1\n"), added.err
    assert "answers with the expected words:  1/1 (100.0%)" in asked.out
    shown = kimi.requests[-1].messages
    assert "closed on Mondays" in shown[-2]["content"]


def pdf(words: str) -> bytes:
    """Make a PDF of one page."""
    page = FPDF()
    page.add_page()
    page.set_font("helvetica")
    page.cell(text=words)
    return bytes(page.output())


def test_the_demos_files_are_shipped() -> None:
    """Both sets and their tables are part of the package."""
    root = Path(demo.__file__).parents[4]
    wanted = (root / "pyproject.toml").read_text(encoding="utf-8")
    assert "simulator/demo/knowledge/**/*.md" in wanted
    assert all(demo.documents(name) and demo.questions(name).is_file() for name in demo.SETS)


@pytest.mark.slow
async def test_meanings_are_compared_offline(shop: Any) -> None:
    """With the extra, added files get their vectors at once; a question without a common word is found."""
    shop.environ["MOONTHREAD_EMBEDDINGS_MODEL"] = "offline"
    (shop.folder / "table.csv").write_text(
        "question,source\non which weekday are you not there?,Opening hours\n"
    )
    added = await shop("knowledge", "add", "shop", "shop.md")
    measured = await shop("knowledge", "eval", "table.csv", "--no-misses")

    assert "4 texts have vectors of universal-sentence-encoder-multilingual-3 now" in added.out, added.err
    assert "compared by words and the vectors of universal-sentence-encoder" in measured.out
    assert "expected passage first:           1/1" in measured.out


async def test_an_endpoint_that_fails_leaves_the_words(shop: Any) -> None:
    """What was added stays; the vectors follow with the next run of the command, or of the service."""
    async with EmbeddingSimulator() as host:
        shop.environ |= {
            "MOONTHREAD_EMBEDDINGS_MODEL": host.model,
            "MOONTHREAD_EMBEDDINGS_URL": f"{host.base_url}/embeddings/",
            "MOONTHREAD_EMBEDDINGS_KEY": "sk-wrong",
        }
        added = await shop("knowledge", "add", "shop", "shop.md")
        checked = await shop("check")
        shop.environ["MOONTHREAD_EMBEDDINGS_KEY"] = KEY
        embedded = await shop("knowledge", "embed")
        better = await shop("check")
        listed = await shop("knowledge", "list")

    assert (added.status, added.out) == (0, "shop: shop.md, 2 passages, version 1\n")
    assert "words alone are compared until all texts have vectors" in added.err
    assert "! Embeddings: text-embedding-v4 at 127.0.0.1 gives no vectors" in checked.out
    assert "4 texts have vectors of text-embedding-v4 now" in embedded.out
    assert "✓ Embeddings: text-embedding-v4 at 127.0.0.1 gives vectors of 64 dimensions" in better.out
    assert listed.out.endswith(", 4 of 4 texts with vectors of text-embedding-v4\n")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"MOONTHREAD_EMBEDDINGS_MODEL": "bge-m3"}, "MOONTHREAD_EMBEDDINGS_URL: is not set"),
        ({"MOONTHREAD_EMBEDDINGS_URL": "http://h.example/v1"}, "MOONTHREAD_EMBEDDINGS_MODEL: is not set"),
        ({}, "MOONTHREAD_EMBEDDINGS_MODEL: is not set; words alone are compared"),
    ],
)
async def test_half_a_configuration_is_a_fault(shop: Any, given: dict[str, str], fault: str) -> None:
    """A model without an address, an address without a model, and nothing at all are named."""
    shop.environ |= given
    done = await shop("knowledge", "embed")
    assert done.status == 1
    assert fault in done.err
