"""``moonthread chat``: the service with a terminal as its only platform, and the rules of chats."""

import asyncio
import contextlib
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bots.cli import rules
from bots.cli.terminal import complain, language, loop_factory, make_folder
from core.domain.errors import SettingsError
from core.domain.events import CommandName
from core.settings import Need, Settings, load

if TYPE_CHECKING:
    from bots.composition.service import Service
    from bots.terminal.app import TerminalPlatform

PROMPT: Final = "› "
LEAVE: Final = ("/quit", "/exit")


chats = typer.Typer(name="chat", help="Talk with Kimi here; or set the rules of a group or channel.")
chats.command("set")(rules.set_)
chats.command("show")(rules.show)
chats.command("list")(rules.list_)
chats.command("drop")(rules.drop)


@chats.callback(invoke_without_command=True)
def chat(
    context: typer.Context,
    system: Annotated[str | None, typer.Option(help="Instructions, in place of KIMI_SYSTEM_PROMPT.")] = None,
    model: Annotated[str | None, typer.Option(help="A model, in place of KIMI_MODEL.")] = None,
) -> None:
    """Talk with Kimi; it remembers what was said, the last time too."""
    if context.invoked_subcommand is not None:
        return
    settings = load(needs=[Need.KIMI, Need.STORE])
    chosen = {"kimi_system_prompt": system, "kimi_model": model}
    settings = settings.model_copy(update={name: value for name, value in chosen.items() if value})
    make_folder(settings)
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  gives input() its editing keys and history
    with _alone(settings), asyncio.Runner(loop_factory=loop_factory()) as runner:
        talk = Talk(settings)
        runner.run(talk.open())
        session = Session(talk, runner)
        try:
            while (line := _next_line()) is not None and line not in LEAVE:
                session.take(line)
        finally:
            runner.run(talk.close())
    if session.failed:
        raise typer.Exit(1)


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the terminal's lock: two of them would answer each other's questions."""
    try:
        import fcntl  # not on Windows
    except ImportError:
        yield
        return
    folder = settings.sqlite_file.parent if settings.sqlite_file else settings.data_dir
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with Path(folder, "chat.lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(["another moonthread chat is open; leave that one first"]) from None
        yield


def _next_line() -> str | None:
    """Ask the person for a line; None where they leave."""
    try:
        return input(PROMPT if sys.stdin.isatty() else "").strip()
    except (EOFError, KeyboardInterrupt):
        if sys.stdin.isatty():
            print()
        return None


class Talk:
    """The service on this terminal, and the two things that a person does with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._service: Service | None = None
        self._terminal: TerminalPlatform | None = None

    async def open(self) -> None:
        """Start, and finish what an earlier talk left unanswered.

        Raises:
            MoonthreadError: it cannot start.
        """
        from bots.composition.service import Service  # late: only this command needs all of it
        from bots.terminal.app import TerminalPlatform

        self._terminal = TerminalPlatform(language=language())
        self._service = Service(self._settings, [self._terminal], exclusive=False, web=False)
        await self._service.start()
        await self._settled()

    async def say(self, text: str) -> bool:
        """Ask, and return when the answer stands there; False where there is none."""
        _, terminal = self._opened()
        await terminal.say(text)
        await self._settled()
        return await self._answered()

    async def order(self, command: CommandName, argument: str = "") -> bool:
        """Give a command, and return when it is done; False where a retry brought no answer."""
        _, terminal = self._opened()
        await terminal.order(command, argument)
        await self._settled()
        return command is not CommandName.RETRY or await self._answered()

    async def close(self) -> None:
        """Stop."""
        if self._service is not None:
            await self._service.stop()

    async def _settled(self) -> None:
        service, terminal = self._opened()
        await service.parts.engine.settled()
        await service.parts.summarizer.settled()
        terminal.settle()

    async def _answered(self) -> bool:
        from core.store import conversations, turns

        service, terminal = self._opened()
        async with service.database.read() as tx:
            conversation = await conversations.find(tx, terminal.key)
            turn = await turns.latest(tx, conversation.id) if conversation else None
        return turn is None or not turn.outcome.startswith("failed")

    def _opened(self) -> "tuple[Service, TerminalPlatform]":
        if self._service is None or self._terminal is None:
            raise RuntimeError("open() comes first")
        return self._service, self._terminal


class Session:
    """Takes lines, one at a time; Ctrl-C ends an answer and not the session.

    The loop runs only while an answer does: at the prompt there is nothing to do.
    """

    def __init__(self, talk: Talk, runner: asyncio.Runner) -> None:
        self.failed = False  #: whether the last question went without an answer
        self._talk = talk
        self._runner = runner

    def take(self, line: str) -> None:
        """Do what the line asks for."""
        if not line:
            return
        word, _, rest = line.partition(" ")
        if word.startswith("/") and (not rest or word[1:] in set(CommandName)):
            self._order(word, rest.strip())
        else:
            self._do(self._talk.say(line))

    def _order(self, word: str, argument: str) -> None:
        try:
            command = CommandName(word[1:])
        except ValueError:
            complain(f"{word} is no command; /help lists them")
            return
        self._do(self._talk.order(command, argument))
        if command is CommandName.HELP:
            print(f"- `{LEAVE[0]}` leave, as Ctrl-D does; Ctrl-C ends an answer")

    def _do(self, what: Coroutine[Any, Any, bool]) -> None:
        try:
            self.failed = not self._runner.run(what)
        except KeyboardInterrupt:
            self._runner.run(self._talk.order(CommandName.STOP))
