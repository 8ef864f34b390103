"""``/learn``: an admin teaches a chat a file, which came with the command or stands above it.

What is learnt belongs to the chat's tenant, in a set of the chat's own; no other chat looks into it
unless its rules name that set.
"""

from collections.abc import Awaitable, Callable, Sequence

import structlog

from core.access import Actor
from core.answering.file_notices import FAULT_TEXTS
from core.commands.command import Command, CommandReply
from core.commands.options import admins_only_text, as_code
from core.domain.file_states import FileFault
from core.domain.message_content import Attachment
from core.files.attachment_downloader import AttachmentDownloader
from core.files.file_policy import UnusableFile
from core.files.file_worker import FileWorker
from core.files.upload_allowance import UploadAllowance
from core.kimi import KimiError
from core.knowledge.file_text import FileTextReader
from core.knowledge.indexing import IndexedDocument, index_document
from core.knowledge.scope import chat_set_name, owner_of
from core.store import Database, files, history, knowledge
from core.store.summaries import MAX_SEQ
from core.text.language import Language, pick
from core.text.message_text import display_name

log = structlog.get_logger(__name__)

REMOVE = "remove"
LIST = "list"
MAX_LISTED = 30

MayManageKnowledge = Callable[[Command], Awaitable[bool]]
"""Returns whether a command's author is an admin of its chat."""


class LearnCommand:
    """Adds files to the chat's knowledge, lists them and removes them."""

    def __init__(
        self,
        database: Database,
        downloader: AttachmentDownloader,
        text_extractor: FileTextReader,
        worker: FileWorker,
        *,
        may_manage: MayManageKnowledge,
        allowance: UploadAllowance | None = None,
    ) -> None:
        self._database = database
        self._downloader = downloader
        self._text_extractor = text_extractor
        self._worker = worker
        self._may_manage = may_manage
        self._allowance = allowance

    async def __call__(self, command: Command) -> CommandReply:
        """Run one command: a file without an argument, "list", or "remove NAME"."""
        if not await self._may_manage(command):
            return CommandReply(text=admins_only_text(command.language))
        verb, _, name = command.argument.strip().partition(" ")
        if verb.lower() == REMOVE and name.strip():
            return await self._remove(command, name.strip("` \n"))
        if verb.lower() == LIST:
            return await self._list_reply(command)
        attachments = await self._attachments(command)
        if not attachments:
            listed = await self._list_reply(command)
            return CommandReply(text=f"{_usage_text(command.language)}\n\n{listed.text}")
        lines = [await self._learn_file(command, attachment) for attachment in attachments]
        return CommandReply(text="\n".join(lines))

    async def _attachments(self, command: Command) -> Sequence[Attachment]:
        """Return the files of the command, else of the message it replies to, else the latest ones."""
        if command.attachments:
            return command.attachments
        talk = command.conversation
        async with self._database.read() as tx:
            sent = await files.load(tx, talk.id, after_seq=talk.history_cutoff_seq, up_to_seq=MAX_SEQ)
            meant = None
            if command.quoted is not None:
                meant = await history.get_user_message(tx, talk.id, command.quoted.message_id)
        if command.quoted is not None:
            return [file.attachment for file in sent if meant is not None and file.seq == meant.seq]
        return [file.attachment for file in sent if file.seq == sent[-1].seq]

    async def _learn_file(self, command: Command, attachment: Attachment) -> str:
        """Add one file to the chat's knowledge; return the line about it for the reply."""
        name = display_name(attachment.name, attachment.kind)
        try:
            if self._allowance is not None:
                await self._allowance.take(Actor.at(command.conversation.key, command.author.id))
            async with self._downloader.download(command.conversation.key.platform, attachment) as path:
                ending, text = await self._text_extractor.read(
                    path, name=name, media_type=attachment.media_type
                )
            taught = await index_document(
                self._database,
                owner_of(command.conversation.key),
                chat_set_name(command.conversation.key),
                name=name,
                text=text,
                extension=ending,
                author_id=command.author.id,
                worker=self._worker,
            )
        except UnusableFile as exc:
            return _refused_text(command.language, name, exc.fault)
        except (KimiError, OSError) as exc:
            log.warning("knowledge.learning_failed", error=type(exc).__name__)
            return _refused_text(command.language, name, FileFault.UNREACHABLE)
        log.info(
            "knowledge.learned", passages=taught.passage_count, version=taught.version, changed=taught.changed
        )
        return _learned_text(command.language, taught)

    async def _list_reply(self, command: Command) -> CommandReply:
        key = command.conversation.key
        async with self._database.read() as tx:
            own = await knowledge.find_set(tx, owner_of(key), chat_set_name(key))
            known = await knowledge.load_documents(tx, own.id) if own is not None else ()
        if not known:
            none = pick(
                command.language, zh="这个群还没有学过文件。", en="This chat was taught no files yet."
            )
            return CommandReply(text=none)
        head = pick(command.language, zh="这个群学过的文件：", en="What this chat was taught:")
        unit = pick(command.language, zh="段", en="passages")
        rows = [f"- `{one.name}` ({one.passages} {unit})" for one in known[:MAX_LISTED]]
        return CommandReply(text="\n".join([head, *rows]))

    async def _remove(self, command: Command, name: str) -> CommandReply:
        key = command.conversation.key
        async with self._database.begin() as tx:
            own = await knowledge.find_set(tx, owner_of(key), chat_set_name(key))
            gone = own is not None and await knowledge.remove_document(tx, own.id, name)
        if gone:
            done = pick(command.language, zh="已忘掉 {}。", en="Forgotten: {}.")
            return CommandReply(text=done.format(as_code(name)))
        listed = await self._list_reply(command)
        none = pick(command.language, zh="没有学过 {}。", en="I was never taught {}.").format(as_code(name))
        return CommandReply(text=f"{none}\n\n{listed.text}")


def _usage_text(language: Language) -> str:
    return pick(
        language,
        zh="把文件和 `/learn` 一起发来，或者用 `/learn` 回复一个文件；`/learn remove 文件名` 忘掉它。",
        en="Send a file with `/learn`, or reply to one with it; `/learn remove NAME` forgets it.",
    )


def _learned_text(language: Language, taught: IndexedDocument) -> str:
    name = as_code(taught.name)
    if not taught.changed:
        return pick(language, zh=f"{name} 没有变化。", en=f"{name} has not changed.")
    count = taught.passage_count
    if taught.version > 1:
        return pick(
            language, zh=f"{name} 已更新，共 {count} 段。", en=f"{name} is updated; passages now: {count}."
        )
    unit = "passage" if count == 1 else "passages"
    return pick(language, zh=f"学会了 {name}，共 {count} 段。", en=f"Learnt {name}: {count} {unit}.")


def _refused_text(language: Language, name: str, fault: FileFault) -> str:
    if fault is FileFault.MISLABELLED and name.lower().endswith((".csv", ".tsv")):
        return pick(
            language,
            zh=f"{name} 的第一行要有「问题」和「答案」两列。",
            en=f"The first line of {name} must name the columns question and answer.",
        )
    chinese, english = FAULT_TEXTS[fault]
    return pick(language, zh=chinese, en=english).format(name=name)
