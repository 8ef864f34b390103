"""``moonthread chat``, with lines from a pipe and with a person at a terminal."""

import asyncio
import os
import pty
import signal
from typing import Any

from bots.simulator.kimi import Faults, KimiSimulator, SeenRequest, answer_with, in_turn
from bots.simulator.kimi.refusal import invalid


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

    done = await with_kimi("chat", piped="first\n/what\n/help\nagain\n")

    assert done.status == 1
    assert done.out.count("refused this request") == 2
    assert "moonthread: /what is no command; /help lists them\n" in done.err
    assert "`/quit` leave" in done.out


async def test_a_second_talk_at_the_same_time_is_refused(with_kimi: Any, kimi: KimiSimulator) -> None:
    """Two would answer each other's questions."""
    first = await with_kimi.start("chat")
    first.stdin.write(b"hi\n")
    await asyncio.wait_for(first.stdout.readline(), timeout=60)

    second = await with_kimi("chat", piped="hi\n")
    first.stdin.close()

    assert (second.status, second.err) == (
        1,
        "moonthread: another moonthread chat is open; leave that one first\n",
    )
    assert await asyncio.wait_for(first.wait(), timeout=60) == 0


class Terminal:
    """A terminal with a person at it: keys in, everything that was ever shown out."""

    def __init__(self) -> None:
        self._ours, self.theirs = pty.openpty()
        self._more = asyncio.Event()
        self.text = ""
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
        async with asyncio.timeout(30):
            while self.text.count(text) < times:
                self._more.clear()
                await self._more.wait()


async def left(process: asyncio.subprocess.Process) -> int:
    """Press Ctrl-C at the prompt until the program leaves, and return its exit status.

    CPython looks for signals before it waits for a key; one that comes between the two is not
    seen until the next (a person would press again).
    """
    async with asyncio.timeout(60):
        while True:
            process.send_signal(signal.SIGINT)
            try:
                return await asyncio.wait_for(process.wait(), timeout=10)
            except TimeoutError:
                continue


async def test_ctrl_c_ends_an_answer_and_then_the_talk(with_kimi: Any, kimi: KimiSimulator) -> None:
    """At a terminal the first Ctrl-C stops the answer, one at the prompt leaves with status 0."""
    kimi.script = answer_with("word " * 2000, chunks_per_s=50)
    terminal = Terminal()
    process = await with_kimi.start("chat", terminal=terminal.theirs)
    os.close(terminal.theirs)

    await terminal.until("› ")
    terminal.type("go\n")
    await terminal.until("word word")
    process.send_signal(signal.SIGINT)
    await terminal.until("(stopped)")
    await terminal.until("› ", times=2)

    assert await left(process) == 0
    assert "Thinking" in terminal.text
    assert "Traceback" not in terminal.text
    assert len(kimi.requests) == 1
    assert kimi.requests[0].disconnected
