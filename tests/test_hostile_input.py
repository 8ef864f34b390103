"""Every function that reads what strangers send is linear in it and quick, or refuses it early.

A table: function, and the forms that make such functions slow. The case behind it: 120 kB of ``<a `` stopped
the service. Twice the input costs at most 2.5 times as much, and 100,000 characters cost at most

- 50 ms of CPU if they are text that the event loop reads;
- 500 ms if they are Markdown that it reads;
- 500 ms if they are a file: HTML costs up to 140 ms, and is read in a worker process that is ended after some
  seconds, never in the event loop.

The renderers of an answer cost more (Telegram's up to 700 ms for 100,000 characters), so that no such text is
rendered at once: an edit gets one message's worth, and at most ``STEP_CHARS`` (12,000) that are new.
"""

import gc
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from core.delivery.answer_composer import STEP_CHARS
from core.files.extract import read_text
from core.files.file_policy import UnusableFile
from core.files.zip_directory import ZipCorrupt, ZipTooLarge, read_zip_directory
from core.turns.intent_classifier import classify_by_rules
from tests.cpu_cost import Parser, cpu_s, hostile, lowest_s, too_expensive
from tests.hostile_parsers import FILE_PARSERS, MARKDOWN_PARSERS, PAGE_CHARS, PIECES, RENDERERS, TEXT_PARSERS

BUDGET_S: Final = 0.05  #: CPU seconds of 100,000 characters

MARKDOWN_BUDGET_S: Final = 0.5
PAGE_BUDGET_S: Final = 0.3  #: CPU seconds of one message's worth of an answer; 60 ms on a quiet machine

#: Beginning → what is repeated after it, for parsers that look for a beginning once.
PREFIXED: Final = (
    *(("@file-", "中"), ("hi", "\t"), ("<a ", "a=b "), ("# ", "#"), ("| a |\n|---|\n", "| b |\n")),
    *(("```\n", "a\n"), ("> ", "> "), ("$$\n", "@a\n"), ("[a](", "("), ("a", "*"), ("中", "*")),
    *(("<!--", " also: a "), ("[x]: ", "a"), ("1", " "), ("哈", "哈"), ("question,answer\n", "a,b\n")),
)
FORMS: Final = [*(("", piece) for piece in PIECES), *PREFIXED]


def named(parsers: Mapping[str, Parser], names: Collection[str] = ()) -> list[object]:
    """Return the parsers as parameters of a test: those with these names; () for all."""
    return [pytest.param(parse, id=name) for name, parse in parsers.items() if not names or name in names]


@pytest.fixture(autouse=True)
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from pausing what is measured, and what stood before out of its way."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.parametrize("parse", named(TEXT_PARSERS))
def test_hostile_input_costs_little_and_twice_of_it_twice_as_much(parse: Parser) -> None:
    """No form of hostile input makes a parser more than linear, or exceeds its budget (we chose both)."""
    assert too_expensive(parse, FORMS, BUDGET_S) == []


QUICK: Final = ("slack text", "mentions", "html in markdown", "citations")  #: a choice for each run


@pytest.mark.parametrize("parse", named(MARKDOWN_PARSERS, QUICK))
def test_hostile_markdown_costs_little(parse: Parser) -> None:
    """A heading or link of a command's reply once cost the square of its length (found by this table)."""
    assert too_expensive(parse, FORMS, MARKDOWN_BUDGET_S) == []


@pytest.mark.slow
@pytest.mark.parametrize("parse", named(MARKDOWN_PARSERS))
def test_no_markdown_costs_more_than_in_proportion(parse: Parser) -> None:
    """Markdown may cost ten times as much as other text (we chose that), and grows in proportion."""
    assert too_expensive(parse, FORMS, MARKDOWN_BUDGET_S) == []


@pytest.mark.slow
@pytest.mark.parametrize("parse", named(FILE_PARSERS, ("html to markdown",)))
def test_no_file_costs_more_than_in_proportion(parse: Parser) -> None:
    """HTML is read in a process that is ended after some seconds; it costs no more than Markdown does."""
    assert too_expensive(parse, FORMS, MARKDOWN_BUDGET_S) == []


@pytest.mark.parametrize("render", named(RENDERERS))
def test_one_edit_of_a_hostile_answer_is_rendered_quickly(render: Parser) -> None:
    """Anybody can ask the model to repeat markup; each edit renders one message's worth of it again."""
    render("warm up 你好")
    forms = [("", "\\("), ("", "<!--"), ("", "!["), ("", "[["), ("", "a*"), ("", "$$"), ("", "|\n")]
    costs = {form: lowest_s(render, hostile(form, PAGE_CHARS), PAGE_BUDGET_S) for form in forms}
    assert max(costs.values()) <= PAGE_BUDGET_S, costs


@pytest.mark.slow
@pytest.mark.parametrize("render", named(RENDERERS))
def test_one_step_of_a_hostile_answer_costs_as_little_as_markdown(render: Parser) -> None:
    """A provider may send an answer at once; the composer renders it in steps."""
    render("warm up 你好")
    costs = {form: lowest_s(render, hostile(form, STEP_CHARS), MARKDOWN_BUDGET_S) for form in FORMS}
    assert {form: cost for form, cost in costs.items() if cost > MARKDOWN_BUDGET_S} == {}


@pytest.mark.parametrize("text", ["哈" * 199 + "x", "ok " * 65 + "?x", "好的" * 98 + "。x"])
def test_small_talk_is_decided_at_once(text: str) -> None:
    """A nested repetition once took a minute for thirty characters, in the middle of the event loop."""
    assert cpu_s(classify_by_rules, text) < 0.1


def hollow_zip(path: Path, entries: int) -> Path:
    """Write an archive whose table announces and holds many empty entries."""
    entry = b"PK\x01\x02" + bytes(24) + (1).to_bytes(2, "little") + bytes(16) + b"a"
    count = min(entries, 0xFFFF).to_bytes(2, "little")
    table = entry * entries
    end = b"PK\x05\x06" + bytes(4) + count + count + len(table).to_bytes(4, "little") + bytes(6)
    path.write_bytes(b"PK\x03\x04" + table + end)
    return path


def test_an_archives_table_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """19 MB of empty entries once cost 150 MB and 2.3 s; the number of entries is looked at first."""
    path = hollow_zip(tmp_path / "a.docx", 400_000)
    began = time.process_time()
    with pytest.raises(ZipTooLarge):
        read_zip_directory(path)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("entries", [1, 10_000])
def test_an_archive_that_is_large_enough_for_a_book_is_read(tmp_path: Path, entries: int) -> None:
    """Presentations have thousands of parts."""
    assert len(read_zip_directory(hollow_zip(tmp_path / "a.docx", entries))) == entries


@pytest.mark.parametrize("size", [4, 11, 17, 21])
def test_an_end_record_that_is_cut_is_corrupt(tmp_path: Path, size: int) -> None:
    """A file of a few bytes once raised an error of struct (found by fuzzing)."""
    path = tmp_path / "a.docx"
    path.write_bytes((b"PK\x05\x06" + bytes(18))[:size])
    with pytest.raises(ZipCorrupt):
        read_zip_directory(path)


def test_a_text_of_control_characters_is_refused_by_its_beginning(tmp_path: Path) -> None:
    """Ten megabytes of a binary under a text's name are not taken for words."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"\x01" * 10_000_000)
    with pytest.raises(UnusableFile):
        read_text(path)
