"""What the answers need of files: everything new read before a question, and the prompt's share of it."""

import asyncio
import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from core.files.excerpt import excerpt
from core.files.formats import Sort
from core.files.library import Library
from core.files.policy import (
    FILES_SHARE,
    MOST_INLINE_BYTES,
    MOST_MEDIA,
    Fault,
    Unusable,
    Wanted,
    allot,
    expected,
    shown_name,
    unmarked,
)
from core.files.prompt_files import Material, Partly, document_message, parts_message
from core.files.references import references_in, referred
from core.kimi import Model, Part, PicturePart, VideoPart
from core.store import Database, Transaction, files, history
from core.store.conversations import Conversation
from core.store.files import File, Known
from core.store.turns import Turn
from core.text.tokens import MESSAGE_TOKENS

log = structlog.get_logger(__name__)

MOST_OWN = 500  #: of a person's files, the newest, that a reference may mean
_HEADER_TOKENS = 90  #: of what introduces a document


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A file of the question that cannot be read."""

    name: str
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of a question's files."""

    problems: tuple[Problem, ...] = ()
    useless: bool = False
    """Whether the question is about nothing but files that cannot be read."""


class FilesUnreadable(Exception):
    """A question is about nothing but files that cannot be read."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = problems
        super().__init__(", ".join(problem.fault for problem in problems))


class Reader:
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
        tell: Callable[[Sequence[str]], None],
    ) -> Reading:
        """Read every file up to a question that was not read yet; ``tell`` is given their names.

        Raises:
            StoreUnavailable: what was read could not be stored.
        """
        async with self._database.begin() as tx:
            before = await files.before_question(tx, conversation.id, turn.seq)
            unknown = await self._refer(tx, conversation, turn, before)
            found = await files.of(
                tx, conversation.id, after_seq=conversation.history_after, up_to_seq=turn.seq
            )
        faults: dict[int, Fault] = {}
        wanted: list[File] = []
        for file in found:
            if file.state == "failed":
                faults[file.id] = Fault(file.fault)
            elif (blind := _blindness(file, model)) is not None:
                faults[file.id] = blind
            elif file.state == "new":
                wanted.append(file)
        if wanted:
            tell([shown_name(file.attachment.name, file.attachment.kind) for file in wanted])
            faults |= await self._library.read(conversation, wanted)
        asked = [file for file in found if file.seq > before and file.author_id == turn.asker_id]
        problems = [_problem(file, faults[file.id]) for file in asked if file.id in faults]
        return Reading(
            problems=(*problems, *unknown),
            useless=bool(asked) and len(problems) == len(asked) and not unknown,
        )

    async def material(
        self,
        known: Sequence[Known],
        *,
        question: str,
        question_seq: int,
        model: Model,
        room_tokens: float,
    ) -> Material:
        """Return what a prompt with ``room_tokens`` (estimated ones) shows of files that were read.

        Raises:
            StoreUnavailable: they could not be read.
        """
        # The same file may have been sent twice; it counts where it came last.
        documents = {one.file.hash: one for one in known if one.content.kind == "document"}
        seen = [one for one in known if _can_see(one, model)][-MOST_MEDIA:]
        room = room_tokens * FILES_SHARE - sum(one.content.tokens for one in seen)
        wanted = [
            Wanted(
                id=one.file.id,
                tokens=one.content.tokens + _HEADER_TOKENS,
                first=one.file.seq >= question_seq,
            )
            for one in sorted(documents.values(), key=lambda one: one.file.id)
        ]
        share = allot(wanted, room)
        by_id = {one.file.id: one for one in documents.values()}
        texts = await self._texts([by_id[id_].file.hash for id_ in (*share.whole, *share.parts)])
        media = await self._media(seen)
        excerpts, partly = [], [Partly(name=_name(by_id[id_]), chosen=0, of=1) for id_ in share.left_out]
        for id_, tokens in share.parts.items():
            one = by_id[id_]
            chosen = await asyncio.to_thread(
                excerpt, texts[one.file.hash], question, room_tokens=tokens - _HEADER_TOKENS - MESSAGE_TOKENS
            )
            excerpts.append(parts_message(_name(one), chosen.text, chosen=chosen.pieces, of=chosen.of))
            partly.append(Partly(name=_name(one), chosen=chosen.pieces, of=chosen.of))
        return Material(
            documents=tuple(
                document_message(_name(by_id[id_]), texts[by_id[id_].file.hash]) for id_ in share.whole
            ),
            excerpts=tuple(excerpts),
            media=media,
            partly=tuple(partly),
        )

    async def _refer(
        self, tx: Transaction, conversation: Conversation, turn: Turn, before: int
    ) -> list[Problem]:
        """Let the question use what ``@file-…`` in its words means; return what means nothing."""
        lines = await history.recent(
            tx, conversation.id, after_seq=before, up_to_seq=turn.seq, max_lines=MOST_OWN
        )
        wanted = [
            what for line in lines if line.role == "user" for what in references_in(unmarked(line.text))
        ]
        if not wanted:
            return []
        key = conversation.key
        own = await files.own(
            tx, platform=key.platform, tenant=key.tenant, author_id=turn.asker_id, limit=MOST_OWN
        )
        here = await files.of(tx, conversation.id, after_seq=conversation.history_after, up_to_seq=turn.seq)
        known = {file.hash for file in here}
        unknown: list[Problem] = []
        for what in wanted:
            found = referred(what, own)
            if found is None:
                unknown.append(Problem(name=f"`@file-{what}`", fault=Fault.UNKNOWN))
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

    async def _texts(self, hashes: Sequence[str]) -> Mapping[str, str]:
        async with self._database.read() as tx:
            return {hash_: await files.text(tx, hash_) for hash_ in hashes}

    async def _media(self, seen: Sequence[Known]) -> Mapping[int, tuple[Part, ...]]:
        """Return pictures and videos by their messages; the oldest are left out where they are too many."""
        inline = 0
        parts: dict[int, list[Part]] = {}
        async with self._database.read() as tx:
            for one in reversed(seen):
                url = f"ms://{one.content.kimi_id}"
                if not one.content.kimi_id:
                    data = await files.data(tx, one.file.hash)
                    inline += len(data or b"")
                    if data is None or inline > MOST_INLINE_BYTES:
                        continue
                    url = f"data:{one.content.media_type};base64,{base64.b64encode(data).decode()}"
                part = VideoPart(url) if one.content.kind == "video" else PicturePart(url)
                parts.setdefault(one.file.seq, []).insert(0, part)
        return {seq: tuple(found) for seq, found in parts.items()}


def _name(one: Known) -> str:
    return shown_name(one.file.attachment.name, one.file.attachment.kind)


def _problem(file: File, fault: Fault) -> Problem:
    return Problem(name=shown_name(file.attachment.name, file.attachment.kind), fault=fault)


def _can_see(one: Known, model: Model) -> bool:
    match one.content.kind:
        case "picture":
            return model.sees_pictures
        case "video":
            return model.sees_video
        case _:
            return False


def _blindness(file: File, model: Model) -> Fault | None:
    """Return why there is no use in fetching a file; None where there may be."""
    try:
        sort = expected(file.attachment)
    except Unusable:
        return None  # the library says why
    if sort is Sort.PICTURE and not model.sees_pictures:
        return Fault.BLIND
    return Fault.NO_VIDEO if sort is Sort.VIDEO and not model.sees_video else None
