"""``moonthread chat``, with lines from a pipe and with a person at a terminal."""

import asyncio
import os
import pty
import signal
from typing import Any

from bots.simulator.kimi import KimiSimulator, answer_with, in_turn


async def test_it_remembers_what_was_said(with_kimi: Any, kimi: KimiSimulator) -> None:
    """Each question carries those before it, with their answers."""
    kimi.script = in_turn("One.", "Two.", chunks_per_s=1000)

    done = await with_kimi("chat", "--system", "Be brief.", piped="first\n\nsecond\n")

    assert (done.status, done.out, done.err) == (0, "One.\nTwo.\n", "")
    assert kimi.requests[1].messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "One."},
        {"role": "user", "content": "second"},
    ]


async def test_new_forgets_and_retry_asks_again(with_kimi: Any, kimi: KimiSimulator) -> None:
    """The commands are those of the chats."""
    kimi.script = in_turn("One.", "Two.", "Three.", chunks_per_s=1000)

    done = await with_kimi("chat", piped="first\n/retry\n/new\nsecond\n/quit\nnever\n")

    assert done.out == "One.\nTwo.\nForgotten.\nThree.\n"
    assert [[turn["content"] for turn in seen.messages] for seen in kimi.requests] == [
        ["first"],
        ["first"],
        ["second"],
    ]


async def test_a_failure_does_not_end_the_talk(with_kimi: Any, kimi: KimiSimulator) -> None:
    """The notice is shown, the question is not kept, the next one works."""
    with_kimi.environ["KIMI_MODEL"] = "kimi-k9"

    done = await with_kimi("chat", piped="first\n/help\n/what\n")

    assert done.status == 1
    assert "isn't available" in done.err
    assert "/what is no command" in done.err
    assert "Ctrl-C ends an answer" in done.out


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
    await terminal.until("moonthread: stopped\r\n")
    await terminal.until("› ", times=2)
    process.send_signal(signal.SIGINT)

    assert await asyncio.wait_for(process.wait(), timeout=30) == 0
    assert "Thinking" in terminal.text
    assert "Traceback" not in terminal.text
    assert len(kimi.requests) == 1
