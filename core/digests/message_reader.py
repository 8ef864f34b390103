"""Reads the messages of a digest, from the channel's history and from the kept copies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from core.digests import digest_texts as texts
from core.digests.digest_request import DigestRequest
from core.digests.period import MAX_MESSAGES, DigestPeriod
from core.domain.errors import PlatformError, PlatformRateLimited, PlatformUnavailable
from core.ports.channel_history import ChannelExcerpt, ChannelHistory, ChannelMessage
from core.store import Database, chat_members, remembered
from core.text.language import Language

log = structlog.get_logger(__name__)

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NothingToDigest(Exception):
    """There are no messages to sum up; the text says why, to the person who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestMaterial:
    """The messages of a digest."""

    messages: Sequence[ChannelMessage]  #: oldest first; never empty
    note: str  #: how many they are, and what could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What is kept of a chat, as far as the asker may read it."""

    messages: Sequence[ChannelMessage]
    since: datetime  #: nothing older is kept
    after_joining: bool  #: whether ``since`` is when the asker came


class DigestReader:
    """Reads chats on all platforms."""

    def __init__(self, database: Database, histories: Mapping[str, ChannelHistory]) -> None:
        """``histories`` maps the names of platforms that show bots earlier messages to their readers."""
        self._database = database
        self._histories = histories

    async def read(self, request: DigestRequest, language: Language) -> DigestMaterial:
        """Return the messages that a digest is about.

        Args:
            request: the digest.
            language: of the notes.

        Raises:
            NothingToDigest: there are none, or they cannot be read.
            StoreUnavailable: what is kept cannot be read.
        """
        if request.period is None:
            raise NothingToDigest(texts.usage_text(language))
        period, refusal = request.period, ""
        excerpt = ChannelExcerpt()
        history = self._histories.get(request.key.platform)
        try:
            if history is not None:
                excerpt = await history.load(
                    request.key, since=period.since, before=request.before, limit=period.count
                )
        except PlatformError as exc:
            log.info("digest.history_refused", platform=request.key.platform, error=str(exc))
            is_passing = isinstance(exc, PlatformRateLimited | PlatformUnavailable)
            refusal = texts.busy_text(language) if is_passing else texts.refused_text(language)
        kept = None
        if history is None or refusal or excerpt.limit is not None:
            kept = await self._load_kept(request, period)
        if history is None and kept is None:
            raise NothingToDigest(texts.not_kept_text(language))
        messages = _merge(excerpt.messages, kept.messages if kept is not None else (), period.count)
        notes = _notes(excerpt, kept, period, request, language)
        if period.since_own:
            messages, found = _after_own(messages, request.asker_id)
            notes = [] if found else [*notes, texts.own_note(language)]
        if not messages:
            raise NothingToDigest(" ".join([refusal or texts.nothing_text(language), *notes]))
        count = texts.count_note(language, count=len(messages), first=messages[0].sent_at, zone=request.zone)
        return DigestMaterial(messages=messages, note=" ".join([count, *notes]))

    async def _load_kept(self, request: DigestRequest, period: DigestPeriod) -> _Kept | None:
        """Return the chat's kept messages; None if there are none."""
        if not request.remember:
            return None
        async with self._database.read() as tx:
            announced_at = await remembered.get_announced_at(tx, request.key)
            if announced_at is None:
                return None
            member = await chat_members.get(tx, request.key, request.asker_id)
            joined_at = member.joined_at or _BEGINNING
            oldest = max(announced_at, request.before - request.remember, joined_at)
            messages = await remembered.load(
                tx,
                request.key,
                since=max(oldest, period.since or _BEGINNING),
                up_to=request.before,  # Telegram tells whole seconds
                limit=period.count,
            )
        return _Kept(messages=messages, since=oldest, after_joining=oldest == joined_at)


def _merge(
    read: Sequence[ChannelMessage], kept: Sequence[ChannelMessage], limit: int
) -> Sequence[ChannelMessage]:
    """Return messages of both, each once, in order of time; of too many the newest."""
    by_id = {one.message_id: one for one in (*kept, *read)}
    return sorted(by_id.values(), key=lambda one: (one.sent_at, one.message_id))[-limit:]


def _after_own(messages: Sequence[ChannelMessage], asker_id: str) -> tuple[Sequence[ChannelMessage], bool]:
    """Return the messages after the asker's last one, and whether there is one; else all."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].author_id == asker_id:
            return messages[index + 1 :], True
    return messages, False


def _notes(
    excerpt: ChannelExcerpt,
    kept: _Kept | None,
    period: DigestPeriod,
    request: DigestRequest,
    language: Language,
) -> list[str]:
    """Return what could not be read, as sentences."""
    notes = []
    wanted_since = period.since or _BEGINNING
    if kept is not None:
        count = len(kept.messages)
        if wanted_since < kept.since and count < period.count:
            notes.append(
                texts.joined_note(language)
                if kept.after_joining
                else texts.kept_note(language, kept.since, request.zone)
            )
        is_cut = count >= period.count
    else:
        if excerpt.limit is not None:
            notes.append(texts.limit_note(language, excerpt.limit))
        is_cut = excerpt.is_cut
    if is_cut and period.count == MAX_MESSAGES:
        notes.append(texts.cut_note(language, MAX_MESSAGES))
    if excerpt.unread_threads and kept is None:
        notes.append(texts.threads_note(language, excerpt.unread_threads))
    return notes
