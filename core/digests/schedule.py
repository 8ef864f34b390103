"""The chats' rules ``remember`` and ``digest``: announcements, deletion by age, and digests that are due.

One process runs each round. A digest has a delivery id of its chat and time, so that the inbox takes it once,
whatever process finds it due, before and after a restart.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from core.access import Actor
from core.chat_policy import ChatRules
from core.digests.digest_texts import announcement
from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.bot_messages import DeliveryModeName
from core.domain.command_names import CommandName
from core.domain.errors import DuplicateEvent, PlatformError
from core.domain.events import CommandReceived
from core.inbound.digest_intake import intake_digest
from core.ports.handoff_rooms import HandoffRooms
from core.ports.periodic_tasks import PeriodicTask
from core.ports.platform import MessageChannel
from core.store import Database, person_settings, remembered, rules
from core.store.clock import utc_now
from core.store.rules import ANY_TENANT, StoredChatRules
from core.work_queue.port import WorkQueue

log = structlog.get_logger(__name__)

CHECK_EVERY_S: Final = 60.0
MAX_DELAY: Final = timedelta(hours=3)  #: after which a digest that was due is left out
GRACE: Final = timedelta(minutes=5)  #: before a change of rules, in which a digest may have been due


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chat:
    """A chat with rules, in one team or bot of this process."""

    key: ThreadKey
    rules: ChatRules
    changed_by: str
    changed_at: datetime


async def _always(_: ThreadKey) -> bool:
    return True


class DigestSchedule:
    """Periodic task for all chats with these rules."""

    def __init__(
        self,
        database: Database,
        work_queue: WorkQueue,
        *,
        tenants: Callable[[], Collection[tuple[str, str]]],
        rooms: Mapping[str, HandoffRooms],
        channels: Mapping[str, MessageChannel],
        with_history: Collection[str],
        sees_all: Callable[[ThreadKey], Awaitable[bool]] = _always,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Build the task.

        Args:
            database: holds the rules.
            work_queue: runs the task, and the turns of digests.
            tenants: returns the (platform, tenant) pairs that this process serves.
            rooms: build the addresses of chats, by platform.
            channels: show announcements, by platform.
            with_history: platforms that show bots earlier messages; on others a quiet chat gets no digest.
            sees_all: returns whether the bot receives every message of a chat.
            now: the time that replicas agree on, in UTC.
        """
        self._database = database
        self._work_queue = work_queue
        self._tenants = tenants
        self._rooms = rooms
        self._channels = channels
        self._with_history = with_history
        self._sees_all = sees_all
        self._now = now

    def start(self) -> None:
        """Schedule the rounds; call it before the work queue starts."""
        self._work_queue.schedule(PeriodicTask(name="digests", every_s=CHECK_EVERY_S, run=self.run))

    async def run(self) -> None:
        """Run one round.

        Raises:
            StoreUnavailable: the next round does the rest.
        """
        async with self._database.read() as tx:
            stored = await rules.load_all(tx)
            announced = await remembered.load_chats(tx, self._tenants())
        chats = list(self._chats(stored))
        remembering = {chat.key: chat for chat in chats if chat.rules.remember}
        for key in announced:
            await self._delete_old(key, remembering.get(key))
        for key, chat in remembering.items():
            if key not in announced:
                await self._announce(chat)
        for chat in chats:
            await self._enqueue_due(chat)

    def _chats(self, stored: Sequence[StoredChatRules]) -> Iterator[_Chat]:
        """Yield the chats that this process serves; rules of its own tenant come before those of any."""
        own = {(one.platform, one.channel, one.tenant) for one in stored}
        for one in stored:
            for platform, tenant in self._tenants():
                is_own = one.tenant == tenant
                has_own = (one.platform, one.channel, tenant) in own
                if one.platform == platform and (is_own or (one.tenant == ANY_TENANT and not has_own)):
                    key = ThreadKey(platform=platform, tenant=tenant, channel=one.channel, thread="")
                    yield _Chat(
                        key=key, rules=one.rules, changed_by=one.changed_by, changed_at=one.changed_at
                    )

    async def _delete_old(self, key: ThreadKey, chat: _Chat | None) -> None:
        """Delete messages older than the chat's rule allows; all if the rule is gone."""
        async with self._database.begin() as tx:
            if chat is None:
                await remembered.stop(tx, key)
                log.info("digest.memory_deleted", platform=key.platform)
            else:
                await remembered.remove_before(tx, key, self._now() - chat.rules.remember)

    async def _announce(self, chat: _Chat) -> None:
        """Tell a chat that its messages are kept from now on; if it cannot be told, none is."""
        address = self._address(chat)
        channel = self._channels.get(chat.key.platform)
        if address is None or channel is None:
            return
        async with self._database.read() as tx:
            actor = Actor.at(chat.key, chat.changed_by)
            person = await person_settings.load_language(tx, actor, 0)
        text = announcement(
            person.resolve(client="", chat=chat.rules.language),
            chat.rules.remember,
            sees_all=await self._sees_all(chat.key),
        )
        message = channel.build_renderer(address).render(text, complete=True)[0]
        at = self._now().replace(microsecond=0)  # some platforms tell whole seconds
        try:
            await channel.post(
                address,
                message,
                mode=DeliveryModeName.EDIT,
                idempotency_key=f"remember:{chat.key.channel}:{at.timestamp():.0f}",
                final=True,
            )
        except PlatformError as exc:
            log.warning("digest.not_announced", platform=chat.key.platform, error=str(exc))
            return
        async with self._database.begin() as tx:
            await remembered.start(tx, chat.key, at)
        log.info("digest.memory_announced", platform=chat.key.platform)

    async def _enqueue_due(self, chat: _Chat) -> None:
        """Enqueue the digest that is due in a chat, unless it was before."""
        now, times = self._now(), chat.rules.digest
        due = times.last_start(now) if times is not None else None
        if times is None or due is None or due < max(now - MAX_DELAY, chat.changed_at - GRACE):
            return
        address = self._address(chat)
        if address is None:
            return
        since = times.last_start(due - timedelta(minutes=1)) or due - timedelta(days=1)
        if chat.key.platform not in self._with_history and not await self._is_kept(chat, since, due):
            return
        event = CommandReceived(
            delivery_id=f"digest:{chat.key.channel}:{due.astimezone(UTC):%Y%m%dT%H%MZ}",
            message_id="",
            address=address,
            author=Person(id=""),
            command=CommandName.DIGEST,
            argument=f"since {since.astimezone(UTC):%Y-%m-%dT%H:%M+00:00}",
            sent_at=now,
            chat_type=ChatType.GROUP,
        )
        try:
            async with self._database.begin() as tx:
                wake_up = await self._work_queue.enqueue(tx, await intake_digest(tx, event))
        except DuplicateEvent:
            return
        wake_up()
        log.info("digest.due", platform=chat.key.platform)

    async def _is_kept(self, chat: _Chat, since: datetime, up_to: datetime) -> bool:
        """Return whether anything that was written in a chat within a time is kept."""
        async with self._database.read() as tx:
            return bool(await remembered.load(tx, chat.key, since=since, up_to=up_to, limit=1))

    def _address(self, chat: _Chat) -> Address | None:
        rooms = self._rooms.get(chat.key.platform)
        if rooms is None:
            return None
        address = rooms.build_address(chat.key.tenant, chat.key.channel, "")
        return replace(address, key=chat.key)
