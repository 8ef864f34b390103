"""Lines of ``moonthread chat``: typed at a terminal, with history and completion, or piped in."""

import difflib
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from core.domain.command_names import CommandName
from core.text.language import Language, pick

if TYPE_CHECKING:
    from prompt_toolkit.completion import CompleteEvent, Completer
    from prompt_toolkit.document import Document
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

PROMPT: Final = "› "
EXIT_COMMANDS: Final = ("/quit", "/exit")


class LineReader(Protocol):
    """Source of a person's lines."""

    def read_line(self) -> str | None:
        """Return the next line without spaces around it; None if the person leaves."""


def open_reader(history_file: Path) -> LineReader:
    """Return a reader of the terminal, or of piped input."""
    return TerminalReader(history_file) if sys.stdin.isatty() and sys.stdout.isatty() else PipeReader()


class PipeReader:
    """Reads piped lines."""

    def read_line(self) -> str | None:
        """Return the next line; None at the end."""
        try:
            return input().strip()
        except (EOFError, KeyboardInterrupt):
            return None


class TerminalReader:
    """Prompts a person, with earlier lines, completion of commands and pasted text of several lines.

    Enter sends, Alt-Enter begins a new line. Ctrl-C clears what is typed; on an empty line it leaves, as
    Ctrl-D does.
    """

    def __init__(self, history_file: Path) -> None:
        """Keep the lines in ``history_file``, readable by this user only."""
        from prompt_toolkit import PromptSession  # late: only a terminal needs it
        from prompt_toolkit.history import FileHistory

        history_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(history_file, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        self._session: PromptSession[str] = PromptSession(
            PROMPT,
            history=FileHistory(str(history_file)),
            completer=_build_completer((*(f"/{name}" for name in CommandName), *EXIT_COMMANDS)),
            key_bindings=_build_key_bindings(),
            multiline=True,
            prompt_continuation=" " * len(PROMPT),
            reserve_space_for_menu=4,
        )

    def read_line(self) -> str | None:
        """Return what the person sends; None if they leave."""
        try:
            return self._session.prompt().strip()
        except (EOFError, KeyboardInterrupt):
            return None


def unknown_command(token: str, language: Language) -> str:
    """Return the text for an unknown command, with a suggestion."""
    meant = difflib.get_close_matches(token[1:], tuple(CommandName), n=1)
    if language == "zh":
        return f"没有命令 {token}；" + (f"是 /{meant[0]} 吗？" if meant else "") + "/help 列出全部命令"
    return f"{token} is no command; " + (f"did you mean /{meant[0]}? " if meant else "") + "/help lists them"


def matching_commands(text: str, commands: Iterable[str]) -> Sequence[str]:
    """Return the commands that begin with a text; none if it is no beginning of a command."""
    return sorted(name for name in commands if text.startswith("/") and name.startswith(text))


def _build_completer(commands: Sequence[str]) -> "Completer":
    from prompt_toolkit.completion import Completer, Completion

    class CommandCompleter(Completer):
        """Completes a command at the beginning of the first line."""

        def get_completions(
            self, document: "Document", complete_event: "CompleteEvent"
        ) -> Iterable[Completion]:
            """Yield the commands that the text so far may become."""
            text = document.text_before_cursor
            for name in matching_commands(text, commands):
                yield Completion(name, start_position=-len(text))

    return CommandCompleter()


def _build_key_bindings() -> "KeyBindings":
    from prompt_toolkit.key_binding import KeyBindings

    bindings = KeyBindings()

    @bindings.add("enter")
    def _send(event: "KeyPressEvent") -> None:
        event.current_buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _new_line(event: "KeyPressEvent") -> None:
        event.current_buffer.insert_text("\n")

    @bindings.add("c-c")
    @bindings.add("<sigint>")
    def _clear_or_leave(event: "KeyPressEvent") -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt)

    return bindings


def greeting(model: str, language: Language) -> str:
    """Return what a person reads before the first prompt."""
    return pick(
        language,
        zh=(
            f"Kimi（{model}）记得之前在这里说过的话；/new 重新开始，/help 列出命令。\n"
            "回车发送，Alt-回车换行；Ctrl-C 清空这一行或停止回答，Ctrl-D 离开。"
        ),
        en=(
            f"Kimi ({model}) remembers what was said here before; /new begins anew, /help lists the "
            "commands.\nEnter sends, Alt-Enter begins a new line; Ctrl-C clears the line or stops an answer, "
            "Ctrl-D leaves."
        ),
    )
