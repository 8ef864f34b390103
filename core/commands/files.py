"""``/files``: what was sent to this conversation, with buttons that take it out again."""

from collections.abc import Sequence

from core.commands.command import Order, OrderReply
from core.domain.events import Choice, CommandName
from core.files.garbage_collector import Keeper
from core.files.policy import shown_name
from core.store import Database, files
from core.store.files import File
from core.text.language import Language, pick
from core.text.notices import Notice

MOST_LISTED = 20  #: the newest
REMOVE = "rm"
ALL = "all"
MOST_LABEL = 32  #: characters of a name on a button
LAST_SEQ = 2**62  #: later than any message


class FilesOrder:
    """Lists a conversation's files; its author, or an admin, takes one out."""

    def __init__(self, database: Database, keeper: Keeper) -> None:
        self._database = database
        self._keeper = keeper

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order: none, "rm 12" or "rm all" (a button's "rm:12")."""
        verb, _, what = order.argument.replace(":", " ").strip().partition(" ")
        head = ""
        if verb == REMOVE:
            head = await self._remove(order, what.strip())
        found = await self._found(order)
        if not found:
            none = pick(
                order.language, zh="这个对话里没有文件。", en="There are no files in this conversation."
            )
            return OrderReply(text=f"{head}{none}")
        rows = "\n".join(f"- `@file-{file.id}` {_told(file, order.language)}" for file in found)
        hint = pick(
            order.language,
            zh="提问时写上 `@file-编号`，我就会用你发过的那个文件；别的对话里也可以。",
            en="Write `@file-NUMBER` in a question to use a file of yours, also in other conversations.",
        )
        return OrderReply(text=f"{head}{rows}\n\n{hint}", choices=_buttons(order, found))

    async def _found(self, order: Order) -> Sequence[File]:
        talk = order.conversation
        async with self._database.read() as tx:
            found = await files.of(tx, talk.id, after_seq=talk.history_after, up_to_seq=LAST_SEQ)
        return found[-MOST_LISTED:]

    async def _remove(self, order: Order, what: str) -> str:
        """Take out what the person may take out; return what to say of it."""
        found = await self._found(order)
        meant = [file for file in found if what in (ALL, str(file.id))]
        allowed = [file for file in meant if _may(order, file)]
        if meant and not allowed:
            text = pick(
                order.language,
                zh="只有发送者和管理员可以移除文件。",
                en="Only its sender and admins can remove a file.",
            )
            return f"{text}\n\n"
        async with self._database.begin() as tx:
            await files.remove(tx, [file.id for file in allowed])
        self._keeper.tidy_soon()
        # Said even where it was gone already: the button may have been pressed twice.
        text = pick(order.language, zh="已移除，我不会再用到它。", en="Removed; I no longer use it.")
        return f"{text}\n\n"


class NewOrder:
    """``/new``: what was said and sent before is forgotten, at Kimi too."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def __call__(self, order: Order) -> OrderReply:
        """Say so; its effect was stored when it came in."""
        self._keeper.tidy_soon()
        return OrderReply(text=Notice.NEW.text(order.language))


def _may(order: Order, file: File) -> bool:
    return order.is_admin or file.author_id == order.author.id


def _buttons(order: Order, found: Sequence[File]) -> tuple[Choice, ...]:
    mine = [file for file in found if _may(order, file)]
    verb = pick(order.language, zh="移除", en="Remove")
    buttons = [
        Choice(label=f"{verb} {_short(file)}", data=f"{CommandName.FILES}:{REMOVE}:{file.id}")
        for file in mine
    ]
    if len(mine) > 1:
        label = pick(order.language, zh="全部移除", en="Remove all")
        buttons.append(Choice(label=label, data=f"{CommandName.FILES}:{REMOVE}:{ALL}"))
    return tuple(buttons)


def _short(file: File) -> str:
    name = shown_name(file.attachment.name, file.attachment.kind)
    return name if len(name) <= MOST_LABEL else f"{name[: MOST_LABEL - 1]}…"


def _told(file: File, language: Language) -> str:
    name = shown_name(file.attachment.name, file.attachment.kind)
    size = f", {_size(file.attachment.size_bytes)}" if file.attachment.size_bytes else ""
    match file.state:
        case "failed":
            state = pick(language, zh="（读不了）", en=" (cannot be read)")
        case "new":
            state = pick(language, zh="（还没读）", en=" (not read yet)")
        case _:
            state = ""
    return f"{name}{size}{state}"


def _size(size_bytes: int) -> str:
    if size_bytes < 1024:
        return f"{size_bytes} B"
    return f"{size_bytes / 1024:.0f} kB" if size_bytes < 1024**2 else f"{size_bytes / 1024**2:.1f} MB"
