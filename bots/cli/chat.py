"""``moonthread chat``: runs the service with a terminal as its only platform."""

import asyncio
import contextlib
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bots.cli import rules
from bots.cli.chat_prompt import EXIT_COMMANDS, greeting, open_reader, unknown_command
from bots.cli.terminal import create_data_folder, loop_factory, print_error, terminal_language
from core.domain.command_names import CommandName
from core.domain.errors import SettingsError
from core.settings import Requirement, Settings, load

if TYPE_CHECKING:
    from bots.composition.service import Service
    from bots.terminal.app import TerminalApp

HISTORY_FILE: Final = "chat_history"  #: below the data folder: lines typed at a terminal


chat_commands = typer.Typer(name="chat", help="Talk with Kimi here.")
for _name, _command in (
    ("set", rules.set_),
    ("show", rules.show),
    ("list", rules.list_),
    ("drop", rules.drop),
):
    chat_commands.command(_name, hidden=True)(_command)  # their names before "rules"


@chat_commands.callback(invoke_without_command=True)
def chat(
    context: typer.Context,
    system: Annotated[str | None, typer.Option(help="Instructions, in place of KIMI_SYSTEM_PROMPT.")] = None,
    model: Annotated[str | None, typer.Option(help="A model, in place of KIMI_MODEL.")] = None,
) -> None:
    """Talk with Kimi; it remembers earlier messages, also those of earlier runs."""
    if context.invoked_subcommand is not None:
        subcommand = context.invoked_subcommand
        print_error(f"this is now called: moonthread rules {subcommand}")
        return
    settings = load(required=[Requirement.KIMI, Requirement.STORE])
    options = {"kimi_system_prompt": system, "kimi_model": model}
    settings = settings.model_copy(update={name: value for name, value in options.items() if value})
    create_data_folder(settings)
    with _single_instance(settings), asyncio.Runner(loop_factory=loop_factory()) as runner:
        client = ChatClient(settings)
        if sys.stdout.isatty():
            print(greeting(settings.kimi_model, terminal_language()))
        runner.run(client.open())
        repl = Repl(client, runner)
        reader = open_reader(Path(settings.data_dir, HISTORY_FILE))
        try:
            while (line := reader.read_line()) is not None and line not in EXIT_COMMANDS:
                repl.handle(line)
        finally:
            runner.run(client.close())
    if repl.failed:
        raise typer.Exit(1)


@contextlib.contextmanager
def _single_instance(settings: Settings) -> Iterator[None]:
    """Hold the lock of ``moonthread chat``, because two processes would answer each other's questions.

    Raises:
        SettingsError: another process holds it.
    """
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


class ChatClient:
    """Runs the service on this terminal and submits a person's questions and commands to it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._service: Service | None = None
        self._terminal: TerminalApp | None = None

    async def open(self) -> None:
        """Start the service, and finish what an earlier run left unanswered.

        Raises:
            MoonthreadError: the service cannot start.
        """
        from bots.composition.service import Service  # late: only this command needs all of it
        from bots.terminal.app import TerminalApp
        from bots.terminal.markdown_screen import choose_screen

        self._terminal = TerminalApp(language=terminal_language(), screen=choose_screen())
        self._service = Service(self._settings, [self._terminal], exclusive=False, web=False)
        await self._service.start()
        await self._wait_until_idle()

    async def send(self, text: str) -> bool:
        """Submit a question and wait for its answer; returns False if there is none."""
        _, terminal = self._require_open()
        await terminal.submit_message(text)
        await self._wait_until_idle()
        return await self._was_answered()

    async def run_command(self, command: CommandName, argument: str = "") -> bool:
        """Submit a command and wait until it is done; returns False if a retry brought no answer."""
        _, terminal = self._require_open()
        await terminal.submit_command(command, argument)
        await self._wait_until_idle()
        return command is not CommandName.RETRY or await self._was_answered()

    async def close(self) -> None:
        """Stop the service."""
        if self._service is not None:
            await self._service.stop()

    async def _wait_until_idle(self) -> None:
        service, terminal = self._require_open()
        await service.components.delivery.work_queue.wait_idle()
        await service.components.summarizer.wait_until_idle()
        terminal.finish_line()

    async def _was_answered(self) -> bool:
        from core.domain.turn_states import KimiFailure
        from core.store import conversations, turns

        service, terminal = self._require_open()
        async with service.database.read() as tx:
            conversation = await conversations.find(tx, terminal.thread_key)
            turn = await turns.get_latest(tx, conversation.id) if conversation else None
        return turn is None or not isinstance(turn.outcome, KimiFailure)

    def _require_open(self) -> "tuple[Service, TerminalApp]":
        if self._service is None or self._terminal is None:
            raise RuntimeError("open() comes first")
        return self._service, self._terminal


class Repl:
    """Handles lines one at a time; Ctrl-C ends an answer and not the session.

    The event loop runs only while an answer is written: at the prompt there is nothing to do.
    """

    def __init__(self, client: ChatClient, runner: asyncio.Runner) -> None:
        self.failed = False  #: whether the last question got no answer
        self._client = client
        self._runner = runner

    def handle(self, line: str) -> None:
        """Run the command in a line, or submit the line as a question."""
        if not line:
            return
        word, _, rest = line.partition(" ")
        if word.startswith("/") and (not rest or word[1:] in set(CommandName)):
            self._run_command(word, rest.strip())
        else:
            self._run(self._client.send(line))

    def _run_command(self, token: str, argument: str) -> None:
        try:
            command = CommandName(token[1:])
        except ValueError:
            print_error(unknown_command(token, terminal_language()))
            return
        self._run(self._client.run_command(command, argument))
        if command is CommandName.HELP:
            print(f"- `{EXIT_COMMANDS[0]}` leave, as Ctrl-D does; Ctrl-C ends an answer")

    def _run(self, work: Coroutine[Any, Any, bool]) -> None:
        try:
            self.failed = not self._runner.run(work)
        except KeyboardInterrupt:
            self._runner.run(self._client.run_command(CommandName.STOP))
