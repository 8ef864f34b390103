"""The terminal's surface: text is only ever added."""

import io

import pytest

from bots.terminal.render import TerminalRenderer
from bots.terminal.screen import Screen
from bots.terminal.surface import TerminalMessageChannel
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage, TypingStatus

HERE = Address(key=ThreadKey(platform="terminal", tenant="host", channel="me", thread=""))


class Tty(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Say yes."""
        return True


def page(text: str) -> RenderedMessage:
    """Return a page of plain text."""
    return RenderedMessage(markdown=text, text=text)


@pytest.fixture
def out() -> Tty:
    """What stands on the terminal, statuses included."""
    return Tty()


@pytest.fixture
def surface(out: Tty) -> TerminalMessageChannel:
    """A surface that prints there."""
    return TerminalMessageChannel(Screen(out, out))


async def post(surface: TerminalMessageChannel, text: str) -> MessageRef:
    """Show a new message."""
    return await surface.post(HERE, page(text), mode=DeliveryModeName.PRINT, idempotency_key="1:0")


async def test_an_edit_prints_only_what_is_new(surface: TerminalMessageChannel, out: Tty) -> None:
    """A growing answer is one growing text, with a line break at its end."""
    ref = await post(surface, "Hel")
    ref = await surface.edit(HERE, ref, page("Hello"), previous=page("Hel"), final=False)
    await surface.edit(HERE, ref, page("Hello."), previous=page("Hello"), final=True)

    assert out.getvalue() == "Hello.\n"


async def test_another_text_is_printed_anew(surface: TerminalMessageChannel, out: Tty) -> None:
    """What was printed stays; a text that does not continue it comes below it, whole."""
    ref = await post(surface, "One")
    await surface.edit(HERE, ref, page("Two"), previous=page("One"), final=True)
    await surface.edit(HERE, ref, page("Two"), previous=None, final=True)

    assert out.getvalue() == "One\nTwo\nTwo\n"


async def test_the_next_message_begins_a_line(surface: TerminalMessageChannel, out: Tty) -> None:
    """Two messages never share a line, and settling finishes the last one once."""
    await post(surface, "One")
    await post(surface, "Two")
    surface.finish_line()
    surface.finish_line()

    assert out.getvalue() == "One\nTwo\n"


async def test_thinking_is_wiped_by_the_first_word(surface: TerminalMessageChannel, out: Tty) -> None:
    """The status is shown once, and not within a line of text."""
    await surface.set_status(HERE, TypingStatus.THINKING)
    await surface.set_status(HERE, TypingStatus.THINKING)
    await post(surface, "Hi")
    await surface.set_status(HERE, TypingStatus.THINKING)

    assert out.getvalue().count("Thinking…") == 1
    assert out.getvalue().endswith("\r\033[KHi")


async def test_idle_takes_the_status_away(surface: TerminalMessageChannel, out: Tty) -> None:
    """An answer that never came leaves nothing behind."""
    await surface.set_status(HERE, TypingStatus.THINKING)
    await surface.set_status(HERE, TypingStatus.IDLE)

    assert out.getvalue().endswith("\r\033[K")


async def test_a_pipe_sees_no_status() -> None:
    """Where nobody looks, nothing but the answer is written."""
    out = io.StringIO()
    surface = TerminalMessageChannel(Screen(out, out))

    await surface.set_status(HERE, TypingStatus.THINKING)
    await post(surface, "Hi")

    assert out.getvalue() == "Hi"


def test_one_page_holds_any_length() -> None:
    """Nothing is split, nothing is shown before the first word, blanks at the end wait."""
    pager = TerminalRenderer()

    assert pager.render(" \n", complete=False) == []
    assert [shown.text for shown in pager.render(" a\n\n", complete=False)] == ["a"]
    assert [len(shown.text) for shown in pager.render("x" * 100_000, complete=True)] == [100_000]
