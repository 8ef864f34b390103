"""``moonthread chat``: a conversation with Kimi in the terminal."""

import asyncio
import contextlib
import sys
from typing import Annotated, Final

import typer

from bots.cli.printing import answer
from bots.cli.question import open_kimi, request
from bots.cli.terminal import complain, loop_factory, told
from core.kimi import KimiError, Message
from core.settings import Need, Settings, load

PROMPT: Final = "› "
HELP: Final = """\
/new    forget what was said so far
/retry  answer the last question again
/help   these lines
/quit   leave, as Ctrl-D does
Ctrl-C ends an answer; at the prompt it leaves."""


class Talk:
    """One conversation: what was said, and one more question to it."""

    def __init__(self, settings: Settings, *, system: str | None, model: str | None) -> None:
        self._settings = settings
        self._system = system
        self._model = model
        self._turns: list[Message] = []

    def forget(self) -> None:
        """Begin anew."""
        self._turns.clear()

    def take_back(self) -> str:
        """Remove the last question with its answer and return it; "" where there is none."""
        while self._turns:
            turn = self._turns.pop()
            if turn.role == "user":
                return turn.content
        return ""

    async def say(self, text: str) -> None:
        """Ask and show the answer; what was shown is remembered even where it broke off.

        Raises:
            core.kimi.KimiError: Kimi did not answer, or not to the end.
        """
        self._turns.append(Message(role="user", content=text))
        asked = request(self._settings, *self._turns, system=self._system, model=self._model)
        shown: list[str] = []
        try:
            async with open_kimi(self._settings) as kimi:
                await answer(kimi, asked, shown=shown)
        finally:
            if shown:
                self._turns.append(Message(role="assistant", content="".join(shown)))
            else:
                self._turns.pop()


def chat(
    system: Annotated[str | None, typer.Option(help="Instructions, in place of KIMI_SYSTEM_PROMPT.")] = None,
    model: Annotated[str | None, typer.Option(help="A model, in place of KIMI_MODEL.")] = None,
) -> None:
    """Talk with Kimi; it remembers what was said."""
    settings = load(needs=[Need.KIMI])
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  gives input() its editing keys and history
    if sys.stdin.isatty():
        print(f"{model or settings.kimi_model}; /help lists the commands, Ctrl-D leaves.")
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        session = Session(Talk(settings, system=system, model=model), runner)
        while (line := _next_line()) is not None and line not in ("/quit", "/exit"):
            session.take(line)
    if session.failed:
        raise typer.Exit(1)


def _next_line() -> str | None:
    """Ask the person for a line; None where they leave."""
    try:
        return input(PROMPT if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        if sys.stdin.isatty():
            print()
        return None


class Session:
    """Takes lines, one at a time; Ctrl-C ends an answer and not the session."""

    def __init__(self, talk: Talk, runner: asyncio.Runner) -> None:
        self.failed = False  #: whether the last question went without a whole answer
        self._talk = talk
        self._runner = runner

    def take(self, line: str) -> None:
        """Do what the line asks for."""
        match line:
            case "":
                pass
            case "/help":
                print(HELP)
            case "/new":
                self._talk.forget()
                print("Forgotten.")
            case "/retry":
                if question := self._talk.take_back():
                    self._ask(question)
                else:
                    complain("there is no question to answer again")
            case _ if line.startswith("/") and " " not in line:
                complain(f"{line} is no command; /help lists them")
            case _:
                self._ask(line)

    def _ask(self, text: str) -> None:
        self.failed = False
        try:
            self._runner.run(self._talk.say(text))
        except KimiError as error:
            self.failed = True
            complain(*told(error))
        except KeyboardInterrupt:
            complain("stopped")
