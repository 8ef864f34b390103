"""Hears recordings within the limits of each person, and stores their words with what hearing them cost."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

import structlog

from core.access import AccessLists, Actor
from core.domain.clock import Clock
from core.domain.file_states import ContentState, FileFault, FileType
from core.domain.turn_states import CallPurpose
from core.files.extract import InspectedFile
from core.files.file_policy import MEGABYTE, UnusableFile
from core.kimi import KimiEndpointMissing, KimiInvalidRequest
from core.llm.pseudonymizing_model import KEY_NAME, anonymous_alias
from core.ports.speech import Heard, HearingFailed, SpeechToText
from core.store import Database, file_blobs, usage
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.file_blobs import FileContent
from core.store.keys import get_or_create_key
from core.store.quotas import utc_day_start
from core.store.usage import CallUsage
from core.text.tokens import estimate_tokens
from core.text.visible_text import clean_text, has_visible_text

log = structlog.get_logger(__name__)

MINUTE_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HearingLimits:
    """Limits and price of hearing."""

    max_s: float = 600.0  #: seconds of one recording
    max_bytes: int = 25 * MEGABYTE  #: of one recording
    person_s_per_day: float = 0.0  #: seconds of one person's recordings in a UTC day; 0 is no limit
    usd_per_minute: float | None = None  #: None if the price is not known


class Transcriber:
    """Turns recordings into stored words."""

    def __init__(
        self,
        database: Database,
        speech: SpeechToText,
        clock: Clock,
        access: AccessLists,
        limits: HearingLimits,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """``access`` names the admins, whose minutes are not limited."""
        self._database = database
        self._speech = speech
        self._clock = clock
        self._access = access
        self._limits = limits
        self._now = now
        self._locks: WeakValueDictionary[tuple[str, str, str], asyncio.Lock] = WeakValueDictionary()

    async def transcribe(
        self, inspected: InspectedFile, path: Path, conversation: Conversation, author_id: str
    ) -> None:
        """Store the words of a recording, and count its length for its author.

        One recording of a person is heard at a time, so that several at once cannot exceed the limit.

        Raises:
            UnusableFile: it is larger or longer than may be heard, holds no words, or cannot be decoded.
            KimiError: the service cannot be asked.
            OSError: it cannot be read from the disk.
            StoreUnavailable: the words could not be stored.
        """
        actor = Actor.at(conversation.key, author_id)
        self.check_size(inspected.size_bytes)
        if inspected.sound_s > self._limits.max_s:
            raise UnusableFile(FileFault.TOO_LONG)
        person = (actor.platform, actor.tenant, actor.person_id)
        async with self._locks.setdefault(person, asyncio.Lock()):
            await self._check_allowance(actor, inspected.sound_s)
            began = self._clock.time()
            heard = await self._hear(path, inspected)
            await self._store(inspected, heard, conversation.id, author_id, self._clock.time() - began)
        if not has_visible_text(heard.text):
            raise UnusableFile(FileFault.NOT_HEARD)

    def check_size(self, size_bytes: int) -> None:
        """Check that a recording is small enough; 0 bytes are an unknown size.

        Raises:
            UnusableFile: it is too large.
        """
        if size_bytes > self._limits.max_bytes:
            raise UnusableFile(FileFault.TOO_LARGE)

    async def _check_allowance(self, actor: Actor, seconds: float) -> None:
        """Check that a person's seconds of this UTC day are not used up.

        Raises:
            UnusableFile: they are, or this recording would exceed them.
        """
        limit_s = self._limits.person_s_per_day
        if not limit_s or self._access.is_admin(actor):
            return
        async with self._database.begin() as tx:
            alias = anonymous_alias(await get_or_create_key(tx, KEY_NAME), actor)
            used_s = await usage.heard_seconds(tx, actor, alias=alias, since=utc_day_start(self._now()))
        if used_s + seconds > limit_s:
            log.info("file.hearing_limit_reached", platform=actor.platform)
            raise UnusableFile(FileFault.HEARING_LIMIT)

    async def _hear(self, path: Path, inspected: InspectedFile) -> Heard:
        try:
            return await self._speech.hear(path, media_type=inspected.media_type)
        except HearingFailed as exc:
            raise UnusableFile(exc.fault) from exc
        except KimiEndpointMissing:
            raise  # the operator's fault, not the recording's
        except KimiInvalidRequest as exc:
            log.warning("file.hearing_refused", error=str(exc))
            raise UnusableFile(FileFault.CORRUPT) from exc

    async def _store(
        self, inspected: InspectedFile, heard: Heard, conversation_id: int, author_id: str, duration_s: float
    ) -> None:
        """Store words and usage together, so that a crash hears nothing twice and counts nothing twice."""
        seconds, price, text = heard.seconds or inspected.sound_s, self._limits.usd_per_minute, ""
        if has_visible_text(heard.text):
            text = clean_text(heard.text)
        call = CallUsage(
            model=self._speech.model,
            prompt_tokens=0,
            cached_tokens=0,
            completion_tokens=0,
            reasoning_tokens=0,
            time_to_first_token_s=None,
            duration_s=duration_s,
            purpose=CallPurpose.HEARING,
            sound_s=seconds,
            cost_usd=None if price is None else price * seconds / MINUTE_S,
        )
        content = FileContent(
            hash=inspected.hash,
            file_type=FileType.SOUND,
            media_type=inspected.media_type,
            size_bytes=inspected.size_bytes,
            state=ContentState.READY,
            tokens=estimate_tokens(text),
        )
        async with self._database.begin() as tx:
            await usage.add(tx, call, conversation_id=conversation_id, turn_id=None, person_id=author_id)
            if text:
                await file_blobs.save_content(tx, content, text=text)
