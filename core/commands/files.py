"""``/files`` lists the files of a conversation, with buttons that remove them; ``/new`` forgets them all."""

from collections.abc import Sequence

from core.commands.command import Command, CommandReply
from core.domain.buttons import OptionButton, RunCommand
from core.domain.command_names import CommandName
from core.domain.file_states import FileState
from core.files.garbage_collector import FileGarbageCollector
from core.store import Database, files
from core.store.files import File
from core.store.summaries import MAX_SEQ
from core.text.language import Language, pick
from core.text.message_text import display_name
from core.text.notices import Notice

MAX_LISTED = 20  #: the newest
REMOVE = "rm"
ALL = "all"
MAX_LABEL_CHARS = 32  #: characters of a name on a button


class FilesCommand:
    """Lists a conversation's files; its author, or an admin, takes one out."""

    def __init__(self, database: Database, garbage_collector: FileGarbageCollector) -> None:
        self._database = database
        self._garbage_collector = garbage_collector

    async def __call__(self, command: Command) -> CommandReply:
        """Handle ``/files``, ``/files rm 12`` or ``/files rm all``."""
        verb, _, what = command.argument.strip().partition(" ")
        head = ""
        if verb == REMOVE:
            head = await self._remove(command, what.strip())
        found = await self._list_files(command)
        if not found:
            none = pick(
                command.language, zh="这个对话里没有文件。", en="There are no files in this conversation."
            )
            return CommandReply(text=f"{head}{none}")
        rows = "\n".join(f"- `@file-{file.id}` {_format_file(file, command.language)}" for file in found)
        hint = pick(
            command.language,
            zh="提问时写上 `@file-编号`，我就会用你发过的那个文件；别的对话里也可以。",
            en="Write `@file-NUMBER` in a question to use a file of yours, also in other conversations.",
        )
        return CommandReply(text=f"{head}{rows}\n\n{hint}", options=_remove_buttons(command, found))

    async def _list_files(self, command: Command) -> Sequence[File]:
        talk = command.conversation
        async with self._database.read() as tx:
            found = await files.load(tx, talk.id, after_seq=talk.history_cutoff_seq, up_to_seq=MAX_SEQ)
        return found[-MAX_LISTED:]

    async def _remove(self, command: Command, selection: str) -> str:
        """Take out what the person may take out; return what to say of it."""
        found = await self._list_files(command)
        meant = [file for file in found if selection in (ALL, str(file.id))]
        allowed = [file for file in meant if _may_remove(command, file)]
        if meant and not allowed:
            text = pick(
                command.language,
                zh="只有发送者和管理员可以移除文件。",
                en="Only its sender and admins can remove a file.",
            )
            return f"{text}\n\n"
        async with self._database.begin() as tx:
            await files.remove_files(tx, [file.id for file in allowed])
        self._garbage_collector.collect_soon()
        # Said even where it was gone already: the button may have been pressed twice.
        text = pick(command.language, zh="已移除，我不会再用到它。", en="Removed; I no longer use it.")
        return f"{text}\n\n"


class NewCommand:
    """``/new``: forgets earlier messages and files, at Kimi too."""

    def __init__(self, garbage_collector: FileGarbageCollector) -> None:
        self._garbage_collector = garbage_collector

    async def __call__(self, command: Command) -> CommandReply:
        """Say so; its effect was stored when it came in."""
        self._garbage_collector.collect_soon()
        return CommandReply(text=Notice.NEW.text(command.language))


def _removal(selection: str) -> RunCommand:
    return RunCommand(command=CommandName.FILES, argument=f"{REMOVE} {selection}")


def _may_remove(command: Command, file: File) -> bool:
    return command.is_admin or file.author_id == command.author.id


def _remove_buttons(command: Command, listed: Sequence[File]) -> tuple[OptionButton, ...]:
    mine = [file for file in listed if _may_remove(command, file)]
    verb = pick(command.language, zh="移除", en="Remove")
    buttons = [
        OptionButton(label=f"{verb} {_shortened_name(file)}", action=_removal(str(file.id))) for file in mine
    ]
    if len(mine) > 1:
        label = pick(command.language, zh="全部移除", en="Remove all")
        buttons.append(OptionButton(label=label, action=_removal(ALL)))
    return tuple(buttons)


def _shortened_name(file: File) -> str:
    name = display_name(file.attachment.name, file.attachment.kind)
    return name if len(name) <= MAX_LABEL_CHARS else f"{name[: MAX_LABEL_CHARS - 1]}…"


def _format_file(file: File, language: Language) -> str:
    name = display_name(file.attachment.name, file.attachment.kind)
    size = f", {_format_size(file.attachment.size_bytes)}" if file.attachment.size_bytes else ""
    match file.state:
        case FileState.FAILED:
            state = pick(language, zh="（读不了）", en=" (cannot be read)")
        case FileState.NEW:
            state = pick(language, zh="（还没读）", en=" (not read yet)")
        case FileState.READY:
            state = ""
    return f"{name}{size}{state}"


def _format_size(size_bytes: int) -> str:
    if size_bytes < 1024:
        return f"{size_bytes} B"
    return f"{size_bytes / 1024:.0f} kB" if size_bytes < 1024**2 else f"{size_bytes / 1024**2:.1f} MB"
