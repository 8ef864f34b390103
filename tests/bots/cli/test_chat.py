"""``moonthread chat``, with lines from a pipe and with a person at a terminal."""

import asyncio
import os
import pty
import signal
from typing import Any

import pytest

from bots.cli.chat_prompt import matching_commands
from bots.simulator.kimi import Faults, KimiSimulator, SeenRequest, answer_with, in_turn
from bots.simulator.kimi.refusal import invalid
from core.domain.command_names import CommandName


def turns_of(seen: SeenRequest) -> list[tuple[str, str]]:
    """Return what was asked, without the system prompt."""
    return [(turn["role"], turn["content"]) for turn in seen.messages if turn["role"] != "system"]


async def test_it_remembers_what_was_said(with_kimi: Any, kimi: KimiSimulator) -> None:
    """Each question carries those before it, with their answers."""
    kimi.script = in_turn("One.", "Two.", chunks_per_s=1000)

    done = await with_kimi("chat", "--system", "Be brief.", "--model", "kimi-k3", piped="first\n\nsecond\n")

    assert (done.status, done.out, done.err) == (0, "One.\nTwo.\n", "")
    assert turns_of(kimi.requests[1]) == [("user", "first"), ("assistant", "One."), ("user", "second")]
    assert kimi.requests[1].messages[0]["content"].startswith("Be brief.\n\nYou are on a terminal")
    assert kimi.requests[1].model == "kimi-k3"


async def test_the_history_lasts_until_it_is_forgotten(with_kimi: Any, kimi: KimiSimulator) -> None:
    """A new talk goes on with the one of before; /new begins anew, /retry asks again."""
    kimi.script = in_turn("One.", "Two.", "Zwei.", "Three.", chunks_per_s=1000)

    await with_kimi("chat", piped="first\n")
    done = await with_kimi("chat", piped="second\n/retry\n/new\nthird\n/quit\nnever\n")

    first, _, again, last = kimi.requests
    assert turns_of(first) == [("user", "first")]
    assert turns_of(again) == [("user", "first"), ("assistant", "One."), ("user", "second")]
    assert turns_of(last) == [("user", "third")]
    assert done.out.startswith("Two.\nZwei.\nDone, we start afresh")
    assert done.out.endswith("Three.\n")


async def test_commands_take_the_rest_of_their_line(with_kimi: Any, kimi: KimiSimulator) -> None:
    """A model and a persona can be chosen; a line that begins with no command is a question."""
    kimi.script = answer_with("Aye.", chunks_per_s=1000)

    lines = "/model kimi-k3\n/system You are a pirate.\n/usr/bin is what?\n/context\n"
    done = await with_kimi("chat", piped=lines)

    (asked,) = kimi.requests
    assert asked.model == "kimi-k3"
    assert asked.messages[0]["content"].startswith("You are a pirate.")
    assert turns_of(asked) == [("user", "/usr/bin is what?")]
    assert "Messages word by word: 2" in done.out


async def test_a_failure_does_not_end_the_talk(with_kimi: Any, kimi: KimiSimulator) -> None:
    """The notice is shown, the next line is taken, the exit status tells of the last question."""
    kimi.script = answer_with("", faults=Faults(refuse=invalid("no")))

    done = await with_kimi("chat", piped="first\n/what\n/modle\n/help\nagain\n")

    assert done.status == 1
    assert done.out.count("refused this request") == 2
    assert "moonthread: /what is no command; /help lists them\n" in done.err
    assert "moonthread: /modle is no command; did you mean /model? /help lists them\n" in done.err
    assert "`/quit` leave" in done.out


@pytest.mark.slow
async def test_a_second_talk_at_the_same_time_is_refused(with_kimi: Any, kimi: KimiSimulator) -> None:
    """Two would answer each other's questions."""
    first = await with_kimi.start("chat")
    first.stdin.write(b"hi\n")
    await asyncio.wait_for(first.stdout.readline(), timeout=100)

    second = await with_kimi("chat", piped="hi\n")
    first.stdin.close()

    assert (second.status, second.err) == (
        1,
        "moonthread: another moonthread chat is open; leave that one first\n",
    )
    assert await asyncio.wait_for(first.wait(), timeout=100) == 0


PROMPTED = "\x1b[?2004h"
"""Switches bracketed paste on: prompt-toolkit sends it once a prompt, when it reads keys."""


class Terminal:
    """A terminal with a person at it: keys in, everything that was ever shown out."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self._more = asyncio.Event()
        self.text = ""
        self.process: Any = None
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    def _read(self) -> None:
        try:
            read = os.read(self._ours, 4096)
        except OSError:  # Linux: nobody has the other end open any more
            read = b""
        if not read:
            asyncio.get_running_loop().remove_reader(self._ours)
        self.text += read.decode(errors="replace")
        self._more.set()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    async def until(self, text: str, *, times: int = 1) -> None:
        """Wait until ``text`` was shown so often."""
        async with asyncio.timeout(100):
            while self.text.count(text) < times:
                self._more.clear()
                await self._more.wait()


@pytest.fixture
async def talk(with_kimi: Any, kimi: KimiSimulator) -> Any:
    """A person at a terminal in ``moonthread chat``, at the first prompt."""
    with_kimi.environ |= {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    with_kimi.environ["MOONTHREAD_DATA_DIR"] = str(with_kimi.folder / "data")
    terminal = Terminal()
    terminal.process = await with_kimi.start("chat", terminal=terminal.theirs)
    os.close(terminal.theirs)
    await terminal.until(PROMPTED)
    return terminal


@pytest.mark.slow
async def test_ctrl_c_ends_an_answer_and_then_the_talk(talk: Any, kimi: KimiSimulator) -> None:
    """The first Ctrl-C stops the answer, one at the empty prompt leaves with status 0."""
    kimi.script = answer_with("word " * 2000, chunks_per_s=50)

    talk.type("go\r")
    await talk.until("word word")
    talk.process.send_signal(signal.SIGINT)
    await talk.until("(stopped)")
    await talk.until(PROMPTED, times=2)
    talk.type("\x03")

    assert await asyncio.wait_for(talk.process.wait(), timeout=100) == 0
    assert "Thinking" in talk.text
    assert "Traceback" not in talk.text
    assert len(kimi.requests) == 1
    assert kimi.requests[0].disconnected


@pytest.mark.slow
async def test_ctrl_c_clears_what_is_typed(talk: Any, kimi: KimiSimulator) -> None:
    """A line that was begun is not sent, and the talk goes on."""
    talk.type("not this")
    await talk.until("not this")
    talk.type("\x03")
    talk.type("but this\r")
    await talk.until(PROMPTED, times=2)
    talk.type("\x04")

    assert await asyncio.wait_for(talk.process.wait(), timeout=100) == 0
    assert [turns_of(request) for request in kimi.requests] == [[("user", "but this")]]


@pytest.mark.slow
async def test_pasted_lines_are_one_question(talk: Any, kimi: KimiSimulator) -> None:
    """A terminal marks what is pasted (bracketed paste): its line feeds do not send."""
    talk.type("\x1b[200~def f():\n    return 1\x1b[201~")
    talk.type("\x1b\rWhy?\r")
    await talk.until(PROMPTED, times=2)
    talk.type("\x04")
    await asyncio.wait_for(talk.process.wait(), timeout=100)

    assert turns_of(kimi.requests[0]) == [("user", "def f():\n    return 1\nWhy?")]


@pytest.mark.slow
async def test_the_first_lines_say_what_goes_on(talk: Any, with_kimi: Any) -> None:
    """The greeting names the model and the keys; earlier lines are kept for this user only."""
    talk.type("\x04")
    await asyncio.wait_for(talk.process.wait(), timeout=100)

    assert "Kimi (kimi-k2.6) remembers what was said here before" in talk.text
    assert (with_kimi.folder / "data" / "chat_history").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("typed", "found"), [("/re", ["/retry"]), ("/q", ["/quit"]), ("re", []), ("/usr/bin", []), ("", [])]
)
def test_commands_are_completed_at_the_beginning(typed: str, found: list[str]) -> None:
    """Only what begins with a slash is a command."""
    names = (*(f"/{name}" for name in CommandName), "/quit")

    assert matching_commands(typed, names) == found
