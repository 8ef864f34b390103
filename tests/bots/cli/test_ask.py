"""``moonthread ask``, as a person or another program runs it."""

import asyncio
import base64
import contextlib
import os
import pty
from typing import Any

import pytest
from fpdf import FPDF

from bots.simulator.kimi import Faults, KimiSimulator, answer_with, load_scenarios
from tests.bots.cli.conftest import SCRIPT

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def test_the_answer_is_all_there_is_on_standard_output(with_kimi: Any, kimi: KimiSimulator) -> None:
    """Words after the command are the question, and the answer can be piped on."""
    done = await with_kimi("ask", "hello", "there")

    assert (done.status, done.out, done.err) == (0, "Hello, you.\n", "")
    assert kimi.requests[0].messages == [{"role": "user", "content": "hello there"}]
    assert kimi.requests[0].body["stream"] is True
    assert "temperature" not in kimi.requests[0].body


async def test_what_is_piped_in_stands_below_the_question(with_kimi: Any, kimi: KimiSimulator) -> None:
    """A file can be asked about."""
    await with_kimi("ask", "Summarise:", piped="a long text\n")

    assert kimi.requests[0].question == "Summarise:\n\na long text\n"


async def test_one_whole_reply_with_instructions_and_another_model(
    with_kimi: Any, kimi: KimiSimulator
) -> None:
    """--no-stream, --system and --model go before the settings."""
    with_kimi.environ |= {"KIMI_SYSTEM_PROMPT": "Be long.", "MOONTHREAD_REPLY_TOKENS": "512"}

    done = await with_kimi("ask", "hi", "--no-stream", "--system", "Be brief.", "--model", "kimi-k3")

    assert done.out == "Hello, you.\n"
    body = kimi.requests[0].body
    assert (body["stream"], body["model"], body["max_completion_tokens"]) == (False, "kimi-k3", 512)
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}


async def test_sampling_and_thinking_are_sent_only_where_set(with_kimi: Any, kimi: KimiSimulator) -> None:
    """The operator's values reach Kimi as they are."""
    with_kimi.environ |= {"KIMI_THINKING": "off", "KIMI_TEMPERATURE": "0.6"}

    await with_kimi("ask", "hi")

    assert kimi.requests[0].body["thinking"] == {"type": "disabled"}
    assert kimi.requests[0].body["temperature"] == 0.6


async def test_settings_are_read_from_the_file_in_this_folder(moonthread: Any, kimi: KimiSimulator) -> None:
    """.env is enough."""
    env = f"MOONSHOT_API_KEY=sk-test\nKIMI_BASE_URL={kimi.base_url}/\n"
    (moonthread.folder / ".env").write_text(env, encoding="utf-8")

    assert (await moonthread("ask", "hi")).out == "Hello, you.\n"


async def test_without_a_key_the_advice_is_one_line(moonthread: Any) -> None:
    """Nothing is tried, exit status 1."""
    done = await moonthread("ask", "hi")

    assert done.status == 1
    assert done.err.startswith("moonthread: KIMI_API_KEY: is not set; make a key at platform.kimi.com")
    assert done.err.count("\n") == 1


async def test_a_wrong_key_is_told_without_showing_it(with_kimi: Any) -> None:
    """What the operator may do, Kimi's words and the request id stand in one line; the key does not."""
    with_kimi.environ["KIMI_API_KEY"] = "sk-wrong-one"

    done = await with_kimi("ask", "hi")

    assert done.status == 1
    assert done.err.startswith("moonthread: Kimi refuses KIMI_API_KEY.")
    assert "request " in done.err
    assert "sk-wrong-one" not in done.err


async def test_a_chinese_terminal_reads_chinese_notices(with_kimi: Any) -> None:
    """The language follows the locale."""
    with_kimi.environ |= {"KIMI_API_KEY": "sk-wrong", "LANG": "zh_CN.UTF-8"}

    assert "Kimi 拒绝了 KIMI_API_KEY" in (await with_kimi("ask", "hi")).err


async def test_a_stream_that_breaks_leaves_what_was_shown(with_kimi: Any, kimi: KimiSimulator) -> None:
    """The partial answer stays on standard output; the failure is told and is the exit status."""
    kimi.script = answer_with(
        "Hello, you and all.", chunk_chars=6, chunks_per_s=1000, faults=Faults(cut_after_chars=12)
    )

    done = await with_kimi("ask", "hi")

    assert done.status == 1
    assert done.out == "Hello, you a\n"
    assert "broke off" in done.err


async def test_an_answer_that_was_cut_says_so(with_kimi: Any, kimi: KimiSimulator) -> None:
    """The note names the setting to raise."""
    kimi.script = answer_with("Once upon", finish_reason="length", chunks_per_s=1000)

    done = await with_kimi("ask", "hi")

    assert done.out == "Once upon\n"
    assert "raise MOONTHREAD_REPLY_TOKENS" in done.err


async def test_ctrl_c_ends_the_answer(with_kimi: Any, kimi: KimiSimulator) -> None:
    """What was shown stays, the connection is closed, the exit status is a shell's 130."""
    kimi.script = answer_with("word " * 2000, chunks_per_s=50)

    done = await with_kimi.interrupted("ask", "hi", after="word word")

    assert done.status == 130
    assert done.out.startswith("word word")
    assert done.out.endswith("\n")
    assert "Traceback" not in done.err


async def test_asking_nothing_is_wrong_usage(with_kimi: Any) -> None:
    """Neither words nor a pipe: status 2."""
    done = await with_kimi("ask")

    assert done.status == 2
    assert "nothing to ask" in done.err


async def test_secrets_stay_at_home(with_kimi: Any, kimi: KimiSimulator) -> None:
    """What is masked in chats is masked here too, streamed or whole, and the answer has it again."""
    with_kimi.environ |= {"MOONTHREAD_PII_MASKING": "emails", "MOONTHREAD_SECRET_WORDS": "codename=Bluebird"}
    kimi.script = answer_with("[CODENAME-1] is at [EMAIL-1].", chunk_chars=3, chunks_per_s=1000)
    for how in ("--stream", "--no-stream"):
        done = await with_kimi("ask", how, "Write to ann@example.com on Bluebird")
        assert (done.status, done.out) == (0, "Bluebird is at ann@example.com.\n"), done.err
    assert [seen.question for seen in kimi.requests] == ["Write to [EMAIL-1] on [CODENAME-1]"] * 2


@pytest.mark.parametrize(
    ("name", "err"),
    [
        ("invisible", "Kimi gave no words"),
        ("filtered-half", "Kimi's content filter ended the answer"),
        ("thinking-took-all", "Kimi used all its tokens for thinking"),
    ],
)
async def test_a_script_sees_that_there_is_no_answer(
    with_kimi: Any, kimi: KimiSimulator, name: str, err: str
) -> None:
    """An answer without words or cut by a filter has exit status 1 and a sentence on standard error (F40)."""
    kimi.script = load_scenarios()[name].script()

    done = await with_kimi("ask", "hi")

    assert done.status == 1
    assert err in done.err


# -- files, going on, thinking ------------------------------------------------------------------------


async def test_files_stand_above_the_question(with_kimi: Any, kimi: KimiSimulator) -> None:
    """A text is read here; a picture is sent beside the words."""
    (with_kimi.folder / "notes.txt").write_text("Buy milk.\n", encoding="utf-8")
    (with_kimi.folder / "dot.png").write_bytes(PNG)

    done = await with_kimi("ask", "What is this?", "--file", "notes.txt", "-f", "dot.png")

    assert done.status == 0, done.err
    picture, words = kimi.requests[0].messages[0]["content"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert words["text"] == "notes.txt:\n\nBuy milk.\n\nWhat is this?"


async def test_a_document_is_read_by_kimi_and_not_left_there(with_kimi: Any, kimi: KimiSimulator) -> None:
    """PDF and Office files go through Kimi's file-extract."""
    document = FPDF()
    document.add_page()
    document.set_font("helvetica")
    document.cell(text="The price is 12.")
    (with_kimi.folder / "offer.pdf").write_bytes(bytes(document.output()))

    done = await with_kimi("ask", "What does it cost?", "--file", "offer.pdf")

    assert done.status == 0, done.err
    assert "The price is 12." in kimi.requests[0].question
    assert not kimi.shelf.files


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file or directory"), (b"", "empty"), (b"no PDF", "corrupt")],
)
async def test_a_file_that_cannot_be_read_is_told(with_kimi: Any, content: bytes | None, why: str) -> None:
    """One line with the reason; Kimi is not asked."""
    if content is not None:
        (with_kimi.folder / "a.pdf").write_bytes(content)

    done = await with_kimi("ask", "What is this?", "--file", "a.pdf")

    assert (done.status, done.err) == (1, f"moonthread: a.pdf: cannot be read ({why})\n")


async def test_continue_goes_on_with_the_last_talk(with_kimi: Any, kimi: KimiSimulator) -> None:
    """Without the option a new talk begins; what is kept can be read by this user only."""
    with_kimi.environ["MOONTHREAD_DATA_DIR"] = str(with_kimi.folder / "data")

    await with_kimi("ask", "One?")
    await with_kimi("ask", "--continue", "Two?")
    await with_kimi("ask", "-c", "Three?")
    await with_kimi("ask", "Anew?")

    assert [len(request.messages) for request in kimi.requests] == [1, 3, 5, 1]
    assert [one["content"] for one in kimi.requests[2].messages] == [
        "One?", "Hello, you.", "Two?", "Hello, you.", "Three?",
    ]  # fmt: skip
    assert (with_kimi.folder / "data" / "ask.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("option", "kind"), [("--think", "enabled"), ("--no-think", "disabled")])
async def test_thinking_is_chosen_for_one_question(
    with_kimi: Any, kimi: KimiSimulator, option: str, kind: str
) -> None:
    """The option goes before KIMI_THINKING."""
    with_kimi.environ["KIMI_THINKING"] = "off" if kind == "enabled" else "on"

    await with_kimi("ask", "hi", option)

    assert kimi.requests[0].body["thinking"] == {"type": kind}


# -- streams ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "closed", [*(pytest.param(one, marks=pytest.mark.slow) for one in (">&-", "2>&-", "<&-")), ">&- 2>&- <&-"]
)
async def test_closed_streams_end_quietly(with_kimi: Any, closed: str) -> None:
    """A shell may close any of the three; nothing is written into a socket instead."""
    done = await with_kimi.shell(f"{SCRIPT} ask hi {closed}")

    assert done.status == 0
    assert "Traceback" not in done.err


@pytest.mark.slow
async def test_a_reader_that_leaves_ends_the_answer_quietly(with_kimi: Any, kimi: KimiSimulator) -> None:
    """``ask … | head -1`` ends with status 1 and without a word."""
    kimi.script = answer_with("line\n" * 3000, chunks_per_s=2000)

    done = await with_kimi.shell(f"{{ {SCRIPT} ask hi; echo $? >&2; }} | head -1")

    assert (done.out, done.err) == ("line\n", "1\n")


@pytest.mark.slow
async def test_a_terminal_shows_rendered_markdown(with_kimi: Any, kimi: KimiSimulator) -> None:
    """Marks become styles; --plain shows them as they are."""
    kimi.script = answer_with("# Title\n\nSome **bold** words.\n\n```py\nx = 1\n```\n", chunks_per_s=1000)
    with_kimi.environ["TERM"] = "xterm"

    rendered = await on_terminal(with_kimi, "ask", "hi")
    plain = await on_terminal(with_kimi, "ask", "hi", "--plain")

    assert "**bold**" not in rendered
    assert "bold" in rendered
    assert "```" not in rendered
    assert "Some **bold** words." in plain
    assert "x = 1" in plain


async def on_terminal(moonthread: Any, *arguments: str) -> str:
    """Run a command on a terminal to its end, and return all that it wrote there."""
    ours, theirs = pty.openpty()
    process = await moonthread.start(*arguments, terminal=theirs)
    os.close(theirs)
    shown: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # Linux: nobody has the other end open any more
            while piece := os.read(ours, 4096):
                shown.append(piece)

    await asyncio.wait_for(asyncio.to_thread(read), timeout=100)
    await asyncio.wait_for(process.wait(), timeout=100)
    os.close(ours)
    return b"".join(shown).decode()
