"""Files of a question: reads new ones before it is answered, and loads the prompt's share of all."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from core.domain.file_states import FileFault, FileState, FileType
from core.domain.message_content import AttachmentKind, MessageRole
from core.files.file_policy import (
    MEGABYTE,
    UnusableFile,
    expected_type,
)
from core.files.file_worker import FileWorker
from core.files.library import Library
from core.files.media_url import KIMI_FILE_SCHEME, data_url
from core.files.prompt_budget import FILES_BUDGET_SHARE, BudgetAllocation, PromptDocument, allocate_budget
from core.files.prompt_files import PartialFile, PromptFiles, build_document_message, build_excerpt_message
from core.files.references import MAX_REFERENCES, FileReferences, parse_references
from core.kimi import ContentPart, ImagePart, Message, Model, VideoPart
from core.store import Database, Transaction, file_blobs, files, history
from core.store.conversations import Conversation
from core.store.files import File, ProcessedFile
from core.store.history import HistoryMessage
from core.store.turns import Turn
from core.text.message_text import display_name
from core.text.tokens import MESSAGE_TOKENS

log = structlog.get_logger(__name__)

MAX_OWN_FILES = 500  #: newest files of a person to which a reference may resolve
MAX_MEDIA_PER_PROMPT = 20  #: newest pictures and videos in one prompt
MAX_INLINE_BYTES_PER_PROMPT = 40 * MEGABYTE  #: of pictures; Kimi accepts bodies of 100 MB
_HEADER_TOKENS = 90  #: tokens of a document's introduction


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProblem:
    """A file of the question that cannot be read."""

    name: str
    fault: FileFault


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReadResult:
    """Result of reading a question's files."""

    problems: tuple[FileProblem, ...] = ()
    only_unreadable: bool = False  #: the question has no words, and none of its files can be read


class FilesUnreadable(Exception):
    """A question consists of files, none of which can be read."""

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        self.problems = problems
        super().__init__(", ".join(problem.fault for problem in problems))


class FileReader:
    """Reads the files of a conversation and selects those that a prompt contains."""

    def __init__(self, database: Database, library: Library, worker: FileWorker) -> None:
        self._database = database
        self._library = library
        self._worker = worker

    async def read(
        self,
        conversation: Conversation,
        turn: Turn,
        *,
        model: Model,
        on_reading: Callable[[Sequence[str]], None],
    ) -> FileReadResult:
        """Read every unread file up to a question, with files that its text refers to.

        Args:
            conversation: the question's conversation.
            turn: the question's turn.
            model: the model that answers; files that it cannot see are not read.
            on_reading: called with the display names before reading begins; not called without new files.

        Raises:
            StoreUnavailable: a result could not be stored.
        """
        async with self._database.begin() as tx:
            before = await files.previous_question_seq(tx, conversation.id, turn.seq)
            lines = await history.load_recent(
                tx, conversation.id, after_seq=before, up_to_seq=turn.seq, limit=MAX_OWN_FILES
            )
            unknown = await self._attach_referenced(tx, conversation, turn, lines)
            found = await files.load(
                tx, conversation.id, after_seq=conversation.history_cutoff_seq, up_to_seq=turn.seq
            )
        known = {file.id: _fault_of(file, model) for file in found}
        faults = {file_id: fault for file_id, fault in known.items() if fault is not None}
        wanted = [file for file in found if file.state is FileState.NEW and file.id not in faults]
        if wanted:
            on_reading([display_name(file.attachment.name, file.attachment.kind) for file in wanted])
            faults |= await self._library.read(conversation, wanted)
        # Files of a message that the question replies to are asked about too, whoever sent them.
        asked = [
            file
            for file in found
            if file.seq > before and (file.author_id == turn.asker_id or file.seq >= turn.first_seq)
        ]
        problems = [_problem_of(file, faults[file.id]) for file in asked if file.id in faults]
        has_words = any(line.text.strip() for line in lines if line.seq >= turn.first_seq)
        unreadable = bool(asked) and len(problems) == len(asked) and not unknown
        return FileReadResult(problems=(*problems, *unknown), only_unreadable=unreadable and not has_words)

    async def load_prompt_files(
        self,
        known_files: Sequence[ProcessedFile],
        *,
        question: str,
        question_seq: int,
        model: Model,
        budget_tokens: float,
    ) -> PromptFiles:
        """Return the files that a prompt contains.

        Args:
            known_files: all files of the conversation that were read, oldest first.
            question: the words that excerpts have to match.
            question_seq: seq of the question's first message; its own files come first.
            model: the model that answers; it may not see pictures or videos.
            budget_tokens: estimated tokens of the whole prompt.

        Raises:
            StoreUnavailable: they could not be loaded.
        """
        # Identical files may have been sent twice; the last message with one counts.
        documents = {one.file.hash: one for one in known_files if one.content.file_type is FileType.DOCUMENT}
        media = [one for one in known_files if _is_visible(one, model)][-MAX_MEDIA_PER_PROMPT:]
        document_tokens = budget_tokens * FILES_BUDGET_SHARE - sum(one.content.tokens for one in media)
        by_id = {one.file.id: one for one in sorted(documents.values(), key=lambda one: one.file.id)}
        allocation = allocate_budget(
            [
                PromptDocument(
                    id=id_,
                    tokens=one.content.tokens + _HEADER_TOKENS,
                    in_question=one.file.seq >= question_seq,
                )
                for id_, one in by_id.items()
            ],
            document_tokens,
        )
        rendered = await self._render_documents(by_id, allocation, question)
        return replace(rendered, media=await self._load_media(media))

    async def _render_documents(
        self, by_id: Mapping[int, ProcessedFile], allocation: BudgetAllocation, question: str
    ) -> PromptFiles:
        """Return the documents of a prompt: whole, as excerpts, and the names of those left out."""
        texts = await self._load_texts(
            [by_id[id_].file.hash for id_ in (*allocation.whole, *allocation.partial)]
        )
        excerpts = [
            await self._build_excerpt(by_id[id_], texts[by_id[id_].file.hash], question, tokens)
            for id_, tokens in allocation.partial.items()
        ]
        omitted = [
            PartialFile(name=_display_name(by_id[id_]), shown_pieces=0, total_pieces=1)
            for id_ in allocation.omitted
        ]
        return PromptFiles(
            documents=tuple(
                build_document_message(_display_name(by_id[id_]), texts[by_id[id_].file.hash])
                for id_ in allocation.whole
            ),
            excerpts=tuple(message for message, _ in excerpts),
            partial=(*omitted, *(partial for _, partial in excerpts)),
        )

    async def _build_excerpt(
        self, document: ProcessedFile, text: str, question: str, budget_tokens: int
    ) -> tuple[Message, PartialFile]:
        """Return the message with a document's excerpt, and the excerpt's size for the person."""
        name = _display_name(document)
        excerpt = await self._worker.build_excerpt(
            text, question, budget_tokens=budget_tokens - _HEADER_TOKENS - MESSAGE_TOKENS
        )
        shown, total = excerpt.shown_pieces, excerpt.total_pieces
        message = build_excerpt_message(name, excerpt.text, shown_pieces=shown, total_pieces=total)
        return message, PartialFile(name=name, shown_pieces=shown, total_pieces=total)

    async def _attach_referenced(
        self, tx: Transaction, conversation: Conversation, turn: Turn, lines: Sequence[HistoryMessage]
    ) -> list[FileProblem]:
        """Attach the files that the question's ``lines`` refer to; return the references without a file."""
        wanted = [
            what for line in lines if line.role is MessageRole.USER for what in parse_references(line.text)
        ][:MAX_REFERENCES]
        if not wanted:
            return []
        key = conversation.key
        own = await files.load_by_author(
            tx, platform=key.platform, tenant=key.tenant, author_id=turn.asker_id, limit=MAX_OWN_FILES
        )
        here = await files.load(
            tx, conversation.id, after_seq=conversation.history_cutoff_seq, up_to_seq=turn.seq
        )
        references = FileReferences(own)
        known = {file.hash for file in here}
        unknown: list[FileProblem] = []
        for what in wanted:
            found = references.resolve(what)
            if found is None:
                unknown.append(FileProblem(name=f"`@file-{what}`", fault=FileFault.UNKNOWN_REFERENCE))
            elif found.file.hash not in known:
                known.add(found.file.hash)
                await files.add(
                    tx,
                    conversation_id=conversation.id,
                    seq=turn.seq,
                    author_id=turn.asker_id,
                    attachments=[found.file.attachment],
                    hashes=[found.file.hash],
                )
        return unknown

    async def _load_texts(self, hashes: Sequence[str]) -> Mapping[str, str]:
        async with self._database.read() as tx:
            return {hash_: await file_blobs.get_text(tx, hash_) for hash_ in hashes}

    async def _load_media(self, visible: Sequence[ProcessedFile]) -> Mapping[int, tuple[ContentPart, ...]]:
        """Return message seq → its pictures and videos; the oldest are omitted if they are too large."""
        if not visible:
            return {}
        stored: dict[int, bytes] = {}
        inline_bytes = 0
        async with self._database.read() as tx:
            for one in reversed(visible):
                data = None if one.content.kimi_id else await file_blobs.get_data(tx, one.file.hash)
                inline_bytes += len(data or b"")
                if data is not None and inline_bytes <= MAX_INLINE_BYTES_PER_PROMPT:
                    stored[one.file.id] = data
        urls = await asyncio.to_thread(_media_urls, visible, stored)
        parts: dict[int, list[ContentPart]] = {}
        for one in visible:
            if (url := urls.get(one.file.id)) is not None:
                part = VideoPart(url) if one.content.file_type is FileType.VIDEO else ImagePart(url)
                parts.setdefault(one.file.seq, []).append(part)
        return {seq: tuple(of_message) for seq, of_message in parts.items()}


def _media_urls(visible: Sequence[ProcessedFile], stored: Mapping[int, bytes]) -> Mapping[int, str]:
    """Return file id → URL for Kimi; blocking, because encoding megabytes takes a while."""
    urls: dict[int, str] = {}
    for one in visible:
        if one.content.kimi_id:
            urls[one.file.id] = f"{KIMI_FILE_SCHEME}{one.content.kimi_id}"
        elif (data := stored.get(one.file.id)) is not None:
            urls[one.file.id] = data_url(one.content.media_type, data)
    return urls


def _display_name(known_file: ProcessedFile) -> str:
    return display_name(known_file.file.attachment.name, known_file.file.attachment.kind)


def _problem_of(file: File, fault: FileFault) -> FileProblem:
    return FileProblem(name=display_name(file.attachment.name, file.attachment.kind), fault=fault)


def _is_visible(known_file: ProcessedFile, model: Model) -> bool:
    match known_file.content.file_type:
        case FileType.PICTURE:
            return model.supports_images
        case FileType.VIDEO:
            return model.supports_video
        case _:
            return False


def _fault_of(file: File, model: Model) -> FileFault | None:
    """Return why a file cannot be read, as far as that is known before it is opened."""
    if file.state is FileState.FAILED:
        return file.fault or FileFault.CORRUPT
    if file.attachment.kind is AttachmentKind.AUDIO:
        return file.fault  # the turn began with hearing it
    return _unsupported_by_model(file, model)


def _unsupported_by_model(file: File, model: Model) -> FileFault | None:
    """Return why the model cannot use a file; None if it can, or if the library will find the fault."""
    try:
        file_type = expected_type(file.attachment)
    except UnusableFile:
        return None
    if file_type is FileType.PICTURE and not model.supports_images:
        return FileFault.NO_VISION
    return FileFault.NO_VIDEO if file_type is FileType.VIDEO and not model.supports_video else None
