"""What the answers need of files: everything new read before a question, and the prompt's share of it."""

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from core.domain.file_states import FileFault, FileState, FileType
from core.files.excerpt import build_excerpt
from core.files.file_policy import (
    FILES_BUDGET_SHARE,
    MAX_INLINE_BYTES_PER_PROMPT,
    MAX_MEDIA_PER_PROMPT,
    PromptDocument,
    UnusableFile,
    allocate_budget,
    display_name,
    expected_type,
    strip_attachments_line,
)
from core.files.library import Library
from core.files.prompt_files import PartialFile, PromptFiles, build_document_message, build_excerpt_message
from core.files.references import parse_references, resolve_reference
from core.kimi import ContentPart, ImagePart, Model, VideoPart
from core.store import Database, Transaction, files, history
from core.store.conversations import Conversation
from core.store.files import File, ProcessedFile
from core.store.turns import Turn
from core.text.tokens import MESSAGE_TOKENS

log = structlog.get_logger(__name__)

MAX_OWN_FILES = 500  #: of a person's files, the newest, that a reference may mean
_HEADER_TOKENS = 90  #: of what introduces a document


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProblem:
    """A file of the question that cannot be read."""

    name: str
    fault: FileFault


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReadResult:
    """What came of a question's files."""

    problems: tuple[FileProblem, ...] = ()
    only_unreadable: bool = False
    """Whether the question is about nothing but files that cannot be read."""


class FilesUnreadable(Exception):
    """A question is about nothing but files that cannot be read."""

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        self.problems = problems
        super().__init__(", ".join(problem.fault for problem in problems))


class FileReader:
    """Reads what a conversation's people sent, and shows it to Kimi."""

    def __init__(self, database: Database, library: Library) -> None:
        self._database = database
        self._library = library

    async def read(
        self,
        conversation: Conversation,
        turn: Turn,
        *,
        model: Model,
        on_reading: Callable[[Sequence[str]], None],
    ) -> FileReadResult:
        """Read every file up to a question that was not read yet; ``tell`` is given their names.

        Raises:
            StoreUnavailable: what was read could not be stored.
        """
        async with self._database.begin() as tx:
            before = await files.previous_question_seq(tx, conversation.id, turn.seq)
            unknown = await self._attach_referenced(tx, conversation, turn, before)
            found = await files.load(
                tx, conversation.id, after_seq=conversation.history_cutoff_seq, up_to_seq=turn.seq
            )
        faults: dict[int, FileFault] = {}
        wanted: list[File] = []
        for file in found:
            if file.state is FileState.FAILED:
                faults[file.id] = file.fault or FileFault.CORRUPT
            elif (blind := _unsupported_by_model(file, model)) is not None:
                faults[file.id] = blind
            elif file.state is FileState.NEW:
                wanted.append(file)
        if wanted:
            on_reading([display_name(file.attachment.name, file.attachment.kind) for file in wanted])
            faults |= await self._library.read(conversation, wanted)
        asked = [file for file in found if file.seq > before and file.author_id == turn.asker_id]
        problems = [_problem_of(file, faults[file.id]) for file in asked if file.id in faults]
        return FileReadResult(
            problems=(*problems, *unknown),
            only_unreadable=bool(asked) and len(problems) == len(asked) and not unknown,
        )

    async def load_prompt_files(
        self,
        known_files: Sequence[ProcessedFile],
        *,
        question: str,
        question_seq: int,
        model: Model,
        budget_tokens: float,
    ) -> PromptFiles:
        """Return what a prompt with ``room_tokens`` (estimated ones) shows of files that were read.

        Raises:
            StoreUnavailable: they could not be read.
        """
        # The same file may have been sent twice; it counts where it came last.
        documents = {one.file.hash: one for one in known_files if one.content.kind == "document"}
        seen = [one for one in known_files if _is_visible(one, model)][-MAX_MEDIA_PER_PROMPT:]
        room = budget_tokens * FILES_BUDGET_SHARE - sum(one.content.tokens for one in seen)
        wanted = [
            PromptDocument(
                id=one.file.id,
                tokens=one.content.tokens + _HEADER_TOKENS,
                in_question=one.file.seq >= question_seq,
            )
            for one in sorted(documents.values(), key=lambda one: one.file.id)
        ]
        share = allocate_budget(wanted, room)
        by_id = {one.file.id: one for one in documents.values()}
        texts = await self._load_texts([by_id[id_].file.hash for id_ in (*share.whole, *share.partial)])
        media = await self._load_media(seen)
        excerpts, partly = (
            [],
            [
                PartialFile(name=_display_name(by_id[id_]), shown_pieces=0, total_pieces=1)
                for id_ in share.omitted
            ],
        )
        for id_, tokens in share.partial.items():
            one = by_id[id_]
            chosen = await asyncio.to_thread(
                build_excerpt,
                texts[one.file.hash],
                question,
                budget_tokens=tokens - _HEADER_TOKENS - MESSAGE_TOKENS,
            )
            excerpts.append(
                build_excerpt_message(
                    _display_name(one),
                    chosen.text,
                    shown_pieces=chosen.shown_pieces,
                    total_pieces=chosen.total_pieces,
                )
            )
            partly.append(
                PartialFile(
                    name=_display_name(one),
                    shown_pieces=chosen.shown_pieces,
                    total_pieces=chosen.total_pieces,
                )
            )
        return PromptFiles(
            documents=tuple(
                build_document_message(_display_name(by_id[id_]), texts[by_id[id_].file.hash])
                for id_ in share.whole
            ),
            excerpts=tuple(excerpts),
            media=media,
            partial=tuple(partly),
        )

    async def _attach_referenced(
        self, tx: Transaction, conversation: Conversation, turn: Turn, previous_seq: int
    ) -> list[FileProblem]:
        """Let the question use what ``@file-…`` in its words means; return what means nothing."""
        lines = await history.load_recent(
            tx, conversation.id, after_seq=previous_seq, up_to_seq=turn.seq, limit=MAX_OWN_FILES
        )
        wanted = [
            what
            for line in lines
            if line.role == "user"
            for what in parse_references(strip_attachments_line(line.text))
        ]
        if not wanted:
            return []
        key = conversation.key
        own = await files.load_by_author(
            tx, platform=key.platform, tenant=key.tenant, author_id=turn.asker_id, limit=MAX_OWN_FILES
        )
        here = await files.load(
            tx, conversation.id, after_seq=conversation.history_cutoff_seq, up_to_seq=turn.seq
        )
        known = {file.hash for file in here}
        unknown: list[FileProblem] = []
        for what in wanted:
            found = resolve_reference(what, own)
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
            return {hash_: await files.get_text(tx, hash_) for hash_ in hashes}

    async def _load_media(self, visible: Sequence[ProcessedFile]) -> Mapping[int, tuple[ContentPart, ...]]:
        """Return pictures and videos by their messages; the oldest are left out where they are too many."""
        inline = 0
        parts: dict[int, list[ContentPart]] = {}
        async with self._database.read() as tx:
            for one in reversed(visible):
                url = f"ms://{one.content.kimi_id}"
                if not one.content.kimi_id:
                    data = await files.get_data(tx, one.file.hash)
                    inline += len(data or b"")
                    if data is None or inline > MAX_INLINE_BYTES_PER_PROMPT:
                        continue
                    url = f"data:{one.content.media_type};base64,{base64.b64encode(data).decode()}"
                part = VideoPart(url) if one.content.kind == "video" else ImagePart(url)
                parts.setdefault(one.file.seq, []).insert(0, part)
        return {seq: tuple(found) for seq, found in parts.items()}


def _display_name(known_file: ProcessedFile) -> str:
    return display_name(known_file.file.attachment.name, known_file.file.attachment.kind)


def _problem_of(file: File, fault: FileFault) -> FileProblem:
    return FileProblem(name=display_name(file.attachment.name, file.attachment.kind), fault=fault)


def _is_visible(known_file: ProcessedFile, model: Model) -> bool:
    match known_file.content.kind:
        case "picture":
            return model.supports_images
        case "video":
            return model.supports_video
        case _:
            return False


def _unsupported_by_model(file: File, model: Model) -> FileFault | None:
    """Return why there is no use in fetching a file; None where there may be."""
    try:
        sort = expected_type(file.attachment)
    except UnusableFile:
        return None  # the library says why
    if sort is FileType.PICTURE and not model.supports_images:
        return FileFault.NO_VISION
    return FileFault.NO_VIDEO if sort is FileType.VIDEO and not model.supports_video else None
